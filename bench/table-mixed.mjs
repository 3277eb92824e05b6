// The row of mixed work: writes at half speed, subscribers of single listings, newcomers, and proofs, each alone and
// then all at once in one shop. Its value of a run: the largest p99 beside the others, as a multiple of that alone.

import { toBigEndian } from '../dist/bytes/bytes.js'
import { median } from '../dist/cli/bench/figures.js'
import { Latencies } from '../dist/cli/bench/latencies.js'
import { openLoop } from '../dist/cli/bench/load.js'
import { openAskers } from '../dist/cli/bench/proofs.js'
import { openSession } from '../dist/cli/bench/session.js'
import { openShop, writeOne } from '../dist/cli/bench/shop.js'
import { receiveSnapshot } from '../dist/cli/bench/sync.js'
import { signedLanes } from '../dist/cli/bench/write.js'
import { ObjectType } from '../dist/wire/messages.js'
import { decodeSet } from '../dist/wire/pushed-set.js'
import { onRelay } from './table-parts.mjs'

const PROOFS_PER_SECOND = 100
const PROVING_SESSIONS = 4
/** One subscriber's listing changes so often while nobody else writes. */
const QUIET_WRITES_PER_SECOND = 100
const [SUBSCRIBERS, QUICK] = [1_000, 20]

/** `rate`: of the writes, sets a second. */
export function mixed(context, { listings, rate }) {
  return onRelay(context, {}, async (bench) => {
    const shop = bench.keep(await openShop(bench.relay, listings, 1))
    const subscribers = await Subscribers.open(bench, shop, context.isQuick ? QUICK : SUBSCRIBERS)
    const askers = await openAskers(bench, shop, PROVING_SESSIONS)
    const { seconds, signal } = context
    const writing = async (perSecond) => {
      const lanes = await signedLanes(bench, [shop], Math.ceil(perSecond * seconds) + 1, 1)
      return () => openLoop(lanes, { rate: perSecond, seconds, signal })
    }
    const proving = () => openLoop(askers, { rate: PROOFS_PER_SECOND, seconds, signal })
    const receiving = () => newcomers(bench, shop, seconds, signal)
    const [values, all] = [[], []]
    for (let run = 1; run <= context.runs; run++) {
      context.say(`mixed: run ${run} of ${context.runs}`)
      const writes = await writing(rate)
      const alone = { write: p99(await writes()), proof: p99(await proving()), snapshot: p99(await receiving()) }
      const quiet = await subscribers.during(writing, QUIET_WRITES_PER_SECOND)
      alone.push = (await quiet()).push
      const together = await subscribers.during(writing, rate)
      const [{ load, push }, proof, snapshot] = await Promise.all([together(), proving(), receiving()])
      const beside = { write: p99(load), push, proof: p99(proof), snapshot: p99(snapshot) }
      const ratios = Object.entries(beside).map(([kind, ms]) => ({ kind, times: ms / alone[kind] }))
      values.push(Math.max(...ratios.map(({ times }) => times)))
      all.push(...ratios)
    }
    const timesOf = (kind) => median(all.filter((one) => one.kind === kind).map(({ times }) => times))
    const note = ['write', 'push', 'proof', 'snapshot']
      .map((kind) => `${kind} ${timesOf(kind).toFixed(1)} ×`)
      .join(', ')
    return { values, note }
  })
}

function p99({ latencies, refused, refusal }) {
  if (refused > 0) throw new Error(`refused: ${refusal}`)
  return latencies.at(99)
}

/** One after the other. */
async function newcomers(bench, shop, seconds, signal) {
  const end = performance.now() + seconds * 1_000
  const latencies = new Latencies()
  while (performance.now() < end && !signal.aborted) {
    const { latencies: one, refused, refusal } = await receiveSnapshot(bench, shop)
    if (refused > 0) return { latencies, refused, refusal }
    latencies.record(one.at(50))
  }
  return { latencies, refused: 0 }
}

/** Each of a listing of its own, with a push delay of 0. */
class Subscribers {
  latencies = new Latencies()

  static async open(bench, shop, count) {
    const all = new Subscribers()
    const [startSeq, shopId] = [await writeOne(shop), toBigEndian(shop.id, 32)]
    const requested = (request) => request.kind === 'push' && all.came(request)
    for (let i = 0; i < count; i++) {
      const session = bench.keep(await openSession({ url: bench.relay.url, shop: shop.id, version: 5, requested }))
      const objectId = toBigEndian(BigInt((i % shop.listings) + 1), 8)
      const filters = [{ objectType: ObjectType.LISTING, objectId }]
      await session.asked({ kind: 'subscribe', startSeq, shopId, filters, pushDelayMs: 0 })
    }
    return Object.assign(all, { shop })
  }

  /** Signs sets of an open loop of so many a second: what runs it gives its load, and p99 of the pushes. */
  async during(writing, rate) {
    const head = Number(await writeOne(this.shop))
    const loop = await writing(rate)
    return async () => {
      this.latencies = new Latencies()
      const start = performance.now()
      this.plannedAt = (seq) => start + ((seq - head - 1) * 1_000) / rate
      return { load: await loop(), push: this.latencies.at(99) }
    }
  }

  came({ sets }) {
    const now = performance.now()
    for (const set of sets)
      this.latencies.record(Math.max(0, now - (this.plannedAt?.(Number(decodeSet(set).seq)) ?? now)))
  }
}
