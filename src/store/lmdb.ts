/**
 * The store on disk: one LMDB environment with one table. A commit is one asynchronous transaction of lmdb-js with
 * `overlappingSync: false`: its promise resolves after fdatasync of the data and the write of the meta page that follows.
 * lmdb-js holds values by reference until then, and an aborted batch keeps its earlier puts: everything is checked and encoded before the first.
 */

import { open as openLmdb, type RootDatabase } from 'lmdb'
import { concatBytes, fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import { recordsByShop } from './commit-check.js'
import {
  ALL_CARDS,
  ALL_SHOPS,
  cardKey,
  derivedKey,
  FORMAT_KEY,
  lastNumber,
  logKey,
  nodeKey,
  nonceKey,
  objectKey,
  settingKey,
  shopKey,
} from './keys.js'
import { packChunks, unpackChunk } from './log-chunk.js'
import { StoreError } from './store-error.js'
import type { CardRow, Commit, DerivedFlush, LogRecord, Seq, ShopRow, Store, StoredRoots } from './store.js'

/** Of the stored bytes; a newer one is refused. */
export const STORE_FORMAT = 1

interface KnownShop {
  readonly number: number
  readonly row: ShopRow
  head: Seq
  nextRef: number
}

export class LmdbStore implements Store {
  private readonly table: RootDatabase<Uint8Array, Uint8Array>
  private readonly known = new Map<bigint, KnownShop>()
  private readonly onClose: () => Promise<void>
  private closed = false

  /** Opens or makes the database file. `onClose` is called last. Throws StoreError. */
  constructor(file: string, onClose: () => Promise<void>) {
    this.table = openLmdb<Uint8Array, Uint8Array>({
      path: file,
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      overlappingSync: false,
      compression: false,
      maxDbs: 1,
      mode: 0o600,
    } as Parameters<typeof openLmdb>[0])
    this.onClose = onClose
    this.checkFormat()
    for (const { key, value } of this.table.getRange(ALL_SHOPS)) this.learnShop(copy(key), copy(value))
  }

  async commit(commit: Commit): Promise<void> {
    this.assertOpen()
    const byShop = recordsByShop(commit, (shopId) => this.known.get(shopId)?.head)
    const made = (commit.newShops ?? []).map((row, i) => newShop(row, this.known.size + i + 1))
    const numbers = new Map([...this.known.values(), ...made].map((shop) => [shop.row.shopId, shop.number]))
    const puts: [Uint8Array, Uint8Array][] = made.map(({ row, number }) => [
      shopKey(row.shopId),
      encodeShop(row, number),
    ])
    for (const [shopId, records] of byShop) {
      for (const { firstSeq, bytes } of packChunks(records)) puts.push([logKey(numbers.get(shopId)!, firstSeq), bytes])
    }
    for (const { shopId, signer, nonce } of commit.nonces ?? []) {
      puts.push([nonceKey(numbers.get(shopId)!, signer), toBigEndian(nonce, 8)])
    }
    for (const row of commit.cards ?? []) puts.push([cardKey(row.card), encodeCard(row)])
    const removals: Uint8Array[] = []
    for (const { key, value } of commit.settings ?? []) {
      if (value === undefined) removals.push(settingKey(key))
      else puts.push([settingKey(key), value.slice()])
    }
    await this.write(puts, removals)
    for (const shop of made) this.known.set(shop.row.shopId, shop)
    for (const [shopId, records] of byShop) this.known.get(shopId)!.head += records.length
  }

  shops(): ShopRow[] {
    return [...this.known.values()].map(({ row }) => row)
  }

  head(shopId: bigint): Seq {
    return this.known.get(shopId)?.head ?? 0
  }

  readLog(shopId: bigint, after: Seq, limits: { records: number; bytes: number }): LogRecord[] {
    const shop = this.known.get(shopId)
    if (shop === undefined || after >= shop.head) return []
    const records: LogRecord[] = []
    let bytes = 0
    const start = this.chunkStart(shop, after + 1)
    for (const { value } of this.table.getRange({
      start: logKey(shop.number, start),
      end: logKey(shop.number + 1, 0),
    })) {
      for (const record of unpackChunk(copy(value))) {
        if (record.seq <= after) continue
        records.push(record)
        for (const patch of record.patches) bytes += patch.length
        if (records.length >= limits.records || bytes >= limits.bytes) return records
      }
    }
    return records
  }

  nonce(shopId: bigint, signer: Uint8Array): bigint {
    const shop = this.known.get(shopId)
    const value = shop && this.table.get(nonceKey(shop.number, signer))
    return value === undefined ? 0n : fromBigEndian(value)
  }

  card(card: Uint8Array): CardRow | undefined {
    const value = this.table.get(cardKey(card))
    return value === undefined ? undefined : decodeCard(card.slice(), copy(value))
  }

  cards(): CardRow[] {
    const rows: CardRow[] = []
    for (const { key, value } of this.table.getRange(ALL_CARDS))
      rows.push(decodeCard(copy(key).subarray(1), copy(value)))
    return rows
  }

  setting(key: string): Uint8Array | undefined {
    const value = this.table.get(settingKey(key))
    return value === undefined ? undefined : copy(value)
  }

  async flushDerived({ shopId, seq, roots, nodes, objectSeqs }: DerivedFlush): Promise<void> {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) throw new StoreError('sequence', `a flush for shop ${shopId}, which is not there`)
    const nextRef = nodes.reduce((next, { ref }) => Math.max(next, ref + 1), shop.nextRef)
    const puts: [Uint8Array, Uint8Array][] = nodes.map(({ ref, bytes }) => [nodeKey(shop.number, ref), bytes])
    for (const { object, seq: at } of objectSeqs) puts.push([objectKey(shop.number, object, at), Uint8Array.of(1)])
    const heads = [toBigEndian(BigInt(seq), 8), toBigEndian(BigInt(nextRef), 8)]
    puts.push([derivedKey(shop.number), concatBytes(...heads, roots)])
    await this.write(puts, [])
    shop.nextRef = nextRef
  }

  derived(shopId: bigint): StoredRoots | undefined {
    const shop = this.known.get(shopId)
    const value = shop && this.table.get(derivedKey(shop.number))
    if (value === undefined) return undefined
    const bytes = copy(value)
    return { seq: Number(fromBigEndian(bytes.subarray(0, 8))), roots: bytes.subarray(16) }
  }

  readNode(shopId: bigint, ref: number): Uint8Array {
    const shop = this.known.get(shopId)
    const value = shop && this.table.get(nodeKey(shop.number, ref))
    if (value === undefined) throw new StoreError('missing-node', `shop ${shopId}: node ${ref} is missing`)
    return copy(value)
  }

  nextNodeRef(shopId: bigint): number {
    return this.known.get(shopId)?.nextRef ?? 1
  }

  objectSeqs(shopId: bigint, object: Uint8Array, after: Seq, limit: number): Seq[] {
    const shop = this.known.get(shopId)
    if (shop === undefined) return []
    const start = objectKey(shop.number, object, after + 1)
    const end = objectKey(shop.number, object, Number.MAX_SAFE_INTEGER)
    return [...this.table.getKeys({ start, end, limit })].map(lastNumber)
  }

  async check(): Promise<void> {
    this.assertOpen()
    await this.write([[settingKey('health'), toBigEndian(BigInt(this.known.size), 8)]], [])
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.table.close()
    await this.onClose()
  }

  private async write(
    puts: readonly (readonly [Uint8Array, Uint8Array])[],
    removals: readonly Uint8Array[],
  ): Promise<void> {
    try {
      await this.table.batch(() => {
        for (const [key, value] of puts) void this.table.put(key, value)
        for (const key of removals) void this.table.remove(key)
      })
    } catch (error) {
      throw asStoreError(error)
    }
    this.table.resetReadTxn()
  }

  private checkFormat(): void {
    const stored = this.table.get(FORMAT_KEY)
    if (stored === undefined) {
      this.table.putSync(FORMAT_KEY, Uint8Array.of(STORE_FORMAT))
      return
    }
    if (stored[0] !== STORE_FORMAT) {
      throw new StoreError(
        'version',
        `the data are of format ${stored[0]}, this cairn knows ${STORE_FORMAT}: use the version that wrote them, or another --data directory; nothing was changed`,
      )
    }
  }

  private learnShop(key: Uint8Array, value: Uint8Array): void {
    const { number, row } = decodeShop(fromBigEndian(key.subarray(1)), value)
    const [last] = [
      ...this.table.getRange({ start: logKey(number + 1, 0), end: logKey(number, 0), reverse: true, limit: 1 }),
    ]
    const head = last === undefined ? 0 : unpackChunk(copy(last.value)).at(-1)!.seq
    const derived = this.table.get(derivedKey(number))
    const nextRef = derived === undefined ? 1 : Number(fromBigEndian(derived.subarray(8, 16)))
    this.known.set(row.shopId, { number, row, head, nextRef })
  }

  /** The first seq of the chunk that holds `seq`. */
  private chunkStart(shop: KnownShop, seq: Seq): Seq {
    const [key] = [
      ...this.table.getKeys({ start: logKey(shop.number, seq), end: logKey(shop.number, 0), reverse: true, limit: 1 }),
    ]
    if (key === undefined) throw new StoreError('damaged', `shop ${shop.row.shopId}: the log has no set ${seq}`)
    return lastNumber(key)
  }

  private assertOpen(): void {
    if (this.closed) throw new StoreError('closed', 'the store is closed')
  }
}

function newShop(row: ShopRow, number: number): KnownShop {
  return { row, number, head: 0, nextRef: 1 }
}

/** lmdb-js re-uses the memory of what it returns. */
function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes)
}

// Rows: shop = number u32 ‖ created at ms u64 ‖ secret; card = flags u8 (1 guest, 2 removed) ‖ shop id 32 ‖ account 20

function encodeShop({ secret, createdAtMs }: ShopRow, number: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(number), 4), toBigEndian(BigInt(createdAtMs), 8), secret)
}

function decodeShop(shopId: bigint, value: Uint8Array): { number: number; row: ShopRow } {
  const createdAtMs = Number(fromBigEndian(value.subarray(4, 12)))
  return {
    number: Number(fromBigEndian(value.subarray(0, 4))),
    row: { shopId, secret: value.subarray(12), createdAtMs },
  }
}

function encodeCard({ shopId, account, guest, removed }: CardRow): Uint8Array {
  return concatBytes(Uint8Array.of(Number(guest) + 2 * Number(removed)), toBigEndian(shopId, 32), account)
}

function decodeCard(card: Uint8Array, value: Uint8Array): CardRow {
  const flags = value[0]!
  return {
    card,
    shopId: fromBigEndian(value.subarray(1, 33)),
    account: value.subarray(33),
    guest: (flags & 1) !== 0,
    removed: (flags & 2) !== 0,
  }
}

function asStoreError(error: unknown): StoreError {
  const message = error instanceof Error ? error.message : String(error)
  const full = /MAP_FULL|No space left|ENOSPC|disk quota/iu.test(message)
  return new StoreError(full ? 'full' : 'failed', full ? `the disk is full: ${message}` : message, { cause: error })
}
