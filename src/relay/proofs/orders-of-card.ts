/**
 * All orders of a card (PROOFS §1.3, §4): which orders it added, in which sets, as its entry among the Orders counts
 * and chains them. Read from the log by its index, in pieces.
 *
 * Tests: test/e2e/state-proofs.test.ts
 */

import { assert } from '../../assert.js'
import type { OrderId, Seq } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { readCheckedPatch } from '../../patches/checked-patch.js'
import { ordersOfCardName } from '../../patches/object-name.js'
import { addsOrder } from '../../state/order-edit.js'
import type { ShopState } from '../../state/shop-state.js'
import { addedCount } from '../../state/trails.js'
import type { LogRecord, Store } from '../../store/store.js'
import type { AddedOrders } from '../../wire/proof-payloads.js'

interface LogIndex {
  readonly store: Pick<Store, 'objectSeqs' | 'pickLog' | 'readLog'>
  /** The last set that the index knows. */
  readonly indexedUpTo: Seq
}

/** Sets looked at in one piece. */
const PIECE = { records: 64, bytes: 262_144 }

/** Of the state after set `seq`. Yields between pieces. */
export function* ordersOfCard(
  state: ShopState,
  seq: Seq,
  card: Uint8Array,
  index: LogIndex,
): Generator<undefined, AddedOrders> {
  const count = Number(addedCount(state.indexes.trails.get(card)))
  const added: (readonly [OrderId, bigint])[] = []
  const name = ordersOfCardName(card)
  for (let at = 0; at < seq && added.length < count;) {
    const { records, upTo } = next(state, name, at, seq, index)
    for (const record of records) if (equalBytes(record.signer, card)) added.push(...addsOf(record))
    at = upTo
    yield
  }
  assert(added.length === count, `a card with ${count} orders of which the log has ${added.length}`)
  return added
}

function next(
  { shopId }: ShopState,
  name: Uint8Array,
  after: Seq,
  last: Seq,
  { store, indexedUpTo }: LogIndex,
): { readonly records: readonly LogRecord[]; readonly upTo: Seq } {
  const indexEnd = Math.min(indexedUpTo, last)
  if (after >= indexEnd) {
    const records = store.readLog(shopId, after, { ...PIECE, records: Math.min(PIECE.records, last - after) })
    return { records, upTo: records.at(-1)!.seq }
  }
  const seqs = store.objectSeqs(shopId, name, after, PIECE.records)
  const wanted = seqs.filter((seq) => seq <= indexEnd)
  if (wanted.length === 0) return { records: [], upTo: indexEnd }
  const records = store.pickLog(shopId, wanted, PIECE.bytes)
  const isAll = records.length === wanted.length && seqs.length < PIECE.records
  return { records, upTo: isAll ? indexEnd : records.at(-1)!.seq }
}

function addsOf({ seq, patches }: LogRecord): [OrderId, bigint][] {
  const adding = patches.map(readCheckedPatch).filter(addsOrder)
  return adding.map(({ path }) => [path[1] as OrderId, BigInt(seq)])
}
