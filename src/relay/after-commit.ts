/**
 * What follows a durable commit and its answers for each of its shops, in this order, each step with the reason for its
 * place. A step that throws is told of as a bug and does not stop the others (write/batch.ts).
 *
 * Tests: test/e2e/subscriptions.test.ts, test/e2e/sessions.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { Checkpoints } from './checkpoints/checkpoints.js'
import type { NoteService } from './notes/note-service.js'
import type { Feeds } from './feed/feeds.js'
import type { Metrics } from './instruments/metrics.js'
import type { PaymentPages } from './payments/payment-pages.js'
import type { Payments } from './payments/payments.js'
import type { ConnectedCards } from './sessions/cards.js'
import type { Keeper } from './shops/keeper.js'
import type { AfterCommit } from './write/change.js'

interface AfterCommitParts {
  readonly metrics: Metrics
  readonly keeper: Keeper
  readonly checkpoints: Checkpoints
  readonly notes: Pick<NoteService, 'follow'> | undefined
  readonly feeds: Feeds
  readonly cards: ConnectedCards
  readonly payments: Payments
  readonly paymentBook: Pick<PaymentPages, 'changed'>
}

export function afterCommit(parts: AfterCommitParts): AfterCommit[] {
  const { metrics, keeper, checkpoints, notes, feeds, cards, payments, paymentBook } = parts
  const sets = metrics.counter('cairn_sets_total', 'Sets accepted since start, the relay’s own included')
  const patches = metrics.counter('cairn_patches_total', 'Patches in these sets')
  return [
    // Counted first: whatever fails below, these sets are in the log.
    (_shop, { sets: list }) => {
      sets.add(list.length)
      patches.add(list.reduce((sum, { record }) => sum + record.patches.length, 0))
    },
    // The object index before the feeds: a subscription that reads by it must find there what was flushed.
    (shop, { sets: list }) => keeper.published(shop, list),
    // Checkpoints are signed later: here it is counted what none covers.
    (shop, { sets: list }) => checkpoints.published(shop, list),
    (shop) => notes?.follow(shop.shopId),
    // The feeds before the cards: a session whose card was removed is shown everything up to the set that did it.
    (shop, { sets: list }) => feeds.published(shop, list),
    // Decimals of tokens in a new manifest are asked for before somebody chooses one.
    (shop) => payments.shopWritten(shop),
    (_shop, { unlinked }, alone) => {
      for (const { card, seq } of unlinked) alone(() => cards.unlinked(card, seq))
    },
    // Rows after the sets that changed them: nobody is shown a payment of an order that he has not got.
    ({ shopId }, { orders }) => paymentBook.changed(shopId, orders.ids),
    // Payments last: nobody waits for them, and what they find comes back as sets of their own.
    (shop, { orders }) => payments.ordersWritten(shop, orders),
  ]
}
