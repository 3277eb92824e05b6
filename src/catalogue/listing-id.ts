/**
 * Ids of listings that come from a product file: a second import finds what the first one made.
 *
 * Tests: test/catalogue/import-plan.test.ts
 */

import { sha256 } from '#hash'
import type { ListingId } from '../brands.js'
import { fromBigEndian, utf8 } from '../bytes/bytes.js'

/** The first 8 bytes of the SHA-256 of a product's handle, as a number. */
export function listingIdOf(handle: string): ListingId {
  return fromBigEndian(sha256(utf8(handle)).subarray(0, ID_BYTES))
}

/** Of a variant that is a listing by itself. No handle holds a question mark, and no value a bare slash. */
export function variantListingId(handle: string, values: readonly string[]): ListingId {
  return listingIdOf(`${handle}?${values.map(encodeURIComponent).join('/')}`)
}

/** What Shopify makes of a title: lower case, dashes between words. Empty where there is no letter and no digit. */
export function handleOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/['’]/gu, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/gu, '')
}

const ID_BYTES = 8
