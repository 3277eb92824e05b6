/**
 * The demo: an ordinary client, the one that storefronts use, that enrols a card, fills a shop and keeps it alive. All
 * that it needs to go on after a restart are its keys (demo-keys.ts).
 *
 * Tests: test/cli/serve.test.ts, test/cli/dev-chain.test.ts
 */

import { setTimeout as wait } from 'node:timers/promises'
import type { OrderId } from '../brands.js'
import { addressOfWallet, walletOf } from './wallet.js'
import { publicKeyOf } from '#signature'
import { DEVELOPMENT_CHAIN_ID } from '../chain/development-registry.js'
import { CANCELED, COMMITTED, OPEN, PAID, UNPAID, type Order } from '../objects/order.js'
import type { ChainAddress } from '../objects/scalars.js'
import { fromBigEndian } from '../bytes/bytes.js'
import { fromHex, toHex } from '../bytes/hex.js'
import type { CborKey } from '../codec/value.js'
import type { Encodable } from '../codec/encode.js'
import { connect, uploadBlob, type Change, type Item, type PaymentDue, type ShopClient } from '../client/shop-client.js'
import { enrol } from '../client/enrol.js'
import type { DemoKeys } from './demo-keys.js'
import { pictureOf, PRODUCTS, TAGS, type DemoProduct } from './demo-products.js'

/** Between two changes of the living shop. */
const CHANGE_EVERY_MS = 4_000

const id = (product: number) => BigInt(1_000 + product)
const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<CborKey, Encodable> =>
  new Map(Object.entries(fields))

/** The chain that the demo's shop and its orders are on. */
export interface DemoChain {
  /** A token that orders may be paid with besides the native currency. */
  readonly token: ChainAddress | undefined
  /** Mints the shop to the owner (20 bytes) and names the relay, unless that is so; whether the shop was not there. */
  mint(shop: bigint, owner: Uint8Array): Promise<boolean>
  /** Pays as a guest would; resolves with the transaction's hash. */
  pay(due: PaymentDue): Promise<string>
}

interface DemoOptions {
  readonly url: string
  readonly keys: DemoKeys
  readonly signal: AbortSignal
  /** Between two changes of prices and stock. */
  readonly changeEveryMs?: number
  /** Left out: orders stay Committed. */
  readonly chain?: DemoChain | undefined
  /** Called once, when the shop is filled and the orders are there. */
  readonly ready: (start: DemoStart) => void
  /** What happens to the orders. */
  readonly tell: (text: string) => void
}

/** What a start of the demo found and made. */
export interface DemoStart {
  /** An order that waits to be paid by whoever tries the demo; undefined without a chain, or where none can be made. */
  readonly unpaid: bigint | undefined
  /** Orders of earlier starts that are Paid. */
  readonly paidBefore: number
  /** The shop was filled on an earlier chain, which this one knows nothing of. */
  readonly isNewChain: boolean
}

/** Runs until `signal` is aborted. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { url, keys, signal, chain, ready, tell, changeEveryMs = CHANGE_EVERY_MS } = options
  const shop = BigInt(keys.shop)
  const card = fromHex(keys.card)
  const minted = (await chain?.mint(shop, addressOfWallet(walletOf(keys.wallet)))) ?? false
  await enrolIfNew(url, shop, keys.wallet, keys.card, false, signal)
  const client = await connect({ url, shop, key: card, relay: 'development', signal })
  await synced(client, signal)
  const isNew = client.listings().get().data?.length === 0
  if (isNew) await fill(client, shop)
  await illustrate(client)
  await accept(client, [NATIVE, ...(chain?.token === undefined ? [] : [chain.token])])
  const guests = await Promise.all(keys.guests.map((guest) => guestOf(url, shop, keys.wallet, guest, signal)))
  const last = guests.at(-1)!
  let unpaid: OrderId | undefined
  try {
    for (const guest of guests) {
      // What guests of earlier starts took is not to be missing now.
      if (guest.ended.length > 0) await restock(client)
      await commit(guest.client, guest.order, chain !== undefined)
    }
    unpaid = chain && last.client.orders.due(last.order)?.order
  } catch (error) {
    if (signal.aborted) throw error
    // The shop is there for whoever tries it: he may have changed what these guests want.
    tell(`the guests of the demo cannot order: ${(error as Error).message}`)
  }
  // The last one's card is free for `cairn order pay`; the others pay by themselves.
  last.client.close()
  const paidBefore = guests.flatMap(({ ended }) => ended).filter(({ State }) => State === PAID).length
  ready({ unpaid, paidBefore, isNewChain: minted && !isNew })
  const payments = guests.slice(0, -1).map(async ({ client, order }) => {
    if (chain !== undefined) await payOrder(client, order, chain, tell)
    client.close()
  })
  await Promise.all([live(client, changeEveryMs, signal), ...payments])
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
  const payee = new Map([[DEVELOPMENT_CHAIN_ID, new Map([[PAYEE, map({ CallAsContract: false })]])]])
  const post = (cents: bigint) => {
    const Amount = cents * WEI_PER_CENT
    return map({ post: map({ ModificationAbsolute: map({ Amount, Plus: true }) }) })
  }
  const region = (Country: string, cents: bigint) =>
    map({ Country, PostalCode: '', City: '', PriceModifiers: post(cents) })
  const manifest = map({
    ShopID: shop,
    Payees: payee,
    AcceptedCurrencies: currencyMap([NATIVE]),
    PricingCurrency: map({ ...NATIVE }),
    ShippingRegions: map({ home: region('CH', 300n), anywhere: region('', 900n) }),
  })
  const changes: Change[] = [{ op: 'replace', path: ['Manifest'], value: manifest }]
  for (const [i, sold] of PRODUCTS.entries()) changes.push(...product(i + 1, sold))
  for (const [name, numbers] of Object.entries(TAGS))
    changes.push({ op: 'add', path: ['Tags', name], value: map({ Name: name, ListingIDs: numbers.map(id) }) })
  // Apart: from the hash of its neighbours in a set a visitor could guess the stock.
  const isStock = ({ path }: Change) => path[0] === 'Inventory'
  await client.write(changes.filter((change) => !isStock(change)))
  await client.write(changes.filter(isStock))
}

/** Gives pictures to the listings that have none; goes without where the relay cannot keep them. */
async function illustrate(client: ShopClient): Promise<void> {
  const changes: Change[] = []
  for (const [i, sold] of PRODUCTS.entries()) {
    const listing = client.listing(id(i + 1)).get().data
    const isBare = listing?.Metadata.Title === sold.title && listing.Metadata.Images === undefined
    const picture = isBare ? await pictureOf(sold) : undefined
    if (picture === undefined) continue
    const url = await client
      .uploadUrl()
      .then((address) => uploadBlob(address, picture))
      .catch(() => undefined)
    if (url !== undefined)
      changes.push({ op: 'replace', path: ['Listings', id(i + 1), 'Metadata', 'Images'], value: [url] })
  }
  if (changes.length > 0) await client.write(changes)
}

/** The price source of this start decides what can be paid with. */
async function accept(client: ShopClient, currencies: readonly ChainAddress[]): Promise<void> {
  const held = client.manifest().get().data?.AcceptedCurrencies?.get(DEVELOPMENT_CHAIN_ID)
  if (held?.size === currencies.length && currencies.every(({ Address }) => held.has(toHex(Address)))) return
  await client.write([{ op: 'replace', path: ['Manifest', 'AcceptedCurrencies'], value: currencyMap(currencies) }])
}

/** All of the development chain. */
function currencyMap(currencies: readonly ChainAddress[]): Encodable {
  return new Map([[DEVELOPMENT_CHAIN_ID, new Map(currencies.map(({ Address }) => [Address, new Map()]))]])
}

/** As much as one guest orders. */
async function restock(client: ShopClient): Promise<void> {
  const changes = ITEMS.map(({ listing, variations = [], quantity }): Change => ({
    op: 'increment',
    path: ['Inventory', listing, ...variations],
    value: quantity,
  }))
  await client.write(changes)
}

/** A listing and its stock. */
function product(number: number, { title, description, cents, option }: DemoProduct): Change[] {
  const listing = id(number)
  const fields = {
    ID: listing,
    Price: BigInt(cents) * WEI_PER_CENT,
    Metadata: map({ Title: title, Description: description }),
    ViewState: 1n,
    StockStatuses: [map({ VariationIDs: null, InStock: true })],
  }
  if (option === undefined) {
    return [
      { op: 'add', path: ['Listings', listing], value: map(fields) },
      { op: 'add', path: ['Inventory', listing], value: BigInt(20 + number) },
    ]
  }
  const variation = ([name, Title]: readonly [string, string]) => {
    const factor = option.percent?.[name]
    const PriceModifier = factor === undefined ? {} : { PriceModifier: map({ ModificationPercent: factor }) }
    return [name, map({ VariationInfo: map({ Title, Description: `${option.title}: ${Title}` }), ...PriceModifier })]
  }
  const variations = Object.entries(option.values)
  const Variations = map(Object.fromEntries(variations.map(variation)) as Readonly<Record<string, Encodable>>)
  const Options = map({ [option.title.toLowerCase()]: map({ Title: option.title, Variations }) })
  return [
    { op: 'add', path: ['Listings', listing], value: map({ ...fields, Options }) },
    ...variations.map(([name]): Change => ({
      op: 'add',
      path: ['Inventory', listing, name],
      value: BigInt(5 + number),
    })),
  ]
}

interface Guest {
  readonly client: ShopClient
  /** His first order that has not ended; it may have to be made. */
  readonly order: OrderId
  /** His orders before it, Paid or Canceled. */
  readonly ended: readonly Order[]
}

/** A guest's orders have consecutive ids, which begin where his card's public key says. */
async function guestOf(url: string, shop: bigint, wallet: string, secret: string, signal: AbortSignal): Promise<Guest> {
  await enrolIfNew(url, shop, wallet, secret, true, signal)
  const client = await connect({ url, shop, key: fromHex(secret), relay: 'development', signal })
  await synced(client, signal)
  const ended: Order[] = []
  for (let order = fromBigEndian(publicKeyOf(fromHex(secret)).subarray(1, 7)) + 1n; ; order++) {
    const { data } = client.order(order).get()
    if (data === undefined || !hasEnded(data)) return { client, order, ended }
    ended.push(data)
  }
}

function hasEnded({ State, CanceledAt }: Order): boolean {
  return State === PAID || State === CANCELED || CanceledAt !== undefined
}

/** Brings the order as far as it can come: Committed, or with a chain to what is to be paid. */
async function commit({ orders }: ShopClient, order: OrderId, payable: boolean): Promise<void> {
  let state = orders.watch(order).get().data?.State
  if (state === undefined) {
    await orders.create({ id: order, items: ITEMS, shippingAddress: ADDRESS })
    state = OPEN
  }
  if (state === OPEN) {
    await orders.commit(order)
    state = COMMITTED
  }
  if (payable && state !== UNPAID) await orders.choosePayment(order, CHOICE)
}

async function payOrder(
  client: ShopClient,
  order: OrderId,
  chain: DemoChain,
  tell: DemoOptions['tell'],
): Promise<void> {
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
const NATIVE: ChainAddress = { ChainID: DEVELOPMENT_CHAIN_ID, Address: new Uint8Array(20) }
const CHOICE = { payee: { ChainID: DEVELOPMENT_CHAIN_ID, Address: PAYEE }, currency: NATIVE }
const ITEMS: readonly Item[] = [
  { listing: id(1), quantity: 1n },
  { listing: id(3), variations: ['M'], quantity: 2n },
]

/** Prices and stock change slowly, one listing after the other. */
async function live(client: ShopClient, everyMs: number, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    if (client.state === 'connected') await client.write([changeOf(turn)]).catch(() => undefined)
    await pause(everyMs, signal)
  }
}

function changeOf(turn: number): Change {
  const number = ((turn * 7) % PRODUCTS.length) + 1
  // Sold out, and back some seconds later.
  if (turn % 6 === 5) {
    const scarce = id(SCARCE[Math.floor(turn / 12) % SCARCE.length]!)
    return { op: 'replace', path: ['Listings', scarce, 'StockStatuses', 0n, 'InStock'], value: turn % 12 === 11 }
  }
  if (turn % 3 === 2) return { op: 'increment', path: stockPath(number), value: 1n }
  const tenths = (BigInt(PRODUCTS[number - 1]!.cents) * BigInt(95 + ((turn * 3) % 11))) / 1_000n
  return { op: 'replace', path: ['Listings', id(number), 'Price'], value: tenths * 10n * WEI_PER_CENT }
}

/** Numbers of products that are sold out now and then. */
const SCARCE = [29, 20, 10, 25] as const
/** What the demo calls a cent of ether. */
const WEI_PER_CENT = 10n ** 13n

function stockPath(number: number): Change['path'] {
  return PRODUCTS[number - 1]!.option === undefined ? ['Inventory', id(number)] : ['Inventory', id(number), 'M']
}

/** Ends early where `signal` is aborted; leaves nothing behind at it. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
}

/** The first listing of the demo: what the commands to try next name. */
export const DEMO_LISTING = id(1)
