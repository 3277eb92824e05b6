/**
 * Values of an option in the order in which people say them. A shop keeps variations by their names, sorted: what it
 * tells of sizes is Large, Medium, Small.
 *
 * Tests: test/catalogue/size-order.test.ts
 */

const SIZES: ReadonlyMap<string, number> = new Map(
  [
    ['3xs', 'xxxs'],
    ['2xs', 'xxs'],
    ['xs', 'extra small', 'x-small'],
    ['s', 'small'],
    ['m', 'medium'],
    ['l', 'large'],
    ['xl', 'extra large', 'x-large'],
    ['2xl', 'xxl'],
    ['3xl', 'xxxl'],
    ['4xl', 'xxxxl'],
    ['5xl', 'xxxxxl'],
  ].flatMap((names, at) => names.map((name): [string, number] => [name, at])),
)

/**
 * Sizes from small to large, numbers of one unit from low to high; where one of the values is neither, all stay as they
 * are.
 *
 * @example
 * ```ts
 * import { inSizeOrder } from 'cairn-relay/catalogue'
 *
 * console.log(inSizeOrder(['L', 'M', 'S'], String)) // [ 'S', 'M', 'L' ]
 * ```
 */
export function inSizeOrder<T>(values: readonly T[], titleOf: (value: T) => string): readonly T[] {
  const sized = values.map((value) => ({ value, size: sizeOf(titleOf(value)) }))
  const [first] = sized
  if (sized.some(({ size }) => size === undefined || size.unit !== first?.size?.unit)) return values
  return sized.toSorted((a, b) => a.size!.amount - b.size!.amount).map(({ value }) => value)
}

interface Size {
  readonly amount: number
  /** `size` for those of clothes. */
  readonly unit: string
}

function sizeOf(title: string): Size | undefined {
  const text = title.trim().toLowerCase()
  const size = SIZES.get(text)
  if (size !== undefined) return { amount: size, unit: 'size' }
  const [, digits, unit] = /^(\d{1,9}(?:[.,]\d{1,6})?)\s*(\D{0,12})$/u.exec(text) ?? []
  return digits === undefined ? undefined : { amount: Number(digits.replace(',', '.')), unit: ` ${unit}` }
}
