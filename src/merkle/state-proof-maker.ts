/**
 * Makes state proofs (PROOFS §1.1) over any tree: who stores one gives its places.
 *
 * Tests: test/merkle/state-proof.test.ts
 */

import { sha256 } from '#hash'
import { compareBytes, concatBytes, equalBytes } from '../bytes/bytes.js'
import {
  byCollection,
  isSalted,
  STATE_COLLECTIONS,
  type Level,
  type SaltedCollection,
  type StateCollection,
} from './state-level.js'
import { encodeStateProofs, type ItemAnswer, type ProofItem, type ProofPart } from './state-proof-form.js'
import { questionName, requireProvable, type StateQuestion } from './state-question.js'
import { bitAt, type TreeLeaf, type TreePlace } from './state-tree.js'

/** One version of a shop's state. */
export interface StateSource {
  readonly level: Level
  /** Canonical. Asked only if it is to be proven, as everything below. */
  readonly manifest: Uint8Array
  /** Undefined of an empty collection. Its digest is what the level holds, before salting. */
  readonly trees: Readonly<Record<StateCollection, TreePlace | undefined>>
  /** 32 bytes each. */
  readonly salts: Readonly<Record<SaltedCollection, Uint8Array>>
}

/**
 * StateProofs for what is asked, in any order, present or absent; a question that comes twice is answered once. Without
 * questions the bare level. Reads no place beside the ways to what is asked but for its digest. Throws StateProofError
 * 'question'.
 *
 * @example
 * ```ts
 * import { makeStateProofs, readStateProofs } from 'cairn-relay/state-proof'
 *
 * const none = new Uint8Array(32)
 * const all = <T>(x: T) => ({ Accounts: x, Cards: x, Inventory: x, Listings: x, Orders: x, Tags: x })
 * const level = { schemaVersion: 4n, manifestHash: none, roots: all(none) }
 * const source = { level, manifest: none, trees: all(undefined), salts: { Inventory: none, Orders: none } }
 * const proof = makeStateProofs(source, [['Tags', Uint8Array.of(0x61)]])
 * console.log(readStateProofs(proof, 1).parts.map(({ collection }) => collection)) // [ 'Tags' ]
 * ```
 */
export function makeStateProofs(source: StateSource, asked: readonly StateQuestion[]): Uint8Array {
  for (const question of asked) requireProvable(question)
  const parts = STATE_COLLECTIONS.flatMap((name) => {
    const keys = asked.flatMap(([collection, key]) => (collection === name ? [key] : []))
    return keys.length === 0 ? [] : [partOf(source, name, keys)]
  })
  const { schemaVersion, manifestHash, roots } = source.level
  const manifest = asked.some(([collection]) => collection === 'Manifest') ? source.manifest : undefined
  const level: Level<Uint8Array | null> = {
    schemaVersion,
    manifestHash: manifest === undefined ? manifestHash : null,
    roots: byCollection((name) => (parts.some(({ collection }) => collection === name) ? null : roots[name])),
  }
  return encodeStateProofs({ level, parts, manifest })
}

function partOf({ trees, salts }: StateSource, collection: StateCollection, keys: readonly Uint8Array[]): ProofPart {
  const wanted = new Map(keys.map((key) => [questionName([collection, key]), key]))
  const targets = [...wanted.values()].map((key) => ({ key, keyHash: sha256(key) }))
  targets.sort((a, b) => compareBytes(a.keyHash, b.keyHash))
  const part = { collection, ...walked(trees[collection], targets) }
  return isSalted(collection) ? { ...part, salt: salts[collection] } : part
}

interface Target {
  readonly key: Uint8Array
  /** K. */
  readonly keyHash: Uint8Array
}

/** The items and siblings of a part for at least one target, by strictly rising K. */
export function walked(
  tree: TreePlace | undefined,
  targets: readonly Target[],
): Pick<ProofPart, 'items' | 'emptySiblings' | 'siblings'> {
  const walk = new Walk(targets)
  walk.visit(tree, 0, 0, targets.length)
  return walk.found()
}

class Walk {
  private readonly targets: readonly Target[]
  private readonly items: ProofItem[] = []
  /** Undefined is an empty one. */
  private readonly siblings: (Uint8Array | undefined)[] = []

  constructor(targets: readonly Target[]) {
    this.targets = targets
  }

  /** The place at `depth` that the targets from `from` to before `to` go through. */
  visit(place: TreePlace | undefined, depth: number, from: number, to: number): void {
    const leaf = place?.leaf
    if (place === undefined || leaf !== undefined) {
      for (const { key, keyHash } of this.targets.slice(from, to))
        this.items.push({ key, depth, answer: answerOf(keyHash, leaf) })
      return
    }
    let middle = from
    while (middle < to && bitAt(this.targets[middle]!.keyHash, depth) === 0) middle++
    if (middle > from) this.visit(place.left, depth + 1, from, middle)
    if (middle < to) this.visit(place.right, depth + 1, middle, to)
    if (middle === from) this.siblings.push(place.left?.digest)
    else if (middle === to) this.siblings.push(place.right?.digest)
  }

  found(): Pick<ProofPart, 'items' | 'emptySiblings' | 'siblings'> {
    const emptySiblings = new Uint8Array(Math.ceil(this.siblings.length / 8))
    for (const [i, sibling] of this.siblings.entries())
      if (sibling === undefined) emptySiblings[i >> 3]! |= 0x80 >> (i & 7)
    const shown = this.siblings.filter((sibling) => sibling !== undefined)
    return { items: this.items, emptySiblings, siblings: concatBytes(...shown) }
  }
}

function answerOf(keyHash: Uint8Array, leaf: TreeLeaf | undefined): ItemAnswer {
  if (leaf === undefined) return { kind: 'empty' }
  return equalBytes(leaf.keyHash, keyHash) ? { kind: 'object', object: leaf.object } : { kind: 'other-leaf', leaf }
}
