/**
 * An uploaded blob on its way from a multipart form to the store: streamed, bounded, identified as it passes (PROTOCOL
 * §13).
 *
 * Tests: test/relay/http.test.ts, test/e2e/blobs.test.ts
 */

import type { BlobSink } from '../../store/blobs.js'
import { CidHasher } from './cid.js'
import { boundaryOf, MultipartError, multipartParts } from './multipart.js'
import { BodyTooLarge } from '../transport/request-body.js'

interface UploadedBlob {
  readonly cid: string
  readonly size: number
}

/**
 * Stores the form's field `file`. `body` need not be bounded by itself. Throws MultipartError for no form or no `file`,
 * BodyTooLarge for a file above `limit` bytes, and what `body` and the sink throw; the sink is then aborted.
 */
export async function uploadBlob(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  limit: number,
  openSink: () => Promise<BlobSink>,
): Promise<UploadedBlob> {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) throw new MultipartError('the body is not multipart/form-data')
  let received: ReceivedFile | undefined
  try {
    for await (const part of multipartParts(body, boundary)) {
      if (part.name !== 'file') continue
      if (received !== undefined) throw new MultipartError('the form has two fields named file')
      received = new ReceivedFile(await openSink(), limit)
      for await (const chunk of part.content) await received.add(chunk)
    }
    if (received === undefined) throw new MultipartError('the form has no field named file')
    return await received.finish()
  } catch (error) {
    await received?.abort()
    throw error
  }
}

class ReceivedFile {
  private readonly sink: BlobSink
  private readonly limit: number
  private readonly hasher = new CidHasher()
  private size = 0

  constructor(sink: BlobSink, limit: number) {
    this.sink = sink
    this.limit = limit
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.size += chunk.length
    if (this.size > this.limit) throw new BodyTooLarge(this.limit)
    this.hasher.update(chunk)
    await this.sink.write(chunk)
  }

  async finish(): Promise<UploadedBlob> {
    const cid = this.hasher.digest()
    await this.sink.finish(cid)
    return { cid, size: this.size }
  }

  async abort(): Promise<void> {
    await this.sink.abort()
  }
}
