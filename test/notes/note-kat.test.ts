/** vectors/spec/note-kat.json whole, and that its check can fail at each section. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkNoteSections, NOTE_FILE_KEYS, NOTE_SECTIONS } from '../../src/cli/note-vectors.js'
import { checkVectorFile } from '../../src/cli/vector-check.js'
import { VectorFileError } from '../../src/cli/vector-findings.js'
import { NOTE_KAT_FILE } from '../fixtures/note-kat.js'

type Json = Record<string, never>
const bytes = new Uint8Array(readFileSync(NOTE_KAT_FILE))
const whole = JSON.parse(Buffer.from(bytes).toString()) as Record<string, Json>

function only(section: string): Record<string, Json> {
  const kept = new Set(['key_id', section, ...NOTE_FILE_KEYS])
  return Object.fromEntries(Object.entries(whole).filter(([name]) => kept.has(name)))
}

/** How many rows or values of the section agree, beside those of the binding. */
const counts: Readonly<Record<(typeof NOTE_SECTIONS)[number], number>> = {
  binding: 6,
  leaves: 20,
  roots: 20,
  notes: 3 * 4,
  proofs: 10 * 4,
  proofs_refused: 16,
  cose: 6 * 4,
  cose_refused: 10,
  bindings_refused: 7,
  notes_refused: 7,
  evidence: 5,
}

test.each(NOTE_SECTIONS)('%s agrees', (section) => {
  const findings = checkNoteSections(only(section))
  expect([findings.differences, findings.notes]).toEqual([[], []])
  expect(findings.agree).toBe(counts.binding + (section === 'binding' ? 0 : counts[section]))
})

test('as `cairn vectors` reads it', () => {
  const findings = checkVectorFile(bytes)
  expect(findings.differences).toEqual([])
  expect(findings.agree).toBe(Object.values(counts).reduce((sum, count) => sum + count, 0))
})

describe('the check can fail', () => {
  test.each<[path: readonly (string | number)[], value: unknown, at: string]>([
    [['note_key'], '00', 'note_key'],
    [['key_id'], '00', 'key_id'],
    [['origin'], 'x', 'key_id'],
    [['leaves', 3], '00', 'leaves: 4'],
    [['roots', 3], '00', 'roots: 4'],
    [['notes', 0, 'size'], 2, 'notes: 2: signed'],
    [['proofs', 1, 'path', 0], '00', 'proofs: set 1 of 17: path'],
    [['proofs', 1, 'extra'], '00', 'proofs: set 1 of 17: written'],
    [['proofs_refused', 0, 'why'], 'size', 'proofs_refused: a sibling changed'],
    [['cose', 0, 'root'], '00'.repeat(32), 'cose: set 1 of 17'],
    [['cose', 0, 'receipt'], 'd2', 'cose: set 1 of 17: written'],
    [['cose_refused', 3, 'why'], 'inclusion', 'cose_refused: signed by another key'],
    [['bindings_refused', 2, 'why'], 'origin', 'bindings_refused: version 2'],
    [['notes_refused', 0, 'why'], 'signature', 'notes_refused: signed by another key'],
    [['evidence', 0, 'evidence'], false, 'evidence: two notes of one size with different roots'],
  ])('%j as %j', (path, value, at) => {
    const file = structuredClone(only(String(path[0])))
    const parent = path.slice(0, -1).reduce<Json>((inner, key) => inner[key]!, file as never) as Record<string, unknown>
    expect(parent[path.at(-1)!]).not.toEqual(value)
    parent[path.at(-1)!] = value
    let found: string[]
    try {
      found = checkNoteSections(file).differences.map((difference) => difference.at)
    } catch (error) {
      if (!(error instanceof VectorFileError)) throw error
      found = [at]
    }
    expect(found).toContain(at)
  })

  test('where something is taken that is to be refused', () => {
    const file = structuredClone(only('notes_refused')) as unknown as { notes_refused: { note: string; why: string }[] }
    file.notes_refused = [
      { name: 'good', why: 'size', note: (whole['notes'] as never as { note: string }[])[0]!.note },
    ] as never
    expect(checkNoteSections(file).differences).toHaveLength(1)
  })

  test('a reason that is not known is told beside ours', () => {
    const file = structuredClone(only('notes_refused')) as unknown as { notes_refused: { why: string }[] }
    file.notes_refused[0]!.why = 'the moon'
    const { differences, notes } = checkNoteSections(file)
    expect([differences.length, notes.length]).toEqual([0, 1])
  })

  test('a section of another shape is said to be one', () => {
    expect(() => checkNoteSections({ ...only('notes'), notes: [{ size: 99, note: '' }] })).toThrow(VectorFileError)
  })
})
