/** The sections of what a client holds in the specification's known answers, and that each can fail. */

import { describe, expect, test } from 'vitest'
import { checkReplicaSections, REPLICA_SECTIONS } from '../../src/cli/replica-vectors.js'
import { VectorFileError } from '../../src/cli/vector-findings.js'
import { stateKat } from '../fixtures/state-kat.js'

type Json = Record<string, never>
const whole = stateKat as unknown as Record<string, Json>

/** The sections that others refer to: each is checked too where it is one. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  my_orders_refused: ['my_orders'],
  snapshot_unfiltered: ['snapshot'],
  snapshot_followed: ['snapshot'],
  snapshot_refused: ['snapshot'],
  guests_account_refused: ['guests_account'],
}

function only(section: string): Record<string, Json> {
  const kept = ['pairs', 'log', 'shops', ...(NEEDED[section] ?? []), section]
  return Object.fromEntries(kept.map((name) => [name, whole[name]!]))
}

/** How many rows or values of the section agree. */
const counts: Readonly<Record<(typeof REPLICA_SECTIONS)[number], number>> = {
  my_orders: 6,
  my_orders_refused: 23,
  snapshot: 1 + 6 + 2,
  snapshot_unfiltered: 1 + 7,
  snapshot_followed: 1 + 11 * 7,
  snapshot_refused: 50,
  guests_account: 2 + 4 * 2,
  guests_account_refused: 10,
}

test.each(REPLICA_SECTIONS)('%s agrees', (section) => {
  const file = only(section)
  const findings = checkReplicaSections(file)
  expect([findings.differences, findings.notes]).toEqual([[], []])
  const sections = REPLICA_SECTIONS.filter((name) => name in file)
  expect(findings.agree).toBe(sections.reduce((sum, name) => sum + counts[name], 0))
})

describe('the check can fail', () => {
  test.each<[path: readonly (string | number)[], value: unknown, ...at: string[]]>([
    [['my_orders', 0, 'list', 0, 1], 5, 'my_orders: an order added twice'],
    [['my_orders', 2, 'pair'], 1, 'my_orders: none'],
    [['my_orders', 1, 'answers', 0, 1], null, 'my_orders: two orders in one set, one added again'],
    [['my_orders_refused', 0, 'base', 1], 1, 'my_orders_refused: not all, and the rest is missing'],
    [['snapshot', 'level'], '00', 'snapshot'],
    [['snapshot_unfiltered', 'objects', 3], 0, 'snapshot_unfiltered'],
    [['snapshot_followed', 'objects', 9], 8, 'snapshot_followed'],
    [['snapshot_refused', 14, 'unfiltered'], false, 'snapshot_refused: without the Cards'],
    [['guests_account', 'v'], '00', 'guests_account: v'],
    [['guests_account', 'pieces', 0], [1_051_035], 'guests_account: 1051035'],
    [['guests_account_refused', 0, 'lengths'], [1_048_576, 2_459], 'guests_account_refused: in one piece'],
  ])('%j as %j', (path, value, at) => {
    const file = structuredClone(only(String(path[0])))
    const parent = path.slice(0, -1).reduce<Json>((inner, key) => inner[key]!, file as never) as Record<string, unknown>
    expect(parent[path.at(-1)!]).not.toEqual(value)
    parent[path.at(-1)!] = value
    const found = checkReplicaSections(file).differences.map((difference) => difference.at)
    expect(found[0]).toBe(at)
  })

  test('a section of another shape is said to be one', () => {
    for (const section of REPLICA_SECTIONS)
      expect(() => checkReplicaSections({ ...only(section), [section]: [{ name: 'x' }] }), section).toThrow(
        VectorFileError,
      )
  })
})
