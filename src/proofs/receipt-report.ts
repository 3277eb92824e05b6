/**
 * What a person is told of a file that may be an order receipt: one of six outcomes, what it means, the reason, then
 * what was not checked. The page and the command say the same words.
 *
 * Tests: test/proofs/receipt-report.test.ts
 */

import { isAllZero } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { decodeReceipt, type Receipt } from './receipt-form.js'
import { ReceiptError, type ReceiptErrorCode } from './receipt-error.js'
import {
  addressNamedByReceipt,
  verifyReceipt,
  type ExpectedReceipt,
  type ReceiptTrust,
  type VerifiedReceipt,
} from './receipt-verifier.js'

/** What a check of a receipt ends in; `receiptReport` has a sentence for each. */
export type ReceiptOutcome = keyof typeof OUTCOMES

const OUTCOMES = {
  matches: "Matches: the order is as the shop's relay signed it, and nothing of its history is missing.",
  'matches-not-anchored':
    "Matches, not yet anchored: the order is as the shop's relay signed it, and nothing of its history is missing.",
  'unknown-key': 'Cannot say: unknown shop key.',
  'newer-format': 'Cannot say: newer format.',
  'does-not-match': 'Does not match.',
  'not-a-receipt': 'Not a receipt.',
} as const

/** Exit codes of a check: 0 matches, 1 does not match, 2 unreadable, 3 cannot decide. */
const EXIT_CODES: Readonly<Record<ReceiptOutcome, number>> = {
  matches: 0,
  'matches-not-anchored': 0,
  'does-not-match': 1,
  'not-a-receipt': 2,
  'unknown-key': 3,
  'newer-format': 3,
}

/** What the caller knows by itself; registries left out: none was named, and an anchor counts for nothing. */
export interface ReportTrust {
  readonly relays: readonly Uint8Array[]
  readonly registries?: ReceiptTrust['registries'] | undefined
}

/** What a check of a receipt found, for people and programs. */
export interface ReceiptReport {
  readonly outcome: ReceiptOutcome
  readonly exitCode: number
  /** The outcome as a sentence. */
  readonly sentence: string
  /** What that means for who holds the file, and what to do; undefined where sentence and reason say it. */
  readonly meaning?: string | undefined
  /** Why, and what now; where it matches, why its Anchor is none yet, else undefined. */
  readonly reason: string | undefined
  /** What it proves where it matches; what it says of itself, and anybody could write, where its key is unknown. */
  readonly receipt: VerifiedReceipt | undefined
  readonly notChecked: readonly string[]
}

/**
 * What is to be told of bytes, whatever they are.
 *
 * @example
 * ```ts
 * import { receiptReport } from 'cairn-relay/receipt'
 *
 * const { outcome, exitCode } = receiptReport(Uint8Array.of(0xa0), { relays: [new Uint8Array(20)] })
 * console.log(outcome, exitCode) // not-a-receipt 2
 * ```
 */
export function receiptReport(received: Uint8Array, trust: ReportTrust, expected: ExpectedReceipt = {}): ReceiptReport {
  try {
    const registries = registriesFor(decodeReceipt(received), trust)
    if (trust.relays.length === 0) return unknownKey(received, registries, expected)
    const receipt = verifyReceipt(received, { relays: trust.relays, registries }, expected)
    const isNamed = trust.registries !== undefined
    const notChecked = [...anchorWords(receipt, isNamed), ...NOT_CHECKED]
    if (receipt.anchor === undefined || !isNamed) return notAnchored(receipt, notChecked)
    const { sentence, ...report } = reportOf('matches', { receipt, notChecked })
    return { ...report, sentence: sentence.replace(/\.$/u, '; anchor not checked.') }
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error
    return refused(error)
  }
}

/** A relay without a registry, as in development, anchors nothing: there is nothing to wait for. */
function notAnchored(receipt: VerifiedReceipt, notChecked: readonly string[]): ReceiptReport {
  const report = reportOf('matches-not-anchored', { receipt, notChecked })
  const isWithout = receipt.anchor === undefined && isAllZero(receipt.whose.Registry)
  return isWithout ? { ...report, sentence: report.sentence.replace(', not yet anchored', WITHOUT_CHAIN) } : report
}

const WITHOUT_CHAIN = '; this relay has no chain'

/** What a chain says of the Anchor of a receipt, by whoever asked it. */
export type AnchorFinding =
  | { readonly outcome: 'found' }
  /** It may still come: in no block, or not deep enough. */
  | { readonly outcome: 'not yet'; readonly reason: string }
  /** Nothing of that kind is where the receipt says. */
  | { readonly outcome: 'other'; readonly reason: string }

/** The report of a receipt with an Anchor that was looked for; the same one where that is nothing to it. */
export function reportWithAnchor(report: ReceiptReport, finding: AnchorFinding): ReceiptReport {
  const { receipt } = report
  if (report.exitCode !== 0 || receipt?.anchor === undefined) return report
  const { claim } = receipt.anchor
  if (finding.outcome === 'other') return otherAnchor(finding.reason)
  if (finding.outcome === 'not yet') {
    const anchor = { claim, status: 'not yet anchored' } as const
    const rest = { receipt: { ...receipt, anchor }, notChecked: NOT_CHECKED }
    return reportOf('matches-not-anchored', { ...rest, reason: `its anchor: ${finding.reason}` })
  }
  const anchored = { ...receipt, anchor: { claim, status: 'anchored' as const } }
  const { sentence, ...found } = reportOf('matches', { receipt: anchored, notChecked: NOT_CHECKED })
  return { ...found, sentence: sentence.replace('Matches: ', 'Matches, anchored: ') }
}

function otherAnchor(found: string): ReceiptReport {
  return reportOf('does-not-match', { meaning: MEANINGS.anchor, reason: `Anchor: ${found}` })
}

/** Those that were named; where none was, the receipt's own, and then its anchor counts for nothing. */
export function registriesFor({ Anchor }: Receipt, { registries }: ReportTrust): ReceiptTrust['registries'] {
  return registries ?? (Anchor === undefined ? [] : [[Anchor.ChainID, Anchor.Contract]])
}

const NOT_CHECKED: readonly string[] = ['whether anything was delivered', 'what changed after this time']

/** What the file says where nobody names the relay's address: whether its parts agree, under the key that it names. */
function unknownKey(
  received: Uint8Array,
  registries: ReceiptTrust['registries'],
  expected: ExpectedReceipt,
): ReceiptReport {
  const address = addressNamedByReceipt(received)
  const named = address === undefined ? 'no key' : prefixedHex(address)
  const reason = `it is signed by ${named}. Ask the shop for the address of its relay, and compare it`
  const notChecked = ["whether the shop's relay signed it", ...NOT_CHECKED]
  try {
    const relays = address === undefined ? [] : [address]
    const receipt = verifyReceipt(received, { relays, registries }, expected)
    return reportOf('unknown-key', { reason, receipt, notChecked })
  } catch (error) {
    // Sets may be signed by an older key of the relay, which nobody named either.
    if (!(error instanceof ReceiptError) || !KEY_MATTERS.includes(error.code)) throw error
    return reportOf('unknown-key', { reason, notChecked })
  }
}

const KEY_MATTERS: readonly string[] = ['signer', 'relay', 'checkpoint']

function anchorWords({ anchor }: VerifiedReceipt, isKnown: boolean): string[] {
  if (anchor === undefined) return []
  return [isKnown ? 'the anchor on chain' : 'the anchor on chain, in a registry that was not named here']
}

function refused(error: ReceiptError): ReceiptReport {
  const { code, message } = error
  if (code === 'version')
    return reportOf('newer-format', { reason: `${message}. Take a newer version of this program, and try again` })
  if (code === 'form') return reportOf('not-a-receipt', { meaning: NO_RECEIPT, reason: message })
  const meaning = code === 'relay' ? `${OTHER_KEY}.` : MEANINGS[code]
  return reportOf('does-not-match', { meaning, reason: message })
}

const NO_RECEIPT =
  'The file is no order receipt, or not a whole one: it may have been cut short on its way, or changed by a program. ' +
  'Get it once more from the shop, or from whoever sent it, and open that one.'
const NOT_TO_RELY_ON = 'Do not rely on this file: get the receipt once more from the shop.'

const CHANGED =
  'What stands in the file is not what the relay signed: something in it was changed or damaged. ' + NOT_TO_RELY_ON
const OTHER_STEPS =
  'Steps of the order are missing from the file, or stand in it that are not of this order. ' + NOT_TO_RELY_ON
const OTHER_SIGNER = `A step of the order is signed by somebody who had no right to it. ${NOT_TO_RELY_ON}`
const OTHER_PRICES = `The prices in the file do not lead to the amount that was asked. ${NOT_TO_RELY_ON}`

/** By what is found out first: of one that was changed much else may be wrong too. */
const MEANINGS: Readonly<Record<Exclude<ReceiptErrorCode, 'form' | 'version' | 'relay'>, string>> = {
  checkpoint: CHANGED,
  last: CHANGED,
  expected: 'This is the receipt of another order, or of another shop, than the one that was asked about.',
  'set-order': OTHER_STEPS,
  set: CHANGED,
  patch: CHANGED,
  log: CHANGED,
  trail: OTHER_STEPS,
  signer: OTHER_SIGNER,
  'two-guests': OTHER_SIGNER,
  state: CHANGED,
  absent: `When the relay signed it, the shop had no such order. ${NOT_TO_RELY_ON}`,
  rule: `A step of the order is one that no relay takes. ${NOT_TO_RELY_ON}`,
  value: OTHER_STEPS,
  'payment-set': OTHER_PRICES,
  listings: OTHER_PRICES,
  total: OTHER_PRICES,
  anchor: 'What the file says of its entry on a chain is not so, or that is a place which you did not name.',
}

/** A signature tells its key: of changed bytes it leads to some other one, so that nobody can tell the two apart. */
export const OTHER_KEY =
  'Either another key signed it, or it was changed. If the relay had several keys, name all of them'

function reportOf(
  outcome: ReceiptOutcome,
  rest: Partial<Pick<ReceiptReport, 'meaning' | 'reason' | 'receipt' | 'notChecked'>>,
): ReceiptReport {
  const { meaning, reason, receipt, notChecked = [] } = rest
  const told = { outcome, exitCode: EXIT_CODES[outcome], sentence: OUTCOMES[outcome] }
  return { ...told, ...(meaning !== undefined && { meaning }), reason, receipt, notChecked }
}
