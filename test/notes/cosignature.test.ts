import { describe, expect, test } from 'vitest'
import { toBase64 } from '../../src/bytes/base64.js'
import {
  addCheckpointBody,
  readWitnessKey,
  verifiedCosignatures,
  verifyCosignature,
  withCosignatures,
} from '../../src/notes/cosignature.js'
import { verifyNote } from '../../src/notes/forms.js'
import { filled, NotedLog, refusal } from '../fixtures/noted-log.js'
import { CosigningKey } from '../fixtures/witness.js'

const log = new NotedLog(5)
const note = log.note(5)
const text = note.slice(0, note.indexOf('\n\n') + 1)
const [one, other] = [new CosigningKey('witness.example', 1), new CosigningKey('other.example/w', 2)]
const [keyOne, keyOther] = [readWitnessKey(one.vkey), readWitnessKey(other.vkey)]

describe('a witness’s key', () => {
  test('is read', () => expect(keyOne).toMatchObject({ name: 'witness.example' }))

  test.each([
    '',
    'witness.example',
    one.vkey.replace('+', '-'),
    one.vkey.replace('witness', 'wit ness'),
    one.vkey.replace('example', 'exampl'),
    one.vkey.slice(0, -4),
    `witness.example+00000000+${toBase64(Uint8Array.of(4, ...filled(1)))}`,
    `witness.example+00000000+${toBase64(Uint8Array.of(1, ...filled(1)))}`,
  ])('is not %j', (vkey) => expect(refusal(() => readWitnessKey(vkey))).toBe('note-key'))
})

describe('a cosignature', () => {
  test('of a witness on this text, with its time', () => {
    expect(verifyCosignature(one.line(text, 12n), text, keyOne)).toEqual({
      witness: keyOne,
      time: 12n,
      line: one.line(text, 12n),
    })
    expect(refusal(() => verifyCosignature(one.line(text), `${text}x\n`, keyOne))).toBe('cosignature')
    expect(refusal(() => verifyCosignature(one.line(text), text, keyOther))).toBe('cosignature')
    expect(refusal(() => verifyCosignature('x', text, keyOne))).toBe('form')
  })

  test('with another time or length', () => {
    const [head, base64] = [one.line(text).slice(0, 18), one.line(text).slice(18)]
    const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
    const changed = (value: Uint8Array) => refusal(() => verifyCosignature(head + toBase64(value), text, keyOne))
    expect(changed(bytes)).toBe('accepted')
    expect(changed(bytes.with(11, bytes[11]! ^ 1))).toBe('cosignature')
    expect(changed(bytes.with(40, bytes[40]! ^ 1))).toBe('cosignature')
    expect(changed(Uint8Array.of(...bytes, 0))).toBe('cosignature')
    expect(changed(bytes.slice(0, -1))).toBe('cosignature')
  })

  test('below a note: known ones are verified, others left aside', () => {
    const cosigned = `${note}${one.line(text)}\n${other.line(text)}\n`
    const read = verifyNote(cosigned, log.binding)
    expect(verifiedCosignatures(read, [keyOne]).map(({ witness }) => witness.name)).toEqual(['witness.example'])
    expect(verifiedCosignatures(read, [keyOne, keyOther])).toHaveLength(2)
    expect(verifiedCosignatures(read, [])).toEqual([])
    const wrong = verifyNote(`${note}${one.line(`${text}x`)}\n`, log.binding)
    expect(refusal(() => verifiedCosignatures(wrong, [keyOne]))).toBe('cosignature')
    expect(verifiedCosignatures(wrong, [keyOther])).toEqual([])
  })

  test('at most 15 of a note', () => {
    const all = Array.from({ length: 17 }, () => verifyCosignature(one.line(text), text, keyOne))
    expect(verifyNote(withCosignatures(note, all), log.binding).others).toHaveLength(15)
    expect(withCosignatures(note, all.slice(0, 1))).toBe(`${note}${one.line(text)}\n`)
  })
})

test('what a witness is sent', () => {
  expect(addCheckpointBody(0, [], note)).toBe(`old 0\n\n${note}`)
  expect(addCheckpointBody(3, [filled(1)], note)).toBe(`old 3\n${toBase64(filled(1))}\n\n${note}`)
})
