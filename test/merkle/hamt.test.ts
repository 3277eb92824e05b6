/** The trie against a Map and against a dumb recomputation (PROTOCOL §6). */

import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import { Hamt } from '../../src/merkle/hamt.js'
import { digestFromScratch } from '../fixtures/hamt-oracle.js'
import { colliding, entriesOf, key, run, steps, value } from '../fixtures/hamt-steps.js'

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

  it('has the digest of a recomputation also where the values of one node are megabytes', () => {
    const entries = [1, 2, 3].map((k) => [key(k), new Uint8Array(600_000).fill(k)] as const)
    const trie = entries.reduce((t, [k, v]) => t.set(k, v), Hamt.empty)
    expect(toHex(trie.digest())).toBe(toHex(digestFromScratch(entries)))
    const small = trie.delete(key(1)).set(key(2), value(2)).set(key(3), value(3))
    expect(toHex(small.digest())).toBe(toHex(digestFromScratch([2, 3].map((k) => [key(k), value(k)]))))
  })
})

describe('keys that collide', () => {
  it.each([1, 5, 6, 7, 59, 60, 120, 246, 251, 252, 255, 256])('in %i bits', (bits) => {
    const hash = colliding(bits)
    fc.assert(
      fc.property(steps(12), (list) => {
        run(Hamt.over({ keyHash: hash }), list, (trie, model) => {
          expect(toHex(trie.digest())).toBe(toHex(digestFromScratch(entriesOf(model), hash)))
          for (let k = 0; k <= 12; k++) expect(trie.has(key(k))).toBe(model.has(k))
        })
      }),
      { numRuns: 15 },
    )
  })

  it('stand in a list by key below level 42', () => {
    const trie = [3, 1, 2].reduce((t, k) => t.set(key(k), value(k)), Hamt.over({ keyHash: () => new Uint8Array(32) }))
    expect([...trie.entries()].map(([k]) => k[1])).toEqual([1, 2, 3])
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
