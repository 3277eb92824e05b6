/**
 * What can go wrong with the store; the message is one line for people: what happened, why, what now.
 *
 * Tests: test/store/store.test.ts, test/store/open.test.ts
 */

import { constants as system } from 'node:os'

type StoreErrorCode =
  | 'locked'
  | 'version'
  | 'unwritable'
  | 'not-ours'
  | 'damaged'
  | 'full'
  | 'closed'
  | 'sequence'
  | 'exists'
  | 'derived'
  | 'failed'

/** What a person does about damage. */
export const WHAT_NOW = '"cairn check" shows what is hurt; restore the data directory from a backup'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Whether a call of the file system found no room. Node has no name for EDQUOT. */
export function isFull(error: unknown): boolean {
  const { code, errno } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EFBIG' || code === 'EDQUOT' || errno === -system.errno.EDQUOT
}

/** Whether the data are of a newer version than this program, which can say nothing of them then. */
export function isNewer(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'version'
}
