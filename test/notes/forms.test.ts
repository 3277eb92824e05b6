/** The forms as a command reads them: from the relay's address alone. */

import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/bytes/bytes.js'
import { PROOF_FORM_BYTES_MAX } from '../../src/limits.js'
import {
  addReceipt,
  coseReceiptOf,
  encodeSignedBinding,
  readTlogProof,
  tlogProofOf,
  verifyForm,
  writeTlogProof,
  type FormContext,
  type ReceiptFacts,
} from '../../src/notes/forms.js'
import { formOf } from '../../src/notes/forms.js'
import { bound, filled, NOTE_SECRET, NotedLog, RELAY } from '../fixtures/noted-log.js'

const SIZE = 12
const log = new NotedLog(SIZE)
const receipt = utf8('a receipt')
const facts: ReceiptFacts = { ...log.binding.fields, checkpointSeq: BigInt(SIZE), last: log.leaves[4]! }
const binding = encodeSignedBinding(log.binding.signed)
const common = { size: SIZE, binding: log.binding.signed, read: log.read }
const made = tlogProofOf({ ...common, seq: 5, note: log.note(SIZE), receipt })
const cose = coseReceiptOf({ ...common, leaf: log.leaves[4]!, secret: NOTE_SECRET })

function context(changed: Partial<FormContext> = {}): FormContext {
  const verifyReceipt = (bytes: Uint8Array): ReceiptFacts => {
    if (!Buffer.from(bytes).equals(receipt)) throw new Error('no receipt')
    return facts
  }
  return { relays: [RELAY], verifyReceipt, ...changed }
}

const tlog = utf8(made.proof)
const bare = utf8(writeTlogProof({ ...readTlogProof(made.proof), extra: undefined }))
const said = (received: Uint8Array, changed: Partial<FormContext> = {}) => {
  const verdict = verifyForm(received, context(changed))
  const { outcome } = verdict
  return outcome === 'matches'
    ? `matches ${verdict.what}`
    : `${outcome} ${'why' in verdict ? verdict.why : verdict.code}`
}
const facing = (changed: Partial<ReceiptFacts>) => ({ verifyReceipt: () => ({ ...facts, ...changed }) })

test('what is larger than any is none', () => {
  for (const one of [tlog, cose.receipt]) {
    const larger = new Uint8Array(PROOF_FORM_BYTES_MAX + 1)
    larger.set(one)
    expect(verifyForm(larger, context({ binding }))).toMatchObject({
      outcome: 'unreadable',
      message: expect.stringContaining(
        `${PROOF_FORM_BYTES_MAX + 1} bytes, at most ${PROOF_FORM_BYTES_MAX} are read`,
      ) as string,
    })
  }
})

describe('a tlog-proof', () => {
  test('with receipt and binding in it', () => {
    expect(made.beside).toBeUndefined()
    expect(verifyForm(tlog, context())).toMatchObject({ seq: 5n, size: 12n, sizeProven: true, form: 'tlog-proof' })
    expect(said(tlog)).toBe('matches order')
    expect(said(tlog, { relays: [filled(1, 20), RELAY] })).toBe('matches order')
  })

  test('with both beside it', () => {
    const long = tlogProofOf({ ...common, seq: 5, note: log.note(SIZE), receipt: new Uint8Array(48_000) })
    expect(readTlogProof(long.proof).extra).toBeUndefined()
    expect(long.beside).toEqual({ receipt: new Uint8Array(48_000), binding })
    expect(said(bare, { receipt, binding })).toBe('matches order')
  })

  test('that a relay gave, and a receipt that is put into it', () => {
    const given = tlogProofOf({ ...common, seq: 5, note: log.note(SIZE) }).proof
    expect(readTlogProof(given).extra).toBeUndefined()
    expect(addReceipt(given, receipt, log.binding.signed)).toEqual(made)
    expect(addReceipt(given, new Uint8Array(48_000), log.binding.signed).proof).toBe(given)
  })

  test('of a set alone', () => {
    expect(said(bare, { binding, statement: log.statements[4]! })).toBe('matches set')
    expect(said(bare, { binding, statement: log.statements[5]! })).toBe('does-not-match seq')
  })

  test('of which nothing can be said', () => {
    expect(said(bare, { receipt })).toBe('cannot-say unknown-key')
    expect(said(tlog, { relays: [] })).toBe('cannot-say unknown-key')
    expect(said(bare, { binding })).toBe('cannot-say no-statement')
    expect(said(utf8(made.proof.replace('@v1', '@v2')))).toBe('cannot-say newer-format')
  })

  test('whose binding another key signed does not match, like a receipt that another key signed', () => {
    expect(said(tlog, { relays: [filled(1, 20)] })).toBe('does-not-match signer')
    expect(said(cose.receipt, { relays: [filled(1, 20)], receipt, binding })).toBe('does-not-match signer')
  })

  test('with a receipt of another log, checkpoint or set', () => {
    for (const changed of [{ ChainID: 2n }, { Registry: filled(0, 20) }, { Relay: 1n }, { ShopID: 78n }])
      expect(said(tlog, facing(changed))).toBe('does-not-match receipt')
    expect(said(tlog, facing({ checkpointSeq: 11n }))).toBe('does-not-match receipt')
    expect(said(tlog, facing({ last: log.leaves[5]! }))).toBe('does-not-match seq')
    expect(said(tlog, facing({ last: { ...log.leaves[4]!, StateRoot: filled(9) } }))).toBe('does-not-match inclusion')
    expect(said(tlog, { statement: log.statements[5]! })).toBe('does-not-match receipt')
  })

  test('whose receipt is none: what its verifier throws goes through', () => {
    expect(() => said(bare, { binding, receipt: utf8('x') })).toThrow('no receipt')
  })

  test('that is changed', () => {
    const [, root] = [...log.note(SIZE).split('\n')].slice(1)
    expect(said(utf8(made.proof.replace(root!, Buffer.alloc(32).toString('base64'))))).toBe('does-not-match signature')
    expect(said(utf8(made.proof.replace('index 4', 'index 04')))).toBe('unreadable index')
    expect(said(utf8(made.proof.replace('extra ', 'extra AAAA')))).toBe('unreadable form')
    expect(said(Uint8Array.of(...tlog, 0xff))).toBe('unreadable form')
  })
})

describe('a COSE receipt', () => {
  test('with its binding and its statement or receipt', () => {
    expect(cose.binding).toEqual(binding)
    expect(said(cose.receipt, { ...cose, receipt })).toBe('matches order')
    const { statement } = cose
    expect(said(cose.receipt, { binding, statement })).toBe('matches set')
    expect(verifyForm(cose.receipt, context({ binding, statement }))).toMatchObject({ seq: 5n, sizeProven: false })
    expect(said(cose.receipt, { binding, receipt })).toBe('matches order')
  })

  test('without them, or with others', () => {
    const { statement } = cose
    expect(said(cose.receipt, { statement })).toBe('cannot-say unknown-key')
    expect(said(cose.receipt, { binding })).toBe('cannot-say no-statement')
    expect(said(cose.receipt, { binding, statement: log.statements[5]! })).toBe('does-not-match seq')
    const elsewhere = encodeSignedBinding(bound({ ShopID: 78n }).signed)
    expect(said(cose.receipt, { binding: elsewhere, statement })).toBe('does-not-match header')
    expect(said(cose.receipt, { binding, ...facing({ checkpointSeq: 11n }), receipt })).toBe('does-not-match receipt')
  })
})

test('which form it is', () => {
  expect([formOf(tlog), formOf(cose.receipt), formOf(utf8('c2sp.org/tlog-proof@v9')), formOf(receipt)]).toEqual([
    'tlog-proof',
    'cose',
    'tlog-proof',
    undefined,
  ])
  expect(said(receipt)).toBe('unreadable form')
})
