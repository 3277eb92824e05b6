/** Against a list of all sets: the last 1,024 of each card are found, no other, whatever the batches were. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { WRITTEN_SETS_PER_CARD_KEPT } from '../../../src/limits.js'
import { WrittenSets, type WrittenBlock } from '../../../src/relay/write/written-sets.js'
import { StoreError } from '../../../src/store/store-error.js'

const card = (byte: number) => new Uint8Array(33).fill(byte)

class Rows {
  readonly rows = new Map<string, Uint8Array>()
  readonly damaged = new Set<string>()

  setting(key: string): Uint8Array | undefined {
    if (this.damaged.has(key)) throw new StoreError('damaged', `the row ${key}`)
    return this.rows.get(key)
  }

  keep(sets: WrittenSets): number {
    const rows = sets.rows()
    for (const { key, value } of rows) this.rows.set(key, value!)
    return rows.length
  }
}

test('what was written lately is found', () => {
  const batches = fc.array(fc.array(fc.tuple(fc.nat({ max: 1 }), fc.integer({ min: 1, max: 5 })), { maxLength: 300 }), {
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(batches, fc.boolean(), fc.boolean(), (list, fails, isRemembered) => {
      const store = new Rows()
      // Of the batches before, or of none.
      const recent = new Map<string, WrittenBlock>()
      const remembered = () => (isRemembered ? recent : undefined)
      const all: { nonce: bigint; seq: number }[][] = [[], []]
      let seq = 0
      for (const [i, batch] of list.entries()) {
        const sets = new WrittenSets(store, remembered())
        const kept = all.map((one) => [...one])
        for (const [who, step] of batch) {
          const nonce = (all[who]!.at(-1)?.nonce ?? 0n) + BigInt(step)
          all[who]!.push({ nonce, seq: ++seq })
          sets.add(1n, card(who), nonce, seq)
          expect(sets.find(1n, card(who), nonce)).toBe(seq)
        }
        // A batch that was not stored leaves no trace.
        if (fails && i % 3 === 1) all.splice(0, 2, ...kept)
        else {
          store.keep(sets)
          sets.stored()
        }
      }
      const sets = new WrittenSets(store, remembered())
      for (const [who, written] of all.entries()) {
        const lately = written.slice(-WRITTEN_SETS_PER_CARD_KEPT)
        for (const one of lately) expect(sets.find(1n, card(who), one.nonce)).toBe(one.seq)
        for (const one of written.slice(0, -WRITTEN_SETS_PER_CARD_KEPT))
          expect(sets.find(1n, card(who), one.nonce)).toBeUndefined()
        const nonces = new Set(written.map(({ nonce }) => nonce))
        for (let nonce = 0n; nonce < 50n; nonce++)
          if (!nonces.has(nonce)) expect(sets.find(1n, card(who), nonce)).toBeUndefined()
        expect(sets.find(2n, card(who), lately.at(-1)?.nonce ?? 1n)).toBeUndefined()
      }
    }),
    { numRuns: 60 },
  )
})

test('the last 1,024 are kept, in 34 rows', () => {
  const store = new Rows()
  for (let i = 1; i <= 5_000; i++) {
    const sets = new WrittenSets(store)
    sets.add(1n, card(1), BigInt(2 * i), i)
    expect(store.keep(sets)).toBeLessThanOrEqual(2)
  }
  expect(store.rows.size).toBe(34)
  const sets = new WrittenSets(store)
  const found = Array.from({ length: 5_001 }, (_, i) => sets.find(1n, card(1), BigInt(2 * i))).filter(Boolean)
  expect([found.length, found[0], found.at(-1)]).toEqual([1_024, 3_977, 5_000])
})

test('a row that a batch wrote is read no more', () => {
  const store = new Rows()
  const recent = new Map<string, WrittenBlock>()
  for (const nonce of [1n, 2n]) {
    const sets = new WrittenSets(store, recent)
    sets.add(1n, card(1), nonce, Number(nonce))
    store.keep(sets)
    sets.stored()
    for (const key of store.rows.keys()) store.damaged.add(key)
  }
  expect(new WrittenSets(store, recent).find(1n, card(1), 1n)).toBe(1)
})

test('a damaged row costs its answers alone', () => {
  const store = new Rows()
  const sets = new WrittenSets(store)
  for (let i = 1; i <= 100; i++) sets.add(1n, card(1), BigInt(i), i)
  store.keep(sets)
  const [newest] = [...store.rows.keys()].sort()
  store.damaged.add(newest!)
  const after = new WrittenSets(store)
  expect(after.find(1n, card(1), 100n)).toBeUndefined()
  after.add(1n, card(1), 101n, 101)
  expect(after.find(1n, card(1), 101n)).toBe(101)
})
