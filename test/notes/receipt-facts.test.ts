import { expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { logLeafBytes } from '../../src/notes/forms.js'
import { receiptVerifier } from '../../src/notes/receipt-facts.js'
import { ReceiptError } from '../../src/proofs/receipt-error.js'
import { receiptKat } from '../fixtures/kat-receipts.js'
import { readLogKat } from '../fixtures/log-kat.js'
import { notes } from '../fixtures/note-kat.js'

const relays = [fromHex(receiptKat.log.relay_address)]

test('a receipt’s last set is the statement of its seq, whether or not it has an anchor', () => {
  for (const row of receiptKat.receipts) {
    const [receipt, trust] = receiptCall(receiptKat, row)
    const { last, checkpointSeq, ShopID } = receiptVerifier({ relays: trust.relays })(receipt)
    expect(toHex(logLeafBytes(last))).toBe(notes.statements[Number(last.Seq) - 1])
    expect(checkpointSeq).toBeGreaterThanOrEqual(last.Seq)
    expect(`${ShopID}`).toBe(readLogKat().log.whose.ShopID)
  }
})

test('one that does not verify is refused', () => {
  const [receipt] = receiptCall(receiptKat, receiptKat.receipts[0]!)
  expect(() => receiptVerifier({ relays: [] })(receipt)).toThrow(ReceiptError)
  expect(() =>
    receiptVerifier({ relays })(receipt.map((byte, i) => (i === receipt.length - 1 ? byte ^ 1 : byte))),
  ).toThrow(ReceiptError)
  expect(() => receiptVerifier({ relays }, { Order: 1n })(receipt)).toThrow(ReceiptError)
})
