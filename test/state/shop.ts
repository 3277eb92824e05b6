/** A small shop with one of everything, and the words to change and to look at it in tests. */

import { expect } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { decodeChecked } from '../../src/codec/decode.js'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { checkForm } from '../../src/codec/span.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'
import { inventoryKey } from '../../src/objects/inventory.js'
import { encodeChange, readPatch, type Change, type Patch, type PathPart } from '../../src/patches/patch.js'
import type { Author } from '../../src/state/access.js'
import { applyPatches, type Applied, type ApplyContext } from '../../src/state/apply.js'
import type { Effects } from '../../src/state/draft.js'
import { rebuildShop } from '../../src/state/rebuild.js'
import { COLLECTIONS, emptyShop, idKey, INDEXES, stateHash, type ShopState } from '../../src/state/shop-state.js'

export type Path = readonly PathPart[]

export const SHOP_ID = 2n ** 200n + 7n
export const NOW = 1_700_000_000n
export const DAY = 86_400n

/** `length` bytes of one value. */
export const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)

export const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<CborKey, Encodable> =>
  new Map(Object.entries(fields))

/** The map without the named fields, with those of `more`. */
export function changed(
  value: ReadonlyMap<CborKey, Encodable>,
  more: Readonly<Record<string, Encodable>>,
  ...without: readonly string[]
): ReadonlyMap<CborKey, Encodable> {
  return new Map([...value, ...Object.entries(more)].filter(([key]) => !without.includes(key as string)))
}

export const time = (seconds: bigint): CborTime => new CborTime(seconds)

// Who writes

export const wallets = { owner: filled(20, 0xa0), clerk: filled(20, 0xa1), guests: filled(20, 0) } as const
export const cards = {
  owner: filled(33, 0xc0),
  clerk: filled(33, 0xc1),
  clerkSecond: filled(33, 0xc2),
  guest: filled(33, 0xc3),
  other: filled(33, 0xc4),
} as const

export const authors = {
  relay: { role: 'relay' },
  owner: { role: 'owner', card: cards.owner, account: wallets.owner },
  clerk: { role: 'clerk', card: cards.clerk, account: wallets.clerk },
  guest: { role: 'guest', card: cards.guest, account: wallets.guests },
  other: { role: 'guest', card: cards.other, account: wallets.guests },
} as const satisfies Record<string, Author>
export type Who = keyof typeof authors

export function by(who: Who, more: Partial<ApplyContext> = {}): ApplyContext {
  return { author: authors[who], committedAt: NOW, reservationSeconds: DAY, ...more }
}

// Changes

/** A patch as it is read from its bytes. `value` left out: the patch has none. */
export function patch(op: string, path: Path, value?: Encodable): Patch {
  const bytes = encodeChange({ op, path, ...(value !== undefined && { value }) } as Change)
  checkForm(bytes)
  return readPatch(bytes)
}

type Accepted = Extract<Applied, { ok: true }>

/** Applies a set that has to be accepted; the result is checked against a shop that is computed from nothing. */
export function accept(state: ShopState, context: ApplyContext, ...patches: readonly Patch[]): Accepted {
  const applied = applyPatches(state, patches, context)
  if (!applied.ok) throw new Error(`${applied.verdict.code} ${applied.verdict.message}`)
  expectConsistent(applied.state)
  return applied
}

export function after(state: ShopState, who: Who, ...patches: readonly Patch[]): ShopState {
  return accept(state, by(who), ...patches).state
}

export function effectsOf(state: ShopState, who: Who, ...patches: readonly Patch[]): Effects {
  return accept(state, by(who), ...patches).effects
}

/** `ok`, or the code of the verdict with the id it names: `NOT_FOUND 7`. A refused set must leave the state as it was. */
export function verdictOn(state: ShopState, context: ApplyContext, ...patches: readonly Patch[]): string {
  const before = dump(state)
  const applied = applyPatches(state, patches, context)
  expect(dump(state)).toBe(before)
  if (applied.ok) {
    expectConsistent(applied.state)
    return 'ok'
  }
  const { code, objectId, message } = applied.verdict
  expect(message.startsWith(`patch ${applied.patchIndex}: `)).toBe(true)
  return objectId === undefined ? code : `${code} ${objectId}`
}

/** What the refusal says, with the patch's index. */
export function messageOf(state: ShopState, context: ApplyContext, ...patches: readonly Patch[]): string {
  const applied = applyPatches(state, patches, context)
  return applied.ok ? 'ok' : applied.verdict.message
}

// Looking

/** Every object and index entry in hexadecimal, and the hash; without `order` what depends on when things came is left out. */
export function dump(state: ShopState, order = true): string {
  const lines = [`manifest ${state.manifest === undefined ? '' : toHex(state.manifest)}`, toHex(stateHash(state))]
  for (const name of COLLECTIONS) {
    for (const [key, value] of state.collections[name].entries()) lines.push(`${name} ${toHex(key)} ${toHex(value)}`)
  }
  for (const name of INDEXES) {
    const shown = order || (name !== 'live' && name !== 'numbers')
    for (const [key, value] of state.indexes[name].entries())
      lines.push(`${name} ${toHex(key)} ${shown ? toHex(value) : ''}`)
  }
  return lines.join('\n')
}

/** The shop computed from its objects alone. */
export function rebuilt(state: ShopState): ShopState {
  const objects = Object.fromEntries(COLLECTIONS.map((name) => [name, [...state.collections[name].entries()]])) as never
  const { shopId, schemaVersion, manifest } = state
  return rebuildShop({ shopId, schemaVersion, manifest, objects }, state.indexes)
}

/** Hash, tries and indexes are those of a shop computed from nothing; when a reservation began is not in the objects. */
export function expectConsistent(state: ShopState): void {
  expect(dump(state, false)).toBe(dump(rebuilt(state), false))
}

/** What stands at a path, in diagnostic notation; `absent` where nothing does. Inventory: its variations in any order. */
export function show(state: ShopState, path: Path): string {
  const object = objectAt(state, path)
  if (object === undefined) return 'absent'
  const rest = path[0] === 'Manifest' ? path.slice(1) : path[0] === 'Inventory' ? [] : path.slice(2)
  let value: Cbor | undefined = decodeChecked(object)
  for (const part of rest) value = value === undefined ? undefined : inside(value, part)
  return value === undefined ? 'absent' : diagnostic(value)
}

function objectAt(state: ShopState, [collection, key, ...variations]: Path): Uint8Array | undefined {
  const tries = state.collections
  switch (collection) {
    case 'Manifest':
      return state.manifest
    case 'Accounts':
      return tries.Accounts.get(key as Uint8Array)
    case 'Listings':
      return tries.Listings.get(idKey(key as bigint))
    case 'Orders':
      return tries.Orders.get(idKey(key as bigint))
    case 'Tags':
      return tries.Tags.get(new TextEncoder().encode(key as string))
    case 'Inventory':
      return tries.Inventory.get(inventoryKey(key as bigint, variations as string[]))
    default:
      throw new Error(`no collection ${String(collection)}`)
  }
}

function inside(value: Cbor, part: PathPart): Cbor | undefined {
  if (Array.isArray(value)) return (value as readonly Cbor[])[Number(part)]
  if (!(value instanceof Map)) return undefined
  for (const [key, item] of value as ReadonlyMap<CborKey, Cbor>) {
    const same = key instanceof Uint8Array && part instanceof Uint8Array ? equalBytes(key, part) : key === part
    if (same) return item
  }
  return undefined
}

/** Diagnostic notation of what our encoder makes of a value. */
export function shown(value: Encodable): string {
  return diagnostic(decodeChecked(encode(value)))
}

// The shop

export const native = filled(20, 0)
export const token = filled(20, 0x70)
export const payee = filled(20, 0xee)
export const contractPayee = filled(20, 0xef)

export const chainAddress = (ChainID: bigint, Address: Uint8Array) => map({ ChainID, Address })
export const region = map({ Country: 'DE', PostalCode: '', City: '' })

export const manifest = map({
  ShopID: SHOP_ID,
  Payees: new Map<CborKey, Encodable>([
    [1n, new Map([[payee, map({ CallAsContract: false })]])],
    [2n, new Map([[contractPayee, map({ CallAsContract: true })]])],
  ]),
  AcceptedCurrencies: new Map<CborKey, Encodable>([
    [
      1n,
      new Map<CborKey, Encodable>([
        [native, map({})],
        [token, map({})],
      ]),
    ],
  ]),
  PricingCurrency: chainAddress(1n, native),
  ShippingRegions: map({ home: region }),
})

export const metadata = (Title: string) => map({ Title, Description: 'Of good wool' })
export const variation = (title: string) => map({ VariationInfo: metadata(title) })

export function listing(ID: bigint, more: Readonly<Record<string, Encodable>> = {}) {
  return map({ ID, Price: 500n, Metadata: metadata('Socks'), ViewState: 1n, ...more })
}

export const socks = listing(1n, {
  Metadata: map({ Title: 'Socks', Description: 'Of good wool', Images: ['ipfs://a', 'ipfs://b'] }),
  Options: map({
    size: map({ Title: 'Size', Variations: map({ S: variation('Small'), M: variation('Medium') }) }),
    colour: map({ Title: 'Colour', Variations: map({ red: variation('Red') }) }),
  }),
  StockStatuses: [
    map({ VariationIDs: ['S'], InStock: true }),
    map({ VariationIDs: ['M'], ExpectedInStockBy: time(NOW) }),
  ],
})

export const address = map({
  Name: 'Ada',
  Address1: 'Main Street 1',
  City: 'Town',
  PostalCode: '12345',
  Country: 'DE',
  EmailAddress: 'ada@example.org',
})

export function item(ListingID: bigint, Quantity: bigint, ...VariationIDs: readonly string[]) {
  return map({ ListingID, Quantity, ...(VariationIDs.length > 0 && { VariationIDs }) })
}

export function order(
  ID: bigint,
  Items: Encodable = [item(2n, 2n)],
  more: Readonly<Record<string, Encodable>> = {},
): ReadonlyMap<CborKey, Encodable> {
  return map({ ID, Items, State: 1n, ...more })
}

export const addOrder = (...given: Parameters<typeof order>) => patch('add', ['Orders', given[0]], order(...given))
export const setState = (id: bigint, state: bigint) => patch('replace', ['Orders', id, 'State'], state)

export const paymentDetails = map({
  PaymentID: filled(32, 1),
  Total: 1_000n,
  ListingHashes: [filled(32, 2)],
  TTL: NOW + 2n * DAY,
  ShopSignature: filled(65, 0),
})
export const txDetails = map({ BlockHash: filled(32, 3) })

/** Ids of the shop's orders, by what they are. */
export const FULL = 10n
export const BARE = 11n
export const COMMITTED_ORDER = 12n
export const OTHERS = 13n
export const CLERKS = 14n

/**
 * Listings 1 (socks, with options), 2 (published), 3 (not published), 4 (in no tag, no stock); tags `sale` [1, 2] and `none` [];
 * stock 5 of 1 S red, 10 of 2, 4 of 3; the orders above, of which one holds 3 pieces of listing 2.
 */
export const shop: ShopState = build()

function build(): ShopState {
  let state = emptyShop(SHOP_ID)
  state = after(
    state,
    'relay',
    patch('replace', ['Manifest'], manifest),
    patch('add', ['Accounts', wallets.owner], map({ KeyCards: [cards.owner], Guest: false })),
    patch('add', ['Accounts', wallets.clerk], map({ KeyCards: [cards.clerk, cards.clerkSecond], Guest: false })),
    patch('add', ['Accounts', wallets.guests], map({ KeyCards: [cards.guest, cards.other], Guest: true })),
  )
  state = after(
    state,
    'clerk',
    patch('add', ['Listings', 1n], socks),
    patch('add', ['Listings', 2n], listing(2n)),
    patch('add', ['Listings', 3n], listing(3n, { ViewState: 0n })),
    patch('add', ['Listings', 4n], listing(4n)),
    patch('add', ['Tags', 'sale'], map({ Name: 'sale', ListingIDs: [1n, 2n] })),
    patch('add', ['Tags', 'none'], map({ Name: 'none', ListingIDs: [] })),
    patch('add', ['Inventory', 1n, 'S', 'red'], 5n),
    patch('add', ['Inventory', 2n], 10n),
    patch('add', ['Inventory', 3n], 4n),
    addOrder(CLERKS, [item(2n, 1n)]),
  )
  const full = {
    InvoiceAddress: address,
    ChosenPayee: map({ Address: chainAddress(1n, payee), CallAsContract: false }),
    ChosenCurrency: chainAddress(1n, native),
  }
  state = after(
    state,
    'guest',
    addOrder(FULL, [item(2n, 2n), item(1n, 1n, 'S', 'red')], full),
    addOrder(BARE),
    addOrder(COMMITTED_ORDER, [item(2n, 3n)]),
    setState(COMMITTED_ORDER, 3n),
  )
  return after(state, 'other', addOrder(OTHERS, [item(2n, 1n)]))
}
