// npm run check:orders: fifty guests order a thousand times from a stock for seven hundred, all at once, on a real
// relay with a real chain, and pay what the relay asks. Closing line: sold 700, out of stock 300, unequal sums 0.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { fromHex, toHex } from '../dist/bytes/hex.js'
import { publicKeyOf } from '../dist/bytes/signature.node.js'
import { addRelayCall, approveCall, balanceOfCall, mintShopCall, transferCall } from '../dist/chain/contracts.js'
import { getPaymentAddressCall, payCall } from '../dist/objects/payment-request.js'
import { enrol, relayDescription } from '../dist/client/enrol.js'
import { connect } from '../dist/client/shop-client.js'
import { transactionReceipt, startDevChain } from '../contracts/dev-chain.mjs'

const GUESTS = 50
const ORDERS = 1_000
const STOCK_FOR = 700
/** Every order takes two pieces of the scarce listing: in one line or in two. */
const PIECES = 2n
const SCARCE = 1n
const PLENTY = 2n
/** Wei; the token has 2 decimals and is worth 1,500 to one ether. */
const SCARCE_PRICE = 12_340_000_000_000_000n
const PLENTY_PRICE = 990_000_000_000_000n
const TAX_PERCENT = 107n
const SHIPPING = 1_500_000_000_000_000n
const SHOP = 4_711n
const CHAIN_ID = 31_337n
const PAYEE = fromHex('00000000000000000000000000000000000ca112')
const NATIVE = { ChainID: CHAIN_ID, Address: new Uint8Array(20) }

const ADDRESS = {
  Name: 'Guest',
  Address1: 'Somewhere 1',
  City: 'Anywhere',
  PostalCode: '12345',
  Country: 'DE',
  EmailAddress: 'guest@example.org',
}

/** The last transaction of each account: anvil gives the same nonce to two that come at once. */
const sent = new Map()
const started = performance.now()
const data = mkdtempSync(join(tmpdir(), 'cairn-orders-'))
const chain = await startDevChain()
const TOKEN = { ChainID: CHAIN_ID, Address: fromHex(chain.addresses.token.slice(2)) }
let relay
let failed = false
try {
  relay = await startRelay()
  failed = !(await check(relay.url))
} finally {
  relay?.child.kill('SIGTERM')
  await relay?.ended
  await chain.stop()
  rmSync(data, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

async function check(url) {
  const address = fromHex((await relayDescription(url)).relay_address.slice(2))
  const owner = await openShop(url, address)
  const guests = await Promise.all(Array.from({ length: GUESTS }, (_, i) => openGuest(url, address, i)))
  talk('open')
  const outcomes = await Promise.all(
    Array.from({ length: ORDERS }, (_, i) => buy(guests[i % GUESTS], planOf(i)).then((result) => ({ ...result, i }))),
  )
  talk('paid')
  const sold = outcomes.filter(({ outcome }) => outcome === 'sold')
  const out = outcomes.filter(({ outcome }) => outcome === 'out of stock')
  for (const { outcome, i } of outcomes)
    if (outcome !== 'sold' && outcome !== 'out of stock') say(`order ${i}: ${outcome}`)
  const unequal = await unequalSums(owner, sold)
  for (const { client } of guests) client.close()
  owner.close()
  say(`sold ${sold.length}, out of stock ${out.length}, unequal sums ${unequal}`)
  return sold.length === STOCK_FOR && out.length === ORDERS - STOCK_FOR && unequal === 0
}

/** What order `i` is: lines, currency, way of payment. */
function planOf(i) {
  const scarce = i % 3 === 0 ? [1n, 1n] : [PIECES]
  const plenty = BigInt(i % 4)
  const items = scarce.map((quantity) => ({ listing: SCARCE, quantity }))
  if (plenty > 0n) items.push({ listing: PLENTY, quantity: plenty })
  const currency = i % 2 === 0 ? NATIVE : TOKEN
  return { items, currency, by: i % 4 < 2 ? 'call' : 'address', expected: expectedTotal(plenty, currency) }
}

/** By hand: sum, tax, shipping, then cents at 1,500 : 1, each rounded down. */
function expectedTotal(plenty, currency) {
  const wei = ((PIECES * SCARCE_PRICE + plenty * PLENTY_PRICE) * TAX_PERCENT) / 100n + SHIPPING
  return currency === NATIVE ? wei : ((wei / 100n) * 1_500n) / 10n ** 14n
}

async function buy({ client, account }, { items, currency, by, expected }) {
  const { orders } = client
  try {
    const id = await orders.create({ items, shippingAddress: ADDRESS })
    try {
      await orders.commit(id)
    } catch (error) {
      if (error.code !== 'OUT_OF_STOCK' || error.objectId !== SCARCE) throw error
      return { outcome: 'out of stock' }
    }
    const due = await orders.choosePayment(id, { payee: { ChainID: CHAIN_ID, Address: PAYEE }, currency })
    await pay(account, due, by)
    await paid(orders.watch(id))
    return { outcome: 'sold', total: due.total, expected, currency, by, request: due.request }
  } catch (error) {
    return { outcome: `failed: ${error.message}` }
  }
}

async function paid(order) {
  for await (const { data, error } of order) {
    if (error !== undefined) throw error
    if (data?.State === 6n) return
  }
}

async function pay(account, { request }, by) {
  const native = request.currency.every((byte) => byte === 0)
  const value = native ? request.amount : 0n
  if (by === 'call') return send(account, chain.addresses.payments, payCall(request), value)
  const to = `0x${(await call(chain.addresses.payments, getPaymentAddressCall(request))).slice(26)}`
  return native
    ? send(account, to, undefined, value)
    : send(account, chain.addresses.token, transferCall(fromHex(to.slice(2)), request.amount))
}

/** Totals against those computed by hand, and what the payee and the payments' addresses hold against their sum. */
async function unequalSums(owner, sold) {
  let unequal = 0
  const differs = (what, found, wanted) => {
    if (found === wanted) return
    unequal++
    say(`${what}: ${found}, not ${wanted}`)
  }
  for (const { i, total, expected } of sold) differs(`total of order ${i}`, total, expected)
  differs('stock that is left', await settledStock(owner), 0n)
  for (const currency of [NATIVE, TOKEN]) {
    const own = sold.filter((order) => order.currency === currency)
    const due = own.reduce((sum, { expected }) => sum + expected, 0n)
    let held = await balanceOf(currency, PAYEE)
    for (const { by, request } of own) {
      if (by !== 'address') continue
      const at = await call(chain.addresses.payments, getPaymentAddressCall(request))
      held += await balanceOf(currency, fromHex(at.slice(26)))
    }
    differs(currency === NATIVE ? 'ether' : 'tokens', held, due)
  }
  return unequal
}

/** As the owner is shown it: his pushes may come a moment after those of the guests. */
async function settledStock(owner) {
  const stock = owner.stock(SCARCE)
  for (let left = 100; left > 0 && stock.get().data !== 0n; left--) await new Promise((wait) => setTimeout(wait, 100))
  return stock.get().data
}

async function openShop(url, relay) {
  const { address, secret } = chain.accounts[1]
  const { relay_token_id: token } = await relayDescription(url)
  await send(address, chain.addresses.shops, mintShopCall(SHOP, fromHex(address.slice(2))))
  await send(address, chain.addresses.shops, addRelayCall(SHOP, BigInt(token)))
  const key = new Uint8Array(randomBytes(32))
  await enrol({ url, shop: SHOP, card: publicKeyOf(key), wallet: privateKeyToAccount(`0x${secret}`) })
  const client = await connect({ url, shop: SHOP, key, relay, only: [{ inventory: 'all' }] })
  await client.write(shopChanges())
  // Apart: whoever is shown a part of a set gets hashes of the rest.
  await client.write(stockChanges())
  return client
}

function shopChanges() {
  const listing = (id, price) => ({
    op: 'add',
    path: ['Listings', id],
    value: map({
      ID: id,
      Price: price,
      Metadata: map({ Title: `Listing ${id}`, Description: 'A thing' }),
      ViewState: 1n,
    }),
  })
  const region = map({
    Country: '',
    PostalCode: '',
    City: '',
    PriceModifiers: map({
      tax: map({ ModificationPercent: TAX_PERCENT }),
      shipping: map({ ModificationAbsolute: map({ Amount: SHIPPING, Plus: true }) }),
    }),
  })
  return [
    { op: 'add', path: ['Manifest', 'Payees', CHAIN_ID, PAYEE], value: map({ CallAsContract: false }) },
    { op: 'add', path: ['Manifest', 'AcceptedCurrencies', CHAIN_ID, NATIVE.Address], value: map({}) },
    { op: 'add', path: ['Manifest', 'AcceptedCurrencies', CHAIN_ID, TOKEN.Address], value: map({}) },
    { op: 'replace', path: ['Manifest', 'ShippingRegions', 'default'], value: region },
    listing(SCARCE, SCARCE_PRICE),
    listing(PLENTY, PLENTY_PRICE),
  ]
}

function stockChanges() {
  return [
    { op: 'add', path: ['Inventory', SCARCE], value: PIECES * BigInt(STOCK_FOR) },
    { op: 'add', path: ['Inventory', PLENTY], value: 1_000_000n },
  ]
}

/** A card with a session, and an account of the chain with ether and tokens. */
async function openGuest(url, relay, i) {
  const key = new Uint8Array(randomBytes(32))
  const wallet = privateKeyToAccount(`0x${randomBytes(32).toString('hex')}`)
  await enrol({ url, shop: SHOP, card: publicKeyOf(key), wallet, guest: true })
  const client = await connect({ url, shop: SHOP, key, relay, only: [{ order: 'all' }, { listing: 'all' }] })
  const account = `0x${(0x9000 + i).toString(16).padStart(40, '0')}`
  await chain.rpc('anvil_setBalance', [account, '0x56bc75e2d63100000'])
  await chain.rpc('anvil_impersonateAccount', [account])
  const mint = fromHex(`40c10f19${account.slice(2).padStart(64, '0')}${10_000_000n.toString(16).padStart(64, '0')}`)
  await send(account, chain.addresses.token, mint)
  await send(account, chain.addresses.token, approveCall(fromHex(chain.addresses.payments.slice(2)), 10_000_000n))
  return { client, account }
}

async function startRelay() {
  const { shops, relays, payments } = chain.addresses
  const chainId = Number(CHAIN_ID)
  const file = join(data, 'chain.json')
  const chains = [{ chainId, rpc: [chain.rpcUrl], payments, depth: 1, pollMs: 200 }]
  writeFileSync(file, JSON.stringify({ registry: { chainId, shops, relays }, chains }))
  const flags = ['serve', '--chain', file, '--port', '0', '--metrics-port', '0', '--data', join(data, 'relay')]
  const prices = ['--price-source', 'fixed', '--price-factor', '1500', '--price-divisor', '1']
  const child = spawn(process.execPath, ['src/cli/cairn.js', ...flags, ...prices], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.stderr.on('data', (chunk) => /"level":"(warn|error)"/u.test(String(chunk)) && process.stderr.write(chunk))
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
      const url = /listens on (\S+)/u.exec(output)?.[1]
      if (url !== undefined) resolve({ child, url, ended })
    })
    child.once('exit', (code, signal) => reject(new Error(`the relay ended at its start: ${code ?? signal}`)))
  })
}

function send(from, ...transaction) {
  const next = (sent.get(from) ?? Promise.resolve()).catch(() => undefined).then(() => sendOne(from, ...transaction))
  sent.set(from, next)
  return next
}

async function sendOne(from, to, bytes, value = 0n) {
  const call = {
    from,
    to,
    value: `0x${value.toString(16)}`,
    gas: '0x7a120',
    ...(bytes && { data: `0x${toHex(bytes)}` }),
  }
  return transactionReceipt(chain.rpc, await chain.rpc('eth_sendTransaction', [call]))
}

function call(to, bytes) {
  return chain.rpc('eth_call', [{ to, data: `0x${toHex(bytes)}` }, 'latest'])
}

async function balanceOf({ Address }, holder) {
  const native = Address.every((byte) => byte === 0)
  return BigInt(
    native
      ? await chain.rpc('eth_getBalance', [`0x${toHex(holder)}`, 'latest'])
      : await call(`0x${toHex(Address)}`, balanceOfCall(holder)),
  )
}

function map(fields) {
  return new Map(Object.entries(fields))
}

function talk(what) {
  process.stderr.write(`${((performance.now() - started) / 1_000).toFixed(1)} s: ${what}\n`)
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
