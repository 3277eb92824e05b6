/**
 * A receipt's report as lines for a terminal, and as JSON for a program.
 *
 * Tests: test/cli/verify.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'
import { formatRfc3339 } from '../codec/time.js'
import type { VerifiedReceipt } from '../proofs/receipt.js'
import type { ReceiptReport } from '../proofs/receipt-report.js'
import { receiptText } from '../proofs/receipt-text.js'
import { printable } from './io.js'

export const NOTHING_SENT = 'Checked here, nothing was sent.'

const CHAIN_ASKED = 'Checked here; a chain was asked.'

/** The outcome first, details after it, then what was not checked. */
export function receiptLines(
  { sentence, meaning, reason, receipt, notChecked, outcome }: ReceiptReport,
  { isOffline = true }: { readonly isOffline?: boolean } = {},
): string[] {
  const lines = [sentence]
  if (meaning !== undefined) lines.push(`  ${meaning}`)
  if (reason !== undefined) lines.push(printable(`  ${meaning === undefined ? '' : 'In detail: '}${reason}.`))
  if (receipt !== undefined) {
    if (outcome === 'unknown-key') lines.push('', 'What the file says, and anybody could have written:')
    lines.push('', ...detailLines(receipt))
  }
  if (notChecked.length > 0) lines.push('', `Not checked: ${notChecked.join('; ')}.`)
  lines.push('', isOffline ? NOTHING_SENT : CHAIN_ASKED)
  return lines
}

function detailLines(receipt: VerifiedReceipt): string[] {
  const { facts, items, total, address, steps } = receiptText(receipt)
  const row = ([name, value]: readonly [string, string]) => `${`${name}:`.padEnd(LABEL_CHARS)}${value}`
  return [
    ...facts.map(row),
    ...items.map(({ quantity, title }) => row(['Item', `${quantity} × ${title}`])),
    ...total.map(row),
    ...(address.length === 0 ? [] : [row(['Address', address.join(', ')])]),
    'History:',
    ...steps.map(({ seq, time, signer, changes }) => `  set ${seq}, ${time}: ${changes}; signed by ${signer}`),
  ].map(printable)
}

const LABEL_CHARS = 17

/** Integers as decimal texts, bytes as 0x and hexadecimal, times as RFC 3339. */
export function receiptJson({
  outcome,
  exitCode,
  sentence,
  meaning,
  reason,
  receipt,
  notChecked,
}: ReceiptReport): object {
  const facts = receipt === undefined ? {} : { receipt: factsOf(receipt) }
  const why = { ...(meaning !== undefined && { meaning }), ...(reason !== undefined && { reason }) }
  return { kind: 'receipt', outcome, exitCode, sentence, ...why, notChecked, ...facts }
}

function factsOf({ whose, relay, orderId, order, value, checkpoint, history, total, anchor }: VerifiedReceipt): object {
  return {
    chainId: `${whose.ChainID}`,
    registry: prefixedHex(whose.Registry),
    relayToken: `${whose.Relay}`,
    relay: prefixedHex(relay),
    shopId: `${whose.ShopID}`,
    orderId: `${orderId}`,
    state: Number(order.State),
    value: prefixedHex(value),
    checkpoint: {
      seq: `${checkpoint.Seq}`,
      time: formatRfc3339(checkpoint.Timestamp.seconds),
      digest: prefixedHex(checkpoint.digest),
    },
    history: history.map(({ seq, timestamp, signer, changes }) => ({
      seq: `${seq}`,
      time: formatRfc3339(timestamp),
      signer: signer === 'relay' ? signer : { card: prefixedHex(signer.card), account: prefixedHex(signer.account) },
      changes: changes.map(({ op, path }) => [op, ...path.map(String)].join(' ')),
    })),
    total: total === undefined ? null : { kind: total.kind, asked: `${total.asked}`, computed: `${total.computed}` },
    anchor: anchor === undefined ? null : { status: anchor.status, tx: prefixedHex(anchor.claim.Tx) },
  }
}
