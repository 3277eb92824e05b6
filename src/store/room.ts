/**
 * Whether there is room for what is to be written. A page write that fails ends the process (lmdb 3.5.6 prints its
 * error into too small a buffer), so none may fail for want of space: below a reserve nothing is written at all.
 *
 * A quota of the file system shows as far as its statfs tells it.
 *
 * Tests: test/store/room.test.ts
 */

import { readFileSync, statfsSync } from 'node:fs'
import { StoreError } from './store-error.js'

/** How old what is known of the free room may be, and the least time between two looks at it. */
const ROOM_LOOK_MS = 100
const MEBIBYTE = 1_048_576

interface RoomOptions {
  /** Bytes that stay free. */
  readonly reserve: number
  /** Free bytes where the data stand, for a user without privileges. */
  free(): number
  /** The largest file that the process may write, in bytes: RLIMIT_FSIZE. */
  readonly fileBytesMax: number
  /** Monotonic. */
  nowMs(): number
}

export class Room {
  private readonly options: RoomOptions
  private left = 0
  /** Why nobody knows what is left. */
  private blind: string | undefined
  private lookedAtMs = -Infinity

  constructor(options: RoomOptions) {
    this.options = options
  }

  /** Of the file system that `directory` is on, and of this process. */
  static of(directory: string, reserve: number): Room {
    return new Room({
      reserve,
      free: () => {
        const { bavail, bsize } = statfsSync(directory)
        return bavail * bsize
      },
      fileBytesMax: fileBytesMax(),
      nowMs: () => performance.now(),
    })
  }

  /** Before `bytes` are written, to a file of `fileBytes` if that is given. Throws StoreError 'full'. */
  take(bytes: number, fileBytes = 0): void {
    const problem = this.problem(bytes, fileBytes)
    if (problem !== undefined) throw new StoreError('full', problem)
    this.left -= bytes
  }

  /** Why so much cannot be written now; undefined if it can. */
  problem(bytes: number, fileBytes = 0): string | undefined {
    const { reserve, fileBytesMax } = this.options
    this.look()
    if (this.blind !== undefined) return refusal(`the system does not tell how much is free: ${this.blind}`)
    if (this.left - bytes < reserve) {
      return refusal(`${mebibytes(this.left)} MiB are free, of which ${mebibytes(reserve)} MiB are kept`)
    }
    if (fileBytes + bytes <= fileBytesMax) return undefined
    return refusal(`this process may write files of ${mebibytes(fileBytesMax)} MiB at most (ulimit -f)`)
  }

  private look(): void {
    const now = this.options.nowMs()
    if (now - this.lookedAtMs < ROOM_LOOK_MS) return
    this.lookedAtMs = now
    try {
      this.left = this.options.free()
      this.blind = undefined
    } catch (error) {
      this.blind = (error as Error).message
    }
  }
}

function refusal(why: string): string {
  return `nothing is written, the disk is full (${why}): make room, then writes go on by themselves`
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / MEBIBYTE)
}

/** Infinity where the system does not say. */
function fileBytesMax(): number {
  try {
    const [, soft] = /^Max file size +(\S+)/mu.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}
