/**
 * The demo: an ordinary client, the one that storefronts use, that enrols a card, fills a shop and keeps it alive. What it
 * needs to go on after a restart (its keys) stands in a file of its own beside the relay's data.
 */

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { walletOf } from './wallet.js'
import { publicKeyOf } from '#signature'
import { DEVELOPMENT_CHAIN_ID } from '../chain/development-registry.js'
import { COMMITTED, PAID } from '../objects/order.js'
import { fromHex } from '../bytes/hex.js'
import type { CborKey } from '../codec/value.js'
import type { Encodable } from '../codec/encode.js'
import { connect, type Change, type PaymentDue, type ShopClient } from '../client/shop-client.js'
import { enrol } from '../client/enrol.js'

export interface DemoKeys {
  readonly shop: string
  readonly wallet: string
  readonly card: string
  readonly guests: readonly string[]
}

/** Between two changes of the living shop. */
const CHANGE_EVERY_MS = 1_500
const GUESTS = 2

const PRODUCTS: readonly (readonly [title: string, description: string, cents: number])[] = [
  ['Trail map', 'Waterproof, 1:25,000', 1_490],
  ['Enamel mug', 'White with a blue rim', 1_250],
  ['Wool socks', 'Merino, two pairs', 1_990],
  ['Head torch', '400 lumen, USB-C', 3_900],
  ['Rope, 30 m', 'Half rope, 8.5 mm', 8_900],
  ['Carabiner', 'Screw gate, 24 kN', 1_190],
  ['Thermos', 'Keeps tea hot for a day', 2_790],
  ['Rain shell', 'Three layers, 320 g', 17_900],
  ['Tent peg set', 'Eight pieces, titanium', 2_400],
  ['Sleeping mat', 'Folds to a book', 4_500],
  ['Camp stove', 'Burns twigs', 5_900],
  ['Spork', 'Beech wood', 790],
  ['Dry bag', '20 litres', 2_190],
  ['Compass', 'With mirror and clinometer', 4_290],
  ['Sun hat', 'Wide brim, linen', 3_290],
  ['Walking poles', 'Cork grips, a pair', 7_900],
  ['Water filter', '2,000 litres', 3_690],
  ['First-aid kit', 'For two people', 2_990],
  ['Trail mix', 'Nuts, seeds and figs, 500 g', 890],
  ['Oat bars', 'Box of twelve', 1_680],
  ['Field notebook', 'Stone paper', 1_090],
  ['Pencil set', 'Six, natural cedar', 690],
  ['Bandana', 'Cotton, with the map of the hut', 990],
  ['Gaiters', 'Knee high', 3_590],
  ['Bivouac bag', 'Emergency orange', 6_490],
  ['Ice axe', 'Straight shaft, 60 cm', 9_900],
  ['Crampons', 'Twelve points', 12_900],
  ['Avalanche probe', '240 cm', 5_490],
  ['Snow goggles', 'Two lenses', 8_490],
  ['Postcard', 'The cairn at sunrise', 150],
]
const TAGS: readonly (readonly [name: string, from: number, to: number])[] = [
  ['Kitchen', 2, 3],
  ['Mountain', 5, 9],
  ['Winter', 26, 29],
  ['Food', 19, 20],
]

const id = (product: number) => BigInt(1_000 + product)
const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<CborKey, Encodable> =>
  new Map(Object.entries(fields))

/** Reads the demo's keys, or makes them; `wallet` (64 hex digits) is then the merchant's, a new one if left out. */
export async function demoKeys(file: string, wallet?: string): Promise<DemoKeys> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DemoKeys
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const key = () => randomBytes(32).toString('hex')
  const shop = BigInt(`0x${randomBytes(6).toString('hex')}`) + 1n
  const keys: DemoKeys = {
    shop: String(shop),
    wallet: wallet ?? key(),
    card: key(),
    guests: Array.from({ length: GUESTS }, key),
  }
  await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  return keys
}

/** The chain that the demo's shop and its orders are on. */
export interface DemoChain {
  /** Mints the shop to the demo's wallet, unless it is there. */
  mint(shop: bigint): Promise<void>
  /** Pays as a guest would; resolves with the transaction's hash. */
  pay(due: PaymentDue): Promise<string>
}

export interface DemoOptions {
  readonly url: string
  readonly keys: DemoKeys
  readonly signal: AbortSignal
  /** Left out: orders stay Committed. */
  readonly chain?: DemoChain | undefined
  /** Called once the shop is filled, with an order that waits to be paid where there is one. */
  readonly ready: (unpaid: bigint | undefined) => void
  /** What happens to the orders. */
  readonly tell: (text: string) => void
}

/** Runs until `signal` is aborted. */
export async function runDemo({ url, keys, signal, chain, ready, tell }: DemoOptions): Promise<void> {
  const shop = BigInt(keys.shop)
  const card = fromHex(keys.card)
  await chain?.mint(shop)
  await enrolIfNew(url, shop, keys.wallet, keys.card, false, signal)
  const client = await connect({ url, shop, key: card, relay: 'development', signal })
  await synced(client, signal)
  if (client.listings().length === 0) await fill(client, shop)
  const guests = await Promise.all(keys.guests.map((guest) => guestOf(url, shop, keys.wallet, guest, signal)))
  for (const { client, order } of guests) await commit(client, order, chain !== undefined)
  // The last one's card is free for `cairn order pay`; the others pay by themselves.
  const unpaid = chain && guests.at(-1)!.client.orders.due(guests.at(-1)!.order)?.order
  guests.at(-1)!.client.close()
  ready(unpaid)
  const payments = guests.slice(0, -1).map(async ({ client, order }) => {
    if (chain !== undefined) await payOrder(client, order, chain, tell)
    client.close()
  })
  await Promise.all([live(client, signal), ...payments])
}

async function enrolIfNew(
  url: string,
  shop: bigint,
  wallet: string,
  secret: string,
  guest: boolean,
  signal: AbortSignal,
): Promise<void> {
  try {
    await enrol({
      url,
      shop,
      card: publicKeyOf(fromHex(secret)),
      wallet: walletOf(wallet),
      guest,
      signal,
    })
  } catch (error) {
    if (!(error as Error).message.includes('enrolled already')) throw error
  }
}

/** The manifest is the last thing to wait for: it is in the first set. */
async function synced(client: ShopClient, signal: AbortSignal): Promise<void> {
  for await (const { status } of client.manifest()) if (status !== 'loading' || signal.aborted) return
}

async function fill(client: ShopClient, shop: bigint): Promise<void> {
  const native = map({ ChainID: DEVELOPMENT_CHAIN_ID, Address: new Uint8Array(20) })
  const payee = new Map([[DEVELOPMENT_CHAIN_ID, new Map([[PAYEE, map({ CallAsContract: false })]])]])
  const currencies = new Map([[DEVELOPMENT_CHAIN_ID, new Map([[new Uint8Array(20), new Map()]])]])
  const anywhere = map({ Country: '', PostalCode: '', City: '' })
  const manifest = map({
    ShopID: shop,
    Payees: payee,
    AcceptedCurrencies: currencies,
    PricingCurrency: native,
    ShippingRegions: map({ anywhere }),
  })
  const changes: Change[] = [{ op: 'replace', path: ['Manifest'], value: manifest }]
  for (const [i, [title, description, cents]] of PRODUCTS.entries())
    changes.push(...product(i + 1, title, description, cents))
  for (const [name, from, to] of TAGS) {
    const ids = Array.from({ length: to - from + 1 }, (_, i) => id(from + i))
    changes.push({ op: 'add', path: ['Tags', name], value: map({ Name: name, ListingIDs: ids }) })
  }
  await client.write(changes)
}

/** A listing and its stock; every third comes in sizes. */
function product(number: number, title: string, description: string, cents: number): Change[] {
  const listing = id(number)
  const fields = {
    ID: listing,
    Price: BigInt(cents) * 10n ** 13n,
    Metadata: map({ Title: title, Description: description }),
    ViewState: 1n,
  }
  if (number % 3 !== 0) {
    return [
      { op: 'add', path: ['Listings', listing], value: map(fields) },
      { op: 'add', path: ['Inventory', listing], value: BigInt(20 + number) },
    ]
  }
  const size = (Title: string) => map({ VariationInfo: map({ Title, Description: `Size ${Title}` }) })
  const options = map({ size: map({ Title: 'Size', Variations: map({ S: size('S'), M: size('M'), L: size('L') }) }) })
  return [
    { op: 'add', path: ['Listings', listing], value: map({ ...fields, Options: options }) },
    ...['S', 'M', 'L'].map((name): Change => ({
      op: 'add',
      path: ['Inventory', listing, name],
      value: BigInt(5 + number),
    })),
  ]
}

/** A guest and the order that is his for ever. */
async function guestOf(
  url: string,
  shop: bigint,
  wallet: string,
  secret: string,
  signal: AbortSignal,
): Promise<{ client: ShopClient; order: bigint }> {
  await enrolIfNew(url, shop, wallet, secret, true, signal)
  const client = await connect({ url, shop, key: fromHex(secret), relay: 'development', signal })
  await synced(client, signal)
  return { client, order: BigInt(`0x${secret.slice(0, 12)}`) + 1n }
}

/** Brings the order as far as it can come: Committed, or with a chain to what is to be paid. Done before, it stays as it is. */
async function commit(client: ShopClient, order: bigint, payable: boolean): Promise<void> {
  const { orders } = client
  const state = () => orders.watch(order).get().data?.State
  if (state() === undefined) {
    const items = [
      { listing: id(1), quantity: 1n },
      { listing: id(3), variations: ['M'], quantity: 2n },
    ]
    await orders.create({ id: order, items, shippingAddress: ADDRESS })
    await orders.commit(order)
  }
  if (payable && (state() ?? COMMITTED) === COMMITTED) await orders.choosePayment(order, CHOICE)
}

async function payOrder(client: ShopClient, order: bigint, chain: DemoChain, tell: DemoOptions['tell']): Promise<void> {
  const due = client.orders.due(order)
  if (due === undefined) return
  try {
    tell(`a guest pays order ${order}: transaction ${await chain.pay(due)}`)
  } catch (error) {
    tell(`a guest cannot pay order ${order}: ${(error as Error).message}`)
  }
  for await (const { data } of client.orders.watch(order)) {
    if (data?.State !== PAID) continue
    tell(`order ${order} is Paid`)
    return
  }
}

const ADDRESS = {
  Name: 'A. Guest',
  Address1: 'Hut 1',
  City: 'Summit',
  PostalCode: '10000',
  Country: 'CH',
  EmailAddress: 'guest@example.org',
}
const PAYEE = new Uint8Array(20).fill(0xca)
const CHOICE = {
  payee: { ChainID: DEVELOPMENT_CHAIN_ID, Address: PAYEE },
  currency: { ChainID: DEVELOPMENT_CHAIN_ID, Address: new Uint8Array(20) },
}

/** Prices and stock change slowly, one listing after the other. */
async function live(client: ShopClient, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const number = (turn * 7) % PRODUCTS.length
    const price = BigInt(PRODUCTS[number]![2]) * 10n ** 13n
    const change: Change =
      turn % 3 === 2
        ? { op: 'increment', path: stockPath(number + 1), value: 1n }
        : {
            op: 'replace',
            path: ['Listings', id(number + 1), 'Price'],
            value: (price * BigInt(95 + ((turn * 3) % 11))) / 100n,
          }
    if (client.state === 'connected') await client.write([change]).catch(() => undefined)
    await pause(CHANGE_EVERY_MS, signal)
  }
}

function stockPath(number: number): Change['path'] {
  return number % 3 === 0 ? ['Inventory', id(number), 'M'] : ['Inventory', id(number)]
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}

/** The first listing of the demo: what the commands to try next name. */
export const DEMO_LISTING = id(1)
