/**
 * The rows of the logs: each a chunk of records (log-chunk.ts) under the number of its first.
 *
 * Tests: test/store/store.test.ts, test/store/store.property.test.ts, test/store/rot.test.ts
 */

import type { Seq } from '../brands.js'
import type { DamageList } from './damage-list.js'
import type { KnownShop } from './derived-rows.js'
import type { ChunkRun, PatchTotals } from './chunk-run.js'
import { lastNumber, logKey } from './keys.js'
import { NO_TOTALS, packChunks, pickFromChunk, recordBytes, runOf, unpackChunk } from './log-chunk.js'
import { StoreError, WHAT_NOW } from './store-error.js'
import type { LogRecord } from './store.js'
import type { Put, Table } from './table.js'

/** Chunks that were read last, of all shops: who reads on asks for the same one several times. */
const RUNS_KEPT_MAX = 16

export class LogRows {
  private readonly table: Table
  private readonly hurt: DamageList
  /** How long reservations of chunks of the first version last, seconds. */
  private readonly earlyReservationSeconds: number | undefined
  private readonly runs: { readonly number: number; readonly run: ChunkRun }[] = []

  constructor(table: Table, hurt: DamageList, earlyReservationSeconds: number | undefined) {
    this.table = table
    this.hurt = hurt
    this.earlyReservationSeconds = earlyReservationSeconds
  }

  /** The chunks of these records, which follow the shop's last, and what they and those before count. */
  puts({ number, totals }: KnownShop, records: readonly LogRecord[]): { puts: Put[]; totals: PatchTotals } {
    const chunks = packChunks(records, totals)
    const puts = chunks.map(({ firstSeq, bytes }): Put => [logKey(number, firstSeq), bytes])
    return { puts, totals: chunks.at(-1)?.totals ?? totals }
  }

  /** Head and totals of a shop whose last chunk this is. Of a chunk that cannot be read nothing counts. */
  end(shop: KnownShop, [key, row]: Put): { readonly head: Seq; readonly totals: PatchTotals } {
    try {
      return this.fromChunk(shop, key, row, (chunk) => {
        const run = runOf(chunk)
        if (run === undefined) return { head: unpackChunk(chunk, 0).at(-1)!.seq, totals: NO_TOTALS }
        const { from } = run.totals
        return { head: run.last, totals: { from, counts: run.totalsUpTo(run.last) } }
      })
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'damaged')) throw error
      return { head: lastNumber(key) - 1, totals: NO_TOTALS }
    }
  }

  /** As Store.readLog, of a log that goes on behind `after`. */
  read(shop: KnownShop, after: Seq, limits: { readonly records: number; readonly bytes: number }): LogRecord[] {
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

  /** As Store.pickLog. */
  pick(shop: KnownShop, seqs: readonly Seq[], bytes: number): LogRecord[] {
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

  /** As Store.readRun, of a log that goes on behind `after`. */
  run(shop: KnownShop, after: Seq): ChunkRun | undefined {
    const { number } = shop
    const seq = after + 1
    const kept = this.runs.find((one) => one.number === number && one.run.first <= seq && seq <= one.run.last)
    if (kept !== undefined) return kept.run
    // Who reads on asks for the one that begins there.
    const own = logKey(number, seq)
    const row = this.table.raw(own)
    const key = row === undefined ? logKey(number, this.chunkStart(shop, seq)) : own
    const run = this.fromChunk(shop, key, row ?? this.table.raw(key)!, runOf)
    if (run === undefined) return undefined
    if (seq > run.last || run.first !== lastNumber(key)) throw this.gapAt(shop, seq)
    this.runs.push({ number, run })
    if (this.runs.length > RUNS_KEPT_MAX) this.runs.shift()
    return run
  }

  /** As Store.countPatches. */
  count(shop: KnownShop, after: Seq, last: Seq, collections: number): number | undefined {
    const [low, high] = [this.totalsUpTo(shop, after), this.totalsUpTo(shop, last)]
    if (low === undefined || high === undefined) return undefined
    return high.reduce((sum, count, i) => ((collections & (1 << i)) === 0 ? sum : sum + count - low[i]!), 0)
  }

  /** What gapAt tells of, remembered; and what to throw. */
  gapAt({ row: { shopId }, head }: KnownShop, seq: Seq): StoreError {
    const text = `shop ${shopId}: the log has no set ${seq}, its head is ${head}: ${WHAT_NOW}`
    this.hurt.note({ shopId, part: 'log', text })
    return new StoreError('damaged', text)
  }

  /** Undefined where chunks of an earlier version stand before it. */
  private totalsUpTo(shop: KnownShop, seq: Seq): readonly number[] | undefined {
    if (seq === shop.head) return shop.totals.from === 0 ? undefined : shop.totals.counts
    return this.run(shop, seq)?.totalsUpTo(seq)
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
    return this.hurt.reading({ shopId, part: 'log', what: `the log at set ${lastNumber(key)}` }, () =>
      read(this.table.unsealed(key, row)),
    )
  }

  /** The first seq of the chunk that holds `seq`. */
  private chunkStart(shop: KnownShop, seq: Seq): Seq {
    const range = { start: logKey(shop.number, seq), end: logKey(shop.number, 0), reverse: true, limit: 1 }
    const [key] = this.table.keys(range)
    if (key === undefined) throw this.gapAt(shop, seq)
    return lastNumber(key)
  }
}
