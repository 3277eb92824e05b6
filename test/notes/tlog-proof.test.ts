import { describe, expect, test } from 'vitest'
import {
  decodeTlogExtra,
  encodeTlogExtra,
  logLeafBytes,
  readStatement,
  readTlogProof,
  verifyTlogProof,
  writeTlogProof,
  type NoteErrorCode,
} from '../../src/notes/forms.js'
import { bound, filled, NotedLog, refusal } from '../fixtures/noted-log.js'

const SIZE = 21
const log = new NotedLog(SIZE)
const proofOf = (seq: number, size = SIZE) =>
  writeTlogProof({ index: BigInt(seq - 1), path: log.path(seq, size), note: log.note(size) })
const check = (proof: string, statement = log.statements[4]!) =>
  refusal(() => verifyTlogProof(proof, statement, log.binding))
const proof = proofOf(5)

describe('a tlog-proof', () => {
  test('of every set at every size', () => {
    for (let size = 1; size <= SIZE; size++)
      for (let seq = 1; seq <= size; seq++) {
        const shown = verifyTlogProof(proofOf(seq, size), log.statements[seq - 1]!, log.binding)
        expect([shown.index, shown.note.size]).toEqual([BigInt(seq - 1), BigInt(size)])
      }
  })

  test('is read as it was written, with extra and without', () => {
    for (const extra of [undefined, new Uint8Array(0), filled(1, 100)]) {
      const text = writeTlogProof({ ...readTlogProof(proof), extra })
      expect(readTlogProof(text)).toEqual({ ...readTlogProof(proof), ...(extra && { extra }) })
      expect(writeTlogProof(readTlogProof(text))).toBe(text)
      expect(check(text)).toBe('accepted')
    }
  })

  test.each<[string, string, NoteErrorCode]>([
    ['another version', proof.replace('@v1', '@v2'), 'form'],
    ['no first line', proof.slice(proof.indexOf('\n') + 1), 'form'],
    ['lines with \\r', proof.replaceAll('\n', '\r\n'), 'form'],
    ['no index', proof.replace('index 4\n', ''), 'form'],
    ['extra behind the index', proof.replace('index 4\n', 'index 4\nextra AA==\n'), 'form'],
    ['two extras', proof.replace('index 4\n', 'extra AA==\nextra AA==\nindex 4\n'), 'form'],
    ['an extra that is no base64', proof.replace('index', 'extra A\nindex'), 'form'],
    ['index 04', proof.replace('index 4', 'index 04'), 'index'],
    ['index -1', proof.replace('index 4', 'index -1'), 'index'],
    ['index without a number', proof.replace('index 4', 'index '), 'index'],
    ['index of twenty digits', proof.replace('index 4', `index ${'9'.repeat(20)}`), 'index'],
    ['index 5', proof.replace('index 4', 'index 5'), 'seq'],
    ['a short element', proof.replace(/\n[^\n]{44}\n/u, '\nAAAA\n'), 'form'],
    [
      'a path that is too short',
      writeTlogProof({ ...readTlogProof(proof), path: log.path(5, SIZE).slice(1) }),
      'inclusion',
    ],
    [
      'a path that is too long',
      writeTlogProof({ ...readTlogProof(proof), path: [...log.path(5, SIZE), filled(0)] }),
      'inclusion',
    ],
    ['the path of another size', writeTlogProof({ ...readTlogProof(proof), note: log.note(16) }), 'inclusion'],
    ['no note', proof.slice(0, proof.indexOf('\n\n') + 2), 'form'],
    ['no empty line', proof.slice(0, proof.indexOf('\n\n')), 'form'],
    ['too much', `${proof}${'\u2014 x '.repeat(30_000)}`, 'form'],
  ])('with %s is refused', (_name, text, code) => expect(check(text)).toBe(code))

  test('of another statement, or under another binding', () => {
    expect(check(proof, log.statements[5])).toBe('seq')
    expect(check(proof, logLeafBytes({ ...log.leaves[4]!, Set: filled(99) }))).toBe('inclusion')
    expect(check(proof, Uint8Array.of(...log.statements[4]!, 0))).toBe('statement')
    expect(check(proof, filled(0))).toBe('statement')
    expect(refusal(() => verifyTlogProof(proof, log.statements[4]!, bound({ NoteKey: filled(1) })))).toBe('key-id')
    expect(refusal(() => verifyTlogProof(proof, log.statements[4]!, bound({ ShopID: 78n })))).toBe('origin')
  })

  test('beyond its log', () => {
    const beyond = { index: 21n, path: log.path(21, SIZE), note: log.note(SIZE) }
    const statement = logLeafBytes({ ...log.leaves[20]!, Seq: 22n })
    expect(check(writeTlogProof(beyond), statement)).toBe('inclusion')
  })
})

describe('extra', () => {
  test('is receipt and binding', () => {
    const bytes = encodeTlogExtra([filled(1, 10), log.binding.signed])
    expect(decodeTlogExtra(bytes)).toEqual([filled(1, 10), log.binding.signed])
    expect(refusal(() => decodeTlogExtra(Uint8Array.of(...bytes, 0)))).toBe('form')
    expect(refusal(() => decodeTlogExtra(Uint8Array.of(0x80)))).toBe('form')
  })

  test('of 48,000 bytes fits, one more does not', () => {
    const parts = readTlogProof(proof)
    const longest = writeTlogProof({ ...parts, extra: new Uint8Array(48_000) })
    expect(readTlogProof(longest).extra).toHaveLength(48_000)
    expect(Math.max(...longest.split('\n').map((line) => line.length))).toBeLessThan(65_536)
    expect(() => writeTlogProof({ ...parts, extra: new Uint8Array(48_001) })).toThrow(RangeError)
  })
})

test('a statement is the bytes of a leaf', () => expect(readStatement(log.statements[4]!)).toEqual(log.leaves[4]))
