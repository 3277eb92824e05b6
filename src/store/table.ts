/**
 * The one LMDB table of the database: rows under checksums, one transaction after the other, nothing written for which
 * there may be no room.
 *
 * LMDB's own pages have no checksum. A key that rots makes its row impossible to find, so "there is none" is believed
 * only where the rows on both sides are at their places and in order.
 *
 * A transaction is one of lmdb-js with `overlappingSync: false`: its promise resolves after fdatasync of the data and
 * the write of the meta page that follows. lmdb-js holds values by reference until then, and an aborted batch keeps its
 * earlier puts: everything is checked, copied and encoded before the first.
 *
 * One file of more than 300 lines: seals, neighbors and room are looked at in every read and write, in one order.
 *
 * Tests: test/store/store.test.ts, test/store/durability.test.ts
 */

import { statfsSync, statSync } from 'node:fs'
import { constants as system, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { open as openLmdb, type RangeOptions, type RootDatabase, type RootDatabaseOptionsWithPath } from 'lmdb'
import { compareBytes } from '../bytes/bytes.js'
import { isOfKey, seal, unseal } from './checksum.js'
import type { KeyRange } from './keys.js'
import { Serial } from './serial.js'
import { StoreError } from './store-error.js'
import type { Room } from './room.js'
import { assertOpenFiles, tryToOpen } from './trial.js'

export type Put = readonly [key: Uint8Array, value: Uint8Array]

/** A row whose bytes are not those that were written, or that may be missing. */
export class DamageError extends Error {
  override readonly name = 'DamageError'
}

/** A page of LMDB, and how many of them a put may write beside those of its value: the path down and a split. */
const PAGE_BYTES = 4_096
const PAGES_PER_PUT = 2
/** Free lists, roots and meta pages of a transaction. */
const PAGES_PER_WRITE = 64

export class Table {
  private readonly options: Options
  private lmdb: RootDatabase<Uint8Array, Uint8Array>
  private readonly room: Room
  private readonly writes = new Serial()
  private broken: StoreError | undefined
  /**
   * The largest write that somebody waited for and that was refused for want of room: small ones that succeed meanwhile
   * do not make it ready.
   */
  private wanted = LEAST_TO_WRITE
  /** A database of format 1 that is only read: nothing in it has a checksum. */
  early = false
  /** Rows of format 1 that have none. */
  isBare: (key: Uint8Array, row: Uint8Array) => boolean = () => false

  /** `isTried`: another process opens the file first (trial.ts). Throws StoreError, or what the system says. */
  static async open(file: string, room: Room, { readOnly = false, isTried = false } = {}): Promise<Table> {
    const options = optionsOf(file, readOnly)
    if (isTried) await tryToOpen(options)
    await assertOpenFiles(file)
    return new Table(options, room)
  }

  private constructor(options: Options, room: Room) {
    this.options = options
    this.room = room
    this.lmdb = openLmdb<Uint8Array, Uint8Array>(options)
  }

  /** Why nothing can be written now, or undefined. */
  get problem(): string | undefined {
    return this.broken?.message ?? this.room.problem(this.wanted, this.fileBytes)
  }

  get fileBytes(): number {
    return fileBytesOf(this.stats)
  }

  /** Whether another process has it open and may read what it saw before: a check beside the relay. */
  get isReadElsewhere(): boolean {
    this.lmdb.readerCheck()
    const pids = this.lmdb.readerList().matchAll(/^ *(\d+) /gmu)
    return [...pids].some(([, pid]) => Number(pid) !== process.pid)
  }

  private get stats(): LmdbStats {
    return this.lmdb.getStats() as LmdbStats
  }

  /** As LMDB counts its rows. */
  get entries(): number {
    return this.stats.entryCount
  }

  /** A copy. Throws DamageError. */
  get(key: Uint8Array): Uint8Array | undefined {
    const row = this.raw(key)
    if (row !== undefined) return this.unsealed(key, row)
    this.lookAround(key)
    return undefined
  }

  /** A copy of the stored bytes as they are. */
  raw(key: Uint8Array): Uint8Array | undefined {
    return reading(() => {
      const row = this.lmdb.getBinaryFast(key)
      return row === undefined ? undefined : copyFast(row)
    })
  }

  /** Copies of stored rows, as they stand: `unsealed` looks at the checksums, and some may be missing. */
  *range(options: RangeOptions): Generator<Put> {
    const rows = reading(() => this.lmdb.getRange(options)[Symbol.iterator]())
    try {
      for (;;) {
        const next = reading(() => rows.next())
        if (next.done) return
        yield [copy(next.value.key), copy(next.value.value)]
      }
    } finally {
      rows.return?.()
    }
  }

  /**
   * The same rows, at most `limit`; throws DamageError where one may be missing. What is read of them is still to be
   * looked at by `unsealed`.
   */
  *whole({ start, end }: KeyRange, limit = Infinity): Generator<Put> {
    this.assertInOrder(start, 'before')
    let left = limit
    let last: Uint8Array | undefined
    let isBehind = false
    for (const [key, row] of this.range({ start })) {
      // A branch that misleads leads before the start.
      if (last === undefined ? compareBytes(key, start) < 0 : compareBytes(last, key) >= 0) throw outOfOrder()
      if (isBehind) return
      last = key
      isBehind = compareBytes(key, end) >= 0
      if (isBehind) this.assertPlace(key, row)
      else if (left-- === 0) return
      else yield [key, row]
    }
    if (!isBehind && !this.early) throw outOfOrder()
  }

  keys(options: RangeOptions): Uint8Array[] {
    return reading(() => [...this.lmdb.getKeys(options)])
  }

  /** Of a key that is not there: throws DamageError unless the rows around its place are their own, and in order. */
  lookAround(key: Uint8Array): void {
    this.assertInOrder(key, 'before')
    this.assertInOrder(key, 'behind')
  }

  /**
   * Two rows, since a pointer that rotted shows a row in another's place: the next one tells. There is always one, of
   * the format or of the table's end.
   */
  private assertInOrder(start: Uint8Array, side: 'before' | 'behind'): void {
    if (this.early) return
    const [direction, sign] = side === 'behind' ? [{ start }, 1] : [{ start, ...BACKWARDS }, -1]
    reading(() => {
      let last = start
      for (const { key, value } of this.lmdb.getRange({ ...direction, limit: 2 })) {
        if (sign * compareBytes(key, last) <= 0) throw outOfOrder()
        this.assertPlace(key, value)
        last = copy(key)
      }
      if (last === start) throw outOfOrder()
    })
  }

  /** The value of a row that `raw`, `range` or `whole` gave. Throws DamageError. */
  unsealed(key: Uint8Array, row: Uint8Array): Uint8Array {
    if (this.early || this.isBare(key, row)) return row
    const value = unseal(key, row)
    if (value === undefined) throw new DamageError('its checksum is not that of its bytes')
    return value
  }

  private assertPlace(key: Uint8Array, row: Uint8Array): void {
    if (this.early || this.isBare(key, row) || isOfKey(key, row)) return
    throw new DamageError('a row stands under a key that is not its own')
  }

  /**
   * One transaction, durable when this resolves; nothing in it is touched any more. `asTheyAre`: rows without a
   * checksum. Rejects with StoreError 'full', before which nothing was changed, or 'failed', after which nobody knows
   * what the disk holds.
   */
  write(puts: readonly Put[], removals: readonly Uint8Array[] = [], asTheyAre: readonly Put[] = []): Promise<void> {
    if (puts.length + removals.length + asTheyAre.length === 0) return Promise.resolve()
    const rows = [...puts.map(sealed), ...asTheyAre]
    return this.writes.run(() => this.transact(rows, removals))
  }

  /** The same of what nobody waits for: where it finds no room, there may be room for the rest. */
  writeAside(puts: readonly Put[], removals: readonly Uint8Array[] = []): Promise<void> {
    return this.writes.run(() => this.transact(puts.map(sealed), removals, true))
  }

  /** Finishes what was begun. */
  async close(): Promise<void> {
    await this.writes.settled()
    await this.lmdb.close()
  }

  private async transact(rows: readonly Put[], removals: readonly Uint8Array[], isAside = false): Promise<void> {
    if (this.broken !== undefined) throw this.broken
    const before = this.stats
    try {
      this.takeRoom(bytesToWrite(rows, removals.length), fileBytesOf(before), isAside)
      await this.lmdb.batch(() => {
        for (const [key, value] of rows) void this.lmdb.put(key, value)
        for (const key of removals) void this.lmdb.remove(key)
      })
    } catch (error) {
      throw error instanceof StoreError ? error : await this.failed(await reasonOf(error), before.lastTxnId)
    }
    this.lmdb.resetReadTxn()
  }

  private takeRoom(bytes: number, fileBytes: number, isAside: boolean): void {
    try {
      this.room.take(bytes, fileBytes)
    } catch (error) {
      if (!isAside) this.wanted = Math.max(this.wanted, bytes)
      throw error
    }
    if (this.room.problem(this.wanted, fileBytes) === undefined) this.wanted = LEAST_TO_WRITE
  }

  /**
   * After a full disk writing may go on one day; after another error nobody knows what the disk holds. `before`: the
   * transaction that was the last one.
   */
  private async failed(reason: unknown, before: number): Promise<StoreError> {
    const error = asStoreError(reason, dirname(this.options.path))
    let after: number
    try {
      await this.reopen()
      after = this.stats.lastTxnId
    } catch (cause) {
      return (this.broken = notWritten(cause))
    }
    if (error.code === 'full' && after === before) return error
    return (this.broken = error.code === 'full' ? notWritten(reason) : error)
  }

  /**
   * Of an environment whose meta page could not be written LMDB reads nothing any more: rows seem not to be there. Not
   * tried before, for until it is open nobody can read.
   */
  private async reopen(): Promise<void> {
    await this.lmdb.close()
    this.lmdb = openLmdb<Uint8Array, Uint8Array>(this.options)
  }
}

/**
 * For pages that lie side by side LMDB looks through those that are free: by itself through 50,000 entries, which it
 * reads and writes again with each transaction. In a database that much was removed from that is ten times the work of
 * a write. Where it finds none among so many it takes them from the file's end: the file becomes larger by what stays
 * free, up to twice, and then no more.
 */
const FREE_ENTRIES_LOOKED_AT = 2_000

/** Of a database that takes more than this share of the memory most reads find what is not in it. */
const MEMORY_SHARE_READ_AHEAD = 0.5

/**
 * Whether the system is to read more of a file than it was asked for. Rows are looked for all over the database: where
 * memory holds all of it, that fills it soon; where it does not, each read throws away what others need, and takes as
 * long as the system reads ahead (with 8 MiB, which some have, 7 ms in place of 0.1).
 */
export function readsAhead(fileBytes: number, memoryBytes: number): boolean {
  return fileBytes <= MEMORY_SHARE_READ_AHEAD * memoryBytes
}

/** That this process may use. */
function memoryBytes(): number {
  const bound = process.constrainedMemory()
  return bound > 0 ? Math.min(bound, totalmem()) : totalmem()
}

/** Types of lmdb-js lack some options. */
type Options = RootDatabaseOptionsWithPath & {
  readonly path: string
  readonly noReadAhead: boolean
  readonly permissionsMode: number
  readonly maxFreeSpaceToLoad: number
}

function optionsOf(path: string, readOnly: boolean): Options {
  return {
    path,
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
    // Batches of an event turn have a promise of their own that nobody handles: a commit that fails would end the
    // process.
    eventTurnBatching: false,
    maxDbs: 1,
    maxFreeSpaceToLoad: FREE_ENTRIES_LOOKED_AT,
    noReadAhead: !readsAhead(statSync(path, { throwIfNoEntry: false })?.size ?? 0, memoryBytes()),
    permissionsMode: 0o600,
    readOnly,
  }
}

interface LmdbStats {
  readonly entryCount: number
  readonly pageSize: number
  readonly lastPageNumber: number
  readonly lastTxnId: number
}

const BACKWARDS = { end: new Uint8Array(0), reverse: true, exclusiveStart: true } as const

function fileBytesOf({ pageSize, lastPageNumber }: LmdbStats): number {
  return pageSize * (lastPageNumber + 1)
}

function outOfOrder(): DamageError {
  return new DamageError('rows stand in a wrong order')
}

/** LMDB tells of pages that are none. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: string }
    if (typeof code === 'number' && LMDB_CODES.from <= code && code <= LMDB_CODES.to)
      throw new DamageError(message, { cause: error })
    throw error
  }
}

const LMDB_CODES = { from: -30_799, to: -30_700 }

function sealed([key, value]: Put): Put {
  return [key, seal(key, value)]
}

/** Twice what a transaction may write: its rows, the paths to them, and what belongs to any transaction. */
function bytesToWrite(rows: readonly Put[], removals: number): number {
  const values = rows.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  return 2 * (values + ((rows.length + removals) * PAGES_PER_PUT + PAGES_PER_WRITE) * PAGE_BYTES)
}

const LEAST_TO_WRITE = bytesToWrite([], 0)

/**
 * lmdb-js may use the memory of its answers again, and must not keep that of its caller: it stores shared memory wrong.
 */
export function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** Of what getBinaryFast returns: a buffer that is longer than its `length`, until the next get. */
function copyFast(bytes: Uint8Array): Uint8Array {
  const fresh = new Uint8Array(bytes.length)
  fresh.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  return fresh
}

/** lmdb-js tells why a commit failed in a promise at its error. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> }
  if (commitError === undefined) return error
  return commitError.catch((reason: unknown) => reason)
}

const { errno } = system
const MDB_MAP_FULL = -30792
/** lmdb-js gives the system's error number, or LMDB's. */
const FULL: ReadonlySet<unknown> = new Set([errno.ENOSPC, errno.EDQUOT, errno.EFBIG, MDB_MAP_FULL])

function asStoreError(error: unknown, directory: string): StoreError {
  const { code } = error as { code?: unknown }
  const isFull = FULL.has(code) || (code === errno.EIO && !hasRoom(directory))
  if (!isFull) return notWritten(error)
  const text = `nothing can be written, the disk is full (${messageOf(error)}): make room`
  return new StoreError('full', text, { cause: error })
}

function notWritten(error: unknown): StoreError {
  const text = `writing to the database failed (${messageOf(error)}): check the disk, then start again`
  return new StoreError('failed', text, { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** LMDB calls it EIO when only a part of what it writes finds room. */
function hasRoom(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize > ROOM_BYTES
  } catch {
    return true
  }
}

const ROOM_BYTES = 4 * 1_048_576
