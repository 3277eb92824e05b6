/** The trie against a Map and against a dumb recomputation (PROTOCOL §6). */

import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import { Hamt, type NodeSource, type StoredRoot } from '../../src/merkle/hamt.js'
import { NodeCache } from '../../src/merkle/hamt-cache.js'
import { decodeNode, HamtNodeError } from '../../src/merkle/hamt-node.js'
import { digestFromScratch, sha256, type KeyHash } from './hamt-oracle.js'

type Step =
  { readonly op: 'set'; readonly key: number; readonly value: number } | { readonly op: 'delete'; readonly key: number }

const key = (number: number) => Uint8Array.of(number >> 8, number & 0xff, 7)
const value = (number: number) => encode(BigInt(number))
const steps = (keys: number) =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ op: fc.constant('set' as const), key: fc.nat(keys), value: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key: fc.nat(keys) }) },
    ),
    { maxLength: 120 },
  )

function run(
  trie: Hamt,
  list: readonly Step[],
  check?: (trie: Hamt, model: ReadonlyMap<number, number>) => void,
): Hamt {
  const model = new Map<number, number>()
  let now = trie
  for (const step of list) {
    if (step.op === 'set') {
      now = now.set(key(step.key), value(step.value))
      model.set(step.key, step.value)
    } else {
      now = now.delete(key(step.key))
      model.delete(step.key)
    }
    check?.(now, model)
  }
  return now
}

function entriesOf(model: ReadonlyMap<number, number>): [Uint8Array, Uint8Array][] {
  return [...model].map(([k, v]) => [key(k), value(v)])
}

/** Hashes that agree in so many leading bits; 256 makes all keys collide down to the list. */
function colliding(bits: number): KeyHash {
  return (bytes) => {
    const hash = sha256(bytes)
    for (let i = 0; i < 32; i++) {
      const kept = Math.max(0, Math.min(8, bits - 8 * i))
      hash[i] = hash[i]! & (0xff >> kept)
    }
    return hash
  }
}

describe('a trie of random steps', () => {
  it('holds what a Map holds', () => {
    fc.assert(
      fc.property(steps(300), (list) => {
        run(Hamt.empty, list, (trie, model) => {
          expect(trie.size).toBe(model.size)
          for (let k = 0; k < 20; k++) {
            const expected = model.get(k)
            expect(trie.get(key(k))).toEqual(expected === undefined ? undefined : value(expected))
          }
        })
      }),
      { numRuns: 60 },
    )
  })

  it('has the digest of a recomputation after every step, also when it was asked before', () => {
    fc.assert(
      fc.property(steps(40), (list) => {
        run(Hamt.empty, list, (trie, model) =>
          expect(toHex(trie.digest())).toBe(toHex(digestFromScratch(entriesOf(model)))),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('depends on its contents alone, not on their history', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(500), { maxLength: 120 }),
        fc.array(fc.nat(500), { maxLength: 60 }),
        fc.nat(),
        (keys, passing, seed) => {
          const straight = keys.reduce((trie, k) => trie.set(key(k), value(k)), Hamt.empty)
          const kept = new Set(keys)
          const shuffled = [...keys].sort((a, b) => ((a * 7_919 + seed) % 1_009) - ((b * 7_919 + seed) % 1_009))
          let detour = passing.reduce((trie, k) => trie.set(key(k), value(k + 1)), Hamt.empty)
          for (const k of shuffled) detour = detour.set(key(k), value(k))
          for (const k of passing) if (!kept.has(k)) detour = detour.delete(key(k))
          expect(toHex(detour.digest())).toBe(toHex(straight.digest()))
          expect(detour.shape()).toEqual(straight.shape())
        },
      ),
      { numRuns: 80 },
    )
  })

  it('leaves older versions as they were', () => {
    const one = Hamt.empty.set(key(1), value(1))
    const digest = toHex(one.digest())
    one.set(key(1), value(2)).set(key(2), value(3)).delete(key(1)).digest()
    expect(toHex(one.digest())).toBe(digest)
    expect(one.get(key(1))).toEqual(value(1))
  })

  it('is itself where nothing changes', () => {
    const one = Hamt.empty.set(key(1), value(1))
    expect(one.set(key(1), value(1))).toBe(one)
    expect(one.delete(key(2))).toBe(one)
  })

  it('is the SHA-256 of nothing when empty, also when it was emptied', () => {
    const nothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    expect(toHex(Hamt.empty.digest())).toBe(nothing)
    expect(toHex(Hamt.empty.set(key(1), value(1)).delete(key(1)).digest())).toBe(nothing)
  })
})

describe('keys that collide', () => {
  it.each([1, 5, 6, 7, 59, 60, 120, 246, 251, 252, 255, 256])('in %i bits', (bits) => {
    const hash = colliding(bits)
    fc.assert(
      fc.property(steps(12), (list) => {
        run(Hamt.withKeyHash(hash), list, (trie, model) => {
          expect(toHex(trie.digest())).toBe(toHex(digestFromScratch(entriesOf(model), hash)))
          for (let k = 0; k <= 12; k++) expect(trie.has(key(k))).toBe(model.has(k))
        })
      }),
      { numRuns: 15 },
    )
  })

  it('stand in a list by key below level 42', () => {
    const trie = [3, 1, 2].reduce(
      (t, k) => t.set(key(k), value(k)),
      Hamt.withKeyHash(() => new Uint8Array(32)),
    )
    expect([...trie.entries()].map(([k]) => k[1])).toEqual([1, 2, 3])
  })
})

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

describe('a stored trie', () => {
  it('is the same when it is opened, with a cache of three nodes in between', () => {
    fc.assert(
      fc.property(steps(200), steps(200), (first, second) => {
        const nodes = new Nodes()
        const cache = new NodeCache(3)
        const open = (root: StoredRoot) => Hamt.open(root, nodes, cache)
        const plain = run(Hamt.empty, first)
        const opened = open(run(open({ ref: 0, size: 0, digest: undefined }), first).store(nodes.write))
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

  it('writes only nodes that are new, and reads only those on the way', () => {
    const nodes = new Nodes()
    const many = Array.from({ length: 2_000 }, (_, i) => i).reduce((trie, k) => trie.set(key(k), value(k)), Hamt.empty)
    many.digest()
    const root = many.store(nodes.write)
    const before = nodes.written.size
    const opened = Hamt.open(root, nodes, new NodeCache(10_000))
    expect(toHex(opened.digest())).toBe(toHex(many.digest()))
    expect(nodes.reads).toBe(0)
    const changed = opened.set(key(5), value(9))
    expect(nodes.reads).toBeLessThanOrEqual(3)
    changed.store(nodes.write)
    expect(nodes.written.size - before).toBeLessThanOrEqual(3)
  })

  it('refuses damaged nodes', () => {
    const nodes = new Nodes()
    const trie = Array.from({ length: 70 }, (_, i) => i).reduce((t, k) => t.set(key(k), value(k)), Hamt.empty)
    trie.store(nodes.write)
    for (const bytes of nodes.written.values()) {
      expect(() => decodeNode(bytes)).not.toThrow()
      for (let cut = 0; cut < bytes.length; cut += 7)
        expect(() => decodeNode(bytes.subarray(0, cut))).toThrow(HamtNodeError)
      expect(() => decodeNode(Uint8Array.of(...bytes, 0))).toThrow(HamtNodeError)
      expect(() => decodeNode(Uint8Array.of(2, ...bytes.subarray(1)))).toThrow(HamtNodeError)
    }
  })
})

describe('the reference vectors', () => {
  interface Vector {
    readonly operations: readonly { readonly type: string; readonly key: string; readonly value: string }[]
    readonly hashes: readonly string[]
  }
  const file = new URL('../../vectors/reference/hamt.json', import.meta.url)
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[]

  it('agree after every operation, but for the hashes that the reference forgets to renew after an update', () => {
    const stale: string[] = []
    for (const [number, { operations, hashes }] of vectors.entries()) {
      let trie = Hamt.empty
      for (const [i, operation] of operations.entries()) {
        const k = fromHex(operation.key)
        trie = operation.type === 'delete' ? trie.delete(k) : trie.set(k, encode(operation.value))
        if (toHex(trie.digest()) === hashes[i]) continue
        expect(hashes[i], `vector ${number}, operation ${i}`).toBe(hashes[i - 1])
        stale.push(`${number}/${i}`)
      }
    }
    expect(stale).toEqual(['4/84', '4/98'])
  })
})
