/**
 * `cairn verify` of a tlog-proof or a COSE receipt (PROOFS §8). What is not in the file stands beside it:
 * FILE.statement, FILE.binding, FILE.receipt.
 *
 * Tests: test/cli/verify-forms.test.ts
 */

import { readFile } from 'node:fs/promises'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { formatRfc3339, LATEST_TIME } from '../codec/time.js'
import { isOf } from '../notes/cosignature.js'
import { verifyForm, type Cosignature, type FormContext, type FormVerdict, type WitnessPolicy } from '../notes/forms.js'
import { receiptVerifier } from '../notes/receipt-facts.js'
import type { ExpectedReceipt } from '../proofs/receipt.js'
import { ReceiptError } from '../proofs/receipt-error.js'
import { OTHER_KEY, type ReportTrust } from '../proofs/receipt-report.js'
import { printable, type Io } from './io.js'
import { NOTHING_SENT } from './receipt-lines.js'

interface Shown {
  readonly outcome: 'matches' | 'unknown-key' | 'newer-format' | 'no-statement' | 'does-not-match' | 'not-a-receipt'
  readonly exitCode: number
  readonly sentence: string
  readonly reason?: string
  readonly details?: Readonly<Record<string, string>>
  /** Where witnesses were named: those that cosigned, with their times. */
  readonly cosignatures?: readonly { readonly witness: string; readonly time: string }[] | undefined
  readonly notChecked?: readonly string[]
}

interface Given {
  readonly trust: ReportTrust
  readonly expected: ExpectedReceipt
  readonly witnesses: WitnessPolicy | undefined
  readonly json: boolean
}

/** What stands beside a form. */
type Beside = Pick<FormContext, 'binding' | 'statement' | 'receipt'>

/** Prints what a form shows with what stands beside it; returns the exit code. */
export function formReport(received: Uint8Array, beside: Beside, given: Given, { out }: Pick<Io, 'out'>): number {
  const { trust, expected, witnesses } = given
  const context = { ...beside, relays: trust.relays, witnesses, verifyReceipt: receiptVerifier(trust, expected) }
  const shown = judged(() => verifyForm(received, context), witnesses)
  if (given.json) out(JSON.stringify({ kind: 'form', ...shown }))
  else for (const line of linesOf(shown)) out(line)
  return shown.exitCode
}

/** What stands beside the file at `path`. */
export async function readBeside(path: string): Promise<Beside> {
  const [binding, statement, receipt] = await Promise.all(
    ['binding', 'statement', 'receipt'].map((kind) => readIfThere(`${path}.${kind}`)),
  )
  return { binding, statement, receipt }
}

/** Undefined where there is no such file. */
async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function judged(verify: () => FormVerdict, witnesses: WitnessPolicy | undefined): Shown {
  try {
    return shownOf(verify(), witnesses)
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error
    const reason = `the order receipt: ${error.message}${error.code === 'relay' ? `. ${OTHER_KEY}` : ''}`
    if (error.code === 'version')
      return { outcome: 'newer-format', exitCode: 3, sentence: 'Cannot say: newer format.', reason }
    return { outcome: 'does-not-match', exitCode: 1, sentence: 'Does not match.', reason }
  }
}

const CANNOT_SAY = {
  'unknown-key': 'Cannot say: unknown shop key.',
  'newer-format': 'Cannot say: newer format.',
  'no-statement': 'Cannot say: what it is a proof of is not here.',
} as const

function shownOf(verdict: FormVerdict, witnesses: WitnessPolicy | undefined): Shown {
  if (verdict.outcome === 'cannot-say') {
    const { why, message } = verdict
    return { outcome: why, exitCode: 3, sentence: CANNOT_SAY[why], reason: message }
  }
  if (verdict.outcome !== 'matches') {
    const reason = verdict.code === 'signer' ? `${verdict.message}. ${OTHER_KEY}` : verdict.message
    if (verdict.outcome === 'unreadable')
      return { outcome: 'not-a-receipt', exitCode: 2, sentence: 'Not a receipt.', reason }
    return { outcome: 'does-not-match', exitCode: 1, sentence: 'Does not match.', reason }
  }
  return matching(verdict, witnesses)
}

function matching(verdict: Extract<FormVerdict, { outcome: 'matches' }>, witnesses: WitnessPolicy | undefined): Shown {
  const { what, form, seq, size, sizeProven, root, binding, note, cosignatures } = verdict
  const { fields } = binding
  const sentence =
    what === 'order'
      ? "Matches: the order is as the shop's relay signed it, and its last set is in the log."
      : 'Matches: this set is in the log. Nothing is said of an order.'
  const details = {
    form,
    origin: fields.Origin,
    shop: `${fields.ShopID}`,
    registry: prefixedHex(fields.Registry),
    set: `${seq}`,
    [sizeProven ? 'log' : 'log, as the receipt says']: `${size} sets`,
    root: toHex(root),
    ...(cosignatures && { witnesses: `${cosignatures.length} of the ${witnesses!.known.length} named cosigned` }),
  }
  const others = note?.others.filter((line) => !witnesses?.known.some((witness) => isOf(witness, line))).length ?? 0
  const notChecked = [
    ...(others > 0 ? [`cosignatures of ${others} witnesses that were not named (--witness)`] : []),
    ...(what === 'order' ? ['whether anything was delivered'] : []),
  ]
  return { outcome: 'matches', exitCode: 0, sentence, details, cosignatures: cosignatures?.map(told), notChecked }
}

function told({ witness, time }: Cosignature): { readonly witness: string; readonly time: string } {
  return { witness: witness.name, time: time > LATEST_TIME ? `second ${time}` : formatRfc3339(time) }
}

function linesOf({ sentence, reason, details = {}, cosignatures = [], notChecked = [] }: Shown): string[] {
  return [
    sentence,
    ...(reason === undefined ? [] : [printable(`  ${reason}.`)]),
    ...Object.entries(details).map(([name, value]) => printable(`  ${name}: ${value}`)),
    ...cosignatures.map(({ witness, time }) => printable(`    ${witness}, ${time}`)),
    ...(notChecked.length === 0 ? [] : ['', `Not checked: ${notChecked.join('; ')}.`]),
    '',
    NOTHING_SENT,
  ]
}
