/**
 * What the relay saw of payments, as rows of the store: each with its order, amount and transaction, for ever (PROTOCOL
 * §11). A row's key is where the payment stands on its chain, so that the same log delivered twice is one row.
 *
 * Tests: test/relay/payments/payment-outcome.test.ts
 */

import type { Amount, ChainId, ListingId, OrderId, Seconds, ShopId } from '../../brands.js'
import { be64, concatBytes, fromBigEndian, toBigEndian } from '../../bytes/bytes.js'
import { decodeChecked } from '../../codec/decode-checked.js'
import { encode } from '../../codec/encode.js'
import type { PaymentRow } from '../../store/store.js'

/** `made`: PaymentMade of the contract; `held`: what the payment's own address holds, as far as was seen. */
export type PaymentRecordKind = 'made' | 'held'

/**
 * paid: it made its order Paid · partial: too little so far · late: the order had ended · extra: the order was Paid
 * already · moved: no new money, the contract took what the address held
 */
export type PaymentEffect = 'paid' | 'partial' | 'late' | 'extra' | 'moved'

export interface PaymentRecord {
  readonly kind: PaymentRecordKind
  readonly orderId: OrderId
  readonly chainId: ChainId
  /** 32 bytes. */
  readonly paymentId: Uint8Array
  /** All that came, in the smallest unit of the payment's currency; 0 for what was only moved. */
  readonly amount: Amount
  /** `held`: what the address held when it was last looked at, less than `amount` once the contract took from it. */
  readonly balance?: Amount | undefined
  /** `held`: of what came, what its token took back: gone from the address, and not by the contract. */
  readonly fell?: Amount | undefined
  readonly effect: PaymentEffect
  readonly blockNumber: bigint
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  /** 32 bytes, where one transaction is known. */
  readonly txHash?: Uint8Array | undefined
  readonly logIndex?: number | undefined
  /** When the relay saw it, seconds. */
  readonly seenAt: Seconds
  /** Its block is no longer on the chain. */
  readonly reorged: boolean
}

/** Pieces that a paid order wanted and the stock did not have. */
export interface Shortfall {
  readonly orderId: OrderId
  readonly missing: readonly {
    readonly listingId: ListingId
    readonly variations: readonly string[]
    readonly pieces: bigint
  }[]
}

const KIND = { made: 1, held: 2, shortfall: 3 } as const
const EFFECTS: readonly PaymentEffect[] = ['paid', 'partial', 'late', 'extra', 'moved']

type StoredRecord = [
  paymentId: Uint8Array,
  amount: Amount,
  effect: bigint,
  blockNumber: bigint,
  blockHash: Uint8Array,
  txHash: Uint8Array | null,
  seenAt: Seconds,
  reorged: boolean,
  balance: Amount | null,
  // Rows without it end here.
  fell?: Amount,
]

export function paymentRecordRow(shopId: ShopId, record: PaymentRecord): PaymentRow {
  const { kind, orderId, chainId, paymentId, amount, effect, blockNumber, blockHash, seenAt, reorged } = record
  const { fell = 0n } = record
  const place =
    kind === 'made' ? concatBytes(record.txHash!, toBigEndian(BigInt(record.logIndex!), 4)) : record.paymentId
  const value = [
    paymentId,
    amount,
    BigInt(EFFECTS.indexOf(effect)),
    blockNumber,
    blockHash,
    record.txHash ?? null,
    seenAt,
    reorged,
    record.balance ?? null,
    ...(fell > 0n ? [fell] : []),
  ]
  return {
    shopId,
    key: concatBytes(be64(orderId), Uint8Array.of(KIND[kind]), be64(chainId), place),
    value: encode(value),
  }
}

export function shortfallRow(shopId: ShopId, { orderId, missing }: Shortfall): PaymentRow {
  const value = missing.map(({ listingId, variations, pieces }) => [listingId, [...variations], pieces])
  return { shopId, key: concatBytes(be64(orderId), Uint8Array.of(KIND.shortfall)), value: encode(value) }
}

/** What stands before the keys of an order's rows. */
export function orderPrefix(orderId: OrderId): Uint8Array {
  return be64(orderId)
}

export function paymentRecordsIn(rows: readonly PaymentRow[]): PaymentRecord[] {
  return rows.filter(({ key }) => key[8] !== KIND.shortfall).map(readPaymentRecord)
}

export function shortfallsIn(rows: readonly PaymentRow[]): Shortfall[] {
  return rows.filter(({ key }) => key[8] === KIND.shortfall).map(readShortfall)
}

function readPaymentRecord({ key, value }: PaymentRow): PaymentRecord {
  const kind = key[8] === KIND.made ? 'made' : 'held'
  const [paymentId, amount, effect, blockNumber, blockHash, txHash, seenAt, reorged, balance, fell] = decodeChecked(
    value,
  ) as unknown as StoredRecord
  return {
    kind,
    orderId: fromBigEndian(key.subarray(0, 8)),
    chainId: fromBigEndian(key.subarray(9, 17)),
    paymentId,
    amount,
    balance: balance ?? undefined,
    ...(fell !== undefined && { fell }),
    effect: EFFECTS[Number(effect)]!,
    blockNumber,
    blockHash,
    txHash: txHash ?? undefined,
    logIndex: kind === 'made' ? Number(fromBigEndian(key.subarray(49, 53))) : undefined,
    seenAt,
    reorged,
  }
}

function readShortfall({ key, value }: PaymentRow): Shortfall {
  const missing = decodeChecked(value) as unknown as [ListingId, string[], bigint][]
  return {
    orderId: fromBigEndian(key.subarray(0, 8)),
    missing: missing.map(([listingId, variations, pieces]) => ({ listingId, variations, pieces })),
  }
}
