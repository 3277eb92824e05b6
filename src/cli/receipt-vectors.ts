/**
 * The sections of a file like state-kat.json that are of order receipts (PROOFS §6): each as the file's own `format`
 * says. Sections that are not there are not asked for. Pure: values in, findings out.
 */

import { fromHex, HexError, toHex } from '../bytes/hex.js'
import {
  ReceiptError,
  verifyReceipt,
  type ExpectedReceipt,
  type ReceiptTrust,
  type VerifiedReceipt,
} from '../proofs/receipt.js'
import { expectEqual, newFindings, VectorFileError, type Findings } from './vector-findings.js'

/** In the order in which they are checked. */
export const RECEIPT_SECTIONS = ['receipts', 'receipts_refused'] as const

interface ReceiptRow {
  readonly name: string
  readonly receipt?: string
  readonly base?: readonly [section: 'receipts', index: number]
  readonly splices?: readonly (readonly [from: number, to: number, hex: string])[]
  readonly relays?: readonly string[]
  readonly registries?: readonly (readonly [chainId: string, registry: string])[]
  readonly expected?: Readonly<Partial<Record<'ChainID' | 'Registry' | 'Relay' | 'ShopID' | 'Order', string>>>
}

interface AcceptedRow extends ReceiptRow {
  readonly order: string
  readonly value: string
  readonly history: readonly (readonly [seq: number, account: string])[]
  readonly total: string | null
  readonly anchored: boolean
}

interface RefusedReceiptRow extends ReceiptRow {
  readonly reason: string
  readonly refused_as: string
}

/** What the sections hold, as far as it is read here. */
export interface ReceiptFile {
  readonly log: {
    readonly whose: Readonly<Record<'ChainID' | 'Registry', string>>
    readonly relay_address: string
  }
  readonly receipts: readonly AcceptedRow[]
  readonly receipts_refused: readonly RefusedReceiptRow[]
}

/** Checks all sections of RECEIPT_SECTIONS that `file` has. Throws VectorFileError where they have another shape. */
export function checkReceiptSections(file: object): Findings {
  const findings = newFindings()
  try {
    for (const section of RECEIPT_SECTIONS)
      if (Object.hasOwn(file, section)) CHECKS[section](file as ReceiptFile, findings)
  } catch (error) {
    const isForm = [TypeError, RangeError, SyntaxError, HexError].some((type) => error instanceof type)
    if (!isForm) throw error
    throw new VectorFileError(`a section is not as its format says: ${(error as Error).message}`, { cause: error })
  }
  return findings
}

/** The row's receipt, and what its caller knows. */
export function receiptCall(
  file: ReceiptFile,
  row: ReceiptRow,
): [bytes: Uint8Array, trust: ReceiptTrust, expected: ExpectedReceipt] {
  const { whose, relay_address } = file.log
  const relays = (row.relays ?? [relay_address]).map(fromHex)
  const registries = (row.registries ?? [[whose.ChainID, whose.Registry] as const]).map(
    ([chain, registry]) => [BigInt(chain), fromHex(registry)] as const,
  )
  const expected = Object.entries(row.expected ?? {}).map(([field, text]) => [
    field,
    field === 'Registry' ? fromHex(text) : BigInt(text),
  ])
  return [receiptBytes(file, row), { relays, registries }, Object.fromEntries(expected) as ExpectedReceipt]
}

const CHECKS: Readonly<Record<(typeof RECEIPT_SECTIONS)[number], (file: ReceiptFile, findings: Findings) => void>> = {
  receipts(file, findings) {
    for (const row of file.receipts) {
      const { order, value, history, total, anchored } = row
      const theirs = JSON.stringify({ order, value, history, total, anchored })
      expectEqual(findings, `receipts: ${row.name}`, theirs, outcome(file, row))
    }
  },
  receipts_refused(file, findings) {
    for (const row of file.receipts_refused) {
      const ours = outcome(file, row)
      const at = `receipts_refused: ${row.name}`
      expectEqual(findings, at, `refused: ${row.reason}`, ours, ours.startsWith('refused'))
    }
  },
}

function outcome(file: ReceiptFile, row: ReceiptRow): string {
  try {
    return shown(verifyReceipt(...receiptCall(file, row)))
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error
    return `refused: ${error.message}`
  }
}

function shown({ orderId, value, history, total, anchor }: VerifiedReceipt): string {
  return JSON.stringify({
    order: String(orderId),
    value: toHex(value),
    history: history.map(({ seq, signer }) => [Number(seq), signer === 'relay' ? signer : toHex(signer.account)]),
    total: total?.kind ?? null,
    anchored: anchor !== undefined,
  })
}

function receiptBytes(file: ReceiptFile, { receipt, base, splices = [] }: ReceiptRow): Uint8Array {
  if (base === undefined) return fromHex(receipt!)
  let hex = toHex(receiptBytes(file, file[base[0]][base[1]]!))
  for (const [from, to, part] of splices.toReversed()) hex = hex.slice(0, 2 * from) + part + hex.slice(2 * to)
  return fromHex(hex)
}
