/** Lies to guests about their orders, and to whoever writes about his writes. */

import { be64, concatBytes } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { encode } from '../../src/codec/encode.js'
import { trailEntry } from '../../src/state/trails.js'
import { encodeWriteAnswer, readWriteAnswer } from '../../src/wire/proof-payloads.js'
import type { SnapshotObject } from '../../src/wire/snapshot-payloads.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import type { Edits } from './book.js'
import { all, answers, byPlace, drop, keyIs, objects, payloads, told } from './forge.js'
import type { LieRow } from './lie.js'
import { MINE, OTHERS, type Stage } from './stage.js'

const GUEST = 'a guest who comes back'
const WRITE = 'an own write'
const ZEROS = new Uint8Array(32)
const SOMETHING = new Uint8Array(32).fill(7)

/** The guest's card's entry in the state, made anew. */
const entry = (
  stage: Stage,
  count: bigint,
  change: (lastSeq: bigint) => bigint,
  seqs: readonly (readonly [bigint, bigint])[],
): Edits => ({
  state: (state, seq) => {
    if (seq !== 9) return state
    const card = publicKeyOf(stage.secrets.guest)
    let trail: Uint8Array = ZEROS
    for (const [id, at] of seqs) trail = sha256(concatBytes(Uint8Array.of(0x05), trail, be64(id), be64(at)))
    const history = { lastSeq: change(seqs.at(-1)![1]), trail }
    const trails = state.indexes.trails.set(card, trailEntry(encode(count), history, true))
    return { ...state, indexes: { ...state.indexes, trails } }
  },
})

/** From set `seq` on an order's trail is that of no set. */
const skippedFrom = (from: bigint): Edits => ({
  state: (state, seq) => {
    if (seq !== Number(from)) return state
    const key = be64(MINE[0])
    const history = { lastSeq: 7n, trail: SOMETHING }
    const trails = state.indexes.trails.set(key, trailEntry(state.collections.Orders.get(key)!, history, false))
    return { ...state, indexes: { ...state.indexes, trails } }
  },
})

/** Sets that add the guest's orders. */
const ADDED = [
  [MINE[0], 7n],
  [MINE[1], 8n],
] as const

type Listed = readonly (readonly [bigint, bigint])[]
/** The list, and proofs of the card's entry and of these orders as the honest relay's state has them. */
const listed = (stage: Stage, next: Listed): Lie =>
  answers({
    stateProof: (answer, _asked, myOrders) => {
      if (!myOrders) return answer
      const book = stage.book()
      const ids = [...new Set(next.map(([id]) => id))]
      const asked = [['Orders', stage.card('guest')] as const, ...ids.map((id) => ['Orders', be64(id)] as const)]
      return { ...answer, List: next, Proofs: book.proofs(book.head, asked) }
    },
  })

const order = (stage: Stage, id: bigint): SnapshotObject => {
  const book = stage.book()
  return book.objects(book.head, 'Orders').find((one) => keyIs(one, 'Orders', id))!
}
/** The guest's orders of the snapshot, and others of the shop. */
const orders = (stage: Stage, ...ids: readonly bigint[]): Lie =>
  objects((came) => {
    const rest = came.filter(({ question }) => question[0] !== 'Orders')
    const tags = rest.findIndex(({ question }) => question[0] === 'Tags')
    return [...rest.slice(0, tags), ...byPlace(ids.map((id) => order(stage, id))), ...rest.slice(tags)]
  })
export const IN_ORDERS: readonly LieRow[] = [
  {
    name: 'hides an order',
    does: 'leaves an order of the guest out of snapshot and list',
    session: GUEST,
    tell: (stage) => all(drop('Orders', MINE[1]), listed(stage, ADDED.slice(0, -1))),
    error: 'VERIFICATION_FAILED/number',
    says: 'are listed, and it added',
  },
  {
    name: 'hides an order behind the card’s entry',
    does: 'signs an entry of the card that counts more orders than its trail has',
    session: GUEST,
    tell: (stage) => told(() => stage.book(entry(stage, 3n, (seq) => seq, ADDED))),
    error: 'VERIFICATION_FAILED/number',
    says: 'are listed, and it added',
  },
  {
    name: 'tells another last set of a card',
    does: 'signs an entry of the card whose LastSeq is not that of its trail',
    session: GUEST,
    tell: (stage) => told(() => stage.book(entry(stage, 2n, (seq) => seq + 1n, ADDED))),
    error: 'VERIFICATION_FAILED/last-seq',
    says: 'the last is of set',
  },
  {
    name: 'says that a guest has no orders',
    does: 'sends no orders, and an empty list',
    session: GUEST,
    tell: (stage) => all(drop('Orders', ...MINE), listed(stage, [])),
    error: 'VERIFICATION_FAILED/number',
    says: 'are listed, and it added',
  },
  {
    name: 'lists orders in another order',
    does: 'lists the guest’s orders the wrong way round',
    session: GUEST,
    tell: (stage) => listed(stage, ADDED.toReversed()),
    error: 'VERIFICATION_FAILED/last-seq',
    says: 'the last is of set',
  },
  {
    name: 'tells an earlier set of an order',
    does: 'lists that an order was added by the set before',
    session: GUEST,
    tell: (stage) => listed(stage, [[MINE[0], 6n], ADDED[1]]),
    error: 'VERIFICATION_FAILED/trail',
    says: 'the list leads to Trail',
  },
  {
    name: 'hides a change of an order from its guest',
    does: 'leaves out the set that adds an order',
    session: 'a guest’s orders',
    late: true,
    tell: () => (message) => (message.kind === 'push' ? undefined : message),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'is nothing, and the relay proves',
  },
  {
    name: 'swaps an order for another’s',
    does: 'lists and sends an order of another guest instead of one’s own',
    session: GUEST,
    tell: (stage) => all(orders(stage, MINE[0], OTHERS), listed(stage, [ADDED[0], [OTHERS, 8n]])),
    error: 'VERIFICATION_FAILED/trail',
    says: 'the list leads to Trail',
  },
  {
    name: 'adds an order to a guest’s',
    does: 'sends an order of another guest with one’s own',
    session: GUEST,
    tell: (stage) => orders(stage, ...MINE, OTHERS),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves nothing',
  },
  {
    name: 'leaves an order out of a guest’s snapshot',
    does: 'lists an order and does not send it',
    session: GUEST,
    tell: () => drop('Orders', MINE[1]),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'is nothing, and the relay proves',
  },
  {
    name: 'skips a patch of a trail',
    does: 'signs an order whose Trail leaves out a set that changed it',
    session: 'a guest’s orders',
    late: true,
    tell: (stage) => {
      const { head } = stage.book()
      return told(() => stage.book(skippedFrom(head + 1n)))
    },
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'takes a write and logs another',
    does: 'answers a write with the number of another set',
    session: WRITE,
    late: true,
    tell: () =>
      payloads('write', (payload) => {
        const answer = readWriteAnswer(payload)
        return encodeWriteAnswer({ ...answer, Seq: answer.Seq - 1n })
      }),
    error: 'VERIFICATION_FAILED/OwnSetError',
    says: 'was answered to its write',
  },
  {
    name: 'tells another state after a write',
    does: 'answers a write with a StateRoot that its leaf does not have',
    session: WRITE,
    late: true,
    tell: () => payloads('write', (payload) => encodeWriteAnswer({ ...readWriteAnswer(payload), StateRoot: ZEROS })),
    error: 'VERIFICATION_FAILED/OwnSetError',
    says: 'was answered to its write',
  },
  {
    name: 'proves a write by a path of another',
    does: 'gives an inclusion that does not lead to the checkpoint',
    session: WRITE,
    late: true,
    tell: () =>
      answers({
        logProof: (answer) => ({
          ...answer,
          Inclusion: [answer.Inclusion[0], answer.Inclusion[1].map(() => SOMETHING)],
        }),
      }),
    error: 'VERIFICATION_FAILED/root',
    says: 'the path from node',
  },
  {
    name: 'proves a write at another place',
    does: 'gives the node index of the set before',
    session: WRITE,
    late: true,
    tell: () =>
      answers({ logProof: (answer) => ({ ...answer, Inclusion: [answer.Inclusion[0] - 1n, answer.Inclusion[1]] }) }),
    error: 'VERIFICATION_FAILED/node-index',
    says: 'of the log, not node',
  },
  {
    name: 'truncates a path of the log',
    does: 'leaves out the last hash of a write’s inclusion',
    session: WRITE,
    late: true,
    tell: () =>
      answers({
        logProof: (answer) => ({ ...answer, Inclusion: [answer.Inclusion[0], answer.Inclusion[1].slice(0, -1)] }),
      }),
    error: 'VERIFICATION_FAILED/path-length',
    says: 'elements, not',
  },
]
