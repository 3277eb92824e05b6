/** Proofs of arbitrary states: what they answer, and that they answer nothing else. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { encodeStateProofs, readStateProofs, type ProofItem } from '../../src/merkle/state-proof-form.js'
import { makeStateProofs } from '../../src/merkle/state-proof-maker.js'
import {
  StateProofError,
  verifyStateProofs,
  type StateClaim,
  type StateQuestion,
} from '../../src/merkle/state-proof.js'
import { questionName } from '../../src/merkle/state-question.js'
import type { StateObject, TreePlace } from '../../src/merkle/state-tree.js'
import { listed, listedState, objectOf, type ListedState } from '../fixtures/state-source.js'
import { question, state } from '../fixtures/state.arbitrary.js'
import { u64 } from '../fixtures/state-tree-oracle.js'

const questions = fc.array(question, { maxLength: 30 })

function claimOf({ shopId, stateRoot }: ListedState, asked: readonly StateQuestion[]): StateClaim {
  return { shopId, stateRoot, asked }
}

function isRefused(bytes: Uint8Array, claim: StateClaim): boolean {
  try {
    verifyStateProofs(bytes, claim)
    return false
  } catch (error) {
    if (!(error instanceof StateProofError)) throw error
    return true
  }
}

/** By the list. */
function expected(state: ListedState, [collection, key]: StateQuestion): StateObject | undefined {
  return collection === 'Manifest' ? { value: state.source.manifest } : listed(state, collection, key)
}

describe('a proof of an arbitrary state', () => {
  it('answers as the list does, in the order asked, and yields the level', () => {
    fc.assert(
      fc.property(state, questions, (state, asked) => {
        const { answers, level } = verifyStateProofs(makeStateProofs(state.source, asked), claimOf(state, asked))
        expect(answers).toEqual(asked.map((one) => expected(state, one)))
        expect(level).toEqual(state.source.level)
      }),
    )
  })

  it('of many answers as those of one object each, and is not longer than they', () => {
    fc.assert(
      fc.property(state, questions, (state, asked) => {
        const whole = makeStateProofs(state.source, asked)
        const { answers } = verifyStateProofs(whole, claimOf(state, asked))
        const singles = asked.map((one) => makeStateProofs(state.source, [one]))
        const answered = asked.map((one, i) => verifyStateProofs(singles[i]!, claimOf(state, [one])).answers[0])
        expect(answers).toEqual(answered)
        const sum = singles.reduce((sum, { length }) => sum + length, 0)
        if (asked.length > 0) expect(whole.length).toBeLessThanOrEqual(sum)
      }),
      { numRuns: 50 },
    )
  })

  it('depends on the contents and the questions alone, not on the order in which either came', () => {
    fc.assert(
      fc.property(state, questions, (state, asked) => {
        const { entries, shopId, source } = state
        const turned = Object.fromEntries(Object.entries(entries).map(([name, list]) => [name, list.toReversed()]))
        const other = listedState(turned, { shopId, manifest: source.manifest })
        const again = { ...other.source, level: source.level, salts: source.salts }
        expect(toHex(makeStateProofs(again, [...asked.toReversed(), ...asked]))).toBe(
          toHex(makeStateProofs(source, asked)),
        )
      }),
      { numRuns: 50 },
    )
  })

  it('goes there and back as bytes', () => {
    fc.assert(
      fc.property(state, questions, (state, asked) => {
        const bytes = makeStateProofs(state.source, asked)
        expect(toHex(encodeStateProofs(readStateProofs(bytes, asked.length)))).toBe(toHex(bytes))
      }),
      { numRuns: 50 },
    )
  })

  it('reads of a tree the places on the ways, and of those beside them the digest alone', () => {
    fc.assert(
      fc.property(state, question, (state, asked) => {
        const [collection] = asked
        if (collection === 'Manifest') return
        const tree = state.source.trees[collection]
        const opened: number[] = []
        const watched = (place: TreePlace | undefined, depth: number): TreePlace | undefined =>
          place && {
            digest: place.digest,
            get leaf() {
              opened.push(depth)
              return place.leaf
            },
            get left() {
              return watched(place.left, depth + 1)
            },
            get right() {
              return watched(place.right, depth + 1)
            },
          }
        const trees = { ...state.source.trees, [collection]: watched(tree, 0) }
        const [item] = readStateProofs(makeStateProofs({ ...state.source, trees }, [asked]), 1).parts[0]!.items
        const places = item!.answer.kind === 'empty' ? item!.depth : item!.depth + 1
        expect(opened).toEqual(Array.from({ length: places }, (_, depth) => depth))
      }),
    )
  })
})

describe('a proof never verifies', () => {
  it('for another key, collection, shop, state or list of questions', () => {
    fc.assert(
      fc.property(state, state, question, question, (state, other, one, another) => {
        fc.pre(questionName(one) !== questionName(another) && !equalBytes(state.stateRoot, other.stateRoot))
        const proof = makeStateProofs(state.source, [one])
        expect(isRefused(proof, claimOf(state, [one]))).toBe(false)
        expect(isRefused(proof, claimOf(state, [another]))).toBe(true)
        expect(isRefused(proof, claimOf(state, [one, another]))).toBe(true)
        expect(isRefused(proof, claimOf(state, []))).toBe(true)
        expect(isRefused(proof, claimOf(other, [one]))).toBe(true)
        const shopId = state.shopId ^ 1n
        if (one[0] === 'Manifest') expect(isRefused(proof, { ...claimOf(state, [one]), shopId })).toBe(true)
      }),
    )
  })

  it('with what it says of an object changed, whatever to', () => {
    fc.assert(
      fc.property(state, question, question, state, (state, one, another, other) => {
        fc.pre(one[0] !== 'Manifest' && another[0] !== 'Manifest')
        const proofs = readStateProofs(makeStateProofs(state.source, [one]), 1)
        const [part] = proofs.parts
        const [item] = part!.items
        const foreign = readStateProofs(makeStateProofs(other.source, [another]), 1).parts[0]!
        const answers: ProofItem['answer'][] = [{ kind: 'empty' }, foreign.items[0]!.answer]
        const changed = [
          ...answers.map((answer) => ({ ...part!, items: [{ ...item!, answer }] })),
          { ...part!, items: [{ ...item!, depth: item!.depth + 1 }] },
          { ...part!, collection: foreign.collection, ...(foreign.salt && { salt: foreign.salt }) },
          { ...foreign, collection: part!.collection },
        ]
        const original = toHex(encodeStateProofs(proofs))
        for (const one of changed.map((part) => encodeStateProofs({ ...proofs, parts: [part] })))
          if (toHex(one) !== original)
            expect(isRefused(one, claimOf(state, [[part!.collection, item!.key]]))).toBe(true)
      }),
    )
  })

  it('with any bit of it flipped', () => {
    const ids = Array.from({ length: 40 }, (_, i) => BigInt(i + 1))
    const trail = new Uint8Array(32).fill(3)
    const flipped = listedState({
      Listings: ids.map((id) => [u64(id), { value: objectOf(id) }]),
      Orders: ids.map((id) => [u64(id), { value: objectOf(id), history: { lastSeq: id, trail } }]),
      Tags: [[Uint8Array.of(0x61), { value: Uint8Array.of(1) }]],
    })
    const rows: StateQuestion[][] = [
      [],
      [['Manifest', new Uint8Array(0)]],
      [['Listings', u64(7n)]],
      [['Orders', u64(7n)]],
      [['Orders', u64(70n)]],
      [['Tags', Uint8Array.of(0x62)]],
      [
        ['Listings', u64(3n)],
        ['Listings', u64(300n)],
        ['Listings', u64(4n)],
        ['Inventory', u64(4n)],
        ['Manifest', new Uint8Array(0)],
      ],
    ]
    for (const asked of rows) {
      const proof = makeStateProofs(flipped.source, asked)
      const claim = claimOf(flipped, asked)
      expect(isRefused(proof, claim)).toBe(false)
      const accepted = Array.from({ length: 8 * proof.length }, (_, bit) => bit).filter(
        (bit) => !isRefused(proof.with(bit >> 3, proof[bit >> 3]! ^ (0x80 >> (bit & 7))), claim),
      )
      expect(accepted).toEqual([])
    }
  })

  it('cut off anywhere, or with anything after it', () => {
    const asked: StateQuestion[] = [['Tags', Uint8Array.of(0x61)]]
    const { source, ...rest } = listedState({ Tags: [[Uint8Array.of(0x61), { value: Uint8Array.of(1) }]] })
    const proof = makeStateProofs(source, asked)
    for (let end = 0; end < proof.length; end++) expect(isRefused(proof.slice(0, end), { ...rest, asked })).toBe(true)
    expect(isRefused(Uint8Array.from([...proof, 0]), { ...rest, asked })).toBe(true)
  })
})
