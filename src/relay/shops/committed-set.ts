/**
 * A set that became durable, with what was computed while it was checked: the writer makes it, and index and feed read
 * it, so that nobody hashes or decodes the same patches once more.
 *
 * Tests: test/relay/feed/feed.test.ts
 */

import type { PatchTree } from '../../merkle/patch-proof.js'
import type { PatchKey } from '../../patches/object-name.js'
import type { LogRecord } from '../../store/store.js'

export interface CommittedSet {
  readonly record: LogRecord
  /** Over the record's patches. */
  readonly tree: PatchTree
  /** Of each patch, in their order. */
  readonly keys: readonly PatchKey[]
  /** StateRoot after the set, 32 bytes. */
  readonly stateRoot: Uint8Array
}
