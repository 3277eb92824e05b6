/**
 * Enrolment of key cards (PROTOCOL §9), behind the form of the request: shop, right, card; then one set of the relay's
 * own.
 *
 * Tests: test/e2e/enrolment.test.ts, test/e2e/registry.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { ShopId } from '../../brands.js'
import { assert } from '../../assert.js'
import { equalBytes } from '../../bytes/bytes.js'
import { RegistryUnreachable, type Registry } from '../../chain/registry.js'
import { ISSUED_BEFORE_REMOVAL_SECONDS_MAX, REMOVED_CARD_KEPT_SECONDS } from '../../limits.js'
import { GUESTS_ACCOUNT } from '../../objects/account.js'
import { developmentOwnerKey } from '../../store/setting-keys.js'
import type { CardRow, EnrolledBy, Store } from '../../store/store.js'
import { nowSeconds, type Clock } from '../instruments/clock.js'
import { cardPatches, foundingPatches } from './account-patches.js'
import { isDamage } from '../shops/damage.js'
import { cardName } from '../shops/shop.js'
import type { ErrorCatalogueCode } from '../../wire/error-remedies.js'
import type { RelayChange } from '../write/change.js'
import type { Writer } from '../write/writer.js'

export interface EnrolmentRequest {
  /** 20 bytes: who signed. */
  readonly wallet: Uint8Array
  readonly shopId: ShopId
  /** 33 bytes. */
  readonly card: Uint8Array
  readonly guest: boolean
  /** What the wallet signed. */
  readonly message: EnrolledBy
}

export type EnrolmentOutcome =
  | { readonly status: 201 }
  /** No such shop · no right · card or shop in the way · chain or store out of reach. */
  | { readonly status: 400 | 403 | 409 | 503; readonly error: string; readonly code?: EnrolmentCode }

/** Told beside a status that has several causes. */
type EnrolmentCode = Extract<ErrorCatalogueCode, 'NOT_FOUND' | 'CHAIN_UNREACHABLE'>

interface EnrolmentOptions {
  readonly store: Store
  readonly writer: Writer
  readonly registry: Registry
  readonly clock: Clock
  randomBytes(length: number): Uint8Array
}

const SHOP_SECRET_BYTES = 32

export class Enrolment {
  private readonly options: EnrolmentOptions
  /** Cards whose set is on its way. */
  private readonly pending = new Set<string>()

  constructor(options: EnrolmentOptions) {
    this.options = options
  }

  /** Resolves when the enrolment is durable or refused. */
  async enrol(request: EnrolmentRequest): Promise<EnrolmentOutcome> {
    const refusal = await this.refuse(request)
    if (refusal !== undefined) return refusal
    const name = cardName(request.card)
    if (this.pending.has(name)) return TAKEN
    this.pending.add(name)
    const { claim } = this.options.registry
    let claimed = false
    const take = () => {
      const { shopId, wallet, guest } = request
      const taken = claim === undefined || guest ? 'stored' : claim.take(shopId, wallet)
      claimed = taken !== undefined && !guest
      if (taken === undefined) return undefined
      return taken === 'stored' ? [] : [{ key: developmentOwnerKey(shopId), value: wallet }]
    }
    try {
      const outcome = await this.options.writer.change(request.shopId, (state) => this.build(request, state, take))
      if (outcome === 'done') return { status: 201 }
      return outcome === 'refused'
        ? TAKEN
        : { status: 503, error: 'the relay cannot store enrolments now; try again later' }
    } finally {
      this.pending.delete(name)
      // Remembered for those who come meanwhile; from now on the disk tells, and of a commit that failed nothing stays.
      if (claimed) claim?.settled(request.shopId)
    }
  }

  private async refuse(request: EnrolmentRequest): Promise<EnrolmentOutcome | undefined> {
    const { shopId, wallet, guest } = request
    const { registry, store, writer } = this.options
    try {
      if (!(await registry.exists(shopId)))
        return { status: 400, error: `shop ${shopId} does not exist`, code: 'NOT_FOUND' }
      const isFree = registry.claim?.isFree(shopId) ?? false
      if (!guest && !isFree && !(await registry.mayWrite(shopId, wallet))) {
        return { status: 403, error: `this wallet has no right to shop ${shopId}` }
      }
      const taken = this.refuseCard(request)
      if (taken !== undefined) return taken
    } catch (error) {
      if (error instanceof RegistryUnreachable)
        return {
          status: 503,
          error: 'the shop registry cannot be reached now; try again later',
          code: 'CHAIN_UNREACHABLE',
        }
      if (isDamage(error)) return { status: 503, error: error.message }
      throw error
    }
    const shop = writer.shop(shopId)
    if (shop?.closed !== undefined) return { status: 503, error: shop.closed.reason }
    // It may be one that was here.
    const unsure = store.damage().find(({ part }) => part === 'shops')
    if (shop === undefined && unsure !== undefined) return { status: 503, error: unsure.text }
    if (guest && shop === undefined)
      return { status: 409, error: `shop ${shopId} is not known to this relay yet`, code: 'NOT_FOUND' }
    return undefined
  }

  private build(
    request: EnrolmentRequest,
    state: Parameters<Parameters<Writer['change']>[1]>[0],
    take: () => RelayChange['settings'],
  ): RelayChange | undefined {
    const { shopId, wallet, card, guest, message: enrolledBy } = request
    const { registry, clock } = this.options
    if (this.refuseCard(request) !== undefined) return undefined
    const account = guest ? GUESTS_ACCOUNT : wallet
    const row: CardRow = { card, shopId, account, guest, removed: false, enrolledBy }
    const settings = take()
    if (settings === undefined) return undefined
    if (state !== undefined) return { patches: cardPatches(state, wallet, card, guest), cards: [row], settings }
    return {
      patches: foundingPatches(shopId, registry.chainId, wallet, card),
      cards: [row],
      settings,
      newShop: { shopId, secret: this.options.randomBytes(SHOP_SECRET_BYTES), createdAtMs: clock.nowMs() },
    }
  }

  /**
   * A card belongs to one shop. Once removed it may enrol there again, and elsewhere after a while, by a message that
   * was signed for it: not by one of before, which anybody may have seen.
   */
  private refuseCard({ card, shopId, message }: EnrolmentRequest): EnrolmentOutcome | undefined {
    const { store, clock } = this.options
    const row = store.card(card)
    if (row === undefined) return undefined
    if (!row.removed) return TAKEN
    assert(row.removedAtMs !== undefined, 'a removed card without a time')
    const removedAt = BigInt(Math.floor(row.removedAtMs / 1_000))
    if (row.shopId !== shopId && nowSeconds(clock) < removedAt + REMOVED_CARD_KEPT_SECONDS)
      return conflict(
        'this key card was removed from another shop, which alone may enrol it for 30 days: take a new one',
      )
    const { enrolledBy } = row
    const isOld =
      (enrolledBy !== undefined && equalBytes(message.digest, enrolledBy.digest)) ||
      message.issuedAt < removedAt - ISSUED_BEFORE_REMOVAL_SECONDS_MAX ||
      // Of two removals within that time the first one's message does not come back either.
      (enrolledBy !== undefined && message.issuedAt < smaller(enrolledBy.issuedAt, removedAt))
    return isOld ? conflict('this message is of before the removal of the key card: sign a new one') : undefined
  }
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function conflict(error: string): EnrolmentOutcome {
  return { status: 409, error }
}

const TAKEN = conflict('this key card is enrolled already, or the shop was taken a moment ago')
