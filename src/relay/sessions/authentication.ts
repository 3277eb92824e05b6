/**
 * For whom a session speaks (PROTOCOL §9): a key card is challenged, its signature checked, its wallet's rights asked
 * for; then the card is bound to this session and to no other.
 *
 * Tests: test/e2e/sessions.test.ts
 */

import { recoverPublicKey } from '#signature'
import type { ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { personalMessageDigest } from '../../bytes/eip191.js'
import { RegistryUnreachable } from '../../chain/registry.js'
import { CHALLENGE_BYTES, CHALLENGE_SECONDS_MAX } from '../../limits.js'
import type { Author } from '../../state/access.js'
import type { CardRow, Store } from '../../store/store.js'
import type { WireVersion } from '../../wire/envelope.js'
import type { Clock } from '../instruments/clock.js'
import { failure, success, type Answer } from './answer.js'
import { isDamage } from '../shops/damage.js'
import type { Expectation } from '../write/ingest.js'
import type { CardHolder, ConnectedCards } from './cards.js'

const ALREADY_CONNECTED_TEXT = 'Already connected from this keyCard in another session'
export const CARD_REMOVED_TEXT = 'Key Card was removed from the Shop'

export interface AuthenticationHost {
  readonly clock: Clock
  readonly cards: ConnectedCards
  readonly store: Pick<Store, 'card'>
  randomBytes(length: number): Uint8Array
  onBug(error: unknown): void
}

/** The session that is authenticated. */
export interface AuthenticatedSession extends CardHolder {
  readonly hasEnded: boolean
}

interface Bound {
  readonly card: Uint8Array
  readonly shopId: ShopId
  readonly author: Author
  /** What its sets have to be. */
  readonly expected: Expectation
}

export class Authentication {
  private readonly host: AuthenticationHost
  private readonly session: AuthenticatedSession
  private readonly version: WireVersion
  private challenged: { readonly bytes: Uint8Array; readonly card: CardRow; readonly endsAtMs: number } | undefined
  private current: Bound | undefined

  constructor(host: AuthenticationHost, session: AuthenticatedSession, version: WireVersion) {
    this.host = host
    this.session = session
    this.version = version
  }

  /** Undefined before authentication. */
  get bound(): Bound | undefined {
    return this.current
  }

  /** Answers with the bytes to be signed. */
  challenge(publicKey: Uint8Array): Answer {
    const { cards, clock, store } = this.host
    if (this.current !== undefined) return ALREADY_AUTHENTICATED
    this.challenged = undefined
    if (publicKey.length !== 33) return failure('INVALID', `a public key has 33 bytes, not ${publicKey.length}`)
    const card = store.card(publicKey)
    if (card === undefined) return failure('NOT_FOUND', 'this key card is not enrolled here')
    if (card.removed) return failure('UNLINKED_KEYCARD', CARD_REMOVED_TEXT)
    if (cards.isConnected(card.card)) return failure('ALREADY_CONNECTED', ALREADY_CONNECTED_TEXT)
    const bytes = this.host.randomBytes(CHALLENGE_BYTES)
    this.challenged = { bytes, card, endsAtMs: clock.nowMs() + CHALLENGE_SECONDS_MAX * 1_000 }
    return success(bytes)
  }

  /** Refuses at once, or asks the registry for the wallet's rights and then binds the card. */
  solve(signature: Uint8Array): Answer | Promise<Answer> {
    if (this.current !== undefined) return ALREADY_AUTHENTICATED
    const { challenged } = this
    this.challenged = undefined
    if (challenged === undefined || challenged.endsAtMs <= this.host.clock.nowMs())
      return failure('INVALID', 'there is no challenge that could be solved')
    if (signature.length !== 65) return failure('INVALID', `a signature has 65 bytes, not ${signature.length}`)
    const signer = recoverPublicKey(personalMessageDigest(challenged.bytes), signature)
    if (signer === undefined || !equalBytes(signer, challenged.card.card))
      return failure('NOT_FOUND', 'the signature is not of this key card')
    return this.bind(challenged.card)
  }

  /** The session has ended: another may have its card. */
  release(): void {
    if (this.current !== undefined) this.host.cards.unbind(this.current.card, this.session)
  }

  /** `challenged`: the card's row when it was challenged. */
  private async bind(challenged: CardRow): Promise<Answer> {
    const { cards, store } = this.host
    try {
      const role = await this.roleNow(challenged)
      if (this.session.hasEnded) return failure('INVALID', 'the session has ended')
      const { card, shopId, account } = challenged
      if (role === undefined || !isStillEnrolled(challenged, store.card(card)))
        return failure('UNLINKED_KEYCARD', CARD_REMOVED_TEXT)
      if (!cards.bind(card, this.session)) return failure('ALREADY_CONNECTED', ALREADY_CONNECTED_TEXT)
      const expected = { shopId, card, isGuest: role === 'guest' }
      this.current = { card, shopId, author: { role, card, account }, expected }
      return success()
    } catch (error) {
      if (!(error instanceof RegistryUnreachable || isDamage(error))) this.host.onBug(error)
      const code = this.version === 4 ? 'NOT_FOUND' : 'UNAVAILABLE'
      return failure(code, 'the rights of this key card cannot be checked now; try again')
    }
  }

  /** As ConnectedCards.roleOf; asked again while rights in the shop change before the answer is here. */
  private async roleNow(card: CardRow): ReturnType<ConnectedCards['roleOf']> {
    const { cards } = this.host
    for (;;) {
      const changes = cards.rightsChanges(card.shopId)
      const role = await cards.roleOf(card)
      if (this.session.hasEnded || changes === cards.rightsChanges(card.shopId)) return role
    }
  }
}

const ALREADY_AUTHENTICATED = failure('ALREADY_AUTHENTICATED', 'this session is authenticated')

/** Not removed, nor enrolled anew elsewhere after a removal. */
function isStillEnrolled({ shopId, account, guest }: CardRow, now: CardRow | undefined): boolean {
  if (now === undefined || now.removed) return false
  return now.shopId === shopId && now.guest === guest && equalBytes(now.account, account)
}
