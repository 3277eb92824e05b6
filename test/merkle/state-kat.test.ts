/** The state tree and its proofs against vectors/spec/state-kat.json, made by an independent implementation. */

import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { bytesOf, entriesOf, objectOf, questionsOf, type ProofRow, type ShopRow } from '../../src/cli/state-vectors.js'
import {
  collectionSalt,
  encodeLevel,
  readLevel,
  SALTED_COLLECTIONS,
  saltedRoot,
  STATE_COLLECTIONS,
  stateRoot,
} from '../../src/merkle/state-level.js'
import { StateProofError } from '../../src/merkle/state-proof-error.js'
import { encodeStateProofs, readStateProofs } from '../../src/merkle/state-proof-form.js'
import { makeStateProofs } from '../../src/merkle/state-proof-maker.js'
import { verifyStateProofs } from '../../src/merkle/state-proof.js'
import { StateRootStream } from '../../src/merkle/state-root-stream.js'
import { stateLeafDigest, stateValueHash, type TreeLeaf } from '../../src/merkle/state-tree.js'
import { stateKat } from '../fixtures/state-kat.js'
import { listedState, type ListedState } from '../fixtures/state-source.js'
import { byKeyHash, oracleLeaf, oracleRoot } from '../fixtures/state-tree-oracle.js'

const { collections, trees_by_K: treesByK, shops } = stateKat

function streamedRoot(leaves: readonly Pick<TreeLeaf, 'keyHash' | 'valueHash'>[]): string {
  const stream = new StateRootStream()
  for (const leaf of byKeyHash(leaves)) stream.add(leaf)
  return toHex(stream.root())
}

describe('collections', () => {
  test.each(collections)('$name', ({ entries, leaves = [], root }) => {
    const listed = entriesOf(entries ?? shops['kat']!.collections.Inventory)
    const ours = listed.map(([key, object]) => oracleLeaf(key, object))
    expect(toHex(oracleRoot(ours))).toBe(root)
    expect(streamedRoot(ours)).toBe(root)
    for (const [i, [keyHash, valueHash, leaf]] of leaves.entries()) {
      expect([ours[i]!.keyHash, stateValueHash(listed[i]![1])].map(toHex)).toEqual([keyHash, valueHash])
      expect(toHex(stateLeafDigest(ours[i]!))).toBe(leaf)
    }
  })

  test('are all with their leaves but the one that is in a shop', () => {
    expect(collections.filter(({ leaves }) => leaves === undefined)).toHaveLength(1)
    expect(collections.length).toBeGreaterThan(5)
  })
})

test.each(treesByK)('a tree by K: $name', ({ leaves, root }) => {
  const ours = leaves.map(([keyHash, valueHash]) => ({ keyHash: fromHex(keyHash), valueHash: fromHex(valueHash) }))
  expect(toHex(oracleRoot(ours))).toBe(root)
  expect(streamedRoot(ours)).toBe(root)
})

describe.each(Object.entries(shops))('the shop %s', (_name, shop) => {
  const { source, shopId, stateRoot: expected } = stateOf(shop)

  test('has these roots, salts, level and StateRoot', () => {
    for (const name of STATE_COLLECTIONS) {
      const leaves = entriesOf(shop.collections[name]).map(([key, object]) => oracleLeaf(key, object))
      expect(streamedRoot(leaves)).toBe(shop.roots[name])
    }
    for (const name of SALTED_COLLECTIONS) {
      expect(toHex(collectionSalt(fromHex(shop.secret), name))).toBe(shop.salts[name])
      const salted = saltedRoot(fromHex(shop.salts[name]), fromHex(shop.roots[name]))
      expect(toHex(source.level.roots[name])).toBe(toHex(salted))
    }
    expect(toHex(encodeLevel(source.level))).toBe(shop.level)
    expect(readLevel(fromHex(shop.level))).toEqual(source.level)
    expect([toHex(stateRoot(source.level)), toHex(expected)]).toEqual([shop.state_root, shop.state_root])
  })

  test('is proven object by object, and whole in one', () => {
    const asked = STATE_COLLECTIONS.flatMap((name) =>
      entriesOf(shop.collections[name]).map(([key]) => [name, key] as const),
    ).filter(([name, key]) => name !== 'Accounts' || key.some((byte) => byte !== 0))
    const claim = { shopId, stateRoot: expected, asked }
    const proven = verifyStateProofs(makeStateProofs(source, asked), claim)
    expect(proven.level).toEqual(source.level)
    const objects = new Map(
      STATE_COLLECTIONS.flatMap((name) =>
        entriesOf(shop.collections[name]).map(([key, object]) => [`${name}/${toHex(key)}`, object] as const),
      ),
    )
    for (const [i, [name, key]] of asked.entries())
      expect(proven.answers[i]).toEqual(objects.get(`${name}/${toHex(key)}`))
  })
})

describe.each([
  ['state_proofs', stateKat.state_proofs],
  ['multiproofs', stateKat.multiproofs],
])('%s', (_section, rows) => {
  test.each(rows)('$name', (row) => {
    const shop = stateOf(shops[row.shop]!)
    const asked = questionsOf(row.asked)
    const bytes = bytesOf(stateKat, row)
    const { answers, level } = verifyStateProofs(bytes, { shopId: shop.shopId, stateRoot: shop.stateRoot, asked })
    expect(answers).toEqual(row.answers.map(objectOf))
    expect(level).toEqual(shop.source.level)
    expect(toHex(makeStateProofs(shop.source, asked))).toBe(toHex(bytes))
    expect(toHex(encodeStateProofs(readStateProofs(bytes, asked.length)))).toBe(toHex(bytes))
    if (row.sizes !== undefined) expect(sizesOf(row)).toEqual(row.sizes)
  })
})

describe.each([
  ['state_proofs_refused', stateKat.state_proofs_refused],
  ['multiproofs_refused', stateKat.multiproofs_refused],
])('%s', (_section, rows) => {
  test.each(rows)('$name: $reason', (row) => {
    const claim = { shopId: BigInt(row.shop_id), stateRoot: fromHex(row.state_root), asked: questionsOf(row.asked) }
    let refused: unknown
    try {
      verifyStateProofs(bytesOf(stateKat, row), claim)
    } catch (error) {
      refused = error
    }
    expect(refused).toBeInstanceOf(StateProofError)
    const { code } = refused as StateProofError
    const codes = CODES[row.refused_as]
    expect(codes, row.refused_as).toBeDefined()
    expect(codes).toContain(code)
  })
})

/** Our codes by the words of the file, so that a row is not refused for another reason than its own. */
const CODES: Readonly<Record<string, readonly StateProofError['code'][]>> = {
  'state root': ['state-root'],
  'not hoisted': ['not-hoisted'],
  'other leaf is the key itself': ['other-leaf'],
  'other leaf off the path': ['other-leaf'],
  value: ['form'],
  item: ['form'],
  fields: ['form'],
  map: ['form'],
  'answers are not what was asked': ['answers'],
  'level null': ['level-null'],
  parts: ['part-order'],
  'schema version': ['schema-version'],
  'part fields': ['form'],
  salt: ['form'],
  'order answer': ['form'],
  'ID is not the key': ['object-id'],
  'number of orders': ['card-entry'],
  // −1 is a CBOR integer; fields out of order are other fields than those of the text.
  encoding: ['encoding', 'card-entry', 'form'],
  'key of Orders': ['question'],
  periods: ['card-periods'],
  period: ['form'],
  "the guests' account is not proven": ['question'],
  'manifest of another shop': ['manifest-shop'],
  'explicit empty sibling': ['zero-sibling'],
  'bitmap unused bits': ['empty-siblings'],
  'bitmap length': ['empty-siblings'],
  // A depth that is changed puts a leaf below its place.
  'sibling count': ['siblings', 'not-hoisted'],
  'sibling length': ['siblings'],
  siblings: ['form'],
  depth: ['depth', 'form'],
  level: ['form'],
  // An item twice is one more than was asked.
  'item order': ['item-order', 'answers', 'form'],
  'ends disagree': ['ends'],
  'end above another item': ['ends'],
}

function sizesOf({ shop, asked, proofs }: ProofRow): ProofRow['sizes'] {
  const { source } = stateOf(shops[shop]!)
  const lengths = questionsOf(asked).map((question) => makeStateProofs(source, [question]).length)
  return { this: proofs!.length / 2, one_by_one: lengths.reduce((sum, length) => sum + length, 0) }
}

const states = new Map<ShopRow, ListedState>()

function stateOf(shop: ShopRow): ListedState {
  const state = states.get(shop) ?? listed(shop)
  states.set(shop, state)
  return state
}

function listed(shop: ShopRow): ListedState {
  const entries = Object.fromEntries(STATE_COLLECTIONS.map((name) => [name, entriesOf(shop.collections[name])]))
  return listedState(entries, {
    shopId: BigInt(shop.shop_id),
    manifest: fromHex(shop.manifest),
    secret: fromHex(shop.secret),
  })
}
