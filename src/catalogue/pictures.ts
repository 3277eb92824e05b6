/**
 * Pictures that a product file names, and the same file with other addresses of them.
 *
 * Tests: test/cli/catalogue-commands.test.ts
 */

import { columnName } from './columns.js'
import type { Problem, ReadProducts, Variant } from './product.js'

/**
 * Each once, with the first row that names it.
 *
 * @example
 * ```ts
 * import { picturesOf, readProducts, readTable } from 'cairn-relay/catalogue'
 *
 * const file = readProducts(readTable('Title,Price,Image Src\nMug,4.50,mug.webp\n'), { decimals: 2 })
 * console.log([...picturesOf(file)]) // [ [ 'mug.webp', 2 ] ]
 * ```
 */
export function picturesOf({ products }: ReadProducts): Map<string, number> {
  const rows = new Map<string, number>()
  const name = (picture: string, row: number) => {
    if (picture !== '' && !rows.has(picture)) rows.set(picture, row)
  }
  for (const { row, images, variants } of products) {
    for (const image of images ?? []) name(image, row)
    for (const { image, row: own } of variants) name(image ?? '', own)
  }
  return rows
}

/**
 * `places`: for each picture its new address, or why there is none; products with such a picture are not taken.
 *
 * @example
 * ```ts
 * import { picturesOf, readProducts, readTable, withPictures } from 'cairn-relay/catalogue'
 *
 * const file = readProducts(readTable('Title,Price,Image Src\nMug,4.50,mug.webp\n'), { decimals: 2 })
 * const places = new Map([['mug.webp', { address: 'https://shop.example/ipfs/Qm1' }]])
 * console.log(withPictures(file, places).products[0]?.images) // [ 'https://shop.example/ipfs/Qm1' ]
 * ```
 */
export function withPictures(
  file: ReadProducts,
  places: ReadonlyMap<string, { readonly address: string } | { readonly reason: string }>,
): ReadProducts {
  const problems: Problem[] = []
  const placed = (picture: string, row: number, column: string) => {
    const place = places.get(picture)
    if (place === undefined) return picture
    if ('address' in place) return place.address
    problems.push({ row, column, reason: `${picture}: ${place.reason}` })
    return undefined
  }
  const products = file.products.flatMap((product) => {
    const before = problems.length
    const images = product.images?.map((image) => placed(image, product.row, columnName('image')) ?? image)
    const variants = product.variants.map((variant): Variant => {
      const { image } = variant
      return image === undefined
        ? variant
        : { ...variant, image: placed(image, variant.row, columnName('variantImage')) }
    })
    return problems.length > before ? [] : [{ ...product, images, variants }]
  })
  return { ...file, products, problems: [...file.problems, ...problems].sort((a, b) => a.row - b.row) }
}
