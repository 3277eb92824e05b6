/**
 * The rows of a shop that follow from its log: roots and nodes of its tries, the object index, and the trees over the
 * log, which are written with the sets that they hold.
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts, test/store/rot.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import type { PatchTotals } from './chunk-run.js'
import type { DamageList } from './damage-list.js'
import {
  derivedKey,
  derivedKeyOf,
  earlyDerivedKey,
  lastNumber,
  logTreeKey,
  logTreeKeysOf,
  NO_SEQ,
  nodeKey,
  nodeKeysOf,
  objectKeysOf,
  objectSeqsKey,
  replacedKey,
  replacedKeysOf,
  type KeyRange,
} from './keys.js'
import { decodeDerived, decodeLogTree, decodeSeqs, encodeDerived, encodeLogTree, encodeSeqs } from './rows.js'
import type { DerivedFlush, DerivedPart, LogTreeRow, ShopRow, StoredRoots } from './store.js'
import { DamageError, type Put, type Table } from './table.js'

export interface KnownShop {
  readonly number: number
  readonly row: ShopRow
  head: Seq
  /** The last set of the trees over the log. */
  treeHead: Seq
  /** Of the patches of its log. */
  totals: PatchTotals
  nextRef: number
  /** Trie nodes below it were written without a checksum. */
  sealedFrom: number
}

const REMOVALS_AT_ONCE = 10_000
/** Fewer, for they come while the relay serves, and a row may cost the pages that lead to it. */
const NODES_REMOVED_AT_ONCE = 512

export class DerivedRows {
  private readonly table: Table
  private readonly hurt: DamageList

  constructor(table: Table, hurt: DamageList) {
    this.table = table
    this.hurt = hurt
  }

  /** With `last` what was flushed counts. */
  async flush({ nodes, objectSeqs }: DerivedPart, shop: KnownShop, last?: Omit<DerivedFlush, 'shopId'>): Promise<void> {
    const { number } = shop
    const puts: Put[] = nodes.map(({ ref, bytes }) => [nodeKey(number, ref), bytes])
    for (const seqs of objectSeqs) puts.push([objectSeqsKey(number, seqs.object, seqs.after), encodeSeqs(seqs)])
    if (last !== undefined) {
      const { seq, replaced = [] } = last
      puts.push([derivedKey(number), encodeDerived(last, shop.sealedFrom)])
      if (replaced.length > 0) puts.push([replacedKey(number, seq), encodeSeqs({ after: 0, seqs: replaced })])
    }
    await this.table.writeAside(puts)
    shop.nextRef = nodes.reduce((next, { ref }) => Math.max(next, ref + 1), shop.nextRef)
  }

  roots({ number, row: { shopId } }: KnownShop): StoredRoots | undefined {
    return this.rootsUnder(derivedKey(number), shopId, 'the root of its state')
  }

  earlyRoots({ number, row: { shopId } }: KnownShop): StoredRoots | undefined {
    return this.rootsUnder(earlyDerivedKey(number), shopId, 'the root of its early state')
  }

  /** Of the shop of this number; undefined if nobody can say: then nothing that was flushed is used. */
  sealedFrom(number: number): number | undefined {
    try {
      const value = this.table.get(derivedKey(number))
      return value && decodeDerived(value).sealedFrom
    } catch (error) {
      if (error instanceof DamageError) return undefined
      throw error
    }
  }

  async drop(shop: KnownShop): Promise<void> {
    const { number } = shop
    await this.table.write([], [derivedKey(number), earlyDerivedKey(number)])
    shop.treeHead = 0
    // Lists of replaced nodes before the nodes: where these are gone their names are given again, to others.
    const ranges = [...objectKeysOf(number), replacedKeysOf(number), nodeKeysOf(number), logTreeKeysOf(number)]
    for (const range of ranges) await this.removeAll(range)
    this.hurt.mended(shop.row.shopId)
  }

  /** The index first: as long as there is a root, what is left of it is dropped at the next start. */
  async dropRoots({ number }: KnownShop): Promise<void> {
    for (const range of [...objectKeysOf(number), replacedKeysOf(number)]) await this.removeAll(range)
    await this.removeAll(derivedKeyOf(number))
  }

  node(shop: KnownShop | undefined, shopId: ShopId, ref: number): Uint8Array {
    return this.reading(shopId, `trie node ${ref}`, () => {
      const value = shop && this.table.get(nodeKey(shop.number, ref))
      if (value === undefined) throw new DamageError('it is missing')
      return value
    })
  }

  nodeRefs({ number, row: { shopId } }: KnownShop, after: number, limit: number): number[] {
    return this.reading(shopId, 'the names of its trie nodes', () => {
      const { end } = nodeKeysOf(number)
      const refs = this.table.keys({ start: nodeKey(number, after + 1), end, limit }).map(lastNumber)
      // Who goes on behind the last one must get on.
      if (refs.some((ref, i) => ref <= (refs[i - 1] ?? after))) throw new DamageError('they stand in a wrong order')
      return refs
    })
  }

  async removeNodes({ number }: KnownShop, refs: readonly number[]): Promise<boolean> {
    if (this.table.isReadElsewhere) return false
    for (let at = 0; at < refs.length; at += NODES_REMOVED_AT_ONCE) {
      const some = refs.slice(at, at + NODES_REMOVED_AT_ONCE)
      await this.table.writeAside(
        [],
        some.map((ref) => nodeKey(number, ref)),
      )
    }
    return true
  }

  /** A list goes after its nodes: what is removed twice is removed. */
  async freeReplaced(shop: KnownShop, seq: Seq): Promise<boolean> {
    const { number, row } = shop
    const { start } = replacedKeysOf(number)
    const lists = this.reading(row.shopId, 'what was replaced of its state', () =>
      [...this.table.range({ start, end: replacedKey(number, Math.min(seq + 1, NO_SEQ)) })].map(([key, value]) => ({
        key,
        refs: decodeSeqs(0, this.table.unsealed(key, value)),
      })),
    )
    for (const { key, refs } of lists) {
      if (!(await this.removeNodes(shop, refs))) return false
      await this.table.writeAside([], [key])
    }
    return true
  }

  objectSeqs({ number, row: { shopId } }: KnownShop, object: Uint8Array, after: Seq, limit: number): Seq[] {
    return this.reading(shopId, 'the object index', () => {
      // What comes after set `after` may stand in a row that begins before it.
      const [before] = this.table.keys({
        start: objectSeqsKey(number, object, after),
        end: objectSeqsKey(number, object, 0),
        reverse: true,
        limit: 1,
      })
      const start = before ?? objectSeqsKey(number, object, 0)
      const seqs: Seq[] = []
      let last = after
      for (const [key, row] of this.table.whole({ start, end: objectSeqsKey(number, object, NO_SEQ) })) {
        for (const seq of decodeSeqs(lastNumber(key), this.table.unsealed(key, row))) {
          if (seq <= last) continue
          seqs.push((last = seq))
          if (seqs.length === limit) return seqs
        }
      }
      return seqs
    })
  }

  logTreePut({ number }: KnownShop, row: LogTreeRow): Put {
    return [logTreeKey(number, row.firstSeq), encodeLogTree(row)]
  }

  /** 0 also where the last row is damaged, which is remembered. */
  logTreeHead({ number, row: { shopId } }: Pick<KnownShop, 'number' | 'row'>): Seq {
    const range = { start: logTreeKey(number + 1, 0), end: logTreeKey(number, 0), reverse: true, limit: 1 }
    const unsure = { shopId, part: 'derived', what: 'the end of the trees over its log', otherwise: 0 } as const
    return this.hurt.reading(unsure, () => {
      this.table.lookAround(logTreeKey(number + 1, 0))
      const [last] = this.table.range(range)
      if (last === undefined) return 0
      const { firstSeq, sets } = decodeLogTree(lastNumber(last[0]), this.table.unsealed(...last))
      return firstSeq + sets - 1
    })
  }

  logTreeRow(shop: KnownShop | undefined, shopId: ShopId, seq: Seq): LogTreeRow {
    return this.reading(shopId, `the trees over its log at set ${seq}`, () => {
      const missing = () => new DamageError('its row is missing')
      if (shop === undefined) throw missing()
      const range = { start: logTreeKey(shop.number, seq), end: logTreeKey(shop.number, 0), reverse: true, limit: 1 }
      const [found] = this.table.range(range)
      if (found === undefined) throw missing()
      const row = decodeLogTree(lastNumber(found[0]), this.table.unsealed(...found))
      if (seq >= row.firstSeq + row.sets) throw missing()
      return row
    })
  }

  private rootsUnder(key: Uint8Array, shopId: ShopId, what: string): StoredRoots | undefined {
    const value = this.reading(shopId, what, () => this.table.get(key))
    if (value === undefined) return undefined
    const { seq, roots } = decodeDerived(value)
    return { seq, roots }
  }

  private reading<T>(shopId: ShopId, what: string, read: () => T): T {
    return this.hurt.reading({ shopId, part: 'derived', what }, read)
  }

  private async removeAll(range: KeyRange): Promise<void> {
    for (;;) {
      const keys = this.table.keys({ ...range, limit: REMOVALS_AT_ONCE })
      if (keys.length === 0) return
      await this.table.write([], keys)
    }
  }
}
