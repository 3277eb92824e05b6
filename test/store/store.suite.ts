/** What every store must do. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bitOf } from '../../src/patches/object-name.js'
import { encodeChange } from '../../src/patches/patch.js'
import { StoreError } from '../../src/store/store-error.js'
import type { Commit, Store } from '../../src/store/store.js'
import { decodeSet } from '../../src/wire/pushed-set.js'
import { bytesOf, readable, recordOf, recordsFor, shopRow } from '../fixtures/store.arbitrary.js'

export interface StoreUnderTest {
  store: Store
  /** Closes it and opens it again; a store that forgets returns undefined. */
  reopen(): Promise<Store | undefined>
  dispose(): Promise<void>
}

const ALL = { records: 1_000_000, bytes: 2 ** 30 }
const NO_SIGNER = new Uint8Array(0)

export function storeSuite(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let made: StoreUnderTest
    let store: Store

    beforeEach(async () => {
      made = await make()
      store = made.store
    })
    afterEach(() => made.dispose())

    const withShops = (...ids: bigint[]) => store.commit({ records: [], newShops: ids.map(shopRow) })
    /** Checks it now and, where a store remembers, after reopening. */
    const nowAndLater = async (expectations: (store: Store) => void) => {
      expectations(store)
      const again = await made.reopen()
      if (again !== undefined) expectations(again)
    }

    it('gives sets as pushes carry them, and counts their patches by collection', async () => {
      await withShops(1n)
      const paths = [
        ['Listings', 1n],
        ['Orders', 2n],
        ['Listings', 3n],
      ] as const
      const patches = paths.map((path) => encodeChange({ op: 'remove', path: [...path] }))
      const records = [[patches[0]!], [patches[1]!, patches[2]!], [patches[2]!]].map((list, i) => ({
        ...recordOf(i + 1),
        patches: list,
      }))
      await store.commit({ records: records.slice(0, 2).map((record) => ({ shopId: 1n, record })) })
      await store.commit({ records: records.slice(2).map((record) => ({ shopId: 1n, record })) })
      await nowAndLater((store) => {
        for (const { seq, header, signature, patches } of records) {
          const run = store.readRun(1n, seq - 1)!
          expect(run.first <= seq && seq <= run.last).toBe(true)
          expect(run.set(seq)).toEqual({ seq, header, signature, patches })
          expect([run.patches(seq), run.isProven(seq)]).toEqual([patches.length, patches.length === 1])
          if (patches.length === 1) expect(decodeSet(run.sets(seq, seq))).toMatchObject({ seq: BigInt(seq), patches })
        }
        expect(store.readRun(1n, 3)).toBeUndefined()
        expect(store.readRun(2n, 0)).toBeUndefined()
        const counts = (name: string) =>
          [
            [0, 3],
            [0, 1],
            [1, 2],
            [1, 3],
            [3, 3],
          ].map(([from, to]) => store.countPatches(1n, from!, to!, bitOf(name)))
        expect(counts('Listings')).toEqual([3, 1, 1, 2, 0])
        expect(counts('Orders')).toEqual([1, 0, 1, 1, 0])
        expect(counts('Tags')).toEqual([0, 0, 0, 0, 0])
      })
    })

    it('has nothing at first', () => {
      expect(store.shops()).toEqual([])
      expect(store.cards()).toEqual([])
      expect(store.head(1n)).toBe(0)
      expect(store.readLog(1n, 0, ALL)).toEqual([])
      expect(store.nonce(1n, NO_SIGNER)).toBe(0n)
      expect(store.card(bytesOf(33, 1))).toBeUndefined()
      expect(store.setting('x')).toBeUndefined()
      expect(store.derived(1n)).toBeUndefined()
      expect(store.nextNodeRef(1n)).toBe(1)
      expect(store.objectSeqs(1n, bytesOf(3, 1), 0, 10)).toEqual([])
      expect(store.stats()).toMatchObject({ logBytes: 0, sets: 0 })
    })

    it('keeps what was committed', async () => {
      const shopId = 2n ** 256n - 1n
      const card = { card: bytesOf(33, 2), shopId, account: bytesOf(20, 3), guest: true, removed: false }
      await store.commit({
        records: recordsFor(shopId, 1, 3),
        newShops: [shopRow(shopId)],
        nonces: [
          { shopId, signer: bytesOf(33, 2), nonce: 2n ** 64n - 1n },
          { shopId, signer: NO_SIGNER, nonce: 7n },
        ],
        cards: [card],
        settings: [{ key: 'registry', value: bytesOf(5, 1) }],
      })
      await nowAndLater((store) => {
        expect(store.shops()).toEqual([shopRow(shopId)])
        expect(store.head(shopId)).toBe(3)
        expect(store.readLog(shopId, 0, ALL)).toEqual([1, 2, 3].map((seq) => recordOf(seq)))
        expect(store.nonce(shopId, bytesOf(33, 2))).toBe(2n ** 64n - 1n)
        expect(store.nonce(shopId, NO_SIGNER)).toBe(7n)
        expect(store.nonce(shopId, bytesOf(33, 4))).toBe(0n)
        expect(store.card(card.card)).toEqual(card)
        expect(store.cards()).toEqual([card])
        expect(store.setting('registry')).toEqual(bytesOf(5, 1))
        expect(store.stats().sets).toBe(3)
        expect(store.stats().logBytes).toBeGreaterThan(3 * (100 + 90 + 65))
      })
    })

    it('keeps what enrolled a card and when it was removed, each if it is told', async () => {
      await withShops(1n)
      const messages = [undefined, -62_167_219_200n, 0n, 253_402_300_800n].map(
        (issuedAt) => issuedAt && { digest: bytesOf(32, 5), issuedAt },
      )
      const rows = messages.flatMap((enrolledBy, i) =>
        [undefined, 0, Number.MAX_SAFE_INTEGER].map((removedAtMs, j) => ({
          card: bytesOf(33, 10 * i + j),
          shopId: 1n,
          account: bytesOf(20, 3),
          guest: i === 1,
          removed: removedAtMs !== undefined,
          ...(enrolledBy && { enrolledBy }),
          ...(removedAtMs !== undefined && { removedAtMs }),
        })),
      )
      await store.commit({ records: [], cards: rows })
      await nowAndLater((store) => expect(store.cards()).toEqual(rows))
    })

    it('keeps records of every form', async () => {
      await withShops(1n)
      const empty = new Uint8Array(0)
      const relayMade = { ...recordOf(1), signer: empty, account: empty, role: 'relay' as const, patches: [] }
      const wide = { ...recordOf(2), role: 'owner' as const, patches: [empty, bytesOf(1, 1), bytesOf(300_000, 2)] }
      const plain = { ...recordOf(3), role: 'guest' as const, committedAtMs: Number.MAX_SAFE_INTEGER, header: empty }
      await store.commit({ records: [relayMade, wide, plain].map((record) => ({ shopId: 1n, record })) })
      await nowAndLater((store) =>
        expect(readable(store.readLog(1n, 0, ALL))).toEqual(readable([relayMade, wide, plain])),
      )
    })

    it('replaces and removes rows', async () => {
      await withShops(1n)
      const card = { card: bytesOf(33, 2), shopId: 1n, account: bytesOf(20, 3), guest: true, removed: false }
      const signer = card.card
      await store.commit({
        records: [],
        cards: [card],
        settings: [{ key: 'a', value: bytesOf(1, 1) }],
        nonces: [{ shopId: 1n, signer, nonce: 5n }],
      })
      await store.commit({
        records: [],
        cards: [{ ...card, removed: true, removedAtMs: 1_700_000_000_123 }],
        settings: [
          { key: 'a', value: undefined },
          { key: 'b', value: bytesOf(0, 0) },
        ],
        nonces: [{ shopId: 1n, signer, nonce: 6n }],
      })
      await nowAndLater((store) => {
        expect(store.card(card.card)).toEqual({ ...card, removed: true, removedAtMs: 1_700_000_000_123 })
        expect(store.cards()).toHaveLength(1)
        expect(store.setting('a')).toBeUndefined()
        expect(store.setting('b')).toEqual(new Uint8Array(0))
        expect(store.nonce(1n, signer)).toBe(6n)
      })
    })

    it('keeps payment rows apart by shop, in the order of their keys, and finds them by prefix', async () => {
      await withShops(1n, 2n)
      const row = (shopId: bigint, key: readonly number[], fill: number) => ({
        shopId,
        key: Uint8Array.from(key),
        value: bytesOf(3, fill),
      })
      const first = [row(1n, [5, 1], 1), row(1n, [5], 2), row(1n, [255, 255], 3), row(2n, [5, 1], 4)]
      await store.commit({ records: [], paymentRows: first })
      await store.commit({ records: [], paymentRows: [row(1n, [5, 1], 9), row(1n, [4], 8)] })
      await expect(store.commit({ records: [], paymentRows: [row(3n, [1], 1)] })).rejects.toThrow(/shop 3 is not there/)
      await nowAndLater((store) => {
        const keys = [row(1n, [4], 8), row(1n, [5], 2), row(1n, [5, 1], 9), row(1n, [255, 255], 3)]
        expect(store.paymentRows(1n)).toEqual(keys)
        expect(store.paymentRows(1n, Uint8Array.of(5))).toEqual(keys.slice(1, 3))
        expect(store.paymentRows(1n, Uint8Array.of(6))).toEqual([])
        expect(store.paymentRows(2n)).toEqual([row(2n, [5, 1], 4)])
        expect(store.paymentRows(3n)).toEqual([])
      })
    })

    it('keeps checkpoints apart by shop, in the order of their sets', async () => {
      await withShops(1n, 2n, 4n)
      await store.commit({ records: [...recordsFor(1n, 1, 600), ...recordsFor(2n, 1, 3)] })
      const row = (shopId: bigint, seq: number, fill: number) => ({ shopId, seq, value: bytesOf(3, fill) })
      await store.commit({ records: [], checkpoints: [row(1n, 300, 1), row(1n, 2, 2), row(2n, 3, 3)] })
      await store.commit({ records: [], checkpoints: [row(1n, 600, 4), row(1n, 300, 5)] })
      for (const [shopId, seq] of [
        [1n, 0],
        [1n, 601],
        [4n, 1],
      ] as const)
        await expect(store.commit({ records: [], checkpoints: [row(shopId, seq, 1)] })).rejects.toThrow(/of no set/)
      await expect(store.commit({ records: [], checkpoints: [row(3n, 1, 1)] })).rejects.toThrow(/shop 3 is not there/)
      await nowAndLater((store) => {
        const all = [row(1n, 2, 2), row(1n, 300, 5), row(1n, 600, 4)]
        expect(store.checkpoints(1n, 0, 9)).toEqual(all)
        expect(store.checkpoints(1n, 2, 1)).toEqual([all[1]])
        expect(store.checkpoints(1n, 300, 9)).toEqual([all[2]])
        expect(store.checkpoints(1n, 0, 0)).toEqual([])
        expect(store.newestCheckpoint(1n)).toEqual(all[2])
        expect(store.newestCheckpoint(2n)).toEqual(row(2n, 3, 3))
        expect(store.checkpoint(1n, 300)).toEqual(all[1]!.value)
        expect(store.checkpoint(2n, 300)).toBeUndefined()
        for (const shopId of [3n, 4n]) {
          expect(store.newestCheckpoint(shopId)).toBeUndefined()
          expect(store.checkpoints(shopId, 0, 9)).toEqual([])
          expect(store.checkpoint(shopId, 1)).toBeUndefined()
        }
      })
    })

    it('gives settings of one commit the last word', async () => {
      const value = bytesOf(1, 1)
      const pairs = [undefined, value].map((value) => ({ key: 'gone then set', value }))
      const others = [value, undefined].map((value) => ({ key: 'set then gone', value }))
      await store.commit({ records: [], settings: [...pairs, ...others] })
      expect(store.setting('gone then set')).toEqual(value)
      expect(store.setting('set then gone')).toBeUndefined()
    })

    it('accepts a commit of nothing', async () => {
      await store.commit({ records: [] })
      expect(store.shops()).toEqual([])
    })

    it('does not mix shops', async () => {
      await withShops(9n, 1n, 300n)
      await store.commit({ records: [...recordsFor(300n, 1, 2), ...recordsFor(1n, 1, 5), ...recordsFor(9n, 1, 1)] })
      await store.commit({ records: [...recordsFor(9n, 2, 4), ...recordsFor(300n, 3, 3)] })
      await nowAndLater((store) => {
        expect(store.shops().map(({ shopId }) => shopId)).toEqual([1n, 9n, 300n])
        expect([1n, 9n, 300n].map((id) => store.head(id))).toEqual([5, 4, 3])
        for (const id of [1n, 9n, 300n]) {
          const seqs = store.readLog(id, 1, ALL).map(({ seq }) => seq)
          expect(seqs).toEqual([2, 3, 4, 5].slice(0, store.head(id) - 1))
        }
      })
    })

    it('makes shops after it was opened again', async () => {
      await withShops(5n)
      store = (await made.reopen()) ?? store
      await store.commit({ records: [...recordsFor(4n, 1, 1), ...recordsFor(5n, 1, 2)], newShops: [shopRow(4n)] })
      await nowAndLater((store) => expect([store.head(4n), store.head(5n)]).toEqual([1, 2]))
    })

    it('leaves no trace of a refused commit', async () => {
      await store.commit({ records: recordsFor(1n, 1, 2), newShops: [shopRow(1n)] })
      const rows = {
        newShops: [shopRow(8n)],
        nonces: [{ shopId: 1n, signer: NO_SIGNER, nonce: 3n }],
        cards: [{ card: bytesOf(33, 2), shopId: 1n, account: bytesOf(20, 3), guest: true, removed: false }],
        settings: [{ key: 'a', value: bytesOf(1, 1) }],
      }
      const refused: [string, Commit][] = [
        ['sequence', { ...rows, records: recordsFor(1n, 2, 3) }],
        ['sequence', { ...rows, records: recordsFor(1n, 4, 5) }],
        ['sequence', { ...rows, records: [...recordsFor(1n, 3, 4), ...recordsFor(1n, 4, 4)] }],
        ['sequence', { ...rows, records: [...recordsFor(1n, 3, 3), ...recordsFor(1n, 5, 5)] }],
        ['sequence', { ...rows, records: [...recordsFor(1n, 3, 3), ...recordsFor(2n, 1, 1)] }],
        ['sequence', { ...rows, records: recordsFor(8n, 2, 2) }],
        ['sequence', { ...rows, records: [], nonces: [{ shopId: 2n, signer: NO_SIGNER, nonce: 3n }] }],
        ['exists', { ...rows, records: [], newShops: [shopRow(8n), shopRow(1n)] }],
        ['exists', { ...rows, records: [], newShops: [shopRow(8n), shopRow(8n)] }],
      ]
      for (const [code, commit] of refused) {
        await expect(store.commit(commit)).rejects.toSatisfy((e) => e instanceof StoreError && e.code === code)
      }
      await nowAndLater((store) => {
        expect(store.shops()).toEqual([shopRow(1n)])
        expect(store.readLog(1n, 0, ALL)).toHaveLength(2)
        expect(store.head(8n)).toBe(0)
        expect(store.nonce(1n, NO_SIGNER)).toBe(0n)
        expect(store.cards()).toEqual([])
        expect(store.setting('a')).toBeUndefined()
      })
      await ((await made.reopen()) ?? store).commit({ ...rows, records: recordsFor(1n, 3, 3) })
    })

    it('takes malformed rows for bugs and keeps none of the commit', async () => {
      await withShops(1n)
      const short = { ...recordOf(2), stateHash: bytesOf(31, 1) }
      const malformed: Commit[] = [
        { records: [...recordsFor(1n, 1, 1), { shopId: 1n, record: short }] },
        { records: recordsFor(1n, 1, 1), nonces: [{ shopId: 1n, signer: NO_SIGNER, nonce: 2n ** 64n }] },
        { records: recordsFor(1n, 1, 1), newShops: [{ ...shopRow(2n), secret: bytesOf(31, 1) }] },
        { records: recordsFor(1n, 1, 1), settings: [{ key: 'x'.repeat(301), value: bytesOf(1, 1) }] },
      ]
      for (const commit of malformed) await expect(store.commit(commit)).rejects.toThrow(/^bug: /u)
      await nowAndLater((store) => expect([store.head(1n), store.shops().length]).toEqual([0, 1]))
    })

    it('does commits that are not waited for one after the other', async () => {
      await withShops(1n)
      const good = [1, 2, 3].map((seq) => store.commit({ records: recordsFor(1n, seq, seq) }))
      const twice = store.commit({ records: recordsFor(1n, 3, 3) })
      await expect(twice).rejects.toMatchObject({ code: 'sequence' })
      await Promise.all(good)
      await store.commit({ records: recordsFor(1n, 4, 4) })
      await nowAndLater((store) => expect(store.readLog(1n, 0, ALL).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]))
    })

    it('shows no record before its commit is done', async () => {
      await withShops(1n)
      await store.commit({ records: recordsFor(1n, 1, 1) })
      const state = { done: false }
      const commit = store.commit({ records: recordsFor(1n, 2, 2) }).then(() => {
        state.done = true
      })
      while (!state.done) {
        const seen = store.readLog(1n, 0, ALL).length
        expect(seen).toBe(store.head(1n))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await commit
      expect(store.readLog(1n, 0, ALL)).toHaveLength(2)
    })

    it('does not notice when bytes are used again after the commit', async () => {
      await withShops(1n)
      const shared = new Uint8Array(new SharedArrayBuffer(400))
      const ring = shared.fill(7)
      const part = (from: number, to: number) => ring.subarray(from, to)
      const record = { ...recordOf(1), header: part(0, 80), patches: [part(80, 300)], signer: part(0, 33) }
      const enrolledBy = { digest: part(54, 86), issuedAt: 1n }
      const card = { card: part(1, 34), shopId: 1n, account: part(34, 54), guest: false, removed: false, enrolledBy }
      const settings = [{ key: 'a', value: part(0, 9) }]
      await store.commit({ records: [{ shopId: 1n, record }], cards: [card], settings })
      const nodes = [{ ref: 1, bytes: part(0, 50) }]
      await store.flushDerived({ shopId: 1n, seq: 1, roots: part(0, 10), nodes, objectSeqs: [] })
      ring.fill(9)
      await nowAndLater((store) => {
        const [read] = store.readLog(1n, 0, ALL)
        expect([read?.header, read?.patches]).toEqual([bytesOf(80, 7), [bytesOf(220, 7)]])
        expect(store.card(bytesOf(33, 7))?.account).toEqual(bytesOf(20, 7))
        expect(store.card(bytesOf(33, 7))?.enrolledBy?.digest).toEqual(bytesOf(32, 7))
        expect(store.setting('a')).toEqual(bytesOf(9, 7))
        expect(store.readNode(1n, 1)).toEqual(bytesOf(50, 7))
        expect(store.derived(1n)?.roots).toEqual(bytesOf(10, 7))
      })
    })

    it('reads across chunks, from any place, within limits', async () => {
      await withShops(1n)
      // 700 records of some 1.3 kB: several chunks a commit, beside commits of one and a record above a chunk.
      await store.commit({ records: recordsFor(1n, 1, 300, 1_000) })
      await store.commit({ records: recordsFor(1n, 301, 301) })
      await store.commit({ records: recordsFor(1n, 302, 302, 200_000) })
      await store.commit({ records: recordsFor(1n, 303, 700, 1_000) })
      await nowAndLater((store) => {
        for (const after of [0, 1, 48, 49, 50, 51, 299, 300, 301, 302, 303, 500, 699]) {
          const seqs = store.readLog(1n, after, { records: 120, bytes: 2 ** 30 }).map(({ seq }) => seq)
          const expected = Array.from({ length: Math.min(120, 700 - after) }, (_, i) => after + 1 + i)
          expect(seqs).toEqual(expected)
        }
        expect(readable(store.readLog(1n, 301, ALL)[0])).toEqual(readable(recordOf(302, 200_000)))
        expect(store.readLog(1n, 700, ALL)).toEqual([])
        expect(store.readLog(1n, 9_999, ALL)).toEqual([])
      })
    })

    it('bounds what it reads by bytes, but gives one record at least', async () => {
      await withShops(1n)
      await store.commit({ records: recordsFor(1n, 1, 50, 1_000) })
      expect(store.readLog(1n, 0, { records: 50, bytes: 1 })).toHaveLength(1)
      expect(store.readLog(1n, 0, { records: 0, bytes: 0 })).toHaveLength(1)
      const some = store.readLog(1n, 10, { records: 50, bytes: 10_000 })
      expect(some.length).toBeGreaterThanOrEqual(6)
      expect(some.length).toBeLessThanOrEqual(9)
    })

    it('keeps derived data', async () => {
      await withShops(1n, 2n)
      await store.commit({ records: [...recordsFor(1n, 1, 9), ...recordsFor(2n, 1, 9)] })
      const node = (ref: number, fill: number) => ({ ref, bytes: bytesOf(40, fill) })
      await store.flushDerived({
        shopId: 1n,
        seq: 4,
        roots: bytesOf(9, 1),
        nodes: [node(1, 1), node(2, 2)],
        objectSeqs: [],
      })
      await store.flushDerived({ shopId: 2n, seq: 3, roots: bytesOf(8, 2), nodes: [node(1, 3)], objectSeqs: [] })
      await store.flushDerived({ shopId: 1n, seq: 6, roots: bytesOf(0, 1), nodes: [], objectSeqs: [] })
      await nowAndLater((store) => {
        expect(store.derived(1n)).toEqual({ seq: 6, roots: new Uint8Array(0) })
        expect(store.derived(2n)).toEqual({ seq: 3, roots: bytesOf(8, 2) })
        expect(store.readNode(1n, 1)).toEqual(bytesOf(40, 1))
        expect(store.readNode(1n, 2)).toEqual(bytesOf(40, 2))
        expect(store.readNode(2n, 1)).toEqual(bytesOf(40, 3))
        expect([store.nextNodeRef(1n), store.nextNodeRef(2n)]).toEqual([3, 2])
        expect(() => store.readNode(1n, 3)).toThrow(expect.objectContaining({ code: 'derived' }))
        expect(() => store.readNode(3n, 1)).toThrow(expect.objectContaining({ code: 'derived' }))
      })
    })

    it('does not fall back with node refs when flushes are not waited for', async () => {
      await withShops(1n)
      const flush = (nodes: { ref: number; bytes: Uint8Array }[]) =>
        store.flushDerived({ shopId: 1n, seq: 0, roots: bytesOf(1, 1), nodes, objectSeqs: [] })
      await Promise.all([flush([{ ref: 10, bytes: bytesOf(3, 1) }]), flush([])])
      await nowAndLater((store) => expect(store.nextNodeRef(1n)).toBe(11))
    })

    it('refuses a state that is ahead of the log, and of a shop that is not there', async () => {
      await withShops(1n)
      await store.commit({ records: recordsFor(1n, 1, 2) })
      const flush = { roots: bytesOf(1, 1), nodes: [{ ref: 1, bytes: bytesOf(1, 1) }], objectSeqs: [] }
      await expect(store.flushDerived({ ...flush, shopId: 1n, seq: 3 })).rejects.toMatchObject({ code: 'sequence' })
      await expect(store.flushDerived({ ...flush, shopId: 2n, seq: 0 })).rejects.toMatchObject({ code: 'sequence' })
      expect(store.derived(1n)).toBeUndefined()
      expect(store.nextNodeRef(1n)).toBe(1)
      await store.flushDerived({ ...flush, shopId: 1n, seq: 2 })
    })

    it('pages through the sets of an object', async () => {
      await withShops(1n, 2n)
      await store.commit({ records: recordsFor(1n, 1, 300, 1) })
      const object = Uint8Array.of(1, 7)
      const others = [Uint8Array.of(1), Uint8Array.of(1, 7, 0), Uint8Array.of(1, 8), bytesOf(300, 255)]
      const first = [object, ...others].map((one) => ({ object: one, after: 0, seqs: one === object ? [2, 7] : [5] }))
      const part = { shopId: 1n, roots: bytesOf(1, 1), nodes: [] }
      // Of a flush that was cut off and knew more; what comes after it is written again.
      await store.flushPart({ ...part, objectSeqs: [{ object, after: 0, seqs: [2, 7, 255, 256] }] })
      await store.flushDerived({ ...part, seq: 100, objectSeqs: first })
      await store.flushDerived({ ...part, seq: 200, objectSeqs: [] })
      await store.flushDerived({ ...part, seq: 300, objectSeqs: [{ object, after: 200, seqs: [255, 256, 300] }] })
      await nowAndLater((store) => {
        expect(store.objectSeqs(1n, object, 0, 100)).toEqual([2, 7, 255, 256, 300])
        expect(store.objectSeqs(1n, object, 0, 2)).toEqual([2, 7])
        expect(store.objectSeqs(1n, object, 7, 2)).toEqual([255, 256])
        expect(store.objectSeqs(1n, object, 256, 2)).toEqual([300])
        expect(store.objectSeqs(1n, object, 300, 2)).toEqual([])
        expect(store.objectSeqs(1n, object, 0, 0)).toEqual([])
        expect(store.objectSeqs(2n, object, 0, 10)).toEqual([])
        for (const other of others) expect(store.objectSeqs(1n, other, 0, 10)).toEqual([5])
      })
    })

    it('picks single records out of long chunks, within bytes and at least one', async () => {
      await withShops(1n)
      await store.commit({ records: recordsFor(1n, 1, 400, 300) })
      await store.commit({ records: recordsFor(1n, 401, 402) })
      await nowAndLater((store) => {
        const seqs = [1, 2, 100, 399, 400, 401, 402]
        expect(store.pickLog(1n, seqs, 1e9)).toEqual(
          seqs.map((seq) => store.readLog(1n, seq - 1, { records: 1, bytes: 1e9 })[0]),
        )
        expect(store.pickLog(1n, seqs, 1).map(({ seq }) => seq)).toEqual([1])
        expect(store.pickLog(1n, seqs, 1_400).map(({ seq }) => seq)).toEqual([1, 2])
        expect(store.pickLog(1n, [], 1e9)).toEqual([])
        expect(store.pickLog(2n, [], 1e9)).toEqual([])
      })
    })

    it('answers health checks, many at once', async () => {
      await Promise.all([store.check(), store.check(), store.check()])
      expect(store.setting('health')).toBeUndefined()
    })

    it('finishes what was begun, then is closed', async () => {
      await withShops(1n)
      const begun = store.commit({ records: recordsFor(1n, 1, 1) })
      const closing = store.close()
      await begun
      await closing
      await store.close()
      expect(() => store.head(1n)).toThrow(expect.objectContaining({ code: 'closed' }))
      expect(() => store.readNode(1n, 1)).toThrow(expect.objectContaining({ code: 'closed' }))
      await expect(store.commit({ records: [] })).rejects.toMatchObject({ code: 'closed' })
      await expect(store.check()).rejects.toMatchObject({ code: 'closed' })
      const again = await made.reopen()
      if (again !== undefined) expect(again.head(1n)).toBe(1)
    })
  })
}
