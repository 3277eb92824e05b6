/** The store in memory: the reference that the one on disk is compared with, and the store of tests. */

import { toHex } from '../bytes/hex.js'
import { compareBytes } from '../bytes/bytes.js'
import { recordsByShop } from './commit-check.js'
import { StoreError } from './store-error.js'
import type { CardRow, Commit, DerivedFlush, LogRecord, Seq, ShopRow, Store, StoredRoots } from './store.js'

interface MemoryShop {
  readonly row: ShopRow
  readonly log: LogRecord[]
  readonly nonces: Map<string, bigint>
  readonly nodes: Map<number, Uint8Array>
  readonly objects: Map<string, Set<Seq>>
  derived: StoredRoots | undefined
  nextRef: number
}

export class MemoryStore implements Store {
  private readonly table = new Map<bigint, MemoryShop>()
  private readonly cardRows = new Map<string, CardRow>()
  private readonly settingRows = new Map<string, Uint8Array>()
  private closed = false

  async commit(commit: Commit): Promise<void> {
    this.open()
    const byShop = recordsByShop(commit, (shopId) => this.table.get(shopId)?.log.length)
    await Promise.resolve()
    for (const row of commit.newShops ?? []) {
      this.table.set(row.shopId, {
        row,
        log: [],
        nonces: new Map(),
        nodes: new Map(),
        objects: new Map(),
        derived: undefined,
        nextRef: 1,
      })
    }
    for (const [shopId, records] of byShop) this.table.get(shopId)!.log.push(...records)
    for (const { shopId, signer, nonce } of commit.nonces ?? [])
      this.table.get(shopId)!.nonces.set(toHex(signer), nonce)
    for (const row of commit.cards ?? []) this.cardRows.set(toHex(row.card), row)
    for (const { key, value } of commit.settings ?? []) {
      if (value === undefined) this.settingRows.delete(key)
      else this.settingRows.set(key, value)
    }
  }

  shops(): ShopRow[] {
    return [...this.table.values()].map(({ row }) => row)
  }

  head(shopId: bigint): Seq {
    return this.table.get(shopId)?.log.length ?? 0
  }

  readLog(shopId: bigint, after: Seq, limits: { records: number; bytes: number }): LogRecord[] {
    const log = this.table.get(shopId)?.log ?? []
    const records: LogRecord[] = []
    let bytes = 0
    for (const record of log.slice(after, after + limits.records)) {
      records.push(record)
      for (const patch of record.patches) bytes += patch.length
      if (bytes >= limits.bytes) break
    }
    return records
  }

  nonce(shopId: bigint, signer: Uint8Array): bigint {
    return this.table.get(shopId)?.nonces.get(toHex(signer)) ?? 0n
  }

  card(card: Uint8Array): CardRow | undefined {
    return this.cardRows.get(toHex(card))
  }

  cards(): CardRow[] {
    return [...this.cardRows.values()].sort((a, b) => compareBytes(a.card, b.card))
  }

  setting(key: string): Uint8Array | undefined {
    return this.settingRows.get(key)
  }

  async flushDerived({ shopId, seq, roots, nodes, objectSeqs }: DerivedFlush): Promise<void> {
    this.open()
    const shop = this.table.get(shopId)
    if (shop === undefined) throw new StoreError('sequence', `a flush for shop ${shopId}, which is not there`)
    await Promise.resolve()
    shop.derived = { seq, roots }
    for (const { ref, bytes } of nodes) {
      shop.nodes.set(ref, bytes)
      shop.nextRef = Math.max(shop.nextRef, ref + 1)
    }
    for (const { object, seq: at } of objectSeqs) {
      const seqs = shop.objects.get(toHex(object)) ?? new Set()
      shop.objects.set(toHex(object), seqs.add(at))
    }
  }

  derived(shopId: bigint): StoredRoots | undefined {
    return this.table.get(shopId)?.derived
  }

  readNode(shopId: bigint, ref: number): Uint8Array {
    const bytes = this.table.get(shopId)?.nodes.get(ref)
    if (bytes === undefined) throw new StoreError('missing-node', `shop ${shopId}: node ${ref} is missing`)
    return bytes.slice()
  }

  nextNodeRef(shopId: bigint): number {
    return this.table.get(shopId)?.nextRef ?? 1
  }

  objectSeqs(shopId: bigint, object: Uint8Array, after: Seq, limit: number): Seq[] {
    const seqs = [...(this.table.get(shopId)?.objects.get(toHex(object)) ?? [])]
    return seqs
      .filter((seq) => seq > after)
      .sort((a, b) => a - b)
      .slice(0, limit)
  }

  check(): Promise<void> {
    this.open()
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  private open(): void {
    if (this.closed) throw new StoreError('closed', 'the store is closed')
  }
}
