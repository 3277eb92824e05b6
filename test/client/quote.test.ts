/** A quote adds up, part by part, to what the rules of state/pricing.ts lead to. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quoteOf, type Item } from '../../src/client/quote.js'
import type { Listing } from '../../src/objects/listing.js'
import type { Manifest } from '../../src/objects/manifest.js'
import type { PriceModifier } from '../../src/objects/scalars.js'
import { regionFor, totalOf } from '../../src/state/pricing.js'

const percent = (factor: bigint): PriceModifier => ({ ModificationPercent: factor })
const plus = (Amount: bigint, Plus = true): PriceModifier => ({ ModificationAbsolute: { Amount, Plus } })
const PricingCurrency = { ChainID: 31_337n, Address: new Uint8Array(20) }
const HERE = { Country: 'CH', PostalCode: '1', City: 'x' }
const PLAIN = [{ listing: 1n, quantity: 1n, variations: ['no less'] }]

/** Each variation is an option: with it, or `no` such. */
function listing(
  ID: bigint,
  Price: bigint,
  variations: Readonly<Record<string, PriceModifier>> = {},
  ViewState: 1n | 2n = 1n,
) {
  const info = (name: string) => ({ VariationInfo: { Title: name, Description: name } })
  const options = Object.entries(variations).map(([name, PriceModifier]) => {
    const Variations = new Map<string, object>([
      [name, { ...info(name), PriceModifier }],
      [`no ${name}`, info(`no ${name}`)],
    ])
    return [`with ${name}`, { Title: `With ${name}`, Variations }] as const
  })
  const Metadata = { Title: `Thing ${ID}`, Description: 'x' }
  const Options = new Map(options)
  return { ID, Price, Metadata, ViewState, Options } as Listing
}

function shopOf(listings: readonly Listing[], modifiers: Readonly<Record<string, PriceModifier>> = {}) {
  const region = { Country: 'CH', PostalCode: '', City: '', PriceModifiers: new Map(Object.entries(modifiers)) }
  const manifest: Manifest = {
    ShopID: 1n,
    Payees: null,
    AcceptedCurrencies: null,
    PricingCurrency,
    ShippingRegions: new Map([['home', region]]),
  }
  const byId = new Map(listings.map((one) => [one.ID, one]))
  return { manifest, listing: (id: bigint) => byId.get(id), currencies: [] }
}

const amounts = (steps: readonly { name: string; change: { amount: bigint }; amount: { amount: bigint } }[]) =>
  steps.map(({ name, change, amount }) => [name, change.amount, amount.amount])

describe('a quote', () => {
  it('names every part of PROTOCOL §11', () => {
    const shop = shopOf([listing(1n, 1_000n, { gold: percent(120n), box: plus(50n) })], {
      tax: percent(107n),
      post: plus(500n),
    })
    const quote = quoteOf(shop, [{ listing: 1n, variations: ['gold', 'box'], quantity: 3n }], HERE)
    const [line] = quote.lines
    expect([line!.title, line!.price!.amount, line!.unit!.amount, line!.sum!.amount]).toEqual([
      'Thing 1',
      1_000n,
      1_250n,
      3_750n,
    ])
    expect(amounts(line!.steps)).toEqual([
      ['gold', 200n, 1_200n],
      ['box', 50n, 1_250n],
    ])
    expect([quote.subtotal!.amount, quote.region]).toEqual([3_750n, 'home'])
    expect(amounts(quote.shipping)).toEqual([
      ['tax', 262n, 4_012n],
      ['post', 500n, 4_512n],
    ])
    expect(quote.total).toEqual({ amount: 4_512n, currency: PricingCurrency, decimals: 18, symbol: 'ETH' })
    expect(quote.problems).toEqual([])
  })

  it('leads to the total of the relay, whatever the parts are, and to none where the relay has none', () => {
    const modifier = fc.oneof(
      fc.bigInt({ min: 0n, max: 300n }).map(percent),
      fc.tuple(fc.bigInt({ min: 0n, max: 2_000n }), fc.boolean()).map(([amount, isPlus]) => plus(amount, isPlus)),
    )
    const modifiers = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), modifier)
    const items = fc.array(
      fc.record({
        listing: fc.bigInt({ min: 1n, max: 3n }),
        variations: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
        quantity: fc.bigInt({ min: 1n, max: 9n }),
      }),
      { minLength: 1, maxLength: 4 },
    )
    const prices = fc.bigInt({ min: 0n, max: 5_000n })
    fc.assert(
      fc.property(prices, modifiers, modifiers, items, (price, own, region, chosen: readonly Item[]) => {
        const wanted = chosen.map(({ variations = [], ...item }) => {
          const others = Object.keys(own).filter((name) => !variations.includes(name))
          return { ...item, variations: [...variations, ...others.map((name) => `no ${name}`)] }
        })
        const shop = shopOf([listing(1n, price, own), listing(2n, price + 1n, own)], region)
        const quote = quoteOf(shop, wanted, HERE)
        const orderItems = wanted.map(({ listing: ListingID, variations, quantity }) => ({
          ListingID,
          VariationIDs: variations ?? [],
          Quantity: quantity,
        }))
        const { region: found } = regionFor(shop.manifest.ShippingRegions, HERE)!
        const total = totalOf(orderItems, found, shop.listing)
        expect(quote.total?.amount).toBe(typeof total === 'string' ? undefined : total)
        expect(quote.problems.length > 0).toBe(typeof total === 'string')
        const sums = quote.lines.map(({ sum }) => sum?.amount ?? 0n)
        expect(quote.subtotal!.amount).toBe(sums.reduce((sum, one) => sum + one, 0n))
        const last = quote.shipping.at(-1)
        if (quote.total !== undefined && last !== undefined) expect(last.amount).toEqual(quote.total)
        const changes = quote.shipping.reduce((sum, { change }) => sum + change.amount, quote.subtotal!.amount)
        if (quote.total !== undefined) expect(changes).toBe(quote.total.amount)
      }),
    )
  })

  it.each([
    ['EMPTY', undefined, [], HERE],
    ['LISTING_GONE', 0, [{ listing: 9n, quantity: 1n }], HERE],
    ['NOT_PUBLISHED', 0, [{ listing: 2n, quantity: 1n }], HERE],
    ['NO_PRICE', 0, [{ listing: 1n, quantity: 1n, variations: ['nothing'] }], HERE],
    [
      'NO_PRICE',
      1,
      [
        { listing: 1n, quantity: 1n, variations: ['no less'] },
        { listing: 1n, quantity: 1n, variations: ['less'] },
      ],
      HERE,
    ],
    ['VARIATION_MISSING', 0, [{ listing: 1n, quantity: 1n }], HERE],
    ['VARIATION_TWICE', 0, [{ listing: 4n, quantity: 1n, variations: ['more', 'no more'] }], HERE],
    ['NO_ADDRESS', undefined, PLAIN, undefined],
    ['NO_REGION', undefined, PLAIN, { ...HERE, Country: 'FR' }],
    ['COUNTRY_UNKNOWN', undefined, PLAIN, { ...HERE, Country: 'Switzerland' }],
    ['COUNTRY_UNKNOWN', undefined, PLAIN, { ...HERE, Country: 'ch' }],
    ['COUNTRY_UNKNOWN', undefined, PLAIN, { ...HERE, Country: '' }],
    ['OUT_OF_RANGE', undefined, [{ listing: 3n, quantity: 4n }], HERE],
  ] as const)('has no total where there is none: %s', (code, line, items, address) => {
    const most = (1n << 255n) - 1n
    const shop = shopOf([
      listing(1n, 5n, { less: plus(6n, false) }),
      listing(2n, 5n, {}, 2n),
      listing(3n, most),
      listing(4n, 5n, { more: plus(6n) }),
    ])
    const { problems, total } = quoteOf(shop, items, address)
    expect(total).toBeUndefined()
    expect(problems).toEqual([
      { code, message: expect.stringMatching(/\.$/u) as string, ...(line !== undefined && { line }) },
    ])
  })

  it('names the options of which nothing is chosen, and has no sum of the line then', () => {
    const shop = shopOf([listing(1n, 5n, { gold: plus(1n), large: plus(2n), boxed: plus(3n) })])
    const { lines, problems } = quoteOf(shop, [{ listing: 1n, quantity: 2n, variations: ['large'] }], HERE)
    expect(problems[0]!.message).toBe('Thing 1: choose “With gold” and “With boxed” first.')
    expect(lines[0]).toMatchObject({ title: 'Thing 1', price: { amount: 5n }, unit: undefined, sum: undefined })
  })

  it('takes any text for a country where the regions of the shop are not codes, or there are none', () => {
    const shop = shopOf([listing(1n, 5n)])
    const region = { Country: '', PostalCode: '', City: '' }
    for (const Country of ['', 'Switzerland']) {
      const ShippingRegions = new Map([['somewhere', { ...region, Country }]])
      const asked = { ...shop, manifest: { ...shop.manifest, ShippingRegions } }
      const { total } = quoteOf(asked, [{ listing: 1n, quantity: 1n }], { ...HERE, Country: 'Switzerland' })
      expect(total?.amount).toBe(5n)
    }
  })

  it('warns of a country that is no code, and takes it, where a region for anywhere fits', () => {
    const shop = shopOf([listing(1n, 5n)])
    const anywhere = { Country: '', PostalCode: '', City: '' }
    const ShippingRegions = new Map([...shop.manifest.ShippingRegions!, ['anywhere', anywhere]])
    const asked = { ...shop, manifest: { ...shop.manifest, ShippingRegions } }
    const quote = (Country: string) => quoteOf(asked, [{ listing: 1n, quantity: 1n }], { ...HERE, Country })
    expect(quote('Switzerland')).toMatchObject({ region: 'anywhere', total: { amount: 5n }, problems: [] })
    expect(quote('Switzerland').warnings).toEqual([
      { code: 'COUNTRY_UNKNOWN', message: expect.stringMatching(/“Switzerland”.*as CH\.$/u) as string },
    ])
    for (const code of ['CH', 'FR']) expect(quote(code)).toMatchObject({ problems: [], warnings: [] })
    expect(quote('CH').region).toBe('home')
  })

  it('is loading while the shop or a listing is', () => {
    const items = [{ listing: 1n, quantity: 2n }]
    const shop = shopOf([])
    for (const loading of [
      { ...shop, manifest: undefined },
      { ...shop, listing: () => 'loading' as const },
    ])
      expect(quoteOf(loading, items, HERE)).toMatchObject({
        problems: [{ code: 'LOADING' }],
        total: undefined,
        lines: [{ quantity: 2n }],
      })
  })
})
