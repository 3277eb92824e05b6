/** Random shops and random changes of them, the same for the same seed: for property tests and benchmarks. */

import type { Encodable } from '../../src/codec/encode.js'
import { CborTime, type CborKey } from '../../src/codec/value.js'
import type { Change, Op, PathPart } from '../../src/patches/patch.js'
import type { ApplyContext } from '../../src/state/apply.js'

export const SHOP_ID = 2n ** 64n + 1n

/** Mulberry32: 32 bits of state, the same on every machine. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
  }

  /** An integer from 0 to before `end`. */
  below(end: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end)
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  shuffled<T>(values: readonly T[]): T[] {
    const result = [...values]
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      ;[result[i], result[j]] = [result[j]!, result[i]!]
    }
    return result
  }
}

/** A change and who makes it. */
export interface Step {
  readonly change: Change
  readonly context: ApplyContext
}

/** How many of each there are at first. Changes name some more, so that some things are missing. */
export interface Sizes {
  readonly listings: number
  readonly stock: number
  readonly orders: number
  readonly tags: number
  readonly accounts: number
}

/** Sizes that make `objects` objects. */
export function sizesOf(objects: number): Sizes {
  const part = (percent: number) => Math.floor((objects * percent) / 100)
  const [stock, orders, tags, accounts] = [part(30), part(20), part(5), part(5)]
  return { listings: objects - stock - orders - tags - accounts, stock, orders, tags, accounts }
}

/** What builds a shop: listings need the manifest, the rest needs the listings; within each the order is free. */
export function shopSteps(random: Random, sizes: Sizes): { manifest: Step; listings: Step[]; rest: Step[] } {
  const range = (length: number) => Array.from({ length }, (_, i) => i + 1)
  return {
    manifest: step('relay', 'replace', ['Manifest'], manifest()),
    listings: range(sizes.listings).map((n) => step('clerk', 'add', ['Listings', BigInt(n)], listing(random, n))),
    rest: [
      ...range(sizes.stock).map((n) => step('clerk', 'add', stockPath(n), BigInt(random.below(1_000)))),
      ...range(sizes.orders).map((n) => addOrder(random, sizes, n, random.chance(20) ? 3n : 1n)),
      ...range(sizes.tags).map((n) => step('clerk', 'add', ['Tags', tagName(n)], tag(random, sizes, n))),
      ...range(sizes.accounts).map((n) => step('relay', 'add', ['Accounts', wallet(n)], account(random, n))),
    ],
  }
}

/** A change that may or may not be accepted. */
export function randomStep(random: Random, sizes: Sizes): Step {
  const kind = random.below(100)
  if (kind < 30) return listingStep(random, sizes)
  if (kind < 50) return stockStep(random, sizes)
  if (kind < 75) return orderStep(random, sizes)
  if (kind < 85) return tagStep(random, sizes)
  if (kind < 90) return accountStep(random, sizes)
  if (kind < 97) return manifestStep(random)
  return strayStep(random, sizes)
}

// Who

const GUEST_CARDS = 7
type Role = 'relay' | 'clerk' | 'guest'

function contextOf(role: Role, number = 0): ApplyContext {
  const times = { committedAt: 1_700_000_000n, reservationSeconds: 86_400n }
  if (role === 'relay') return { author: { role }, ...times }
  const card = filled(33, role === 'clerk' ? 0xff : number)
  return { author: { role, card, account: filled(20, role === 'clerk' ? 0xff : 0) }, ...times }
}

function step(role: Role, op: Op, path: readonly [string, ...PathPart[]], value?: Encodable, guest = 0): Step {
  return { change: { op, path, ...(value !== undefined && { value }) }, context: contextOf(role, guest) }
}

// Values

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)
const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<CborKey, Encodable> =>
  new Map(Object.entries(fields))
const tagName = (n: number) => `tag ${n}`

function wallet(n: number): Uint8Array {
  return Uint8Array.from({ length: 20 }, (_, i) => (n >> ((i % 4) * 8)) & 0xff)
}

function manifest(): Encodable {
  return map({
    ShopID: SHOP_ID,
    Payees: new Map([[1n, new Map([[filled(20, 1), map({ CallAsContract: false })]])]]),
    AcceptedCurrencies: new Map([[1n, new Map([[filled(20, 0), map({})]])]]),
    PricingCurrency: map({ ChainID: 1n, Address: filled(20, 0) }),
    ShippingRegions: map({ home: region() }),
  })
}

function region(): Encodable {
  return map({ Country: 'DE', PostalCode: '', City: '' })
}

const metadata = (random: Random) => map({ Title: `Thing ${random.below(1_000)}`, Description: 'A thing' })
const variation = (random: Random) => map({ VariationInfo: metadata(random), SKU: `sku ${random.below(1_000)}` })

/** Every second listing comes in sizes S and M. */
const hasSizes = (n: number) => n % 2 === 0

function listing(random: Random, n: number): Encodable {
  const sizes = () =>
    map({ size: map({ Title: 'Size', Variations: map({ S: variation(random), M: variation(random) }) }) })
  return map({
    ID: BigInt(n),
    Price: BigInt(random.below(1_000_000)),
    Metadata: metadata(random),
    ViewState: random.chance(90) ? 1n : 2n,
    ...(hasSizes(n) && { Options: sizes() }),
    ...(random.chance(30) && {
      StockStatuses: [map({ VariationIDs: hasSizes(n) ? ['S'] : [], InStock: random.chance(50) })],
    }),
  })
}

function stockPath(n: number): readonly [string, ...PathPart[]] {
  return ['Inventory', BigInt(n), ...(hasSizes(n) ? ['S'] : [])]
}

function item(random: Random, sizes: Sizes): Encodable {
  const n = some(random, sizes.listings)
  return map({
    ListingID: BigInt(n),
    Quantity: BigInt(random.below(3) + 1),
    ...(hasSizes(n) && { VariationIDs: ['S'] }),
  })
}

const items = (random: Random, sizes: Sizes) => Array.from({ length: random.below(3) + 1 }, () => item(random, sizes))

function addOrder(random: Random, sizes: Sizes, n: number, State: bigint): Step {
  const value = map({ ID: BigInt(n), Items: items(random, sizes), State })
  return step('guest', 'add', ['Orders', BigInt(n)], value, guestOf(n))
}

const guestOf = (n: number) => n % GUEST_CARDS

function tag(random: Random, sizes: Sizes, n: number): Encodable {
  const ListingIDs = Array.from({ length: random.below(5) }, () => BigInt(some(random, sizes.listings)))
  return map({ Name: tagName(n), ListingIDs })
}

function account(random: Random, n: number): Encodable {
  return map({ KeyCards: Array.from({ length: random.below(3) }, () => filled(33, n & 0xff)), Guest: false })
}

/** One of those that there are at first. */
const some = (random: Random, size: number) => random.below(size) + 1
/** One of those, or one of a few more. */
const perhaps = (random: Random, size: number) => random.below(Math.ceil(size * 1.1)) + 1

// Changes

function listingStep(random: Random, sizes: Sizes): Step {
  const n = perhaps(random, sizes.listings)
  const at = ['Listings', BigInt(n)] as const
  const by = (op: Op, rest: readonly PathPart[], value?: Encodable) => step('clerk', op, [...at, ...rest], value)
  switch (random.below(16)) {
    case 0:
      return by('add', [], listing(random, n))
    case 1:
      return by('replace', [], listing(random, n))
    case 2:
      return random.chance(20) ? by('remove', []) : by('replace', ['Metadata'], metadata(random))
    case 3:
      return by('replace', ['ViewState'], BigInt(random.below(4)))
    case 4:
      return by('replace', ['Metadata', 'Title'], random.pick(['Fine', '', ' ']))
    case 5:
      return by('append', ['Metadata', 'Images'], 'ipfs://picture')
    case 6:
      return by(
        random.pick(['add', 'replace', 'remove']),
        ['Metadata', 'Images', BigInt(random.below(2))],
        random.chance(50) ? 'ipfs://other' : undefined,
      )
    case 7:
      return by('append', ['StockStatuses'], map({ VariationIDs: ['S'], InStock: true }))
    case 8:
      return by(
        'replace',
        ['StockStatuses', BigInt(random.below(2)), 'ExpectedInStockBy'],
        new CborTime(BigInt(random.below(2 ** 31))),
      )
    case 9:
      return by('remove', ['StockStatuses', BigInt(random.below(2))])
    case 10:
      return by('add', ['Options', random.pick(['size', 'colour'])], map({ Title: 'Colour' }))
    case 11:
      return by('add', ['Options', 'size', 'Variations', random.pick(['S', 'L', 'a|b'])], variation(random))
    case 12:
      return random.chance(10)
        ? by('remove', ['Options', random.pick(['size', 'colour'])])
        : by('replace', ['Options', 'size', 'Title'], 'Sizes')
    case 13:
      return by(
        'replace',
        ['Options', 'size', 'Variations', 'S', 'PriceModifier'],
        map({ ModificationPercent: BigInt(random.below(200)) }),
      )
    default:
      return by('replace', ['Price'], BigInt(random.below(1_000_000)))
  }
}

function stockStep(random: Random, sizes: Sizes): Step {
  const n = perhaps(random, sizes.stock)
  const path = random.chance(95) ? stockPath(n) : (['Inventory', BigInt(n), random.pick(['M', 'XXL'])] as const)
  const op = random.pick<Op>(['add', 'replace', 'remove', 'increment', 'increment', 'decrement', 'decrement'])
  return step('clerk', op, path, op === 'remove' ? undefined : BigInt(random.below(300)))
}

function orderStep(random: Random, sizes: Sizes): Step {
  const n = perhaps(random, sizes.orders)
  const role = random.pick<Role>(['guest', 'guest', 'guest', 'clerk', 'relay'])
  const guest = random.chance(90) ? guestOf(n) : random.below(GUEST_CARDS)
  const by = (op: Op, rest: readonly PathPart[], value?: Encodable) =>
    step(role, op, ['Orders', BigInt(n), ...rest], value, guest)
  const whole = (State: bigint) => map({ ID: BigInt(n), Items: items(random, sizes), State })
  switch (random.below(16)) {
    case 0:
    case 1:
      return by('add', [], whole(random.chance(10) ? 3n : 1n))
    case 2:
      return by('replace', [], whole(1n))
    case 3:
      return by('remove', [])
    case 4:
      return by('append', ['Items'], item(random, sizes))
    case 5:
      return by(random.pick(['add', 'replace']), ['Items', BigInt(random.below(3))], item(random, sizes))
    case 6:
      return by('remove', ['Items', BigInt(random.below(3))])
    case 7:
      return by(random.pick(['increment', 'decrement']), ['Items', 0n, 'Quantity'], BigInt(random.below(3)))
    case 8:
      return by('add', ['InvoiceAddress'], address(random))
    case 9:
      return by('replace', ['InvoiceAddress', 'EmailAddress'], random.pick(['a@b.c', 'nobody']))
    case 10:
      return by(
        random.pick(['add', 'replace']),
        ['ChosenCurrency'],
        map({ ChainID: BigInt(random.below(2) + 1), Address: filled(20, 0) }),
      )
    case 11:
      return random.chance(20) ? by('add', ['CanceledAt'], new CborTime(5n)) : by('remove', ['InvoiceAddress'])
    case 12:
      return by('add', ['PaymentDetails'], paymentDetails(random))
    default:
      return by('replace', ['State'], BigInt(random.pick([2, 3, 3, 4, 5, 6, 6])))
  }
}

function address(random: Random): Encodable {
  const Country = random.pick(['DE', 'FR', ''])
  return map({ Name: 'Ada', Address1: 'Street 1', City: 'Town', PostalCode: '1', Country, EmailAddress: 'a@b.c' })
}

function paymentDetails(random: Random): Encodable {
  return map({
    PaymentID: filled(32, random.below(256)),
    Total: BigInt(random.below(1_000)),
    ListingHashes: [filled(32, 1)],
    TTL: BigInt(1_700_000_000 + random.below(200_000)),
    ShopSignature: filled(65, 0),
  })
}

function tagStep(random: Random, sizes: Sizes): Step {
  const n = perhaps(random, sizes.tags)
  const id = () => BigInt(perhaps(random, sizes.listings))
  const by = (op: Op, rest: readonly PathPart[], value?: Encodable) =>
    step('clerk', op, ['Tags', tagName(n), ...rest], value)
  switch (random.below(8)) {
    case 0:
      return by('add', [], tag(random, sizes, n))
    case 1:
      return by('replace', [], tag(random, sizes, random.chance(90) ? n : n + 1))
    case 2:
      return by('remove', [])
    case 3:
      return by('replace', ['Name'], 'Renamed')
    case 4:
      return by('append', ['ListingIDs'], id())
    case 5:
      return by('remove', ['ListingIDs', BigInt(random.below(4))])
    default:
      return by(random.pick(['add', 'replace']), ['ListingIDs', BigInt(random.below(4))], id())
  }
}

function accountStep(random: Random, sizes: Sizes): Step {
  const n = perhaps(random, sizes.accounts)
  const role = random.pick<Role>(['relay', 'relay', 'relay', 'clerk'])
  const by = (op: Op, rest: readonly PathPart[], value?: Encodable) =>
    step(role, op, ['Accounts', wallet(n), ...rest], value)
  switch (random.below(6)) {
    case 0:
      return by('add', [], account(random, n))
    case 1:
      return by('replace', [], account(random, n))
    case 2:
      return by('remove', [])
    case 3:
      return by('append', ['KeyCards'], filled(random.chance(90) ? 33 : 32, n & 0xff))
    case 4:
      return by('add', ['KeyCards', BigInt(random.below(2))], filled(33, 7))
    default:
      return by('remove', ['KeyCards', BigInt(random.below(2))])
  }
}

function manifestStep(random: Random): Step {
  const by = (op: Op, rest: readonly PathPart[], value?: Encodable) => step('clerk', op, ['Manifest', ...rest], value)
  const op = random.pick<Op>(['add', 'replace', 'remove'])
  const entry = (value: Encodable) => (op === 'remove' ? undefined : value)
  switch (random.below(5)) {
    case 0:
      return by('replace', [], manifest())
    case 1:
      return by('replace', ['PricingCurrency'], map({ ChainID: BigInt(random.below(3)), Address: filled(20, 0) }))
    case 2:
      return by(op, ['Payees', BigInt(random.below(3)), filled(20, random.below(4))], entry(map({})))
    case 3:
      return by(op, ['AcceptedCurrencies', 1n, filled(20, random.below(4))], entry(map({})))
    default:
      return by(op, ['ShippingRegions', random.pick(['home', 'far', 'away', ''])], entry(region()))
  }
}

const OPS: readonly Op[] = ['add', 'replace', 'remove', 'append', 'increment', 'decrement']
const COLLECTIONS = ['Manifest', 'Accounts', 'Listings', 'Tags', 'Inventory', 'Orders'] as const

/** Any op on anything: nearly always refused. */
function strayStep(random: Random, sizes: Sizes): Step {
  const key = random.pick<PathPart>([
    BigInt(some(random, sizes.listings)),
    tagName(some(random, sizes.tags)),
    wallet(1),
  ])
  const rest = random.pick<readonly PathPart[]>([
    [],
    ['Nothing'],
    [0n],
    ['Items', 'x'],
    ['Metadata', 'Images', 2n ** 64n - 1n],
  ])
  const value = random.pick<Encodable>([null, 0n, 'text', [], map({}), filled(20, 1)])
  return step(
    random.pick<Role>(['relay', 'clerk', 'guest']),
    random.pick(OPS),
    [random.pick(COLLECTIONS), key, ...rest],
    value,
  )
}
