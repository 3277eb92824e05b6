/** What lies in receipts are made of. */

import { be64, concatBytes } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import type { CborKey } from '../../src/codec/value.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { encodeCardPeriods } from '../../src/merkle/card-periods.js'
import { encodeChange, readPatch, type Change } from '../../src/patches/patch.js'
import { orderTrail, trailEntry } from '../../src/state/trails.js'
import type { ShopState } from '../../src/state/shop-state.js'
import type { Receipt, ReceiptSet } from '../../src/proofs/receipt-form.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { RELAY_SECRET, signedRecord, type Book, type Edits, type NewSet } from './book.js'
import type { LieRow } from './lie.js'
import {
  field,
  item,
  listingBytes,
  PAID_ORDER,
  paidBook,
  seqOfSet,
  SETS,
  shownReceipt,
  writers,
  type Making,
} from './paid.js'
import { OTHERS, STONE, type Stage } from './stage.js'

export const SESSION = 'an order receipt'
export const ZEROS = new Uint8Array(32)
export const CHEAP = 1n
export type Fields = ReadonlyMap<CborKey, Encodable>

export const row = (
  name: string,
  does: string,
  making: Making,
  [error, says]: readonly [error: string, says: string],
): LieRow => ({ name, does, session: SESSION, receipt: (stage) => shownReceipt(stage, making), error, says })

export const set =
  (change: (set: ReceiptSet, receipt: Receipt) => ReceiptSet, which: number) =>
  (receipt: Receipt): Receipt => ({
    ...receipt,
    Sets: receipt.Sets.map((one, i) => (i === which ? change(one, receipt) : one)),
  })

/** Of the receipt's sets: order, commit, choose, chooseAgain, ask, paid. */
export const [ORDER, COMMIT, CHOOSE, , ASK, PAID] = [0, 1, 2, 3, 4, 5] as const

/** A listing with another price. */
export function cheaper(book: Book, price = CHEAP, id = STONE): Uint8Array {
  const fields = decode(listingBytes(book, STONE)) as Fields
  return encode(new Map<CborKey, Encodable>([...fields, ['Price', price], ['ID', id]]))
}

/** PaymentDetails that ask for something else. */
export const asking =
  (make: (stage: Stage) => Encodable): NonNullable<Making['sets']> =>
  (honest, stage) => ({
    ask: { ...honest.ask, changes: [field('PaymentDetails', make(stage), 'add'), field('State', 5n)] },
  })

/** The order, and what the state says of its history, after the last set. */
export const ended =
  (
    order: (fields: Fields) => Fields,
    history: (state: ShopState, stage: Stage) => { readonly lastSeq: bigint; readonly trail: Uint8Array } | undefined,
    at: (typeof SETS)[number] = 'after',
  ) =>
  (stage: Stage): Edits => ({
    state: (state, seq) => {
      if (BigInt(seq) !== seqOfSet(at)) return state
      const key = be64(PAID_ORDER)
      const bytes = encode(order(decode(state.collections.Orders.get(key)!) as Fields))
      const Orders = state.collections.Orders.set(key, bytes)
      const held = state.indexes.trails.get(key)!
      const said = history(state, stage)
      const entry = said === undefined ? concatBytes(sha256(bytes), held.subarray(32)) : trailEntry(bytes, said, false)
      const trails = state.indexes.trails.set(key, entry)
      return { ...state, collections: { ...state.collections, Orders }, indexes: { ...state.indexes, trails } }
    },
  })

export const same = (fields: Fields): Fields => fields

/** The trail that these sets of a book lead to, in this order. */
export function trailOf(
  book: Book,
  seqs: readonly bigint[],
  change: (patches: Uint8Array[], seq: bigint) => Uint8Array[] = (patches) => patches,
) {
  return seqs.reduce<Uint8Array>((trail, seq) => {
    const own = book.set(seq).record.patches.filter((patch) => readPatch(patch).path[1] === PAID_ORDER)
    return orderTrail(trail, seq, change([...own], seq).map(readPatch))
  }, ZEROS)
}

export const HISTORY = ['order', 'commit', 'choose', 'chooseAgain', 'ask', 'paid'] as const
export const history = (names: readonly (typeof SETS)[number][]) => names.map(seqOfSet)

/** What the sets are without a lie in their states. */
export const honestBook = (stage: Stage): Book => paidBook(stage, {})

export const BLOCK = new Map([['BlockHash', ZEROS]])
export const FORGED_TX = encodeChange(field('TxDetails', BLOCK, 'add'))
export const forgedTx = (patches: Uint8Array[], seq: bigint): Uint8Array[] =>
  seq === seqOfSet('paid') ? [FORGED_TX, ...patches.slice(1)] : patches

/** With a patch of another order among those that pay this one. */
export const mixed: NonNullable<Making['sets']> = (honest) => ({
  paid: { ...honest.paid, changes: [...honest.paid.changes, field('TxDetails', BLOCK, 'replace', OTHERS)] },
})
export function mixedTrail(stage: Stage): Uint8Array {
  const book = paidBook(stage, { sets: mixed })
  return trailOf(book, history(HISTORY), (patches, seq) =>
    seq === seqOfSet('paid') ? [...book.set(seq).record.patches] : patches,
  )
}

export function proofsOf(book: Book, seq: bigint): Uint8Array[] {
  const { patches } = book.set(seq).record
  const tree = new PatchTree(patches.map(patchLeafHash))
  return patches.map((_, i) => tree.proof(i))
}

/** A card of the guests' account, if one believes it, from the first set on. */
export const periods = (): Uint8Array => encodeCardPeriods([{ account: new Uint8Array(20).fill(0xa0), since: 1n }])

export const REMOVED: Change = { op: 'remove', path: ['Orders', PAID_ORDER] }
export const again: NonNullable<Making['sets']> = (honest) => ({
  commit: { ...honest.commit, changes: [REMOVED, ...honest.order.changes, ...honest.commit.changes] },
})
export const againTrail = (stage: Stage): Uint8Array => trailOf(paidBook(stage, { sets: again }), history(HISTORY))

/** The set that added the order first, as a receipt has sets. */
export function addedFirst({ Sets: [like] }: Receipt, book: Book): ReceiptSet {
  const seq = seqOfSet('order')
  const { record, root } = book.set(seq)
  const proofs = proofsOf(book, seq)
  return {
    ...like!,
    Seq: seq,
    Header: record.header,
    Signature: record.signature,
    StateRoot: root,
    Patches: record.patches.map((patch, i) => [patch, proofs[i]!]),
    LogInclusion: book.inclusion(seq, book.head),
  }
}

/** The clerk's card leaves. */
export const unlink = (stage: Stage): Change => ({
  op: 'remove',
  path: ['Accounts', writers(stage).owner.by.account, 'KeyCards', 1n],
})
/** Another card joins. */
export const join = (stage: Stage): Change => ({
  op: 'append',
  path: ['Accounts', writers(stage).owner.by.account, 'KeyCards'],
  value: publicKeyOf(LATE),
})
export const LATE = newSecret()

/** Two items of one piece each. */
export function twice(order: NewSet): NewSet {
  const [add] = order.changes
  if (add === undefined || add.op === 'remove') throw new Error('no set that adds an order')
  const items: [CborKey, Encodable] = ['Items', [item(STONE, 1n), item(STONE, 1n)]]
  const value = new Map([...(add.value as ReadonlyMap<CborKey, Encodable>), items])
  return { ...order, changes: [{ op: 'add', path: ['Orders', PAID_ORDER], value }] }
}

/** The same array with a longer head. */
export const longer = (proof: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(0x98, proof[0]! & 0x1f), proof.subarray(1))

/** Shipping costs as much as all that is ordered. */
export const FEE: Change = {
  op: 'replace',
  path: ['Manifest', 'ShippingRegions', 'anywhere'],
  value: new Map<string, Encodable>([
    ['Country', ''],
    ['PostalCode', ''],
    ['City', ''],
    ['PriceModifiers', new Map([['fee', new Map([['ModificationPercent', 200n]])]])],
  ]),
}

export const OTHER_REGISTRY = new Uint8Array(20).fill(8)

export function anchor({ Checkpoint }: Receipt) {
  return { ChainID: 31_337n, Contract: new Uint8Array(20), Tx: ZEROS, Block: 5n, Checkpoint }
}

/** A set that stands in no log: the relay's, once more. */
export const unlogged = (stage: Stage, changes: readonly Change[]) =>
  signedRecord(stage.shop, Number(seqOfSet('after')), { by: { role: 'relay' }, secret: RELAY_SECRET, changes })
