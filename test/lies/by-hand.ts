/** Lies to somebody who checks single proofs himself, with the functions that the package has for it. */

import { be64, concatBytes } from '../../src/bytes/bytes.js'
import { interiorHash } from '../../src/merkle/node-hash.js'
import { nodeIndex, positionOf } from '../../src/merkle/mmr-index.js'
import { encode } from '../../src/codec/encode.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import type { Book } from './book.js'
import { later, resigned } from './forge.js'
import type { LieRow } from './lie.js'
import { STONE, type Sdk, type Stage } from './stage.js'

const ZEROS = new Uint8Array(32)
const SESSION = 'somebody who checks by hand'

/** What an honest relay gives, checked; throws what a check throws. */
export function checkedByHand(stage: Stage, sdk: Sdk): void {
  const book = stage.book()
  const head = headOf(book)
  sdk.verifyLogInclusion(book.inclusion(5n, book.head), book.logLeaf(5n), head)
  sdk.verifyLogConsistency(book.consistency(5n, book.head), headOf(book, 5n), head)
  const { patches, header } = book.set(5n).record
  const tree = new PatchTree(patches.map(patchLeafHash))
  const proofs = patches.map((_, i) => tree.proof(i))
  sdk.verifyPatchProofs(proofs, patches, tree.root)
  void header
  const asked = [['Listings', be64(STONE)]] as const
  const claim = { shopId: stage.shop, stateRoot: book.set(book.head).root, asked }
  sdk.verifyStateProofs(book.proofs(book.head, asked), claim)
  const trust = trustOf(stage, sdk)
  const { signed, last } = book.checkpoint(book.head)
  trust.accept({ signed, last }, now())
}

const now = () => BigInt(Math.floor(Date.now() / 1_000))

function headOf(book: Book, seq = book.head): { readonly Seq: bigint; readonly Peaks: readonly Uint8Array[] } {
  return { Seq: seq, Peaks: book.peaks(seq) }
}

function trustOf(stage: Stage, sdk: Sdk) {
  const { relay, shop } = stage
  const identity = { ChainID: 31_337n, Registry: new Uint8Array(20), Relay: 1n, ShopID: shop }
  return new sdk.CheckpointTrust({ ...identity, relays: [relay.address] })
}

export const BY_HAND: readonly LieRow[] = [
  {
    name: 'takes an interior node for a patch',
    does: 'shows what an interior node of the tree over patches is the hash of as the only patch of a set',
    session: SESSION,
    byHand: (_stage, sdk) => {
      const [left, right] = [Uint8Array.of(0xa0), Uint8Array.of(0xa1, 1, 2)].map(patchLeafHash)
      const position = positionOf(nodeIndex(2n))
      const preimage = concatBytes(be64(position), left!, right!)
      sdk.verifyPatchProofs([encode([0n, 1n, null])], [preimage], interiorHash(position, left!, right!))
    },
    error: 'not-a-patch/trailing-bytes',
    says: 'bytes after the item at byte',
  },
  {
    name: 'proves a set in a log with a peak too many',
    does: 'shows a head of the log that has a peak more than its Seq has ones',
    session: SESSION,
    byHand: (stage, sdk) => {
      const book = stage.book()
      const Peaks = [...book.peaks(book.head), ZEROS]
      sdk.verifyLogInclusion(book.inclusion(5n, book.head), book.logLeaf(5n), { Seq: book.head, Peaks })
    },
    error: 'peak-count',
    says: 'peaks, not',
  },
  {
    name: 'proves growth to a log with a peak too many',
    does: 'shows that the log grew to a head that has a peak more than its Seq has ones',
    session: SESSION,
    byHand: (stage, sdk) => {
      const book = stage.book()
      const [from, to, paths, right] = book.consistency(5n, book.head)
      const Peaks = [...book.peaks(book.head), ZEROS]
      sdk.verifyLogConsistency([from, to, paths, [...right, ZEROS]], headOf(book, 5n), { Seq: book.head, Peaks })
    },
    error: 'peak-count',
    says: 'a range of',
  },
  {
    name: 'offers another shop’s checkpoint',
    does: 'offers a checkpoint that it signed for another shop to who follows this one',
    session: SESSION,
    byHand: (stage, sdk) => {
      const book = stage.book()
      const { signed, last } = book.checkpoint(book.head)
      const [bytes, signature] = resigned(signed[0], ({ ShopID }) => ({ ShopID: ShopID + 1n, ...later(0n) }))
      trustOf(stage, sdk).accept({ signed: [bytes, signature], last }, now())
    },
    error: 'identity',
    says: "the checkpoint's ShopID is",
  },
]
