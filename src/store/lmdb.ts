/**
 * The store on disk: one LMDB environment with one table. A commit is one asynchronous transaction of lmdb-js with
 * `overlappingSync: false`: its promise resolves after fdatasync of the data and the write of the meta page that
 * follows. lmdb-js holds values by reference until then, and an aborted batch keeps its earlier puts: everything is
 * checked, copied and encoded before the first.
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts
 */

import { statfsSync } from 'node:fs'
import { constants, open } from 'node:fs/promises'
import { constants as system } from 'node:os'
import { dirname } from 'node:path'
import { open as openLmdb, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'
import type { Seq, ShopId } from '../brands.js'
import { concatBytes, equalBytes, fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import { checkCommit, checkFlush } from './commit-check.js'
import {
  ALL_CARDS,
  ALL_SHOPS,
  cardKey,
  derivedKey,
  FORMAT_KEY,
  lastNumber,
  PAYMENT_ROW_HEAD_BYTES,
  paymentRowKey,
  LOG_BYTES_KEY,
  logKey,
  nodeKey,
  nonceKey,
  objectKey,
  PROBE_KEY,
  settingKey,
  shopKey,
} from './keys.js'
import { packChunks, pickFromChunk, recordBytes, unpackChunk } from './log-chunk.js'
import { Serial } from './serial.js'
import { StoreError } from './store-error.js'
import type {
  CardRow,
  Commit,
  DerivedFlush,
  PaymentRow,
  LogRecord,
  ShopRow,
  Store,
  StoredRoots,
  StoreStats,
} from './store.js'

/** Of the stored bytes; another one is refused. */
export const STORE_FORMAT = 1

const { errno } = system

const LMDB_MAGIC = 0xbeefc0de
const LMDB_VERSION = 2

type Table = RootDatabase<Uint8Array, Uint8Array>
type Put = readonly [key: Uint8Array, value: Uint8Array]

interface KnownShop {
  readonly number: number
  readonly row: ShopRow
  head: Seq
  nextRef: number
}

/** Opens or makes the database file (0600). `onClose` is called when the store is closed. Throws StoreError. */
export async function openLmdbStore(file: string, onClose: () => Promise<void>): Promise<Store> {
  await checkFile(file)
  const table = openTable(file)
  try {
    checkFormat(table)
    return new LmdbStore(table, file, onClose)
  } catch (error) {
    await table.close()
    throw error
  }
}

class LmdbStore implements Store {
  private readonly table: Table
  private readonly file: string
  private readonly onClose: () => Promise<void>
  private readonly known = new Map<bigint, KnownShop>()
  private readonly commits = new Serial()
  private readonly flushes = new Serial()
  private readonly probe: Probe
  private logBytes: number
  private broken: StoreError | undefined
  /** The last transaction failed for want of space: the next one asks the environment first. */
  private doubtful = false
  private closing: Promise<void> | undefined

  constructor(table: Table, file: string, onClose: () => Promise<void>) {
    this.table = table
    this.file = file
    this.onClose = onClose
    this.probe = new Probe(() => this.write([[PROBE_KEY, Uint8Array.of(1)]]))
    this.logBytes = numberAt(table, LOG_BYTES_KEY)
    for (const { key, value } of table.getRange(ALL_SHOPS)) {
      const shop = storedShop(table, fromBigEndian(key.subarray(1)), copy(value))
      this.known.set(shop.row.shopId, shop)
    }
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
    for (const record of this.recordsAfter(shop, after)) {
      if (record.seq !== after + records.length + 1) throw gapAt(shop, after + records.length + 1)
      bytes += recordBytes(record)
      if (records.length > 0 && bytes > limits.bytes) return records
      records.push(record)
      if (record.seq === last) return records
    }
    throw gapAt(shop, after + records.length + 1)
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
      const found = pickFromChunk(copy(this.table.get(key)!), wanted)
      if (found[0]?.seq !== wanted[0]) throw gapAt(shop, wanted[0]!)
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
    const value = shop && this.table.get(nonceKey(shop.number, signer))
    return value === undefined ? 0n : fromBigEndian(value)
  }

  card(card: Uint8Array): CardRow | undefined {
    this.assertOpen()
    const value = this.table.get(cardKey(card))
    return value === undefined ? undefined : decodeCard(copy(card), copy(value))
  }

  cards(): CardRow[] {
    this.assertOpen()
    const rows: CardRow[] = []
    for (const { key, value } of this.table.getRange(ALL_CARDS)) {
      rows.push(decodeCard(copy(key.subarray(1)), copy(value)))
    }
    return rows
  }

  setting(key: string): Uint8Array | undefined {
    this.assertOpen()
    const value = this.table.get(settingKey(key))
    return value === undefined ? undefined : copy(value)
  }

  paymentRows(shopId: ShopId, prefix = new Uint8Array(0)): PaymentRow[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return []
    const rows: PaymentRow[] = []
    const start = paymentRowKey(shop.number, prefix)
    for (const { key, value } of this.table.getRange({
      start,
      end: paymentRowKey(shop.number + 1, new Uint8Array(0)),
    })) {
      if (!equalBytes(key.subarray(0, start.length), start)) break
      rows.push({ shopId, key: copy(key.subarray(PAYMENT_ROW_HEAD_BYTES)), value: copy(value) })
    }
    return rows
  }

  async flushDerived(flush: DerivedFlush): Promise<void> {
    this.assertOpen()
    await this.flushes.run(() => this.doFlush(flush))
  }

  derived(shopId: ShopId): StoredRoots | undefined {
    this.assertOpen()
    const shop = this.known.get(shopId)
    const value = shop && this.table.get(derivedKey(shop.number))
    if (value === undefined) return undefined
    const { seq, roots } = decodeDerived(copy(value))
    return { seq, roots }
  }

  readNode(shopId: ShopId, ref: number): Uint8Array {
    this.assertOpen()
    const shop = this.known.get(shopId)
    const value = shop && this.table.getBinaryFast(nodeKey(shop.number, ref))
    if (value === undefined) throw new StoreError('missing-node', `shop ${shopId}: node ${ref} is missing`)
    return copyFast(value)
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
    return [...this.table.getKeys({ start, end, limit })].map(lastNumber)
  }

  async check(): Promise<void> {
    this.assertOpen()
    await this.probe.run()
  }

  stats(): StoreStats {
    this.assertOpen()
    const { pageSize, lastPageNumber } = this.table.getStats() as { pageSize: number; lastPageNumber: number }
    let sets = 0
    for (const { head } of this.known.values()) sets += head
    return { logBytes: this.logBytes, sets, fileBytes: pageSize * (lastPageNumber + 1) }
  }

  close(): Promise<void> {
    this.closing ??= this.doClose()
    return this.closing
  }

  private async doCommit(commit: Commit): Promise<void> {
    const byShop = checkCommit(commit, (shopId) => this.known.get(shopId)?.head)
    const made = (commit.newShops ?? []).map((row, i) => newShop(row, this.known.size + i + 1))
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
      puts.push([paymentRowKey(numberOf(shopId), key), copy(value)])
    const settings = lastOfEach(commit.settings ?? [])
    const removals: Uint8Array[] = []
    for (const [key, value] of settings) {
      if (value === undefined) removals.push(settingKey(key))
      else puts.push([settingKey(key), copy(value)])
    }
    await this.write(puts, removals)
    for (const shop of made) this.known.set(shop.row.shopId, shop)
    for (const [shopId, records] of byShop) this.known.get(shopId)!.head += records.length
    this.logBytes = logBytes
  }

  private async doFlush(flush: DerivedFlush): Promise<void> {
    const shop = this.known.get(flush.shopId)
    checkFlush(flush, shop?.head)
    if (shop === undefined) return
    const { number } = shop
    const nextRef = flush.nodes.reduce((next, { ref }) => Math.max(next, ref + 1), shop.nextRef)
    const puts: Put[] = flush.nodes.map(({ ref, bytes }) => [nodeKey(number, ref), copy(bytes)])
    for (const { object, seq } of flush.objectSeqs) puts.push([objectKey(number, object, seq), Uint8Array.of(1)])
    puts.push([derivedKey(number), encodeDerived(flush, nextRef)])
    await this.write(puts)
    shop.nextRef = nextRef
  }

  /** One transaction. Nothing in it is touched any more. */
  private async write(puts: readonly Put[], removals: readonly Uint8Array[] = []): Promise<void> {
    if (puts.length + removals.length === 0) return
    if (this.broken !== undefined) throw this.broken
    try {
      if (this.doubtful) this.table.transactionSync(() => undefined)
      await this.table.batch(() => {
        for (const [key, value] of puts) void this.table.put(key, value)
        for (const key of removals) void this.table.remove(key)
      })
    } catch (error) {
      throw this.failed(await reasonOf(error))
    }
    this.doubtful = false
    this.table.resetReadTxn()
  }

  /** After a full disk writing may go on one day; after another error nobody knows what the disk holds. */
  private failed(reason: unknown): StoreError {
    const error = asStoreError(reason, this.file)
    if (error.code === 'full') this.doubtful = true
    else this.broken = error
    return error
  }

  /** From the chunk that holds the first record after `after`; may go on past the head. */
  private *recordsAfter(shop: KnownShop, after: Seq): Generator<LogRecord> {
    const first = this.chunkStart(shop, after + 1)
    const range = { start: logKey(shop.number, first), end: logKey(shop.number + 1, 0) }
    for (const { value } of this.table.getRange(range)) {
      for (const record of unpackChunk(copy(value))) if (record.seq > after) yield record
    }
  }

  /** The first seq of the chunk that holds `seq`. */
  private chunkStart(shop: KnownShop, seq: Seq): Seq {
    const range = { start: logKey(shop.number, seq), end: logKey(shop.number, 0), reverse: true, limit: 1 }
    const [key] = [...this.table.getKeys(range)]
    if (key === undefined) throw gapAt(shop, seq)
    return lastNumber(key)
  }

  private async doClose(): Promise<void> {
    await Promise.all([this.commits.settled(), this.flushes.settled(), this.probe.settled()])
    await this.table.close()
    await this.onClose()
  }

  private assertOpen(): void {
    if (this.closing !== undefined) throw new StoreError('closed', 'the store is closed')
  }
}

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

/**
 * For a second process beside the relay's: what was durable when it was opened. `commit` and `flushDerived` reject.
 * Throws StoreError.
 */
export async function readLmdbStore(file: string): Promise<Store> {
  await checkFile(file, constants.O_RDONLY)
  const table = openTable(file, true)
  try {
    checkFormat(table, true)
    return new LmdbStore(table, file, () => Promise.resolve())
  } catch (error) {
    await table.close()
    throw error
  }
}

function openTable(file: string, readOnly = false): Table {
  // Types of lmdb-js lack permissionsMode.
  const options: RootDatabaseOptionsWithPath & { readonly permissionsMode: number } = {
    path: file,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
    // Batches of an event turn have a promise of their own that nobody handles: a commit that fails would end the
    // process.
    eventTurnBatching: false,
    maxDbs: 1,
    permissionsMode: 0o600,
    readOnly,
  }
  return openLmdb<Uint8Array, Uint8Array>(options)
}

/**
 * Reads the head of the first meta page: lmdb-js ends the process where it cannot open a file. Throws what the system
 * says.
 */
async function checkFile(path: string, flags = constants.O_RDWR | constants.O_CREAT): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    const head = new Uint8Array(32)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    const [magic, version] = [24, 28].map((at) => new DataView(head.buffer).getUint32(at, true))
    if (bytesRead === 0 || (magic === LMDB_MAGIC && version === LMDB_VERSION)) return
  } finally {
    await file.close()
  }
  const way = 'restore it from a backup, or use another --data directory'
  throw new StoreError('damaged', `${path} is no database that can be read: ${way}`)
}

function checkFormat(table: Table, readOnly = false): void {
  const stored = table.get(FORMAT_KEY)
  if (stored === undefined) {
    const [first] = [...table.getKeys({ limit: 1 })]
    if (first !== undefined || readOnly) {
      throw new StoreError('not-ours', 'the database holds data of another program: use another --data directory')
    }
    table.putSync(FORMAT_KEY, Uint8Array.of(STORE_FORMAT))
  } else if (stored.length !== 1 || stored[0] !== STORE_FORMAT) {
    const found = `the data are of format ${fromBigEndian(stored)}, this cairn knows ${STORE_FORMAT}`
    const advice =
      'use the version that wrote them (and its backup, to take them elsewhere), or another --data directory'
    throw new StoreError('version', `${found}: ${advice}; nothing was changed`)
  }
}

function storedShop(table: Table, shopId: ShopId, value: Uint8Array): KnownShop {
  const { number, row } = decodeShop(shopId, value)
  const range = { start: logKey(number + 1, 0), end: logKey(number, 0), reverse: true, limit: 1 }
  const [last] = [...table.getRange(range)]
  const head = last === undefined ? 0 : (unpackChunk(copy(last.value)).at(-1)?.seq ?? 0)
  const derived = table.get(derivedKey(number))
  return { number, row, head, nextRef: derived === undefined ? 1 : decodeDerived(derived).nextRef }
}

function numberAt(table: Table, key: Uint8Array): number {
  const value = table.get(key)
  return value === undefined ? 0 : Number(fromBigEndian(value))
}

function newShop({ shopId, secret, createdAtMs }: ShopRow, number: number): KnownShop {
  return { row: { shopId, secret: copy(secret), createdAtMs }, number, head: 0, nextRef: 1 }
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

function gapAt(shop: KnownShop, seq: Seq): StoreError {
  return new StoreError(
    'damaged',
    `shop ${shop.row.shopId}: the log has no set ${seq}, its head is ${shop.head}: restore it`,
  )
}

/**
 * lmdb-js may use the memory of its answers again, and must not keep that of its caller: it stores shared memory wrong.
 */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** Of what getBinaryFast returns: a buffer that is longer than its `length`, until the next get. */
function copyFast(bytes: Uint8Array): Uint8Array {
  const fresh = new Uint8Array(bytes.length)
  fresh.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  return fresh
}

// Rows: shop = number u32 ‖ created at ms u64 ‖ secret; card = flags u8 (1 guest, 2 removed, 4 and 8: what follows) ‖
// shop id 32 ‖ account 20 ‖ with 4 the enrolment's digest 32, Issued At i64 ‖ with 8 removed at ms u64;
// derived = seq u64 ‖ next node ref u64 ‖ roots

function encodeShop({ secret, createdAtMs }: ShopRow, number: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(number), 4), toBigEndian(BigInt(createdAtMs), 8), secret)
}

function decodeShop(shopId: ShopId, value: Uint8Array): { number: number; row: ShopRow } {
  const createdAtMs = Number(fromBigEndian(value.subarray(4, 12)))
  const secret = value.subarray(12)
  return { number: Number(fromBigEndian(value.subarray(0, 4))), row: { shopId, secret, createdAtMs } }
}

function encodeCard({ shopId, account, guest, removed, enrolledBy, removedAtMs }: CardRow): Uint8Array {
  const bits = [guest, removed, enrolledBy !== undefined, removedAtMs !== undefined]
  const flags = bits.reduce((sum, bit, i) => sum + (Number(bit) << i), 0)
  const parts = [Uint8Array.of(flags), toBigEndian(shopId, 32), account]
  if (enrolledBy !== undefined) parts.push(enrolledBy.digest, toBigEndian(BigInt.asUintN(64, enrolledBy.issuedAt), 8))
  if (removedAtMs !== undefined) parts.push(toBigEndian(BigInt(removedAtMs), 8))
  return concatBytes(...parts)
}

function decodeCard(card: Uint8Array, value: Uint8Array): CardRow {
  const flags = value[0]!
  const hasMessage = (flags & 4) !== 0
  const issuedAt = BigInt.asIntN(64, fromBigEndian(value.subarray(85, 93)))
  const time = value.subarray(hasMessage ? 93 : 53)
  return {
    card,
    shopId: fromBigEndian(value.subarray(1, 33)),
    account: value.subarray(33, 53),
    guest: (flags & 1) !== 0,
    removed: (flags & 2) !== 0,
    ...(hasMessage && { enrolledBy: { digest: value.subarray(53, 85), issuedAt } }),
    ...((flags & 8) !== 0 && { removedAtMs: Number(fromBigEndian(time)) }),
  }
}

function encodeDerived({ seq, roots }: DerivedFlush, nextRef: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(seq), 8), toBigEndian(BigInt(nextRef), 8), roots)
}

function decodeDerived(value: Uint8Array): StoredRoots & { readonly nextRef: number } {
  const [seq, nextRef] = [value.subarray(0, 8), value.subarray(8, 16)].map((part) => Number(fromBigEndian(part)))
  return { seq: seq!, nextRef: nextRef!, roots: value.subarray(16) }
}

/** lmdb-js tells why a commit failed in a promise at its error. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> }
  if (commitError === undefined) return error
  return commitError.catch((reason: unknown) => reason)
}

const MDB_MAP_FULL = -30792
/** lmdb-js gives the system's error number, or LMDB's. */
const FULL: ReadonlySet<unknown> = new Set([errno.ENOSPC, errno.EDQUOT, errno.EFBIG, MDB_MAP_FULL])

function asStoreError(error: unknown, file: string): StoreError {
  const message = error instanceof Error ? error.message : String(error)
  const { code } = error as { code?: unknown }
  if (FULL.has(code) || (code === errno.EIO && !hasRoom(file))) {
    return new StoreError('full', `nothing can be written, the disk is full (${message}): make room`, { cause: error })
  }
  const text = `writing to the database failed (${message}): check the disk, then start again`
  return new StoreError('failed', text, { cause: error })
}

/** LMDB calls it EIO when only a part of what it writes finds room. */
function hasRoom(file: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(file))
  return bavail * bsize > ROOM_BYTES
}

const ROOM_BYTES = 4 * 1_048_576
