/** Lies in order receipts: what a relay, or whoever hands the file on, would have somebody believe years later. */

import { be64, concatBytes } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import type { Cbor, CborKey } from '../../src/codec/value.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { encodeCardPeriods } from '../../src/merkle/card-periods.js'
import { encodeStateProofs, readStateProofs } from './loose-proof.js'
import { encodeLevel } from '../../src/merkle/state-level.js'
import { encodeChange, readPatch, type Change } from '../../src/patches/patch.js'
import { orderTrail, trailEntry } from '../../src/state/trails.js'
import type { ShopState } from '../../src/state/shop-state.js'
import type { Receipt, ReceiptSet } from '../../src/proofs/receipt-form.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { RELAY_SECRET, signedRecord, type Book, type Edits, type NewSet } from './book.js'
import { later, resigned } from './forge.js'
import { priceFrom } from './in-checkpoints.js'
import type { LieRow } from './lie.js'
import {
  details,
  field,
  item,
  listingBytes,
  PAID_ORDER,
  paidBook,
  provenOrder,
  seqOfSet,
  SETS,
  shownReceipt,
  TOTAL,
  writers,
  type Making,
} from './paid.js'
import { FEATHER, OTHERS, STONE, type Stage } from './stage.js'

const SESSION = 'an order receipt'
const ZEROS = new Uint8Array(32)
const CHEAP = 1n
type Fields = ReadonlyMap<CborKey, Cbor>

const row = (
  name: string,
  does: string,
  making: Making,
  [error, says]: readonly [error: string, says: string],
): LieRow => ({ name, does, session: SESSION, receipt: (stage) => shownReceipt(stage, making), error, says })

const set = (change: (set: ReceiptSet, receipt: Receipt) => ReceiptSet, which: number) => (receipt: Receipt): Receipt => ({
  ...receipt,
  Sets: receipt.Sets.map((one, i) => (i === which ? change(one, receipt) : one)),
})

/** Of the receipt's sets: order, commit, choose, chooseAgain, ask, paid. */
const [ORDER, COMMIT, CHOOSE, , ASK, PAID] = [0, 1, 2, 3, 4, 5]

/** A listing with another price. */
function cheaper(book: Book, price = CHEAP, id = STONE): Uint8Array {
  const fields = decode(listingBytes(book, STONE)) as Fields
  return encode(new Map<CborKey, Encodable>([...(fields as ReadonlyMap<CborKey, Encodable>), ['Price', price], ['ID', id]]))
}

/** PaymentDetails that ask for something else. */
const asking = (make: (stage: Stage) => Encodable): Making['sets'] => (honest, stage) => ({
  ask: { ...honest.ask, changes: [field('PaymentDetails', make(stage), 'add'), field('State', 5n)] },
})

/** The order, and what the state says of its history, after the last set. */
const ended = (
  order: (fields: Fields) => ReadonlyMap<CborKey, unknown>,
  history: (state: ShopState, stage: Stage) => { readonly lastSeq: bigint; readonly trail: Uint8Array } | undefined,
  at: (typeof SETS)[number] = 'after',
) => (stage: Stage): Edits => ({
  state: (state, seq) => {
    if (BigInt(seq) !== seqOfSet(at)) return state
    const key = be64(PAID_ORDER)
    const bytes = encode(order(decode(state.collections.Orders.get(key)!) as Fields) as never)
    const Orders = state.collections.Orders.set(key, bytes)
    const held = state.indexes.trails.get(key)!
    const said = history(state, stage)
    const entry = said === undefined ? concatBytes(sha256(bytes), held.subarray(32)) : trailEntry(bytes, said, false)
    const trails = state.indexes.trails.set(key, entry)
    return { ...state, collections: { ...state.collections, Orders }, indexes: { ...state.indexes, trails } }
  },
})

const same = (fields: Fields): Fields => fields

/** The trail that these sets of a book lead to, in this order. */
function trailOf(book: Book, seqs: readonly bigint[], change: (patches: Uint8Array[], seq: bigint) => Uint8Array[] = (patches) => patches) {
  return seqs.reduce<Uint8Array>((trail, seq) => {
    const own = book.set(seq).record.patches.filter((patch) => readPatch(patch).path[1] === PAID_ORDER)
    return orderTrail(trail, seq, change([...own], seq).map(readPatch))
  }, ZEROS)
}

const HISTORY = ['order', 'commit', 'choose', 'chooseAgain', 'ask', 'paid'] as const
const history = (names: readonly (typeof SETS)[number][]) => names.map(seqOfSet)

/** What the sets are without a lie in their states. */
const honestBook = (stage: Stage): Book => paidBook(stage, {})

const BLOCK = new Map([['BlockHash', ZEROS]])
const FORGED_TX = encodeChange(field('TxDetails', BLOCK, 'add'))
const forgedTx = (patches: Uint8Array[], seq: bigint): Uint8Array[] =>
  seq === seqOfSet('paid') ? [FORGED_TX, ...patches.slice(1)] : patches

/** With a patch of another order among those that pay this one. */
const mixed: Making['sets'] = (honest) => ({
  paid: { ...honest.paid, changes: [...honest.paid.changes, field('TxDetails', BLOCK, 'replace', OTHERS)] },
})
function mixedTrail(stage: Stage): Uint8Array {
  const book = paidBook(stage, { sets: mixed })
  return trailOf(book, history(HISTORY), (patches, seq) =>
    seq === seqOfSet('paid') ? [...book.set(seq).record.patches] : patches,
  )
}

function proofsOf(book: Book, seq: bigint): Uint8Array[] {
  const { patches } = book.set(seq).record
  const tree = new PatchTree(patches.map(patchLeafHash))
  return patches.map((_, i) => tree.proof(i))
}

/** A card of the guests' account, if one believes it, from the first set on. */
const periods = (): Uint8Array => encodeCardPeriods([{ account: new Uint8Array(20).fill(0xa0), since: 1n }])

const REMOVED: Change = { op: 'remove', path: ['Orders', PAID_ORDER] }
const again: Making['sets'] = (honest) => ({
  commit: { ...honest.commit, changes: [REMOVED, ...honest.order.changes, ...honest.commit.changes] },
})
const againTrail = (stage: Stage): Uint8Array => trailOf(paidBook(stage, { sets: again }), history(HISTORY))

/** The set that added the order first, as a receipt has sets. */
function addedFirst({ Sets: [like] }: Receipt, book: Book): ReceiptSet {
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
const unlink = (stage: Stage): Change => ({
  op: 'remove',
  path: ['Accounts', writers(stage).owner.by.account, 'KeyCards', 1n],
})
/** Another card joins. */
const join = (stage: Stage): Change => ({
  op: 'append',
  path: ['Accounts', writers(stage).owner.by.account, 'KeyCards'],
  value: publicKeyOf(LATE),
})
const LATE = newSecret()

/** Two items of one piece each. */
function twice(order: NewSet): NewSet {
  const [add] = order.changes as readonly [{ readonly path: readonly (string | bigint)[]; readonly value: Fields }]
  const value = new Map([...add.value, ['Items', [item(STONE, 1n), item(STONE, 1n)]]]) as unknown as Encodable
  return { ...order, changes: [{ op: 'add', path: ['Orders', PAID_ORDER], value }] }
}

/** The same array with a longer head. */
const longer = (proof: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0x98, proof[0]! & 0x1f), proof.subarray(1))

/** Shipping costs as much as all that is ordered. */
const FEE: Change = {
  op: 'replace',
  path: ['Manifest', 'ShippingRegions', 'anywhere'],
  value: new Map<string, Encodable>([
    ['Country', ''],
    ['PostalCode', ''],
    ['City', ''],
    ['PriceModifiers', new Map([['fee', new Map([['ModificationPercent', 200n]])]])],
  ]),
}

const OTHER_REGISTRY = new Uint8Array(20).fill(8)

function anchor({ Checkpoint }: Receipt) {
  return { ChainID: 31_337n, Contract: new Uint8Array(20), Tx: ZEROS, Block: 5n, Checkpoint }
}

/** A set that stands in no log: the relay's, once more. */
const unlogged = (stage: Stage, changes: readonly Change[]) =>
  signedRecord(stage.shop, Number(seqOfSet('after')), { by: { role: 'relay' }, secret: RELAY_SECRET, changes })

export const IN_RECEIPTS: readonly LieRow[] = [
  row(
    'signs a receipt with another key',
    'signs the checkpoint of a receipt with a key that is not the relay’s',
    {
      receipt: (receipt) => {
        const [bytes, signature] = resigned(receipt.Checkpoint[0], () => ({}), newSecret())
        return { ...receipt, Checkpoint: [bytes, signature] }
      },
    },
    ['relay/signer', 'Checkpoint: checkpoint'],
  ),
  row(
    'hands out the receipt of another order',
    'shows a good receipt of an order that was not asked for',
    { expected: (stage) => ({ ShopID: stage.shop, Order: 501n }) },
    ['expected', 'Order'],
  ),
  row(
    'hands out a receipt of another shop',
    'shows a good receipt of another shop of the relay',
    { expected: (stage) => ({ ShopID: stage.shop + 1n, Order: PAID_ORDER }) },
    ['expected/identity', "Checkpoint: the checkpoint's ShopID is"],
  ),
  row(
    'signs a receipt’s state that its log does not have',
    'signs the StateRoot of a state with another order over the honest log',
    {
      receipt: (receipt, _book, stage) => {
        const forged = paidBook(stage, { edits: () => priceFrom(seqOfSet('after')) })
        const [bytes, signature] = resigned(receipt.Checkpoint[0], () => ({ StateRoot: forged.set(forged.head).root }))
        return { ...receipt, Checkpoint: [bytes, signature], Proofs: provenOrder(stage, forged) }
      },
    },
    ['last/last', 'is not its last leaf: the path from node'],
  ),
  row(
    'skips a set of an order',
    'leaves out one of two sets that do the same',
    { receipt: (receipt) => ({ ...receipt, Sets: receipt.Sets.filter((_, i) => i !== CHOOSE) }) },
    ['trail', 'Sets: they give Trail'],
  ),
  row(
    'skips a patch of an order',
    'leaves a patch out that the next set repeats',
    { receipt: set((one) => ({ ...one, Patches: one.Patches.slice(1) }), CHOOSE!) },
    ['trail', 'Sets: they give Trail'],
  ),
  row(
    'skips the last set of an order',
    'signs a state in which the order changed last in another set than its trail says',
    { edits: ended(same, (state) => ({ lastSeq: seqOfSet('after'), trail: state.indexes.trails.get(be64(PAID_ORDER))!.slice(40, 72) })) },
    ['trail', 'is the last, and the order changed last in set'],
  ),
  row(
    'shuffles the sets of an order',
    'signs a trail of two sets in the other order, and shows them so',
    {
      edits: ended(same, (_state, stage) => ({
        lastSeq: seqOfSet('paid'),
        trail: trailOf(honestBook(stage), history(['order', 'commit', 'chooseAgain', 'choose', 'ask', 'paid'])),
      })),
      receipt: (receipt) => {
        const [a, b, c, d, ...rest] = receipt.Sets
        return { ...receipt, Sets: [a!, b!, d!, c!, ...rest] }
      },
    },
    ['set-order', 'stands after set'],
  ),
  row(
    'adds a set that is in no log',
    'signs a state after a set of its own, and shows the set with a path that leads nowhere',
    {
      edits: ended(
        (fields) => new Map([...fields, ['TxDetails', BLOCK]]),
        (state, stage) => {
          const record = unlogged(stage, [field('TxDetails', BLOCK)])
          const trail = state.indexes.trails.get(be64(PAID_ORDER))!.slice(40, 72)
          return { lastSeq: seqOfSet('after'), trail: orderTrail(trail, seqOfSet('after'), record.patches.map(readPatch)) }
        },
      ),
      receipt: (receipt, _book, stage) => {
        const paid = receipt.Sets[PAID!]!
        const { header, signature, patches } = unlogged(stage, [field('TxDetails', BLOCK)])
        const added: ReceiptSet = {
          Seq: seqOfSet('after'),
          Header: header,
          Signature: signature,
          StateRoot: paid.StateRoot,
          Patches: [[patches[0]!, encode([0n, 1n, null])]],
          LogInclusion: [0n, []],
        }
        return { ...receipt, Sets: [...receipt.Sets, added] }
      },
    },
    ['log/node-index', 'of the log, not node'],
  ),
  row(
    'forges a patch of an order',
    'signs a state in which more pieces were ordered, and shows a patch that its signer did not sign',
    {
      edits: ended(
        (fields) => new Map([...fields, ['TxDetails', BLOCK]]),
        (_state, stage) => ({ lastSeq: seqOfSet('paid'), trail: trailOf(honestBook(stage), history(HISTORY), forgedTx) }),
      ),
      receipt: set((one) => ({ ...one, Patches: one.Patches.map(([patch, proof], i) => [i === 0 ? FORGED_TX : patch, proof]) }), PAID!),
    },
    ['patch/root', 'the path from node'],
  ),
  row(
    'mixes in a patch of another order',
    'signs a trail with a patch of another order, and a state that follows from it',
    {
      sets: mixed,
      edits: ended(
        (fields) => new Map([...fields, ['TxDetails', BLOCK]]),
        (_state, stage) => ({ lastSeq: seqOfSet('paid'), trail: mixedTrail(stage) }),
      ),
      receipt: (receipt, book) =>
        set((one) => {
          const { patches } = book.set(seqOfSet('paid')).record
          const proofs = proofsOf(book, seqOfSet('paid'))
          return { ...one, Patches: patches.map((patch, i) => [patch, proofs[i]!]) }
        }, PAID!)(receipt),
    },
    ['patch', 'not of order'],
  ),
  row(
    'takes a set of another shop into an order',
    'logs a set whose header was signed for another shop',
    { sets: (honest, stage) => ({ paid: { ...honest.paid, shopId: stage.shop + 1n } }) },
    ['set', 'its header is of shop'],
  ),
  row(
    'lets a stranger write an order',
    'logs a set that was signed by a key that never was a card',
    { sets: (honest) => ({ chooseAgain: { ...honest.chooseAgain, secret: newSecret() } }) },
    ['signer', 'signed it and was no card of the shop then'],
  ),
  row(
    'lets a removed card write an order',
    'logs a set that was signed by a card that had left the shop',
    {
      sets: (honest, stage) => {
        const { clerk } = writers(stage)
        return { commit: { ...clerk, changes: honest.commit.changes }, manifest: { ...honest.manifest, changes: [...honest.manifest.changes, unlink(stage)] } }
      },
    },
    ['signer', 'signed it and was no card of the shop then'],
  ),
  row(
    'lets a card write before it was one',
    'logs a set that was signed by a card which joined the shop later',
    {
      sets: (honest, stage) => ({
        commit: { ...honest.commit, secret: LATE },
        after: { ...writers(stage).relay, changes: [...honest.after.changes, join(stage)] },
      }),
    },
    ['signer', 'signed it and was no card of the shop then'],
  ),
  row(
    'names another account for a signer',
    'shows in the proof of a signer’s card that it was in another account',
    {
      receipt: (receipt) => {
        const proofs = readStateProofs(receipt.Proofs, 16)
        const parts = proofs.parts.map((part) =>
          part.collection === 'Cards'
            ? { ...part, items: part.items.map((one) => ({ ...one, answer: { kind: 'object', object: { value: periods() } } as const })) }
            : part,
        )
        return { ...receipt, Proofs: encodeStateProofs({ ...proofs, parts }) }
      },
    },
    ['state/state-root', 'Proofs: StateRoot: the proof gives'],
  ),
  row(
    'begins a history before its beginning',
    'signs a trail that goes on where the order was removed and added again, and shows all of it',
    {
      sets: again,
      edits: ended(same, (_state, stage) => ({ lastSeq: seqOfSet('paid'), trail: againTrail(stage) })),
      receipt: (receipt, book) => ({ ...receipt, Sets: [addedFirst(receipt, book), ...receipt.Sets] }),
    },
    ['trail', 'it adds the order again: the history begins there'],
  ),
  row(
    'lets two guests write an order',
    'logs a set on a guest’s order that was signed by another guest',
    { sets: (honest, stage) => ({ chooseAgain: { ...honest.chooseAgain, secret: writers(stage).other.secret } }) },
    ['two-guests', 'signed, and before guest'],
  ),
  row(
    'lets a guest ask for payment',
    'logs a guest’s set that says what is to be paid',
    {
      sets: (honest, stage) => ({
        ask: { ...honest.ask, secret: writers(stage).guest.secret, changes: honest.ask.changes.slice(0, 1) },
        paid: { ...honest.paid, changes: [field('State', 5n), ...honest.paid.changes] },
      }),
    },
    ['rule/Refusal', 'patch "add" of PaymentDetails'],
  ),
  row(
    'lets a guest say that an order is paid',
    'logs a guest’s set that makes an order Paid',
    {
      sets: (honest, stage) => ({
        ask: { ...honest.ask, changes: [...honest.ask.changes, ...honest.paid.changes.slice(0, 1)] },
        paid: { ...honest.paid, secret: writers(stage).guest.secret, changes: honest.paid.changes.slice(1) },
      }),
    },
    ['rule/Refusal', 'patch "replace" of State: order'],
  ),
  row(
    'forges the value of an order',
    'signs a state that holds another order than its history makes',
    { edits: ended((fields) => new Map([...fields, ['Items', [item(STONE, 20n)]]]), () => undefined) },
    ['value', 'Proofs: the patches give another order than the state holds, from byte'],
  ),
  row(
    'computes the total with another rate',
    'asks for another total than order, listings and region give, in the currency that they are priced in',
    { sets: asking((stage) => details([sha256(listingBytes(stage.book(), STONE))], 3n * TOTAL)) },
    ['total', 'and order, listings and region give'],
  ),
  row(
    'prices an order by another listing',
    'shows a listing of another price, and asks for what it gives',
    {
      sets: asking((stage) => details([sha256(listingBytes(stage.book(), STONE))], 2n * CHEAP)),
      receipt: (receipt, book) => ({ ...receipt, Listings: [cheaper(book)] }),
    },
    ['listings', 'its hash is'],
  ),
  row(
    'prices an order by the listing of something else',
    'asks for the price of a feather where a stone was ordered',
    {
      sets: asking((stage) => details([sha256(cheaper(stage.book(), CHEAP, FEATHER))], 2n * CHEAP)),
      listings: (_honest, book) => [cheaper(book, CHEAP, FEATHER)],
    },
    ['listings', 'and the item is of'],
  ),
  row(
    'prices one listing in two forms',
    'asks for two pieces of one listing by two prices',
    {
      sets: (honest, stage) => {
        const book = stage.book()
        const hashes = [sha256(listingBytes(book, STONE)), sha256(cheaper(book))]
        return {
          order: twice(honest.order),
          ...asking(() => details(hashes, 2n * CHEAP))!(honest, stage),
        }
      },
      listings: (honest, book) => [...honest, cheaper(book)],
    },
    ['listings', 'stands there in two forms'],
  ),
  row(
    'prices two items by one listing',
    'names one ListingHash for two items',
    { sets: (honest) => ({ order: twice(honest.order) }) },
    ['listings', 'ListingHashes and'],
  ),
  row(
    'shows listings that were not priced',
    'adds listings to a receipt of an order for which no payment was asked',
    { order: ['manifest', 'order', 'commit', 'after'], receipt: (receipt, book) => ({ ...receipt, Listings: [listingBytes(book, STONE)] }) },
    ['listings', 'listings, and no payment was asked'],
  ),
  row(
    'shows a manifest where nothing was asked',
    'adds Level and Manifest to a set that does not ask for payment',
    {
      receipt: (receipt, book) =>
        set((one) => {
          const { level, state } = book.set(one.Seq)
          return { ...one, Level: encodeLevel({ ...level!, manifestHash: null }), Manifest: state.manifest! }
        }, COMMIT!)(receipt),
    },
    ['payment-set', 'it has Level and is not where payment was asked'],
  ),
  row(
    'shows another manifest',
    'shows a manifest in which shipping costs nothing, where the log’s has a fee, and asks for what it gives',
    {
      sets: (honest) => ({ manifest: { ...honest.manifest, changes: [...honest.manifest.changes, FEE] } }),
      receipt: (receipt, _book, stage) => {
        const book = honestBook(stage)
        return set((one) => ({ ...one, Manifest: book.set(book.head).state.manifest! }), ASK!)(receipt)
      },
    },
    ['payment-set', 'Level and Manifest give StateRoot'],
  ),
  row(
    'shows the manifest of another shop',
    'signs a state with the manifest of another shop',
    {
      edits: () => ({
        state: (state, seq) =>
          BigInt(seq) === seqOfSet('ask')
            ? { ...state, manifest: encode(new Map([...(decode(state.manifest!) as Fields), ['ShopID', 9n]]) as never) }
            : state,
      }),
    },
    ['payment-set', 'the manifest is of shop'],
  ),
  row(
    'names a manifest’s hash',
    'names the hash in the level that the manifest gives',
    {
      receipt: (receipt, book) => set((one) => ({ ...one, Level: encodeLevel(book.set(one.Seq).level!) }), ASK!)(receipt),
    },
    ['payment-set', 'ManifestHash is not null, and Manifest gives it'],
  ),
  row(
    'writes a patch’s proof in another form',
    'encodes a proof with a longer head than it needs',
    { receipt: set((one) => ({ ...one, Patches: one.Patches.map(([patch, proof]) => [patch, longer(proof)]) }), ORDER!) },
    ['patch/not-deterministic', 'a head in longer form at byte'],
  ),
  row(
    'anchors in a registry that nobody knows',
    'shows an anchor in a registry that the reader does not know',
    { receipt: (receipt) => ({ ...receipt, Anchor: anchor(receipt) }) },
    ['anchor', 'which is none of the registries that are known here'],
  ),
  row(
    'anchors in another contract',
    'shows an anchor in another contract than the checkpoint names',
    {
      receipt: (receipt) => ({ ...receipt, Anchor: { ...anchor(receipt), Contract: OTHER_REGISTRY } }),
      registries: [
        [31_337n, new Uint8Array(20)],
        [31_337n, OTHER_REGISTRY],
      ],
    },
    ['anchor', 'and the checkpoint is of'],
  ),
  row(
    'anchors another history',
    'shows an anchored checkpoint of the same Seq with other contents',
    {
      receipt: (receipt) => {
        const [bytes, signature] = resigned(receipt.Checkpoint[0], () => ({ StateHash: ZEROS }))
        return { ...receipt, Anchor: { ...anchor(receipt), Checkpoint: [bytes, signature] } }
      },
      registries: [[31_337n, new Uint8Array(20)]],
    },
    ['anchor', 'Anchor: two checkpoints of set'],
  ),
  row(
    'anchors a log that did not grow into this one',
    'shows an anchored checkpoint of before, with a consistency that does not hold',
    {
      receipt: (receipt, book) => {
        const { signed } = book.checkpoint(5n, later(-60n))
        const [a, b, paths, right] = book.consistency(5n, book.head)
        return { ...receipt, Anchor: { ...anchor(receipt), Checkpoint: signed, Consistency: [a, b, paths.map((path) => path.map(() => ZEROS)), right] } }
      },
      registries: [[31_337n, new Uint8Array(20)]],
    },
    ['anchor', 'Anchor: what was given does not show that the log of set'],
  ),
  row(
    'shows a consistency for one Seq',
    'adds a consistency to an anchor of the receipt’s own Seq',
    {
      receipt: (receipt, book) => ({ ...receipt, Anchor: { ...anchor(receipt), Consistency: book.consistency(5n, book.head) } }),
      registries: [[31_337n, new Uint8Array(20)]],
    },
    ['anchor', 'Consistency is there if they differ'],
  ),
]
