/**
 * Why a checkpoint is refused (PROOFS §3).
 *
 * Tests: test/proofs/checkpoint.test.ts
 */

/**
 * form: no checkpoint as the text has it · signature: its form, or it leads to no key · signer: another key than the
 * relay's · identity: of another chain, registry, relay or shop · future: Timestamp too far ahead · seq-lower: lower
 * than the last accepted · two-contents, time-falls: evidence against the relay, beside the last accepted · last: not
 * tied to its last set · consistency: missing, or it does not hold · circle: hand-overs of a key that lead back to it.
 */
export type CheckpointErrorCode =
  | 'form'
  | 'signature'
  | 'signer'
  | 'identity'
  | 'future'
  | 'seq-lower'
  | 'two-contents'
  | 'time-falls'
  | 'last'
  | 'consistency'
  | 'circle'

interface CheckpointErrorDetails {
  readonly at?: string | undefined
  readonly found?: string | undefined
  readonly wanted?: string | undefined
  readonly cause?: unknown
}

/** A checkpoint that is not accepted, or a hand-over that is not followed. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
  readonly code: CheckpointErrorCode
  /** The field that is wrong, where it is one. */
  readonly at: string | undefined
  /** What stands there, and what had to: numbers in decimal, bytes in hexadecimal, times as RFC 3339 has them. */
  readonly found: string | undefined
  readonly wanted: string | undefined

  constructor(code: CheckpointErrorCode, message: string, details: CheckpointErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.at = details.at
    this.found = details.found
    this.wanted = details.wanted
  }
}
