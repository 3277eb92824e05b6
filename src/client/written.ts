/**
 * What a write is asked for with, and what it resolves with.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { Verified } from './live.js'

/** What `write` resolves with. */
export interface Written {
  /** 32 bytes. */
  readonly stateHash: Uint8Array
  /** The number of the set in the shop's log; version 5 only. */
  readonly seq?: bigint
  /** After the set, 32 bytes; version 5 only. */
  readonly stateRoot?: Uint8Array
  /**
   * Resolves once a checkpoint shows the set in the log as it was signed, at `seq`, with `stateRoot`. Rejects with
   * VERIFICATION_FAILED if the log has another one there, with USAGE in version 4, which proves no such thing.
   */
  proven(): Promise<Verified>
}

export interface WriteOptions {
  /** The shop's last set must be this one, or the write is refused with CONFLICT; version 5 only. */
  readonly ifSeq?: bigint
  readonly signal?: AbortSignal
}
