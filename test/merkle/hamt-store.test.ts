/** Tries that are stored and read again node by node: the same contents under any cache, and damage is refused. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { Hamt, type NodeSource, type StoredRoot } from '../../src/merkle/hamt.js'
import { NodeCache } from '../../src/merkle/hamt-cache.js'
import {
  decodeNode,
  encodeNode,
  HamtStoreError,
  isLeaf,
  Branch,
  type Leaf,
  type Node,
} from '../../src/merkle/hamt-node.js'
import { digestFromScratch } from '../fixtures/hamt-oracle.js'
import { colliding, entriesOf, key, run, steps, value } from '../fixtures/hamt-steps.js'

/** A store that keeps nodes and counts what is read. */
class Nodes implements NodeSource {
  readonly written = new Map<number, Uint8Array>()
  reads = 0

  readonly write = (bytes: Uint8Array): number => {
    this.written.set(this.written.size + 1, bytes)
    return this.written.size
  }

  readNode(ref: number): Uint8Array {
    this.reads++
    return this.written.get(ref)!.slice()
  }
}

const EMPTY: StoredRoot = { ref: 0, size: 0, digest: undefined }

function trieOf(count: number): Hamt {
  return Array.from({ length: count }, (_, i) => i).reduce((trie, k) => trie.set(key(k), value(k)), Hamt.empty)
}

/** A stored trie of several levels, with its nodes. */
function stored(): { readonly nodes: Nodes; readonly root: StoredRoot; readonly trie: Hamt } {
  const nodes = new Nodes()
  const trie = trieOf(300)
  trie.digest()
  return { nodes, root: trie.store(nodes.write), trie }
}

describe('the names of stored nodes', () => {
  it('those that a later trie has not are all of the one before less all of its own', () => {
    fc.assert(
      fc.property(steps(300), steps(100), (first, second) => {
        const nodes = new Nodes()
        const open = (root: StoredRoot) => Hamt.open(root, nodes, new NodeCache(3))
        const before = run(open(EMPTY), first)
        before.store(nodes.write)
        const later = run(before, second)
        later.store(nodes.write)
        const own = new Set(later.refs())
        const gone = [...before.refs()].filter((ref) => !own.has(ref))
        expect([...before.refsGoneIn(later)]).toEqual(gone)
        expect(new Set([...before.refs(), ...own]).size).toBe(nodes.written.size)
      }),
    )
  })
})

describe('a stored trie', () => {
  it('is the same when it is opened, with a cache of three nodes in between', () => {
    fc.assert(
      fc.property(steps(200), steps(200), (first, second) => {
        const nodes = new Nodes()
        const cache = new NodeCache(3)
        const open = (root: StoredRoot) => Hamt.open(root, nodes, cache)
        const plain = run(Hamt.empty, first)
        const opened = open(run(open(EMPTY), first).store(nodes.write))
        expect(opened.size).toBe(plain.size)
        expect(opened.shape()).toEqual(plain.shape())
        const both = [plain, opened].map((trie) => {
          let now = trie
          for (const step of second) {
            now = step.op === 'set' ? now.set(key(step.key), value(step.value)) : now.delete(key(step.key))
            if (trie === opened && step.key % 5 === 0) now = open(now.store(nodes.write))
          }
          return toHex(now.digest())
        })
        expect(both[1]).toBe(both[0])
        expect(cache.size).toBeLessThanOrEqual(3)
      }),
      { numRuns: 60 },
    )
  })

  it('goes on under a cache of one node after every step was stored, older versions too', () => {
    fc.assert(
      fc.property(steps(60), (list) => {
        const nodes = new Nodes()
        const versions: [Hamt, string][] = []
        run(Hamt.open(EMPTY, nodes, new NodeCache(1)), list, (trie, model) => {
          trie.store(nodes.write)
          const expected = toHex(digestFromScratch(entriesOf(model)))
          expect(toHex(trie.digest())).toBe(expected)
          versions.push([trie, expected])
        })
        for (const [trie, expected] of versions) {
          expect(toHex(digestFromScratch([...trie.entries()]))).toBe(expected)
        }
      }),
      { numRuns: 15 },
    )
  })

  it.each([6, 250, 252, 256])('reads back keys that collide in %i bits', (bits) => {
    const hash = colliding(bits)
    fc.assert(
      fc.property(steps(12), (list) => {
        const nodes = new Nodes()
        run(Hamt.over({ keyHash: hash }, nodes, new NodeCache(2)), list, (trie, model) => {
          trie.store(nodes.write)
          for (let k = 0; k <= 12; k++) expect(trie.has(key(k))).toBe(model.has(k))
          expect(toHex(trie.digest())).toBe(toHex(digestFromScratch(entriesOf(model), hash)))
        })
      }),
      { numRuns: 10 },
    )
  })

  it('is empty again under ref 0', () => {
    const nodes = new Nodes()
    const root = Hamt.empty.set(key(1), value(1)).delete(key(1)).store(nodes.write)
    expect(root).toEqual(EMPTY)
    expect(nodes.written.size).toBe(0)
    const opened = Hamt.open(root, nodes)
    expect([...opened.entries()]).toEqual([])
    expect(opened.set(key(1), value(2)).get(key(1))).toEqual(value(2))
    expect(() => Hamt.open({ ...root, size: 1 }, nodes)).toThrow(HamtStoreError)
  })

  it('writes only nodes that are new, and reads only those on the way', () => {
    const nodes = new Nodes()
    const many = trieOf(2_000)
    many.digest()
    const root = many.store(nodes.write)
    const before = nodes.written.size
    expect(many.store(nodes.write)).toEqual(root)
    expect(nodes.written.size).toBe(before)
    const opened = Hamt.open(root, nodes, new NodeCache(10_000))
    expect(toHex(opened.digest())).toBe(toHex(many.digest()))
    expect(nodes.reads).toBe(0)
    const changed = opened.set(key(5), value(9))
    expect(nodes.reads).toBeGreaterThan(0)
    expect(nodes.reads).toBeLessThanOrEqual(3)
    changed.store(nodes.write)
    expect(nodes.written.size).toBeGreaterThan(before)
    expect(nodes.written.size - before).toBeLessThanOrEqual(3)
  })

  it('has the same bytes whatever its history', () => {
    const bytesOf = (trie: Hamt) => {
      const nodes = new Nodes()
      trie.digest()
      trie.store(nodes.write)
      return [...nodes.written.values()].map(toHex)
    }
    const keys = Array.from({ length: 300 }, (_, i) => i)
    const backwards = keys.reduceRight((trie, k) => trie.set(key(k), value(k)), trieOf(400))
    const detour = Array.from({ length: 100 }, (_, i) => 300 + i).reduce((trie, k) => trie.delete(key(k)), backwards)
    expect(bytesOf(detour)).toEqual(bytesOf(trieOf(300)))
  })

  it('carries no digest that nobody asked for, and computes it when somebody does', () => {
    const nodes = new Nodes()
    const index = trieOf(300)
    const root = index.store(nodes.write)
    expect(root.digest).toBeUndefined()
    const opened = Hamt.open(root, nodes, new NodeCache(4))
    expect(toHex(opened.digest())).toBe(toHex(index.digest()))
    expect(index.store(nodes.write).digest).toEqual(index.digest())
  })

  it('keeps what was written before a write failed', () => {
    const nodes = new Nodes()
    const trie = trieOf(300)
    const failing = (bytes: Uint8Array) => {
      if (nodes.written.size === 10) throw new RangeError('full')
      return nodes.write(bytes)
    }
    expect(() => trie.store(failing)).toThrow(RangeError)
    const opened = Hamt.open(trie.store(nodes.write), nodes)
    expect(opened.shape()).toEqual(trie.shape())
    const again = new Nodes()
    trieOf(300).store(again.write)
    expect(nodes.written.size).toBe(again.written.size)
  })

  it('reads nodes that come as Buffers, and gives plain bytes', () => {
    const { nodes, root, trie } = stored()
    const opened = Hamt.open(root, { readNode: (ref) => Buffer.from(nodes.readNode(ref)) })
    expect(opened.get(key(7))).toEqual(value(7))
    expect(opened.set(key(7), value(8)).digest()).toEqual(trie.set(key(7), value(8)).digest())
  })
})

describe('a damaged node', () => {
  const { nodes, root } = stored()
  const nodeOf = (ref: number, size: number) => decodeNode(nodes.written.get(ref)!, { ref, size })
  const rootNode = nodeOf(root.ref, root.size)
  const isBranch = (entry: Leaf | Branch): entry is Branch => !isLeaf(entry)
  const child = rootNode.entries.find(isBranch)!
  const refusal = (bytes: Uint8Array, branch: { readonly ref: number; readonly size: number }) => {
    try {
      decodeNode(bytes, branch)
      return 'accepted'
    } catch (error) {
      expect(error).toBeInstanceOf(HamtStoreError)
      expect((error as HamtStoreError).ref).toBe(branch.ref)
      return (error as Error).message
    }
  }
  const withChild = (changed: Partial<Pick<Branch, 'ref' | 'size'>>): Node => {
    const { ref, size } = { ref: child.ref, size: child.size, ...changed }
    const other = new Branch(size, child.node, ref, child.digest, child.root)
    return { ...rootNode, entries: rootNode.entries.map((entry) => (entry === child ? other : entry)) }
  }

  it('is refused when it is cut off anywhere, continued, or of another version', () => {
    for (const { ref, size } of [root, child]) {
      const bytes = nodes.written.get(ref)!
      expect(refusal(bytes, { ref, size })).toBe('accepted')
      for (let cut = 0; cut < bytes.length; cut++)
        expect(refusal(bytes.subarray(0, cut), { ref, size })).toMatch(/cut off/)
      expect(refusal(Uint8Array.of(...bytes, 0), { ref, size })).toMatch(/1 bytes too many/)
      expect(refusal(Uint8Array.of(3, ...bytes.subarray(1)), { ref, size })).toMatch(/version 3, known are 1 and 2/)
    }
  })

  it('is refused when any bit of its bitmap is another', () => {
    for (let bit = 0; bit < 64; bit++) {
      const bytes = nodes.written.get(child.ref)!.slice()
      bytes[1 + (bit >> 3)]! ^= 0x80 >> (bit & 7)
      expect(refusal(bytes, child)).toMatch(/entries in \d+ slots/)
    }
  })

  it.each([
    ['a child stored under no ref', withChild({ ref: 0 }), /a child stored under 0/],
    ['a child stored under no number', withChild({ ref: Number.NaN }), /a child stored under NaN/],
    ['a child stored under a fraction', withChild({ ref: 1.5 }), /a child stored under 1.5/],
    ['a child of one leaf', withChild({ size: 1 }), /a child of 1 leaves/],
    ['a child of too many leaves', withChild({ size: child.size + 1 }), /301 leaves instead of 300/],
    ['children without slots', { ...rootNode, low: 0, high: 0 }, /a child in a list/],
    ['nothing', { low: 0, high: 0, entries: [], places: undefined, preimage: undefined }, /0 entries in 0 slots/],
  ])('is refused with %s', (_, node, message) => {
    expect(refusal(encodeNode(node), root)).toMatch(message)
    expect(refusal(encodeNode(rootNode), root)).toBe('accepted')
  })

  it('is refused with an entry of an unknown kind', () => {
    const bytes = nodes.written.get(root.ref)!.slice()
    bytes[13] = 5
    expect(refusal(bytes, root)).toMatch(/an entry of kind 5/)
  })

  it('is noticed on the way to a key', () => {
    const swapped: NodeSource = { readNode: (ref) => nodes.readNode(ref === child.ref ? root.ref : ref) }
    expect(() => [...Hamt.open(root, swapped).entries()]).toThrow(HamtStoreError)
    expect(() => Hamt.open({ ...root, size: 299 }, nodes).get(key(1))).toThrow(/300 leaves instead of 299/)
    expect(Hamt.open(root, nodes).get(key(1))).toEqual(value(1))
  })
})

describe('a trie that is opened for verifying', () => {
  it('refuses any changed byte of content, which otherwise passes', () => {
    const { nodes, root, trie } = stored()
    const [ref, bytes] = [...nodes.written].find(([, node]) => node[13] === 0)!
    const changed = bytes.slice()
    changed[changed.length - 1]! ^= 1
    const source: NodeSource = { readNode: (asked) => (asked === ref ? changed : nodes.readNode(asked)) }
    expect(() => [...Hamt.open(root, source).entries()]).not.toThrow()
    expect(() => [...Hamt.openVerifying(root, source, new NodeCache(2)).entries()]).toThrow(/digest/)
    expect(Hamt.openVerifying(root, nodes, new NodeCache(2)).shape()).toEqual(trie.shape())
  })

  it('holds nodes that were stored before their digest was known to the digest above them', () => {
    const nodes = new Nodes()
    const trie = trieOf(300)
    trie.store(nodes.write)
    const root = { ...trie.store(nodes.write), digest: trie.digest() }
    expect(Hamt.openVerifying(root, nodes).shape()).toEqual(trie.shape())
    const wrong = trie.set(key(0), value(1)).digest()
    expect(() => Hamt.openVerifying({ ...root, digest: wrong }, nodes).get(key(0))).toThrow(HamtStoreError)
  })

  it('goes on from what it read', () => {
    const { nodes, root, trie } = stored()
    const changed = Hamt.openVerifying(root, nodes, new NodeCache(1)).set(key(1), value(2)).delete(key(2))
    expect(changed.digest()).toEqual(trie.set(key(1), value(2)).delete(key(2)).digest())
  })
})

describe('a node cache', () => {
  const branch = (ref: number, used: boolean): Branch => {
    const one = new Branch(2, { low: 0, high: 0, entries: [], places: undefined, preimage: undefined }, ref)
    one.used = used
    return one
  }

  it('drops the first that was not asked for since it last came by', () => {
    const cache = new NodeCache(3)
    const branches = [true, false, false, true, true, true].map((used, i) => branch(i, used))
    const there = () => branches.filter(({ node }) => node !== undefined).map(({ ref }) => ref)
    const keep = (number: number) => {
      cache.keep(branches[number]!)
      return there()
    }
    for (let i = 0; i < 3; i++) expect(keep(i)).toEqual([0, 1, 2, 3, 4, 5])
    expect(keep(3)).toEqual([0, 2, 3, 4, 5])
    expect(keep(4)).toEqual([0, 3, 4, 5])
    branches[0]!.used = true
    branches[3]!.used = false
    expect(keep(5)).toEqual([0, 4, 5])
    expect(cache.size).toBe(3)
  })

  it('drops in the order of coming when none was asked for, the newest last', () => {
    const cache = new NodeCache(2)
    const branches = [0, 1, 2, 3, 4].map((ref) => branch(ref, false))
    for (const each of branches) cache.keep(each)
    expect(branches.map(({ node }) => node === undefined)).toEqual([true, true, true, false, false])
    const next = branch(5, false)
    cache.keep(next)
    expect(branches.map(({ node }) => node === undefined)).toEqual([true, true, true, true, false])
  })

  it('drops the one where it stands when all were asked for', () => {
    const cache = new NodeCache(2)
    const branches = [0, 1, 2].map((ref) => branch(ref, true))
    for (const each of branches) cache.keep(each)
    expect(branches.map(({ node }) => node === undefined)).toEqual([true, false, false])
    expect(branches.map(({ used }) => used)).toEqual([false, false, true])
  })

  it('never holds more than its maximum, and a working set that fits is read once', () => {
    const { nodes, root } = stored()
    const cache = new NodeCache(nodes.written.size)
    const trie = Hamt.open(root, nodes, cache)
    for (let round = 0; round < 3; round++) for (let k = 0; k < 300; k++) expect(trie.get(key(k))).toEqual(value(k))
    expect(nodes.reads).toBe(nodes.written.size)
    expect(cache.size).toBe(nodes.written.size)
    const small = new NodeCache(5)
    const tight = Hamt.open(root, nodes, small)
    for (let k = 0; k < 300; k++) expect(tight.get(key(k))).toEqual(value(k))
    expect(small.size).toBe(5)
  })

  it('refuses to be of no size', () => {
    expect(() => new NodeCache(0)).toThrow(/without room/)
    expect(new NodeCache(1).size).toBe(0)
  })
})
