import { describe, expect, test } from 'vitest'
import { signatureLine } from '../../src/notes/signed-note.js'
import { noteText, signNote, verifierKey, verifyNote, type NoteErrorCode } from '../../src/notes/forms.js'
import { bound, filled, NotedLog, refusal } from '../fixtures/noted-log.js'

const log = new NotedLog(5)
const note = log.note(5)
const [origin, , root] = note.split('\n') as [string, string, string]
const line = note.slice(note.indexOf('\n\n') + 2)
const other = `${signatureLine('witness.example', filled(1, 4), filled(2, 72))}\n`
const check = (text: string) => refusal(() => verifyNote(text, log.binding))

describe('a note', () => {
  test('is read as it was written', () => {
    const read = verifyNote(note, log.binding)
    expect(read).toMatchObject({ ...log.head(5), note, text: `${origin}\n5\n${root}\n`, others: [] })
    expect(log.note(5)).toBe(note)
  })

  test('keeps up to 15 lines of others', () => {
    const read = verifyNote(note + other.repeat(15), log.binding)
    expect(read.others.map(({ name, line: text }) => [name, `${text}\n`])).toEqual(
      Array.from({ length: 15 }, () => ['witness.example', other]),
    )
    expect(check(note + other.repeat(16))).toBe('cosignature')
  })

  test.each<[string, string, NoteErrorCode]>([
    ['no end', note.slice(0, -1), 'form'],
    ['no empty line', note.replace('\n\n', '\n'), 'form'],
    ['nothing', '', 'form'],
    ['a line more', log.noteOf(`${origin}\n5\n${root}\nmore\n`), 'lines'],
    ['a line less', log.noteOf(`${origin}\n5\n`), 'lines'],
    ['another origin', log.noteOf(`${origin}/2\n5\n${root}\n`), 'origin'],
    ['no size', log.noteOf(`${origin}\n\n${root}\n`), 'size'],
    ['size 0', log.noteOf(`${origin}\n0\n${root}\n`), 'size'],
    ['size 05', log.noteOf(`${origin}\n05\n${root}\n`), 'size'],
    ['size +5', log.noteOf(`${origin}\n+5\n${root}\n`), 'size'],
    ['size 5 and a space', log.noteOf(`${origin}\n5 \n${root}\n`), 'size'],
    ['a size beyond all', log.noteOf(`${origin}\n${2n ** 62n + 1n}\n${root}\n`), 'size'],
    ['a root of 31 bytes', log.noteOf(`${origin}\n5\n${Buffer.alloc(31).toString('base64')}\n`), 'root'],
    ['a root that is no base64', log.noteOf(`${origin}\n5\n${root.replace('=', '')}\n`), 'root'],
    ['no signature', note.slice(0, -line.length), 'unsigned'],
    ['somebody else’s alone', note.slice(0, -line.length) + other, 'unsigned'],
    ['signed twice', note + line, 'signed-twice'],
    ['of another size', note.replace('\n5\n', '\n6\n'), 'signature'],
    ['a line that is none', `${note}x\n`, 'form'],
    ['a line without a name', `${note}\u2014 ${Buffer.alloc(70).toString('base64')}\n`, 'form'],
    ['a name with +', note + other.replace('witness', 'wit+ness'), 'form'],
    ['a signature of no bytes', `${note}\u2014 witness AAAAAA==\n`, 'form'],
    ['an empty line at the end', `${note}\n`, 'lines'],
  ])('%s is refused', (_name, text, code) => expect(check(text)).toBe(code))

  test('of another key', () => {
    expect(refusal(() => verifyNote(signNote(origin, log.head(5), filled(1)), log.binding))).toBe('key-id')
    expect(refusal(() => verifyNote(note, bound({ NoteKey: filled(1) })))).toBe('key-id')
  })

  test('is not made of what no log has', () => {
    expect(refusal(() => noteText(origin, { size: 0n, root: filled(0) }))).toBe('size')
    expect(refusal(() => noteText(origin, { size: 1n, root: filled(0, 31) }))).toBe('root')
    expect(refusal(() => noteText('a b', { size: 1n, root: filled(0) }))).toBe('origin')
  })

  test('and its key as others take it', () => {
    expect(verifierKey('relay.example', log.binding.fields.NoteKey)).toMatch(
      /^relay\.example\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}$/u,
    )
  })
})
