/** The six outcomes, and a receipt in words. */

import { describe, expect, test } from 'vitest'
import { concatBytes, toBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { RECEIPT_BYTES_MAX, RECEIPT_ITEMS_MAX } from '../../src/limits.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import {
  amountText,
  receiptReport,
  receiptText,
  verifyReceipt,
  type ReceiptOutcome,
  type ReportTrust,
} from '../../src/proofs/receipt.js'
import { receiptKat } from '../fixtures/kat-receipts.js'

/** A map of a field with so many bytes of small items, and the version. */
function crowded(items: number, item: number): Uint8Array {
  const head = [0xa2, 0x64, ...utf8('Sets'), 0x9a, ...toBigEndian(BigInt(items), 4)]
  return concatBytes(
    Uint8Array.from(head),
    new Uint8Array(items).fill(item),
    Uint8Array.from([0x67, ...utf8('Version'), 1]),
  )
}

const accepted = (i: number) => receiptCall(receiptKat, receiptKat.receipts[i]!)
const refused = (name: string) => {
  const row = receiptKat.receipts_refused.find((one) => one.name === name)
  if (row === undefined) throw new Error(`no row ${name}`)
  return receiptCall(receiptKat, row)[0]
}
const [paid, trust] = accepted(0)
const [converted] = accepted(1)
const { relays } = trust
const nobody: ReportTrust = { relays: [] }

describe('the outcome', () => {
  test.each([0x00, 0x40, 0x80])('of a file of nothing but small items (%i) comes at once', (item) => {
    const bytes = crowded(RECEIPT_BYTES_MAX - 32, item)
    const before = process.memoryUsage().rss
    const { outcome, reason } = receiptReport(bytes, trust)
    expect([outcome, reason]).toEqual(['not-a-receipt', `Receipt: more than ${RECEIPT_ITEMS_MAX} items`])
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000)
  })

  test.each<[ReceiptOutcome, number, string, Uint8Array, ReportTrust]>([
    ['matches', 0, 'an anchor in a registry that was named', converted, trust],
    ['matches-not-anchored', 0, 'no anchor', paid, trust],
    ['matches-not-anchored', 0, 'an anchor in a registry that nobody named', converted, { relays }],
    ['unknown-key', 3, 'no address', paid, nobody],
    ['unknown-key', 3, 'no address, and a relay that changed its key', accepted(3)[0], nobody],
    ['newer-format', 3, 'another version', refused('version 2'), trust],
    ['newer-format', 3, 'another version, no address', refused('version 2'), nobody],
    ['does-not-match', 1, 'another relay', paid, { relays: [new Uint8Array(20)] }],
    ['does-not-match', 1, 'an anchor in another registry', converted, { ...trust, registries: [] }],
    ['does-not-match', 1, 'a forged total', refused('set 1 left out'), trust],
    ['does-not-match', 1, 'a forged one, no address', refused("a set's StateRoot changed"), nobody],
    ['not-a-receipt', 2, 'a field too many', refused('unknown field'), trust],
    ['not-a-receipt', 2, 'nothing', new Uint8Array(0), trust],
    ['not-a-receipt', 2, 'nothing, no address', new Uint8Array(0), nobody],
  ])('%s (%i): %s', (outcome, exitCode, _why, bytes, trust) => {
    const report = receiptReport(bytes, trust)
    expect([report.outcome, report.exitCode]).toEqual([outcome, exitCode])
    expect(report.receipt !== undefined).toBe(exitCode === 0 || (outcome === 'unknown-key' && bytes === paid))
  })

  test('every refused known answer is none that matches, with and without an address', () => {
    for (const row of receiptKat.receipts_refused) {
      const [bytes, { relays, registries }, expected] = receiptCall(receiptKat, row)
      for (const known of [relays, []])
        expect([row.name, receiptReport(bytes, { relays: known, registries }, expected).exitCode]).not.toEqual([
          row.name,
          0,
        ])
    }
  })

  test('of a refused file is told in everyday words, the reason beside them', () => {
    for (const row of receiptKat.receipts_refused) {
      const [bytes, { relays, registries }, expected] = receiptCall(receiptKat, row)
      const { outcome, meaning, reason } = receiptReport(bytes, { relays, registries }, expected)
      if (outcome === 'newer-format' || outcome === 'unknown-key') continue
      expect([row.name, meaning]).toEqual([row.name, expect.stringMatching(/^(?:[A-Z][^.]+\.(?: |$))+/u)])
      expect(meaning, row.name).not.toMatch(/0x|CBOR|byte|Sets|Seq|undefined/u)
      expect(reason, row.name).toBeDefined()
    }
    expect(receiptReport(paid.subarray(0, 900), trust)).toMatchObject({
      meaning: expect.stringContaining('cut short on its way'),
      reason: expect.stringMatching(/^Receipt: /u),
    })
    const other = receiptReport(paid, { relays: [new Uint8Array(20)] })
    expect(other.meaning).toContain('name all of them.')
    expect(other.reason).not.toContain('name all of them')
    expect(receiptReport(paid, trust).meaning).toBeUndefined()
  })

  test('says what was not checked, and what to do about an unknown key', () => {
    expect(receiptReport(converted, trust).notChecked).toContain('the anchor on chain')
    expect(receiptReport(paid, trust).notChecked).toContain('whether anything was delivered')
    const { reason, notChecked } = receiptReport(paid, nobody)
    expect(reason).toContain(`signed by 0x${receiptKat.log.relay_address}. Ask the shop`)
    expect(notChecked[0]).toBe("whether the shop's relay signed it")
    expect(receiptReport(refused('version 2'), trust).reason).toContain('Take a newer version')
  })
})

describe('in words', () => {
  test('a paid order', () => {
    const { facts, items, total, address, steps } = receiptText(verifyReceipt(...accepted(0)))
    expect(facts.slice(0, 2)).toEqual([
      ['Order', receiptKat.receipts[0]!.order],
      ['State', 'Paid'],
    ])
    expect(facts.find(([name]) => name === 'Anchor')).toEqual(['Anchor', 'none in this file'])
    // What was chosen is called as the shop shows it, not as it names it: blue.
    expect(items).toEqual([
      { quantity: '4', title: 'rug (listing 183110769859713), 机' },
      { quantity: '8', title: 'Stuhl (listing 42274457022913)' },
    ])
    expect(total[0]).toEqual(['Total', '0.000000000007202933 ETH on chain 1'])
    expect(total[1]![0]).toBe('Recomputed')
    expect(address).toContain('3000 Basel')
    expect(steps.map(({ changes }) => changes)).toEqual([
      'order added',
      'items, shipping address',
      'items, shipping address',
      'state Committed, payee chosen, currency chosen, state PaymentChosen',
      'payment asked, state Unpaid',
      'payment seen, state Paid',
    ])
    expect(steps[2]!.signer).toMatch(/^account 0x1aa06a7c7e7e82bab62fb0b58c380fe1d12036e1, card 0x/u)
    expect(steps.at(-1)).toMatchObject({ seq: '20', time: '2026-01-17T10:16:58Z', signer: 'the relay' })
  })

  test('one whose rate is the relay’s word, with an anchor that nobody looked for', () => {
    const { facts, total } = receiptText(verifyReceipt(...accepted(1)))
    expect(total.map(([name]) => name)).toEqual(['Total', 'Priced', 'Rate', 'Shipping region'])
    expect(total[2]![1]).toBe('taken from the relay')
    expect(facts.at(-1)![1]).toMatch(/^anchor not checked: transaction 0x/u)
  })

  test('an open one names listings by their ids', () => {
    const { items, total } = receiptText(verifyReceipt(...accepted(2)))
    expect([items, total]).toEqual([[{ quantity: '8', title: 'listing 42274457022913' }], []])
  })

  test.each([
    [0n, '0'],
    [1n, '0.000000000000000001'],
    [10n ** 18n, '1'],
    [1_500_000_000_000_000_000n, '1.5'],
    [2n ** 255n, '57896044618658097711785492504343953926634992332820282019728.792003956564819968'],
  ])('%i wei', (amount, text) => {
    const native = { ChainID: 1n, Address: new Uint8Array(20) }
    expect(amountText(amount, native)).toBe(`${text} ETH on chain 1`)
    expect(amountText(amount, { ...native, ChainID: 99n })).toBe(`${text} coin of chain 99`)
    const token = { ChainID: 5n, Address: fromHex('11'.repeat(20)) }
    expect(amountText(amount, token)).toBe(`${amount} smallest units of token 0x${'11'.repeat(20)} on chain 5`)
  })
})
