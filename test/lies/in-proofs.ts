/** Lies in proofs of single objects. */

import { be64, concatBytes } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor, CborKey } from '../../src/codec/value.js'
import { stateLeaf } from '../../src/merkle/state-tree.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import type { ProofEdits } from './book.js'
import { all, answers, byPlace, drop, keyIs, later, objects, payloads, resigned, told } from './forge.js'
import {
  encodeStateProofs,
  readStateProofs,
  withSibling,
  bitmap,
  type ItemAnswer,
  type ProofItem,
  type ProofPart,
  type StateProofs,
} from './loose-proof.js'
import type { LieRow } from './lie.js'
import { NEIGHBOUR } from './places.js'
import { FEATHER, LISTED_AT, NOTHING, STONE, type Stage } from './stage.js'
import type { SnapshotObject } from '../../src/wire/snapshot-payloads.js'

const ONE = 'a newcomer to one listing'
const TWO = 'a newcomer to two listings'
const PAIR = 'a newcomer to a listing and its neighbour'
const TAGGED = 'a newcomer to a listing and a tag'
const ZEROS = new Uint8Array(32)
const SOMETHING = new Uint8Array(32).fill(7)

type Change = (proofs: StateProofs) => StateProofs

/** The proofs of an answer, changed; the StateRoot is the honest one. */
const shown =
  (change: Change, ask = 256) =>
  (): Lie =>
    answers({
      stateProof: (answer) => ({ ...answer, Proofs: encodeStateProofs(change(readStateProofs(answer.Proofs, ask))) }),
    })

/** Proofs of these listings, changed, and a StateRoot that follows from them. */
const signed =
  (change: Change, ...ids: readonly bigint[]) =>
  (stage: Stage): Lie => {
    const proofs: ProofEdits = { asked: ids.map((id) => ['Listings', be64(id)] as const), change }
    return told(() => stage.book({ proofs }))
  }

/** The first part, changed. */
const part =
  (change: (part: ProofPart) => ProofPart): Change =>
  (proofs) => ({
    ...proofs,
    parts: proofs.parts.map((one, i) => (i === 0 ? change(one) : one)),
  })

/** One item of the first part. */
const item = (which: number, change: (item: ProofItem) => ProofItem): Change =>
  part((one) => ({ ...one, items: one.items.map((it, i) => (i === which ? change(it) : it)) }))

const isThere = (proofs: StateProofs): boolean => proofs.parts[0]?.items[0]?.answer.kind === 'object'
/** Before the listings are there nothing is changed. */
const once =
  (change: Change): Change =>
  (proofs) =>
    isThere(proofs) ? change(proofs) : proofs

/** Behind the stone a listing of the neighbour's id. */
function forgedListing(list: readonly SnapshotObject[], id: bigint): SnapshotObject {
  const stone = list.find((object) => keyIs(object, 'Listings', STONE))!
  return { question: ['Listings', be64(id)], object: { value: listingValue(stone.object.value, id) } }
}

function listingValue(value: Uint8Array, id: bigint): Uint8Array {
  const fields = decode(value) as ReadonlyMap<CborKey, Cbor>
  return encode(new Map([...fields, ['ID', id], ['Price', 1n]]))
}

function neighbourOf(stage: Stage): Uint8Array {
  const stone = stage
    .book()
    .objects(LISTED_AT, 'Listings')
    .find((one) => keyIs(one, 'Listings', STONE))!
  return listingValue(stone.object.value, NEIGHBOUR)
}

/** A snapshot with the neighbour in it. */
const withNeighbour = objects((list) => {
  const listings = byPlace([
    ...list.filter(({ question }) => question[0] === 'Listings'),
    forgedListing(list, NEIGHBOUR),
  ])
  return [...list.filter(({ question }) => question[0] !== 'Listings'), ...listings]
})

const leafOf = ({ key, answer }: ProofItem): ItemAnswer =>
  answer.kind === 'object' ? { kind: 'other-leaf', leaf: stateLeaf(key, answer.object) } : answer

/** A second shop of the same relay, to take proofs from. */
async function withAnotherShop(stage: Stage): Promise<void> {
  stage.another = await stage.world.stage()
}

export const IN_PROOFS: readonly LieRow[] = [
  {
    name: 'forges a price in snapshot and proof',
    does: 'sends another price, and a proof of it with the honest siblings',
    session: ONE,
    tell: () => {
      const cheap = (value: Uint8Array) => listingValue(value, STONE)
      return all(
        objects((came) =>
          came.map((one) =>
            keyIs(one, 'Listings', STONE) ? { ...one, object: { value: cheap(one.object.value) } } : one,
          ),
        ),
        shown(
          item(0, (it) =>
            it.answer.kind === 'object'
              ? { ...it, answer: { kind: 'object', object: { value: cheap(it.answer.object.value) } } }
              : it,
          ),
        )(),
      )
    },
    error: 'VERIFICATION_FAILED/state-root',
    says: 'StateRoot: the proof gives',
  },
  {
    name: 'forges a price beside the honest root',
    does: 'the same, and names the honest root in the level, where the proof yields it',
    session: ONE,
    tell: (stage) => {
      const cheap = (value: Uint8Array) => listingValue(value, STONE)
      return all(
        objects((came) =>
          came.map((one) =>
            keyIs(one, 'Listings', STONE) ? { ...one, object: { value: cheap(one.object.value) } } : one,
          ),
        ),
        shown((proofs) => {
          const book = stage.book()
          const { level } = book.set(book.head)
          const forged = item(0, (it) =>
            it.answer.kind === 'object'
              ? { ...it, answer: { kind: 'object', object: { value: cheap(it.answer.object.value) } } }
              : it,
          )(proofs)
          return {
            ...forged,
            level: { ...proofs.level, roots: { ...proofs.level.roots, Listings: level!.roots.Listings } },
          }
        })(),
      )
    },
    error: 'VERIFICATION_FAILED/level-null',
    says: 'and the proof yields it',
  },
  {
    name: 'swaps proofs of two objects',
    does: 'answers with the proof of another listing',
    session: ONE,
    tell: (stage) =>
      all(
        drop('Listings', STONE),
        answers({
          stateProof: (answer) => {
            const book = stage.book()
            return { ...answer, Proofs: book.proofs(book.head, [['Listings', be64(FEATHER)]]) }
          },
        }),
      ),
    error: 'VERIFICATION_FAILED/answers',
    says: 'it was asked and is not answered',
  },
  {
    name: 'answers nothing',
    does: 'leaves the listing out and proves the bare level',
    session: ONE,
    tell: (stage) =>
      all(
        drop('Listings', STONE),
        answers({
          stateProof: (answer) => {
            const book = stage.book()
            return { ...answer, Proofs: book.proofs(book.head, []) }
          },
        }),
      ),
    error: 'VERIFICATION_FAILED/answers',
    says: 'it was asked and is not answered',
  },
  {
    name: 'answers what was not asked',
    does: 'proves the manifest beside the listing',
    session: ONE,
    tell: (stage) =>
      answers({
        stateProof: (answer, asked) => {
          const book = stage.book()
          return { ...answer, Proofs: book.proofs(book.head, [...asked, ['Manifest', new Uint8Array(0)]]) }
        },
      }),
    error: 'VERIFICATION_FAILED/answers',
    says: 'Manifest/: it is answered and was not asked',
  },
  {
    name: 'forges an absence by the object itself',
    does: 'takes the listing’s own leaf for another’s in its place',
    session: ONE,
    tell: () => all(drop('Listings', STONE), shown(item(0, (it) => ({ ...it, answer: leafOf(it) })))()),
    error: 'VERIFICATION_FAILED/other-leaf',
    says: "another leaf's K is its own",
  },
  {
    name: 'forges an absence by a leaf of elsewhere',
    does: 'signs a tree in which a leaf lies where its K does not lead',
    session: ONE,
    tell: (stage) => {
      const other = stateLeaf(be64(NOTHING), { value: Uint8Array.of(0xa0) })
      const change = once(
        item(0, (it) => ({
          ...it,
          answer: { kind: 'other-leaf', leaf: { ...other, keyHash: other.keyHash.with(0, sha256(it.key)[0]! ^ 0x80) } },
        })),
      )
      return all(drop('Listings', STONE), signed(change, STONE)(stage))
    },
    error: 'VERIFICATION_FAILED/other-leaf',
    says: 'another leaf at depth',
  },
  {
    name: 'forges an absence',
    does: 'says that the place of a listing is empty',
    session: ONE,
    tell: () => all(drop('Listings', STONE), shown(item(0, (it) => ({ ...it, answer: { kind: 'empty' } })))()),
    error: 'VERIFICATION_FAILED/state-root',
    says: 'StateRoot: the proof gives',
  },
  {
    name: 'pushes a leaf down',
    does: 'signs a tree in which a lone leaf lies a level deeper than it has to',
    session: ONE,
    tell: signed(
      once((proofs) =>
        part((one) => withSibling(item(0, (it) => ({ ...it, depth: it.depth + 1 }))(proofs).parts[0] ?? one, 'empty'))(
          proofs,
        ),
      ),
      STONE,
    ),
    error: 'VERIFICATION_FAILED/not-hoisted',
    says: 'above a lone leaf',
  },
  {
    name: 'hides a leaf beside nothing',
    does: 'signs a tree with an empty place beside an empty place, to prove an absence',
    session: ONE,
    tell: (stage) => {
      const change = once((proofs) =>
        part((one) => {
          const deeper = item(0, (it) => ({ ...it, depth: it.depth + 1, answer: { kind: 'empty' } }))(proofs).parts[0]!
          void one
          return withSibling(deeper, 'empty')
        })(proofs),
      )
      return all(drop('Listings', STONE), signed(change, STONE)(stage))
    },
    error: 'VERIFICATION_FAILED/not-hoisted',
    says: 'a place at depth',
  },
  {
    name: 'goes deeper than keys are long',
    does: 'signs a tree in which a leaf lies 300 levels deep',
    session: ONE,
    tell: signed(
      once(
        part((one) => {
          const [only] = one.items
          const more = 300 - only!.depth
          const below = Array.from({ length: more }, () => 0)
          const bits = Array.from({ length: only!.depth }, (_, i) => (one.emptySiblings[i >> 3]! >> (7 - (i & 7))) & 1)
          const siblings = concatBytes(...below.map(() => SOMETHING), one.siblings)
          return { ...one, items: [{ ...only!, depth: 300 }], siblings, emptySiblings: bitmap([...below, ...bits]) }
        }),
      ),
      STONE,
    ),
    error: 'VERIFICATION_FAILED/depth',
    says: 'Listings: Depth',
  },
  {
    name: 'writes a longer bitmap',
    does: 'adds a byte to EmptySiblings',
    session: ONE,
    tell: shown(part((one) => ({ ...one, emptySiblings: concatBytes(one.emptySiblings, Uint8Array.of(0)) }))),
    error: 'VERIFICATION_FAILED/empty-siblings',
    says: 'are needed',
  },
  {
    name: 'sets unused bits',
    does: 'sets the last bit of EmptySiblings, which stands for no sibling',
    session: ONE,
    tell: shown(
      part((one) => ({
        ...one,
        emptySiblings: one.emptySiblings.with(-1 + one.emptySiblings.length, one.emptySiblings.at(-1)! | 1),
      })),
    ),
    error: 'VERIFICATION_FAILED/empty-siblings',
    says: 'has a bit set behind its',
  },
  {
    name: 'changes a sibling',
    does: 'sends another hash in the place of the first sibling',
    session: ONE,
    tell: shown(part((one) => ({ ...one, siblings: concatBytes(SOMETHING, one.siblings.slice(32)) }))),
    error: 'VERIFICATION_FAILED/state-root',
    says: 'StateRoot: the proof gives',
  },
  {
    name: 'answers what is no proof',
    does: 'answers with an empty map',
    session: ONE,
    tell: () => payloads('stateProof', () => Uint8Array.of(0xa0)),
    error: 'VERIFICATION_FAILED/ProofPayloadError',
    says: 'state proof answer: Checkpoint is missing',
  },
  {
    name: 'leaves a sibling over',
    does: 'adds a sibling that no step takes',
    session: ONE,
    tell: shown(part((one) => ({ ...one, siblings: concatBytes(one.siblings, SOMETHING) }))),
    error: 'VERIFICATION_FAILED/siblings',
    says: 'are needed',
  },
  {
    name: 'truncates the siblings',
    does: 'leaves the last sibling out',
    session: ONE,
    tell: shown(part((one) => ({ ...one, siblings: one.siblings.slice(0, -32) }))),
    error: 'VERIFICATION_FAILED/siblings',
    says: 'siblings, more are needed',
  },
  {
    name: 'writes an empty sibling out',
    does: 'signs a tree with an empty place, and sends zeros in its stead',
    session: ONE,
    tell: (stage) => {
      // In an honest tree of three there may be no empty sibling: an opaque one above, and the empty one below it.
      const change = once(
        part((one) => {
          const [only] = one.items
          const bits = Array.from({ length: only!.depth }, (_, i) => (one.emptySiblings[i >> 3]! >> (7 - (i & 7))) & 1)
          const siblings = concatBytes(SOMETHING, ZEROS, one.siblings)
          return {
            ...one,
            items: [{ ...only!, depth: only!.depth + 2 }],
            siblings,
            emptySiblings: bitmap([0, 0, ...bits]),
          }
        }),
      )
      return signed(change, STONE)(stage)
    },
    error: 'VERIFICATION_FAILED/zero-sibling',
    says: 'is all zeros and not in EmptySiblings',
  },
  {
    name: 'proves two things of one place',
    does: 'proves a listing, and beside it one that is not there, in the same place',
    session: PAIR,
    tell: (stage) =>
      all(
        withNeighbour,
        shown(item(1, (it) => ({ ...it, answer: { kind: 'object', object: { value: neighbourOf(stage) } } })))(),
      ),
    error: 'VERIFICATION_FAILED/ends',
    says: 'where another item ends with',
  },
  {
    name: 'ends below an end',
    does: 'says that the way of an absent listing ends below the leaf that is in its way',
    session: PAIR,
    tell: shown(item(1, (it) => ({ ...it, depth: it.depth + 1 }))),
    error: 'VERIFICATION_FAILED/ends',
    says: 'goes on below another item, which ends at',
  },
  {
    name: 'ends above an end',
    does: 'says that a listing lies above the place where its way leaves that of another',
    session: TWO,
    tell: shown(item(1, (it) => ({ ...it, depth: it.depth - 1 }))),
    error: 'VERIFICATION_FAILED/ends',
    says: 'ends above another item, at',
  },
  {
    name: 'swaps items',
    does: 'proves two listings of one place in the wrong order',
    session: PAIR,
    tell: shown(part((one) => ({ ...one, items: one.items.toReversed() }))),
    error: 'VERIFICATION_FAILED/item-order',
    says: 'stands after',
  },
  {
    name: 'swaps parts',
    does: 'proves tags before listings',
    session: TAGGED,
    tell: shown((proofs) => ({ ...proofs, parts: proofs.parts.toReversed() })),
    error: 'VERIFICATION_FAILED/part-order',
    says: 'Parts: Listings stands after Tags',
  },
  {
    name: 'speaks another schema',
    does: 'signs a state of SchemaVersion 5, whose objects may mean anything',
    session: ONE,
    tell: signed((proofs) => ({ ...proofs, level: { ...proofs.level, schemaVersion: 5n } }), STONE),
    error: 'VERIFICATION_FAILED/schema-version',
    says: 'Level: SchemaVersion',
  },
  {
    name: 'writes an answer in another form',
    does: 'encodes an honest answer with a longer head than it needs',
    session: ONE,
    tell: () =>
      payloads('stateProof', (payload) => concatBytes(Uint8Array.of(0xb8, payload[0]! & 0x1f), payload.subarray(1))),
    error: 'VERIFICATION_FAILED/ProofPayloadError',
    says: 'state proof answer: a head in longer form at byte',
  },
  {
    name: 'writes an object in another form',
    does: 'signs a state with a listing whose bytes are not the canonical ones',
    session: ONE,
    tell: (stage) =>
      told(() =>
        stage.book({
          state: (state, seq) => {
            if (seq !== Number(LISTED_AT)) return state
            const honest = state.collections.Listings.get(be64(STONE))!
            const longer = concatBytes(Uint8Array.of(0xb8, honest[0]! & 0x1f), honest.subarray(1))
            const Listings = state.collections.Listings.set(be64(STONE), longer)
            return { ...state, collections: { ...state.collections, Listings } }
          },
        }),
      ),
    error: 'VERIFICATION_FAILED/encoding',
    says: 'a head in longer form at byte',
  },
  {
    name: 'proves under another checkpoint',
    does: 'answers with honest proofs and a checkpoint of before',
    session: ONE,
    tell: (stage) =>
      answers({
        stateProof: (answer) => {
          const { signed, last } = stage.book().checkpoint(LISTED_AT, later(-60n))
          return { ...answer, Checkpoint: signed, Last: last }
        },
      }),
    error: 'VERIFICATION_FAILED/identity',
    says: 'the answer is of checkpoint',
  },
  {
    name: 'answers from another history',
    does: 'answers with a checkpoint of the same Seq that is not the one that was pushed',
    session: ONE,
    tell: () =>
      answers({
        stateProof: (answer) => ({
          ...answer,
          Checkpoint: resigned(answer.Checkpoint[0], () => ({ StateHash: ZEROS })),
        }),
      }),
    error: 'VERIFICATION_FAILED/two-contents',
    says: 'two checkpoints of set',
  },
  {
    name: 'answers with another shop’s proof',
    does: 'answers with the proof of a listing of the same id in another shop of the relay',
    session: ONE,
    prepare: withAnotherShop,
    tell: (stage) =>
      answers({
        stateProof: (answer, asked) => {
          const book = stage.another!.book()
          const { signed, last } = book.checkpoint(book.head)
          return { ...answer, Checkpoint: signed, Last: last, Proofs: book.proofs(book.head, asked) }
        },
      }),
    error: 'VERIFICATION_FAILED/identity',
    says: "the checkpoint's ShopID is",
  },
  {
    name: 'proves with another shop’s proof',
    does: 'answers under the honest checkpoint with the proof of a listing of the same id in another shop',
    session: ONE,
    prepare: withAnotherShop,
    tell: (stage) =>
      answers({
        stateProof: (answer, asked) => {
          const book = stage.another!.book()
          return { ...answer, Proofs: book.proofs(book.head, asked) }
        },
      }),
    error: 'VERIFICATION_FAILED/state-root',
    says: 'StateRoot: the proof gives',
  },
  {
    name: 'adds a field to an answer',
    does: 'answers with a field that no answer has',
    session: ONE,
    tell: () =>
      payloads('stateProof', (payload) => {
        const fields = decode(payload) as ReadonlyMap<CborKey, Cbor>
        return encode(new Map([...fields, ['Extra', 1n]]))
      }),
    error: 'VERIFICATION_FAILED/ProofPayloadError',
    says: 'state proof answer: an unknown field "Extra"',
  },
  {
    name: 'answers with another last leaf',
    does: 'names another Set as the last leaf of an answer’s checkpoint',
    session: ONE,
    tell: () => answers({ stateProof: (answer) => ({ ...answer, Last: [ZEROS, answer.Last[1]] }) }),
    error: 'VERIFICATION_FAILED/last',
    says: 'is not its last leaf: the path from node',
  },
]
