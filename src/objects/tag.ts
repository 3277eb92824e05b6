/**
 * Tags: named lists of listings (PROTOCOL §3).
 *
 * Tests: test/cddl/cddl.test.ts, test/state/operations.test.ts
 */

import { arrayOf, nullable, required, struct, type Infer } from '../codec/schema.js'
import { nameText, listingId } from './scalars.js'

export const ListingIDs = arrayOf(listingId)
export const Tag = struct({ Name: required(nameText), ListingIDs: nullable(ListingIDs) })
/** A name for several listings; null for none. */
export interface Tag extends Infer<typeof Tag> {}
