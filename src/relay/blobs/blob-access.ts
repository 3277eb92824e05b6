/**
 * What the HTTP face does with blobs (PROTOCOL §13): upload tokens, sinks and files, with the disk's refusals told
 * apart from bugs.
 *
 * Tests: test/e2e/blobs.test.ts
 */

import type { BlobSink, BlobStore } from '../../store/blobs.js'
import { StoreError } from '../../store/store-error.js'
import type { UploadTokens } from './upload-tokens.js'

export interface BlobAccess {
  /** Uses up an upload token; false for one that is unknown, used or too old. */
  takeToken(token: string): boolean
  /** Throws BlobsUnavailable. */
  openSink(): Promise<BlobSink>
  /**
   * A blob to be read once from its start; undefined if there is none. `chunks` releases its file when it is left
   * early.
   */
  read(cid: string): Promise<{ readonly size: number; readonly chunks: AsyncIterable<Uint8Array> } | undefined>
}

export function blobAccess(blobs: BlobStore, tokens: UploadTokens): BlobAccess {
  return {
    takeToken: (token) => tokens.take(token),
    openSink: () => blobs.begin().catch(unavailable).then(sinkOf),
    read: async (cid) => {
      const blob = await blobs.read(cid)
      return blob === undefined ? undefined : { size: blob.size, chunks: blob.stream }
    },
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
