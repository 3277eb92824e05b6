/**
 * Why a set is not verified.
 *
 * Tests: test/client/shop-client.test.ts
 */

/** A set that is not what its signer signed, or comes out of order. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly seq: bigint

  constructor(seq: bigint, problem: string, options?: ErrorOptions) {
    super(`set ${seq}: ${problem}`, options)
    this.seq = seq
  }
}
