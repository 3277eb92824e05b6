/**
 * Enrolment of key cards (PROTOCOL §9), behind the form of the request: shop, right, card; then one set of the relay's
 * own.
 *
 * Tests: test/e2e/sessions.test.ts, test/e2e/registry.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { ShopId } from '../../brands.js'
import { RegistryUnreachable, type Registry } from '../../chain/registry.js'
import { GUESTS_ACCOUNT } from '../../objects/account.js'
import type { CardRow, Store } from '../../store/store.js'
import type { Clock } from '../instruments/clock.js'
import { cardPatches, foundingPatches } from './account-patches.js'
import { isDamage } from '../shops/damage.js'
import { cardName } from '../shops/shop.js'
import type { RelayChange } from '../write/change.js'
import type { Writer } from '../write/writer.js'

export interface EnrolmentRequest {
  /** 20 bytes: who signed. */
  readonly wallet: Uint8Array
  readonly shopId: ShopId
  /** 33 bytes. */
  readonly card: Uint8Array
  readonly guest: boolean
}

export type EnrolmentOutcome =
  | { readonly status: 201 }
  /** No such shop · no right · card or shop in the way · chain or store out of reach. */
  | { readonly status: 400 | 403 | 409 | 503; readonly error: string }

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
      const rows = claim === undefined || request.guest ? [] : claim.take(request.shopId, request.wallet)
      claimed = rows !== undefined && !request.guest
      return rows
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

  private async refuse({ shopId, wallet, card, guest }: EnrolmentRequest): Promise<EnrolmentOutcome | undefined> {
    const { registry, store, writer } = this.options
    try {
      if (!(await registry.exists(shopId))) return { status: 400, error: `shop ${shopId} does not exist` }
      const isFree = registry.claim?.isFree(shopId) ?? false
      if (!guest && !isFree && !(await registry.mayWrite(shopId, wallet))) {
        return { status: 403, error: `this wallet has no right to shop ${shopId}` }
      }
      if (this.isEnrolled(card)) return TAKEN
    } catch (error) {
      if (error instanceof RegistryUnreachable)
        return { status: 503, error: 'the shop registry cannot be reached now; try again later' }
      if (isDamage(error)) return { status: 503, error: error.message }
      throw error
    }
    const shop = writer.shop(shopId)
    if (shop?.closed !== undefined) return { status: 503, error: shop.closed.reason }
    // It may be one that was here.
    const unsure = store.damage().find(({ part }) => part === 'shops')
    if (shop === undefined && unsure !== undefined) return { status: 503, error: unsure.text }
    if (guest && shop === undefined) return { status: 409, error: `shop ${shopId} is not known to this relay yet` }
    return undefined
  }

  private build(
    request: EnrolmentRequest,
    state: Parameters<Parameters<Writer['change']>[1]>[0],
    take: () => RelayChange['settings'],
  ): RelayChange | undefined {
    const { shopId, wallet, card, guest } = request
    const { registry, clock } = this.options
    if (this.isEnrolled(card)) return undefined
    const row: CardRow = { card, shopId, account: guest ? GUESTS_ACCOUNT : wallet, guest, removed: false }
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

  /** A card belongs to one shop; once removed it may enrol again. */
  private isEnrolled(card: Uint8Array): boolean {
    return this.options.store.card(card)?.removed === false
  }
}

const TAKEN: EnrolmentOutcome = {
  status: 409,
  error: 'this key card is enrolled already, or the shop was taken a moment ago',
}
