/**
 * Rows of payments in a session of version 5 (docs/protocol, "Payment rows"): pages on request, and pushes of the rows
 * of orders that changed, for a shop's clerks and owner alone.
 *
 * Tests: test/e2e/payment-rows.test.ts
 */

import type { OrderId, ShopId } from '../../brands.js'
import { PAYMENT_CHANGES_WAITING_MAX, PUSHES_UNANSWERED_MAX } from '../../limits.js'
import { encodeEnvelope } from '../../wire/envelope.js'
import type { PaymentsRequest } from '../../wire/messages.js'
import { encodePaymentPage } from '../../wire/payment-page.js'
import type { PushTarget } from '../feed/subscription.js'
import { readsEverything, type Reader } from '../shops/reader.js'
import type { Shop } from '../shops/shop.js'
import { failure, type Answer } from './answer.js'
import { shopIdIn } from './shop-id.js'

/** What is known of payments, as who knows them makes pages of it. */
export interface PaymentBook {
  /** A page as it is sent, made in pieces. */
  page(shop: Shop, after: OrderId): Generator<undefined, Uint8Array>
  /** A page of some of the orders, which are taken out of the set. */
  takeChanged(shop: Shop, changed: Set<OrderId>): Uint8Array
  /** `watcher` is told of changes in the shop; the returned function ends that. */
  watch(shopId: ShopId, watcher: PaymentWatcher): () => void
}

interface PaymentWatcher {
  /** The rows of these orders are no longer what they were. */
  changed(ids: Iterable<OrderId>): void
  /** What was shown may not be true: all is to be asked for anew. */
  lost(): void
}

interface PaymentRowsOptions {
  readonly book: PaymentBook
  readonly target: Pick<PushTarget, 'nextRequestId' | 'send' | 'hasRoom' | 'byTurns'>
  shop(shopId: ShopId): Shop | undefined
  reader(shopId: ShopId): Reader
}

const AGAIN = encodePaymentPage({ Rows: [], Again: true })

export class PaymentRows implements PaymentWatcher {
  private readonly options: PaymentRowsOptions
  /** While changes are pushed. */
  private live: { readonly shop: Shop; readonly stop: () => void } | undefined
  private readonly waiting = new Set<OrderId>()
  private readonly unanswered = new Set<bigint>()
  private isLost = false
  /** Whether its turn will come. */
  private isDue = false

  constructor(options: PaymentRowsOptions) {
    this.options = options
  }

  /** A refusal at once, or what is to be done. */
  making(request: PaymentsRequest): Answer | Generator<undefined, Answer> {
    const shopId = shopIdIn(request)
    if (typeof shopId !== 'bigint') return shopId
    const shop = this.options.shop(shopId)
    if (shop === undefined) return failure('NOT_FOUND', `shop ${shopId} is not known here`)
    const reader = this.options.reader(shopId)
    if (!readsEverything(reader)) return failure('INVALID', `payments cannot be read by a ${reader.role}`)
    if (!request.live) this.end()
    else this.live ??= { shop, stop: this.options.book.watch(shopId, this) }
    return this.answer(this.options.book.page(shop, request.after))
  }

  changed(ids: Iterable<OrderId>): void {
    if (this.isLost) return
    for (const id of ids) this.waiting.add(id)
    if (this.waiting.size > PAYMENT_CHANGES_WAITING_MAX) return this.lost()
    this.pump()
  }

  lost(): void {
    this.waiting.clear()
    this.isLost = true
    this.pump()
  }

  /** Whether the request was a push of this; one that is refused ends them. */
  answered(requestId: bigint, failed: boolean): boolean {
    if (!this.unanswered.delete(requestId)) return false
    if (failed) this.end()
    this.pump()
    return true
  }

  /** Sends what waits, as far as the client reads. */
  pump(): void {
    if (this.isDue || !this.maySend()) return
    this.isDue = true
    this.options.target.byTurns(() => this.step())
  }

  /** Nothing is pushed any more. */
  end(): void {
    this.live?.stop()
    this.live = undefined
    this.waiting.clear()
    this.isLost = false
  }

  private *answer(page: Generator<undefined, Uint8Array>): Generator<undefined, Answer> {
    return { ok: true, payload: yield* page }
  }

  private maySend(): boolean {
    const isWanted = this.live !== undefined && (this.isLost || this.waiting.size > 0)
    return isWanted && this.unanswered.size < PUSHES_UNANSWERED_MAX && this.options.target.hasRoom()
  }

  private step(): boolean {
    if (this.maySend()) this.push()
    this.isDue = this.maySend()
    return this.isDue
  }

  private push(): void {
    const { book, target } = this.options
    const page = this.isLost ? AGAIN : book.takeChanged(this.live!.shop, this.waiting)
    this.isLost = false
    const requestId = target.nextRequestId()
    this.unanswered.add(requestId)
    target.send(encodeEnvelope({ requestId, message: { kind: 'payments', after: 0n, live: false, page } }))
  }
}
