/**
 * The store on disk: one LMDB environment with one table (table.ts).
 *
 * One file of more than 300 lines: it is the store’s contract (store.ts), method by method; what each row holds is in
 * files of its own.
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts
 */

import { constants } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Seq, ShopId } from '../brands.js'
import { equalBytes, fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { CheckpointRows } from './checkpoint-rows.js'
import { SEAL_BYTES } from './checksum.js'
import { checkCommit, checkFlush, checkLogTrees } from './commit-check.js'
import { DamageList } from './damage-list.js'
import { DerivedRows, type KnownShop } from './derived-rows.js'
import { checkDatabaseFile, prepareReaders } from './database-file.js'
import { earlyReservationSeconds, readFormat, takeFormat } from './format.js'
import {
  ALL_CARDS,
  ALL_LOGS,
  ALL_SHOPS,
  cardKey,
  describeKey,
  FORMAT_KEY,
  lastNumber,
  EARLY_LOG_BYTES_KEY,
  LOG_BYTES_KEY,
  logKey,
  nodeKey,
  nonceKey,
  PAYMENT_ROW_HEAD_BYTES,
  paymentRowKey,
  paymentRowsOf,
  PROBE_KEY,
  settingKey,
  shopKey,
} from './keys.js'
import { isEarlyChunk, NO_TOTALS } from './log-chunk.js'
import { LogRows } from './log-rows.js'
import { Probe } from './probe.js'
import { Room } from './room.js'
import { decodeCard, decodeShop, encodeCard, encodeShop } from './rows.js'
import { Serial } from './serial.js'
import { StoreError } from './store-error.js'
import { copy, DamageError, Table, type Put } from './table.js'
import type {
  CardRow,
  CheckpointRow,
  Commit,
  DerivedFlush,
  DerivedPart,
  PaymentRow,
  LogRecord,
  LogTreeRow,
  SetRun,
  ShopRow,
  Store,
  StoreDamage,
  StoredRoots,
  StoreStats,
} from './store.js'

export interface StoreOptions {
  /** Bytes of the disk that stay free. */
  readonly reserveBytes: number
  /** For a database of format 1, whose log does not tell. */
  readonly reservationSeconds: number
  /** Another process opens the files first: what would end this one is an error. It takes a tenth of a second. */
  readonly isTried: boolean
}

/** Opens or makes the database file (0600). `onClose` is called when the store is closed. Throws StoreError. */
export async function openLmdbStore(file: string, options: StoreOptions, onClose: () => Promise<void>): Promise<Store> {
  await checkDatabaseFile(file)
  await prepareReaders(readersOf(file))
  const { reserveBytes, isTried } = options
  const table = await Table.open(file, Room.of(dirname(file), reserveBytes), { isTried })
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
export async function readLmdbStore(
  file: string,
  { reservationSeconds, isTried }: Omit<StoreOptions, 'reserveBytes'>,
): Promise<Store> {
  await checkDatabaseFile(file, constants.O_RDONLY)
  await prepareReaders(readersOf(file), true)
  const table = await Table.open(file, Room.of(dirname(file), 0), { readOnly: true, isTried })
  try {
    readFormat(table)
    return new LmdbStore(table, () => Promise.resolve(), table.early ? reservationSeconds : undefined)
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
  private readonly byNumber = new Map<number, KnownShop>()
  private readonly hurt = new DamageList()
  private readonly derivedRows: DerivedRows
  private readonly logRows: LogRows
  private readonly checkpointRows: CheckpointRows
  private readonly commits = new Serial()
  private readonly probe: Probe
  private readonly earlyReservationSeconds: number | undefined
  private logBytes: number
  private closing: Promise<void> | undefined

  /** `reservationSeconds`: of a log of format 1 that is only read. */
  constructor(table: Table, onClose: () => Promise<void>, reservationSeconds?: number) {
    this.table = table
    this.derivedRows = new DerivedRows(table, this.hurt)
    this.checkpointRows = new CheckpointRows(table, this.hurt)
    this.onClose = onClose
    this.probe = new Probe(() => this.table.write([[PROBE_KEY, Uint8Array.of(1)]]))
    table.isBare = (key, row) => this.isBare(key, row)
    this.earlyReservationSeconds =
      this.hurt.reading({ part: 'rows', what: 'how long reservations lasted', otherwise: undefined }, () =>
        earlyReservationSeconds(table),
      ) ?? reservationSeconds
    this.logRows = new LogRows(table, this.hurt, this.earlyReservationSeconds)
    this.hurt.reading({ part: 'shops', what: 'the list of shops', otherwise: undefined }, () => {
      for (const [key, row] of table.whole(ALL_SHOPS)) this.know(fromBigEndian(key.subarray(1)), key, row)
    })
    this.logBytes = this.logBytesOf(table)
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
    return shop === undefined || after >= shop.head ? [] : this.logRows.read(shop, after, limits)
  }

  pickLog(shopId: ShopId, seqs: readonly Seq[], bytes: number): LogRecord[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined ? [] : this.logRows.pick(shop, seqs, bytes)
  }

  readRun(shopId: ShopId, after: Seq): SetRun | undefined {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined || after >= shop.head ? undefined : this.logRows.run(shop, after)
  }

  countPatches(shopId: ShopId, after: Seq, last: Seq, collections: number): number | undefined {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop && this.logRows.count(shop, after, last, collections)
  }

  nonce(shopId: ShopId, signer: Uint8Array): bigint {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return 0n
    const value = this.hurt.reading({ shopId, part: 'rows', what: `the last nonce of card ${toHex(signer)}` }, () =>
      this.table.get(nonceKey(shop.number, signer)),
    )
    return value === undefined ? 0n : fromBigEndian(value)
  }

  card(card: Uint8Array): CardRow | undefined {
    this.assertOpen()
    const value = this.hurt.reading(cardNamed(card), () => this.table.get(cardKey(card)))
    return value === undefined ? undefined : decodeCard(copy(card), value)
  }

  cards(): CardRow[] {
    this.assertOpen()
    const rows: CardRow[] = []
    this.hurt.reading({ part: 'rows', what: 'the list of cards', otherwise: undefined }, () => {
      for (const [key, row] of this.table.whole(ALL_CARDS)) {
        const card = key.subarray(1)
        const value = this.hurt.reading({ ...cardNamed(card), otherwise: undefined }, () =>
          this.table.unsealed(key, row),
        )
        if (value !== undefined) rows.push(decodeCard(card, value))
      }
    })
    return rows
  }

  setting(key: string): Uint8Array | undefined {
    this.assertOpen()
    return this.hurt.reading({ part: 'rows', what: `the row ${key}` }, () => this.table.get(settingKey(key)))
  }

  paymentRows(shopId: ShopId, prefix = new Uint8Array(0)): PaymentRow[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop === undefined) return []
    return this.hurt.reading({ shopId, part: 'rows', what: 'a row of its payments' }, () =>
      [...this.table.whole(paymentRowsOf(shop.number, prefix))].map(([key, row]) => ({
        shopId,
        key: key.subarray(PAYMENT_ROW_HEAD_BYTES),
        value: this.table.unsealed(key, row),
      })),
    )
  }

  checkpoint(shopId: ShopId, seq: Seq): Uint8Array | undefined {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop && this.checkpointRows.at(shop, seq)
  }

  checkpoints(shopId: ShopId, after: Seq, limit: number): CheckpointRow[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined ? [] : this.checkpointRows.after(shop, after, limit)
  }

  newestCheckpoint(shopId: ShopId): CheckpointRow | undefined {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop && this.checkpointRows.newest(shop)
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
    const roots = shop && this.derivedRows.roots(shop)
    if (roots === undefined || roots.seq <= shop!.head) return roots
    this.logRows.gapAt(shop!, roots.seq)
    return undefined
  }

  earlyDerived(shopId: ShopId): StoredRoots | undefined {
    this.assertOpen()
    if (this.table.early) return this.derived(shopId)
    const shop = this.known.get(shopId)
    return shop && this.derivedRows.earlyRoots(shop)
  }

  async dropDerived(shopId: ShopId): Promise<void> {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop !== undefined) await this.derivedRows.drop(shop)
  }

  async dropRoots(shopId: ShopId): Promise<void> {
    this.assertOpen()
    const shop = this.known.get(shopId)
    if (shop !== undefined) await this.derivedRows.dropRoots(shop)
  }

  logTreeHead(shopId: ShopId): Seq {
    this.assertOpen()
    return this.known.get(shopId)?.treeHead ?? 0
  }

  logTreeRow(shopId: ShopId, seq: Seq): LogTreeRow {
    this.assertOpen()
    return this.derivedRows.logTreeRow(this.known.get(shopId), shopId, seq)
  }

  readNode(shopId: ShopId, ref: number): Uint8Array {
    this.assertOpen()
    return this.derivedRows.node(this.known.get(shopId), shopId, ref)
  }

  nextNodeRef(shopId: ShopId): number {
    this.assertOpen()
    return this.known.get(shopId)?.nextRef ?? 1
  }

  nodeRefs(shopId: ShopId, after: number, limit: number): number[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined || limit <= 0 ? [] : this.derivedRows.nodeRefs(shop, after, limit)
  }

  async removeNodes(shopId: ShopId, refs: readonly number[]): Promise<boolean> {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined || this.derivedRows.removeNodes(shop, refs)
  }

  async freeReplaced(shopId: ShopId, seq: Seq): Promise<boolean> {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined || this.derivedRows.freeReplaced(shop, seq)
  }

  objectSeqs(shopId: ShopId, object: Uint8Array, after: Seq, limit: number): Seq[] {
    this.assertOpen()
    const shop = this.known.get(shopId)
    return shop === undefined || limit <= 0 ? [] : this.derivedRows.objectSeqs(shop, object, after, limit)
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
    const { entries } = this.table
    let rows = 0
    for (const [key, row] of this.table.range({ start: FORMAT_KEY })) {
      const { kind, shop, what } = describeKey(key)
      const numbered = shop === undefined ? undefined : this.byNumber.get(shop)?.row.shopId
      const shopId = kind === 'shop' ? fromBigEndian(key.subarray(1)) : numbered
      const part = PARTS.get(kind) ?? 'rows'
      this.hurt.reading({ shopId, part, what, otherwise: undefined }, () => {
        this.table.unsealed(key, row)
        if (this.table.raw(key) === undefined) throw new DamageError('it is not found by its key')
        return undefined
      })
      if (++rows % ROWS_BETWEEN_TURNS === 0) yield rows
    }
    this.hurt.reading({ part: 'rows', what: 'the table', otherwise: undefined }, () => {
      if (rows !== entries) throw new DamageError(`it has ${rows} rows and says ${entries}`)
    })
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
    const known = (shopId: ShopId) => shops.get(shopId) ?? this.known.get(shopId)!
    const numberOf = (shopId: ShopId) => known(shopId).number
    const packed = [...byShop].map(([shopId, records]) => ({ shopId, ...this.logRows.puts(known(shopId), records) }))
    const log = packed.flatMap(({ puts }) => puts)
    const logBytes = log.reduce((sum, [, bytes]) => sum + bytes.length, this.logBytes)
    const head = (shopId: ShopId) => known(shopId).head + (byShop.get(shopId)?.length ?? 0)
    const treeHeads = checkLogTrees(commit, (shopId) => known(shopId).treeHead, head)
    const trees = (commit.logTrees ?? []).map((row) => this.derivedRows.logTreePut(known(row.shopId), row))
    const puts: Put[] = [...made.map(shopPut), ...log, ...trees, ...(commit.cards ?? []).map(cardPut)]
    if (log.length > 0) puts.push([LOG_BYTES_KEY, toBigEndian(BigInt(logBytes), 8)])
    for (const { shopId, signer, nonce } of commit.nonces ?? []) {
      puts.push([nonceKey(numberOf(shopId), signer), toBigEndian(nonce, 8)])
    }
    for (const { shopId, key, value } of commit.paymentRows ?? [])
      puts.push([paymentRowKey(numberOf(shopId), key), value])
    for (const row of commit.checkpoints ?? []) puts.push(this.checkpointRows.put(numberOf(row.shopId), row))
    const settings = lastOfEach(commit.settings ?? [])
    const removals: Uint8Array[] = []
    for (const [key, value] of settings) {
      if (value === undefined) removals.push(settingKey(key))
      else puts.push([settingKey(key), value])
    }
    await this.table.write(puts, removals)
    for (const shop of made) this.add(shop)
    for (const [shopId, records] of byShop) this.known.get(shopId)!.head += records.length
    for (const { shopId, totals } of packed) this.known.get(shopId)!.totals = totals
    for (const [shopId, treeHead] of treeHeads) this.known.get(shopId)!.treeHead = treeHead
    this.logBytes = logBytes
  }

  private newShops(rows: readonly ShopRow[]): KnownShop[] {
    const unsure = this.hurt.all().find(({ part }) => part === 'shops')
    if (rows.length > 0 && unsure !== undefined) throw new StoreError('damaged', unsure.text)
    let number = 0
    for (const shop of this.known.values()) number = Math.max(number, shop.number)
    return rows.map((row) => newShop(row, ++number))
  }

  private async doFlush(part: DerivedPart, last?: DerivedFlush): Promise<void> {
    const shop = this.known.get(part.shopId)
    checkFlush(part, last?.seq ?? 0, shop?.head)
    if (shop !== undefined) await this.derivedRows.flush(part, shop, last)
  }

  private add(shop: KnownShop): void {
    this.known.set(shop.row.shopId, shop)
    this.byNumber.set(shop.number, shop)
  }

  private know(shopId: ShopId, key: Uint8Array, row: Uint8Array): void {
    const value = this.hurt.reading({ shopId, part: 'shops', what: 'the row of the shop', otherwise: undefined }, () =>
      this.table.unsealed(key, row),
    )
    if (value === undefined) return
    const shop: KnownShop = {
      ...decodeShop(shopId, value),
      head: 0,
      treeHead: 0,
      totals: NO_TOTALS,
      nextRef: 1,
      sealedFrom: 1,
    }
    const { number } = shop
    const last = { reverse: true, limit: 1 }
    const [node] = this.table.keys({ start: nodeKey(number + 1, 0), end: nodeKey(number, 0), ...last })
    if (node !== undefined) shop.nextRef = lastNumber(node) + 1
    shop.sealedFrom = this.derivedRows.sealedFrom(number) ?? shop.nextRef
    const [chunk] = this.table.range({ start: logKey(number + 1, 0), end: logKey(number, 0), ...last })
    if (chunk !== undefined) Object.assign(shop, this.logRows.end(shop, chunk))
    shop.treeHead = this.derivedRows.logTreeHead(shop)
    const unsure = { shopId, otherwise: undefined } as const
    this.hurt.reading({ ...unsure, part: 'log', what: 'the end of the log' }, () =>
      this.table.lookAround(logKey(number + 1, 0)),
    )
    this.hurt.reading({ ...unsure, part: 'derived', what: 'the last trie node' }, () =>
      this.table.lookAround(nodeKey(number + 1, 0)),
    )
    this.add(shop)
  }

  /** Whether the row is one of format 1 that an upgrade leaves as it is. */
  private isBare(key: Uint8Array, row: Uint8Array): boolean {
    if (equalBytes(key, FORMAT_KEY)) return true
    if (this.earlyReservationSeconds === undefined) return false
    const { kind, shop } = describeKey(key)
    if (kind === 'log') return isEarlyChunk(row)
    if (kind === 'earlyObject') return row.length === 1
    return kind === 'node' && lastNumber(key) < (this.byNumber.get(shop ?? 0)?.sealedFrom ?? Infinity)
  }

  /** What is damaged of it is counted anew. */
  private logBytesOf(table: Table): number {
    try {
      const value = table.get(LOG_BYTES_KEY) ?? table.get(EARLY_LOG_BYTES_KEY)
      return value === undefined ? 0 : Number(fromBigEndian(value))
    } catch (error) {
      if (!(error instanceof DamageError)) throw error
      let bytes = 0
      for (const [, row] of table.range(ALL_LOGS)) bytes += row.length - (isEarlyChunk(row) ? 0 : SEAL_BYTES)
      return bytes
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

const PARTS: ReadonlyMap<string, StoreDamage['part']> = new Map([
  ['shop', 'shops'],
  ['log', 'log'],
  ['derived', 'derived'],
  ['node', 'derived'],
  ['earlyObject', 'derived'],
  ['objectSeqs', 'derived'],
  ['logTree', 'derived'],
  ['replaced', 'derived'],
])
const ROWS_BETWEEN_TURNS = 10_000

const cardNamed = (card: Uint8Array) => ({ part: 'rows', what: `the row of card ${toHex(card)}` }) as const

function newShop({ shopId, secret, createdAtMs }: ShopRow, number: number): KnownShop {
  return {
    row: { shopId, secret: copy(secret), createdAtMs },
    number,
    head: 0,
    treeHead: 0,
    totals: NO_TOTALS,
    nextRef: 1,
    sealedFrom: 1,
  }
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
