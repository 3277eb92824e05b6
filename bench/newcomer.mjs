// How fast all of a shop leaves the relay: its log, whole and of one object alone, and a proven snapshot of it; each
// beside a bare loop that sends the same bytes to one socket of the same transport.

import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { be64, toBigEndian } from '../dist/bytes/bytes.js'
import { encodeEnvelope } from '../dist/wire/envelope.js'
import { ObjectType } from '../dist/wire/messages.js'
import { startRelay, useOf } from '../dist/cli/bench/relay-process.js'
import { largeShop, SHOP } from './large-shop.mjs'

/** How many listings the sets of such a shop change: largeShop. */
const CHANGED_LISTINGS = 1_000
const FLAGS = ['--ping-interval-ms', '600000']

const HELP = `npm run bench -- newcomer [--count N]

  Prints, as JSON, how fast the log of N sets (default 20000) and a snapshot of N listings reach a newcomer, beside a
  bare loop that sends the same bytes.
`

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const count = argv.includes('--count') ? Number(argv[argv.indexOf('--count') + 1]) : 20_000
  const figures = { sync: await sync({ count }), snapshot: await snapshot({ count }) }
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
}

/**
 * Figures of one run: the first newcomer after the relay's start, the next one, one who asks for a single object (the
 * second time, and milliseconds), the bare loop, and the first two's rates as a share of its.
 */
async function sync({ folder = join(tmpdir(), 'cairn-bench'), count = 20_000 } = {}) {
  const data = await largeShop(folder, 'sets', count)
  return onRelay(data, async (relay, record) => {
    const all = { path: '/v4/sessions', subscribe: subscription([]), expected: count }
    const first = await newcomer(relay, all)
    const next = await newcomer(relay, { ...all, record })
    const one = [{ objectType: ObjectType.LISTING, objectId: be64(1n) }]
    const single = { ...all, subscribe: subscription(one), expected: Math.floor(count / CHANGED_LISTINGS) }
    await newcomer(relay, single)
    const filtered = await newcomer(relay, single)
    const bare = await bareLoop(record, all)
    return { first, next, filteredMs: filtered.seconds * 1_000, bare, ratio: ratio(next, bare) }
  })
}

/** The same of the objects of a snapshot. */
async function snapshot({ folder = join(tmpdir(), 'cairn-bench'), count = 20_000 } = {}) {
  const data = await largeShop(folder, 'objects', count)
  return onRelay(data, async (relay, record) => {
    const all = { path: '/v5/sessions', subscribe: subscription([], { snapshot: true }), expected: count }
    const first = await newcomer(relay, all)
    const next = await newcomer(relay, { ...all, record })
    const bare = await bareLoop(record, all)
    return { first, next, bare, ratio: ratio(next, bare) }
  })
}

const ratio = (relay, bare) => ({ rate: relay.perSecond / bare.perSecond, cpu: relay.cpu / bare.cpu })

async function onRelay(data, measure) {
  const scratch = mkdtempSync(join(tmpdir(), 'cairn-newcomer-'))
  const relay = await startRelay({ data, flags: FLAGS })
  try {
    return await measure(relay, join(scratch, 'frames'))
  } finally {
    await relay.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function bareLoop(record, { path, expected }) {
  const loop = fork(new URL('./recorded-loop.mjs', import.meta.url), [record, 'all'])
  const { url } = await message(loop)
  const figures = await newcomer({ url, pid: loop.pid }, { path, expected })
  loop.send('end')
  return figures
}

/** `cpu`: seconds of the relay's process, or the loop's. */
async function newcomer({ url, pid }, plan) {
  const before = useOf(pid)
  const figures = await message(
    fork(new URL('./newcomer-client.mjs', import.meta.url), [JSON.stringify({ ...plan, url })]),
  )
  const cpu = useOf(pid).mainCpu - before.mainCpu
  return { ...figures, cpu, perSecond: Math.round(figures.found / figures.seconds) }
}

function subscription(filters, more = {}) {
  const message = { kind: 'subscribe', startSeq: 0n, shopId: toBigEndian(SHOP, 32), filters, ...more }
  return Buffer.from(encodeEnvelope({ requestId: 1n, message })).toString('base64')
}

function message(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`a process of the benchmark ended with exit code ${code}`)))
  })
}
