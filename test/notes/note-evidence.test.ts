import { describe, expect, test } from 'vitest'
import {
  evidenceOfTwoBindings,
  evidenceOfTwoNotes,
  evidenceOfTwoStatements,
  evidenceOfTwoTrees,
  originOf,
  verifyNote,
  type ShownStatement,
} from '../../src/notes/forms.js'
import { logInclusion, logLeafHash, CheckpointError } from '../../src/proofs/checkpoint.js'
import { Mmr } from '../../src/merkle/mmr.js'
import { bindingFields, bound, filled, NotedLog, refusal } from '../fixtures/noted-log.js'

const [log, forked] = [new NotedLog(9), new NotedLog(9, { salt: 1 })]
const noteOf = (of: NotedLog, size: number) => verifyNote(of.note(size), of.binding)
const kindOf = (judged: ReturnType<typeof evidenceOfTwoNotes>) => ('kind' in judged ? judged.kind : judged.reason)
const shownIn = (of: NotedLog, seq: number, size: number): ShownStatement => ({
  statement: of.statements[seq - 1]!,
  path: of.path(seq, size),
  note: noteOf(of, size),
})

function shownUnder(of: NotedLog, seq: number, size: number): ShownStatement {
  const range = new Mmr()
  for (const leaf of of.leaves) range.append(logLeafHash(leaf))
  const [, path] = logInclusion(BigInt(seq), BigInt(size), (index) => range.node(index))
  return { statement: of.statements[seq - 1]!, path, checkpoint: of.checkpoint(size) }
}

describe('two bindings of one origin', () => {
  test.each([
    ['NoteKey', { NoteKey: filled(1) }],
    ['Relay', { Relay: 13n }],
  ] as const)('that differ in %s', (_field, changed) => {
    expect(kindOf(evidenceOfTwoBindings(bound(), bound(changed)))).toBe('two-bindings')
  })

  test('that say the same, by one key or two; or of two origins', () => {
    expect(kindOf(evidenceOfTwoBindings(bound(), bound({}, filled(8))))).toBe('the bindings say the same')
    const next = originOf({ host: 'relay.example', ...bindingFields(), generation: 2 })
    expect(kindOf(evidenceOfTwoBindings(bound(), bound({ Origin: next })))).toBe('the bindings are of two origins')
  })
})

test('two notes', () => {
  expect(kindOf(evidenceOfTwoNotes(noteOf(log, 9), noteOf(forked, 9)))).toBe('two-roots')
  expect(kindOf(evidenceOfTwoNotes(noteOf(log, 9), noteOf(log, 9)))).toContain('the same root')
  expect(kindOf(evidenceOfTwoNotes(noteOf(log, 9), noteOf(forked, 8)))).toContain('of 9 and 8 sets')
  const elsewhere = new NotedLog(9, { salt: 1, binding: bound({ ShopID: 78n }) })
  expect(refusal(() => evidenceOfTwoNotes(noteOf(log, 9), noteOf(elsewhere, 9)))).toBe('origin')
})

describe('two statements of one set', () => {
  test('in two notes, of one size or not', () => {
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), shownIn(forked, 4, 7)))).toBe('two-statements')
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), shownIn(log, 4, 7)))).toContain('the same statement')
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), shownIn(forked, 5, 9)))).toContain('sets 4 and 5')
  })

  test('in a note and in a checkpoint', () => {
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), shownUnder(forked, 4, 8)))).toBe('two-statements')
    expect(kindOf(evidenceOfTwoStatements(shownUnder(forked, 4, 8), shownIn(log, 4, 9)))).toBe('two-statements')
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), shownUnder(log, 4, 8)))).toContain('the same statement')
  })

  test('that are not where they are said to be', () => {
    const wrong = { ...shownIn(forked, 4, 9), path: log.path(4, 9) }
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), wrong))).toContain('not in the log of the note of 9')
    const under = { ...shownUnder(forked, 4, 9), path: [] }
    expect(kindOf(evidenceOfTwoStatements(shownIn(log, 4, 9), under))).toContain('not in the log of checkpoint 9')
    const none = { ...shownIn(log, 4, 9), statement: filled(0) }
    expect(kindOf(evidenceOfTwoStatements(none, shownIn(log, 4, 9)))).toContain('no statement')
  })

  test('of two shops, or without a note', () => {
    const elsewhere = new NotedLog(9, { binding: bound({ ShopID: 78n }) })
    expect(refusal(() => evidenceOfTwoStatements(shownIn(log, 4, 9), shownIn(elsewhere, 4, 9)))).toBe('origin')
    expect(() => evidenceOfTwoStatements(shownIn(log, 4, 9), shownUnder(elsewhere, 4, 9))).toThrow(CheckpointError)
    expect(() => evidenceOfTwoStatements(shownUnder(log, 4, 9), shownUnder(log, 4, 9))).toThrow('in the log of a note')
  })
})

describe('note and checkpoint of one Seq', () => {
  const judge = (of: NotedLog, under: NotedLog, statements: readonly Uint8Array[], size = 9) =>
    kindOf(evidenceOfTwoTrees(noteOf(of, 9), under.checkpoint(size), statements))

  test('of two logs', () => {
    expect(judge(log, forked, log.statements)).toBe('two-trees')
    expect(judge(log, forked, forked.statements)).toBe('two-trees')
  })

  test('of one log, or of sets that are neither’s', () => {
    expect(judge(log, log, log.statements)).toContain('the log of both')
    expect(judge(log, log, forked.statements)).toContain('the log of neither')
    expect(judge(log, forked, log.statements.slice(1))).toContain('in the place of 1')
    expect(judge(log, forked, log.statements.slice(0, 8))).toContain('8 statements, not the 9')
    expect(judge(log, forked, [...new NotedLog(10).statements])).toContain('more statements')
    expect(judge(log, forked, log.statements, 8)).toContain('the checkpoint of set 8')
  })

  test('of two shops', () => {
    const elsewhere = new NotedLog(9, { binding: bound({ ShopID: 78n }) })
    expect(() => judge(log, elsewhere, log.statements)).toThrow(CheckpointError)
  })
})
