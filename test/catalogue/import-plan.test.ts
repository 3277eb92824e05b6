/** What an import changes in a shop, set by set, by the rules of a relay. */

import { describe, expect, test } from 'vitest'
import { listingIdOf, variantListingId } from '../../src/catalogue/listing-id.js'
import type { Listing } from '../../src/objects/listing.js'
import type { Change } from '../../src/patches/patch.js'
import { stateHash, type ShopState } from '../../src/state/apply.js'
import { totalOf } from '../../src/state/pricing.js'
import { changed, contentsOf, empty, exported, imported, planOf } from '../fixtures/catalogue-shop.js'
import { newer, newerFile, older, type SampleRow } from '../fixtures/product-samples.js'

const shop = imported(empty, older).state
const SHIRT = listingIdOf('wool-shirt')

function listing(state: ShopState, id: bigint): Listing {
  return contentsOf(state).listings.find(({ ID }) => ID === id)!
}

function price(state: ShopState, id: bigint, ...names: string[]): bigint | string {
  const region = { Country: '', PostalCode: '', City: '' }
  const item = { ListingID: id, VariationIDs: names, Quantity: 1n }
  return totalOf([item], region, () => listing(state, id))
}

function stock(state: ShopState, id: bigint): Record<string, bigint> {
  const own = contentsOf(state).stock.filter((entry) => entry.listing === id)
  return Object.fromEntries(own.map(({ variations, pieces }) => [[...variations].sort().join('/'), pieces]))
}

test('a product becomes a listing with options, prices, pictures, tags and stock', () => {
  expect(listing(shop, SHIRT).Metadata).toEqual({
    Title: 'Wool shirt',
    Description: 'Warm & light.\n\n• Merino\n• Two pockets',
    Images: ['https://pictures.example/blue.jpg', 'https://pictures.example/red.jpg'],
  })
  expect(price(shop, SHIRT, 'M', 'Red')).toBe(4_000n)
  expect(price(shop, SHIRT, 'M', 'Blue')).toBe(4_150n)
  expect(price(shop, SHIRT, 'L', 'Red')).toBe(4_500n)
  expect(stock(shop, SHIRT)).toEqual({ 'M/Red': 5n, 'Blue/M': 0n, 'L/Red': 7n })
  const colours = listing(shop, SHIRT).Options!.get('Colour')!.Variations!
  expect(colours.get('Blue')!.VariationInfo.Images).toEqual(['https://pictures.example/blue.jpg'])
  const { tags, listings } = contentsOf(shop)
  expect([...tags].map(([name, { ListingIDs }]) => [name, ListingIDs])).toEqual(
    expect.arrayContaining([
      ['Winter', [SHIRT]],
      ['Kitchen', [listingIdOf('mug')]],
    ]),
  )
  // An archived product is not brought back.
  expect(new Set(listings.map(({ ID }) => ID))).toEqual(new Set([SHIRT, listingIdOf('mug')]))
  expect(listing(shop, listingIdOf('mug')).ViewState).toBe(0n)
})

test('a second run changes nothing, in either generation', () => {
  for (const file of [older, newer]) {
    const { sets, counts } = planOf(shop, file)
    expect(sets).toEqual([])
    expect(counts).toMatchObject({ added: 0, changed: 0, unchanged: 2 })
  }
})

test('an import that was interrupted anywhere is finished by the next', () => {
  const { sets } = planOf(empty, older)
  const [whole] = [stateHash(shop)]
  const changes = sets.flat()
  for (let done = 0; done <= changes.length; done++) {
    const partly = changes.slice(0, done).reduce<ShopState>((state, change) => changed(state, [change]), empty)
    expect(stateHash(imported(partly, older).state)).toEqual(whole)
  }
})

test('what is edited is written, and nothing else', () => {
  const edited = older.replace('"Wool shirt"', '"Woollen shirt"').replace('"45"', '"46"').replace('"12"', '"11"')
  const { state, plan } = imported(shop, edited)
  expect(plan.sets.flat().map(({ op, path }) => [op, ...path].join(' '))).toEqual([
    `replace Listings ${SHIRT} Metadata Title`,
    `replace Listings ${SHIRT} Options`,
    `replace Inventory ${listingIdOf('mug')}`,
  ])
  expect(price(state, SHIRT, 'L', 'Red')).toBe(4_600n)
  expect(price(state, SHIRT, 'M', 'Blue')).toBe(4_150n)
  expect(planOf(shop, edited, { keepStock: true }).counts.stock).toBe(0)
})

test('a blank description says nothing: the shop keeps its own', () => {
  const said = { 'URL handle': 'pot', Title: 'Pot', Description: 'Cast iron', Price: '9' }
  const { state } = imported(empty, newerFile([said]))
  const blank = newerFile([{ ...said, Description: '<p> </p>' }])
  expect(planOf(state, blank).sets).toEqual([])
  // A new listing has to have one.
  expect(listing(imported(empty, blank).state, listingIdOf('pot')).Metadata.Description).toBe('Pot')
})

test('stock never stands in a set with what visitors read, and comes after its listing', () => {
  const collections = planOf(empty, older).sets.map((set) => [...new Set(set.map(({ path }) => path[0]))])
  expect(collections).toEqual([['Listings'], ['Tags'], ['Inventory']])
})

describe('prices that are no sums', () => {
  const row = (size: string, colour: string, Price: string): SampleRow => ({
    'URL handle': 'cap',
    'Option1 value': size,
    'Option2 value': colour,
    Price,
    'Inventory tracker': 'shopify',
    'Inventory quantity': '3',
    'Variant image URL': `https://pictures.example/${colour}.jpg`,
  })
  const first = { Title: 'Cap', Tags: 'Hats', 'Option1 name': 'Size', 'Option2 name': 'Colour' }
  const cap = (last: string) =>
    newerFile([
      { ...first, ...row('S', 'Red', '10') },
      row('S', 'Blue', '11'),
      row('L', 'Red', '12'),
      row('L', 'Blue', last),
    ])

  test('make one listing a variant, and the report says so', () => {
    const { state, plan } = imported(empty, cap('20'))
    expect(plan.notices.map(({ text }) => text).join()).toContain('each variant is a listing of its own')
    const id = variantListingId('cap', ['L', 'Blue'])
    expect(listing(state, id)).toMatchObject({
      Price: 2_000n,
      Metadata: { Title: 'Cap – L / Blue', Images: ['https://pictures.example/Blue.jpg'] },
    })
    expect(stock(state, id)).toEqual({ '': 3n })
    expect(contentsOf(state).tags.get('Hats')!.ListingIDs).toHaveLength(4)
    expect(planOf(state, cap('20')).sets).toEqual([])
  })

  test('are one listing where they are sums, and both forms are told apart', () => {
    const { state } = imported(empty, cap('13'))
    expect(contentsOf(state).listings).toHaveLength(1)
    const { plan, state: both } = imported(state, cap('20'))
    expect(plan.notices.map(({ text }) => text).join()).toContain('it was one listing before')
    expect(contentsOf(both).listings.filter(({ ViewState }) => ViewState === 1n)).toHaveLength(5)
    const { state: parts } = imported(state, cap('20'), { mayDelete: true })
    expect(listing(parts, listingIdOf('cap')).ViewState).toBe(2n)
    const back = imported(parts, cap('13'), { mayDelete: true }).state
    expect(contentsOf(back).listings.filter(({ ViewState }) => ViewState === 1n)).toHaveLength(1)
    expect(
      planOf(parts, cap('13'))
        .notices.map(({ text }) => text)
        .join(),
    ).toContain('listings of their own before')
  })
})

describe('deleting', () => {
  const withoutMug = newerFile([
    {
      Title: 'Wool shirt',
      'URL handle': 'wool-shirt',
      'Option1 name': 'Size',
      'Option1 value': 'M',
      'Option2 name': 'Colour',
      'Option2 value': 'Red',
      Price: '40',
      'Inventory tracker': 'shopify',
      'Inventory quantity': '5',
    },
  ])

  test('is not done unless it is told', () => {
    const { state, plan } = imported(shop, withoutMug)
    expect(plan.counts.deleted).toBe(0)
    expect(listing(state, listingIdOf('mug')).ViewState).toBe(0n)
    expect(stock(state, SHIRT)).toEqual({ 'M/Red': 5n, 'Blue/M': 0n, 'L/Red': 7n })
    expect(price(state, SHIRT, 'L', 'Red')).toBe(4_500n)
  })

  test('takes listings, variations and their stock', () => {
    const { state, plan } = imported(shop, withoutMug, { mayDelete: true })
    expect(plan.counts.deleted).toBe(1)
    expect(listing(state, listingIdOf('mug')).ViewState).toBe(2n)
    expect(stock(state, SHIRT)).toEqual({ 'M/Red': 5n })
    expect([...listing(state, SHIRT).Options!.get('Size')!.Variations!.keys()]).toEqual(['M'])
    expect(planOf(state, withoutMug, { mayDelete: true }).sets).toEqual([])
  })

  test('is not done beside a wrong row', () => {
    const { counts, problems } = planOf(shop, withoutMug.replace('"40"', '"forty"'), { mayDelete: true })
    expect(problems).toHaveLength(1)
    expect(counts.deleted).toBe(0)
  })

  test('replaces options by others, which else is refused', () => {
    const sizeOnly = newerFile([
      {
        Title: 'Wool shirt',
        'URL handle': 'wool-shirt',
        'Option1 name': 'Size',
        'Option1 value': 'M',
        Price: '9',
        'Inventory quantity': '2',
        'Inventory tracker': 'shopify',
      },
    ])
    expect(planOf(shop, sizeOnly).problems).toEqual([expect.objectContaining({ row: 2, column: 'Option1 name' })])
    const { state } = imported(shop, sizeOnly, { mayDelete: true })
    expect([...listing(state, SHIRT).Options!.keys()]).toEqual(['Size'])
    expect(stock(state, SHIRT)).toEqual({ M: 2n })
  })
})

describe('values', () => {
  const strap = (rows: readonly SampleRow[]) => imported(empty, newerFile(rows)).state
  const base = { Title: 'Bag', 'URL handle': 'bag', Price: '1' }

  test('of one name in two options, and with a bar, are variations of their own', () => {
    const state = strap([
      { ...base, 'Option1 name': 'Colour', 'Option1 value': 'Red', 'Option2 name': 'Strap', 'Option2 value': 'Red' },
      { 'URL handle': 'bag', 'Option1 value': 'a|b', 'Option2 value': 'Red', Price: '2' },
    ])
    const options = listing(state, listingIdOf('bag')).Options!
    expect([...options.get('Colour')!.Variations!.keys()].sort()).toEqual(['Red', 'a/b'])
    expect([...options.get('Strap')!.Variations!.keys()]).toEqual(['Strap: Red'])
    expect(price(state, listingIdOf('bag'), 'a/b', 'Strap: Red')).toBe(200n)
  })

  test('of one option keep their SKU', () => {
    const state = strap([
      { ...base, 'Option1 name': 'Size', 'Option1 value': 'S', SKU: 'BAG-S' },
      { 'URL handle': 'bag', 'Option1 value': 'L', Price: '1', SKU: 'BAG-L' },
    ])
    const sizes = listing(state, listingIdOf('bag')).Options!.get('Size')!.Variations!
    expect(sizes.get('L')!.SKU).toBe('BAG-L')
    expect(sizes.get('S')!.SKU).toBe('BAG-S')
  })

  test('that are longer than a name can be are told', () => {
    const long = { ...base, 'Option1 name': 'Size', 'Option1 value': 'x'.repeat(256) }
    const tagged = { Title: 'Tagged', Price: '1', Tags: 't'.repeat(256) }
    expect(planOf(empty, newerFile([long, tagged])).problems).toEqual([
      { row: 2, column: 'Option1 value', reason: expect.stringContaining('255 bytes') as string },
      { row: 3, column: 'Tags', reason: expect.stringContaining('255 bytes') as string },
    ])
  })

  test('without a price are told, where the shop knows none', () => {
    const unpriced = { ...base, Price: '' }
    expect(planOf(empty, newerFile([unpriced])).problems).toEqual([
      { row: 2, column: 'Price', reason: 'is blank, and the shop has no such listing' },
    ])
    expect(planOf(strap([base]), newerFile([unpriced])).problems).toEqual([])
  })
})

describe('variants that the file does not name', () => {
  const row = (size: string, colour: string, Price: string): SampleRow => ({
    Title: 'Cap',
    'URL handle': 'cap',
    'Option1 name': 'Size',
    'Option1 value': size,
    'Option2 name': 'Colour',
    'Option2 value': colour,
    Price,
    'Inventory tracker': 'shopify',
    'Inventory quantity': '3',
  })
  const cap = listingIdOf('cap')
  const caps = imported(
    empty,
    newerFile([row('S', 'Red', '10'), row('S', 'Blue', '11'), row('L', 'Red', '12'), row('L', 'Blue', '13')]),
  ).state

  test.each([
    ['none is known', [row('M', 'Green', '70'), row('M', 'Black', '75')]],
    ['values of one option are known', [row('M', 'Red', '70'), row('M', 'Blue', '71')]],
    ['both values are known, in other variants', [row('S', 'Green', '70'), row('M', 'Red', '90')]],
    ['some are dearer than before', [row('S', 'Red', '10'), row('M', 'Blue', '75')]],
  ])('keep their prices where %s', (_what, rows) => {
    const { state } = imported(caps, newerFile(rows))
    for (const { 'Option1 value': size, 'Option2 value': colour, Price } of rows)
      expect(price(state, cap, size!, colour!)).toBe(BigInt(Price!) * 100n)
    const prices = [
      ['S', 'Red'],
      ['S', 'Blue'],
      ['L', 'Red'],
      ['L', 'Blue'],
    ].map((names) => price(state, cap, ...names))
    expect(prices).toEqual([1_000n, 1_100n, 1_200n, 1_300n])
  })

  test('are told of where their prices cannot be kept', () => {
    const { plan, state } = imported(
      caps,
      newerFile([row('S', 'Red', '10'), row('S', 'Blue', '11'), row('L', 'Red', '20')]),
    )
    expect(price(state, cap, 'L', 'Blue')).toBe(2_100n)
    expect(plan.notices.map(({ text }) => text).join()).toContain('does not name cost another amount')
  })
})

test('a percent that gives the price of the file stays', () => {
  const half: Change = {
    op: 'replace',
    path: ['Listings', SHIRT, 'Options', 'Size', 'Variations', 'L', 'PriceModifier'],
    value: new Map([['ModificationPercent', 150n]]),
  }
  const state = changed(shop, [half])
  expect(price(state, SHIRT, 'L', 'Red')).toBe(6_000n)
  expect(exported(state)).toContain(',60,')
  expect(planOf(state, exported(state)).sets).toEqual([])
})

test('tags that leave the cell leave the listing; others and unsayable ones stay', () => {
  const more: Change[] = [
    {
      op: 'add',
      path: ['Tags', 'a,b'],
      value: new Map<string, never>([
        ['Name', 'a,b' as never],
        ['ListingIDs', [SHIRT] as never],
      ]),
    },
    { op: 'append', path: ['Tags', 'Kitchen', 'ListingIDs'], value: SHIRT },
  ]
  const { tags } = contentsOf(imported(changed(shop, more), older.replace('Winter, Clothes', 'Winter, New')).state)
  const members = Object.fromEntries([...tags].map(([name, { ListingIDs }]) => [name, ListingIDs]))
  expect(members).toEqual({ Winter: [SHIRT], Clothes: [], New: [SHIRT], Kitchen: [listingIdOf('mug')], 'a,b': [SHIRT] })
})

test('many products come in sets that a frame has room for', () => {
  const rows = Array.from({ length: 600 }, (_, i) => ({
    Title: `P ${i}`,
    Price: '1',
    Description: 'x'.repeat(i === 300 ? 500_000 : 1_000),
  }))
  const { sets } = planOf(empty, newerFile(rows))
  const sizes = sets.map((set) => set.length)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(128)
  expect(sizes.reduce((sum, size) => sum + size)).toBe(600)
  expect(sets.find((set) => set.some(({ path }) => path[1] === listingIdOf('p-300')))).toHaveLength(1)
})
