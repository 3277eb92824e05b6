/** Blobs as files named by their CID, written beside and renamed when they are whole and on disk. */

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

export interface BlobSink {
  write(chunk: Uint8Array): Promise<void>
  /** The blob is durable under `cid` when this resolves. */
  finish(cid: string): Promise<void>
  abort(): Promise<void>
}

export interface BlobStore {
  begin(): Promise<BlobSink>
  read(cid: string): Promise<{ readonly size: number; readonly stream: AsyncIterable<Uint8Array> } | undefined>
  put(cid: string, bytes: Uint8Array): Promise<void>
}

const UNFINISHED = '.part'

/** Makes the directory if need be and removes what was left unfinished in it. */
export async function openBlobs(directory: string): Promise<BlobStore> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  for (const name of await readdir(directory))
    if (name.endsWith(UNFINISHED)) await rm(join(directory, name), { force: true })
  return {
    begin: () => begin(directory),
    read: (cid) => read(join(directory, cid)),
    async put(cid, bytes) {
      const sink = await begin(directory)
      await sink.write(bytes)
      await sink.finish(cid)
    },
  }
}

async function begin(directory: string): Promise<BlobSink> {
  const part = join(directory, `${randomUUID()}${UNFINISHED}`)
  const file = await open(part, 'wx', 0o600)
  return {
    write: (chunk) => writeAll(file, chunk),
    async finish(cid) {
      await file.datasync()
      await file.close()
      await rename(part, join(directory, cid))
      await syncDirectory(directory)
    },
    async abort() {
      await file.close()
      await rm(part, { force: true })
    },
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

async function read(path: string): Promise<{ size: number; stream: AsyncIterable<Uint8Array> } | undefined> {
  try {
    const { size } = await stat(path)
    return { size, stream: chunksOf(path) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function* chunksOf(path: string): AsyncIterable<Uint8Array> {
  for await (const chunk of createReadStream(path)) yield chunk as Uint8Array
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.datasync()
  await handle.close()
}
