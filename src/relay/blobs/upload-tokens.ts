/** Upload tokens (PROTOCOL §13): single use, ten minutes, a bounded number open per session; none outlives its card. */

import { BLOB_TOKEN_SECONDS_MAX, BLOB_TOKENS_PER_CARD_MAX, BLOB_TOKENS_PER_SESSION_MAX } from '../../limits.js'
import type { Clock } from '../instruments/clock.js'

interface Token {
  readonly endsAtMs: number
  readonly card: string
  /** The open tokens of its session. */
  readonly ofSession: Set<string>
}

export class UploadTokens {
  private readonly clock: Clock
  private readonly makeToken: () => string
  private readonly tokens = new Map<string, Token>()
  private readonly ofCards = new Map<string, Set<string>>()
  /** Tokens outlive their session, and do not keep it. */
  private readonly ofSessions = new WeakMap<object, Set<string>>()

  constructor(clock: Clock, makeToken: () => string) {
    this.clock = clock
    this.makeToken = makeToken
  }

  /** A fresh token, or undefined if the session has too many open. `card`: the session's. */
  issue(session: object, card: string): string | undefined {
    this.dropOld()
    const ofSession = this.ofSessions.get(session) ?? new Set()
    if (ofSession.size >= BLOB_TOKENS_PER_SESSION_MAX) return undefined
    const ofCard = this.ofCards.get(card) ?? new Set()
    if (ofCard.size >= BLOB_TOKENS_PER_CARD_MAX) this.drop([...ofCard][0]!)
    const text = this.makeToken()
    this.tokens.set(text, { endsAtMs: this.clock.nowMs() + BLOB_TOKEN_SECONDS_MAX * 1_000, card, ofSession })
    this.ofSessions.set(session, ofSession.add(text))
    this.ofCards.set(card, ofCard.add(text))
    return text
  }

  /** Whether the token was open; it is used up by this. */
  take(text: string): boolean {
    this.dropOld()
    return this.drop(text)
  }

  /** Cards that have open tokens. */
  cards(): string[] {
    return [...this.ofCards.keys()]
  }

  /** The card was removed, or its wallet lost its rights. */
  dropCard(card: string): void {
    for (const text of [...(this.ofCards.get(card) ?? [])]) this.drop(text)
  }

  private drop(text: string): boolean {
    const token = this.tokens.get(text)
    if (token === undefined) return false
    const ofCard = this.ofCards.get(token.card)!
    token.ofSession.delete(text)
    ofCard.delete(text)
    if (ofCard.size === 0) this.ofCards.delete(token.card)
    return this.tokens.delete(text)
  }

  /** Tokens are issued in order of their end. */
  private dropOld(): void {
    const now = this.clock.nowMs()
    for (const [text, token] of this.tokens) {
      if (token.endsAtMs > now) return
      this.drop(text)
    }
  }
}
