/**
 * The demo: an ordinary client, the one that storefronts use, that enrols a card, fills a shop and keeps it alive. What it
 * needs to go on after a restart (its keys) stands in a file of its own beside the relay's data.
 */

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { walletOf } from './wallet.js'
import { publicKeyOf } from '#signature'
import { fromHex } from '../bytes/hex.js'
import type { CborKey } from '../codec/value.js'
import type { Encodable } from '../codec/encode.js'
import { connect, type Change, type ShopClient } from '../client/shop-client.js'
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

/** Reads the demo's keys, or makes them. */
export async function demoKeys(file: string): Promise<DemoKeys> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DemoKeys
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const key = () => randomBytes(32).toString('hex')
  const shop = BigInt(`0x${randomBytes(6).toString('hex')}`) + 1n
  const keys: DemoKeys = { shop: String(shop), wallet: key(), card: key(), guests: Array.from({ length: GUESTS }, key) }
  await writeFile(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
  return keys
}

/** Runs until `signal` is aborted. `ready` is called once the shop is filled. */
export async function runDemo(url: string, keys: DemoKeys, signal: AbortSignal, ready: () => void): Promise<void> {
  const shop = BigInt(keys.shop)
  const card = fromHex(keys.card)
  await enrolIfNew(url, shop, keys.wallet, keys.card, false, signal)
  const client = await connect({ url, shop, key: card, relay: 'development', signal })
  await synced(client, signal)
  if (client.listings().length === 0) await fill(client, shop)
  for (const guest of keys.guests) await order(url, shop, keys.wallet, guest, signal)
  ready()
  await live(client, signal)
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
  const native = map({ ChainID: 31_337n, Address: new Uint8Array(20) })
  const payee = new Map([[31_337n, new Map([[new Uint8Array(20).fill(0xca), map({ CallAsContract: false })]])]])
  const currencies = new Map([[31_337n, new Map([[new Uint8Array(20), new Map()]])]])
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

/** A guest with an order of his own: once per guest. */
async function order(url: string, shop: bigint, wallet: string, secret: string, signal: AbortSignal): Promise<void> {
  await enrolIfNew(url, shop, wallet, secret, true, signal)
  const client = await connect({ url, shop, key: fromHex(secret), relay: 'development', signal })
  const number = BigInt(`0x${secret.slice(0, 12)}`) + 1n
  const items = [map({ ListingID: id(1), Quantity: 1n }), map({ ListingID: id(3), VariationIDs: ['M'], Quantity: 2n })]
  try {
    await synced(client, signal)
    await client.write([
      { op: 'add', path: ['Orders', number], value: map({ ID: number, State: 1n, Items: items }) },
      { op: 'replace', path: ['Orders', number, 'State'], value: 3n },
    ])
  } catch (error) {
    if (!(error as Error).message.includes('is set already')) throw error
  } finally {
    client.close()
  }
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
