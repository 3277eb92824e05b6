/** Digest and state tree of several versions that live at once: whichever is changed or stored, each is true. */

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { Hamt } from '../../src/merkle/hamt.js'
import { NodeCache } from '../../src/merkle/hamt-cache.js'
import type { TriePlace } from '../../src/merkle/hamt-places.js'
import { EMPTY_PLACE } from '../../src/merkle/state-tree.js'
import { digestFromScratch, rootFromScratch, sha256, type Entry, type KeyHash } from '../fixtures/hamt-oracle.js'
import { colliding, key, value } from '../fixtures/hamt-steps.js'

interface Version {
  readonly trie: Hamt
  readonly model: ReadonlyMap<number, number>
}

class Nodes {
  private readonly written: Uint8Array[] = []

  readonly write = (bytes: Uint8Array): number => this.written.push(bytes)

  readNode(ref: number): Uint8Array {
    return this.written[ref - 1]!.slice()
  }
}

const entriesOf = ({ model }: Version): Entry[] => [...model].map(([k, v]) => [key(k), value(v)])

function expectRoot({ trie, model }: Version, keyHash: KeyHash): void {
  expect(toHex(trie.root())).toBe(toHex(rootFromScratch(entriesOf({ trie, model }), keyHash)))
}

function expectDigest({ trie, model }: Version, keyHash: KeyHash): void {
  expect(toHex(trie.digest())).toBe(toHex(digestFromScratch(entriesOf({ trie, model }), keyHash)))
}

/** Down to the key as a proof goes, each digest that it passes checked against those below. */
function walk({ trie, model }: Version, k: number, keyHash: KeyHash): void {
  const hash = keyHash(key(k))
  let place: TriePlace | undefined = trie.tree()
  expect(toHex(place?.digest ?? EMPTY_PLACE)).toBe(toHex(trie.root()))
  for (let bit = 0; place !== undefined && place.leaf === undefined; bit++) {
    const { left, right, digest }: TriePlace = place
    const halves = [left?.digest ?? EMPTY_PLACE, right?.digest ?? EMPTY_PLACE] as const
    expect(toHex(digest)).toBe(toHex(sha256(Uint8Array.of(1, ...halves[0], ...halves[1]))))
    place = (hash[bit >> 3]! >> (7 - (bit & 7))) & 1 ? right : left
  }
  const found = place?.leaf !== undefined && equalBytes(place.leaf.key, key(k)) ? place.leaf.value : undefined
  const held = model.get(k)
  expect(found).toEqual(held === undefined ? undefined : value(held))
}

const KEYS = 40
const at = fc.nat({ max: 1_000 })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('set' as const), at, k: fc.nat(KEYS), v: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), at, k: fc.nat(KEYS) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('root' as const), at }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('digest' as const), at }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('walk' as const), at, k: fc.nat(KEYS) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('store' as const), at, room: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('open' as const), at, verifying: fc.boolean() }) },
)

it.each([
  ['sha256', sha256],
  ['hashes that agree in 10 bits', colliding(10)],
  ['hashes that agree in 246 bits', colliding(246)],
])('of %s', (_name, keyHash) => {
  const hashes = { keyHash, valueHash: sha256 }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const nodes = new Nodes()
      const cache = new NodeCache(3)
      const versions: Version[] = [{ trie: Hamt.over(hashes, nodes, cache), model: new Map() }]
      const isTwice = (model: ReadonlyMap<number, number>) =>
        new Set([...model.keys()].map((k) => toHex(keyHash(key(k))))).size < model.size
      for (const one of steps) {
        const version = versions[one.at % versions.length]!
        const { trie, model } = version
        if (one.op === 'set' || one.op === 'delete') {
          const after = new Map(model)
          if (one.op === 'set') after.set(one.k, one.v)
          else after.delete(one.k)
          // Two keys under one hash have no tree.
          if (isTwice(after)) continue
          const changed = one.op === 'set' ? trie.set(key(one.k), value(one.v)) : trie.delete(key(one.k))
          versions.push({ trie: changed, model: after })
        } else if (one.op === 'root') expectRoot(version, keyHash)
        else if (one.op === 'digest') expectDigest(version, keyHash)
        else if (one.op === 'walk') walk(version, one.k, keyHash)
        else if (one.op === 'store') {
          let left = one.room
          trie.storePart(nodes.write, () => left-- > 0)
        } else {
          const root = trie.store(nodes.write)
          const open = one.verifying
            ? Hamt.openVerifying(root, nodes, cache, hashes)
            : Hamt.open(root, nodes, cache, hashes)
          versions.push({ trie: open, model })
        }
        if (versions.length > 12) versions.splice(one.at % 12, 1)
      }
      for (const version of versions) {
        expectRoot(version, keyHash)
        expectDigest(version, keyHash)
        for (const k of [0, 7, KEYS]) walk(version, k, keyHash)
      }
    }),
    { numRuns: 150 },
  )
})

it('a key is hashed once to be found and once to be set, and none that was only asked for is kept', () => {
  let asked = 0
  const counting = (bytes: Uint8Array) => {
    asked++
    return sha256(bytes)
  }
  let trie = Hamt.over({ keyHash: counting })
  const keys = Array.from({ length: 100 }, (_, i) => Uint8Array.of(i))
  for (const one of keys) trie = trie.set(one, Uint8Array.of(1))
  trie.root()
  asked = 0
  // As a set of many patches does it: other arrays of the same keys, each first read, then set, then all hashed.
  const same = keys.map((one) => one.slice())
  for (const one of same) trie.get(one)
  for (const one of same) trie = trie.set(one, Uint8Array.of(2))
  trie.root()
  expect(asked).toBe(200)
  for (const one of [same[0]!, same[1]!, same[0]!]) trie.get(one)
  expect(asked).toBe(203)
})
