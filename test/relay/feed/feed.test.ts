/** What a subscription reads of the log by the object index is what it would read without it (PROTOCOL §10). */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { be64, utf8 } from '../../../src/bytes/bytes.js'
import { patchLeafHash, PatchTree } from '../../../src/merkle/patch-proof.js'
import { encodeChange, readPatch } from '../../../src/patches/patch.js'
import { Feed } from '../../../src/relay/feed/feed.js'
import { indexNames, patchKey, type PatchKey } from '../../../src/patches/object-name.js'
import type { CommittedSet } from '../../../src/relay/shops/committed-set.js'
import { Selection } from '../../../src/relay/feed/selection.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { ObjectType, type Filter } from '../../../src/wire/messages.js'
import { toHex } from '../../../src/bytes/hex.js'
import type { LogRecord, ObjectSeqs } from '../../../src/store/store.js'
import { recordOf, shopRow } from '../../fixtures/store.arbitrary.js'
import { filled, shop } from '../../fixtures/sample-shop.js'

const id = fc.bigInt({ min: 1n, max: 6n })
const account = fc.integer({ min: 1, max: 3 }).map((fill) => filled(20, fill))
const tag = fc.constantFrom('a', 'b', 'a/b', '')
const path = fc.oneof(
  { weight: 6, arbitrary: id.map((key) => ['Listings', key, 'Price'] as const) },
  id.map((key) => ['Inventory', key] as const),
  id.map((key) => ['Orders', key] as const),
  account.map((key) => ['Accounts', key] as const),
  tag.map((key) => ['Tags', key] as const),
  fc.constant(['Manifest', 'Payees'] as const),
)
const sets = fc.array(fc.array(path, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 120, size: 'max' })
const filters = fc.array(
  fc.oneof<fc.Arbitrary<Filter>[]>(
    id.map((key) => ({ objectType: ObjectType.LISTING, objectId: be64(key) })),
    id.map((key) => ({ objectType: ObjectType.INVENTORY, objectId: be64(key) })),
    id.map((key) => ({ objectType: ObjectType.ORDER, objectId: be64(key) })),
    account.map((key) => ({ objectType: ObjectType.ACCOUNT, objectId: key })),
    tag.map((key) => ({ objectType: ObjectType.TAG, objectId: utf8(key) })),
    fc.constantFrom<Filter>(
      ...[ObjectType.MANIFEST, ObjectType.ACCOUNT, ObjectType.TAG, ObjectType.ORDER].map((objectType) => ({
        objectType,
      })),
    ),
  ),
  { minLength: 1, maxLength: 5 },
)

/** Every selected place of every set, by the way that a subscription goes; and how many records it looked at. */
function read(feed: Feed, selection: Selection, start: number, names: readonly Uint8Array[] | undefined) {
  const found: string[] = []
  let looked = 0
  for (let cursor = start; cursor < feed.head;) {
    const { records, upTo } = feed.after(cursor, feed.head, names)
    expect(upTo > cursor && upTo <= feed.head).toBe(true)
    for (const record of records) {
      expect(record.seq > cursor && record.seq <= upTo).toBe(true)
      const places = selection.places(record)
      if (places.length > 0) found.push(`${record.seq}: ${places.join()}`)
    }
    looked += records.length
    cursor = upTo
  }
  return { found, looked }
}

const keysOf = (patches: readonly Uint8Array[]): PatchKey[] => patches.map((patch) => patchKey(readPatch(patch).path))

const committed = (record: LogRecord): CommittedSet => ({
  record,
  tree: new PatchTree(record.patches.map(patchLeafHash)),
  keys: keysOf(record.patches),
  stateRoot: new Uint8Array(32),
})

/** What a flush of these sets tells the object index. */
function indexOf(records: readonly LogRecord[]): ObjectSeqs[] {
  const names = new Map<string, { object: Uint8Array; after: number; seqs: number[] }>()
  for (const { seq, patches, signer } of records)
    for (const object of indexNames(keysOf(patches), signer)) {
      const known = names.get(toHex(object)) ?? { object, after: 0, seqs: [] }
      known.seqs.push(seq)
      names.set(toHex(object), known)
    }
  return [...names.values()]
}

test('by the index, in part or whole, and from memory: the same places of the same sets', async () => {
  let [spared, all] = [0, 0]
  await fc.assert(
    fc.asyncProperty(
      sets,
      filters,
      fc.nat({ max: 130 }),
      fc.nat({ max: 40 }),
      fc.nat(),
      // Whether somebody reads when the next five sets are published.
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      async (list, wanted, flushed, recent, from, isRead) => {
        const store = new MemoryStore()
        await store.commit({ records: [], newShops: [shopRow(1n)] })
        const records = list.map((paths, i): LogRecord => ({
          ...recordOf(i + 1),
          patches: paths.map((path) => encodeChange({ op: 'remove', path: [...path] })),
        }))
        await store.commit({ records: records.map((record) => ({ shopId: 1n, record })) })
        const indexed = Math.min(flushed, list.length)
        const objectSeqs = indexOf(records.slice(0, indexed))
        await store.flushDerived({ shopId: 1n, seq: indexed, roots: new Uint8Array(1), nodes: [], objectSeqs })
        const feed = new Feed(1n, store, () => indexed)
        const newest = records.slice(-Math.min(recent, records.length)).slice(0, recent).map(committed)
        for (let i = 0; i < newest.length; i += 5) feed.publish(newest.slice(i, i + 5), 0, isRead[i / 5]!)
        const reader = { role: 'owner' } as const
        const selection = Selection.of(reader, wanted, () => shop) as Selection
        const names = selection.indexNames()
        expect(names).toBeDefined()
        const start = from % list.length
        const [plain, byIndex] = [read(feed, selection, start, undefined), read(feed, selection, start, names)]
        expect(byIndex.found).toEqual(plain.found)
        expect(plain.found).toEqual(read(new Feed(1n, store, () => indexed), selection, start, undefined).found)
        spared += plain.looked - byIndex.looked
        all += plain.looked
      },
    ),
    { numRuns: 300 },
  )
  expect(spared).toBeGreaterThan(all / 20)
})

test('pages of the index end at different sets: nothing between them is left out', async () => {
  const store = new MemoryStore()
  await store.commit({ records: [], newShops: [shopRow(1n)] })
  // Listing 1 early and seldom later, listing 2 all along, listing 3 late.
  const of = (seq: number) =>
    seq < 700 && seq % 2 === 0 ? 1n : seq > 1_200 && seq % 5 === 0 ? 3n : seq % 97 === 0 ? 1n : 2n
  const records = Array.from({ length: 1_500 }, (_, i) => ({
    ...recordOf(i + 1),
    patches: [encodeChange({ op: 'remove', path: ['Listings', of(i + 1)] })],
  }))
  await store.commit({ records: records.map((record) => ({ shopId: 1n, record })) })
  const objectSeqs = indexOf(records)
  await store.flushDerived({ shopId: 1n, seq: 1_500, roots: new Uint8Array(1), nodes: [], objectSeqs })
  const feed = new Feed(1n, store, () => 1_500)
  for (const wanted of [[1n], [2n], [1n, 2n], [1n, 3n], [1n, 2n, 3n]]) {
    const filters = wanted.map((key) => ({ objectType: ObjectType.LISTING, objectId: be64(key) }))
    const selection = Selection.of({ role: 'visitor' }, filters, () => shop) as Selection
    const found = read(feed, selection, 0, selection.indexNames())
    expect(found).toEqual({ ...read(feed, selection, 0, undefined), looked: found.found.length })
    expect(found.looked).toBe(records.filter(({ seq }) => wanted.includes(of(seq))).length)
  }
})

test('whole collections that are large are read without the index', () => {
  const of = (...wanted: Filter[]) => (Selection.of({ role: 'owner' }, wanted, () => shop) as Selection).indexNames()
  expect(of()).toBeUndefined()
  expect(of({ objectType: ObjectType.LISTING })).toBeUndefined()
  expect(of({ objectType: ObjectType.INVENTORY }, { objectType: ObjectType.MANIFEST })).toBeUndefined()
  const listing = (key: bigint) => ({ objectType: ObjectType.LISTING, objectId: be64(key) })
  expect(of(listing(1n), { objectType: ObjectType.ACCOUNT })?.map((name) => new TextDecoder().decode(name))).toEqual([
    'Accounts/',
    'Listings/1',
  ])
})
