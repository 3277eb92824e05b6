/**
 * `cairn bench sync`: newcomers, one after the other. Each gets the whole log from its first set on, or the whole state
 * as a snapshot; a run is one of them, and its latency the time until all is there.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { toBigEndian } from '../../bytes/bytes.js'
import type { Request } from '../../wire/messages.js'
import { decodeSet } from '../../wire/pushed-set.js'
import { RefusedError, type Bench } from './bench.js'
import { Latencies } from './latencies.js'
import { closedLoop, count, type Load } from './load.js'
import type { Series } from './result.js'
import { openSession } from './session.js'
import { openShop, writeOne, type BenchShop } from './shop.js'
import { signedLanes } from './write.js'

export interface SyncPlan {
  readonly listings: number
  /** Written before, beside those that fill the shop. */
  readonly sets: number
}

const WRITTEN_IN_FLIGHT = 256
const WRITING_SECONDS_MAX = 3_600

export async function benchSync(bench: Bench, { listings, sets }: SyncPlan): Promise<void> {
  const shop = bench.keep(await bench.until(openShop(bench.relay, listings, 1)))
  await writeSets(bench, shop, sets)
  await syncLog(bench, shop)
  await syncSnapshot(bench, shop)
  await bench.until(shop.left())
}

/** All of the log that a visitor may read: every set of it changes a listing. */
export async function syncLog(bench: Bench, shop: BenchShop): Promise<Series> {
  const head = await bench.until(writeOne(shop))
  const name = `sync the log, ${head.toLocaleString('en')} sets`
  const { listings } = shop
  return bench.series(
    { name, unit: 'sets', loop: 'closed', listings },
    async () => () =>
      newcomer(bench, shop, false, (request) => {
        if (request.kind !== 'push' || request.sets.length === 0) return { count: 0, isLast: false }
        const { seq } = decodeSet(request.sets.at(-1)!)
        return { count: request.sets.length, isLast: seq >= head }
      }),
  )
}

/** All objects, under a checkpoint. */
export async function syncSnapshot(bench: Bench, shop: BenchShop): Promise<Series> {
  const { listings } = shop
  const name = `sync a snapshot, ${listings.toLocaleString('en')} listings`
  return bench.series(
    { name, unit: 'objects', loop: 'closed', listings, bySize: 'sync a snapshot' },
    async () => () => receiveSnapshot(bench, shop),
  )
}

/** One newcomer. */
export function receiveSnapshot(bench: Bench, shop: BenchShop): Promise<Load> {
  return newcomer(bench, shop, true, (request) =>
    request.kind === 'snapshotPush'
      ? { count: request.objects.length, isLast: request.last }
      : { count: 0, isLast: false },
  )
}

async function writeSets(bench: Bench, shop: BenchShop, sets: number): Promise<void> {
  if (sets === 0) return
  bench.options.progress(`sync: ${sets} sets are written first`)
  const lanes = await bench.until(signedLanes(bench, [shop], sets, 1))
  const window = WRITTEN_IN_FLIGHT
  const { refusal } = await closedLoop(lanes, { window, seconds: WRITING_SECONDS_MAX, signal: bench.signal })
  if (refusal !== undefined) throw new RefusedError(`sync: a set was refused: ${refusal}`)
  bench.signal.throwIfAborted()
}

type Counted = (request: Request) => { readonly count: number; readonly isLast: boolean }

/** From its subscription until all is there; what is cut off has done nothing. */
async function newcomer(bench: Bench, shop: BenchShop, snapshot: boolean, counted: Counted): Promise<Load> {
  let [done, start] = [0, 0]
  const timeline: number[] = []
  let whole: () => void
  const isWhole = new Promise<undefined>((resolve) => (whole = () => resolve(undefined)))
  const requested = (request: Request) => {
    const { count: some, isLast } = counted(request)
    count(timeline, performance.now() - start, some)
    done += some
    if (isLast) whole()
  }
  const session = await openSession({ url: bench.relay.url, shop: shop.id, version: 5, requested })
  try {
    start = performance.now()
    const shopId = toBigEndian(shop.id, 32)
    const { error } = await session.ask({ kind: 'subscribe', startSeq: 0n, shopId, filters: [], snapshot })
    const stopped = bench.until(isWhole).catch(() => undefined)
    const refusal = error?.message ?? (await Promise.race([stopped, session.ended]))
    const ms = performance.now() - start
    const [latencies, lateness] = [new Latencies(), new Latencies()]
    latencies.record(ms)
    const counts = { done: bench.signal.aborted ? 0 : done, refused: refusal === undefined ? 0 : 1, unanswered: 0 }
    return { ...counts, seconds: ms / 1_000, refusal, latencies, lateness, timeline }
  } finally {
    session.close()
  }
}
