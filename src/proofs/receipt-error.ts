/**
 * Why an order receipt is refused (PROOFS §6).
 *
 * Tests: test/proofs/receipt.test.ts
 */

/** One per rule. */
export type ReceiptErrorCode =
  /** no receipt: bytes that are not the deterministic CBOR of one, unknown or missing fields */
  | 'form'
  /** a Version or SchemaVersion that is newer than this program: nothing can be said */
  | 'version'
  /** the checkpoint is signed by another key than the relay's */
  | 'relay'
  /** the checkpoint, or its signature, is none */
  | 'checkpoint'
  /** the checkpoint is not tied to its last set */
  | 'last'
  /** of another chain, registry, relay, shop or order than the caller expects */
  | 'expected'
  /** sets not by rising Seq */
  | 'set-order'
  /** a header that is none, or of another shop */
  | 'set'
  /** a patch that is not of its set, or not in its order, or of another object */
  | 'patch'
  /** a set that is not in the log of the checkpoint */
  | 'log'
  /** sets or patches that are missing, or too many: the order's LastSeq and Trail do not follow from them */
  | 'trail'
  /** signed by a key that is neither the relay's nor a card's at that time */
  | 'signer'
  /** cards of two guests */
  | 'two-guests'
  /** the state proof does not hold */
  | 'state'
  /** the state does not hold the order */
  | 'absent'
  /** a patch that the rules of orders refuse */
  | 'rule'
  /** the patches give another order than the state holds */
  | 'value'
  /** Level and Manifest are not exactly where payment was asked last, or not those of that set */
  | 'payment-set'
  /** the listings are not those of ListingHashes and items */
  | 'listings'
  /** Total is not what order, manifest and listings give */
  | 'total'
  /** an anchor in a registry that the caller does not know, or of another checkpoint */
  | 'anchor'

interface ReceiptErrorDetails {
  readonly found?: string | undefined
  readonly wanted?: string | undefined
  readonly cause?: unknown
}

/** `where` is the part of the receipt: `Checkpoint`, `Sets, 15`, `Listings, 0`. */
export class ReceiptError extends Error {
  override readonly name = 'ReceiptError'
  readonly code: ReceiptErrorCode
  readonly where: string
  /** What stands there, and what had to, where both can be told. */
  readonly found: string | undefined
  readonly wanted: string | undefined

  constructor(code: ReceiptErrorCode, where: string, problem: string, details: ReceiptErrorDetails = {}) {
    super(`${where}: ${problem}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.where = where
    this.found = details.found
    this.wanted = details.wanted
  }
}

/** The result of `check`; what it throws of `expected` becomes a ReceiptError. */
export function receiptStep<T>(
  code: ReceiptErrorCode,
  where: string,
  expected: readonly (abstract new (...args: never[]) => Error)[],
  check: () => T,
): T {
  try {
    return check()
  } catch (cause) {
    if (cause instanceof Error && expected.some((kind) => cause instanceof kind))
      throw new ReceiptError(code, where, cause.message, { cause })
    throw cause
  }
}
