/** A token bucket for each client address, in bounded memory (PROTOCOL §13, rates). */

/** Addresses remembered at once. The one that asked longest ago is forgotten first: its bucket is the fullest. */
const ADDRESSES_MAX = 65_536

interface Rate {
  readonly perSecond: number
  readonly burst: number
}

interface Bucket {
  tokens: number
  atMs: number
}

export class RateLimiter {
  readonly #rate: Rate
  readonly #nowMs: () => number
  readonly #addressesMax: number
  /** In the order of the last question. */
  readonly #buckets = new Map<string, Bucket>()

  /** `nowMs`: a clock in milliseconds; what it is set back takes nothing away. */
  constructor(rate: Rate, nowMs: () => number, addressesMax: number = ADDRESSES_MAX) {
    this.#rate = rate
    this.#nowMs = nowMs
    this.#addressesMax = addressesMax
  }

  /** Whether `address` may do one more; then it has done it. */
  take(address: string): boolean {
    const bucket = this.#filled(address)
    this.#buckets.delete(address)
    this.#buckets.set(address, bucket)
    if (this.#buckets.size > this.#addressesMax) this.#forgetOldest()
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  #filled(address: string): Bucket {
    const atMs = this.#nowMs()
    const known = this.#buckets.get(address)
    if (known === undefined) return { tokens: this.#rate.burst, atMs }
    const gained = (Math.max(0, atMs - known.atMs) / 1_000) * this.#rate.perSecond
    return { tokens: Math.min(this.#rate.burst, known.tokens + gained), atMs }
  }

  #forgetOldest(): void {
    for (const address of this.#buckets.keys()) {
      this.#buckets.delete(address)
      return
    }
  }
}
