/** What a page loads of a subpath at once: bundled, minified and gzipped it stays within what was promised. */

import { resolve } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { expect, test } from 'vitest'
import { bundle, ENTRIES, measure, titleOf } from '../bench/sizes.mjs'

const ROOT = resolve(import.meta.dirname, '..')
const KIB = 1_024

test.each(ENTRIES.map((entry) => [titleOf(entry), entry] as const))(
  '%s stays within its bound',
  async (_title, entry) => {
    const { bytes } = await measure(entry)
    expect(bytes).toBeGreaterThan(KIB)
    expect(bytes).toBeLessThanOrEqual(entry.most * KIB)
  },
  60_000,
)

test('a client loads what follows a snapshot behind it, and what few need when it is needed', async () => {
  const { later } = await measure({ name: 'cairn-relay/client' })
  const names = 'development-relay guest-side hand-over kept-replica kept-shop option-problems own-card'.split(' ')
  names.push('part-proofs', 'proof-requests', 'receipt-assembly', 'refused-upgrade', 'set-follower', 'shop-cards')
  names.push('shop-chain', 'shop-device', 'shop-payments')
  expect(later.map(({ name }) => name).sort()).toEqual(names)
})

test('a page can import and export a catalogue: nothing of Node is in it', async () => {
  const [page] = await bundle(`
    import { readTable, writeTable } from '${ROOT}/dist/catalogue/csv.js'
    import { exportProducts } from '${ROOT}/dist/catalogue/export-products.js'
    import { planImport } from '${ROOT}/dist/catalogue/import-plan.js'
    import { readProducts } from '${ROOT}/dist/catalogue/read-products.js'
    const shop = { listings: [], tags: new Map(), stock: [] }
    const file = readProducts(readTable('Title,Description\\nA mug,<b>Blue</b>\\n'), { decimals: 2 })
    globalThis.told = planImport(file, shop).problems[0].reason
    globalThis.written = writeTable(exportProducts(shop, { decimals: 2 }))`)
  expect(page!.imports).toEqual([])
  const global: Record<string, unknown> = { TextEncoder, TextDecoder }
  runInContext(page!.code, createContext(global))
  expect(global['told']).toBe('is blank, and the shop has no such listing')
  expect(global['written']).toMatch(/^Title,URL handle,/u)
})
