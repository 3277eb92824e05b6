/**
 * What bounds the orders of one guest's card (PROTOCOL §15): how many it made in a day, and how many are live. The
 * counts follow from the log like every index, whatever the limits are; the limits are the writer's, never a replay's.
 *
 * Tests: test/state/guest-orders.test.ts
 */

import type { Seconds } from '../brands.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import type { Hamt } from '../merkle/hamt.js'
import { COMMITTED } from '../objects/order.js'
import type { Patch } from '../patches/patch.js'
import { liveOrdersOf } from './holders.js'
import { count, idKey, type ShopState } from './shop-state.js'

export interface GuestLimits {
  /** Live orders of one card at a time. */
  readonly liveOrdersMax: number
  /** Orders that one card adds within 24 hours, those that have ended included. */
  readonly ordersPerDayMax: number
}

const DAY_SECONDS = 86_400n
/** Orders that were made so soon after each other leave the count together: a row has at most 145 entries. */
const MADE_TOGETHER_SECONDS = 600n

/** Orders that a card made, by time. */
interface Made {
  readonly at: Seconds
  readonly orders: bigint
}

/** The index after a card added an order at `at`, seconds. */
export function withMade(index: Hamt, card: Uint8Array, at: Seconds): Hamt {
  const made = madeLately(index, card, at)
  const newest = made.at(-1)
  // Also where the clock was set back.
  const isTogether = newest !== undefined && at < newest.at + MADE_TOGETHER_SECONDS
  const row = isTogether
    ? [...made.slice(0, -1), { at: newest.at, orders: newest.orders + 1n }]
    : [...made, { at, orders: 1n }]
  return index.set(card, encode(row.flatMap(({ at, orders }) => [at, orders])))
}

/**
 * Why the card may not apply these patches at `now`, and when it may; undefined if it may. Of a set nothing else is
 * looked at: what it would free by canceling does not count for it.
 */
export function beyondGuestLimits(
  state: ShopState,
  card: Uint8Array,
  patches: readonly Patch[],
  now: Seconds,
  limits: GuestLimits,
): string | undefined {
  const adds = patches.filter(isAddition).length
  if (adds > 0) {
    const made = madeLately(state.indexes.made, card, now)
    const beyond = Number(made.reduce((sum, { orders }) => sum + orders, 0n)) + adds - limits.ordersPerDayMax
    const what = `a guest's card makes at most ${limits.ordersPerDayMax} orders in 24 hours`
    if (beyond > 0) return `${what}; ${waitUntil(dayEnd(made, beyond), now)}`
  }
  if (adds === 0 && !patches.some(isStateWrite)) return undefined
  const deadlines = liveDeadlines(state, card, limits.liveOrdersMax)
  const beyond = commitsAtLeast(patches, limits.liveOrdersMax - deadlines.length)
  const what = `a guest's card has at most ${limits.liveOrdersMax} live orders`
  return beyond > 0 ? `${what}; cancel one, or ${waitUntil(deadlines[beyond - 1], now)}` : undefined
}

/** When so many of the orders are counted no more; undefined if there are fewer. */
function dayEnd(made: readonly Made[], orders: number): Seconds | undefined {
  let left = BigInt(orders)
  for (const entry of made) {
    left -= entry.orders
    if (left <= 0n) return entry.at + DAY_SECONDS
  }
  return undefined
}

function waitUntil(end: Seconds | undefined, now: Seconds): string {
  if (end === undefined) return 'write fewer in one set'
  return `try again in ${end > now ? end - now : 1n} s`
}

/** Entries of the last 24 hours, oldest first. */
function madeLately(index: Hamt, card: Uint8Array, now: Seconds): Made[] {
  const row = index.get(card)
  if (row === undefined) return []
  const numbers = decodeChecked(row) as readonly bigint[]
  const all = Array.from({ length: numbers.length / 2 }, (_, i) => ({
    at: numbers[2 * i]!,
    orders: numbers[2 * i + 1]!,
  }))
  return all.filter(({ at }) => at + DAY_SECONDS > now)
}

/** Ends of reservations of the card's live orders, earliest first; of at most `max` orders, however many there are. */
function liveDeadlines({ indexes }: ShopState, card: Uint8Array, max: number): Seconds[] {
  const deadlines: Seconds[] = []
  for (const id of liveOrdersOf(indexes.holders, card)) {
    if (deadlines.length >= max) break
    deadlines.push(count(indexes.live, idKey(id)))
  }
  return deadlines.sort((a, b) => (a < b ? -1 : 1))
}

/** By how many the orders that the patches commit are more than there is room for. */
function commitsAtLeast(patches: readonly Patch[], room: number): number {
  const mayCommit = patches.filter((patch) => isAddition(patch) || isStateWrite(patch))
  // Values are decoded only where they matter.
  return mayCommit.length <= room ? 0 : mayCommit.filter(commits).length - room
}

function isAddition({ op, path }: Patch): boolean {
  return op === 'add' && path.length === 2 && path[0] === 'Orders'
}

function isStateWrite({ path }: Patch): boolean {
  return path.length === 3 && path[0] === 'Orders' && path[2] === 'State'
}

function commits(patch: Patch): boolean {
  let value: Patch['value']
  try {
    value = patch.value
  } catch {
    // What cannot be read commits nothing: it is refused when it is applied.
    return false
  }
  return (value instanceof Map ? value.get('State') : value) === COMMITTED
}
