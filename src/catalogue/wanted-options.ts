/**
 * Options, variations and prices that a product with options asks for.
 *
 * Tests: test/catalogue/import-plan.test.ts, test/catalogue/round-trip.test.ts
 */

import type { Amount } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { encode } from '../codec/encode.js'
import { VARIATION_SEPARATOR, Options, type Option, type Variation } from '../objects/listing.js'
import type { PriceModifier } from '../objects/scalars.js'
import { columnName, optionColumns } from './columns.js'
import type { HeldListing } from './held-listing.js'
import { priceSums, type PricedVariant, type PriceSums } from './price-sums.js'
import type { Notices, Problem, Product, Variant } from './product.js'

export interface WantedOptions {
  readonly price: Amount
  readonly options: Options | undefined
  /** Of each variant of the product. */
  readonly keys: readonly (readonly string[])[]
}

/** A product and what the shop has of it. */
export interface Wish {
  readonly product: Product
  /** The shop's listing with the product's id. */
  readonly held: HeldListing | undefined
  /** Variations that the file does not name go. */
  readonly mayDelete: boolean
  readonly notices: Notices
}

/** Undefined if the prices are no sums of a base and modifiers. */
export function wantedOptions(wish: Wish): WantedOptions | Problem | undefined {
  const { product, held, mayDelete } = wish
  const isAlike = held !== undefined && hasOptions(held, product.options)
  if (held !== undefined && !isAlike && !mayDelete) return otherOptions(product, held)
  const isNew = (variant: Variant) => !isAlike || keysOf(held, product, variant) === undefined
  const blank = product.variants.find((variant) => variant.price === undefined && isNew(variant))
  if (blank !== undefined)
    return { row: blank.row, column: columnName('price'), reason: 'is blank, and the shop has no such variant' }
  const same = isAlike ? unchanged(wish, held) : undefined
  if (same !== undefined) return same
  return new OptionsMaker(wish, isAlike ? held : undefined).wanted()
}

function hasOptions({ options }: HeldListing, wanted: readonly string[]): boolean {
  return options.length === wanted.length && options.every(({ label }) => wanted.includes(label))
}

/** Whoever changes the options of a listing ends the orders that hold it. */
export function otherOptions({ row, options }: Product, held: HeldListing): Problem {
  const names = (labels: readonly string[]) => (labels.length === 0 ? 'none' : labels.join(', '))
  const [here, there] = [names(options), names(held.options.map(({ label }) => label))]
  const reason =
    `the product has other options (${here}) than the shop's listing (${there}), ` +
    'which only an import that may delete replaces'
  return { row, column: optionColumns(0)[0], reason }
}

/** What the shop has, if every variant of the file is there and reads the same. */
function unchanged({ product, mayDelete }: Wish, held: HeldListing): WantedOptions | undefined {
  const keys: (readonly string[])[] = []
  for (const variant of product.variants) {
    const own = keysOf(held, product, variant)
    if (own === undefined || !readsSame(held, own, variant)) return undefined
    keys.push(own)
  }
  const named = new Set(keys.flat())
  const isLeft = held.options.some(({ values }) => [...values.values()].some((key) => !named.has(key)))
  if (mayDelete && isLeft) return undefined
  return { price: held.listing.Price, options: held.listing.Options, keys }
}

function keysOf(held: HeldListing, { options }: Product, { values }: Variant): readonly string[] | undefined {
  return held.keysOf(options.map((option, i) => [option, values[i]!]))
}

function readsSame(held: HeldListing, keys: readonly string[], { price, sku, image }: Variant): boolean {
  const heldSku = held.sku(keys)
  return (
    (price === undefined || held.price(keys) === price) &&
    (sku === undefined || heldSku === undefined || heldSku === sku) &&
    (image === undefined || held.image(keys) === image)
  )
}

/** Makes options anew of what a product says and a listing with the same options has. */
class OptionsMaker {
  private readonly product: Product
  private readonly held: HeldListing | undefined
  private readonly mayDelete: boolean
  private readonly notices: Notices
  private readonly taken: Set<string>

  constructor({ product, mayDelete, notices }: Wish, held: HeldListing | undefined) {
    this.product = product
    this.held = held
    this.mayDelete = mayDelete
    this.notices = notices
    this.taken = new Set(held?.options.flatMap(({ values }) => [...values.values()]))
  }

  wanted(): WantedOptions | undefined {
    const { product, held } = this
    const prices = this.prices()
    if (prices === undefined) return undefined
    const options = new Map(held?.listing.Options)
    const keys: ReadonlyMap<string, string>[] = []
    for (const [i, label] of product.options.entries()) {
      const [name, option, byValue] = this.option(i, label, prices)
      options.set(name, option)
      keys.push(byValue)
    }
    const variantKeys = product.variants.map(({ values }) => values.map((value, i) => keys[i]!.get(value)!))
    return { price: prices.base, options: this.heldIfSame(options), keys: variantKeys }
  }

  /** What the file wants and no listing can have is wanted again each time: it is no change. */
  private heldIfSame(options: Options): Options {
    const before = this.held?.listing.Options
    const bytes = (value: Options) => encode(Options.write(value))
    return before !== undefined && equalBytes(bytes(before), bytes(options)) ? before : options
  }

  /** The shop's own prices, if the file's are the same. */
  private prices(): Prices | undefined {
    const { held, product } = this
    const isSame =
      held !== undefined &&
      product.variants.every((variant) => {
        const keys = keysOf(held, product, variant)
        return keys !== undefined && (variant.price === undefined || held.price(keys) === variant.price)
      })
    if (isSame) return { base: held.listing.Price, modifier: (_option, _value, before) => before?.PriceModifier }
    const priced = [...this.pricedVariants(), ...this.pricesOfOthers()]
    const others = this.pricesOfVariants()
    const sums = priceSums(priced, others)
    if (sums === undefined) return undefined
    this.tellOfOtherPrices(others, sums)
    return { base: sums.base, modifier: (option, value) => modifierOf(sums, option, value) }
  }

  /** A price that the file does not say is the shop's. */
  private pricedVariants(): PricedVariant[] {
    const { held, product } = this
    return product.variants.flatMap((variant) => {
      const keys = held && keysOf(held, product, variant)
      const price = variant.price ?? (keys && held?.price(keys))
      return price === undefined ? [] : [{ values: variant.values, price }]
    })
  }

  /** Values that only the shop knows keep their prices, beside what else the first variant that both know has. */
  private pricesOfOthers(): PricedVariant[] {
    const { held, product } = this
    if (held === undefined || this.mayDelete) return []
    const known = product.variants.find((variant) => keysOf(held, product, variant) !== undefined)
    if (known === undefined) return []
    return product.options.flatMap((label, i) => {
      const inFile = new Set(product.variants.map(({ values }) => values[i]!))
      return [...this.heldValues(label).keys()].flatMap((value) => {
        if (inFile.has(value)) return []
        const values = known.values.with(i, value)
        const price = held.price(keysOf(held, product, { ...known, values })!)
        return price === undefined ? [] : [{ values, price }]
      })
    })
  }

  /** Of the shop's variants, those that the file does not name among them, which can be bought as before. */
  private pricesOfVariants(): PricedVariant[] {
    const { held, product } = this
    if (held === undefined || this.mayDelete) return []
    const labels = held.options.map(({ label }) => label)
    return held.variants().flatMap((keys) => {
      const price = held.price(keys)
      const values = product.options.map((label) => held.valueOf(keys, labels.indexOf(label)))
      return price === undefined ? [] : [{ values, price }]
    })
  }

  /** Where what the file says leaves a variant that it does not name no price of its own. */
  private tellOfOtherPrices(others: readonly PricedVariant[], sums: PriceSums): void {
    const named = new Set(this.product.variants.map(({ values }) => JSON.stringify(values)))
    const isOther = ({ values, price }: PricedVariant) =>
      !named.has(JSON.stringify(values)) &&
      values.reduce((sum, value, i) => sum + sums.extra(i, value), sums.base) !== price
    if (others.some(isOther))
      this.notices.add(this.product.row, 'variants that the file does not name cost another amount with its prices')
  }

  private option(
    index: number,
    label: string,
    prices: Prices,
  ): readonly [name: string, option: Option, keys: ReadonlyMap<string, string>] {
    const before = this.held?.options.find((option) => option.label === label)
    const option = before && this.held?.listing.Options?.get(before.key)
    const heldValues = this.heldValues(label)
    const keys = new Map<string, string>()
    const variations = new Map<string, Variation>()
    for (const value of new Set([
      ...this.product.variants.map(({ values }) => values[index]!),
      ...(this.mayDelete ? [] : heldValues.keys()),
    ])) {
      const key = heldValues.get(value) ?? this.freshKey(value, label)
      keys.set(value, key)
      const known = option?.Variations?.get(key)
      variations.set(key, this.variation(index, value, known, prices.modifier(index, value, known)))
    }
    return [before?.key ?? label, { ...option, Title: option?.Title ?? label, Variations: variations }, keys]
  }

  private variation(
    index: number,
    value: string,
    before: Variation | undefined,
    modifier: PriceModifier | undefined,
  ): Variation {
    const { PriceModifier: _before, ...rest } = before ?? { VariationInfo: { Title: value, Description: value } }
    const own = this.product.variants.filter(({ values }) => values[index] === value)
    const sku = this.product.options.length === 1 ? own[0]?.sku : undefined
    return {
      ...rest,
      VariationInfo: this.pictured(index, value, rest.VariationInfo),
      ...(modifier !== undefined && { PriceModifier: modifier }),
      ...(sku !== undefined && { SKU: sku }),
    }
  }

  /** Pictures of variants stand at the values of the first option that tells them apart. */
  private pictured(index: number, value: string, info: Variation['VariationInfo']): Variation['VariationInfo'] {
    const at = this.pictures()
    if (at === undefined) return info
    const image = at.option === index ? at.images.get(value) : ''
    // A value that the file does not name keeps its own.
    if (image === undefined || (at.option !== index && !at.named[index]!.has(value))) return info
    const { Images: _before, ...rest } = info
    return image === ''
      ? rest
      : { ...rest, Images: [image, ...(info.Images ?? []).slice(1).filter((other) => other !== image)] }
  }

  private pictures(): Pictures | undefined {
    this.found ??= { pictures: this.findPictures() }
    return this.found.pictures
  }
  private found: { readonly pictures: Pictures | undefined } | undefined

  /** Undefined where nothing of them is to change. */
  private findPictures(): Pictures | undefined {
    const { product, held } = this
    const { variants } = product
    const isSame = variants.every((variant) => {
      const keys = held && keysOf(held, product, variant)
      return (
        variant.image === undefined || (keys === undefined ? variant.image === '' : held!.image(keys) === variant.image)
      )
    })
    if (isSame) return undefined
    const named = product.options.map((_label, i) => new Set(variants.map(({ values }) => values[i]!)))
    for (const option of product.options.keys()) {
      const images = imagesBy(variants, option)
      if (images !== undefined) return { option, images, named }
    }
    const { row } = variants.find(({ image }) => (image ?? '') !== '')!
    this.notices.add(row, 'pictures of its variants have no place: they follow from no single option')
    return undefined
  }

  private heldValues(label: string): ReadonlyMap<string, string> {
    return this.held?.options.find((option) => option.label === label)?.values ?? new Map<string, string>()
  }

  /** Names of variations are unique in a listing and hold no separator. */
  private freshKey(value: string, label: string): string {
    const plain = value.replaceAll(VARIATION_SEPARATOR, '/')
    const names = [plain, `${label.replaceAll(VARIATION_SEPARATOR, '/')}: ${plain}`]
    for (let i = 2; names.every((name) => this.taken.has(name)); i++) names.push(`${plain} (${i})`)
    const key = names.find((name) => !this.taken.has(name))!
    this.taken.add(key)
    return key
  }
}

interface Prices {
  readonly base: Amount
  modifier(option: number, value: string, before: Variation | undefined): PriceModifier | undefined
}

interface Pictures {
  readonly option: number
  readonly images: ReadonlyMap<string, string>
  /** Values that the file names, by option. */
  readonly named: readonly ReadonlySet<string>[]
}

function modifierOf(sums: PriceSums, option: number, value: string): PriceModifier | undefined {
  const extra = sums.extra(option, value)
  if (extra === 0n) return undefined
  return { ModificationAbsolute: { Amount: extra < 0n ? -extra : extra, Plus: extra > 0n } }
}

/** One for each value of the option; undefined if the variants of one value have several. */
function imagesBy(variants: readonly Variant[], option: number): ReadonlyMap<string, string> | undefined {
  const images = new Map<string, string>()
  for (const { values, image = '' } of variants) {
    const value = values[option]!
    if (images.has(value) && images.get(value) !== image) return undefined
    images.set(value, image)
  }
  return images
}
