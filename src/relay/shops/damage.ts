/**
 * Errors that say that the disk does not give back what was written: no bugs. The store remembers where, and the keeper
 * mends it or closes the shop within a second.
 *
 * Tests: test/e2e/damage.test.ts
 */

import { HamtStoreError } from '../../merkle/hamt.js'
import { StoreError } from '../../store/store-error.js'

/** What can be made again from the log. */
export function isOfDerived(error: unknown): error is Error {
  return error instanceof HamtStoreError || (error instanceof StoreError && error.code === 'derived')
}

export function isDamage(error: unknown): error is Error {
  return isOfDerived(error) || (error instanceof StoreError && error.code === 'damaged')
}
