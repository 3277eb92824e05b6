/** Lies in snapshots: what a newcomer is told of the state, and staff of what they may read. */

import { be64 } from '../../src/bytes/bytes.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor, CborKey } from '../../src/codec/value.js'
import { encodeLevel, readLevel, type Level } from '../../src/merkle/state-level.js'
import { encodeSalts, isGuestsAccount, type SnapshotObject } from '../../src/wire/snapshot-payloads.js'
import { trailEntry } from '../../src/state/trails.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import { withObject, type Edits } from './book.js'
import { all, byPlace, later, objects, resigned, snapshots, told } from './forge.js'
import type { LieRow } from './lie.js'
import { FEATHER, LISTED_AT, SHELL, STONE, type Stage } from './stage.js'

const ONE = 'a newcomer to one listing'
const WHOLE = 'a newcomer to all that is public'
const STAFF_ORDERS = 'a clerk who looks at the orders'
const ZEROS = new Uint8Array(32)

const isListing = ({ question: [collection, key] }: SnapshotObject, id: bigint): boolean =>
  collection === 'Listings' && Buffer.compare(key, be64(id)) === 0

/** The object's fields, changed. */
function changed(object: SnapshotObject, more: readonly (readonly [CborKey, Cbor])[]): SnapshotObject {
  const fields = decode(object.object.value) as ReadonlyMap<CborKey, Cbor>
  return { ...object, object: { value: encode(new Map([...fields, ...more])) } }
}

const listing = (id: bigint, change: (object: SnapshotObject) => readonly SnapshotObject[]) => (): Lie =>
  objects((list) => list.flatMap((object) => (isListing(object, id) ? change(object) : [object])))

/** Without the listing, in a state that the relay signed so. */
const without = (id: bigint): Edits => ({
  state: (state, seq) => (seq === Number(LISTED_AT) ? withObject(state, 'Listings', be64(id), () => undefined) : state),
})

/** With an account in which a number says whether it is a guest's. */
const oddAccount: Edits = {
  state: (state, seq) => {
    const [first] = seq === Number(LISTED_AT) ? state.collections.Accounts.entries() : []
    if (first === undefined) return state
    return withObject(state, 'Accounts', first[0], (fields) => new Map<CborKey, Cbor>([...fields, ['Guest', 7n]]))
  },
}

/** An entry of a card after all sets of the stage. */
const trail = (key: Uint8Array, count: bigint): Edits => ({
  state: (state, seq) => {
    if (seq !== 9) return state
    const trails = state.indexes.trails.set(key, trailEntry(encode(count), { lastSeq: 8n, trail: ZEROS }, true))
    return { ...state, indexes: { ...state.indexes, trails } }
  },
})

const forged = (edits: Edits) => (stage: Stage) => told(() => stage.book(edits))

/** What the relay says of the whole. */
const levelled = (change: (level: Level) => Level) => (): Lie =>
  snapshots((push) => ({ ...push, level: encodeLevel(change(readLevel(push.level))) }))

/** What guests get none of, or their own alone. */
const STAFF: ReadonlySet<string> = new Set(['Cards', 'Inventory', 'Orders'])

const manifestOf = (list: readonly SnapshotObject[]) => list.find(({ question }) => question[0] === 'Manifest')!

/** The snapshot of an hour ago, and nothing behind it. */
const past = (): Lie =>
  all(
    snapshots((push) => {
      const [checkpoint, signature] = resigned(push.checkpoint, () => later(-3_600n))
      return { ...push, checkpoint, signature }
    }),
    (message, asked) => (asked?.kind === 'checkpoint' || message.kind === 'checkpointPush' ? undefined : message),
  )

export const IN_SNAPSHOTS: readonly LieRow[] = [
  {
    name: 'leaves an object out of a snapshot',
    does: 'sends all listings but one',
    session: WHOLE,
    tell: listing(FEATHER, () => []),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Listings: its objects lead to',
  },
  {
    name: 'leaves a neighbour out and moves the level along',
    does: 'sends all listings but one, and a level in which it is missing, under the honest StateRoot',
    session: WHOLE,
    tell: (stage) => {
      const lying = listing(SHELL, () => [])()
      return all(
        lying,
        snapshots((push) => {
          const book = stage.book(without(SHELL))
          return { ...push, level: encodeLevel(book.set(book.head).level!) }
        }),
      )
    },
    error: 'VERIFICATION_FAILED/level',
    says: 'snapshot: Level: it leads to StateRoot',
  },
  {
    name: 'leaves a whole collection out',
    does: 'sends a snapshot without any tag',
    session: WHOLE,
    tell: () => objects((list) => list.filter(({ question }) => question[0] !== 'Tags')),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Tags: its objects lead to',
  },
  {
    name: 'forges an account',
    does: 'sends the owner’s account as one of guests',
    session: WHOLE,
    tell: () =>
      objects((list) =>
        list.map((one) =>
          one.question[0] === 'Accounts' && !isGuestsAccount(one.question) ? changed(one, [['Guest', true]]) : one,
        ),
      ),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Accounts: its objects lead to',
  },
  {
    name: 'tells the guests’ account again',
    does: 'sends the guests’ account once more at the end, in pieces',
    session: WHOLE,
    tell: () => objects((list) => [...list, list.find(({ question }) => isGuestsAccount(question))!]),
    error: 'VERIFICATION_FAILED/collection-order',
    says: 'it comes after Tags',
  },
  {
    name: 'leaves stock out',
    does: 'sends staff no stock',
    session: STAFF_ORDERS,
    tell: () => objects((list) => list.filter(({ question }) => question[0] !== 'Inventory')),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Inventory: its objects lead to',
  },
  {
    name: 'leaves a card out',
    does: 'sends staff all cards but one',
    session: STAFF_ORDERS,
    tell: () =>
      objects((list) => list.filter((one, i) => one.question[0] !== 'Cards' || list[i - 1]?.question[0] === 'Cards')),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Cards: its objects lead to',
  },
  {
    name: 'adds an object to a snapshot',
    does: 'sends a listing that the shop does not have',
    session: WHOLE,
    tell: () =>
      objects((list) => {
        const stone = list.find((object) => isListing(object, STONE))!
        const added = changed({ ...stone, question: ['Listings', be64(4_711n)] }, [['ID', 4_711n]])
        const others = list.filter(({ question }) => question[0] !== 'Listings')
        const at = others.findIndex(({ question }) => question[0] === 'Tags')
        const listings = byPlace([...list.filter(({ question }) => question[0] === 'Listings'), added])
        return [...others.slice(0, at), ...listings, ...others.slice(at)]
      }),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Listings: its objects lead to',
  },
  {
    name: 'forges an object of a snapshot',
    does: 'sends a listing with another price',
    session: WHOLE,
    tell: listing(SHELL, (object) => [changed(object, [['Price', 1n]])]),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Listings: its objects lead to',
  },
  {
    name: 'forges an object of a part',
    does: 'sends another price to who takes one listing only',
    session: ONE,
    tell: listing(STONE, (object) => [changed(object, [['Price', 1n]])]),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'and the relay proves',
  },
  {
    name: 'says that nothing is there',
    does: 'leaves the one listing out that was subscribed to',
    session: ONE,
    tell: listing(STONE, () => []),
    error: 'VERIFICATION_FAILED/HeldObjectError',
    says: 'is nothing, and the relay proves',
  },
  {
    name: 'sends what was not asked for',
    does: 'sends a second listing to who takes one',
    session: ONE,
    tell: listing(STONE, (object) =>
      byPlace([object, changed({ ...object, question: ['Listings', be64(4_711n)] }, [['ID', 4_711n]])]),
    ),
    error: 'VERIFICATION_FAILED/not-selected',
    says: 'it was not subscribed to',
  },
  {
    name: 'sends an object twice',
    does: 'sends the listing, and once more with another price',
    session: ONE,
    tell: listing(STONE, (object) => [changed(object, [['Price', 1n]]), object]),
    error: 'VERIFICATION_FAILED/key-order',
    says: 'comes after',
  },
  {
    name: 'shuffles a snapshot',
    does: 'sends the tags before the listings',
    session: WHOLE,
    tell: () =>
      objects((list) => [
        ...list.filter(({ question }) => question[0] === 'Tags'),
        ...list.filter(({ question }) => question[0] !== 'Tags'),
      ]),
    error: 'VERIFICATION_FAILED/manifest',
    says: 'snapshot: Manifest: it did not come first',
  },
  {
    name: 'shuffles a part of a snapshot',
    does: 'sends a tag that is subscribed to before the listing',
    session: 'a newcomer to a listing and a tag',
    tell: () =>
      objects((list) => {
        const tags = list.filter(({ question }) => question[0] === 'Tags')
        const others = list.filter(({ question }) => question[0] !== 'Tags')
        const at = others.findIndex(({ question }) => question[0] === 'Listings')
        return [...others.slice(0, at), ...tags, ...others.slice(at)]
      }),
    error: 'VERIFICATION_FAILED/collection-order',
    says: 'it comes after Tags',
  },
  {
    name: 'leaves the manifest out',
    does: 'sends a snapshot without the manifest',
    session: ONE,
    tell: () => objects((list) => list.filter(({ question }) => question[0] !== 'Manifest')),
    error: 'VERIFICATION_FAILED/manifest',
    says: 'snapshot: Manifest: it did not come first',
  },
  {
    name: 'forges the manifest',
    does: 'sends a manifest with another payee',
    session: ONE,
    tell: () =>
      objects((list) =>
        list.map((object) =>
          object === manifestOf(list)
            ? changed(object, [
                ['Payees', new Map()],
                ['ShippingRegions', new Map()],
                ['Forged', 1n],
              ] as never)
            : object,
        ),
      ),
    error: 'VERIFICATION_FAILED/manifest',
    says: 'snapshot: Manifest: its hash is',
  },
  {
    name: 'sends another shop’s manifest',
    does: 'signs a state with the manifest of another shop',
    session: ONE,
    tell: forged({
      state: (state, seq) =>
        seq !== Number(LISTED_AT)
          ? state
          : {
              ...state,
              manifest: encode(new Map([...(decode(state.manifest!) as ReadonlyMap<CborKey, Cbor>), ['ShopID', 9n]])),
            },
    }),
    error: 'VERIFICATION_FAILED/manifest-shop',
    says: 'Manifest: ShopID',
  },
  {
    name: 'swaps two objects',
    does: 'signs a state that has another listing under the key of this one',
    session: ONE,
    tell: forged({
      state: (state, seq) =>
        seq === Number(LISTED_AT)
          ? withObject(state, 'Listings', be64(STONE), (fields) => new Map([...fields, ['ID', FEATHER]] as never))
          : state,
    }),
    error: 'VERIFICATION_FAILED/object-id',
    says: 'and the key is',
  },
  {
    name: 'writes an account that cannot be read',
    does: 'signs a state with an account of which a field has another type',
    session: ONE,
    tell: forged(oddAccount),
    error: 'VERIFICATION_FAILED/SchemaError',
    says: 'Guest',
  },
  {
    name: 'puts an object between two pieces',
    does: 'sends another account between two pieces of the guests’ account',
    session: ONE,
    tell: () =>
      objects((list) => {
        const accounts = list.filter(({ question }) => question[0] === 'Accounts')
        const guests = accounts.find(({ question }) => isGuestsAccount(question))!
        const { value } = guests.object
        const [start, end] = [value.subarray(0, 9), value.subarray(9)].map((piece) => ({
          ...guests,
          object: { value: piece },
        }))
        const owner = accounts.find((one) => one !== guests)!
        const mixed = [{ ...start!, more: true }, owner, { ...end!, more: false }]
        return [
          manifestOf(list),
          ...mixed,
          ...list.filter(({ question: [name] }) => name !== 'Manifest' && name !== 'Accounts'),
        ]
      }),
    error: 'VERIFICATION_FAILED/piece-missing',
    says: "it comes before the last piece of the guests' account",
  },
  {
    name: 'ends within an object',
    does: 'ends the snapshot with a piece of the guests’ account that says that more follows',
    session: ONE,
    tell: () =>
      objects((list) => {
        const guests = list.find(({ question }) => isGuestsAccount(question))!
        return [manifestOf(list), { ...guests, more: true }]
      }),
    error: 'VERIFICATION_FAILED/piece-missing',
    says: "snapshot: the end: it comes before the last piece of the guests' account",
  },
  {
    name: 'sends objects before a checkpoint',
    does: 'sends objects that nothing is signed for',
    session: ONE,
    tell: () => snapshots((push) => ({ ...push, checkpoint: new Uint8Array(0), signature: new Uint8Array(0) })),
    error: 'VERIFICATION_FAILED/level',
    says: 'snapshot: snapshot: objects come before a checkpoint that they could be checked by',
  },
  {
    name: 'sends a level of another state',
    does: 'sends a level beside the snapshot that does not lead to the StateRoot',
    session: ONE,
    tell: levelled((level) => ({ ...level, roots: { ...level.roots, Tags: ZEROS } })),
    error: 'VERIFICATION_FAILED/level',
    says: 'snapshot: Level: it leads to StateRoot',
  },
  {
    name: 'shows a newcomer the past',
    does: 'sends the snapshot of an hour ago and nothing behind it: true then, and not now',
    session: 'a newcomer who insists on new proofs',
    tell: past,
    error: 'STALE',
    says: 'what is shown is older than',
  },
  {
    name: 'shows a newcomer the past of all',
    does: 'the same where all listings are held',
    session: 'a newcomer to all who insists on new proofs',
    tell: past,
    error: 'STALE',
    says: 'what is shown is older than',
  },
  {
    name: 'keeps an entry that is neither order nor card',
    does: 'signs a state with an entry among the orders whose key has five bytes',
    session: STAFF_ORDERS,
    tell: (stage) => told(() => stage.book(trail(Uint8Array.of(1, 2, 3, 4, 5), 1n))),
    error: 'VERIFICATION_FAILED/question',
    says: 'are needed',
  },
  {
    name: 'counts no orders of a card',
    does: 'signs a state in which a card that added orders added none',
    session: STAFF_ORDERS,
    tell: (stage) => told(() => stage.book(trail(stage.card('guest'), 0n))),
    error: 'VERIFICATION_FAILED/card-entry',
    says: "in the place of a card's number of orders",
  },
  {
    name: 'forges the periods of a card',
    does: 'signs a state with a card that is in no account',
    session: STAFF_ORDERS,
    tell: (stage) =>
      told(() =>
        stage.book({
          state: (state, seq) => {
            if (seq !== 9) return state
            const cards = state.indexes.cards.set(stage.card('guest'), encode(new Map([['Periods', []]])))
            return { ...state, indexes: { ...state.indexes, cards } }
          },
        }),
      ),
    error: 'VERIFICATION_FAILED/card-periods',
    says: 'periods, at least',
  },
  {
    name: 'withholds staff’s rights',
    does: 'serves a clerk as a guest, without salts, and says that his orders are all',
    session: STAFF_ORDERS,
    tell: () =>
      all(
        objects((list) => list.filter(({ question: [name] }) => !STAFF.has(name))),
        snapshots((push) => ({ ...push, salts: encodeSalts({}) })),
      ),
    error: 'VERIFICATION_FAILED/salt',
    says: 'snapshot: Inventory: its salt did not come, and',
  },
  {
    name: 'tells another salt',
    does: 'gives a clerk a salt that is not that of the orders',
    session: STAFF_ORDERS,
    tell: (stage) => snapshots((push) => ({ ...push, salts: encodeSalts({ ...stage.book().salts(), Orders: ZEROS }) })),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Orders: its objects lead to',
  },
  {
    name: 'withholds one salt',
    does: 'gives a clerk the salt of the stock alone',
    session: STAFF_ORDERS,
    tell: (stage) =>
      snapshots((push) => ({ ...push, salts: encodeSalts({ Inventory: stage.book().salts().Inventory }) })),
    error: 'VERIFICATION_FAILED/salt',
    says: 'snapshot: Orders: the whole collection is subscribed to, and its salt did not come',
  },
  {
    name: 'leaves an order out',
    does: 'sends staff all orders but one',
    session: STAFF_ORDERS,
    tell: () =>
      objects((list) =>
        list.filter(
          ({ question: [collection, key] }) => collection !== 'Orders' || Buffer.compare(key, be64(72n)) !== 0,
        ),
      ),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Orders: its objects lead to',
  },
  {
    name: 'forges a trail',
    does: 'sends staff an order with another history',
    session: STAFF_ORDERS,
    tell: () =>
      objects((list) =>
        list.map((one) =>
          one.object.history === undefined
            ? one
            : { ...one, object: { ...one.object, history: { ...one.object.history, trail: ZEROS } } },
        ),
      ),
    error: 'VERIFICATION_FAILED/root',
    says: 'snapshot: Orders: its objects lead to',
  },
]
