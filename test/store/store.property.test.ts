/** Random work on both stores, the one on disk closed and opened in between: they answer alike. */

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { memoryStore } from '../../src/store/memory.js'
import { StoreError } from '../../src/store/store-error.js'
import type { Commit, DerivedFlush, LogTreeRow, ObjectSeqs, Store } from '../../src/store/store.js'
import { DiskStore } from '../fixtures/store-directory.js'
import { bodies, cardRows, readable, shopRow, someCard } from '../fixtures/store.arbitrary.js'

const shopIds = [1n, 2n, 2n ** 255n + 3n]
const shopId = fc.constantFrom(...shopIds)
const signer = fc.oneof(someCard, fc.constant(new Uint8Array(0)))
const settingNames = ['', 'a', 'ab', 'ü']
const objects = [Uint8Array.of(1), Uint8Array.of(1, 0), Uint8Array.of(2), new Uint8Array(300)]

type Operation =
  | {
      readonly kind: 'commit'
      readonly drafts: Draft[]
      readonly rows: Omit<Commit, 'records'>
      /** Of shop 1. */
      readonly trees: readonly Omit<LogTreeRow, 'firstSeq'>[]
      readonly skip: boolean
    }
  | { readonly kind: 'flush'; readonly flush: Omit<DerivedFlush, 'seq'>; readonly behind: number }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'read'; readonly after: number; readonly records: number; readonly bytes: number }

type Draft = { readonly shopId: bigint; readonly body: typeof bodies extends fc.Arbitrary<infer T> ? T : never }

const bytes = fc.uint8Array({ maxLength: 40 })
const paymentRowKeys = fc.oneof(
  fc.array(fc.constantFrom(0, 1, 255), { minLength: 1, maxLength: 3 }).map((key) => Uint8Array.from(key)),
  fc.uint8Array({ minLength: 1, maxLength: 100 }),
)
const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant('commit' as const),
    drafts: fc.array(fc.record({ shopId, body: bodies }), { maxLength: 8 }),
    rows: fc.record({
      newShops: fc.array(shopId.map(shopRow), { maxLength: 1 }),
      nonces: fc.array(fc.record({ shopId, signer, nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }), {
        maxLength: 2,
      }),
      cards: fc.array(cardRows, { maxLength: 2 }),
      paymentRows: fc.array(fc.record({ shopId, key: paymentRowKeys, value: bytes }), { maxLength: 3 }),
      checkpoints: fc.array(fc.record({ shopId, seq: fc.integer({ min: 1, max: 9 }), value: bytes }), { maxLength: 2 }),
      settings: fc.array(
        fc.record({ key: fc.constantFrom(...settingNames), value: fc.option(bytes, { nil: undefined }) }),
        { maxLength: 3 },
      ),
    }),
    trees: fc.array(fc.record({ sets: fc.integer({ min: 1, max: 4 }), bytes }), { maxLength: 2 }),
    skip: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  }),
  fc.record({
    kind: fc.constant('flush' as const),
    flush: fc.record({
      shopId,
      roots: bytes,
      nodes: fc.array(fc.record({ ref: fc.integer({ min: 1, max: 20 }), bytes }), { maxLength: 4 }),
      objectSeqs: fc.uniqueArray(
        fc.record({
          object: fc.constantFrom(...objects),
          after: fc.constant(0),
          seqs: fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 }),
        }),
        { maxLength: 6, selector: ({ object }) => object },
      ),
    }),
    behind: fc.integer({ min: -1, max: 3 }),
  }),
  fc.constant({ kind: 'reopen' as const }),
  fc.record({
    kind: fc.constant('read' as const),
    after: fc.nat({ max: 40 }),
    records: fc.nat({ max: 30 }),
    bytes: fc.nat({ max: 120_000 }),
  }),
)

it('the stores in memory and on disk answer alike', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operations, { minLength: 5, maxLength: 30 }), async (list) => {
      const memory = memoryStore()
      const disk = await DiskStore.make()
      try {
        await memory.commit({ records: [], newShops: [shopRow(1n)] })
        await disk.store.commit({ records: [], newShops: [shopRow(1n)] })
        for (const operation of list) {
          const expected = await perform(memory, operation)
          if (operation.kind === 'reopen') await disk.reopen()
          expect(readable(await perform(disk.store, operation))).toEqual(readable(expected))
        }
        await disk.reopen()
        expect(readable(everything(disk.store))).toEqual(readable(everything(memory)))
      } finally {
        await disk.dispose()
      }
    }),
    { numRuns: 60 },
  )
}, 600_000)

/** What the store answers: rows read, or the code of a refusal. */
async function perform(store: Store, operation: Operation): Promise<unknown> {
  switch (operation.kind) {
    case 'commit':
      return outcome(store.commit(commitOf(store, operation)))
    case 'flush': {
      const { flush, behind } = operation
      const after = store.derived(flush.shopId)?.seq ?? 0
      const seq = Math.max(after, store.head(flush.shopId) - behind)
      return outcome(store.flushDerived({ ...flush, seq, objectSeqs: changesAfter(after, seq, flush.objectSeqs) }))
    }
    case 'reopen':
      return everything(store)
    case 'read':
      return shopIds.map((id) => {
        const all = Array.from({ length: store.head(id) }, (_, i) => i + 1)
        const some = all.filter((seq) => (seq * seq + operation.after) % (1 + (operation.records % 7)) === 0)
        return [store.readLog(id, operation.after, operation), store.pickLog(id, some, operation.bytes)]
      })
  }
}

/**
 * What fits to the store; with `skip` one that may not: gaps in the seqs, shops that are not there or there already.
 */
function commitOf(store: Store, { drafts, rows, trees, skip }: Operation & { kind: 'commit' }): Commit {
  const known = new Set(store.shops().map(({ shopId }) => shopId))
  const newShops = rows.newShops?.filter(({ shopId }) => skip || !known.has(shopId)) ?? []
  for (const { shopId } of newShops) known.add(shopId)
  const fits = ({ shopId }: { readonly shopId: bigint }) => skip || known.has(shopId)
  const next = new Map<bigint, number>()
  const records = drafts.filter(fits).map(({ shopId, body }, i) => {
    const seq = (next.get(shopId) ?? store.head(shopId)) + 1 + (skip && i > 0 ? 1 : 0)
    next.set(shopId, seq)
    return { shopId, record: { ...body, seq } }
  })
  const [nonces, paymentRows] = [rows.nonces?.filter(fits) ?? [], rows.paymentRows?.filter(fits) ?? []]
  const logTrees = treesOf(store, trees, skip ? Infinity : (next.get(1n) ?? store.head(1n)))
  const checkpoints = rows.checkpoints?.filter((row) => row.seq <= store.head(row.shopId)) ?? []
  return { ...rows, newShops, records, nonces, paymentRows, logTrees, checkpoints }
}

function treesOf(
  store: Store,
  trees: readonly Omit<LogTreeRow, 'firstSeq'>[],
  head: number,
): NonNullable<Commit['logTrees']> {
  let firstSeq = store.logTreeHead(1n) + 1
  return trees.flatMap(({ sets, bytes }) => {
    const row = { shopId: 1n, firstSeq, sets, bytes }
    if (firstSeq + sets - 1 > head) return []
    firstSeq += sets
    return [row]
  })
}

/** Those of the sets after `after` up to `seq`, as a flush tells them. */
function changesAfter(after: number, seq: number, changes: readonly ObjectSeqs[]): ObjectSeqs[] {
  return changes.flatMap(({ object, seqs }) => {
    const some = seqs.map((distance) => after + distance).filter((one) => one <= seq)
    return some.length === 0 ? [] : [{ object, after, seqs: some.sort((a, b) => a - b) }]
  })
}

async function outcome(done: Promise<void>): Promise<string> {
  return done.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreError ? error.code : String(error)),
  )
}

function everything(store: Store): unknown {
  const { logBytes, sets } = store.stats()
  return {
    sets,
    emptyLog: logBytes === 0,
    shops: store.shops(),
    cards: store.cards(),
    settings: settingNames.map((name) => store.setting(name)),
    perShop: shopIds.map((id) => ({
      head: store.head(id),
      log: store.readLog(id, 0, { records: 1_000, bytes: 2 ** 30 }),
      nonces: [new Uint8Array(0), ...[0, 1, 2, 3, 4, 5].map((n) => new Uint8Array(33).fill(n))].map((signer) =>
        store.nonce(id, signer),
      ),
      paymentRows: [[], [0], [255], [1, 255]].map((prefix) => store.paymentRows(id, Uint8Array.from(prefix))),
      checkpoints: [store.checkpoints(id, 2, 3), store.newestCheckpoint(id), store.checkpoint(id, 2)],
      derived: store.derived(id),
      next: store.nextNodeRef(id),
      nodes: Array.from({ length: store.nextNodeRef(id) }, (_, ref) => node(store, id, ref)),
      seqs: objects.map((object) => [0, 3, 9].map((after) => store.objectSeqs(id, object, after, 5))),
      trees: Array.from({ length: store.logTreeHead(id) }, (_, i) => store.logTreeRow(id, i + 1)),
    })),
  }
}

function node(store: Store, shopId: bigint, ref: number): unknown {
  try {
    return store.readNode(shopId, ref)
  } catch (error) {
    return (error as StoreError).code
  }
}
