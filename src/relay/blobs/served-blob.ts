/**
 * A blob as HTTP serves it (PROTOCOL §13; RFC 9110 §13, §14): whole, one range of it, or nothing to who has it already.
 *
 * Tests: test/relay/http.test.ts, test/e2e/blobs.test.ts
 */

import { concatBytes } from '../../bytes/bytes.js'
import type { StoredBlob } from '../../store/blobs.js'
import type { HttpRequest, HttpResponse } from '../transport/transport.js'
import { blobType, TYPE_BYTES } from './media-type.js'

/** `cid`: of the blob, which never changes under it. */
export async function serveBlob(
  cid: string,
  blob: StoredBlob,
  { method, headers }: HttpRequest,
): Promise<HttpResponse> {
  const etag = `"${cid}"`
  const lasting = { 'Cache-Control': 'public, max-age=31536000, immutable', ETag: etag }
  // Nothing was read yet, so there is nothing to release.
  if (names(headers.get('if-none-match'), etag)) return { status: 304, headers: lasting }
  const wanted =
    method === 'GET' && isSame(headers.get('if-range'), etag) ? rangeIn(headers.get('range'), blob.size) : 'all'
  if (wanted === 'none') return { status: 416, headers: { ...lasting, 'Content-Range': `bytes */${blob.size}` } }
  const described = {
    ...lasting,
    'Content-Type': blobType(await headOf(blob)),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Accept-Ranges': 'bytes',
  }
  if (wanted === 'all') return { status: 200, headers: described, body: { size: blob.size, chunks: blob.bytes() } }
  const { first, last } = wanted
  const size = last - first + 1
  return {
    status: 206,
    headers: { ...described, 'Content-Range': `bytes ${first}-${last}/${blob.size}` },
    body: { size, chunks: blob.bytes(first, last) },
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

/** The bytes that tell its type. */
async function headOf(blob: StoredBlob): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of blob.bytes(0, Math.min(TYPE_BYTES, blob.size) - 1)) chunks.push(chunk)
  return concatBytes(...chunks)
}
