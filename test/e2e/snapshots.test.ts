/** Snapshot subscriptions (PROOFS §4): complete by a dumb oracle and by the verifier, for each reader and filter. */

import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { be64, concatBytes, fromBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import {
  FRAME_OUT_BYTES_MAX_5,
  PUSHES_UNANSWERED_MAX,
  SNAPSHOT_SECONDS_MAX,
  SNAPSHOT_UNREAD_SECONDS_MAX,
  SNAPSHOTS_PER_SHOP_MAX,
} from '../../src/limits.js'
import { readLevel, STATE_COLLECTIONS, type StateCollection } from '../../src/merkle/state-level.js'
import { decodeLast, decodeLogConsistency } from '../../src/proofs/checkpoint.js'
import { SnapshotVerifier, type Selected } from '../../src/proofs/snapshot.js'
import { Keeper } from '../../src/relay/shops/keeper.js'
import { objectIn, treeOf } from '../../src/state/state-root.js'
import type { ShopState } from '../../src/state/shop-state.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { ObjectType, type Filter, type Message } from '../../src/wire/messages.js'
import { readSalts, readSnapshotObject, type SnapshotObject } from '../../src/wire/snapshot-payloads.js'
import { ProvenShop, shopId } from '../fixtures/proven-shop.js'
import { enrolCard, listing, newSecret, order, SHOP, state, stock, type Wire } from '../fixtures/relay-harness.js'

const NOTHING = new Uint8Array(0)
const ORDER_OF_NAMES = ['Manifest', ...STATE_COLLECTIONS] as const
const [MINE, ANOTHERS] = [7n, 8n]

type Subscribe = Partial<Message & { kind: 'subscribe' }>

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_transport, ws) => {
  let shop: ProvenShop
  let owner: Wire
  /** Another card of the owner's. */
  const reading = newSecret()

  beforeAll(async () => {
    shop = await ProvenShop.make({ ws })
    owner = await shop.open(shop.owner)
    await enrolCard(shop.running.url, reading)
    for (let id = 1n; id <= 300n; id += 50n)
      await owner.write(
        shop.owner,
        Array.from({ length: 50 }, (_, i) => listing(id + BigInt(i))),
      )
    for (let id = 1n; id <= 40n; id++) await owner.write(shop.owner, [stock(id, id)])
    await owner.write(shop.owner, [{ op: 'add', path: ['Tags', 'red'], value: new Map([['Name', 'red']]) }])
    for (const [i, id] of [MINE, ANOTHERS].entries()) {
      const guest = await shop.open(shop.guests[i])
      await guest.write(shop.guests[i]!, [order(id, 1n, 1n)])
      await guest.write(shop.guests[i]!, [order(100n + id, 5n, 1n), state(100n + id, 3n)])
      await guest.close()
    }
    await shop.covered(owner)
  })

  afterAll(async () => {
    expect(shop.running.bugs).toEqual([])
    await shop.dispose()
  })

  const subscribe = (wire: Wire, filters: readonly Filter[] = [], more: Subscribe = {}) =>
    wire.ask({ kind: 'subscribe', startSeq: 0n, shopId, filters, snapshot: true, ...more })

  /** All of a snapshot, its first push and its objects, each decoded. */
  const taken = async (wire: Wire) => {
    await wire.until(() => wire.snapshotPushes.some(({ last }) => last))
    const [first, ...others] = wire.snapshotPushes
    for (const { checkpoint, signature, level, consistency, lastLeaf, salts } of others)
      expect([checkpoint, signature, level, consistency, lastLeaf, salts].every(({ length }) => length === 0)).toBe(
        true,
      )
    expect(wire.snapshotPushes.map(({ last }) => last)).toEqual([...others.map(() => false), true])
    const objects = wire.snapshotPushes.flatMap((push) => push.objects.map((bytes) => readSnapshotObject(bytes)))
    const { fields } = shop.accepted({
      Checkpoint: [first!.checkpoint, first!.signature],
      Last: decodeLast(first!.lastLeaf),
    })
    return { first: first!, objects, fields }
  }

  /** What is selected of the state, in no particular way: all objects, sorted and filtered. */
  const dumb = async (isWanted: (name: string, key: Uint8Array) => boolean): Promise<string[]> => {
    const found = await wholeState()
    const all: { name: (typeof ORDER_OF_NAMES)[number]; key: Uint8Array; text: string }[] = [
      { name: 'Manifest', key: NOTHING, text: textOf(['Manifest', NOTHING], found.manifest!) },
    ]
    for (const name of STATE_COLLECTIONS)
      for (const [key, value] of treeOf(found, name).entries()) {
        const object = objectIn(found, name, key, value)
        all.push({ name, key, text: textOf([name, key], object.value, object.history) })
      }
    return all
      .filter(({ name, key }) => isWanted(name, key))
      .toSorted((a, b) => {
        const byName = ORDER_OF_NAMES.indexOf(a.name) - ORDER_OF_NAMES.indexOf(b.name)
        return byName || Buffer.compare(sha256(a.key), sha256(b.key))
      })
      .map(({ text }) => text)
  }

  /** By a replay of the log. */
  const wholeState = async (): Promise<ShopState> =>
    (await new Keeper(shop.disk.store, { nodeCacheNodes: 10_000 }).load(SHOP)).current.state

  const texts = (objects: readonly SnapshotObject[]): string[] => {
    const joined: { question: SnapshotObject['question']; value: Uint8Array; history: unknown }[] = []
    let pieces: Uint8Array[] = []
    for (const { question, object, more } of objects) {
      pieces.push(object.value)
      if (more === true) continue
      joined.push({ question, value: concatBytes(...pieces), history: object.history })
      pieces = []
    }
    return joined.map(({ question, value, history }) => textOf(question, value, history as never))
  }

  const selections = (): [string, Uint8Array | undefined, Filter[], (name: string, key: Uint8Array) => boolean][] => {
    const of = (objectType: number, objectId?: Uint8Array): Filter =>
      objectId === undefined ? { objectType } : { objectType, objectId }
    const [first] = shop.guests
    const isPublic = (name: string) => ['Manifest', 'Accounts', 'Listings', 'Tags'].includes(name)
    const isMine = (name: string, key: Uint8Array) =>
      name === 'Orders' && key.length === 8 && [MINE, 100n + MINE].includes(fromBigEndian(key))
    return [
      ['a visitor, all', undefined, [], isPublic],
      ['a guest, all', first, [], (name, key) => isPublic(name) || isMine(name, key)],
      ['a clerk, all', shop.clerk, [], () => true],
      ['an owner, all', reading, [], () => true],
      ['listings', undefined, [of(ObjectType.LISTING)], (name) => name === 'Listings'],
      ['the manifest', undefined, [of(ObjectType.MANIFEST)], (name) => name === 'Manifest'],
      [
        'single listings, one of them not there',
        undefined,
        [5n, 3n, 999n, 250n].map((id) => of(ObjectType.LISTING, be64(id))),
        (name, key) => name === 'Listings' && [5n, 3n, 250n].includes(fromBigEndian(key)),
      ],
      [
        'all orders of a shop, with entries of cards but without cards',
        shop.clerk,
        [of(ObjectType.ORDER)],
        (name) => name === 'Orders',
      ],
      [
        'one order and one stock',
        shop.clerk,
        [of(ObjectType.ORDER, be64(ANOTHERS)), of(ObjectType.INVENTORY, be64(9n))],
        (name, key) =>
          (name === 'Orders' && key.length === 8 && fromBigEndian(key) === ANOTHERS) ||
          (name === 'Inventory' && fromBigEndian(key.subarray(0, 8)) === 9n),
      ],
      [
        'one order of a guest and one that he may add',
        first,
        [of(ObjectType.ORDER, be64(MINE)), of(ObjectType.ORDER, be64(555n))],
        (name, key) => name === 'Orders' && key.length === 8 && fromBigEndian(key) === MINE,
      ],
      ['orders of a guest', first, [of(ObjectType.ORDER)], isMine],
      [
        'a tag, accounts, stock',
        reading,
        [of(ObjectType.TAG, utf8('red')), of(ObjectType.ACCOUNT), of(ObjectType.INVENTORY)],
        (name, key) =>
          ['Accounts', 'Inventory'].includes(name) || (name === 'Tags' && toHex(key) === toHex(utf8('red'))),
      ],
    ]
  }

  it('has what is selected and nothing else, in order, for every reader and filter', async () => {
    for (const [name, card, filters, isWanted] of selections()) {
      const wire = await shop.open(card)
      await subscribe(wire, filters)
      const { objects, fields } = await taken(wire)
      const expected = await dumb(isWanted)
      expect.soft([name, texts(objects)]).toEqual([name, expected])
      expect([name, fields.Seq]).toEqual([name, shop.head])
      await wire.close()
    }
  })

  it('is proven whole as it streams: salts, roots, level', async () => {
    const everything = Object.fromEntries(ORDER_OF_NAMES.map((one) => [one, 'whole']))
    for (const [card, selected] of [
      [reading, everything],
      [undefined, { Manifest: 'whole', Accounts: 'whole', Listings: 'whole', Tags: 'whole' }],
    ] as const) {
      const wire = await shop.open(card)
      await subscribe(wire)
      const { first, objects, fields } = await taken(wire)
      const claim = {
        shopId: SHOP,
        stateRoot: fields.StateRoot,
        selected: selected as Record<StateCollection, Selected>,
      }
      const verifier = new SnapshotVerifier(claim, readLevel(first.level), readSalts(first.salts))
      for (const object of objects) verifier.take(object)
      verifier.end()
      await wire.close()
    }
  })

  it('goes on with the sets after it, while others write', async () => {
    const wire = await shop.open(shop.clerk)
    const writing = (async () => {
      for (let i = 0n; i < 30n; i++) await owner.write(shop.owner, [listing(2_000n + i)])
    })()
    await subscribe(wire, [], { pushDelayMs: 0 })
    const { fields } = await taken(wire)
    await writing
    await wire.until(() => wire.sets.at(-1)?.seq === shop.head)
    const seqs = wire.sets.map(({ seq }) => seq)
    expect(seqs).toEqual(Array.from({ length: Number(shop.head - fields.Seq) }, (_, i) => fields.Seq + BigInt(i) + 1n))
    expect(wire.statuses[0]![1]).toBeLessThanOrEqual(30n)
    await shop.covered(owner)
    await wire.until(() => wire.checkpointPushes.length > 0)
    const { consistency, salts } = wire.checkpointPushes.at(-1)!
    expect([decodeLogConsistency(consistency)[1], salts.length]).toEqual([shop.head, 0])
    await wire.close()
  })

  it('stands under a checkpoint that goes on from the one that the client has', async () => {
    const before = shop.accepted(await shop.covered(owner))
    await owner.write(shop.owner, [listing(3_000n)])
    await shop.covered(owner)
    const wire = await shop.open()
    await subscribe(wire, [{ objectType: ObjectType.TAG }], { checkpointSeq: before.fields.Seq })
    const { first } = await taken(wire)
    const trust = shop.newTrust(before)
    trust.accept(
      {
        signed: [first.checkpoint, first.signature],
        last: decodeLast(first.lastLeaf),
        consistency: decodeLogConsistency(first.consistency),
      },
      shop.nowSeconds,
    )
    expect(trust.accepted!.fields.Seq).toBe(shop.head)
    await wire.close()
  })

  it('of objects of a megabyte stays within its frames, and waits for answers', async () => {
    const Metadata = new Map([
      ['Title', 'large'],
      ['Description', 'x'.repeat(900_000)],
    ])
    for (let id = 700n; id < 720n; id++) await owner.write(shop.owner, [listing(id, { Metadata })])
    await shop.covered(owner)
    const wire = await shop.open()
    wire.answering = false
    await subscribe(wire, [{ objectType: ObjectType.LISTING }])
    await wire.until(() => wire.snapshotPushes.length === PUSHES_UNANSWERED_MAX)
    await wait(100)
    await wire.done({ kind: 'ping' })
    expect(wire.snapshotPushes).toHaveLength(PUSHES_UNANSWERED_MAX)
    wire.answering = true
    for (const requestId of wire.requestsOf('snapshotPush'))
      wire.send({ requestId, message: { kind: 'response', payload: NOTHING } })
    const { objects } = await taken(wire)
    expect(texts(objects)).toEqual(await dumb((name) => name === 'Listings'))
    expect(wire.longest).toBeLessThanOrEqual(FRAME_OUT_BYTES_MAX_5)
    await wire.close()
  })

  it('others wait for the fifth; one that takes too long is closed, and its place is free', async () => {
    const slow: Wire[] = []
    for (let i = 0; i < SNAPSHOTS_PER_SHOP_MAX; i++) {
      const wire = await shop.open()
      wire.answering = false
      await subscribe(wire, [{ objectType: ObjectType.LISTING }])
      await wire.until(() => wire.snapshotPushes.length === PUSHES_UNANSWERED_MAX)
      slow.push(wire)
    }
    const fifth = await shop.open()
    await subscribe(fifth, [{ objectType: ObjectType.TAG }])
    const sixth = await shop.open()
    await subscribe(sixth, [{ objectType: ObjectType.TAG }])
    await sixth.done({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 1) })
    await fifth.done({ kind: 'ping' })
    expect(fifth.snapshotPushes).toEqual([])
    // A cancelled one makes room.
    await slow[0]!.done({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 1) })
    await taken(fifth)
    expect(sixth.snapshotPushes).toEqual([])
    await shop.clock.turn(SNAPSHOT_SECONDS_MAX * 1_000)
    for (const wire of slow.slice(1)) {
      await wire.until(() => wire.strays.length > 0)
      const [{ requestId, error }] = wire.strays as [Wire['strays'][number]]
      expect([requestId, error!.code]).toEqual([1n, ErrorCode.CLOSE_SUBSCRIPTION])
      expect(error!.message).toContain('subscription 1: the snapshot took more than 60 s')
      expect(await wire.ask({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 1) })).toMatchObject({
        code: ErrorCode.NOT_FOUND,
      })
      wire.answering = true
      await subscribe(wire, [{ objectType: ObjectType.TAG }])
      await wire.until(() => wire.snapshotPushes.at(-1)!.last)
    }
    for (const wire of [...slow, fifth, sixth]) await wire.close()
  })

  it('who reads nothing gives his place to one who waits, and may begin again', async () => {
    const slow: Wire[] = []
    for (let i = 0; i < SNAPSHOTS_PER_SHOP_MAX; i++) {
      const wire = await shop.open()
      wire.answering = false
      await subscribe(wire, [{ objectType: ObjectType.LISTING }])
      await wire.until(() => wire.snapshotPushes.length === PUSHES_UNANSWERED_MAX)
      slow.push(wire)
      await shop.clock.turn(1)
    }
    const fifth = await shop.open()
    await subscribe(fifth, [{ objectType: ObjectType.TAG }])
    await fifth.done({ kind: 'ping' })
    expect(fifth.snapshotPushes).toEqual([])
    await shop.clock.turn(SNAPSHOT_UNREAD_SECONDS_MAX * 1_000)
    await taken(fifth)
    const [first, ...others] = slow as [Wire, ...Wire[]]
    await first.until(() => first.strays.length > 0)
    const [{ requestId, error }] = first.strays as [Wire['strays'][number]]
    expect([requestId, error!.code]).toEqual([1n, ErrorCode.CLOSE_SUBSCRIPTION])
    expect(error!.message).toContain('nothing of the snapshot was read for 10 s and others wait: begin again')
    first.answering = true
    await subscribe(first, [{ objectType: ObjectType.TAG }])
    await first.until(() => first.snapshotPushes.at(-1)!.last)
    for (const wire of others) expect([await wire.done({ kind: 'ping' }), wire.strays]).toEqual([expect.anything(), []])
    for (const wire of [...slow, fifth]) await wire.close()
  })

  it('a session that ends in the middle leaves nothing behind', async () => {
    for (let i = 0; i < 3 * SNAPSHOTS_PER_SHOP_MAX; i++) {
      const wire = await shop.open()
      wire.answering = false
      await subscribe(wire, [{ objectType: ObjectType.LISTING }])
      if (i % 2 === 0) await wire.until(() => wire.snapshotPushes.length > 0)
      await wire.close()
    }
    const wire = await shop.open()
    await subscribe(wire, [{ objectType: ObjectType.MANIFEST }])
    await taken(wire)
    await wire.close()
  })

  it('the guests’ account comes in pieces, after a restart too', async () => {
    await shop.restart()
    owner = await shop.open(shop.owner)
    await shop.covered(owner)
    const wire = await shop.open()
    await subscribe(wire, [{ objectType: ObjectType.ACCOUNT }])
    const { objects } = await taken(wire)
    const pieces = objects.filter(({ more }) => more !== undefined)
    expect(pieces.map(({ more }) => more)).toEqual([false])
    expect(toHex(pieces[0]!.object.value)).toContain(toHex(publicKeyOf(shop.guests[0])))
    expect(texts(objects)).toEqual(await dumb((name) => name === 'Accounts'))
  })
})

function textOf(
  [name, key]: readonly [string, Uint8Array],
  value: Uint8Array,
  history?: { readonly lastSeq: bigint; readonly trail: Uint8Array },
): string {
  const more = history === undefined ? '' : ` ${history.lastSeq} ${toHex(history.trail)}`
  return `${name}/${toHex(key)} ${toHex(sha256(value))}${more}`
}
