/** Bindings, extras and COSE receipts of the known answers, which we make byte for byte, against cddl/notes.cddl. */

import { describe, expect, test } from 'vitest'
import { fromHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor } from '../../src/codec/value.js'
import { decodeBinding, decodeTlogExtra, encodeTlogExtra, type SignedBinding } from '../../src/notes/forms.js'
import { check } from '../fixtures/cddl-check.js'
import { neighbours } from '../fixtures/cddl-neighbours.js'
import { refusal } from '../fixtures/noted-log.js'
import { notes } from '../fixtures/note-kat.js'

const signed = notes.binding.map(fromHex) as [Uint8Array, Uint8Array] satisfies SignedBinding
const binding = decode(signed[0])
const extra = decode(encodeTlogExtra([Uint8Array.of(1), signed]))
const cose = decode(fromHex(notes.cose[1]!.receipt).subarray(1)) as readonly [
  Uint8Array,
  Map<bigint, never>,
  null,
  Cbor,
]
const inclusion = ((cose[1].get(396n) as unknown as Map<bigint, Uint8Array[]>).get(-1n) as Uint8Array[])[0]!

const samples: readonly (readonly [rule: string, value: Cbor])[] = [
  ['NoteBinding', binding],
  ['SignedBinding', [...signed]],
  ['TlogExtra', extra],
  ['CoseReceipt', cose],
  ['CoseProtected', decode(cose[0])],
  ['TreeInclusion', decode(inclusion)],
]

test.each(samples)('%s', (rule, value) => expect(check(rule, value)).toEqual([]))

test.each(samples)('%s, broken anywhere, is none', (rule, value) => {
  const taken = neighbours(value).filter((neighbour) => check(rule, neighbour.value).length === 0)
  expect(taken.map(({ name }) => name).filter((name) => !OF_ANY_LENGTH.test(name))).toEqual([])
})

/** Bytes whose inside is a rule of its own, and a text. */
const OF_ANY_LENGTH = /^(?:(?:1: )?0|1: 396: -1: 0|Origin|15: 1): (?:33 bytes more|no bytes|.*text.*)$/u

describe('contract and code agree', () => {
  test.each(refusedBindings())('on the binding %s', (_name, bytes, isForm) => {
    expect(check('NoteBinding', decode(bytes)).length > 0).toBe(isForm)
  })

  test('on every neighbour of a binding', () => {
    for (const { name, value } of neighbours(binding)) {
      const refused = judged(value, decodeBinding)
      // What an origin consists of no grammar says.
      if (refused === 'origin') continue
      expect.soft([name, check('NoteBinding', value).length > 0]).toEqual([name, refused !== 'accepted'])
    }
  })

  test('on every neighbour of an extra', () => {
    for (const { name, value } of neighbours(extra)) {
      const refused = judged(value, decodeTlogExtra)
      expect.soft([name, check('TlogExtra', value).length > 0]).toEqual([name, refused !== 'accepted'])
    }
  })
})

/** An integer that no bytes stand for is refused too. */
function judged(value: Cbor, read: (bytes: Uint8Array) => unknown): string {
  try {
    return refusal(() => read(encode(value)))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return 'no bytes'
  }
}

function refusedBindings(): [name: string, bytes: Uint8Array, isForm: boolean][] {
  const ofForm = new Set(['version 2', 'note key of 31 bytes', 'a field more', 'a field less'])
  return notes.bindings_refused.map(({ name, binding: [bytes] }) => [name, fromHex(bytes), ofForm.has(name)])
}
