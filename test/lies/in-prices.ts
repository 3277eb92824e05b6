/** Lies in what a receipt says of prices, and of where it is anchored. */

import { sha256 } from '../../src/bytes/hash.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import { encodeLevel } from '../../src/merkle/state-level.js'
import { later, resigned } from './forge.js'
import type { LieRow } from './lie.js'
import { details, listingBytes, seqOfSet, TOTAL } from './paid.js'
import { FEATHER, STONE } from './stage.js'

import {
  anchor,
  ASK,
  asking,
  CHEAP,
  cheaper,
  COMMIT,
  FEE,
  honestBook,
  longer,
  ORDER,
  OTHER_REGISTRY,
  row,
  set,
  twice,
  ZEROS,
  type Fields,
} from './receipt-words.js'

export const IN_PRICES: readonly LieRow[] = [
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
          ...asking(() => details(hashes, 2n * CHEAP))(honest, stage),
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
    {
      order: ['manifest', 'order', 'commit', 'after'],
      receipt: (receipt, book) => ({ ...receipt, Listings: [listingBytes(book, STONE)] }),
    },
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
        }, COMMIT)(receipt),
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
        return set((one) => ({ ...one, Manifest: book.set(book.head).state.manifest! }), ASK)(receipt)
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
            ? { ...state, manifest: encode(new Map([...(decode(state.manifest!) as Fields), ['ShopID', 9n]])) }
            : state,
      }),
    },
    ['payment-set', 'the manifest is of shop'],
  ),
  row(
    'names a manifest’s hash',
    'names the hash in the level that the manifest gives',
    {
      receipt: (receipt, book) =>
        set((one) => ({ ...one, Level: encodeLevel(book.set(one.Seq).level!) }), ASK)(receipt),
    },
    ['payment-set', 'ManifestHash is not null, and Manifest gives it'],
  ),
  row(
    'writes a patch’s proof in another form',
    'encodes a proof with a longer head than it needs',
    {
      receipt: set((one) => ({ ...one, Patches: one.Patches.map(([patch, proof]) => [patch, longer(proof)]) }), ORDER),
    },
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
        return {
          ...receipt,
          Anchor: {
            ...anchor(receipt),
            Checkpoint: signed,
            Consistency: [a, b, paths.map((path) => path.map(() => ZEROS)), right],
          },
        }
      },
      registries: [[31_337n, new Uint8Array(20)]],
    },
    ['anchor', 'Anchor: what was given does not show that the log of set'],
  ),
  row(
    'shows a consistency for one Seq',
    'adds a consistency to an anchor of the receipt’s own Seq',
    {
      receipt: (receipt, book) => ({
        ...receipt,
        Anchor: { ...anchor(receipt), Consistency: book.consistency(5n, book.head) },
      }),
      registries: [[31_337n, new Uint8Array(20)]],
    },
    ['anchor', 'Consistency is there if they differ'],
  ),
]
