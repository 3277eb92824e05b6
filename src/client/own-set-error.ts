/**
 * A set of one's own that the log has not as it was sent.
 *
 * Tests: test/client/proven-client.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'

/** In the log stands another set, or another state after it, than the relay said when it took ours. */
export class OwnSetError extends Error {
  override readonly name = 'OwnSetError'

  constructor(seq: bigint, field: string, found: Uint8Array, wanted: Uint8Array) {
    super(
      `set ${seq} has ${field} ${prefixedHex(found)} in the log, and ${prefixedHex(wanted)} was answered to its write`,
    )
  }
}
