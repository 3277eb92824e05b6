/**
 * A receipt in words, for a page or a terminal: whose it is, what was ordered, what it costs, who signed each step.
 *
 * Tests: test/proofs/receipt-report.test.ts
 */

import type { Amount, Seconds } from '../brands.js'
import { isAllZero } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { formatRfc3339 } from '../codec/time.js'
import type { Listing } from '../objects/listing.js'
import { nativeName, NATIVE_DECIMALS } from '../objects/native-currency.js'
import type { AddressDetails } from '../objects/order.js'
import { ORDER_STATE_NAMES } from '../objects/order.js'
import type { ChainAddress } from '../objects/scalars.js'
import type { StepSigner } from './receipt-history.js'
import type { ReceiptStep, VerifiedReceipt } from './receipt-verifier.js'

/** A receipt in words. */
export interface ReceiptText {
  /** Name and value, in order. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly items: readonly { readonly quantity: string; readonly title: string }[]
  /** Name and value; none where no payment was asked. */
  readonly total: readonly (readonly [name: string, value: string])[]
  readonly address: readonly string[]
  readonly steps: readonly ReceiptStepText[]
}

/** A step of an order, in words. */
export interface ReceiptStepText {
  /** In decimal. */
  readonly seq: string
  /** RFC 3339, or that none was told. */
  readonly time: string
  readonly signer: string
  readonly changes: string
}

/**
 * The texts of a receipt that was verified.
 *
 * @example
 * ```ts
 * import { receiptReport, receiptText } from 'cairn-relay/receipt'
 *
 * const { sentence, receipt } = receiptReport(Uint8Array.of(0xa0), { relays: [] })
 * console.log(sentence, receipt && receiptText(receipt).total) // Not a receipt. undefined
 * ```
 */
export function receiptText(receipt: VerifiedReceipt): ReceiptText {
  const { order, whose, orderId, relay, checkpoint, history, listings } = receipt
  const isDevelopment = isAllZero(whose.Registry)
  return {
    facts: [
      ['Order', `${orderId}`],
      ['State', ORDER_STATE_NAMES[`${order.State}`]],
      ['Shop', `${whose.ShopID}`],
      [
        'Registry',
        isDevelopment ? 'none: this relay has no chain' : `${prefixedHex(whose.Registry)} on chain ${whose.ChainID}`,
      ],
      ['Relay', `${prefixedHex(relay)}, token ${whose.Relay}`],
      ['Checkpoint', `set ${checkpoint.Seq} of ${formatRfc3339(checkpoint.Timestamp.seconds)}`],
      ['Its digest', prefixedHex(checkpoint.digest)],
      ['Anchor', anchorText(receipt)],
    ],
    items: (order.Items ?? [])
      .filter(({ Quantity }) => Quantity > 0n)
      .map(({ ListingID, VariationIDs = [], Quantity }) => {
        const listing = listings.get(ListingID)
        const name = listing === undefined ? `listing ${ListingID}` : `${listing.Metadata.Title} (listing ${ListingID})`
        const chosen = VariationIDs.map((variation) => variationTitle(listing, variation))
        return { quantity: `${Quantity}`, title: [name, ...chosen].join(', ') }
      }),
    total: totalText(receipt),
    address: addressText(order.ShippingAddress ?? order.InvoiceAddress),
    steps: history.map(stepText),
  }
}

/** As the shop shows it; its name in the shop, where the listing has no such variation. */
function variationTitle(listing: Listing | undefined, name: string): string {
  for (const { Variations } of listing?.Options?.values() ?? []) {
    const found = Variations?.get(name)
    if (found !== undefined) return found.VariationInfo.Title
  }
  return name
}

function anchorText({ anchor, whose }: VerifiedReceipt): string {
  if (anchor === undefined) return isAllZero(whose.Registry) ? 'none: this relay has no chain' : 'none in this file'
  const { Contract, ChainID, Tx } = anchor.claim
  const status = anchor.status === 'not checked' ? 'anchor not checked' : anchor.status
  return `${status}: transaction ${prefixedHex(Tx)} to ${prefixedHex(Contract)} on chain ${ChainID}`
}

/**
 * With its currency: whole units of a native one, the smallest units of a token, whose decimals nobody offline
 * knows.
 *
 * @example
 * ```ts
 * import { amountText } from 'cairn-relay/receipt'
 *
 * const native = { ChainID: 1n, Address: new Uint8Array(20) }
 * console.log(amountText(1_500_000_000_000_000n, native)) // 0.0015 ETH on chain 1
 * ```
 */
export function amountText(amount: Amount, { ChainID, Address }: ChainAddress): string {
  if (!isAllZero(Address)) return `${amount} smallest units of token ${prefixedHex(Address)} on chain ${ChainID}`
  const digits = `${amount}`.padStart(NATIVE_DECIMALS + 1, '0')
  const fraction = digits.slice(-NATIVE_DECIMALS).replace(/0+$/u, '')
  const whole = digits.slice(0, -NATIVE_DECIMALS)
  const text = fraction === '' ? whole : `${whole}.${fraction}`
  return `${text} ${nativeName(ChainID)}`
}

function totalText({ total }: VerifiedReceipt): [string, string][] {
  if (total === undefined) return []
  const { kind, asked, currency, computed, pricingCurrency, region } = total
  const asking: [string, string] = ['Total', amountText(asked, currency)]
  const shipping: [string, string] = ['Shipping region', region]
  if (kind === 'recomputed') return [asking, ['Recomputed', 'yes, from listings, variations and region'], shipping]
  return [asking, ['Priced', amountText(computed, pricingCurrency)], ['Rate', 'taken from the relay'], shipping]
}

function addressText(address: AddressDetails | undefined): string[] {
  if (address === undefined) return []
  const { Name, Address1, Address2, PostalCode, City, Country, EmailAddress, PhoneNumber } = address
  return [Name, Address1, Address2, `${PostalCode} ${City}`, Country, EmailAddress, PhoneNumber].filter(
    (line) => line !== undefined && line !== '',
  ) as string[]
}

function stepText({ seq, timestamp, signer, changes }: ReceiptStep): ReceiptStepText {
  return {
    seq: `${seq}`,
    time: timeText(timestamp),
    signer: signerText(signer),
    changes: [...new Set(changes.map(changeText))].join(', '),
  }
}

/** Existing clients write 1970 into their headers. */
function timeText(timestamp: Seconds): string {
  return timestamp <= 86_400n ? 'no time told' : formatRfc3339(timestamp)
}

function signerText(signer: StepSigner): string {
  if (signer === 'relay') return 'the relay'
  const { card, account } = signer
  const key = prefixedHex(card)
  return isAllZero(account) ? `a guest, card ${key}` : `account ${prefixedHex(account)}, card ${key}`
}

function changeText({ op, path, state }: ReceiptStep['changes'][number]): string {
  if (state !== undefined) return `state ${ORDER_STATE_NAMES[`${state}`]}`
  const [field] = path
  if (field === undefined) return op === 'add' ? 'order added' : `order: ${op}`
  return FIELDS[String(field)] ?? String(field)
}

const FIELDS: Readonly<Record<string, string>> = {
  Items: 'items',
  InvoiceAddress: 'invoice address',
  ShippingAddress: 'shipping address',
  CanceledAt: 'canceled',
  ChosenPayee: 'payee chosen',
  ChosenCurrency: 'currency chosen',
  PaymentDetails: 'payment asked',
  TxDetails: 'payment seen',
}
