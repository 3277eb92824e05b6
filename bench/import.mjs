// npm run bench -- import: a shop of many products out of one file, by the command that a merchant runs. See --help.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { toHex } from '../dist/bytes/hex.js'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { walletOf } from '../dist/cli/wallet.js'
import { enrol, makeKeyCard } from '../dist/client/enrol.js'
import { connect } from '../dist/client/shop-client.js'

const SHOP = 4_714n
const PRODUCTS = 10_000
const SECONDS_MAX = 10
const SIZES = ['S', 'M', 'L']
const TAGS = 40
const CAIRN = resolve(import.meta.dirname, '../src/cli/cairn.js')
const HELP = `npm run bench -- import [--products ${PRODUCTS}] [--json]

Starts a relay with an empty shop and runs \`cairn import\` on a file of so many products, every fourth in
${SIZES.length} sizes, each with tags, stock and the address of a picture; then the same command again, which changes
nothing, and \`cairn export\`. Printed are the seconds of each, from its start as a process to its end. Exit code 1 if
the first took more than ${SECONDS_MAX}.
`

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const products = argv.includes('--products') ? Number(argv[argv.indexOf('--products') + 1]) : PRODUCTS
  const folder = mkdtempSync(join(tmpdir(), 'cairn-import-'))
  const relay = await startRelay({ data: join(folder, 'data') })
  try {
    const file = join(folder, 'products.csv')
    writeFileSync(file, fileOf(products))
    const result = { products, ...(await measured(relay, file, await openShop(relay, folder))) }
    process.stdout.write(argv.includes('--json') ? `${JSON.stringify(result)}\n` : `${text(result)}\n`)
    process.exitCode = result.first.seconds > SECONDS_MAX ? 1 : 0
  } finally {
    await relay.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measured(relay, file, flags) {
  const before = relay.use()?.cpu
  const first = await command(['import', file, '--json', ...flags])
  const relayCpu = before === undefined ? undefined : relay.use().cpu - before
  const again = await command(['import', file, '--json', ...flags])
  const exported = await command(['export', ...flags])
  const told = ({ seconds, out }) => ({ seconds, ...pick(JSON.parse(out)) })
  return { first: { ...told(first), relayCpu }, again: told(again), exported: { seconds: exported.seconds } }
}

const pick = ({ added, changed, unchanged, stock, tags, sets }) => ({ added, changed, unchanged, stock, tags, sets })

/** The flags of commands about a new shop with a manifest and a card. */
async function openShop({ url }, folder) {
  const { secret, publicKey } = makeKeyCard()
  await enrol({ url, shop: SHOP, card: publicKey, wallet: walletOf(randomBytes(32).toString('hex')) })
  const client = await connect({ url, shop: SHOP, relay: 'development', key: secret, only: [] })
  const currency = new Map(Object.entries({ ChainID: 31_337n, Address: new Uint8Array(20) }))
  await client.write([{ op: 'replace', path: ['Manifest', 'PricingCurrency'], value: currency }])
  client.close()
  const card = join(folder, 'card.key')
  writeFileSync(card, toHex(secret), { mode: 0o600 })
  return ['--url', url, '--shop', String(SHOP), '--card', card]
}

/** Rejects with what it says on stderr where it fails. */
function command(argv) {
  const begunMs = performance.now()
  const child = spawn(process.execPath, [CAIRN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err] = [[], []]
  child.stdout.on('data', (chunk) => out.push(chunk))
  child.stderr.on('data', (chunk) => err.push(chunk))
  return new Promise((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) => {
      const seconds = (performance.now() - begunMs) / 1_000
      if (code === 0) done({ seconds, out: Buffer.concat(out).toString() })
      else failed(new Error(`cairn ${argv[0]} ended with ${code}: ${Buffer.concat(err).toString()}`))
    })
  })
}

const HEADER = [
  'Title,URL handle,Description,Vendor,Tags,Published on online store,Status,SKU,Option1 name,Option1 value,Price',
  'Inventory tracker,Inventory quantity,Product image URL',
].join(',')

function fileOf(products) {
  return [HEADER, ...Array.from({ length: products }, (_, i) => rowsOf(i)).flat(), ''].join('\n')
}

function rowsOf(i) {
  const [handle, price] = [`stone-${i}`, `${10 + (i % 90)}.${String(i % 100).padStart(2, '0')}`]
  const texts = `Summit stone ${i},${handle},"<p>Round, from the ridge above hut ${i}; about a pound.</p>",Cairn`
  const head = `${texts},"Stones, Ridge ${i % TAGS}",true,Active`
  const picture = `https://pictures.example/${handle}.webp`
  if (i % 4 > 0) return [`${head},ST-${i},,,${price},shopify,${i % 50},${picture}`]
  return SIZES.map((size, at) => {
    const [first, shown] = at === 0 ? [head, picture] : [`,${handle},,,,,`, '']
    return `${first},ST-${i}-${size},Size,${size},${price},shopify,${i % 50},${shown}`
  })
}

function text({ products, first, again, exported }) {
  const seconds = (value) => `${value.toFixed(1)} s`
  const cpu = first.relayCpu === undefined ? '' : `, ${seconds(first.relayCpu)} of CPU of the relay`
  const met = first.seconds > SECONDS_MAX ? 'not met' : 'met'
  return [
    `import   ${seconds(first.seconds)}: ${products} products, ${first.stock} entries of stock, ${first.tags} tags ` +
      `in ${first.sets} sets${cpu}; at most ${SECONDS_MAX} s wanted: ${met}`,
    `again    ${seconds(again.seconds)}: ${again.unchanged} stay as they are, ${again.sets} sets`,
    `export   ${seconds(exported.seconds)}`,
  ].join('\n')
}
