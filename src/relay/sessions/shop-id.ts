/**
 * The shop that a request names (PROTOCOL §10).
 *
 * Tests: test/e2e/subscriptions.test.ts
 */

import type { ShopId } from '../../brands.js'
import { fromBigEndian } from '../../bytes/bytes.js'
import { failure, type Answer } from './answer.js'

/** Big endian, with or without leading zeros; or why it is none. */
export function shopIdIn({ shopId: raw }: { readonly shopId?: Uint8Array | undefined }): ShopId | Answer {
  if (raw === undefined || raw.length === 0 || raw.length > 32) return failure('INVALID', 'shop_id has 1 to 32 bytes')
  return fromBigEndian(raw)
}
