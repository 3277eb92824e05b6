import { describe, expect, test } from 'vitest'
import { encode } from '../../src/codec/encode.js'
import type { Cbor } from '../../src/codec/value.js'
import { logLeafBytes, signCoseReceipt, verifyCoseReceipt, verifyCoseReceiptUnder } from '../../src/notes/forms.js'
import { decode } from '../../src/codec/decode.js'
import { bound, filled, NOTE_SECRET, NotedLog, refusal } from '../fixtures/noted-log.js'

const SIZE = 20
const log = new NotedLog(SIZE)
const receiptOf = (seq: number, size = SIZE) =>
  signCoseReceipt(
    { index: BigInt(seq - 1), path: log.path(seq, size) },
    log.head(size),
    log.binding.fields,
    NOTE_SECRET,
  )
const good = receiptOf(5)
const statement = log.statements[4]!
const check = (receipt: Uint8Array, of = statement) => refusal(() => verifyCoseReceipt(receipt, of, log.binding))
const [header, unprotected, , signature] = decode(good.subarray(1)) as [Uint8Array, Map<bigint, Cbor>, null, Uint8Array]
const proof = [BigInt(SIZE), 4n, log.path(5, SIZE)] as const

function built(parts: readonly Cbor[], tag = 0xd2): Uint8Array {
  return Uint8Array.of(tag, ...encode(parts))
}

function withProof(value: Cbor, more: readonly (readonly [bigint, Cbor])[] = []): Uint8Array {
  const proofs = new Map<bigint, Cbor>([[-1n, [encode(value)]]])
  return built([header, new Map<bigint, Cbor>([[396n, proofs], ...more]), null, signature])
}

describe('a COSE receipt', () => {
  test('of every set at every size from two on', () => {
    for (let size = 2; size <= SIZE; size++)
      for (let seq = 1; seq <= size; seq++) {
        const of = [receiptOf(seq, size), log.statements[seq - 1]!, log.binding] as const
        const { root } = log.head(size)
        expect(verifyCoseReceipt(...of)).toEqual({ root, index: BigInt(seq - 1), size: BigInt(size) })
        verifyCoseReceiptUnder(root, ...of)
      }
    expect(refusal(() => receiptOf(1, 1))).toBe('form')
  })

  test('is as RFC 9942 has it', () => {
    expect(decode(header)).toEqual(
      new Map<bigint, Cbor>([
        [1n, -8n],
        [4n, expect.any(Uint8Array) as never],
        [15n, new Map([[1n, log.origin]])],
        [395n, 1n],
      ]),
    )
    expect(unprotected).toEqual(new Map([[396n, new Map([[-1n, [encode(proof)]]])]]))
    expect(check(withProof(proof))).toBe('accepted')
  })

  test('is refused in every other form', () => {
    expect(check(good.subarray(1))).toBe('tag')
    expect(check(built([header, unprotected, null, signature], 0xd1))).toBe('tag')
    expect(check(new Uint8Array(0))).toBe('tag')
    expect(check(built([header, unprotected, null]))).toBe('form')
    expect(check(Uint8Array.of(0xd2, 0xff))).toBe('form')
    expect(check(Uint8Array.of(...good, 0))).toBe('form')
    expect(check(built([header, unprotected, log.head(SIZE).root, signature]))).toBe('payload')
    expect(check(built([header, unprotected, null, signature.slice(1)]))).toBe('form')
    expect(check(built([header, new Map(), null, signature]))).toBe('form')
    expect(check(withProof(proof, [[4n, 1n]]))).toBe('form')
    expect(check(withProof([...proof, 1n]))).toBe('form')
    expect(check(withProof([1n, 0n, []]))).toBe('form')
    expect(check(withProof([BigInt(SIZE), 4n, []]))).toBe('form')
    expect(check(withProof([BigInt(SIZE), 4n, [filled(0, 31)]]))).toBe('form')
  })

  test('with another protected header', () => {
    const wrong = [filled(0, 3), null, header.subarray(1), encode(new Map())] as const
    for (const other of wrong) expect(check(built([other, unprotected, null, signature]))).toBe('header')
    expect(refusal(() => verifyCoseReceipt(good, statement, bound({ ShopID: 78n })))).toBe('header')
    expect(refusal(() => verifyCoseReceipt(good, statement, bound({ NoteKey: filled(1) })))).toBe('header')
  })

  test('of another set, path, root or key', () => {
    expect(check(good, log.statements[5])).toBe('seq')
    const other = logLeafBytes({ ...log.leaves[4]!, Set: filled(99) })
    expect(check(good, other)).toBe('signature')
    const under = (root: Uint8Array, of = statement) =>
      refusal(() => verifyCoseReceiptUnder(root, good, of, log.binding))
    expect(under(log.head(SIZE).root)).toBe('accepted')
    expect(under(log.head(SIZE).root, other)).toBe('inclusion')
    expect(under(log.head(19).root)).toBe('inclusion')
    expect(check(withProof([BigInt(SIZE), 5n, log.path(5, SIZE)]))).toBe('seq')
    expect(check(withProof([BigInt(SIZE), 4n, log.path(5, SIZE).slice(1)]))).toBe('inclusion')
    expect(check(withProof([4n, 4n, log.path(5, SIZE)]))).toBe('inclusion')
    const { fields } = log.binding
    const stranger = signCoseReceipt({ index: 4n, path: log.path(5, SIZE) }, log.head(SIZE), fields, filled(1))
    expect(check(stranger)).toBe('signature')
  })

  test('changed in any bit, but for the size that it says', () => {
    const sizeAt = Buffer.from(good).indexOf(Buffer.from([0x83, SIZE])) + 1
    for (const [at, byte] of good.entries())
      for (let bit = 0; bit < 8; bit++)
        if (at !== sizeAt) expect(check(good.with(at, byte ^ (1 << bit))), `${at} ${bit}`).not.toBe('accepted')
  })
})
