/**
 * A shop as a table and a table as a shop, for pages and programs that import and export: `cairn import` and `cairn
 * export` without files and network.
 *
 * Tests: test/catalogue/read-products.test.ts
 */

export { readTable, TableError, writeTable, type Table } from './csv.js'
export { exportOrders, type DecimalsOf } from './export-orders.js'
export { exportProducts } from './export-products.js'
export type { ShopContents } from './held-listing.js'
export { planImport, type ImportOptions, type ImportPlan } from './import-plan.js'
export type { Notice, Problem, Product, ReadProducts, Variant } from './product.js'
export { picturesOf, withPictures } from './pictures.js'
export { readProducts } from './read-products.js'
export { inSizeOrder } from './size-order.js'
