// npm run bench -- million: a large shop received and verified by a client, and a long log audited. See --help.

import { fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { openSession } from '../dist/cli/bench/session.js'
import { largeShop, SECRET, SHOP } from './large-shop.mjs'

const SHORT = 20_000
const WHOLE = 1_000_000
const HELP = `npm run bench -- million [snapshot|audit] [--count N | --whole] [--folder DIR] [--json]

  snapshot  a shop of N listings, sent by a relay and verified by a client, each a process of its own: until all is
            complete, and until the first checkpoint after that was compared with the tree of all that is held
  audit     the log of a shop of N sets with one patch each, by cairn audit: signatures, states, trees, checkpoints

Without a word both. N is ${SHORT}; --whole: ${WHOLE}, whose making takes some minutes, once: the data are kept in DIR
(default ${join(tmpdir(), 'million')}) for the next run; delete it to have them made anew. CPU and memory as Linux tells
them.
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
  const relay = await startRelay({ data })
  try {
    const before = relay.use()
    const client = fork(new URL('./snapshot-client.mjs', import.meta.url), [relay.url, String(SHOP)])
    const complete = await message(client)
    const after = relay.use()
    const session = await openSession({ url: relay.url, shop: SHOP, secret: SECRET })
    await session.written([{ op: 'replace', path: ['Listings', BigInt(count), 'Price'], value: BigInt(Date.now()) }])
    session.close()
    const compared = await message(client)
    return {
      seconds: complete.seconds,
      client: complete.use,
      relay: { ...since(before, after), startMib: before.peakMib },
      next: since(complete.use, compared.use),
    }
  } finally {
    await relay.stop()
  }
}

function since(before, after) {
  return { cpu: after.cpu - before.cpu, mainCpu: after.mainCpu - before.mainCpu, peakMib: after.peakMib }
}

function message(child) {
  return new Promise((resolved, reject) => {
    child.once('message', resolved)
    child.once('exit', (code) => reject(new Error(`the client ended with exit code ${code}`)))
  })
}

async function audit(count, folder) {
  const data = await largeShop(folder, 'sets', count, say)
  const child = fork(new URL('./measured-audit.mjs', import.meta.url), [data])
  const { code, seconds, use } = await message(child)
  if (code !== 0) throw new Error(`cairn audit ended with exit code ${code}`)
  return { seconds, audit: use }
}

function text({ name, count, seconds, client, relay, next, audit: audited }) {
  const rate = `${seconds.toFixed(2)} s, ${Math.round(count / seconds)} a second`
  const use = ({ cpu, mainCpu, peakMib }) =>
    `${cpu.toFixed(2)} s of CPU (${mainCpu.toFixed(2)} on its main thread), ${Math.round(peakMib)} MiB at most`
  if (name === 'audit') return `audit of ${count} sets: ${rate}\n  ${use(audited)}`
  return [
    `snapshot of ${count} objects, verified: ${rate}`,
    `  client ${use(client)}; with the next checkpoint ${use(next)}`,
    `  relay ${use(relay)}, ${Math.round(relay.startMib)} MiB before`,
  ].join('\n')
}

function say(line) {
  process.stderr.write(`${line}\n`)
}
