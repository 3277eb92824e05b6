/**
 * The rows of a shop's checkpoints, in the order of their sets. They do not follow from the log: times and signatures
 * stand in them.
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import type { DamageList } from './damage-list.js'
import { checkpointKey, lastNumber, NO_SEQ } from './keys.js'
import type { CheckpointRow } from './store.js'
import type { Put, Table } from './table.js'

interface NumberedShop {
  readonly number: number
  readonly row: { readonly shopId: ShopId }
}

export class CheckpointRows {
  private readonly table: Table
  private readonly hurt: DamageList

  constructor(table: Table, hurt: DamageList) {
    this.table = table
    this.hurt = hurt
  }

  put(shop: number, { seq, value }: CheckpointRow): Put {
    return [checkpointKey(shop, seq), value]
  }

  at(shop: NumberedShop, seq: Seq): Uint8Array | undefined {
    return this.reading(shop, () => this.table.get(checkpointKey(shop.number, seq)))
  }

  after(shop: NumberedShop, seq: Seq, limit: number): CheckpointRow[] {
    if (limit <= 0) return []
    const range = { start: checkpointKey(shop.number, seq + 1), end: checkpointKey(shop.number, NO_SEQ) }
    return this.reading(shop, () =>
      [...this.table.whole(range, limit)].map(([key, row]) => ({
        shopId: shop.row.shopId,
        seq: lastNumber(key),
        value: this.table.unsealed(key, row),
      })),
    )
  }

  newest(shop: NumberedShop): CheckpointRow | undefined {
    return this.reading(shop, () => {
      const end = checkpointKey(shop.number, NO_SEQ)
      this.table.lookAround(end)
      const range = { start: end, end: checkpointKey(shop.number, 0), reverse: true, limit: 1 }
      const [last] = this.table.range(range)
      if (last === undefined) return undefined
      const [key, row] = last
      return { shopId: shop.row.shopId, seq: lastNumber(key), value: this.table.unsealed(key, row) }
    })
  }

  private reading<T>({ row: { shopId } }: NumberedShop, read: () => T): T {
    return this.hurt.reading({ shopId, part: 'rows', what: 'a row of its checkpoints' }, read)
  }
}
