/** What the merchant's console knows without a page: pictures, odd payments that were seen to, new orders, regions. */

import { readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import type { Order, OrderPayments, PaymentOddity, ShippingRegion } from '../../src/client/shop-client.js'
import { notify } from '../../web/console/alerts.js'
import { percentOf } from '../../web/console/bulk-changes.js'
import { conflictsOf, unwatched } from '../../web/console/checked-write.js'
import { isKnown, keepCurrency, keptCurrencies } from '../../web/console/currencies.js'
import { FreshOrders } from '../../web/console/fresh-orders.js'
import { guestAddress, guestText } from '../../web/console/guest-text.js'
import { pictureProblem } from '../../web/console/picture-files.js'
import { NEW_REGION, regionDraft, regionText, regionValue } from '../../web/console/regions.js'
import { SeenTo } from '../../web/console/seen-to.js'

const bytes = (text: string) => Uint8Array.from(text, (sign) => sign.codePointAt(0)!)

describe('a picture', () => {
  test('is told by its first bytes, whatever its name', () => {
    const webp = readFileSync(new URL('../../web/pictures/compass.webp', import.meta.url))
    const avif = bytes('\0\0\0\x1cftypavif')
    for (const picture of [webp, avif, bytes('\x89PNG\r\n\x1a\n…'), bytes('\xff\xd8\xff\xe0'), bytes('GIF89a')])
      expect(pictureProblem('a.txt', picture)).toBeUndefined()
    const svg = readFileSync(new URL('../../web/pictures/compass.svg', import.meta.url))
    expect(pictureProblem('compass.png', svg)).toContain('compass.png is an SVG')
    for (const text of ['', 'RIFF0000WAVE', '<html>', 'PNG'])
      expect(pictureProblem('b.png', bytes(text))).toContain('b.png is no picture')
  })

  test('is not larger than a relay takes', () => {
    const gif = (length: number) => {
      const picture = new Uint8Array(length)
      picture.set(bytes('GIF89a'))
      return pictureProblem('large.gif', picture)
    }
    expect(gif(32 * 1_048_576 + 1)).toContain('33554433 bytes')
    expect(gif(32 * 1_048_576)).toBeUndefined()
  })
})

test('an odd payment that was seen to needs nobody, until it grows', () => {
  const kept = new Map<string, string>()
  const notes = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  }
  const currency = { ChainID: 1n, Address: new Uint8Array(20) }
  const partial = (amount: bigint): PaymentOddity => ({
    kind: 'partial',
    text: '',
    money: { amount, currency, decimals: 18, symbol: 'ETH' },
    missing: undefined,
    place: undefined,
  })
  const payments = (...oddities: PaymentOddity[]) => ({ order: 5n, oddities }) as unknown as OrderPayments
  const seen = new SeenTo(notes)
  let told = 0
  const stop = seen.subscribe(() => told++)
  const before = seen.snapshot()
  expect(seen.open(payments(partial(3n)))).toHaveLength(1)
  seen.put(5n, partial(3n), '2026-01-01T00:00:00Z')
  expect([told, seen.snapshot() === before]).toEqual([1, false])
  // What is kept is kept for the next page too.
  const next = new SeenTo(notes)
  expect(next.open(payments(partial(3n)))).toEqual([])
  expect(next.open(payments(partial(4n)))).toHaveLength(1)
  // Nobody has to do anything about this one.
  expect(next.open(payments({ ...partial(9n), kind: 'no details' }))).toEqual([])
  stop()
  seen.put(5n, partial(3n), undefined)
  expect([told, next.open(payments(partial(3n))).length, kept.size]).toEqual([1, 1, 0])
})

test('new is an order that is placed after the first list, once', () => {
  const order = (ID: bigint, State: bigint) => ({ ID, State, Items: [] }) as Order
  const fresh = new FreshOrders()
  const ids = (...orders: Order[]) => fresh.take(orders).map(({ ID }) => ID)
  expect(ids(order(1n, 3n), order(2n, 1n))).toEqual([])
  expect(ids(order(1n, 3n), order(2n, 3n), order(3n, 2n))).toEqual([2n])
  expect(ids(order(1n, 6n), order(2n, 5n))).toEqual([])
})

test('a token is called what somebody told of it in this browser', () => {
  const kept = new Map<string, string>()
  const notes = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => void kept.set(name, text),
    removeItem: (name: string) => void kept.delete(name),
  }
  const token = { ChainID: 5n, Address: new Uint8Array(20).fill(7) }
  expect([keptCurrencies(notes), isKnown(token, [])]).toEqual([[], false])
  expect(isKnown({ ...token, Address: new Uint8Array(20) }, [])).toBe(true)
  keepCurrency(notes, token, { symbol: ' EURC ', decimals: '6' })
  expect(keptCurrencies(notes)).toEqual([{ currency: token, decimals: 6, symbol: 'EURC' }])
  expect([isKnown(token, keptCurrencies(notes)), isKnown({ ...token, ChainID: 6n }, keptCurrencies(notes))]).toEqual([
    true,
    false,
  ])
  for (const wrong of [
    { symbol: 'A B', decimals: '6' },
    { symbol: 'A', decimals: '78' },
    { symbol: 'A', decimals: '' },
  ])
    expect(() => keepCurrency(notes, token, wrong)).toThrow()
  for (const [name] of kept) kept.set(name, '{"1 00":"x","": 1')
  expect(keptCurrencies(notes)).toEqual([])
})

describe('a region', () => {
  const words = { read: BigInt, show: String }
  const amount = (Amount: bigint, Plus = true) => ({ ModificationAbsolute: { Amount, Plus } })
  const held: ShippingRegion = {
    Country: 'CH',
    PostalCode: '',
    City: '',
    PriceModifiers: new Map([
      ['post', amount(300n)],
      ['gift', amount(20n, false)],
    ]),
  }

  test('is edited without loss of what the form does not show', () => {
    const draft = regionDraft('home', held, words)
    expect(draft).toMatchObject({ country: 'CH', adds: '300', percent: '' })
    const value = regionValue({ ...draft, adds: '400', percent: '10' }, held, words) as ReadonlyMap<string, unknown>
    const modifiers = value.get('PriceModifiers') as ReadonlyMap<string, ReadonlyMap<string, unknown>>
    expect([...modifiers.keys()]).toEqual(['gift', 'post', 'Percent'])
    expect(modifiers.get('post')!.get('ModificationAbsolute')).toEqual(
      new Map<string, unknown>([
        ['Amount', 400n],
        ['Plus', true],
      ]),
    )
    expect(regionText(held, (price) => `${price} c`)).toBe('CH · post: + 300 c · gift: − 20 c')
    const bare = regionValue({ ...NEW_REGION, name: 'all' }, undefined, words) as ReadonlyMap<string, unknown>
    expect([...bare.keys()]).toEqual(['Country', 'PostalCode', 'City'])
  })

  test('has no percentage that is none', () => {
    for (const percent of ['1.5', 'x', '-100', '-700'])
      expect(() => regionValue({ ...NEW_REGION, percent }, undefined, words)).toThrow('no change of the sum')
  })

  test.each([
    ['7', 107n, '+ 7 %'],
    ['-10', 90n, '− 10 %'],
    ['−10 %', 90n, '− 10 %'],
    ['+120', 220n, '+ 120 %'],
  ])('takes %s as a change of the sum, as every tax is told', (percent, factor, text) => {
    const value = regionValue({ ...NEW_REGION, percent }, undefined, words) as ReadonlyMap<string, unknown>
    const modifiers = value.get('PriceModifiers') as ReadonlyMap<string, ReadonlyMap<string, bigint>>
    expect(modifiers.get('Percent')!.get('ModificationPercent')).toBe(factor)
    const region: ShippingRegion = {
      ...held,
      PriceModifiers: new Map([['Percent', { ModificationPercent: factor }]]),
    }
    expect(regionText(region, String)).toBe(`CH · Percent: ${text}`)
    expect(BigInt(regionDraft('CH', region, words).percent)).toBe(factor - 100n)
  })

  test('has a country that an address can have, or the one that it had', () => {
    for (const country of ['Germany', 'de', 'D'])
      expect(() => regionValue({ ...NEW_REGION, country }, undefined, words)).toThrow('two capital letters')
    const before = { ...held, Country: 'Germany' }
    const value = regionValue(regionDraft('de', before, words), before, words) as ReadonlyMap<string, unknown>
    expect(value.get('Country')).toBe('Germany')
  })
})

test('a percentage changes a price by whole parts, rounded down', () => {
  expect(percentOf('-10')(99n)).toBe(89n)
  expect(percentOf('12.5%')(1_000n)).toBe(1_125n)
  expect(percentOf('-99.99')(10_000n)).toBe(1n)
  for (const wrong of ['', 'x', '1,5', '-100', '-101', '1.234']) expect(() => percentOf(wrong)).toThrow()
})

test('a conflict is a field that others changed, and not to what is wanted', () => {
  const field = (name: string, now: string) => ({ name, before: 'a', mine: 'b', now: () => now })
  const fields = [field('same', 'a'), field('theirs', 'c'), field('done', 'b')]
  expect(conflictsOf(fields)).toEqual([{ name: 'theirs', before: 'a', mine: 'b', theirs: 'c' }])
  expect(unwatched([{ changes: () => [], fields }])[0]!.fields).toEqual([])
})

test('a browser that shows no notifications of a page breaks nothing', () => {
  // As Chrome on Android, where they may be allowed all the same.
  const Refusing = vi.fn(function () {
    throw new TypeError("Failed to construct 'Notification': Illegal constructor.")
  })
  vi.stubGlobal('Notification', Refusing)
  try {
    notify('A new order', 'Of Ada.', () => undefined)
    expect(Refusing).toHaveBeenCalledOnce()
  } finally {
    vi.unstubAllGlobals()
  }
})

describe('what a guest wrote', () => {
  test.each([
    ['Ada Guest', 'Ada Guest'],
    ['Ada\n\tGuest\0 ', 'Ada Guest'],
    ['\u202eada\u2066 Guest', 'ada Guest'],
    // Persian and emoji have letters that cannot be seen.
    [
      '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d🚀',
      '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d🚀',
    ],
    ['🏔'.repeat(100_000), `${'🏔'.repeat(200)}…`],
    [' '.repeat(100_000), ''],
  ])('is a line: %#', (text, line) => {
    expect(guestText(text)).toBe(line)
  })

  test('and each field of an address is one', () => {
    const address = { Name: 'a'.repeat(300), City: 'Summit' } as never
    expect(guestAddress(address)).toEqual({ Name: `${'a'.repeat(200)}…`, City: 'Summit' })
    expect(guestAddress(undefined)).toBeUndefined()
  })
})
