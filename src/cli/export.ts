/**
 * `cairn export`: a shop's listings as a product file, or its orders as a table.
 *
 * Tests: test/cli/catalogue-commands.test.ts
 */

import { writeFile } from 'node:fs/promises'
import { writeTable } from '../catalogue/csv.js'
import { exportOrders } from '../catalogue/export-orders.js'
import { exportProducts } from '../catalogue/export-products.js'
import type { ShopClient } from '../client/shop-client.js'
import { parseFlags, UsageError, type Flags } from './flags.js'
import type { Io } from './io.js'
import { told } from './merchant.js'
import {
  CATALOGUE_PARTS,
  contentsOf,
  currencyText,
  decimalsFlag,
  pricingOf,
  SHOP_FLAGS,
  SHOP_FLAGS_HELP,
  whole,
  withShop,
} from './shop-catalogue.js'

export const EXPORT_HELP = `cairn export [--out FILE] [--orders] [--shop ID] [--decimals N] [--card FILE | --data DIR]
             [--url URL] [--relay ADDRESS|chain] [--chain FILE]

Writes the shop's listings, tags and stock as a CSV file with Shopify's columns, the same bytes for the same shop;
cairn import of it changes nothing. Cells that a spreadsheet would compute begin with an apostrophe, which the import
takes away.

  --out FILE    left out: stdout
  --orders      the orders instead, a row for each item, totals as decimal text. It holds names, addresses and
                e-mail: FILE is for its owner alone (0600)
${SHOP_FLAGS_HELP}
`

const FLAGS = { ...SHOP_FLAGS, out: { kind: 'text' }, orders: { kind: 'switch' } } as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(EXPORT_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const parts = flags.orders ? [{ order: 'all' } as const, { listing: 'all' } as const] : CATALOGUE_PARTS
    const text = await withShop(flags, parts, io, (client) =>
      flags.orders ? ordersOf(client, flags, io) : productsOf(client, flags, io),
    )
    await put(text, flags, io)
    return 0
  } catch (error) {
    return io.signal.aborted ? 1 : told('cairn export', error, io)
  }
}

async function productsOf(client: ShopClient, flags: Flags<typeof FLAGS>, io: Io): Promise<string> {
  const { decimals } = await pricingOf(client, decimalsFlag(flags.decimals), io)
  return writeTable(exportProducts(await contentsOf(client, io), { decimals }))
}

async function ordersOf(client: ShopClient, flags: Flags<typeof FLAGS>, io: Io): Promise<string> {
  const known = decimalsFlag(flags.decimals)
  const missing = new Set<string>()
  const [orders, listings] = await whole(client, [client.orderList(), client.listings()], io)
  const table = exportOrders(orders, listings, (currency) => {
    const decimals = known(currency)
    if (decimals === undefined) missing.add(currencyText(currency))
    return decimals
  })
  for (const currency of missing)
    io.err(`note: totals in ${currency} stand in its smallest unit only: --decimals tells how many digits it has`)
  return writeTable(table, { guarded: true })
}

async function put(text: string, { out, orders }: Flags<typeof FLAGS>, io: Io): Promise<void> {
  if (out === undefined) {
    if (io.outBytes === undefined) io.out(text.replace(/\n$/u, ''))
    else io.outBytes(new TextEncoder().encode(text))
    return
  }
  try {
    await writeFile(out, text, orders ? { mode: 0o600 } : {})
  } catch (error) {
    throw new UsageError(`${out} cannot be written: ${(error as Error).message}`)
  }
}
