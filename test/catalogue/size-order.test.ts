import { expect, test } from 'vitest'
import { inSizeOrder } from '../../src/catalogue/size-order.js'
import { changed, empty, exported, planOf } from '../fixtures/catalogue-shop.js'
import { listing } from '../fixtures/relay-harness.js'
import { map } from '../fixtures/sample-shop.js'

test.each([
  ['L M S', 'S M L'],
  ['Large Medium Small', 'Small Medium Large'],
  ['L M S XL XS XXL', 'XS S M L XL XXL'],
  ['10 9 9,5', '9 9,5 10'],
  ['100ml 50ml', '50ml 100ml'],
  // Of two units, or of none: as the shop has them.
  ['1kg 500g', '1kg 500g'],
  ['Moss Larch S', 'Moss Larch S'],
  ['', ''],
])('%s', (given, wanted) => {
  expect(inSizeOrder(given.split(' '), String).join(' ')).toBe(wanted)
})

test('an export tells sizes from small to large, whatever their names are, and its import changes nothing', () => {
  const variation = (Title: string) => map({ VariationInfo: map({ Title, Description: Title }) })
  const Variations = map({ a: variation('Large'), b: variation('Small'), c: variation('Medium') })
  const Options = map({ size: map({ Title: 'Size', Variations }) })
  const state = changed(empty, [listing(1n, { Options })])
  const csv = exported(state)
  const rows = csv.trim().split('\n').slice(1)
  expect(rows.map((row) => /Small|Medium|Large/u.exec(row)?.[0])).toEqual(['Small', 'Medium', 'Large'])
  expect(planOf(state, csv).sets).toEqual([])
})
