/** Upload tokens (PROTOCOL §13): single use, ten minutes, a bounded number open per session. */

import { BLOB_TOKEN_SECONDS_MAX, BLOB_TOKENS_PER_SESSION_MAX } from '../limits.js'
import type { Clock } from './clock.js'

interface Token {
  readonly session: object
  readonly endsAtMs: number
}

export class BlobTokens {
  private readonly clock: Clock
  private readonly makeToken: () => string
  private readonly tokens = new Map<string, Token>()

  constructor(clock: Clock, makeToken: () => string) {
    this.clock = clock
    this.makeToken = makeToken
  }

  /** A fresh token, or undefined if the session has too many open. */
  issue(session: object): string | undefined {
    this.dropOld()
    let open = 0
    for (const token of this.tokens.values()) if (token.session === session) open++
    if (open >= BLOB_TOKENS_PER_SESSION_MAX) return undefined
    const text = this.makeToken()
    this.tokens.set(text, { session, endsAtMs: this.clock.nowMs() + BLOB_TOKEN_SECONDS_MAX * 1_000 })
    return text
  }

  /** Whether the token was open; it is used up by this. */
  take(text: string): boolean {
    this.dropOld()
    return this.tokens.delete(text)
  }

  /** Tokens are issued in order of their end. */
  private dropOld(): void {
    const now = this.clock.nowMs()
    for (const [text, token] of this.tokens) {
      if (token.endsAtMs > now) return
      this.tokens.delete(text)
    }
  }
}
