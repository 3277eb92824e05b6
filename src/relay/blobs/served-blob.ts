/**
 * A blob as HTTP serves it (PROTOCOL §13; RFC 9110 §13, §14): whole, one range of it, or nothing to who has it already.
 *
 * Tests: test/relay/http.test.ts, test/e2e/blobs.test.ts
 */

import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import type { BlobAccess } from './blob-access.js'
import { blobType, TYPE_BYTES } from './media-type.js'

type Blob = NonNullable<Awaited<ReturnType<BlobAccess['read']>>>

/** `cid`: of the blob, which never changes under it. */
export async function serveBlob(cid: string, blob: Blob, { method, headers }: HttpRequest): Promise<HttpResponse> {
  const etag = `"${cid}"`
  const lasting = { 'Cache-Control': 'public, max-age=31536000, immutable', ETag: etag }
  // Nothing was read yet, so there is nothing to release.
  if (names(headers.get('if-none-match'), etag)) return { status: 304, headers: lasting }
  const wanted =
    method === 'GET' && isSame(headers.get('if-range'), etag) ? rangeIn(headers.get('range'), blob.size) : 'all'
  if (wanted === 'none') return { status: 416, headers: { ...lasting, 'Content-Range': `bytes */${blob.size}` } }
  const { head, chunks } = await withHead(blob.chunks)
  const described = {
    ...lasting,
    'Content-Type': blobType(head),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Accept-Ranges': 'bytes',
  }
  if (wanted === 'all') return { status: 200, headers: described, body: { size: blob.size, chunks } }
  const { first, last } = wanted
  const size = last - first + 1
  return {
    status: 206,
    headers: { ...described, 'Content-Range': `bytes ${first}-${last}/${blob.size}` },
    body: { size, chunks: new Slice(chunks, first, size) },
  }
}

/** Whether a list of entity tags has this one, compared weakly (RFC 9110 §13.1.2). */
function names(list: string | undefined, etag: string): boolean {
  if (list === undefined) return false
  return list.trim() === '*' || list.split(',').some((one) => one.trim().replace(/^W\//u, '') === etag)
}

/** A blob under one identifier never changes: a date is as good as none, another tag is of another blob. */
function isSame(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange.trim() === etag
}

/** One range of bytes; several, other units and what is none are not looked at: the whole is served. */
function rangeIn(header: string | undefined, size: number): { first: number; last: number } | 'all' | 'none' {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/u.exec(header?.trim() ?? '')
  const [, from = '', to = ''] = found ?? []
  if (found === null || (from === '' && to === '')) return 'all'
  if (from === '')
    return Number(to) === 0 || size === 0 ? 'none' : { first: Math.max(0, size - Number(to)), last: size - 1 }
  if (to !== '' && Number(to) < Number(from)) return 'all'
  if (Number(from) >= size) return 'none'
  return { first: Number(from), last: to === '' ? size - 1 : Math.min(Number(to), size - 1) }
}

/** The first bytes of a stream, and all of it. */
async function withHead(source: AsyncIterable<Uint8Array>): Promise<{ head: Uint8Array; chunks: Replay }> {
  const rest = source[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  for (let length = 0; length < TYPE_BYTES;) {
    const { done, value } = await rest.next()
    if (done === true) break
    first.push(value)
    length += value.length
  }
  return { head: Buffer.concat(first).subarray(0, TYPE_BYTES), chunks: new Replay(first, rest) }
}

/** What was read ahead, then the rest. No generator: one that was never begun would not release the source. */
class Replay implements AsyncIterableIterator<Uint8Array> {
  private readonly first: Uint8Array[]
  private readonly rest: AsyncIterator<Uint8Array>

  constructor(first: Uint8Array[], rest: AsyncIterator<Uint8Array>) {
    this.first = first
    this.rest = rest
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.first.shift()
    return value === undefined ? this.rest.next() : { done: false, value }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.first.length = 0
    await this.rest.return?.()
    return { done: true, value: undefined }
  }
}

/** So many bytes from an offset on. No generator, as above. */
class Slice implements AsyncIterableIterator<Uint8Array> {
  private readonly source: AsyncIterator<Uint8Array>
  private skip: number
  private left: number

  constructor(source: AsyncIterator<Uint8Array>, offset: number, size: number) {
    this.source = source
    this.skip = offset
    this.left = size
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    while (this.left > 0) {
      const { done, value } = await this.source.next()
      if (done === true) break
      const part = value.subarray(this.skip, this.skip + this.left)
      this.skip = Math.max(0, this.skip - value.length)
      this.left -= part.length
      if (part.length > 0) return { done: false, value: part }
    }
    return this.return()
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.left = 0
    await this.source.return?.()
    return { done: true, value: undefined }
  }
}
