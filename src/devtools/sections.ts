/**
 * What the panel says, as text: sections of rows, made of a client's diagnosis and its outbox. No page, no clock.
 *
 * Tests: test/devtools/sections.test.ts
 */

import { toHex } from '../bytes/hex.js'
import type { Diagnosis, Trouble, WatchedView } from '../client/diagnosis.js'
import type { Verified } from '../client/live.js'
import type { OutboxState } from '../client/outbox.js'
import type { Part } from '../client/parts.js'

export interface Section {
  readonly title: string
  /** Of the columns; left out where a row is a name and its value. */
  readonly head?: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** Instead of rows where there are none. */
  readonly none: string
}

/** `nowMs`: milliseconds since 1970. */
export function sectionsOf(shop: Diagnosis, { pending, refused }: OutboxState, nowMs: number): readonly Section[] {
  return [
    { title: 'Connection', rows: connectionRows(shop, nowMs), none: '' },
    {
      title: `Subscriptions (${shop.watched.length} watched)`,
      head: ['What', 'Status', 'Proof'],
      rows: [['subscribed to', partsText(shop.parts), ''], ...shop.watched.map(viewRow)],
      none: '',
    },
    {
      title: 'Checked',
      rows: Object.entries(shop.checked).map(([what, count]) => [what, String(count)]),
      none: '',
    },
    {
      title: `Writes (${pending.length} pending, ${refused.length} refused)`,
      head: ['Write', 'Changes', 'State'],
      rows: [
        ...pending.map(({ id, changes, state }) => [String(id), changesText(changes), state]),
        ...refused.map(({ id, changes, code, message }) => [String(id), changesText(changes), `${code}: ${message}`]),
      ],
      none: 'Nothing waits for the relay.',
    },
    {
      title: `Told (${shop.troubles.length})`,
      head: ['When', 'What'],
      rows: shop.troubles.toReversed().map((trouble) => troubleRow(trouble, nowMs)),
      none: 'Nothing went wrong.',
    },
  ]
}

function connectionRows(shop: Diagnosis, nowMs: number): readonly (readonly string[])[] {
  const { checkpoint } = shop
  return [
    ['state', shop.state],
    ['relay', shop.url],
    ['shop', String(shop.shop)],
    ['read as', shop.access],
    ['version', versionText(shop.protocol)],
    ['last set', String(shop.seq)],
    ['checkpoint', checkpoint === undefined ? 'none yet' : `${checkpoint.seq}${ageText(checkpoint, nowMs)}`],
    ...(checkpoint?.root === undefined ? [] : [['StateRoot', toHex(checkpoint.root)]]),
  ]
}

function versionText(protocol: Diagnosis['protocol']): string {
  if (protocol === undefined) return 'not known yet'
  return protocol === 4 ? '4: nothing proves that nothing was left out' : '5'
}

/** Relays' clocks may be ahead. */
function ageText({ timestamp }: Verified, nowMs: number): string {
  if (timestamp === undefined) return ''
  return `, signed ${ago(nowMs - Number(timestamp) * 1_000)}`
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 100) return `${seconds} s ago`
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`
}

function partsText(parts: readonly Part[] | undefined): string {
  if (parts === undefined) return 'all that may be read'
  if (parts.length === 0) return 'manifest and accounts alone'
  return parts.map((part) => Object.entries(part).flat().join(' ')).join(', ')
}

function viewRow({ id, status, complete, stale, verified }: WatchedView): readonly string[] {
  const proof = complete && verified !== undefined ? `nothing left out as of ${verified.seq}` : 'not proven'
  return [id, status, stale ? `${proof}, stale` : proof]
}

function changesText(changes: OutboxState['pending'][number]['changes']): string {
  return changes.map(({ op, path }) => `${op} ${path.map((part) => partText(part)).join('/')}`).join(', ')
}

function partText(part: unknown): string {
  return part instanceof Uint8Array ? toHex(part) : String(part)
}

function troubleRow({ at, text }: Trouble, nowMs: number): readonly string[] {
  return [ago(nowMs - at), text]
}
