/** What both stores check before they write anything: sequence numbers are dense and every shop is known. */

import { StoreError } from './store-error.js'
import type { Commit, LogRecord, Seq } from './store.js'

/** The records of a commit by shop, in order. Throws StoreError 'sequence'. */
export function recordsByShop(commit: Commit, headOf: (shopId: bigint) => Seq | undefined): Map<bigint, LogRecord[]> {
  const fresh = new Set(commit.newShops?.map(({ shopId }) => shopId))
  const byShop = new Map<bigint, LogRecord[]>()
  for (const { shopId, record } of commit.records) {
    const head = headOf(shopId) ?? (fresh.has(shopId) ? 0 : undefined)
    if (head === undefined) throw new StoreError('sequence', `a record for shop ${shopId}, which is not there`)
    const records = byShop.get(shopId) ?? []
    const expected = head + records.length + 1
    if (record.seq !== expected)
      throw new StoreError('sequence', `shop ${shopId}: set ${record.seq} where ${expected} is next`)
    records.push(record)
    byShop.set(shopId, records)
  }
  return byShop
}
