/**
 * What a listing costs with the variations that are chosen, and which of them are sold out. Pure.
 *
 * Tests: test/storefront/option-prices.test.ts
 */

import type { Listing, Variation } from 'cairn-relay/client'

/** Choices that are looked at one by one: options multiply, and a list of cards must not keep its reader waiting. */
const CHOICES_MAX = 256

/**
 * The lowest of the prices that can be had, and whether there are others; undefined of a listing with more choices than
 * are looked at one by one. What is sold out counts only where all is.
 */
export function lowestPrice(listing: Listing): { readonly price: bigint; readonly varies: boolean } | undefined {
  const options = choicesOf(listing)
  const count = options.reduce((product, names) => product * names.length, 1)
  if (count > CHOICES_MAX) return undefined
  const choices = options.reduce<readonly (readonly string[])[]>(
    (some, names) => some.flatMap((chosen) => names.map((name) => [...chosen, name])),
    [[]],
  )
  const inStock = choices.filter((chosen) => !isSoldOut(listing, chosen))
  const prices = (inStock.length > 0 ? inStock : choices).map((chosen) => priceWith(listing, chosen))
  const price = prices.reduce((lowest, one) => (one < lowest ? one : lowest))
  return { price, varies: prices.some((one) => one !== price) }
}

/** Of each option the names that may make a difference: of those that change neither price nor stock one. */
function choicesOf({ Options, StockStatuses }: Listing): readonly (readonly string[])[] {
  const named = new Set(StockStatuses?.flatMap(({ VariationIDs }) => VariationIDs ?? []))
  return [...(Options?.values() ?? [])]
    .map(({ Variations }) => {
      const isAlike = ([name, one]: [string, Variation]) => one.PriceModifier === undefined && !named.has(name)
      const all = [...(Variations ?? [])]
      const alike = all.find(isAlike)
      return all.filter((one) => one === alike || !isAlike(one)).map(([name]) => name)
    })
    .filter((names) => names.length > 0)
}

/** What a piece costs with these, as the cart will say it: percents first, then amounts, each by name. */
export function priceWith({ Price: price, Options }: Listing, variations: readonly string[]): bigint {
  const modifiers = [...(Options?.values() ?? [])]
    .flatMap(({ Variations }) => [...(Variations ?? [])])
    .filter(([name]) => variations.includes(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, { PriceModifier }]) => PriceModifier ?? [])
  const scaled = modifiers.reduce((sum, { ModificationPercent: percent }) => (sum * (percent ?? 100n)) / 100n, price)
  return modifiers.reduce((sum, { ModificationAbsolute: more }) => {
    if (more === undefined) return sum
    return more.Plus ? sum + more.Amount : sum - more.Amount
  }, scaled)
}

/** False where the shop says nothing. */
export function isSoldOut(listing: Listing, variations: readonly string[] = []): boolean {
  const said = listing.StockStatuses?.filter(
    ({ VariationIDs }) => VariationIDs === null || VariationIDs.every((name) => variations.includes(name)),
  )
  return said?.some(({ InStock }) => InStock === false) ?? false
}
