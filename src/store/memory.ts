/**
 * The store in memory: the reference that the one on disk is compared with, and the store of tests.
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import { toHex } from '../bytes/hex.js'
import { compareBytes } from '../bytes/bytes.js'
import { collectionBit } from '../patches/object-name.js'
import { checkCommit, checkFlush, checkLogTrees } from './commit-check.js'
import { packChunks, recordBytes, runOf } from './log-chunk.js'
import { Serial } from './serial.js'
import { StoreError } from './store-error.js'
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

export function memoryStore(): Store {
  return new MemoryStore()
}

interface MemoryShop {
  readonly row: ShopRow
  readonly log: LogRecord[]
  readonly nonces: Map<string, bigint>
  readonly nodes: Map<number, Uint8Array>
  /** By the last set of the flush that replaced them. */
  readonly replaced: Map<Seq, readonly number[]>
  readonly objects: Map<string, Set<Seq>>
  readonly logTrees: LogTreeRow[]
  /** By key in hexadecimal. */
  readonly paymentRows: Map<string, PaymentRow>
  /** Values by seq. */
  readonly checkpoints: Map<Seq, Uint8Array>
  derived: StoredRoots | undefined
  nextRef: number
}

/** As many sets as stand together. */
const RUN = { records: 100, bytes: 65_536 }

export class MemoryStore implements Store {
  private readonly table = new Map<bigint, MemoryShop>()
  private readonly cardRows = new Map<string, CardRow>()
  private readonly settingRows = new Map<string, Uint8Array>()
  private readonly writes = new Serial()
  private closed = false

  async commit(commit: Commit): Promise<void> {
    this.assertOpen()
    await this.writes.run(async () => this.apply(commit))
  }

  shops(): ShopRow[] {
    this.assertOpen()
    const rows = [...this.table.values()].map(({ row }) => row)
    return rows.sort((a, b) => (a.shopId < b.shopId ? -1 : 1))
  }

  head(shopId: ShopId): Seq {
    this.assertOpen()
    return this.table.get(shopId)?.log.length ?? 0
  }

  readLog(shopId: ShopId, after: Seq, limits: { records: number; bytes: number }): LogRecord[] {
    this.assertOpen()
    const records: LogRecord[] = []
    let bytes = 0
    for (const record of this.table.get(shopId)?.log.slice(after, after + Math.max(1, limits.records)) ?? []) {
      bytes += recordBytes(record)
      if (records.length > 0 && bytes > limits.bytes) break
      records.push(copyRecord(record))
    }
    return records
  }

  pickLog(shopId: ShopId, seqs: readonly Seq[], bytes: number): LogRecord[] {
    this.assertOpen()
    const log = this.table.get(shopId)?.log ?? []
    const records: LogRecord[] = []
    let left = bytes
    for (const seq of seqs) {
      left -= recordBytes(log[seq - 1]!)
      if (records.length > 0 && left < 0) break
      records.push(copyRecord(log[seq - 1]!))
    }
    return records
  }

  readRun(shopId: ShopId, after: Seq): SetRun | undefined {
    const [chunk] = packChunks(this.readLog(shopId, after, RUN))
    return chunk && runOf(chunk.bytes)
  }

  countPatches(shopId: ShopId, after: Seq, last: Seq, collections: number): number | undefined {
    this.assertOpen()
    const patches = (this.table.get(shopId)?.log ?? []).slice(after, last).flatMap((record) => record.patches)
    return patches.filter((patch) => (collections & collectionBit(patch)) !== 0).length
  }

  nonce(shopId: ShopId, signer: Uint8Array): bigint {
    this.assertOpen()
    return this.table.get(shopId)?.nonces.get(toHex(signer)) ?? 0n
  }

  card(card: Uint8Array): CardRow | undefined {
    this.assertOpen()
    return this.cardRows.get(toHex(card))
  }

  cards(): CardRow[] {
    this.assertOpen()
    return [...this.cardRows.values()].sort((a, b) => compareBytes(a.card, b.card))
  }

  setting(key: string): Uint8Array | undefined {
    this.assertOpen()
    return this.settingRows.get(key)?.slice()
  }

  paymentRows(shopId: ShopId, prefix = new Uint8Array(0)): PaymentRow[] {
    this.assertOpen()
    const rows = [...(this.table.get(shopId)?.paymentRows ?? [])].filter(([name]) => name.startsWith(toHex(prefix)))
    return rows.map(([, row]) => copyRow(row)).sort((a, b) => compareBytes(a.key, b.key))
  }

  checkpoint(shopId: ShopId, seq: Seq): Uint8Array | undefined {
    this.assertOpen()
    return this.table.get(shopId)?.checkpoints.get(seq)?.slice()
  }

  checkpoints(shopId: ShopId, after: Seq, limit: number): CheckpointRow[] {
    this.assertOpen()
    const rows = [...(this.table.get(shopId)?.checkpoints ?? [])].map(([seq, value]) => ({ shopId, seq, value }))
    const wanted = rows.filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq)
    return wanted.slice(0, Math.max(0, limit)).map((row) => ({ ...row, value: copy(row.value) }))
  }

  newestCheckpoint(shopId: ShopId): CheckpointRow | undefined {
    return this.checkpoints(shopId, 0, Infinity).at(-1)
  }

  async flushDerived(flush: DerivedFlush): Promise<void> {
    this.assertOpen()
    await this.writes.run(async () => this.flush(flush, flush))
  }

  async flushPart(part: DerivedPart): Promise<void> {
    this.assertOpen()
    await this.writes.run(async () => this.flush(part))
  }

  derived(shopId: ShopId): StoredRoots | undefined {
    this.assertOpen()
    const derived = this.table.get(shopId)?.derived
    return derived && { seq: derived.seq, roots: derived.roots.slice() }
  }

  earlyDerived(): StoredRoots | undefined {
    return undefined
  }

  async dropDerived(shopId: ShopId): Promise<void> {
    this.assertOpen()
    await this.writes.run(async () => {
      const shop = this.table.get(shopId)
      if (shop === undefined) return
      shop.logTrees.length = 0
      shop.nodes.clear()
      shop.replaced.clear()
      forgetRoots(shop)
    })
  }

  async dropRoots(shopId: ShopId): Promise<void> {
    this.assertOpen()
    await this.writes.run(async () => {
      const shop = this.table.get(shopId)
      if (shop !== undefined) forgetRoots(shop)
    })
  }

  logTreeHead(shopId: ShopId): Seq {
    this.assertOpen()
    const last = this.table.get(shopId)?.logTrees.at(-1)
    return last === undefined ? 0 : last.firstSeq + last.sets - 1
  }

  logTreeRow(shopId: ShopId, seq: Seq): LogTreeRow {
    this.assertOpen()
    const rows = this.table.get(shopId)?.logTrees ?? []
    const row = rows.find(({ firstSeq, sets }) => firstSeq <= seq && seq < firstSeq + sets)
    if (row === undefined) throw new StoreError('derived', `shop ${shopId}: the trees over its log lack set ${seq}`)
    return { ...row, bytes: row.bytes.slice() }
  }

  readNode(shopId: ShopId, ref: number): Uint8Array {
    this.assertOpen()
    const bytes = this.table.get(shopId)?.nodes.get(ref)
    if (bytes === undefined) throw new StoreError('derived', `shop ${shopId}: node ${ref} is missing`)
    return bytes.slice()
  }

  nextNodeRef(shopId: ShopId): number {
    this.assertOpen()
    return this.table.get(shopId)?.nextRef ?? 1
  }

  nodeRefs(shopId: ShopId, after: number, limit: number): number[] {
    this.assertOpen()
    const refs = [...(this.table.get(shopId)?.nodes.keys() ?? [])].filter((ref) => ref > after)
    return refs.sort((a, b) => a - b).slice(0, Math.max(0, limit))
  }

  async removeNodes(shopId: ShopId, refs: readonly number[]): Promise<boolean> {
    this.assertOpen()
    await this.writes.run(async () => {
      for (const ref of refs) this.table.get(shopId)?.nodes.delete(ref)
    })
    return true
  }

  async freeReplaced(shopId: ShopId, seq: Seq): Promise<boolean> {
    this.assertOpen()
    const lists = this.table.get(shopId)?.replaced ?? new Map<Seq, readonly number[]>()
    for (const [of, refs] of lists) {
      if (of > seq) continue
      await this.removeNodes(shopId, refs)
      lists.delete(of)
    }
    return true
  }

  objectSeqs(shopId: ShopId, object: Uint8Array, after: Seq, limit: number): Seq[] {
    this.assertOpen()
    const seqs = [...(this.table.get(shopId)?.objects.get(toHex(object)) ?? [])]
    return seqs
      .filter((seq) => seq > after)
      .sort((a, b) => a - b)
      .slice(0, limit)
  }

  async check(): Promise<void> {
    this.assertOpen()
  }

  problem(): string | undefined {
    return undefined
  }

  scan(): Iterable<number> {
    return []
  }

  damage(): readonly StoreDamage[] {
    return []
  }

  stats(): StoreStats {
    this.assertOpen()
    const records = [...this.table.values()].flatMap(({ log }) => log)
    return {
      logBytes: records.reduce((sum, record) => sum + recordBytes(record), 0),
      sets: records.length,
      fileBytes: 0,
      earlyReservationSeconds: undefined,
    }
  }

  async close(): Promise<void> {
    this.closed = true
    await this.writes.settled()
  }

  private apply(commit: Commit): void {
    const byShop = checkCommit(commit, (shopId) => this.table.get(shopId)?.log.length)
    const head = (shopId: ShopId) => (this.table.get(shopId)?.log.length ?? 0) + (byShop.get(shopId)?.length ?? 0)
    checkLogTrees(commit, (shopId) => this.logTreeHead(shopId), head)
    for (const row of commit.newShops ?? []) this.table.set(row.shopId, newShop(row))
    for (const { shopId, ...row } of commit.logTrees ?? [])
      this.table.get(shopId)!.logTrees.push({ ...row, bytes: copy(row.bytes) })
    for (const [shopId, records] of byShop) {
      const { log } = this.table.get(shopId)!
      for (const record of records) log.push(copyRecord(record))
    }
    for (const { shopId, signer, nonce } of commit.nonces ?? []) {
      this.table.get(shopId)!.nonces.set(toHex(signer), nonce)
    }
    for (const row of commit.cards ?? []) {
      const enrolledBy = row.enrolledBy && { ...row.enrolledBy, digest: copy(row.enrolledBy.digest) }
      const kept = { ...row, card: copy(row.card), account: copy(row.account), ...(enrolledBy && { enrolledBy }) }
      this.cardRows.set(toHex(row.card), kept)
    }
    for (const row of commit.paymentRows ?? [])
      this.table.get(row.shopId)!.paymentRows.set(toHex(row.key), copyRow(row))
    for (const { shopId, seq, value } of commit.checkpoints ?? [])
      this.table.get(shopId)!.checkpoints.set(seq, copy(value))
    for (const { key, value } of commit.settings ?? []) {
      if (value === undefined) this.settingRows.delete(key)
      else this.settingRows.set(key, copy(value))
    }
  }

  private flush(part: DerivedPart, derived?: DerivedFlush): void {
    const shop = this.table.get(part.shopId)
    checkFlush(part, derived?.seq ?? 0, shop?.log.length)
    if (shop === undefined) return
    if (derived !== undefined) {
      const { seq, roots, replaced = [] } = derived
      shop.derived = { seq, roots: copy(roots) }
      if (replaced.length > 0) shop.replaced.set(seq, [...replaced])
    }
    for (const { ref, bytes } of part.nodes) {
      shop.nodes.set(ref, copy(bytes))
      shop.nextRef = Math.max(shop.nextRef, ref + 1)
    }
    for (const { object, seqs } of part.objectSeqs)
      shop.objects.set(toHex(object), new Set([...(shop.objects.get(toHex(object)) ?? []), ...seqs]))
  }

  private assertOpen(): void {
    if (this.closed) throw new StoreError('closed', 'the store is closed')
  }
}

function forgetRoots(shop: MemoryShop): void {
  shop.derived = undefined
  shop.objects.clear()
}

function newShop(row: ShopRow): MemoryShop {
  return {
    row: { ...row, secret: copy(row.secret) },
    log: [],
    nonces: new Map(),
    nodes: new Map(),
    replaced: new Map(),
    objects: new Map(),
    logTrees: [],
    paymentRows: new Map(),
    checkpoints: new Map(),
    derived: undefined,
    nextRef: 1,
  }
}

function copyRecord(record: LogRecord): LogRecord {
  return {
    ...record,
    signer: copy(record.signer),
    account: copy(record.account),
    header: copy(record.header),
    signature: copy(record.signature),
    patches: record.patches.map(copy),
    stateHash: copy(record.stateHash),
  }
}

function copyRow({ shopId, key, value }: PaymentRow): PaymentRow {
  return { shopId, key: copy(key), value: copy(value) }
}

function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
