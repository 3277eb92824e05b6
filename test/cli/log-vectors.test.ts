/** The sections of the log and of checkpoints in the specification's known answers, and that each can fail. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkLogSections, LOG_SECTIONS } from '../../src/cli/log-vectors.js'
import { checkVectorFile } from '../../src/cli/vector-check.js'
import { VectorFileError } from '../../src/cli/vector-findings.js'
import { KAT_FILE, katFollower, readLogKat } from '../fixtures/log-kat.js'

type Json = Record<string, never>
const whole = readLogKat() as unknown as Record<string, Json>

/** The sections alone, and what all of them need. */
function only(...sections: readonly string[]): Record<string, Json> {
  const kept = ['log', 'pairs', 'shops', ...sections]
  return Object.fromEntries(kept.map((name) => [name, whole[name]!]))
}

/** How many rows or values of the section agree. */
const counts: Readonly<Record<(typeof LOG_SECTIONS)[number], number>> = {
  log: 1 + 20 * 4,
  log_proofs: 2 * (78 + 84),
  log_refused: 24,
  pairs: 20,
  checkpoints: 4 * 6,
  checkpoints_refused: 27,
  acceptance: 22 + 10,
  compare: 14,
  evidence: 26,
}

describe('every section agrees', () => {
  test.each(LOG_SECTIONS)('%s', (section) => {
    const base = checkLogSections(only(), katFollower).agree
    const findings = checkLogSections(only(section), katFollower)
    expect([findings.differences, findings.notes]).toEqual([[], []])
    const isAlways = section === 'log' || section === 'pairs'
    expect([section, findings.agree - (isAlways ? 0 : base)]).toEqual([
      section,
      isAlways ? counts.log + counts.pairs : counts[section],
    ])
  })

  test('as `cairn vectors` reads the file: with a note for what would need StateRoots', () => {
    const findings = checkVectorFile(new Uint8Array(readFileSync(KAT_FILE)))
    const needing = readLogKat().evidence.filter(({ log }) => log !== undefined)
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
    expect(findings.differences).toEqual([])
    expect(findings.agree).toBeGreaterThanOrEqual(all - needing.length)
    expect(findings.notes).toEqual(
      needing.map(({ name }) => `evidence: ${name}: not checked, StateRoots are not computed yet`),
    )
  })
})

describe('the check can fail', () => {
  test.each<[path: readonly (string | number)[], value: unknown, ...at: string[]]>([
    [['log', 'sets', 4, 'leaf'], '00', 'log, set 5: leaf'],
    [['log', 'sets', 4, 'leaf_preimage'], '00', 'log, set 5: leaf_preimage'],
    [['log', 'sets', 4, 'nodes', 0], '00', 'log, set 5: nodes'],
    [['log', 'sets', 4, 'peaks', 1], '00', 'log, set 5: peaks'],
    [['log', 'relay_address'], '6a1a', 'log: relay_address'],
    [['log_proofs', 'inclusion', 3, 3, 0], 0, 'log_proofs: set 1 of 3'],
    [['log_proofs', 'inclusion', 3, 2], 1, 'log_proofs: set 1 of 3'],
    [['log_proofs', 'consistency', 1, 3, 0], 4, 'log_proofs: 1 to 3'],
    [['log_refused', 0, 'proof'], '8208', 'none'],
    [['checkpoints', 0, 'seq'], 2, 'checkpoints, first: fields'],
    [['checkpoints', 0, 'digest'], '00', 'checkpoints, first: digest'],
    [['checkpoints', 0, 'eip191_hash'], '00', 'checkpoints, first: eip191_hash'],
    [['checkpoints', 0, 'last'], '8058', 'checkpoints, first: whole'],
    [['checkpoints_refused', 0, 'pair'], 2, 'checkpoints_refused: signed by a card'],
    [['acceptance', 1, 'result'], 'ignored', 'acceptance: next'],
    [['acceptance', 1, 'stale'], true, 'acceptance: next: stale'],
    [['acceptance', 1, 'consistency'], null, 'acceptance: next', 'acceptance: next: stale'],
    [['compare', 2, 'result'], 'evidence 1', 'compare: an older one'],
    [['evidence', 0, 'class'], 4, 'evidence: same seq, another StateRoot'],
    [['evidence', 3, 'seq'], 16, 'evidence: two leaves for one seq, checkpoints of different Seq'],
    [['evidence', 5, 'b'], 2, 'none'],
    [
      ['evidence', 18, 'log', 'state_roots', 0, 0],
      12,
      'evidence: a price that no set wrote, and that is gone after the next',
    ],
  ])('%j as %j', (path, value, ...at) => {
    const file = structuredClone(only(String(path[0])))
    const parent = path.slice(0, -1).reduce<Json>((inner, key) => inner[key]!, file as never) as Record<string, unknown>
    expect(parent[path.at(-1)!]).not.toEqual(value)
    parent[path.at(-1)!] = value
    const found = checkLogSections(file, katFollower).differences.map((difference) => difference.at)
    const wanted = at.filter((place) => place !== 'none')
    expect(wanted.length === 0 ? found : found.filter((place) => wanted.includes(place))).toEqual(wanted)
  })

  test('at a signature that none of the keys makes, with a note', () => {
    const file = structuredClone(only()) as unknown as { pairs: string[][] }
    file.pairs[16]![1] = `${'11'.repeat(64)}1b`
    expect(checkLogSections(file).notes).toEqual(['pairs: 16: none of the keys makes this signature'])
  })

  test('a section of another shape is said to be one', () => {
    for (const section of LOG_SECTIONS) {
      const broken = section === 'log_proofs' ? { inclusion: [[0, 1, 0, []]], consistency: [] } : [{ name: 'x' }]
      expect(() => checkLogSections({ ...only(), [section]: broken }), section).toThrow(VectorFileError)
    }
  })
})
