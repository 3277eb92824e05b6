/**
 * `cairn bench fanout`: one shop that many watch. Sets at a fixed rate, each latency from the time that its write was
 * planned for to its arrival at one subscriber; and as many deliveries as there can be.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { toBigEndian } from '../../bytes/bytes.js'
import type { Request } from '../../wire/messages.js'
import { decodeSet } from '../../wire/pushed-set.js'
import type { Bench } from './bench.js'
import { Latencies } from './latencies.js'
import { closedLoop, count, openLoop, type Lane, type Load } from './load.js'
import type { Series } from './result.js'
import { openSession, type Session } from './session.js'
import { openShop, writeOne, type BenchShop } from './shop.js'
import { signedLanes } from './write.js'

export interface FanoutPlan {
  readonly listings: number
  readonly subscribers: number
  /** Sets a second. */
  readonly rates: readonly number[]
  /** Of a set at such a rate. */
  readonly patches: number
}

/** Sets in flight at full speed. */
const WINDOW = 256
/** At full speed pushes wait so long for more sets, as they do by default. */
const COALESCED_MS = 100
const OPENED_AT_A_TIME = 50
const LAST_WAIT_MS = 20_000
const FIRST_GUESS_PER_SECOND = 3_000
const SURPLUS = 1.5

export async function benchFanout(bench: Bench, plan: FanoutPlan): Promise<void> {
  const shop = bench.keep(await bench.until(openShop(bench.relay, plan.listings, 1)))
  for (const rate of plan.rates) await fanAtRate(bench, shop, { ...plan, rate })
  await fanAtFullSpeed(bench, shop, plan.subscribers)
  await bench.until(shop.left())
}

interface AtRate {
  readonly subscribers: number
  readonly rate: number
  readonly patches: number
}

/** With a push delay of 0. */
export async function fanAtRate(bench: Bench, shop: BenchShop, plan: AtRate): Promise<Series> {
  const { rate, patches, subscribers } = plan
  const audience = bench.keep(await Audience.open(bench, shop, subscribers, 0))
  const many = `${subscribers.toLocaleString('en')} subscribers`
  const name = `fan-out, ${rate.toLocaleString('en')} sets of ${patches} patches a second, ${many}`
  const work = { name, unit: 'deliveries', loop: 'open', rate, listings: shop.listings } as const
  const series = await bench.series(work, async (seconds) => {
    const lanes = await signedLanes(bench, [shop], Math.round(rate * seconds) + 1, patches)
    return () =>
      audience.measured((sent) => openLoop(watched(lanes, sent), { rate, seconds, signal: bench.signal }), rate)
  })
  audience.close()
  return series
}

/** One patch a set, coalesced. */
export async function fanAtFullSpeed(bench: Bench, shop: BenchShop, subscribers: number): Promise<Series> {
  const audience = bench.keep(await Audience.open(bench, shop, subscribers, COALESCED_MS))
  const name = `fan-out, full speed, ${subscribers.toLocaleString('en')} subscribers`
  const work = { name, unit: 'deliveries', loop: 'closed', listings: shop.listings } as const
  let perSecond = FIRST_GUESS_PER_SECOND
  const series = await bench.series(work, async (seconds) => {
    const lanes = await signedLanes(bench, [shop], Math.ceil(perSecond * seconds * SURPLUS) + WINDOW, 1)
    return async () => {
      const { signal } = bench
      const load = await audience.measured((sent) =>
        closedLoop(watched(lanes, sent), { window: WINDOW, seconds, signal }),
      )
      perSecond = load.done / subscribers / load.seconds
      return load
    }
  })
  audience.close()
  return series
}

/** Told when a set is sent. */
function watched(lanes: readonly Lane[], sent: () => void): Lane[] {
  return lanes.map((lane) => ({
    send(answered) {
      const isSent = lane.send(answered)
      if (isSent) sent()
      return isSent
    },
  }))
}

interface Subscriber {
  session: Session
  /** The newest set that came. */
  seq: number
}

class Audience {
  private readonly bench: Bench
  private readonly subscribers: Subscriber[] = []
  /** The newest set before a run. */
  private head: number
  /** When each set of the run was planned or sent, by its place. */
  private times: number[] = []
  private latencies = new Latencies()
  private timeline: number[] = []
  private start = 0
  private count = 0
  private problem: string | undefined
  private arrived: () => void = () => undefined

  private constructor(bench: Bench, head: number) {
    this.bench = bench
    this.head = head
  }

  static async open(bench: Bench, shop: BenchShop, count: number, delayMs: number): Promise<Audience> {
    const head = Number(await bench.until(writeOne(shop)))
    const audience = new Audience(bench, head)
    for (let first = 0; first < count; first += OPENED_AT_A_TIME) {
      bench.options.progress(`fan-out: ${first} of ${count} subscribers are there`)
      const some = Math.min(OPENED_AT_A_TIME, count - first)
      await bench.until(Promise.all(Array.from({ length: some }, () => audience.add(shop, delayMs))))
    }
    return audience
  }

  close(): void {
    for (const { session } of this.subscribers.splice(0)) session.close()
  }

  /** `rate`: sets a second, where they are planned. */
  async measured(load: (sent: () => void) => Promise<Load>, rate?: number): Promise<Load> {
    this.begin()
    const { start, times } = this
    const isPlanned = rate !== undefined
    const writes = await load(() => times.push(isPlanned ? start + (times.length * 1_000) / rate : performance.now()))
    // What was not answered when the loop ended is pushed all the same.
    if (writes.refused === 0 && !this.bench.signal.aborted) await this.allArrived(writes)
    const seconds = Math.max(writes.seconds, (performance.now() - start) / 1_000)
    const { latencies, timeline, count, problem } = this
    const refusal = writes.refusal ?? problem
    const refused = writes.refused > 0 ? writes.refused : problem === undefined ? 0 : 1
    return { ...writes, seconds, done: count, refused, refusal, latencies, timeline }
  }

  private begin(): void {
    const newest = this.subscribers.reduce((most, { seq }) => Math.max(most, seq), this.head)
    this.head = newest
    this.times = []
    this.latencies = new Latencies()
    this.timeline = []
    this.count = 0
    this.problem = undefined
    this.start = performance.now()
  }

  private async add(shop: BenchShop, pushDelayMs: number): Promise<void> {
    const requested = (request: Request) => this.came(one, request)
    const session = await openSession({ url: this.bench.relay.url, shop: shop.id, version: 5, requested })
    const one: Subscriber = { session, seq: this.head }
    void session.ended.then((why) => (this.problem ??= `a subscriber: ${why}`))
    const [shopId, startSeq] = [toBigEndian(shop.id, 32), BigInt(this.head)]
    await session.asked({ kind: 'subscribe', startSeq, shopId, filters: [], pushDelayMs })
    this.subscribers.push(one)
  }

  private came(one: Subscriber, request: Request): void {
    if (request.kind !== 'push') return
    const now = performance.now()
    const seq = Number(decodeSet(request.sets[0]!).seq)
    if (seq !== one.seq + 1) this.problem ??= `set ${seq} came to a subscriber who had set ${one.seq} last`
    for (const place of request.sets.keys())
      this.latencies.record(now - (this.times[seq + place - this.head - 1] ?? now))
    one.seq = seq + request.sets.length - 1
    this.count += request.sets.length
    count(this.timeline, now - this.start, request.sets.length)
    if (this.isWhole()) this.arrived()
  }

  private isWhole(): boolean {
    return this.count >= this.times.length * this.subscribers.length
  }

  private async allArrived({ unanswered }: Load): Promise<void> {
    if (unanswered > 0 || this.isWhole()) return
    const timer = setTimeout(() => this.arrived(), LAST_WAIT_MS)
    await this.bench.until(new Promise<void>((resolve) => (this.arrived = resolve))).catch(() => undefined)
    clearTimeout(timer)
    if (this.isWhole() || this.bench.signal.aborted) return
    const missing = this.times.length * this.subscribers.length - this.count
    this.problem ??= `${missing} deliveries did not come within ${LAST_WAIT_MS / 1_000} s of the last write`
  }
}
