/** A token bucket for each client address or card, in bounded memory (PROTOCOL §13, rates). */

/** Names remembered at once. The one that asked longest ago is forgotten first: its bucket is the fullest. */
const NAMES_MAX = 65_536

interface Rate {
  readonly perSecond: number
  readonly burst: number
}

interface Bucket {
  /** Below 0 after something that cost more than there was. */
  tokens: number
  atMs: number
}

export class RateLimiter {
  private readonly rate: Rate
  private readonly nowMs: () => number
  private readonly namesMax: number
  /** In the order of the last question. */
  private readonly buckets = new Map<string, Bucket>()

  /** `nowMs`: a clock in milliseconds; what it is set back takes nothing away. */
  constructor(rate: Rate, nowMs: () => number, namesMax: number = NAMES_MAX) {
    this.rate = rate
    this.nowMs = nowMs
    this.namesMax = namesMax
  }

  /**
   * Whether `name` may do one more; then it has done it. One that has a token left may do what costs more: the rest has
   * to come back before it may go on, so that nothing is too large for its bucket.
   */
  take(name: string, cost = 1): boolean {
    const bucket = this.filled(name)
    this.buckets.delete(name)
    this.buckets.set(name, bucket)
    if (this.buckets.size > this.namesMax) this.forgetOldest()
    if (bucket.tokens < 1) return false
    bucket.tokens -= cost
    return true
  }

  /** Whole seconds until `name` may do one more, at least 1. */
  secondsUntilNext(name: string): number {
    return Math.max(1, Math.ceil((1 - this.filled(name).tokens) / this.rate.perSecond))
  }

  /** How many names are remembered. */
  get size(): number {
    return this.buckets.size
  }

  private filled(name: string): Bucket {
    const atMs = this.nowMs()
    const known = this.buckets.get(name)
    if (known === undefined) return { tokens: this.rate.burst, atMs }
    const gained = (Math.max(0, atMs - known.atMs) / 1_000) * this.rate.perSecond
    return { tokens: Math.min(this.rate.burst, known.tokens + gained), atMs }
  }

  private forgetOldest(): void {
    for (const name of this.buckets.keys()) {
      this.buckets.delete(name)
      return
    }
  }
}
