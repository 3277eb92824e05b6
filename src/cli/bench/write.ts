/**
 * `cairn bench write`: price changes. Closed loops with each window, in shops of each size; open loops at fixed rates.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import type { Response } from '../../wire/messages.js'
import type { Bench } from './bench.js'
import { closedLoop, openLoop, type Lane } from './load.js'
import type { Series, Work } from './result.js'
import type { Session } from './session.js'
import { openShop, type BenchShop } from './shop.js'
import { frameAt, type SignedFrames } from './signing.js'

export interface WritePlan {
  /** Sizes of shops; the first one is that of all series, the others are measured with the first window. */
  readonly listings: readonly number[]
  /** In a set. */
  readonly patches: number
  /** Sessions, each with a card of its own. */
  readonly connections: number
  /** Sets in flight of one session. */
  readonly windows: readonly number[]
  /** Sets a second in all. */
  readonly rates: readonly number[]
}

const FIRST_GUESS_PER_SECOND = 3_000
/** Signed beyond what the run before promises, so that the generator does not run dry. */
const SURPLUS = 1.5

export async function benchWrite(bench: Bench, plan: WritePlan): Promise<void> {
  const [listings, ...others] = plan.listings
  const shop = bench.keep(await bench.until(openShop(bench.relay, listings!, plan.connections)))
  for (const window of plan.windows) await writeClosed(bench, [shop], { ...plan, window })
  for (const rate of plan.rates) await writeOpen(bench, [shop], { ...plan, rate })
  for (const size of others) {
    const larger = bench.keep(await bench.until(openShop(bench.relay, size, plan.connections)))
    await writeClosed(bench, [larger], { ...plan, window: plan.windows[0]! })
    await bench.until(larger.left())
  }
  await bench.until(shop.left())
}

interface Closed {
  readonly patches: number
  readonly window: number
}

/** From all sessions of all shops, which have the same number of listings. */
export function writeClosed(bench: Bench, shops: readonly BenchShop[], { patches, window }: Closed): Promise<Series> {
  let perSecond = FIRST_GUESS_PER_SECOND / patches
  const work = workOf(shops, patches, `window ${window.toLocaleString('en')}`)
  return bench.series({ ...work, loop: 'closed' }, async (seconds) => {
    const each = Math.ceil((perSecond * seconds * SURPLUS) / sessionsOf(shops).length) + window
    const lanes = await signedLanes(bench, shops, each, patches)
    return async () => {
      const load = await closedLoop(lanes, { window, seconds, signal: bench.signal })
      perSecond = Math.max(1, load.done / load.seconds)
      return load
    }
  })
}

interface Open {
  readonly patches: number
  readonly rate: number
}

function writeOpen(bench: Bench, shops: readonly BenchShop[], { patches, rate }: Open): Promise<Series> {
  const { bySize: _, ...work } = workOf(shops, patches, `${rate.toLocaleString('en')} a second`)
  return bench.series({ ...work, loop: 'open', rate }, async (seconds) => {
    const each = Math.ceil((rate * seconds) / sessionsOf(shops).length) + 1
    const lanes = await signedLanes(bench, shops, each, patches)
    return () => openLoop(lanes, { rate, seconds, signal: bench.signal })
  })
}

/** With so many sets signed for each session. */
export async function signedLanes(
  bench: Bench,
  shops: readonly BenchShop[],
  sets: number,
  patches: number,
): Promise<Lane[]> {
  const tasks = shops.flatMap(({ listings, sessions }) =>
    sessions.map((session) => {
      const [firstNonce, firstId] = [session.nonce + 1n, session.lastId + 1n]
      session.nonce += BigInt(sets)
      session.lastId += BigInt(sets)
      return { shop: session.shop, secret: session.secret!, firstNonce, firstId, sets, patches, listings }
    }),
  )
  const pieces = await bench.signing.sign(tasks)
  return sessionsOf(shops).map((session, i) => new SignedLane(session, pieces[i]!))
}

/** Sends frames in their order. */
class SignedLane implements Lane {
  private readonly session: Session
  private readonly pieces: readonly SignedFrames[]
  private piece = 0
  private place = 0

  constructor(session: Session, pieces: readonly SignedFrames[]) {
    this.session = session
    this.pieces = pieces
  }

  send(answered: (refusal?: string) => void): boolean {
    const frames = this.pieces[this.piece]
    if (frames === undefined) return false
    const id = frames.firstId + BigInt(this.place)
    const frame = frameAt(frames, this.place)
    if (++this.place === frames.ends.length) [this.piece, this.place] = [this.piece + 1, 0]
    this.session.send(id, frame, ({ error }: Response) => answered(error?.message))
    return true
  }
}

function sessionsOf(shops: readonly BenchShop[]): readonly Session[] {
  return shops.flatMap(({ sessions }) => sessions)
}

function workOf(shops: readonly BenchShop[], patches: number, how: string): Omit<Work, 'loop'> {
  const sessions = sessionsOf(shops).length
  const kind = [
    'write',
    ...(patches === 1 ? [] : [`${patches} patches`]),
    ...(shops.length > 1 ? [`${shops.length} shops`] : []),
    ...(sessions > shops.length ? [`${sessions} sessions`] : []),
    how,
  ].join(', ')
  const { listings } = shops[0]!
  return { name: `${kind}, ${listings.toLocaleString('en')} listings`, unit: 'sets', listings, bySize: kind }
}
