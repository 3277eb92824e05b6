// npm run bench -- million: a large shop received and verified by a client, and a long log audited. See --help.

import { fork, spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import { performance } from 'node:perf_hooks'
import { largeShop, SECRET, SHOP, startRelay, useOf } from './large-shop.mjs'
import { openSession } from './session.mjs'

const SHORT = 20_000
const WHOLE = 1_000_000
const HELP = `npm run bench -- million [snapshot|audit] [--count N | --whole] [--folder DIR] [--json]

  snapshot  a shop of N listings, sent by a relay and verified by a client, each a process of its own: until all is
            complete, and until the first checkpoint after that was compared with the tree of all that is held
  audit     the log of a shop of N sets with one patch each, by cairn audit: signatures, states, trees, checkpoints

Without a word both. N is ${SHORT}; --whole: ${WHOLE}, whose making takes some minutes, once: the data are kept in DIR
(default ${join(tmpdir(), 'million')}) for the next run. CPU and memory as Linux tells them.
`

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const value = (flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined)
  const count = Number(value('--count') ?? (argv.includes('--whole') ? WHOLE : SHORT))
  const folder = resolve(value('--folder') ?? join(tmpdir(), 'million'))
  const word = argv[0]?.startsWith('--') ? undefined : argv[0]
  const isJson = argv.includes('--json')
  for (const [name, measure] of Object.entries({ snapshot, audit })) {
    if (word !== undefined && word !== name) continue
    const result = { name, count, ...(await measure(count, folder)) }
    process.stdout.write(isJson ? `${JSON.stringify(result)}\n` : `${text(result)}\n`)
  }
}

async function snapshot(count, folder) {
  const data = await largeShop(folder, 'objects', count, say)
  const relay = await startRelay(data)
  try {
    const before = relay.use()
    const client = fork(new URL('./snapshot-client.mjs', import.meta.url), [relay.url, String(SHOP), String(count)])
    const complete = await message(client)
    const after = relay.use()
    const session = await openSession(relay.url, SHOP, SECRET)
    await session.written([{ op: 'replace', path: ['Listings', BigInt(count), 'Price'], value: BigInt(Date.now()) }])
    session.close()
    const compared = await message(client)
    return {
      seconds: complete.seconds,
      client: { cpu: complete.use.cpu, peakMib: complete.use.peakMib },
      relay: { cpu: after.cpu - before.cpu, peakMib: after.peakMib, startMib: before.peakMib },
      next: { cpu: compared.use.cpu - complete.use.cpu, peakMib: compared.use.peakMib },
    }
  } finally {
    await relay.stop()
  }
}

function message(child) {
  return new Promise((resolved, reject) => {
    child.once('message', resolved)
    child.once('exit', (code) => reject(new Error(`the client ended with exit code ${code}`)))
  })
}

async function audit(count, folder) {
  const data = await largeShop(folder, 'sets', count, say)
  const begunMs = performance.now()
  const launcher = join(import.meta.dirname, '../src/cli/cairn.js')
  const child = spawn(process.execPath, [launcher, 'audit', data], { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  let use
  child.stdout.on('data', (chunk) => {
    output += String(chunk)
    use = useOf(child.pid)
  })
  const code = await new Promise((resolved) => child.once('close', resolved))
  if (code !== 0) throw new Error(`cairn audit ended with exit code ${code}: ${output}`)
  return { seconds: (performance.now() - begunMs) / 1_000, audit: use }
}

function text({ name, count, seconds, client, relay, next, audit: audited }) {
  const rate = `${seconds.toFixed(2)} s, ${Math.round(count / seconds)} a second`
  const use = ({ cpu, peakMib }) => `${cpu.toFixed(2)} s of CPU, ${Math.round(peakMib)} MiB at most`
  if (name === 'audit') return `audit of ${count} sets: ${rate}; ${use(audited)}`
  return [
    `snapshot of ${count} objects, verified: ${rate}`,
    `  client ${use(client)}; with the next checkpoint ${use(next)}`,
    `  relay ${use(relay)} (${Math.round(relay.startMib)} before)`,
  ].join('\n')
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
