/** Blobs as files named by their CID, written beside and renamed when they are whole and on disk. */

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { assert } from '../assert.js'
import { syncDirectory } from '../disk/sync-directory.js'
import { moveInto } from '../disk/whole-file.js'
import { DISK_RESERVE_BYTES_DEFAULT } from '../limits.js'
import { Room } from './room.js'
import { isFull, StoreError } from './store-error.js'

/**
 * One blob being written; calls follow one another. `write` and `finish` throw StoreError 'full' or 'failed', and then
 * `abort` is due.
 */
export interface BlobSink {
  /** `chunk` must not change before this resolves. */
  write(chunk: Uint8Array): Promise<void>
  /** The blob is durable under `cid` when this resolves. It may be there already. */
  finish(cid: string): Promise<void>
  /**
   * Throws away what was written, as far as the disk lets it: the rest goes at the next start. Does nothing after
   * `finish` or another `abort`, and never throws.
   */
  abort(): Promise<void>
}

export interface StoredBlob {
  readonly size: number
  /** Bytes `first` to `last`. Opens the file when it is first asked, and closes it when it ends or is left early. */
  bytes(first?: number, last?: number): AsyncIterable<Uint8Array>
}

export interface BlobStore {
  begin(): Promise<BlobSink>
  /** Undefined if there is none. */
  read(cid: string): Promise<StoredBlob | undefined>
  /** Durable when this resolves. */
  put(cid: string, bytes: Uint8Array): Promise<void>
}

const UNFINISHED = '.part'

/**
 * Makes the directory (0700) if need be and removes what was left unfinished in it: nobody else may use it. So many
 * bytes of the disk stay free. Throws StoreError.
 */
export async function openBlobs(directory: string, reserveBytes = DISK_RESERVE_BYTES_DEFAULT): Promise<BlobStore> {
  await storing(() => prepare(directory))
  const room = Room.of(directory, reserveBytes)
  return {
    begin: () => begin(directory, room),
    read: async (cid) => read(fileOf(directory, cid)),
    put: (cid, bytes) => put(directory, room, cid, bytes),
  }
}

async function prepare(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await syncDirectory(dirname(resolve(directory)))
  for (const name of await readdir(directory)) {
    if (name.endsWith(UNFINISHED)) await rm(join(directory, name), { force: true })
  }
}

async function begin(directory: string, room: Room): Promise<BlobSink> {
  room.take(0)
  const part = join(directory, `${randomUUID()}${UNFINISHED}`)
  return new FileSink(directory, part, room, await storing(() => open(part, 'wx', 0o600)))
}

class FileSink implements BlobSink {
  private readonly directory: string
  private readonly part: string
  private readonly room: Room
  private file: FileHandle | undefined
  private done = false

  constructor(directory: string, part: string, room: Room, file: FileHandle) {
    this.directory = directory
    this.part = part
    this.room = room
    this.file = file
  }

  async write(chunk: Uint8Array): Promise<void> {
    const file = this.opened()
    this.room.take(chunk.length)
    await storing(() => writeAll(file, chunk))
  }

  async finish(cid: string): Promise<void> {
    const file = this.opened()
    const target = fileOf(this.directory, cid)
    await storing(async () => {
      await file.sync()
      await this.close()
      await moveInto(target, this.part)
    })
    this.done = true
  }

  async abort(): Promise<void> {
    if (this.done) return
    this.done = true
    await this.close().catch(() => undefined)
    await rm(this.part, { force: true }).catch(() => undefined)
  }

  private opened(): FileHandle {
    assert(this.file !== undefined && !this.done, 'a blob is written after its end')
    return this.file
  }

  private async close(): Promise<void> {
    const { file } = this
    this.file = undefined
    await file?.close()
  }
}

async function put(directory: string, room: Room, cid: string, bytes: Uint8Array): Promise<void> {
  const sink = await begin(directory, room)
  try {
    await sink.write(bytes)
    await sink.finish(cid)
  } catch (error) {
    await sink.abort()
    throw error
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

async function read(path: string): Promise<StoredBlob | undefined> {
  try {
    const { size } = await stat(path)
    return { size, bytes: (first = 0, last = size - 1) => bytesOf(path, first, last) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asStoreError(error)
  }
}

async function* bytesOf(path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (end < start) return
  try {
    for await (const chunk of createReadStream(path, { start, end })) yield chunk as Uint8Array
  } catch (error) {
    throw asStoreError(error)
  }
}

/** A CID is letters and digits: no name leads out of the directory or meets an unfinished file. */
function fileOf(directory: string, cid: string): string {
  assert(/^[0-9A-Za-z]{1,128}$/u.test(cid), 'a blob name that is no CID')
  return join(directory, cid)
}

async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asStoreError(error)
  }
}

function asStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (isFull(error))
    return new StoreError('full', 'the blob cannot be stored, the disk is full: make room', { cause: error })
  return new StoreError('failed', `the blob cannot be stored or read (${error.message}): check the disk`, {
    cause: error,
  })
}
