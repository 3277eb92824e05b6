// npm run bench -- start: how a relay with a long log starts, cleanly and after SIGKILL, and what its disk takes. See
// --help.

import { spawnSync } from 'node:child_process'
import { cpSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { NodeCache } from '../dist/merkle/hamt-cache.js'
import { decodeState, triesOf } from '../dist/relay/shops/stored-state.js'
import { openStoreForReading } from '../dist/store/open.js'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { openSession } from '../dist/cli/bench/session.js'
import { largeShop, priceSets, SECRET, SHOP } from './large-shop.mjs'

const SHORT = { count: 20_000, sets: 10_000 }
const WHOLE = { count: 1_000_000, sets: 100_000 }
const KILLS = 5
const IN_FLIGHT = 1_024
const MEBIBYTE = 1_048_576
const HELP = `npm run bench -- start [--count N | --whole] [--sets N] [--kills N] [--folder DIR] [--json]

  A relay over the log of N sets with one patch each starts, takes so many more sets, is killed with SIGKILL in the
  middle of others as often as told, starts again each time, and stops cleanly at the end. Printed are

  clean, killed  until it serves, milliseconds; CPU seconds; the ratio to a start over an empty directory; anonymous
                 memory then. Of the kills the slowest, with the sets that were not flushed
  written        bytes that the process wrote to files for one set, and how often that is the set's own record
  database       its file, as a ratio to the log and the live state together

N is ${SHORT.count} and ${SHORT.sets} sets are written; --whole: ${WHOLE.count} and ${WHOLE.sets}.
The log is made once and kept in DIR (default ${join(tmpdir(), 'million')}), as that of \`million\`; what is
measured is a copy. On Linux.
`

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const value = (flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined)
  const size = argv.includes('--whole') ? WHOLE : SHORT
  const count = Number(value('--count') ?? size.count)
  const sets = Number(value('--sets') ?? size.sets)
  const kills = Number(value('--kills') ?? KILLS)
  const folder = resolve(value('--folder') ?? join(tmpdir(), 'million'))
  const kept = await largeShop(folder, 'sets', count, say)
  const data = join(folder, `start-${process.pid}`)
  try {
    cpSync(kept, data, { recursive: true })
    spawnSync('sync', [data])
    const result = { count, sets, ...(await measured(data, { sets, kills })) }
    process.stdout.write(argv.includes('--json') ? `${JSON.stringify(result)}\n` : `${text(result)}\n`)
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

async function measured(data, { sets, kills }) {
  const empty = `${data}-empty`
  const nothing = await started(empty)
  await nothing.relay.stop()
  rmSync(empty, { recursive: true, force: true })
  const { relay, start: clean } = await started(data)
  const written = await writtenBytes(relay, data, sets)
  await relay.stop()
  const killed = []
  for (let i = 0; i < kills; i++) killed.push(await afterKill(data, i / kills))
  const [slowest] = killed.toSorted((a, b) => b.ms - a.ms)
  return { nothing: nothing.start, clean, killed, slowest, written, database: await sizesOf(data) }
}

async function started(data) {
  const begunMs = performance.now()
  const relay = await startRelay({ data })
  const ms = performance.now() - begunMs
  const { cpu, anonymousMib } = relay.use()
  return { relay, start: { ms, cpu, anonymousMib } }
}

/** While so many sets are written and answered, with the flushes that come meanwhile. */
async function writtenBytes(relay, data, sets) {
  const before = await logOf(data)
  const session = await openSession({ url: relay.url, shop: SHOP, secret: SECRET })
  const bytesBefore = relay.use().writtenBytes
  await writeAll(session, sets)
  session.close()
  const bytes = relay.use().writtenBytes - bytesBefore
  const after = await logOf(data)
  const record = (after.logBytes - before.logBytes) / sets
  return { bytes: bytes / sets, record, ratio: bytes / sets / record }
}

async function writeAll(session, sets) {
  const changes = priceSets(sets)
  const writeOn = async () => {
    for (const change of changes) await session.written(change)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, writeOn))
}

/** `share`: of the time that the kill may take to come. */
async function afterKill(data, share) {
  const { relay } = await started(data)
  const session = await openSession({ url: relay.url, shop: SHOP, secret: SECRET })
  void writeAll(session, Infinity).catch(() => undefined)
  await new Promise((wait) => setTimeout(wait, KILL_AFTER_MS.least + share * KILL_AFTER_MS.more))
  await relay.stop('SIGKILL')
  session.close()
  const { head, flushed } = await logOf(data)
  const { relay: again, start } = await started(data)
  await again.stop()
  return { ...start, unflushed: head - flushed }
}

const KILL_AFTER_MS = { least: 3_000, more: 3_000 }

async function logOf(data) {
  const store = await openStoreForReading(data)
  try {
    return { head: store.head(SHOP), flushed: store.derived(SHOP)?.seq ?? 0, logBytes: store.stats().logBytes }
  } finally {
    await store.close()
  }
}

async function sizesOf(data) {
  const fileBytes = statSync(join(data, 'cairn.mdb')).size
  const store = await openStoreForReading(data)
  try {
    const { logBytes } = store.stats()
    const { nodes, stateBytes } = liveState(store)
    const unreachable = store.nodeRefs(SHOP, 0, Infinity).length - nodes
    return { fileBytes, logBytes, stateBytes, unreachable, ratio: fileBytes / (logBytes + stateBytes) }
  } finally {
    await store.close()
  }
}

/** What the roots on disk lead to. */
function liveState(store) {
  const source = { readNode: (ref) => store.readNode(SHOP, ref) }
  const state = decodeState(SHOP, store.derived(SHOP).roots, source, new NodeCache(1_000))
  const sizes = triesOf(state).flatMap(([, trie]) => [...trie.refs()].map((ref) => source.readNode(ref).length))
  return { nodes: sizes.length, stateBytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function text({ count, sets, nothing, clean, killed, slowest, written, database }) {
  const told = ({ ms, cpu, anonymousMib }) => {
    const ratio = (ms / nothing.ms).toFixed(2)
    return `${Math.round(ms)} ms, ${cpu.toFixed(2)} s of CPU, ×${ratio}, ${Math.round(anonymousMib)} MiB`
  }
  const each = killed.map(({ ms, unflushed }) => `${Math.round(ms)} ms (${unflushed})`).join(', ')
  const mebibytes = (bytes) => `${Math.round(bytes / MEBIBYTE)} MiB`
  return [
    `empty    ${told(nothing)}`,
    `clean    ${told(clean)} with a log of ${count} sets`,
    `killed   ${told(slowest)} with ${slowest.unflushed} sets not flushed; all: ${each}`,
    `written  ${Math.round(written.bytes)} bytes a set over ${sets}, ×${written.ratio.toFixed(2)} its record`,
    `database ${mebibytes(database.fileBytes)}, ×${database.ratio.toFixed(2)} of log and live state, ` +
      `${mebibytes(database.logBytes)} and ${mebibytes(database.stateBytes)}; ${database.unreachable} nodes too many`,
  ].join('\n')
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
