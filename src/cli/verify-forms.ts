/**
 * `cairn verify` of a tlog-proof or a COSE receipt (PROOFS §8). What is not in the file stands beside it:
 * FILE.statement, FILE.binding, FILE.receipt.
 *
 * Tests: test/cli/verify-forms.test.ts
 */

import { readFile } from 'node:fs/promises'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { verifyForm, type FormVerdict } from '../notes/forms.js'
import { receiptVerifier } from '../notes/receipt-facts.js'
import type { ExpectedReceipt } from '../proofs/receipt.js'
import { ReceiptError } from '../proofs/receipt-error.js'
import type { ReportTrust } from '../proofs/receipt-report.js'
import { printable, type Io } from './io.js'
import { NOTHING_SENT } from './receipt-lines.js'

interface Shown {
  readonly outcome: 'matches' | 'unknown-key' | 'newer-format' | 'no-statement' | 'does-not-match' | 'not-a-receipt'
  readonly exitCode: number
  readonly sentence: string
  readonly reason?: string
  readonly details?: Readonly<Record<string, string>>
  readonly notChecked?: readonly string[]
}

/** Prints what the file at `path` shows; resolves with the exit code. */
export async function formReport(
  received: Uint8Array,
  path: string,
  given: { readonly trust: ReportTrust; readonly expected: ExpectedReceipt; readonly json: boolean },
  { out }: Pick<Io, 'out'>,
): Promise<number> {
  const [binding, statement, receipt] = await Promise.all(
    ['binding', 'statement', 'receipt'].map((kind) => readBeside(`${path}.${kind}`)),
  )
  const shown = judged(() =>
    verifyForm(received, {
      relays: given.trust.relays,
      binding,
      statement,
      receipt,
      verifyReceipt: receiptVerifier(given.trust, given.expected),
    }),
  )
  if (given.json) out(JSON.stringify({ kind: 'form', ...shown }))
  else for (const line of linesOf(shown)) out(line)
  return shown.exitCode
}

/** Undefined where there is no such file. */
async function readBeside(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function judged(verify: () => FormVerdict): Shown {
  try {
    return shownOf(verify())
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error
    const reason = `the order receipt: ${error.message}`
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

function shownOf(verdict: FormVerdict): Shown {
  if (verdict.outcome === 'cannot-say') {
    const { why, message } = verdict
    return { outcome: why, exitCode: 3, sentence: CANNOT_SAY[why], reason: message }
  }
  if (verdict.outcome !== 'matches') {
    const reason = verdict.message
    if (verdict.outcome === 'unreadable')
      return { outcome: 'not-a-receipt', exitCode: 2, sentence: 'Not a receipt.', reason }
    return { outcome: 'does-not-match', exitCode: 1, sentence: 'Does not match.', reason }
  }
  const { what, form, seq, size, sizeProven, root, binding } = verdict
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
  }
  const notChecked = ['cosignatures of witnesses', ...(what === 'order' ? ['whether anything was delivered'] : [])]
  return { outcome: 'matches', exitCode: 0, sentence, details, notChecked }
}

function linesOf({ sentence, reason, details = {}, notChecked = [] }: Shown): string[] {
  return [
    sentence,
    ...(reason === undefined ? [] : [printable(`  ${reason}.`)]),
    ...Object.entries(details).map(([name, value]) => printable(`  ${name}: ${value}`)),
    ...(notChecked.length === 0 ? [] : ['', `Not checked: ${notChecked.join('; ')}.`]),
    '',
    NOTHING_SENT,
  ]
}
