/**
 * What can go wrong with the store; the message is one line for people: what happened, why, what now.
 *
 * Tests: test/store/store.test.ts, test/store/open.test.ts
 */

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
