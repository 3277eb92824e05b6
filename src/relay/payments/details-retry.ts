/**
 * Payment details that could not be made in the commit of their choice (PROTOCOL §11): tried again until they are, or
 * not wanted.
 *
 * Tests: test/e2e/chain-faults.test.ts
 */

import type { OrderId, ShopId } from '../../brands.js'
import { DETAILS_RETRY_SECONDS_MAX, DETAILS_RETRY_SECONDS_MIN } from '../../limits.js'
import { PAYMENT_CHOSEN } from '../../objects/order.js'
import { isLive } from '../../state/orders.js'
import { orderIn } from '../../state/held-object.js'
import type { Clock } from '../instruments/clock.js'
import type { Log } from '../instruments/log.js'
import type { OrderCheckout } from '../write/change.js'
import type { Writer } from '../write/writer.js'

interface DetailsRetryOptions {
  readonly writer: Pick<Writer, 'change'>
  readonly checkout: OrderCheckout
  readonly clock: Clock
  readonly log: Log
}

interface Pending {
  readonly shopId: ShopId
  readonly orderId: OrderId
  /** Until the next try. */
  seconds: number
  cancel: () => void
}

export class DetailsRetry {
  private readonly options: DetailsRetryOptions
  /** By shop and order. */
  private readonly pending = new Map<string, Pending>()
  private closed = false

  constructor(options: DetailsRetryOptions) {
    this.options = options
  }

  /** An order in state 4: its details are made as soon as they can be. */
  add(shopId: ShopId, orderId: OrderId): void {
    const name = `${shopId}/${orderId}`
    if (this.pending.has(name) || this.closed) return
    const seconds = DETAILS_RETRY_SECONDS_MIN
    this.pending.set(name, { shopId, orderId, seconds, cancel: this.after(seconds, name) })
  }

  /** A value that was missing came. */
  retryAll(): void {
    for (const name of [...this.pending.keys()]) void this.tryAgain(name)
  }

  close(): void {
    this.closed = true
    for (const { cancel } of this.pending.values()) cancel()
  }

  private after(seconds: number, name: string): () => void {
    return this.options.clock.after(seconds * 1_000, () => void this.tryAgain(name))
  }

  private async tryAgain(name: string): Promise<void> {
    const pending = this.pending.get(name)
    if (pending === undefined || this.closed) return
    pending.cancel()
    const { shopId, orderId } = pending
    let chosen = false
    let reason: string | undefined
    const outcome = await this.options.writer.change(shopId, (state) => {
      const order = orderIn(state!, orderId)
      chosen = order?.State === PAYMENT_CHOSEN && isLive(order)
      const details = chosen ? this.options.checkout.details(state!, orderId, new Set()) : undefined
      if (details === undefined || 'patches' in details) return details
      reason = details.later
      return undefined
    })
    if (outcome === 'done' || (outcome === 'refused' && !chosen)) {
      this.pending.delete(name)
      return
    }
    pending.seconds = Math.min(2 * pending.seconds, DETAILS_RETRY_SECONDS_MAX)
    this.options.log.warn('payment details cannot be made yet', { shop: shopId, order: orderId, reason })
    if (!this.closed) pending.cancel = this.after(pending.seconds, name)
  }
}
