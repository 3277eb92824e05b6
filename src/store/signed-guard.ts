/**
 * The highest checkpoint that was signed of each shop, in a file beside the relay's key and outside the database: a
 * database that was restored from a backup does not take it back (PROOFS §3). It is only added to, a line for what was
 * raised together, and now and then written anew under another name.
 *
 *     cairn-signed 1
 *     ChainID Registry Relay ShopID Seq Timestamp digest[;…] checksum
 *
 * Registry and digest in hexadecimal, Timestamp in seconds since 1970, checksum the first eight bytes of SHA-256 of
 * what stands before it in the line. A last line that is not whole was never answered for, and does not count; any
 * other is damage.
 *
 * Tests: test/store/signed-guard.test.ts
 */

import { open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { sha256 } from '#hash'
import { assert } from '../assert.js'
import type { Seconds } from '../brands.js'
import { equalBytes, utf8 } from '../bytes/bytes.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { NotDurableError, placeFile } from '../disk/whole-file.js'
import type { LogIdentity } from '../proofs/checkpoint-form.js'
import { Serial } from './serial.js'

/** A checkpoint that may have been signed. */
export interface SignedMark {
  readonly identity: LogIdentity
  readonly seq: bigint
  readonly timestamp: Seconds
  /** Of the checkpoint's bytes, 32 bytes. */
  readonly digest: Uint8Array
}

export interface SignedGuard {
  /** The highest of a shop; undefined if none was signed. */
  highest(identity: LogIdentity): SignedMark | undefined
  /**
   * Resolves when these are on disk: before that nothing of them is signed. One that is lower than what is kept is a
   * bug. Rejects with GuardError.
   */
  raise(marks: readonly SignedMark[]): Promise<void>
  /** Finishes what was begun. */
  close(): Promise<void>
}

/** The guard cannot be read or written; the message is one line for people. */
export class GuardError extends Error {
  override readonly name = 'GuardError'
}

/** What is there is read; nothing is written before the first checkpoint. Rejects with GuardError. */
export async function openGuard(file: string): Promise<SignedGuard> {
  try {
    const text = await readFile(file, 'latin1').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return new FileGuard(file, text === undefined ? undefined : readGuard(text, file))
  } catch (error) {
    if (error instanceof GuardError) throw error
    throw new GuardError(`${file} cannot be read (${(error as Error).message}): check its owner and rights`, {
      cause: error,
    })
  }
}

const HEAD = 'cairn-signed 1\n'
const CHECKSUM_BYTES = 8
/** From this size on it is written anew when most of it no longer counts. */
const COMPACT_BYTES = 262_144

class FileGuard implements SignedGuard {
  private readonly file: string
  private readonly marks: Map<string, SignedMark>
  private readonly work = new Serial()
  /** Bytes that count; undefined: there is no file yet. */
  private size: number | undefined
  /** After the last time that it was written anew. */
  private compactSize = 0
  private handle: FileHandle | undefined
  /** Why nothing can be raised any more. */
  private broken: GuardError | undefined

  constructor(file: string, found: { marks: Map<string, SignedMark>; size: number } | undefined) {
    this.file = file
    this.marks = found?.marks ?? new Map()
    this.size = found?.size
  }

  highest(identity: LogIdentity): SignedMark | undefined {
    return this.marks.get(nameOf(identity))
  }

  raise(marks: readonly SignedMark[]): Promise<void> {
    return this.work.run(async () => {
      if (this.broken !== undefined) throw this.broken
      const higher = marks.filter((mark) => this.isHigher(mark))
      if (higher.length === 0) return
      await this.write(higher)
      for (const mark of higher) this.marks.set(nameOf(mark.identity), mark)
    })
  }

  async close(): Promise<void> {
    await this.work.run(async () => {
      this.broken ??= new GuardError(`${this.file} is closed`)
      await this.handle?.close()
      this.handle = undefined
    })
  }

  private isHigher({ identity, seq, timestamp, digest }: SignedMark): boolean {
    const last = this.highest(identity)
    if (last === undefined) return true
    assert(seq >= last.seq && timestamp >= last.timestamp, `checkpoint ${seq} after ${last.seq} was signed`)
    if (seq > last.seq || timestamp > last.timestamp) return true
    assert(equalBytes(digest, last.digest), `two checkpoints of set ${seq}`)
    return false
  }

  private async write(marks: readonly SignedMark[]): Promise<void> {
    const line = utf8(lineOf(marks))
    try {
      if (this.size === undefined || this.isLoose(line.length)) await this.writeAnew(marks)
      else await this.append(line)
    } catch (error) {
      if (error instanceof GuardError) throw (this.broken = error)
      const { message } = error as Error
      throw new GuardError(`${this.file} cannot be written (${message}): nothing is signed meanwhile`, { cause: error })
    }
  }

  private isLoose(bytes: number): boolean {
    const size = this.size! + bytes
    return size > COMPACT_BYTES && size > 4 * this.compactSize
  }

  /** What others, or a failed write, did to the file is seen before and after: then nothing is signed. */
  private async append(line: Uint8Array): Promise<void> {
    await this.assertAlone(this.size!)
    try {
      const { bytesWritten } = await this.handle!.write(line)
      if (bytesWritten !== line.length) throw new Error(`${bytesWritten} of ${line.length} bytes were written`)
    } catch (error) {
      await this.takeBack(error)
      throw error
    }
    await this.synced(this.handle!)
    this.size! += line.length
    await this.assertAlone(this.size!)
  }

  /** Only added to, at its end: what two processes write stands one behind the other. */
  private async openTrimmed(): Promise<FileHandle> {
    const handle = await open(this.file, 'a', 0o600)
    const { size } = await handle.stat()
    if (size > this.size!) {
      await handle.truncate(this.size)
      await this.synced(handle)
    }
    return handle
  }

  private async assertAlone(size: number): Promise<void> {
    this.handle ??= await this.openTrimmed()
    const [named, opened] = [await stat(this.file).catch(() => undefined), await this.handle.stat()]
    if (named?.ino === opened.ino && named.size === size) return
    throw this.touched(named === undefined ? 'is gone' : `has ${named.size} bytes, not ${size}`)
  }

  private touched(how: string): GuardError {
    const advice = 'stop the other process that uses this key, then start again'
    return new GuardError(`${this.file} ${how}: somebody else changed it, and nothing is signed: ${advice}`)
  }

  /** Of a line that is not whole nothing stays, or nothing is added behind it. */
  private async takeBack(cause: unknown): Promise<void> {
    try {
      await this.handle!.truncate(this.size)
    } catch {
      throw new GuardError(`${this.file} was written in part: start again`, { cause })
    }
  }

  /** What a failed fsync leaves on the disk nobody knows. */
  private async synced(handle: FileHandle): Promise<void> {
    await handle.datasync().catch((cause: unknown) => {
      throw new GuardError(`${this.file} did not become durable: check the disk, then start again`, { cause })
    })
  }

  /** Under another name first: at any time there is a whole file, the old one or the new. */
  private async writeAnew(marks: readonly SignedMark[]): Promise<void> {
    if (this.size !== undefined) await this.assertAlone(this.size)
    else if ((await stat(this.file).catch(() => undefined)) !== undefined) throw this.touched('is there')
    const all = new Map([...this.marks, ...marks.map((mark) => [nameOf(mark.identity), mark] as const)])
    const bytes = utf8(HEAD + [...all.values()].map((mark) => lineOf([mark])).join(''))
    const handle = await placeFile(this.file, bytes).catch((error: unknown) => {
      throw error instanceof NotDurableError
        ? new GuardError(`${error.message}, then start again`, { cause: error })
        : error
    })
    await this.handle?.close()
    this.handle = handle
    this.size = this.compactSize = bytes.length
  }
}

function nameOf({ ChainID, Registry, Relay, ShopID }: LogIdentity): string {
  return `${ChainID} ${toHex(Registry)} ${Relay} ${ShopID}`
}

function lineOf(marks: readonly SignedMark[]): string {
  const text = marks
    .map(({ identity, seq, timestamp, digest }) => `${nameOf(identity)} ${seq} ${timestamp} ${toHex(digest)}`)
    .join(';')
  return `${text} ${checksum(text)}\n`
}

function checksum(text: string): string {
  return toHex(sha256(utf8(text)).subarray(0, CHECKSUM_BYTES))
}

/** What counts, and how many bytes that are. Throws GuardError. */
function readGuard(text: string, file: string): { marks: Map<string, SignedMark>; size: number } {
  if (!text.startsWith(HEAD)) throw damaged(file, 'it is no list of signed checkpoints')
  const marks = new Map<string, SignedMark>()
  let size = HEAD.length
  for (let number = 2; size < text.length; number++) {
    const end = text.indexOf('\n', size)
    const found = end < 0 ? undefined : marksOf(text.slice(size, end))
    if (found === undefined) {
      if (!isTorn(text.slice(size))) throw damaged(file, `line ${number} is not as it was written`)
      break
    }
    for (const mark of found) marks.set(nameOf(mark.identity), mark)
    size = end + 1
  }
  return { marks, size }
}

/** Whether a write was cut off: its end is missing, or a part of it, where the disk kept the length alone. */
function isTorn(end: string): boolean {
  const newline = end.indexOf('\n')
  return newline < 0 || (newline === end.length - 1 && end.includes(NOT_WRITTEN))
}

const NOT_WRITTEN = '\0'.repeat(16)
const MARK = /^(\d+) ([0-9a-f]{40}) (\d+) (\d+) (\d+) (-?\d+) ([0-9a-f]{64})$/u

/** Undefined for a line that is not whole. */
function marksOf(line: string): SignedMark[] | undefined {
  const at = line.lastIndexOf(' ')
  const text = line.slice(0, Math.max(0, at))
  if (at < 0 || line.slice(at + 1) !== checksum(text)) return undefined
  return text.split(';').map((mark) => {
    const [, chain, registry, relay, shop, seq, timestamp, digest] = MARK.exec(mark)!
    const identity = {
      ChainID: BigInt(chain!),
      Registry: fromHex(registry!),
      Relay: BigInt(relay!),
      ShopID: BigInt(shop!),
    }
    return { identity, seq: BigInt(seq!), timestamp: BigInt(timestamp!), digest: fromHex(digest!) }
  })
}

function damaged(file: string, what: string): GuardError {
  const advice = 'put it back from a backup that is no older than the last checkpoint'
  return new GuardError(`${file} is damaged: ${what}: ${advice}`)
}
