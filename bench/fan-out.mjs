// What a write costs until its subscribers have it: their pushes beside a bare loop that sends the same bytes to as
// many sockets of the same transport, and the writes of a shop where thousands subscribe to other objects.

import { fork } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBigEndian } from '../dist/bytes/bytes.js'
import { startRelay, useOf } from '../dist/cli/bench/relay-process.js'
import { openSession } from '../dist/cli/bench/session.js'
import { largeShop, SHOP } from './large-shop.mjs'

const LISTINGS = 1_000
const FLAGS = ['--push-delay-ms', '0', '--upgrades-per-second', '100000', '--ping-interval-ms', '600000']

const HELP = `npm run bench -- fan-out [--small]

  Prints, as JSON, pushes to 1,000 subscribers beside a bare loop that sends the same bytes to as many sockets of the
  same transport, and writes beside 5,000 subscriptions to other objects. --small: to a tenth of them.
`

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const share = argv.includes('--small') ? 0.1 : 1
  const figures = {
    fanOut: await fanOut({ subscribers: 1_000 * share }),
    otherObjects: await otherObjects({ subscribers: 5_000 * share }),
  }
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
}

/**
 * Figures of one run each. `folder`: where data are kept for the next run. In milliseconds and deliveries a second;
 * `ratio`: the relay's to the bare loop's.
 */
async function fanOut({ folder = join(tmpdir(), 'cairn-bench'), subscribers = 1_000, sets = 100 } = {}) {
  const paced = { subscribers, sets, patches: 20, rate: 10 }
  const fast = { subscribers, sets: 2_000, patches: 1 }
  const latency = await beside(folder, paced, 'each')
  const coalesced = await beside(folder, fast, 'all')
  return {
    latency: { ...latency, ratio: ratios(latency.relay.latencyMs, latency.bare.latencyMs) },
    coalesced: { ...coalesced, ratio: coalesced.relay.deliveriesPerSecond / coalesced.bare.deliveriesPerSecond },
  }
}

/** Time of one-patch writes with nobody subscribed, and with many to other objects than those that are written. */
async function otherObjects({ folder = join(tmpdir(), 'cairn-bench'), subscribers = 5_000, sets = 5_000 } = {}) {
  const plan = { sets, patches: 1, filtered: true }
  const none = await onRelay(folder, { ...plan, subscribers: 0 })
  const many = await onRelay(folder, { ...plan, subscribers })
  return { none, many, ratio: many.seconds / none.seconds, cpuRatio: many.relayCpu / none.relayCpu }
}

async function beside(folder, plan, mode) {
  const scratch = mkdtempSync(join(tmpdir(), 'cairn-frames-'))
  try {
    const record = join(scratch, 'frames')
    const relay = await onRelay(folder, { ...plan, record })
    const loop = fork(new URL('./recorded-loop.mjs', import.meta.url), [record, mode])
    const { url } = await message(loop)
    const before = useOf(loop.pid)
    const bare = await clientOf({ ...plan, url, base: relay.base, isBare: true, listings: LISTINGS })
    const bareCpu = useOf(loop.pid).cpu - before.cpu
    loop.send('end')
    return { relay: perSecond(relay), bare: perSecond({ ...bare, relayCpu: bareCpu }) }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function onRelay(folder, plan) {
  const kept = await largeShop(folder, 'objects', LISTINGS)
  const data = mkdtempSync(join(folder, 'run-'))
  cpSync(kept, data, { recursive: true })
  const relay = await startRelay({ data, flags: FLAGS })
  try {
    const base = await headOf(relay.url)
    const before = useOf(relay.pid)
    const figures = await clientOf({ ...plan, url: relay.url, base, listings: LISTINGS })
    const after = useOf(relay.pid)
    return { ...figures, base, relayCpu: after.cpu - before.cpu }
  } finally {
    await relay.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** The last set of the shop, as the refusal of a subscription that begins behind it tells. */
async function headOf(url) {
  const session = await openSession({ url, shop: SHOP })
  const shopId = toBigEndian(SHOP, 32)
  const { error } = await session.ask({ kind: 'subscribe', startSeq: 2n ** 53n, shopId, filters: [] })
  session.close()
  return Number(/head of the shop, (\d+)/u.exec(error.message)[1])
}

function clientOf(plan) {
  return message(fork(new URL('./fan-out-client.mjs', import.meta.url), [JSON.stringify(plan)]))
}

function message(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with exit code ${code}`)))
  })
}

const perSecond = (figures) => ({ ...figures, deliveriesPerSecond: Math.round(figures.deliveries / figures.seconds) })
const ratios = (some, others) => ({ p50: some.p50 / others.p50, p99: some.p99 / others.p99 })
