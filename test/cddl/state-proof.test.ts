/** State proofs against cddl/state-proof.cddl: those that we make and those of the specification's known answers. */

import { describe, expect, test } from 'vitest'
import { fromHex } from '../../src/bytes/hex.js'
import { bytesOf, entriesOf, questionsOf } from '../../src/cli/state-vectors.js'
import { decode } from '../../src/codec/decode.js'
import type { Cbor } from '../../src/codec/value.js'
import { encodeCardPeriods } from '../../src/merkle/card-periods.js'
import { encodeLevel } from '../../src/merkle/state-level.js'
import {
  makeStateProofs,
  readStateProofs,
  StateProofError,
  type StateProofErrorCode,
  type StateQuestion,
} from '../../src/merkle/state-proof.js'
import { check } from '../fixtures/cddl-check.js'
import { neighbours } from '../fixtures/cddl-neighbours.js'
import { stateKat } from '../fixtures/state-kat.js'
import { listedState, objectOf, type StateEntry } from '../fixtures/state-source.js'
import { u64 } from '../fixtures/state-tree-oracle.js'

const history = { lastSeq: 5n, trail: new Uint8Array(32).fill(3) }
const ids = [1n, 2n, 3n, 10n, 11n]
const state = listedState({
  Inventory: ids.map((id): StateEntry => [u64(id), { value: Uint8Array.of(7) }]),
  Orders: ids.map((id): StateEntry => [u64(id), { value: objectOf(id), history }]),
})
const none = new Uint8Array(0)
/** All kinds of answers: present, empty and beside another leaf, with salts and without. */
const asked: StateQuestion[] = [
  ...[1n, 4n, 5n, 12n, 13n, 14n, 15n, 16n].flatMap((id): StateQuestion[] => [
    ['Inventory', u64(id)],
    ['Orders', u64(id)],
  ]),
  ['Tags', Uint8Array.of(0x61)],
  ['Manifest', none],
]
const bytes = makeStateProofs(state.source, asked)
const whole = decode(bytes)
const bare = decode(makeStateProofs(state.source, []))
const level = decode(encodeLevel(state.source.level))
const account = new Uint8Array(20)
const card = decode(
  encodeCardPeriods([
    { account, since: 1n, until: 2n },
    { account, since: 3n },
  ]),
)

const samples: readonly (readonly [rule: string, value: Cbor])[] = [
  ['StateProofs', whole],
  ['StateProofs', bare],
  ['Level', level],
  ['PartialLevel', level],
  ['Card', card],
  ['CardEntry', 1n],
]

describe('what we make', () => {
  test.each(samples)('is a %s', (rule, value) => {
    expect(check(rule, value)).toEqual([])
  })

  test('has answers of all kinds in Inventory and Orders', () => {
    for (const { collection, items } of readStateProofs(bytes, asked.length).parts.slice(0, 2))
      expect([collection, new Set(items.map(({ answer }) => answer.kind))]).toEqual([
        collection,
        new Set(['object', 'other-leaf', 'empty']),
      ])
  })

  /** Byte strings of any length: keys, values, bitmaps, siblings. */
  const isFree = (name: string) =>
    /^(?:Parts: \d: (?:1: \d+: [\d: ]+|[23]:)|Manifest:) ?(?:33 bytes more|no bytes)$/u.test(name)

  test.each(samples)('%s broken anywhere is none', (rule, value) => {
    const broken = neighbours(value)
    const taken = broken.filter(({ value }) => check(rule, value).length === 0).map(({ name }) => name)
    expect(taken.filter((name) => !isFree(name))).toEqual([])
    if (value instanceof Map) expect(broken.length).toBeGreaterThan(10)
  })
})

describe('the known answers', () => {
  const rows = [...stateKat.state_proofs, ...stateKat.multiproofs]
  test.each(rows)('$name', (row) => {
    expect(check('StateProofs', decode(bytesOf(stateKat, row)))).toEqual([])
  })

  test.each(Object.entries(stateKat.shops))('levels and cards of the shop %s', (_name, shop) => {
    expect(check('Level', decode(fromHex(shop.level)))).toEqual([])
    for (const [, { value }] of entriesOf(shop.collections.Cards)) expect(check('Card', decode(value))).toEqual([])
    for (const [key, { value }] of entriesOf(shop.collections.Orders))
      if (key.length === 33) expect(check('CardEntry', decode(value))).toEqual([])
  })

  /** Where reader and contract cannot say the same: what is asked or hashed, lengths and order. */
  const beyond: readonly StateProofErrorCode[] = ['encoding', 'siblings', 'part-order', 'answers']

  test('that are refused for their form are refused by the contract too, and no others', () => {
    const refused = [...stateKat.state_proofs_refused, ...stateKat.multiproofs_refused]
    const seen = { both: 0, neither: 0 }
    for (const row of refused) {
      const bytes = bytesOf(stateKat, row)
      const code = codeOf(() => readStateProofs(bytes, questionsOf(row.asked).length))
      if (code !== undefined && beyond.includes(code)) continue
      // True is no key of a map that we read.
      if (row.name === 'other leaf with true as key') continue
      const isNone = check('StateProofs', decode(bytes)).length > 0
      // A key of Orders of another length is read, and refused as a question.
      const isKey = row.refused_as === 'key of Orders'
      // Fields in another order are the same value.
      if (row.name === 'map keys out of order') continue
      expect.soft([row.name, isNone]).toEqual([row.name, code !== undefined || isKey])
      seen[isNone ? 'both' : 'neither']++
    }
    expect(Math.min(seen.both, seen.neither)).toBeGreaterThan(15)
  })
})

function codeOf(act: () => unknown): StateProofErrorCode | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof StateProofError) return error.code
    throw error
  }
}
