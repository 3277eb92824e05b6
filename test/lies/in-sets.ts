/** Lies in pushed sets: what a subscription is told of a change. */

import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { encodeChange, readPatch, type Change } from '../../src/patches/patch.js'
import { patchLeafHash } from '../../src/merkle/patch-proof.js'
import { signPatches } from '../../src/patches/patch-set.js'
import type { PushedSet } from '../../src/wire/pushed-set.js'
import { decodeSet, encodeSet } from '../../src/wire/pushed-set.js'
import { listing, newSecret, OWNER } from '../fixtures/relay-harness.js'
import { RELAY_SECRET } from './book.js'
import { pushOf, sets } from './forge.js'
import type { LieRow } from './lie.js'
import { NOTHING, STONE, type Stage } from './stage.js'
import type { Message } from '../../src/wire/messages.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import { privateKeyToAccount } from 'viem/accounts'
import { fromHex } from '../../src/bytes/hex.js'

const ONE = 'a subscription to one listing'
const WHOLE = 'all that is public'

type Proof = readonly [node: bigint, size: bigint, path: readonly Uint8Array[] | null]

const readProof = (proof: Uint8Array): Proof => decode(proof) as unknown as Proof
const tagged: Change = {
  op: 'add',
  path: ['Tags', 'early'],
  value: new Map<string, Encodable>([
    ['Name', 'early'],
    ['ListingIDs', []],
  ]),
}
const price = (value: bigint): Change => ({ op: 'replace', path: ['Listings', STONE, 'Price'], value })

/** Sets of two patches and more: those that the session's owner writes. */
const changing = (set: PushedSet): boolean => set.patches.length >= 2 && pathOf(set)[1] === STONE
const pathOf = (set: PushedSet, i = 0) => readPatch(set.patches[i]!).path
const isFirst = (set: PushedSet): boolean => changing(set) && set.patches.length === 2

/** The proof of one patch, changed. */
function proof(set: PushedSet, i: number, change: (proof: Proof) => readonly Encodable[]): PushedSet {
  const proofs = set.proofs.map((one, at) => (at === i ? encode([...change(readProof(one))]) : one))
  return { ...set, proofs }
}

/** A set that the relay made up, as if it stood in the log. */
function signed(shopId: bigint, seq: bigint, changes: readonly Change[], secret = RELAY_SECRET): PushedSet {
  const patches = changes.map(encodeChange)
  const parts = signPatches({ shopId, nonce: 2n ** 60n + seq, timestamp: 1_700_000_000n, patches }, secret)
  const proofs = patches.map((_, i) => parts.tree.proof(i))
  return { seq, leafIndex: 0, header: parts.headerBytes, signature: parts.signature, patches, proofs }
}

/** The same patches below another header. */
function resigned(set: PushedSet, shopId: bigint, secret = RELAY_SECRET, more: readonly Change[] = []): PushedSet {
  const patches = [...set.patches, ...more.map(encodeChange)]
  const parts = signPatches({ shopId, nonce: 2n ** 60n + set.seq, timestamp: 1_700_000_000n, patches }, secret)
  const proofs = patches.map((_, i) => parts.tree.proof(i))
  return { seq: set.seq, leafIndex: 0, header: parts.headerBytes, signature: parts.signature, patches, proofs }
}

/** With the padding leaf of a tree over three patches. */
function padded(set: PushedSet): PushedSet {
  const [, , path] = readProof(set.proofs[2]!)
  const top = path!.at(-1)!
  const proof = encode([4n, 7n, [patchLeafHash(set.patches[2]!), top]])
  return { ...set, patches: [...set.patches, new Uint8Array(0)], proofs: [...set.proofs, proof] }
}

/** In the place of the session's first set one that the relay made up. */
const instead = (make: (stage: Stage, honest: PushedSet) => PushedSet) => (stage: Stage) =>
  sets((set) => (isFirst(set) ? [make(stage, set)] : [set]))

const change = (to: (set: PushedSet) => PushedSet) => () => sets((set) => (isFirst(set) ? [to(set)] : [set]))

/** The two sets of the session in one push, whatever the relay's pushes were. */
function together(to: (first: PushedSet, second: PushedSet) => readonly PushedSet[]): () => Lie {
  return () => {
    let first: PushedSet | undefined
    let isHeldBack = false
    return (message) => {
      // On a busy machine one comes between the two, and what is held back is missed by it.
      if (message.kind === 'checkpointPush' && isHeldBack) return undefined
      if (message.kind !== 'push') return message
      const list = message.sets.map(decodeSet)
      const after = list.flatMap((set) => {
        if (isFirst(set)) {
          first = copied(set)
          isHeldBack = true
          return []
        }
        if (!changing(set)) return [set]
        isHeldBack = false
        return to(first!, set)
      })
      return pushOf(message, after)
    }
  }
}

/** What a proxy keeps of a frame. */
function copied(set: PushedSet): PushedSet {
  return decodeSet(encodeSet(set))
}

const REGION: Change = {
  op: 'add',
  path: ['Manifest', 'ShippingRegions', 'elsewhere'],
  value: new Map(Object.entries({ Country: 'CH', PostalCode: '', City: '' })),
}

export const IN_SETS: readonly LieRow[] = [
  {
    name: 'drops a patch',
    does: 'leaves the new price out of a set of two patches, with proofs for what is left',
    session: ONE,
    late: true,
    tell: () =>
      sets((set) =>
        changing(set) ? [{ ...set, leafIndex: 1, patches: set.patches.slice(1), proofs: set.proofs.slice(1) }] : [set],
      ),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'drops a patch of a whole collection',
    does: 'the same where all listings are held: their root is compared',
    session: WHOLE,
    late: true,
    tell: () =>
      sets((set) =>
        changing(set) ? [{ ...set, leafIndex: 1, patches: set.patches.slice(1), proofs: set.proofs.slice(1) }] : [set],
      ),
    error: 'VERIFICATION_FAILED/root',
    says: 'Listings: its objects lead to',
  },
  {
    name: 'drops a set',
    does: 'pushes the second set of two alone',
    session: ONE,
    late: true,
    tell: () => sets((set) => (changing(set) && !isFirst(set) ? [set] : [])),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'drops the last update',
    does: 'pushes all sets but the last',
    session: ONE,
    late: true,
    tell: () => sets((set) => (isFirst(set) ? [set] : [])),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'reorders sets',
    does: 'pushes the second set before the first',
    session: ONE,
    late: true,
    tell: together((first, second) => [second, first]),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'comes after set',
  },
  {
    name: 'repeats a set',
    does: 'pushes the last set twice',
    session: ONE,
    late: true,
    tell: together((first, second) => [first, second, second]),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'comes after set',
  },
  {
    name: 'repeats a set as a new one',
    does: 'pushes the first set once more under the number of the second, which it leaves out',
    session: ONE,
    late: true,
    tell: together((first, second) => [first, { ...first, seq: second.seq }]),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'numbers a set too high',
    does: 'gives a set a number far ahead of the log: what comes after it is lost',
    session: ONE,
    late: true,
    tell: change((set) => ({ ...set, seq: set.seq + 1_000n })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'comes after set',
  },
  {
    name: 'forges a price',
    does: 'puts another price into a patch',
    session: ONE,
    late: true,
    tell: change((set) => ({ ...set, patches: [encodeChange(price(1n)), ...set.patches.slice(1)] })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'the path from node',
  },
  {
    name: 'reorders patches',
    does: 'pushes the patches of a set in another order, each with its proof',
    session: ONE,
    late: true,
    tell: change((set) => ({
      ...set,
      leafIndex: 1,
      patches: set.patches.toReversed(),
      proofs: set.proofs.toReversed(),
    })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'after node',
  },
  {
    name: 'repeats a patch',
    does: 'pushes a patch of a set twice, with the same proof',
    session: ONE,
    late: true,
    tell: change((set) => ({
      ...set,
      patches: [set.patches[0]!, ...set.patches],
      proofs: [set.proofs[0]!, ...set.proofs],
    })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'after node',
  },
  {
    name: 'swaps proofs',
    does: 'gives each patch of a set the proof of the other',
    session: ONE,
    late: true,
    tell: change((set) => ({ ...set, leafIndex: 0, patches: set.patches.toReversed() })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'the path from node',
  },
  {
    name: 'swaps indices',
    does: 'gives a patch the node index of the other',
    session: ONE,
    late: true,
    tell: change((set) =>
      proof({ ...set, leafIndex: 1, patches: [set.patches[0]!], proofs: [set.proofs[0]!] }, 0, ([, size, path]) => [
        1n,
        size,
        path,
      ]),
    ),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'the path from node',
  },
  {
    name: 'tells another index',
    does: 'says that the first patch is the second of its set, the proof as it is',
    session: ONE,
    late: true,
    tell: change((set) => ({ ...set, leafIndex: 1 })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'its first patch is at',
  },
  {
    name: 'adds a patch without a proof',
    does: 'pushes three patches with two proofs: the third sets another price',
    session: ONE,
    late: true,
    tell: change((set) => ({ ...set, patches: [...set.patches, encodeChange(price(1n))] })),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'proofs for',
  },
  {
    name: 'tells another tree size',
    does: 'says that the tree over a set of two patches has four leaves',
    session: ONE,
    late: true,
    tell: change((set) => proof(set, 1, ([node, , path]) => [node, 7n, path])),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'tree sizes',
  },
  {
    name: 'tells of a leaf more',
    does: 'says that the tree over a set of two patches has three leaves: it has none that fills it up',
    session: ONE,
    late: true,
    tell: change((set) => [0, 1].reduce((one, i) => proof(one, i, ([node, , path]) => [node, 4n, path]), set)),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'nodes are not the tree of a power of two of leaves',
  },
  {
    name: 'takes padding for a patch',
    does: 'shows the leaf that fills up the tree over three patches as a fourth patch',
    session: ONE,
    late: true,
    tell: () => sets((set) => (set.patches.length === 3 && changing(set) ? [padded(set)] : [set])),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'the patch cannot be read: the item is cut off at byte',
  },
  {
    name: 'tells a set after the checkpoint over it',
    does: 'pushes sets behind the checkpoint that covers them',
    session: ONE,
    late: true,
    tell: () => {
      const held: Message[] = []
      return (message) => {
        if (message.kind === 'push') return void held.push(structuredClone(message))
        return message.kind === 'checkpointPush' ? [message, ...held.splice(0)] : message
      }
    },
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'comes after set',
  },
  {
    name: 'makes up a listing',
    does: 'adds a listing that the shop does not have, signed with the relay’s key',
    session: 'a subscription to two listings, one not there',
    late: true,
    tell: instead(({ shop }, honest) => resigned(honest, shop, RELAY_SECRET, [listing(NOTHING)])),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves nothing',
  },
  {
    name: 'hides a new order from staff',
    does: 'leaves out the set that adds an order',
    session: 'a clerk with the whole shop',
    late: true,
    tell: () => sets((set) => (pathOf(set)[0] === 'Orders' ? [] : [set])),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Orders: its objects lead to',
  },
  {
    name: 'forges the manifest in a set',
    does: 'adds a shipping region to the manifest, signed with the relay’s key',
    session: ONE,
    late: true,
    tell: instead(({ shop }, honest) => resigned(honest, shop, RELAY_SECRET, [REGION])),
    error: 'VERIFICATION_FAILED/manifest',
    says: 'snapshot: Manifest: its hash is',
  },
  {
    name: 'truncates a path',
    does: 'leaves the last hash out of both proofs of a set',
    session: ONE,
    late: true,
    tell: change((set) =>
      [0, 1].reduce((one, i) => proof(one, i, ([node, size, path]) => [node, size, path!.slice(1)]), set),
    ),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'elements, not',
  },
  {
    name: 'signs a set with a stranger’s key',
    does: 'shows the patches of a set as if somebody had signed them who has no card of the shop',
    session: ONE,
    late: true,
    tell: (stage) => {
      const secret = newSecret()
      return instead(({ shop }, honest) => resigned(honest, shop, secret))(stage)
    },
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'nor a card of the shop',
  },
  {
    name: 'takes a header for another’s',
    does: 'puts the signature of another set below a header: it leads to some key',
    session: ONE,
    late: true,
    tell: together((first, second) => [first, { ...second, signature: first.signature }]),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'nor a card of the shop',
  },
  {
    name: 'shows a set of another shop',
    does: 'shows the patches of a set as they were signed for another shop',
    session: ONE,
    late: true,
    tell: instead(({ shop }, honest) => resigned(honest, shop + 1n)),
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'is of shop',
  },
  {
    name: 'makes up a set',
    does: 'signs a price itself, with the number of a set that it leaves out',
    session: ONE,
    late: true,
    tell: (stage) => sets((set) => (changing(set) ? [signed(stage.shop, set.seq, [price(3n)])] : [set])),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'lets a card sign that was removed long ago',
    does: 'shows the patches of a set as if a card had signed them that left the shop before',
    session: ONE,
    prepare: async (stage) => {
      const account = fromHex(privateKeyToAccount(`0x${OWNER}`).address.slice(2).toLowerCase())
      await stage.write('owner', [{ op: 'remove', path: ['Accounts', account, 'KeyCards', 1n] }])
      await stage.covered()
    },
    tell: instead(({ shop, secrets }, honest) => resigned(honest, shop, secrets.clerk)),
    late: true,
    error: 'VERIFICATION_FAILED/VerificationError',
    says: 'nor a card of the shop',
  },
  {
    name: 'removes a signer’s card in secret',
    does: 'shows that a card was put into the shop by a set that no log has, and lets it sign',
    session: ONE,
    late: true,
    tell: (stage) => {
      const secret = newSecret()
      const account = fromHex(privateKeyToAccount(`0x${OWNER}`).address.slice(2).toLowerCase())
      const joins: Change = { op: 'append', path: ['Accounts', account, 'KeyCards'], value: publicKeyOf(secret) }
      return together((first, second) => [
        signed(stage.shop, first.seq, [joins]),
        signed(stage.shop, second.seq, [price(1n)], secret),
      ])()
    },
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Accounts: its objects lead to',
  },
  {
    name: 'pushes a set before the snapshot’s end',
    does: 'pushes a set that the relay made up to a newcomer who has nothing yet',
    session: 'a newcomer to one listing',
    tell: (stage) => (message) =>
      message.kind === 'snapshotPush'
        ? [
            {
              kind: 'push',
              subscriptionId: message.subscriptionId,
              sets: [encodeSet(signed(stage.shop, 1n, [tagged]))],
            },
            message,
          ]
        : message,
    error: 'VERIFICATION_FAILED',
    says: 'comes before the end of the snapshot',
  },
]
