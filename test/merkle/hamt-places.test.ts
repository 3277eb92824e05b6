/** The state tree in the trie's nodes: the root of a dumb tree over the same leaves, after any change and any store. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { Hamt, HamtStoreError, type StoredRoot } from '../../src/merkle/hamt.js'
import { NodeCache } from '../../src/merkle/hamt-cache.js'
import type { TriePlace } from '../../src/merkle/hamt-places.js'
import { EMPTY_PLACE } from '../../src/merkle/state-tree.js'
import { rootFromScratch, sha256, type Entry } from '../fixtures/hamt-oracle.js'
import { colliding, entriesOf, key, run, steps, value } from '../fixtures/hamt-steps.js'

const hexRoot = (entries: readonly Entry[], keyHash = sha256) => toHex(rootFromScratch(entries, keyHash))

function trieOf(count: number): Hamt {
  return Array.from({ length: count }, (_, i) => i).reduce((trie, k) => trie.set(key(k), value(k)), Hamt.empty)
}

class Nodes {
  readonly written = new Map<number, Uint8Array>()

  readonly write = (bytes: Uint8Array): number => {
    this.written.set(this.written.size + 1, bytes)
    return this.written.size
  }

  readNode(ref: number): Uint8Array {
    return this.written.get(ref)!.slice()
  }
}

describe('the root', () => {
  it('is that of a dumb tree after every step', () => {
    fc.assert(
      fc.property(steps(60), (list) => {
        run(Hamt.empty, list, (trie, model) => expect(toHex(trie.root())).toBe(hexRoot(entriesOf(model))))
      }),
      { numRuns: 60 },
    )
  })

  it.each([1, 5, 6, 7, 59, 60, 120, 246, 251, 252, 253, 254])('and where keys collide in %i bits', (bits) => {
    const keyHash = colliding(bits)
    // More keys than there are places left would have one hash.
    const keys = bits > 250 ? 3 : 12
    fc.assert(
      fc.property(steps(keys), (list) => {
        run(Hamt.over({ keyHash }), list, (trie, model) => {
          const hashes = new Set(entriesOf(model).map(([k]) => toHex(keyHash(k))))
          if (hashes.size === model.size) expect(toHex(trie.root())).toBe(hexRoot(entriesOf(model), keyHash))
        })
      }),
      { numRuns: 15 },
    )
  })

  it('may be hashed a part at a time, left in between, and gone on with after changes', () => {
    const [whole, parts] = [trieOf(2_000), trieOf(2_000)]
    const few = parts.hashSteps()
    for (let i = 0; i < 20; i++) expect(few.next().done).toBe(false)
    const [one, two] = [whole, parts].map((trie) => trie.set(key(7), value(8)).delete(key(1_234)))
    expect([...two!.hashSteps()].length).toBeGreaterThan(20)
    expect([...two!.hashSteps()]).toEqual([])
    expect(toHex(two!.root())).toBe(toHex(one!.root()))
    expect(toHex(parts.root())).toBe(toHex(whole.root()))
  })

  it('depends on the contents alone', () => {
    fc.assert(
      fc.property(steps(40), fc.infiniteStream(fc.nat()), (list, chance) => {
        const trie = run(Hamt.empty, list, (now) => void (chance.next().value! % 3 === 0 && now.root()))
        const afresh = [...trie.entries()].toReversed().reduce((made, [k, v]) => made.set(k, v), Hamt.empty)
        expect(toHex(afresh.root())).toBe(toHex(trie.root()))
      }),
      { numRuns: 60 },
    )
  })

  it('takes what of a value the tree holds from its caller', () => {
    const valueHash = (bytes: Uint8Array) => sha256(Uint8Array.of(3, ...bytes))
    const trie = Hamt.over({ valueHash }).set(key(1), value(1)).set(key(2), value(2))
    const entries = [1, 2].map((k): Entry => [key(k), value(k)])
    expect(trie.root()).toEqual(rootFromScratch(entries, sha256, valueHash))
  })

  it('of nothing is zeros', () => {
    expect([Hamt.empty.root(), Hamt.empty.tree()]).toEqual([EMPTY_PLACE, undefined])
    expect(Hamt.empty.set(key(1), value(1)).delete(key(1)).root()).toEqual(EMPTY_PLACE)
  })

  it('is kept with the nodes, under a cache of two', () => {
    fc.assert(
      fc.property(steps(200), steps(200), fc.boolean(), (first, second, asked) => {
        const nodes = new Nodes()
        const before = run(Hamt.open({ ref: 0, size: 0, digest: undefined }, nodes, new NodeCache(2)), first)
        if (asked) before.root()
        const root = before.store(nodes.write)
        expect(root.root === undefined).toBe(!asked || root.size === 0)
        run(Hamt.open(root, nodes, new NodeCache(2)), second, (trie) => {
          expect(toHex(trie.root())).toBe(hexRoot([...trie.entries()]))
        })
      }),
      { numRuns: 20 },
    )
  })

  it('of a stored trie is computed from what is kept: a change asks for the hashes of few values', () => {
    let hashed = 0
    const valueHash = (bytes: Uint8Array) => (hashed++, sha256(bytes))
    const nodes = new Nodes()
    const trie = trieOf(5_000)
    let own = Hamt.over({ valueHash })
    for (const [k, v] of trie.entries()) own = own.set(k, v)
    own.root()
    expect(hashed).toBe(5_000)
    const stored = own.store(nodes.write)
    hashed = 0
    const opened = Hamt.open(stored, nodes, undefined, { keyHash: sha256, valueHash })
    expect(opened.set(key(77), value(1)).root()).toEqual(trie.set(key(77), value(1)).root())
    expect(hashed).toBeLessThan(8)
  })

  it('is checked by who doubts the store', () => {
    const nodes = new Nodes()
    const trie = trieOf(300)
    trie.root()
    const root = trie.store(nodes.write)
    const all = (stored: StoredRoot) => [...Hamt.openVerifying(stored, nodes).entries()]
    expect(all(root)).toHaveLength(300)
    for (const [ref, bytes] of nodes.written) {
      // The last digest of a place, or a byte of a value: each node has one of them there.
      nodes.written.set(ref, bytes.with(30, bytes[30]! ^ 1))
      expect(() => all(root), `node ${ref}`).toThrow(HamtStoreError)
      nodes.written.set(ref, bytes)
    }
  })
})

describe('the leaves behind a key', () => {
  const behind = (trie: Hamt, k: Uint8Array) => [...trie.entriesAfter(k)].map(([other]) => toHex(other))

  it('are those that follow it in trie order, whether or not it is there', () => {
    fc.assert(
      fc.property(steps(60), fc.nat({ max: 80 }), (list, k) => {
        const trie = run(Hamt.empty, list)
        const place = toHex(sha256(key(k)))
        const expected = [...trie.entries()].map(([other]) => other).filter((other) => toHex(sha256(other)) > place)
        expect(behind(trie, key(k))).toEqual(expected.map(toHex))
      }),
      { numRuns: 60 },
    )
  })

  it.each([5, 6, 59, 250, 252])('also where keys collide in %i bits', (bits) => {
    const keyHash = colliding(bits)
    const trie = [0, 1, 2].reduce((made, k) => made.set(key(k), value(k)), Hamt.over({ keyHash }))
    const all = [...trie.entries()].map(([other]) => other)
    const isLater = (other: Uint8Array, k: number) => toHex(keyHash(other)) > toHex(keyHash(key(k)))
    for (const k of [0, 1, 2, 3])
      expect(behind(trie, key(k))).toEqual(all.filter((other) => isLater(other, k)).map(toHex))
  })
})

describe('the tree', () => {
  const leavesOf = (place: TriePlace | undefined): Entry[] => {
    if (place === undefined) return []
    return place.leaf ? [[place.leaf.key, place.leaf.value]] : [...leavesOf(place.left), ...leavesOf(place.right)]
  }

  const check = (place: TriePlace | undefined): Uint8Array => {
    if (place === undefined) return EMPTY_PLACE
    const { leaf, left, right, digest } = place
    const expected =
      leaf === undefined
        ? sha256(Uint8Array.of(1, ...check(left), ...check(right)))
        : sha256(Uint8Array.of(0, ...sha256(leaf.key), ...sha256(leaf.value)))
    expect(toHex(digest)).toBe(toHex(expected))
    return digest
  }

  it.each([1, 2, 3, 60, 300, 5_000])(
    'of %i leaves has them all, in order of their hashes, and all digests',
    (count) => {
      const nodes = new Nodes()
      const root = trieOf(count).store(nodes.write)
      const trie = Hamt.open(root, nodes, new NodeCache(3))
      check(trie.tree())
      const hashes = leavesOf(trie.tree()).map(([k]) => toHex(sha256(k)))
      expect(hashes).toEqual(Array.from({ length: count }, (_, k) => toHex(sha256(key(k)))).sort())
      expect(trie.tree()!.digest).toEqual(trie.root())
    },
  )
})
