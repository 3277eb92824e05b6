/**
 * The types of `cairn-relay/client`.
 *
 * Tests: test/client/shop-client.test.ts
 */

export type * from './object-types.js'
export type { Change } from '../patches/patch.js'
export type { PushedSet, VerifiedSet } from './verify.js'
export type { Comparison, Evidence, EvidenceKind } from '../proofs/checkpoint.js'
export type { AddressProblem, Cart, CartLine, CartState, CheckoutOptions } from './cart.js'
export type { ConnectOptions } from './connect-options.js'
export type { ListingsQuery } from './listings-query.js'
export type { ListState, Live, LiveList, LiveState, Verified } from './live.js'
export type { Currency, Money } from './money.js'
export type { OddPayment, OrderWords } from './order-words.js'
export type { Part } from './parts.js'
export type { Item, Quote, QuoteLine, QuoteProblem, QuoteProblemCode, QuoteStep } from './quote.js'
export type { ReplicaStore } from './kept-replica.js'
export type { ConnectionState } from './relay-link.js'
export type { LiveOrder, LiveOutbox, Orders, ReceiptOptions } from './shop-objects.js'
export type { ChoiceOptions, NewOrder, PaymentCalls, PaymentChoice, PaymentDue, ShopOrders } from './shop-orders.js'
export type { ShopCard } from './card-list.js'
export type { OrderPayments, PaymentOddity } from './shop-payments.js'
export type { OutboxState, PendingWrite, RefusedWrite } from './outbox.js'
export type { Written } from './shop-writes.js'
export type { ShopChain } from './shop-chain.js'
export type { EthereumProvider } from './rpc-request.js'
export type { RelayGiven } from './relay-address.js'
export type { ChangedTotal, ClientErrorCode } from './client-error.js'
export type { Checked, Diagnosis, Trouble, WatchedView } from './diagnosis.js'
