/**
 * Nonces of a card's sets: they rise, across restarts too, for they are made of the clock. Where the card's last set is
 * of a clock that was ahead, on this device or another one, the relay says so, and they go on from there.
 *
 * Tests: test/client/other-clock.test.ts
 */

const NONCES_PER_MS = 1_000n

export class Nonces {
  last = 0n

  /** `ms`: since 1970. */
  next(ms: number): bigint {
    const now = BigInt(ms) * NONCES_PER_MS
    return (this.last = now > this.last ? now : this.last + 1n)
  }

  /** Whether a set was refused for its nonce alone: it was looked for, is not there, and may be signed anew. */
  follow({ message }: Error): boolean {
    const last = /^KeyCardNonce .* (\d{1,18})$/u.exec(message)?.[1]
    if (last !== undefined && BigInt(last) > this.last) this.last = BigInt(last)
    return last !== undefined
  }
}
