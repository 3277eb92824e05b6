/** The sections of the state tree in the specification's known answers, and that each can fail. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkStateSections, STATE_SECTIONS } from '../../src/cli/state-vectors.js'
import { checkVectorFile } from '../../src/cli/vector-check.js'
import { VectorFileError } from '../../src/cli/vector-findings.js'
import { STATE_KAT_PATH, stateKat } from '../fixtures/state-kat.js'

type Json = Record<string, never>
const whole = stateKat as unknown as Record<string, Json>

/** The section alone with the values that it refers to, which count too. */
function only(section: string): Record<string, Json> {
  const needed = section === 'collections' || section.includes('proofs') ? ['shops'] : []
  const base = section.includes('refused') ? ['state_proofs', 'multiproofs'] : []
  return Object.fromEntries([...needed, ...base, section].map((name) => [name, whole[name]!]))
}

/** How many rows or values of the section agree. */
const counts: Readonly<Record<(typeof STATE_SECTIONS)[number], number>> = {
  collections: 7 + 6,
  trees_by_K: 2 * 8,
  shops: 3 * 16 + 15,
  state_proofs: 2 * 44,
  state_proofs_refused: 84,
  multiproofs: 3 * 9,
  multiproofs_refused: 13,
}

describe('every section agrees', () => {
  test.each(STATE_SECTIONS)('%s', (section) => {
    const file = only(section)
    const findings = checkStateSections(file)
    expect([findings.differences, findings.notes]).toEqual([[], []])
    const sections = STATE_SECTIONS.filter((name) => name in file)
    expect(findings.agree).toBe(sections.reduce((sum, name) => sum + counts[name], 0))
  })

  test('as `cairn vectors` reads the file', () => {
    const findings = checkVectorFile(new Uint8Array(readFileSync(STATE_KAT_PATH)))
    expect(findings.differences).toEqual([])
    expect(findings.agree).toBeGreaterThanOrEqual(Object.values(counts).reduce((sum, count) => sum + count, 0))
  })
})

describe('the check can fail', () => {
  test.each<[path: readonly (string | number)[], value: unknown, ...at: string[]]>([
    [['collections', 1, 'root'], '00', 'collections, one: the root is its leaf: root'],
    [['collections', 1, 'leaves', 0, 2], '00', 'collections, one: the root is its leaf: leaves'],
    [['collections', 1, 'leaves', 0, 3], 1, 'collections, one: the root is its leaf: leaves'],
    [['trees_by_K', 0, 'root'], '00', 'trees_by_K, differ in the first bit: root'],
    [['trees_by_K', 0, 'depths', 0], 2, 'trees_by_K, differ in the first bit: depths'],
    [['shops', 'kat', 'roots', 'Orders'], '00', 'shops, kat: roots.Orders'],
    [['shops', 'kat', 'salts', 'Orders'], '00', 'shops, kat: salts.Orders'],
    [['shops', 'kat', 'salted', 'Orders'], '00', 'shops, kat: salted.Orders'],
    [['shops', 'kat', 'order_value_hash'], '00', 'shops, kat: order_value_hash'],
    [['shops', 'kat', 'state_root_preimage'], '00', 'shops, kat: state_root_preimage'],
    [['shops', 'kat', 'state_root'], '00', 'shops, kat: state_root'],
    [['shops', 'kat', 'state_hash'], '00', 'shops, kat: state_hash'],
    [['state_proofs', 0, 'answers', 0], null, 'state_proofs: listing'],
    [['state_proofs', 0, 'asked', 0, 1], '0000000000000045', 'state_proofs: listing'],
    [['state_proofs', 6, 'answers', 0, 1], 1, 'state_proofs: order with its trail'],
    [['state_proofs_refused', 77, 'splices'], [], 'state_proofs_refused: level with null where nothing yields it'],
    [['state_proofs_refused', 82, 'splices'], [], 'state_proofs_refused: map keys out of order'],
    [['multiproofs', 0, 'answers', 2], null, 'multiproofs: twelve stocks, present and absent'],
    [['multiproofs', 0, 'sizes', 'this'], 1, 'multiproofs: twelve stocks, present and absent: sizes.this'],
    [['multiproofs_refused', 2, 'splices'], [], 'multiproofs_refused: items not by K'],
  ])('%j as %j', (path, value, ...at) => {
    const file = structuredClone(only(String(path[0])))
    const parent = path.slice(0, -1).reduce<Json>((inner, key) => inner[key]!, file as never) as Record<string, unknown>
    expect(parent[path.at(-1)!]).not.toEqual(value)
    parent[path.at(-1)!] = value
    const found = checkStateSections(file).differences.map((difference) => difference.at)
    expect(found).toEqual(at)
  })

  test('a section of another shape is said to be one', () => {
    for (const section of STATE_SECTIONS)
      expect(() => checkStateSections({ ...only(section), [section]: [{ name: 'x' }] }), section).toThrow(
        VectorFileError,
      )
  })
})
