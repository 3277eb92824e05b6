// npm run bench -- flood: a good card that writes alone, at a slow rate, beside a flood of each kind. See --help.

import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { publicKeyOf } from '../dist/bytes/signature.node.js'
import { walletOf } from '../dist/cli/wallet.js'
import { enrol } from '../dist/client/enrol.js'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { openSession } from '../dist/cli/bench/session.js'
import { FLOODS, map } from './flood-kinds.mjs'

const SHOP = 4_712n
const LISTINGS = 200
/** Good cards of each role, and the pause between two writes of one. */
const CARDS = 5
const PAUSE_MS = 500
const OWNER = '12'.repeat(32)
/** Of the p99 beside a flood to the p99 alone. */
const RATIO_MAX = 20
const HELP = `npm run bench -- flood [--seconds 10] [--only TEXT] [--relay FOLDER] [--json]

Floods a relay of its own, one kind after the other, beside good cards: ${CARDS} of staff that change prices and
${CARDS} of guests that fill carts, each with one write in half a second. Prints what a write of theirs took in
milliseconds (p50 / p99), alone and beside the flood, and the ratio of the two p99. The flood is a process of lower
priority, as if it came from another machine. Exit code 1 if a ratio is above ${RATIO_MAX}.

  --seconds N      so long alone and so long beside each flood
  --only TEXT      only the floods whose name holds TEXT
  --relay FOLDER   the relay of another, built, working copy
  --cpu            what the relay's main thread worked meanwhile, instead of what the clock says (Linux)
  --json           one JSON object
`
export async function run(argv) {
  const value = (flag, standard) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : standard)
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const seconds = Number(value('--seconds', 10))
  const only = value('--only', '')
  const folder = resolve(value('--relay', '.'))
  const timeOf = argv.includes('--cpu') ? cpuMs : () => performance.now()
  const rows = []
  if (!argv.includes('--json')) process.stdout.write(`${HEAD}\n`)
  for (const [name, flood] of Object.entries(FLOODS).filter(([name]) => name.includes(only))) {
    const row = { name, ...(await measure(name, flood, { seconds, folder, timeOf })) }
    rows.push(row)
    if (!argv.includes('--json')) process.stdout.write(`${text(row)}\n`)
  }
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({ seconds, rows }, null, 2)}\n`)
  const worst = Math.max(...rows.flatMap(({ staff, guest }) => [staff.ratio, guest.ratio]))
  if (!argv.includes('--json')) process.stdout.write(`worst ratio ${worst.toFixed(1)}, at most ${RATIO_MAX} wanted\n`)
  process.exitCode = worst > RATIO_MAX ? 1 : 0
}

async function measure(name, { flags = [] }, { seconds, folder, timeOf }) {
  const data = mkdtempSync(join(tmpdir(), 'cairn-flood-'))
  const launcher = join(folder, 'src/cli/cairn.js')
  const relay = await startRelay({ data, launcher, flags: ['--enrolments-per-second', '1000', ...flags] })
  try {
    const goods = await openGoods(relay.url)
    const now = () => timeOf(relay.pid)
    await latencies(goods, 1, now)
    const alone = await latencies(goods, seconds, now)
    const flood = fork(new URL('./flood-kinds.mjs', import.meta.url), [name, relay.url, String(SHOP), String(LISTINGS)])
    await new Promise((resolve) => flood.once('message', resolve))
    const beside = await latencies(goods, seconds, now)
    const done = new Promise((resolve) => flood.once('message', resolve))
    flood.send('tell')
    const { accepted, refused } = await done
    flood.kill()
    for (const { session } of goods) session.close()
    return { accepted, refused, staff: both(alone.staff, beside.staff), guest: both(alone.guest, beside.guest) }
  } finally {
    await relay.stop('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
}

// The good cards

async function openGoods(url) {
  const staff = await openCard(url, { wallet: OWNER })
  const listings = Array.from({ length: LISTINGS }, (_, i) => listing(BigInt(i + 1)))
  await staff.written(listings)
  await staff.written(listings.map(({ path }) => ({ op: 'add', path: ['Inventory', path[1]], value: 1_000_000n })))
  const goods = [goodStaff(staff)]
  for (let i = 1; i < CARDS; i++) goods.push(goodStaff(await openCard(url, { wallet: OWNER })))
  for (let i = 0; i < CARDS; i++) goods.push(await goodGuest(url, BigInt(i + 1)))
  return goods
}

function goodStaff(session) {
  let price = BigInt(Math.floor(Math.random() * 1e9))
  const next = () => [{ op: 'replace', path: ['Listings', (price % BigInt(LISTINGS)) + 1n, 'Price'], value: ++price }]
  return { role: 'staff', session, next }
}

async function goodGuest(url, id) {
  const session = await openCard(url, { wallet: '34'.repeat(32), guest: true })
  const Items = [map({ ListingID: 1n, Quantity: 1n })]
  await session.written([{ op: 'add', path: ['Orders', id], value: map({ ID: id, State: 1n, Items }) }])
  const next = () => [{ op: 'increment', path: ['Orders', id, 'Items', 0n, 'Quantity'], value: 1n }]
  return { role: 'guest', session, next }
}

function listing(id) {
  const Metadata = map({ Title: `Listing ${id}`, Description: 'A thing to buy, described in a sentence.' })
  return { op: 'add', path: ['Listings', id], value: map({ ID: id, Price: 100n, Metadata, ViewState: 1n }) }
}

async function openCard(url, { wallet, guest = false }) {
  const secret = new Uint8Array(randomBytes(32))
  await enrol({ url, shop: SHOP, card: publicKeyOf(secret), wallet: walletOf(wallet), guest })
  return openSession({ url, shop: SHOP, secret })
}

/** Of the good cards of each role, in milliseconds, sorted. */
async function latencies(goods, seconds, now) {
  const taken = { staff: [], guest: [] }
  const end = performance.now() + seconds * 1_000
  const writeOn = async ({ role, session, next }) => {
    for (;;) {
      // Not in step with anything.
      await wait(PAUSE_MS * (0.5 + Math.random()))
      if (performance.now() >= end) return
      const patchSet = session.signed(next())
      const start = now()
      const { error } = await session.ask({ kind: 'write', patchSet })
      if (error !== undefined) throw new Error(`the good ${role} was refused: ${error.message}`)
      taken[role].push(now() - start)
    }
  }
  await Promise.all(goods.map(writeOn))
  for (const figures of Object.values(taken)) figures.sort((a, b) => a - b)
  return taken
}

// Figures

/** Of the main thread, from its start. */
function cpuMs(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
}

function both(alone, beside) {
  const figures = (sorted) => ({ p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) })
  const [a, b] = [figures(alone), figures(beside)]
  return { alone: a, beside: b, ratio: b.p99 / a.p99 }
}

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN
}

const HEAD = [
  ''.padEnd(28) + 'staff alone'.padStart(14) + 'beside'.padStart(16) + 'ratio'.padStart(8),
  'guest alone'.padStart(16) + 'beside'.padStart(16) + 'ratio'.padStart(8) + '   flood: accepted, refused',
].join('')

function text({ name, staff, guest, accepted, refused }) {
  const pair = ({ p50, p99 }, width) => `${p50.toFixed(1)} / ${p99.toFixed(1)}`.padStart(width)
  const card = ({ alone, beside, ratio }, width) => pair(alone, width) + pair(beside, 16) + ratio.toFixed(1).padStart(8)
  return `${name.padEnd(28)}${card(staff, 14)}${card(guest, 16)}   ${accepted}, ${refused}`
}
