/**
 * The columns of Shopify's product files that a shop has a place for, by both generations of their names: the newer
 * (`URL handle`, `Price`) and the older (`Handle`, `Variant Price`). One column is ours: `Listing ID`, for listings
 * whose id does not come from a handle.
 *
 * Tests: test/catalogue/read-products.test.ts
 */

/** The newer names; what is read under an older name is told by its own. */
const NAMES = {
  title: ['Title'],
  handle: ['URL handle', 'Handle'],
  description: ['Description', 'Body (HTML)', 'Body HTML'],
  tags: ['Tags'],
  published: ['Published on online store', 'Published'],
  status: ['Status'],
  sku: ['SKU', 'Variant SKU'],
  price: ['Price', 'Variant Price'],
  tracker: ['Inventory tracker', 'Variant Inventory Tracker'],
  quantity: ['Inventory quantity', 'Variant Inventory Qty'],
  image: ['Product image URL', 'Image Src'],
  position: ['Image position', 'Image Position'],
  variantImage: ['Variant image URL', 'Variant Image'],
  listingId: ['Listing ID'],
} as const

export type ColumnKey = keyof typeof NAMES

/** The newer name. */
export function columnName(key: ColumnKey): string {
  return NAMES[key][0]
}

/** The newer names of an option's two columns; `option` from 0. */
export function optionColumns(option: number): readonly [name: string, value: string] {
  return [`Option${option + 1} name`, `Option${option + 1} value`]
}

/** The columns of a file, by what they mean: places in a row, from 0. */
export interface Columns {
  readonly header: readonly string[]
  readonly places: Readonly<Partial<Record<ColumnKey, number>>>
  /** In order of their numbers. */
  readonly options: readonly OptionColumns[]
  /** Columns that nothing here has a place for. */
  readonly others: readonly number[]
}

interface OptionColumns {
  readonly name: number | undefined
  readonly value: number
}

/** A text instead says which column stands there twice, or is missing. */
export function columnsOf(header: readonly string[]): Columns | string {
  const places: Partial<Record<ColumnKey, number>> = {}
  const options = new Map<number, { name?: number; value?: number }>()
  const others: number[] = []
  for (const [at, name] of header.entries()) {
    const key = KEYS.get(name.toLowerCase())
    const [, number, part] = /^option ?([0-9]{1,2}) (name|value)$/iu.exec(name) ?? []
    const place = number === undefined ? places : placeIn(options, Number(number))
    const slot = key ?? (part?.toLowerCase() as 'name' | 'value' | undefined)
    if (slot === undefined) others.push(at)
    else if ((place as Record<string, number>)[slot] !== undefined)
      return `the column ${JSON.stringify(name)} stands there twice`
    else (place as Record<string, number>)[slot] = at
  }
  if (places.title === undefined) return `there is no column Title: it has to be a product file, as Shopify writes it`
  const withValues = [...options].sort(([a], [b]) => a - b).map(([, { name, value }]) => ({ name, value }))
  return {
    header,
    places,
    options: withValues.filter((option) => option.value !== undefined) as OptionColumns[],
    others,
  }
}

const KEYS: ReadonlyMap<string, ColumnKey> = new Map(
  Object.entries(NAMES).flatMap(([key, names]) => names.map((name) => [name.toLowerCase(), key as ColumnKey])),
)

function placeIn<T extends object>(map: Map<number, T>, number: number): T {
  const place = map.get(number) ?? ({} as T)
  map.set(number, place)
  return place
}
