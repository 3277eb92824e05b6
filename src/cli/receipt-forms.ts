/**
 * The receipt of an order in a form that other people's tools verify (PROOFS §8): fetched from the relay, verified, and
 * what does not fit into the file for beside it.
 *
 * Tests: test/e2e/receipts.test.ts
 */

import type { ShopId } from '../brands.js'
import { ClientError } from '../client/client-error.js'
import { bytesFromRelay, type RelayPlace } from '../client/relay-http.js'
import { decodeCheckpoint } from '../proofs/checkpoint-form.js'
import { addReceipt, decodeSignedBinding, logLeafBytes, NoteError, verifyForm } from '../notes/forms.js'
import { receiptVerifier } from '../notes/receipt-facts.js'
import { setDigest } from '../proofs/log-leaf.js'
import { decodeReceipt } from '../proofs/receipt-form.js'

export const RECEIPT_FORMATS = ['cairn', 'tlog-proof', 'cose'] as const
export type ReceiptFormat = (typeof RECEIPT_FORMATS)[number]

interface FormedReceipt {
  readonly bytes: Uint8Array
  /** By what is put behind the file's name: .binding, .receipt, .statement. */
  readonly beside: Readonly<Record<string, Uint8Array>>
}

interface FormSource extends RelayPlace {
  readonly shop: ShopId
  /** The relay's addresses, 20 bytes each. */
  readonly relays: readonly Uint8Array[]
}

/** Of a receipt that is verified. Throws ClientError. */
export async function formedReceipt(
  source: FormSource,
  receipt: Uint8Array,
  format: ReceiptFormat,
): Promise<FormedReceipt> {
  if (format === 'cairn') return { bytes: receipt, beside: {} }
  const { Sets, Checkpoint } = decodeReceipt(receipt)
  const { Seq, Header, Signature, StateRoot } = Sets.at(-1)!
  const size = decodeCheckpoint(Checkpoint[0]).Seq
  const binding = await fetched(source, 'note-key')
  if (format === 'tlog-proof') {
    const text = new TextDecoder().decode(await fetched(source, `tlog-proof/${Seq}?at=${size}`))
    const { proof, beside } = addReceipt(text, receipt, decodeSignedBinding(binding))
    const bytes = new TextEncoder().encode(proof)
    return verified(source, { bytes, beside: beside === undefined ? {} : { ...beside } })
  }
  if (size < 2n) throw new ClientError('INVALID', 'a COSE receipt is of a log of two sets or more, this one has one')
  const statement = logLeafBytes({ Seq, Set: setDigest(Header, Signature), StateRoot })
  const bytes = await fetched(source, `cose-receipt/${Seq}?at=${size}`)
  return verified(source, { bytes, beside: { statement, binding } })
}

function verified({ relays }: FormSource, formed: FormedReceipt): FormedReceipt {
  const verdict = judged(() =>
    verifyForm(formed.bytes, { relays, ...formed.beside, verifyReceipt: receiptVerifier({ relays }) }),
  )
  if (verdict.outcome === 'matches') return formed
  throw new ClientError('VERIFICATION_FAILED', `what the relay answers does not match: ${verdict.message}`)
}

function judged<T>(judge: () => T): T {
  try {
    return judge()
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new ClientError('VERIFICATION_FAILED', error.message, { cause: error })
  }
}

function fetched(source: FormSource, what: string): Promise<Uint8Array> {
  return bytesFromRelay(source, `/v5/shops/${source.shop}/${what}`)
}
