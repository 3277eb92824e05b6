/** Order receipts (PROOFS §6): the specification's known answers, making, and that nothing of one can be changed. */

import { beforeAll, describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { decodeReceipt, encodeReceipt, type Receipt } from '../../src/proofs/receipt-form.js'
import {
  addressNamedByReceipt,
  makeReceipt,
  ReceiptError,
  receiptSets,
  verifyReceipt,
  type ReceiptErrorCode,
} from '../../src/proofs/receipt.js'
import type { ShopState } from '../../src/state/apply.js'
import { katParts, katStates, receiptKat } from '../fixtures/kat-receipts.js'

const paid = receiptCall(receiptKat, receiptKat.receipts[0]!)
const converted = receiptCall(receiptKat, receiptKat.receipts[1]!)
const open = receiptCall(receiptKat, receiptKat.receipts[2]!)

/** The code that stands for the known answers' own word. */
const CODES: Readonly<Record<string, ReceiptErrorCode>> = {
  trail: 'trail',
  LastSeq: 'trail',
  'patch order': 'patch',
  'seq order': 'set-order',
  'node index': 'log',
  'no sets': 'form',
  'level and manifest: exactly where the payment was asked': 'payment-set',
  'state root': 'payment-set',
  'listing hashes': 'listings',
  'listings of other items': 'listings',
  'relay signature': 'relay',
  'another chain, registry, relay, shop or order than expected': 'expected',
  'a registry that is not known': 'anchor',
  'anchor in another contract': 'anchor',
  'consistency of the anchor': 'anchor',
  'anchor is of another history': 'anchor',
  'of another chain, registry, relay or shop': 'anchor',
  key: 'state',
  'patch of another object': 'state',
  fields: 'form',
  version: 'version',
  encoding: 'form',
  'patch root': 'patch',
  'tree size': 'patch',
  'patch proof': 'patch',
  'set without patches': 'form',
  'signer not a card at that time': 'signer',
  'signer is no card': 'signer',
  total: 'total',
  'only the relay writes this': 'rule',
  'cards of two guests': 'two-guests',
  'patches do not give the value': 'value',
  'order is absent': 'absent',
  shop: 'set',
}
/** Where one word of theirs stands for several of ours. */
const CODES_BY_NAME: Readonly<Record<string, ReceiptErrorCode>> = {
  "a set's StateRoot changed": 'log',
  "a set's signature replaced": 'log',
  'Last of another set': 'last',
  'checkpoint whose StateRoot is not that of its last leaf': 'last',
  'patch proof: path too long': 'patch',
  'patch proof: interior node': 'patch',
  'a relay that changed its key, the new one alone': 'signer',
  "a signer's card is not proven": 'signer',
  'a card too many': 'state',
}

describe('the known answers', () => {
  test.each(receiptKat.receipts)('$name', (row) => {
    const result = verifyReceipt(...receiptCall(receiptKat, row))
    expect(String(result.orderId)).toBe(row.order)
    expect(toHex(result.value)).toBe(row.value)
    const who = result.history.map(({ seq, signer }) => [
      Number(seq),
      signer === 'relay' ? signer : toHex(signer.account),
    ])
    expect(who).toEqual(row.history)
    expect(result.total?.kind ?? null).toBe(row.total)
    expect(result.anchor?.status).toBe(row.anchored ? 'not checked' : undefined)
    expect(result.order).toEqual(result.history.at(-1)!.after)
  })

  test.each(receiptKat.receipts_refused)('$name: refused because of $reason', (row) => {
    const error = refusal(() => verifyReceipt(...receiptCall(receiptKat, row)))
    expect(error?.code).toBe(CODES_BY_NAME[row.name] ?? CODES[row.refused_as])
  })
})

describe('what it tells', () => {
  test('of a paid order: items, total, who did what', () => {
    const { whose, total, listings, history, checkpoint, relay, manifest } = verifyReceipt(...paid)
    expect(String(whose.ChainID)).toBe(receiptKat.log.whose.ChainID)
    expect(toHex(relay)).toBe(receiptKat.log.relay_address)
    expect(total).toMatchObject({ kind: 'recomputed', asked: 7_202_933n, computed: 7_202_933n })
    expect(total!.currency).toEqual(manifest!.PricingCurrency)
    expect([...listings.keys()].length).toBe(2)
    expect(history[0]!.changes).toEqual([{ op: 'add', path: [] }])
    expect(history.at(-1)!.after.State).toBe(6n)
    expect(checkpoint.Seq).toBe(20n)
  })

  test('of an order that was asked in another currency: both amounts, and whose word the rate is', () => {
    const { total } = verifyReceipt(...converted)
    expect(total!.kind).toBe('rate taken from the relay')
    expect(total!.currency).not.toEqual(total!.pricingCurrency)
    expect(total!.asked).not.toBe(total!.computed)
  })

  test('of an open order: no total and no manifest', () => {
    const { total, manifest, listings } = verifyReceipt(...open)
    expect([total, manifest, listings.size]).toEqual([undefined, undefined, 0])
  })

  test('the address that it names itself, which is not to be trusted', () => {
    expect(toHex(addressNamedByReceipt(paid[0])!)).toBe(receiptKat.log.relay_address)
  })
})

describe('making', () => {
  let states: readonly ShopState[]
  beforeAll(() => {
    states = katStates()
  })

  test.each([0, 2])('receipt %i, byte for byte, from what a relay serves', (i) => {
    const row = receiptKat.receipts[i]!
    expect(toHex(makeReceipt(katParts(BigInt(row.order), states)))).toBe(row.receipt)
  })

  test('one with an anchor', () => {
    const row = receiptKat.receipts[1]!
    const anchor = decodeReceipt(fromHex(row.receipt!)).Anchor!
    expect(toHex(makeReceipt({ ...katParts(BigInt(row.order), states), anchor }))).toBe(row.receipt)
  })

  test('says which part is missing', () => {
    const parts = katParts(BigInt(receiptKat.receipts[0]!.order), states)
    expect(() => makeReceipt({ ...parts, sets: parts.sets.slice(1) })).toThrow('no set adds order')
    expect(() => makeReceipt({ ...parts, asked: undefined })).toThrow('Sets, 15: it asks for payment')
    expect(() => makeReceipt({ ...parts, listings: parts.listings.slice(0, 1) })).toThrow('is missing')
    expect(() => receiptSets(parts.sets, 1n)).toThrow('no set adds order 1')
  })
})

describe('nothing of it can be changed', () => {
  // Each bit of the short one; of the long ones, whose checks are the same, some of each byte.
  test.each([
    ['of an open order: every bit', open, 1],
    ['of a paid order', paid, 7],
    ['of a converted and anchored order', converted, 7],
  ])('%s', { timeout: 240_000 }, (_name, [bytes, trust, expected], step) => {
    const accepted: string[] = []
    for (let bit = 0; bit < 8 * bytes.length; bit += step) {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      if (refusal(() => verifyReceipt(changed, trust, expected)) === undefined) accepted.push(fieldOfAnchor(changed))
    }
    // Where an anchor stands on chain is what nobody checks offline, and the result says so.
    expect([...new Set(accepted)]).toEqual(decodeReceipt(bytes).Anchor === undefined ? [] : ['Tx', 'Block'])
  })

  test('cut or prolonged anywhere', () => {
    const [bytes, trust] = open
    for (let length = 0; length < bytes.length; length++)
      expect(refusal(() => verifyReceipt(bytes.subarray(0, length), trust))?.code).toBe('form')
  })

  const theirs = decodeReceipt(paid[0])
  const others = decodeReceipt(converted[0])
  const fields = Object.keys(theirs).filter((field) => field !== 'Version') as (keyof Receipt)[]
  test.each(fields)('its %s for that of another receipt of the shop', (field) => {
    const swapped = encodeReceipt({ ...theirs, [field]: others[field] })
    const isSame = toHex(swapped) === toHex(paid[0])
    expect(refusal(() => verifyReceipt(swapped, paid[1])) === undefined).toBe(isSame)
    expect(isSame).toBe(
      field === 'Checkpoint' ? toHex(theirs.Checkpoint[0]) === toHex(others.Checkpoint[0]) : field === 'Last',
    )
  })

  const last = theirs.Sets.length - 1
  const parts = Object.keys(theirs.Sets[last]!) as (keyof Receipt['Sets'][number])[]
  test.each(parts)('%s of a set for that of another of its sets', (part) => {
    const Sets = theirs.Sets.with(last, { ...theirs.Sets[last]!, [part]: theirs.Sets[1]![part] })
    expect(refusal(() => verifyReceipt(encodeReceipt({ ...theirs, Sets }), paid[1]))).toBeInstanceOf(ReceiptError)
  })
})

/** The one in which it differs from the anchored receipt, which is the same but for it. */
function fieldOfAnchor(changed: Uint8Array): string {
  const [theirs, ours] = [decodeReceipt(converted[0]), decodeReceipt(changed)]
  for (const field of ['Tx', 'Block'] as const) {
    const Anchor = { ...ours.Anchor!, [field]: theirs.Anchor![field] }
    if (toHex(encodeReceipt({ ...ours, Anchor })) === toHex(converted[0])) return field
  }
  return 'another'
}

function refusal(act: () => unknown): ReceiptError | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof ReceiptError) return error
    throw error
  }
}
