/**
 * What the HTTP face does with blobs (PROTOCOL §13): upload tokens, sinks and files, with the disk's refusals told
 * apart from bugs.
 *
 * Tests: test/e2e/blobs.test.ts
 */

import type { BlobSink, BlobStore, StoredBlob } from '../../store/blobs.js'
import { StoreError } from '../../store/store-error.js'
import type { UploadTokens } from './upload-tokens.js'

export interface BlobAccess {
  /** Uses up an upload token; false for one that is unknown, used or too old. */
  takeToken(token: string): boolean
  /** Throws BlobsUnavailable. */
  openSink(): Promise<BlobSink>
  /** Undefined if there is none. */
  read(cid: string): Promise<StoredBlob | undefined>
}

export function blobAccess(blobs: BlobStore, tokens: UploadTokens): BlobAccess {
  return {
    takeToken: (token) => tokens.take(token),
    openSink: () => blobs.begin().catch(unavailable).then(sinkOf),
    read: (cid) => blobs.read(cid),
  }
}

/** Blobs cannot be written now: the disk is full or the store read-only. The client is told to come back (503). */
export class BlobsUnavailable extends Error {
  override readonly name = 'BlobsUnavailable'
}

/** What the disk refuses is no bug. */
function unavailable(error: unknown): never {
  throw error instanceof StoreError ? new BlobsUnavailable(error.message, { cause: error }) : error
}

function sinkOf(sink: BlobSink): BlobSink {
  return {
    write: (chunk) => sink.write(chunk).catch(unavailable),
    finish: (cid) => sink.finish(cid).catch(unavailable),
    abort: () => sink.abort(),
  }
}
