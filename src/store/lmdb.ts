/**
 * The store on disk: one LMDB environment with one table (table.ts).
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts
 */

import { constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Seq, ShopId } from '../brands.js'
import { equalBytes, fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import { checkCommit, checkFlush } from './commit-check.js'
import { checkDatabaseFile, prepareReaders } from './database-file.js'
import { earlyReservationSeconds, readFormat, takeFormat } from './format.js'
import {
  ALL_CARDS,
  ALL_SHOPS,
  cardKey,
  derivedKey,
  describeKey,
  lastNumber,
  LOG_BYTES_KEY,
  logKey,
  nodeKey,
  nonceKey,
  objectKey,
  objectKeysOf,
  PAYMENT_ROW_HEAD_BYTES,
  paymentRowKey,
  PROBE_KEY,
  settingKey,
  shopKey,
} from './keys.js'
import { isSealedChunk, packChunks, pickFromChunk, recordBytes, unpackChunk } from './log-chunk.js'
import { Room } from './room.js'
import { decodeCard, decodeDerived, decodeShop, encodeCard, encodeDerived, encodeShop } from './rows.js'
import { Serial } from './serial.js'
import { StoreError } from './store-error.js'
import { ChecksumError, copy, Table, type Put } from './table.js'
import type {
  CardRow,
  Commit,
  DerivedFlush,
  DerivedPart,
  PaymentRow,
  LogRecord,
  ShopRow,
  Store,
  StoreDamage,
  StoredRoots,
  StoreStats,
} from './store.js'

interface KnownShop {
  readonly number: number
  readonly row: ShopRow
  head: Seq
  nextRef: number
  /** Trie nodes below it were written without a checksum. */
  sealedFrom: number
}

export interface StoreOptions {
  /** Bytes of the disk that stay free. */
  readonly reserveBytes: number
  /** For a database of format 1, whose log does not tell. */
  readonly reservationSeconds: number
}

/** Opens or makes the database file (0600). `onClose` is called when the store is closed. Throws StoreError. */
export async function openLmdbStore(file: string, options: StoreOptions, onClose: () => Promise<void>): Promise<Store> {
  await checkDatabaseFile(file)
  await prepareReaders(readersOf(file))
  const table = new Table(file, Room.of(dirname(file), options.reserveBytes))
  try {
    await takeFormat(table, options.reservationSeconds)
    return new LmdbStore(table, onClose)
  } catch (error) {
    await table.close()
    throw error
  }
}

/**
 * For a second process beside the relay's: what was durable when it was opened. `commit` and `flushDerived` reject.
 * Throws StoreError.
 */
export async function readLmdbStore(file: string, reservationSeconds: number): Promise<Store> {
  await checkDatabaseFile(file, constants.O_RDONLY)
  await prepareReaders(readersOf(file), true)
  const table = new Table(file, Room.of(dirname(file), 0), true)
  try {
    readFormat(table)
    return new LmdbStore(table, () => Promise.resolve(), table.sealed ? undefined : reservationSeconds)
  } catch (error) {
    await table.close()
    throw error
  }
}

/** As LMDB names it. */
export function readersOf(file: string): string {
  return `${file}-lock`
}

class LmdbStore implements Store {
  private readonly table: Table
  private readonly onClose: () => Promise<void>
  private readonly known = new Map<bigint, KnownShop>()
  /** Shops whose row is damaged: their number is not known, so that none can be given to a new shop. */
  private readonly lost = new Set<bigint>()
  private readonly hurt = new DamageList()
  private readonly commits = new Serial()
  private readonly probe: Probe
  private readonly earlyReservationSeconds: number | undefined
  private logBytes: number
  private closing: Promise<void> | undefined

  /** `reservationSeconds`: of a log of format 1 that is only read. */
  constructor(table: Table, onClose: () => Promise<void>, reservationSeconds?: number) {
    this.table = table
    this.onClose = onClose
    this.probe = new Probe(() => this.table.write([[PROBE_KEY, Uint8Array.of(1)]]))
    this.earlyReservationSeconds = earlyReservationSeconds(table) ?? reservationSeconds
    const logBytes = this.reading({ part: 'rows', what: 'the size of the logs', otherwise: undefined }, () =>
      table.get(LOG_BYTES_KEY),
    )
    this.logBytes = logBytes === undefined ? 0 : Number(fromBigEndian(logBytes))
    for (const [key, row] of table.range(ALL_SHOPS)) this.know(fromBigEndian(key.subarray(1)), key, row)
  }

  async commit(commit: Commit): Promise<void> {
    this.assertOpen()
    await this.commits.run(() => this.doCommit(commit))
  }

  shops(): ShopRow[] {
    this.assertOpen()
    const rows = [...this.known.values()].map(({ row }) => row)
    return rows.sort((a, b) => (a.shopId < b.shopId ? -1 : 1))
  }

  head(shopId: ShopId): Seq {
    this.assertOpen()
    return this.known.get(shopId)?.head ?? 0
  }

  readLog(shopId: ShopId, after: Seq, limits: { records: number; bytes: number }): LogRecord[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined || after >= shop.head) return []
    const last = Math.min(shop.head, after + Math.max(1, limits.records))
    const records: LogRecord[] = []
    let bytes = 0
    try {
      for (const record of this.recordsAfter(shop, after)) {
        if (record.seq !== after + records.length + 1) break
        bytes += recordBytes(record)
        if (records.length > 0 && bytes > limits.bytes) return records
        records.push(record)
        if (record.seq === last) return records
      }
    } catch (error) {
      if (records.length === 0) throw error
    }
    if (records.length === 0) throw this.gapAt(shop, after + 1)
    return records
  }

  pickLog(shopId: ShopId, seqs: readonly Seq[], bytes: number): LogRecord[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return []
    const records: LogRecord[] = []
    let left = bytes
    while (records.length < seqs.length) {
      const wanted = seqs.slice(records.length)
      const key = logKey(shop.number, this.chunkStart(shop, wanted[0]!))
      const found = this.fromChunk(shop, key, this.table.raw(key)!, (chunk) =>
        pickFromChunk(chunk, wanted, this.earlyReservationSeconds),
      )
      if (found[0]?.seq !== wanted[0]) throw this.gapAt(shop, wanted[0]!)
      for (const record of found) {
        left -= recordBytes(record)
        if (records.length > 0 && left < 0) return records
        records.push(record)
      }
    }
    return records
  }

  nonce(shopId: ShopId, signer: Uint8Array): bigint {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return 0n
    const value = this.reading({ shopId, part: 'rows', what: 'the last nonce of a card' }, () =>
      this.table.get(nonceKey(shop.number, signer)),
    )
    return value === undefined ? 0n : fromBigEndian(value)
  }

  card(card: Uint8Array): CardRow | undefined {
    this.assertOpen()
    const value = this.reading(CARD, () => this.table.get(cardKey(card)))
    return value === undefined ? undefined : decodeCard(copy(card), value)
  }

  cards(): CardRow[] {
    this.assertOpen()
    return [...this.table.range(ALL_CARDS)].flatMap(([key, row]) => {
      const value = this.reading({ ...CARD, otherwise: undefined }, () => this.table.unsealed(key, row))
      return value === undefined ? [] : [decodeCard(key.subarray(1), value)]
    })
  }

  setting(key: string): Uint8Array | undefined {
    this.assertOpen()
    return this.reading({ part: 'rows', what: `the row ${key}` }, () => this.table.get(settingKey(key)))
  }

  paymentRows(shopId: ShopId, prefix = new Uint8Array(0)): PaymentRow[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return []
    const rows: PaymentRow[] = []
    const start = paymentRowKey(shop.number, prefix)
    const end = paymentRowKey(shop.number + 1, new Uint8Array(0))
    for (const [key, row] of this.table.range({ start, end })) {
      if (!equalBytes(key.subarray(0, start.length), start)) break
      const value = this.reading({ shopId, part: 'rows', what: 'a row of its payments' }, () =>
        this.table.unsealed(key, row),
      )
      rows.push({ shopId, key: key.subarray(PAYMENT_ROW_HEAD_BYTES), value })
    }
    return rows
  }

  async flushDerived(flush: DerivedFlush): Promise<void> {
    this.assertOpen()
    await this.doFlush(flush, flush)
  }

  async flushPart(part: DerivedPart): Promise<void> {
    this.assertOpen()
    await this.doFlush(part)
  }

  derived(shopId: ShopId): StoredRoots | undefined {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return undefined
    const value = this.readingDerived(shopId, 'the roots', () => this.table.get(derivedKey(shop.number)))
    if (value === undefined) return undefined
    const { seq, roots } = decodeDerived(value)
    return { seq, roots }
  }

  async dropDerived(shopId: ShopId): Promise<void> {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return
    await this.table.write([], [derivedKey(shop.number)])
    const { start, end } = objectKeysOf(shop.number)
    for (;;) {
      const keys = this.table.keys({ start, end, limit: REMOVALS_AT_ONCE })
      if (keys.length === 0) break
      await this.table.write([], keys)
    }
    this.hurt.mended(shopId)
  }

  readNode(shopId: ShopId, ref: number): Uint8Array {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return this.readingDerived(shopId, `trie node ${ref}`, () => {
      const key = shop && nodeKey(shop.number, ref)
      const row = key && this.table.raw(key)
      if (row === undefined) throw new ChecksumError('it is missing')
      return ref < shop!.sealedFrom ? row : this.table.unsealed(key!, row)
    })
  }

  nextNodeRef(shopId: ShopId): number {
    this.assertOpen()
    return this.known.get(shopId)?.nextRef ?? 1
  }

  objectSeqs(shopId: ShopId, object: Uint8Array, after: Seq, limit: number): Seq[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined || limit <= 0) return []
    const start = objectKey(shop.number, object, after + 1)
    const end = objectKey(shop.number, object, 2 ** 53)
    return this.readingDerived(shopId, 'the object index', () =>
      [...this.table.range({ start, end, limit })].map(([key, row]) => {
        // Of format 1: without a checksum.
        if (row.length > 1) this.table.unsealed(key, row)
        return lastNumber(key)
      }),
    )
  }

  async check(): Promise<void> {
    this.assertOpen()
    await this.probe.run()
  }

  problem(): string | undefined {
    this.assertOpen()
    return this.table.problem
  }

  *scan(): Generator<number> {
    this.assertOpen()
    const byNumber = new Map([...this.known.values()].map((shop) => [shop.number, shop]))
    let rows = 0
    for (const [key, row] of this.table.range({ start: ALL_SHOPS.start })) {
      const { kind, shop: number, what } = describeKey(key)
      const shop = number === undefined ? undefined : byNumber.get(number)
      const part = kind === 'log' ? 'log' : DERIVED_KINDS.has(kind) ? 'derived' : 'rows'
      this.reading({ shopId: shop?.row.shopId, part, what, otherwise: undefined }, () => {
        if (!isBare(kind, key, row, shop)) this.table.unsealed(key, row)
        return undefined
      })
      if (++rows % ROWS_BETWEEN_TURNS === 0) yield rows
    }
    yield rows
  }

  damage(): readonly StoreDamage[] {
    return this.hurt.all()
  }

  stats(): StoreStats {
    this.assertOpen()
    let sets = 0
    for (const { head } of this.known.values()) sets += head
    const { logBytes, earlyReservationSeconds } = this
    return { logBytes, sets, fileBytes: this.table.fileBytes, earlyReservationSeconds }
  }

  close(): Promise<void> {
    this.closing ??= this.doClose()
    return this.closing
  }

  private async doCommit(commit: Commit): Promise<void> {
    const byShop = checkCommit(commit, (shopId) => this.known.get(shopId)?.head)
    const made = this.newShops(commit.newShops ?? [])
    const shops = new Map(made.map((shop) => [shop.row.shopId, shop]))
    const numberOf = (shopId: ShopId) => (shops.get(shopId) ?? this.known.get(shopId)!).number
    const log = [...byShop].flatMap(([shopId, records]) => chunkPuts(numberOf(shopId), records))
    const logBytes = log.reduce((sum, [, bytes]) => sum + bytes.length, this.logBytes)
    const puts: Put[] = [...made.map(shopPut), ...log, ...(commit.cards ?? []).map(cardPut)]
    if (log.length > 0) puts.push([LOG_BYTES_KEY, toBigEndian(BigInt(logBytes), 8)])
    for (const { shopId, signer, nonce } of commit.nonces ?? []) {
      puts.push([nonceKey(numberOf(shopId), signer), toBigEndian(nonce, 8)])
    }
    for (const { shopId, key, value } of commit.paymentRows ?? [])
      puts.push([paymentRowKey(numberOf(shopId), key), value])
    const settings = lastOfEach(commit.settings ?? [])
    const removals: Uint8Array[] = []
    for (const [key, value] of settings) {
      if (value === undefined) removals.push(settingKey(key))
      else puts.push([settingKey(key), value])
    }
    await this.table.write(puts, removals)
    for (const shop of made) this.known.set(shop.row.shopId, shop)
    for (const [shopId, records] of byShop) this.known.get(shopId)!.head += records.length
    this.logBytes = logBytes
  }

  private newShops(rows: readonly ShopRow[]): KnownShop[] {
    if (rows.length > 0 && this.lost.size > 0) {
      throw new StoreError('damaged', `no shop can be made while the row of another is damaged: ${WHAT_NOW}`)
    }
    let number = 0
    for (const shop of this.known.values()) number = Math.max(number, shop.number)
    return rows.map((row) => newShop(row, ++number))
  }

  private async doFlush(part: DerivedPart, roots?: StoredRoots): Promise<void> {
    const { shopId, nodes, objectSeqs } = part
    const shop = this.known.get(shopId)
    checkFlush(part, roots?.seq ?? 0, shop?.head)
    if (shop === undefined) return
    const { number } = shop
    const puts: Put[] = nodes.map(({ ref, bytes }) => [nodeKey(number, ref), bytes])
    for (const { object, seq } of objectSeqs) puts.push([objectKey(number, object, seq), Uint8Array.of(1)])
    if (roots !== undefined) puts.push([derivedKey(number), encodeDerived(roots, shop.sealedFrom)])
    await this.table.write(puts)
    shop.nextRef = nodes.reduce((next, { ref }) => Math.max(next, ref + 1), shop.nextRef)
  }

  private know(shopId: ShopId, key: Uint8Array, row: Uint8Array): void {
    const value = this.reading({ shopId, part: 'rows', what: 'the row of the shop', otherwise: undefined }, () =>
      this.table.unsealed(key, row),
    )
    if (value === undefined) {
      this.lost.add(shopId)
      return
    }
    const shop: KnownShop = { ...decodeShop(shopId, value), head: 0, nextRef: 1, sealedFrom: 1 }
    const { number } = shop
    const last = { reverse: true, limit: 1 }
    const [node] = this.table.keys({ start: nodeKey(number + 1, 0), end: nodeKey(number, 0), ...last })
    if (node !== undefined) shop.nextRef = lastNumber(node) + 1
    shop.sealedFrom = this.sealedFrom(number) ?? shop.nextRef
    const [chunk] = [...this.table.range({ start: logKey(number + 1, 0), end: logKey(number, 0), ...last })]
    if (chunk !== undefined) shop.head = this.lastSeqOf(shop, chunk)
    this.known.set(shopId, shop)
  }

  /** Undefined if nobody can say: then nothing that was flushed is used. */
  private sealedFrom(shop: number): number | undefined {
    try {
      const value = this.table.get(derivedKey(shop))
      return value && decodeDerived(value).sealedFrom
    } catch (error) {
      if (error instanceof ChecksumError) return undefined
      throw error
    }
  }

  /** Of a chunk that cannot be read nothing counts. */
  private lastSeqOf(shop: KnownShop, [key, row]: Put): Seq {
    try {
      return this.fromChunk(shop, key, row, (chunk) => unpackChunk(chunk).at(-1)!.seq)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'damaged') return lastNumber(key) - 1
      throw error
    }
  }

  /** From the chunk that holds the first record after `after`; may go on past the head. */
  private *recordsAfter(shop: KnownShop, after: Seq): Generator<LogRecord> {
    const first = this.chunkStart(shop, after + 1)
    const range = { start: logKey(shop.number, first), end: logKey(shop.number + 1, 0) }
    for (const [key, row] of this.table.range(range)) {
      const records = this.fromChunk(shop, key, row, (chunk) => unpackChunk(chunk, this.earlyReservationSeconds))
      for (const record of records) if (record.seq > after) yield record
    }
  }

  private fromChunk<T>(
    { row: { shopId } }: KnownShop,
    key: Uint8Array,
    row: Uint8Array,
    read: (chunk: Uint8Array) => T,
  ): T {
    return this.reading({ shopId, part: 'log', what: `the log at set ${lastNumber(key)}` }, () =>
      read(isSealedChunk(row) ? this.table.unsealed(key, row) : row),
    )
  }

  /** The first seq of the chunk that holds `seq`. */
  private chunkStart(shop: KnownShop, seq: Seq): Seq {
    const range = { start: logKey(shop.number, seq), end: logKey(shop.number, 0), reverse: true, limit: 1 }
    const [key] = this.table.keys(range)
    if (key === undefined) throw this.gapAt(shop, seq)
    return lastNumber(key)
  }

  private gapAt({ row: { shopId }, head }: KnownShop, seq: Seq): StoreError {
    const text = `shop ${shopId}: the log has no set ${seq}, its head is ${head}: ${WHAT_NOW}`
    this.hurt.note({ shopId, part: 'log', text })
    return new StoreError('damaged', text)
  }

  private readingDerived<T>(shopId: ShopId, what: string, read: () => T): T {
    return this.reading({ shopId, part: 'derived', what }, read)
  }

  /** What is damaged is remembered, and told as a StoreError, unless there is something to go on with. */
  private reading<T>({ shopId, part, what, ...given }: Reading<T>, read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof ChecksumError || (error instanceof StoreError && error.code === 'damaged'))) throw error
      const where = shopId === undefined ? '' : `shop ${shopId}: `
      const now = part === 'derived' ? 'it is made again from the log' : WHAT_NOW
      const text = `${where}${what} is damaged (${error.message}): ${now}`
      this.hurt.note({ shopId, part, text })
      if ('otherwise' in given) return given.otherwise
      throw new StoreError(part === 'derived' ? 'derived' : 'damaged', text, { cause: error })
    }
  }

  private async doClose(): Promise<void> {
    await Promise.all([this.commits.settled(), this.probe.settled()])
    await this.table.close()
    await this.onClose()
  }

  private assertOpen(): void {
    if (this.closing !== undefined) throw new StoreError('closed', 'the store is closed')
  }
}

interface Reading<T> {
  readonly shopId?: ShopId | undefined
  readonly part: StoreDamage['part']
  readonly what: string
  /** Without it the damage is thrown. */
  readonly otherwise?: T
}

const DERIVED_KINDS: ReadonlySet<string> = new Set(['derived', 'node', 'object'])
const ROWS_BETWEEN_TURNS = 10_000

/** Whether the row is one of format 1 that an upgrade leaves as it is. */
function isBare(kind: string, key: Uint8Array, row: Uint8Array, shop: KnownShop | undefined): boolean {
  if (kind === 'log') return !isSealedChunk(row)
  if (kind === 'object') return row.length === 1
  return kind === 'node' && shop !== undefined && lastNumber(key) < shop.sealedFrom
}

const CARD = { part: 'rows', what: 'the row of a card' } as const
const REMOVALS_AT_ONCE = 10_000

/** Each damaged place once, up to a number: one that is read again and again is still one. */
class DamageList {
  private readonly list = new Map<string, StoreDamage>()

  note(damage: StoreDamage): void {
    if (this.list.size < DAMAGE_KEPT_MAX) this.list.set(damage.text, damage)
  }

  all(): StoreDamage[] {
    return [...this.list.values()]
  }

  /** The derived part of the shop. */
  mended(shopId: ShopId): void {
    for (const [text, damage] of this.list)
      if (damage.shopId === shopId && damage.part === 'derived') this.list.delete(text)
  }
}

const DAMAGE_KEPT_MAX = 1_000

/** A write for the health check: one at a time, and not more often than every second however many ask. */
class Probe {
  private readonly write: () => Promise<void>
  private last: Promise<void> = Promise.resolve()
  private nextMs = 0

  constructor(write: () => Promise<void>) {
    this.write = write
  }

  run(): Promise<void> {
    const now = performance.now()
    if (now >= this.nextMs) {
      this.nextMs = Infinity
      this.last = this.write().finally(() => {
        this.nextMs = performance.now() + PROBE_INTERVAL_MS
      })
    }
    return this.last
  }

  async settled(): Promise<void> {
    await this.last.catch(() => undefined)
  }
}

const PROBE_INTERVAL_MS = 1_000

function newShop({ shopId, secret, createdAtMs }: ShopRow, number: number): KnownShop {
  return { row: { shopId, secret: copy(secret), createdAtMs }, number, head: 0, nextRef: 1, sealedFrom: 1 }
}

function chunkPuts(shop: number, records: readonly LogRecord[]): Put[] {
  return packChunks(records).map(({ firstSeq, bytes }) => [logKey(shop, firstSeq), bytes])
}

function shopPut({ row, number }: KnownShop): Put {
  return [shopKey(row.shopId), encodeShop(row, number)]
}

function cardPut(row: CardRow): Put {
  return [cardKey(row.card), encodeCard(row)]
}

function lastOfEach(
  settings: readonly { readonly key: string; readonly value: Uint8Array | undefined }[],
): Map<string, Uint8Array | undefined> {
  return new Map(settings.map(({ key, value }) => [key, value]))
}

const WHAT_NOW = '"cairn check" shows what is hurt; restore the data directory from a backup'
