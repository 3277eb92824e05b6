/**
 * Sessions of any rights and filters that share their pushes get, in order and each once, what each alone is due by a
 * plain reading of PROTOCOL §10; and a write costs what selects it, however many subscribe to something else.
 */

import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { be64, equalBytes } from '../../../src/bytes/bytes.js'
import { toHex } from '../../../src/bytes/hex.js'
import { patchLeafHash, PatchTree } from '../../../src/merkle/patch-proof.js'
import { patchKeyOf, type PatchKey } from '../../../src/patches/object-name.js'
import { encodeChange } from '../../../src/patches/patch.js'
import { Audiences } from '../../../src/relay/feed/audiences.js'
import type { Feed } from '../../../src/relay/feed/feed.js'
import { Feeds } from '../../../src/relay/feed/feeds.js'
import type { Step } from '../../../src/relay/feed/round-robin.js'
import { PagePace } from '../../../src/relay/feed/page-pace.js'
import { Selection } from '../../../src/relay/feed/selection.js'
import { Subscription, type PushTarget } from '../../../src/relay/feed/subscription.js'
import type { Reader } from '../../../src/relay/shops/reader.js'
import type { Shop } from '../../../src/relay/shops/shop.js'
import { idKey, type ShopState } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { decodeEnvelope, encodePushEnvelope } from '../../../src/wire/envelope.js'
import { ObjectType, type Filter, type PushRequest } from '../../../src/wire/messages.js'
import { decodeSet } from '../../../src/wire/pushed-set.js'
import { recordOf, shopRow } from '../../fixtures/store.arbitrary.js'
import { filled, shop as sample } from '../../fixtures/sample-shop.js'
import { TestClock } from '../../fixtures/turned-clock.js'

const SHOP = 1n
const GUESTS = [filled(33, 1), filled(33, 2)]
const READERS: readonly Reader[] = [
  { role: 'visitor' },
  { role: 'clerk', card: filled(33, 3) },
  { role: 'owner', card: filled(33, 4) },
  ...GUESTS.map((card) => ({ role: 'guest', card }) as const),
]
const READABLE: Readonly<Record<Reader['role'], readonly string[]>> = {
  visitor: ['Manifest', 'Accounts', 'Tags', 'Listings'],
  guest: ['Manifest', 'Accounts', 'Tags', 'Listings', 'Orders'],
  clerk: ['Manifest', 'Accounts', 'Tags', 'Listings', 'Orders', 'Inventory'],
  owner: ['Manifest', 'Accounts', 'Tags', 'Listings', 'Orders', 'Inventory'],
}
const COLLECTION_OF = new Map<number, string>([
  [ObjectType.LISTING, 'Listings'],
  [ObjectType.TAG, 'Tags'],
  [ObjectType.ORDER, 'Orders'],
  [ObjectType.ACCOUNT, 'Accounts'],
  [ObjectType.MANIFEST, 'Manifest'],
  [ObjectType.INVENTORY, 'Inventory'],
])

/** A relay's feeds over a store in memory, of a shop whose orders belong to whom `owners` says. */
async function relayOf(pushDelayMs: number) {
  const store = new MemoryStore()
  await store.commit({ records: [], newShops: [shopRow(SHOP)] })
  return relayOver(store, pushDelayMs, sample)
}

function relayOver(store: MemoryStore, pushDelayMs: number, first: ShopState) {
  const readRun = store.readRun.bind(store)
  let runs = 0
  store.readRun = (...args) => (runs++, readRun(...args))
  const clock = new TestClock(1_000_000)
  const feeds = new Feeds({ settings: { pushDelayMs }, clock, store, indexedUpTo: () => 0 })
  let state = first
  const owns = (id: bigint, card: Uint8Array) => {
    const owners = state.indexes.owners.set(idKey(id), card)
    state = { ...state, indexes: { ...state.indexes, owners } }
  }
  const publish = async (list: readonly Uint8Array[][]) => {
    const head = store.head(SHOP)
    const records = list.map((patches, i) => ({ ...recordOf(head + i + 1), patches }))
    await store.commit({ records: records.map((record) => ({ shopId: SHOP, record })) })
    const sets = records.map((record) => ({
      record,
      tree: new PatchTree(record.patches.map(patchLeafHash)),
      keys: record.patches.map(patchKeyOf),
      stateRoot: new Uint8Array(32),
    }))
    feeds.published({ shopId: SHOP, current: { state } } as unknown as Shop, sets)
  }
  return { store, clock, feeds, owns, publish, state: () => state, runs: () => runs }
}

type TestRelay = ReturnType<typeof relayOver>

/** One session with one subscription; what it was sent. */
class TestSession implements PushTarget {
  readonly reader: Reader
  readonly filters: readonly Filter[]
  readonly start: number
  readonly got: string[] = []
  readonly statuses: number[] = []
  readonly unanswered: bigint[] = []
  readonly steps: Step[] = []
  readonly subscription: Subscription
  readonly pace: PagePace | undefined
  room = true
  private requests = 0n
  private readonly relay: TestRelay

  constructor(relay: TestRelay, reader: Reader, filters: readonly Filter[], start: number, isPaced = false) {
    this.pace = isPaced ? new PagePace(relay.clock) : undefined
    this.relay = relay
    this.reader = reader
    this.filters = filters
    this.start = start
    const selection = Selection.of(reader, filters, relay.state) as Selection
    this.subscription = new Subscription(1, relay.feeds.audience(SHOP, selection), start, this)
    relay.feeds.subscribed(this.subscription)
    this.subscription.start()
  }

  nextRequestId = () => -++this.requests
  send = () => undefined
  hasRoom = () => this.room
  byTurns = (step: Step) => void this.steps.push(step)
  guarded = (step: Step) => step()
  closeSubscription = () => undefined
  awaitNext = (subscription: Subscription) => this.relay.feeds.awaits(subscription)

  sendStatus(_id: number, left: number): void {
    this.requests++
    this.statuses.push(left)
  }

  sendBorrowed(frame: Uint8Array): void {
    const { requestId, message } = decodeEnvelope(frame)
    const { subscriptionId, sets } = message as PushRequest
    expect([equalBytes(frame, encodePushEnvelope(requestId, subscriptionId, sets)), requestId]).toEqual([
      true,
      -this.requests,
    ])
    this.unanswered.push(requestId)
    for (const { seq, patches, proofs } of sets.map(decodeSet)) {
      if (this.pace === undefined) expect(Number(seq)).toBeLessThanOrEqual(this.subscription.audience.feed.pushable)
      this.got.push(`${seq}: ${patches.map(toHex).join()} (${proofs.length} proofs)`)
    }
    // What the next session is sent must not be in what this one holds.
    frame.fill(0, 0, frame.length - sets.reduce((sum, { length }) => sum + length, 0))
  }

  toggleRoom(): void {
    this.room = !this.room
    // As a session does whose socket has taken all.
    if (this.room) this.subscription.pump()
  }

  answer(): void {
    const id = this.unanswered.shift()
    if (id !== undefined) this.subscription.answered(id)
  }

  turn(): void {
    const step = this.steps.shift()
    if (step?.() === true) this.steps.push(step)
  }
}

/** By the text alone: the patches of the log behind its start that the session may see and asked for. */
function due({ reader, filters, start }: TestSession, log: readonly Uint8Array[][], owners: Map<string, Uint8Array>) {
  const isDue = (key: PatchKey) => {
    if (!READABLE[reader.role].includes(key.collection)) return false
    const owner = owners.get(key.key)
    const isForeign = key.collection === 'Orders' && (owner === undefined || !equalBytes(owner, reader.card!))
    if (reader.role === 'guest' && isForeign) return false
    if (filters.length === 0) return true
    return filters.some(({ objectType, objectId }) => {
      if (COLLECTION_OF.get(objectType) !== key.collection) return false
      return objectId === undefined || key.key === String(new DataView(objectId.slice().buffer).getBigUint64(0))
    })
  }
  return log.flatMap((patches, i) => {
    const selected = patches.filter((patch) => isDue(patchKeyOf(patch)))
    if (i < start || selected.length === 0) return []
    return [`${i + 1}: ${selected.map(toHex).join()} (${selected.length} proofs)`]
  })
}

const id = fc.bigInt({ min: 1n, max: 4n })
const path = fc.oneof(
  { weight: 3, arbitrary: id.map((key) => ['Listings', key, 'Price'] as const) },
  { weight: 3, arbitrary: id.map((key) => ['Orders', key] as const) },
  id.map((key) => ['Inventory', key] as const),
  fc.constant(['Manifest', 'Payees'] as const),
  fc.constant(['Tags', 'a'] as const),
)
const sets = fc.array(fc.array(path, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })
const filter = fc.oneof(
  fc.record({
    objectType: fc.constantFrom(ObjectType.LISTING, ObjectType.ORDER, ObjectType.INVENTORY),
    objectId: id.map(be64),
  }),
  fc.constantFrom(...COLLECTION_OF.keys()).map((objectType): Filter => ({ objectType })),
)
const event = fc.oneof(
  { weight: 4, arbitrary: sets.map((list) => ({ kind: 'sets', list }) as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      reader: fc.constantFrom(...READERS),
      // Few different ones: many sessions share theirs.
      filters: fc.oneof(fc.constant<Filter[]>([]), fc.array(filter, { minLength: 1, maxLength: 2 })),
      back: fc.nat({ max: 6 }),
      isPaced: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constantFrom('answer' as const, 'turn' as const, 'room' as const), who: fc.nat() }),
  fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 150 }) }),
)

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never

/** One after the other, then all that is left to do. */
class Course {
  readonly sessions: TestSession[] = []
  readonly log: Uint8Array[][] = []
  readonly owners = new Map<string, Uint8Array>()
  private relay: TestRelay

  constructor(relay: TestRelay) {
    this.relay = relay
  }

  /** As the relay is when it is started again. */
  reopened(): TestRelay {
    this.relay = relayOver(this.relay.store, 0, this.relay.state())
    return this.relay
  }

  async take(one: Event): Promise<void> {
    const session = 'who' in one ? this.sessions[one.who % Math.max(1, this.sessions.length)] : undefined
    if (one.kind === 'sets') await this.publish(one.list)
    else if (one.kind === 'subscribe') this.subscribe(one)
    else if (one.kind === 'time') await this.relay.clock.turn(one.ms)
    else if (one.kind === 'answer') session?.answer()
    else if (one.kind === 'turn') session?.turn()
    else if (session !== undefined) session.toggleRoom()
    await Promise.resolve()
  }

  async end(): Promise<void> {
    for (const session of this.sessions) if (!session.room) session.toggleRoom()
    await this.relay.clock.turn(1_000)
    const isBusy = () => this.sessions.some(({ steps, unanswered }) => steps.length + unanswered.length > 0)
    while (isBusy())
      for (const session of this.sessions) {
        session.answer()
        session.turn()
      }
  }

  private async publish(list: readonly (readonly (readonly [string, (string | bigint)?, string?])[])[]) {
    const patches = list.map((paths) => paths.map((one) => encodeChange({ op: 'remove', path: one as [string] })))
    for (const { collection, key } of patches.flat().map(patchKeyOf)) {
      if (collection !== 'Orders' || this.owners.has(key)) continue
      // Whose it is the first patch decides, for ever: a guest's, the other's, or a clerk's.
      const card = [...GUESTS, filled(33, 3)][this.owners.size % 3]!
      this.owners.set(key, card)
      this.relay.owns(BigInt(key), card)
    }
    this.log.push(...patches)
    await this.relay.publish(patches)
  }

  private subscribe({ reader, filters, back, isPaced }: Event & { kind: 'subscribe' }): void {
    if (typeof Selection.of(reader, filters, this.relay.state) === 'string') return
    const start = Math.max(0, this.log.length - back)
    this.sessions.push(new TestSession(this.relay, reader, filters, start, isPaced))
  }
}

test('sessions with the same rights and filters share pushes: each gets what a plain reading gives it', async () => {
  let [pushed, shared] = [0, 0]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 100),
      fc.array(event, { minLength: 20, maxLength: 60 }),
      async (delay, list) => {
        const course = new Course(await relayOf(delay))
        for (const one of list) await course.take(one)
        await course.end()
        for (const session of course.sessions) {
          const wanted = due(session, course.log, course.owners)
          expect(session.got.join('\n')).toBe(wanted.join('\n'))
          // What its backlog had, then that it is over.
          expect(session.statuses.length).toBe(session.statuses[0] === 0 ? 1 : 2)
          pushed += wanted.length
        }
        const audiences = new Set(course.sessions.map(({ subscription }) => subscription.audience))
        shared += course.sessions.length - audiences.size
      },
    ),
    { numRuns: 120 },
  )
  expect(pushed).toBeGreaterThan(500)
  expect(shared).toBeGreaterThan(50)
})

test('a write touches the sessions that it is for and no other, whatever their number', async () => {
  const relay = await relayOf(0)
  const touched: bigint[] = []
  const all = [1_000n, ...Array.from({ length: 1_000 }, (_, i) => BigInt(i))].map((key) => {
    const session = new TestSession(relay, READERS[0]!, [{ objectType: ObjectType.LISTING, objectId: be64(key) }], 0)
    session.turn()
    session.hasRoom = () => (touched.push(key), true)
    return session
  })
  const guests = READERS.slice(3).map((reader, i) => {
    const session = new TestSession(relay, reader, [], 0)
    session.turn()
    session.hasRoom = () => (touched.push(BigInt(-1 - i)), true)
    return session
  })
  relay.owns(5n, GUESTS[1]!)
  await relay.publish([[encodeChange({ op: 'remove', path: ['Orders', 5n] })]])
  await Promise.resolve()
  expect([new Set(touched), guests.map(({ got }) => got.length)]).toEqual([new Set([-2n]), [0, 1]])
  touched.length = 0
  guests.forEach(({ subscription }) => relay.feeds.unsubscribed(subscription))
  await relay.publish([[encodeChange({ op: 'remove', path: ['Listings', 7n] })]])
  await relay.publish([[encodeChange({ op: 'remove', path: ['Listings', 1_000n] })]])
  await Promise.resolve()
  expect(new Set(touched)).toEqual(new Set([7n, 1_000n]))
  expect(all.filter(({ got }) => got.length > 0).length).toBe(2)
})

test('a full push of one that may have more already is not given to one that may not', async () => {
  const relay = await relayOf(100)
  const sessions = [0, 1].map(() => new TestSession(relay, READERS[0]!, [], 0))
  await relay.publish(
    Array.from({ length: 100 }, (_, i) => [encodeChange({ op: 'remove', path: ['Listings', BigInt(i)] })]),
  )
  const { audience } = sessions[0]!.subscription
  expect(audience.next(0, 100, 256)).toMatchObject({ first: 1, upTo: 64 })
  expect(audience.next(0, 10, 256)).toMatchObject({ first: 1, upTo: 10 })
  expect(audience.next(0, 90, 256)).toBe(audience.next(0, 100, 256))
})

test('one that read nothing for thousands of sets goes on where it was, and misses none', async () => {
  const relay = await relayOf(0)
  const [slow, other] = [0, 1].map(() => new TestSession(relay, READERS[0]!, [], 0)) as [TestSession, TestSession]
  for (const session of [slow, other]) session.turn()
  slow.room = false
  for (let i = 0; i < 9; i++)
    await relay.publish(
      Array.from({ length: 1_000 }, (_, j) => [encodeChange({ op: 'remove', path: ['Listings', BigInt(j)] })]),
    )
  await Promise.resolve()
  expect(slow.got).toEqual([])
  slow.room = true
  slow.subscription.pump()
  for (const session of [slow, other])
    while (session.steps.length + session.unanswered.length > 0) {
      session.turn()
      session.answer()
    }
  expect(slow.got.map((text) => Number.parseInt(text))).toEqual(Array.from({ length: 9_000 }, (_, i) => i + 1))
  expect(other.got).toEqual(slow.got)
})

describe('what is copied from the store', () => {
  const storedSets = fc.array(fc.array(path, { minLength: 1, maxLength: 2 }), { minLength: 30, maxLength: 150 })
  const filters = fc.oneof(fc.constant<Filter[]>([]), fc.array(filter, { minLength: 1, maxLength: 2 }))

  it('is what a plain reading gives, and its status counts it, whoever reads from wherever', async () => {
    let copied = 0
    await fc.assert(
      fc.asyncProperty(
        storedSets,
        fc.array(fc.tuple(fc.constantFrom(...READERS), filters, fc.nat({ max: 60 })), { minLength: 5, maxLength: 10 }),
        async (list, readers) => {
          const course = new Course(await relayOf(0))
          await course.take({ kind: 'sets', list })
          // Another relay over the same store: nothing of the log is in its memory.
          const again = course.reopened()
          for (const [reader, wanted, start] of readers) {
            if (typeof Selection.of(reader, wanted, again.state) === 'string') continue
            const session = new TestSession(again, reader, wanted, Math.min(start, list.length))
            course.sessions.push(session)
          }
          await course.end()
          for (const session of course.sessions) {
            const wanted = due(session, course.log, course.owners)
            expect(session.got.join('\n')).toBe(wanted.join('\n'))
            const patches = wanted.map((text) => Number(/\((\d+) proofs\)/u.exec(text)![1]))
            expect(session.statuses[0]).toBe(patches.reduce((sum, count) => sum + count, 0))
          }
          copied += again.runs()
        },
      ),
      { numRuns: 60 },
    )
    expect(copied).toBeGreaterThan(100)
  })
})

test("where an order's owner cannot be read, its set is noted for every guest", () => {
  const audiences = new Audiences({ head: 0 } as Feed)
  const filters = [{ objectType: ObjectType.ORDER }]
  const [one, other] = GUESTS.map((card) =>
    audiences.of(Selection.of({ role: 'guest', card }, filters, () => sample) as Selection),
  )
  const sets = [{ seq: 1, keys: [{ collection: 'Orders', key: '5' }] }]
  expect([...audiences.note(sets, () => GUESTS[0]!)]).toEqual([one])
  expect([...audiences.note(sets, () => 'unknown')]).toEqual([one, other])
})
