/**
 * Pictures of a product file on their way to the relay: fetched, or read beside the file, and uploaded unless the relay
 * has them already.
 *
 * Tests: test/cli/catalogue-commands.test.ts
 */

import { open } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'
import { concatBytes } from '../bytes/bytes.js'
import { ClientError, uploadBlob, type ShopClient } from '../client/shop-client.js'
import { BLOB_BYTES_MAX } from '../limits.js'
import { CidHasher } from '../relay/blobs/cid.js'
import { blobType, TYPE_BYTES } from '../relay/blobs/media-type.js'
import type { Io } from './io.js'
import { reporter } from './progress.js'
import { whyUnread } from './unread-file.js'
import { TimeLimit } from '../client/time-limit.js'

type Placed = { readonly address: string } | { readonly reason: string }

interface UploadOptions {
  /** Of the relay, as it is reached from here. */
  readonly url: string
  /** Pictures that are no http(s) addresses are files below it. */
  readonly folder: string
  /** Nothing is uploaded; what it would be called there is told. */
  readonly dryRun: boolean
}

/** Where each picture is on the relay, or why it cannot be there. Rejects with ClientError where the relay fails. */
export async function placePictures(
  client: ShopClient,
  pictures: Iterable<string>,
  { url, folder, dryRun }: UploadOptions,
  io: Io,
): Promise<Map<string, Placed>> {
  const placed = new Map<string, Placed>()
  const queue = [...pictures]
  if (queue.length === 0) return placed
  const base = (await client.uploadUrl({ signal: io.signal })).replace(/\/v4\/upload_blob\?.*$/u, '')
  const [waiting, tell] = [queue.values(), reporter(io)]
  const work = async () => {
    for (const picture of waiting) {
      placed.set(picture, await place(picture))
      tell(`pictures: ${placed.size} of ${queue.length}`)
    }
  }
  const place = async (picture: string): Promise<Placed> => {
    if (picture.startsWith(`${base}/ipfs/`)) return { address: picture }
    const bytes = await bytesOf(picture, folder, io.signal)
    if (typeof bytes === 'string') return { reason: bytes }
    const path = `/ipfs/${cidOf(bytes)}`
    const isThere = await isOnRelay(`${url}${path}`, io.signal)
    if (isThere || dryRun) return { address: `${base}${path}` }
    const address = await client.uploadUrl({ signal: io.signal })
    return { address: await uploadBlob(address, bytes, { signal: io.signal }) }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return placed
}

/** A session has 16 tokens for uploads at a time. */
const AT_ONCE = 6
const FETCH_MS_MAX = 60_000

/** The picture, or why there is none. */
async function bytesOf(
  picture: string,
  folder: string,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | string> {
  const isRemote = /^https?:\/\//iu.test(picture)
  const path = resolve(folder, picture)
  // Who wrote the product file need not be who imports it, and what is uploaded everybody may see.
  if (!isRemote && !isBelow(path, folder)) return 'is no file below the folder of the product file'
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of isRemote ? fetched(picture, signal) : fileParts(path)) {
      size += chunk.length
      if (size > BLOB_BYTES_MAX) return `has more than ${BLOB_BYTES_MAX} bytes`
      chunks.push(chunk)
    }
  } catch (error) {
    signal.throwIfAborted()
    return `cannot be read: ${causeOf(error)}`
  }
  const bytes = new Uint8Array(concatBytes(...chunks))
  return blobType(bytes.subarray(0, TYPE_BYTES)).startsWith('image/') ? bytes : 'is no picture'
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '' && !isAbsolute(way) && !/^\.\.(?:[/\\]|$)/u.test(way)
}

async function* fetched(address: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const limit = new TimeLimit(FETCH_MS_MAX, signal)
  try {
    const response = await fetch(address, { signal: limit.signal })
    if (!response.ok) throw new Error(`the server answers ${response.status}`)
    if (response.body !== null) yield* response.body as AsyncIterable<Uint8Array>
  } finally {
    limit.clear()
  }
}

async function* fileParts(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  try {
    yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>
  } finally {
    await file.close()
  }
}

function causeOf(error: unknown): string {
  const { cause } = error as Error
  return whyUnread(cause instanceof Error ? cause : error)
}

function cidOf(bytes: Uint8Array): string {
  const hasher = new CidHasher()
  hasher.update(bytes)
  return hasher.digest()
}

async function isOnRelay(address: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await fetch(address, { method: 'HEAD', signal })).ok
  } catch (cause) {
    signal.throwIfAborted()
    throw new ClientError('UNREACHABLE', `no relay answers at ${new URL(address).origin}`, { cause })
  }
}
