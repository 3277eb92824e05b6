/** What a snapshot's pushes hold, piece by piece (PROOFS §4). */

import { expect, test } from 'vitest'
import { be64, concatBytes } from '../../../src/bytes/bytes.js'
import { sha256 } from '../../../src/bytes/hash.node.js'
import { fromHex, toHex } from '../../../src/bytes/hex.js'
import { entriesOf } from '../../../src/cli/state-vectors.js'
import { encode } from '../../../src/codec/encode.js'
import { OBJECT_BYTES_MAX } from '../../../src/limits.js'
import type { Hamt } from '../../../src/merkle/hamt.js'
import type { StateCollection } from '../../../src/merkle/state-level.js'
import { Selection } from '../../../src/relay/feed/selection.js'
import { Snapshot } from '../../../src/relay/feed/snapshot.js'
import { emptyShop, type Collection, type ShopState } from '../../../src/state/shop-state.js'
import { ObjectType } from '../../../src/wire/messages.js'
import { readSnapshotObject } from '../../../src/wire/snapshot-payloads.js'
import { stateKat } from '../../fixtures/state-kat.js'

const zeros = new Uint8Array(20)

interface KnownSnapshots {
  readonly snapshot: { readonly objects: readonly string[] }
  readonly snapshot_unfiltered: { readonly objects: readonly (string | number)[] }
}

/** The state of a shop of the known answers, from its entries. */
function knownState({ shop_id, manifest, collections }: (typeof stateKat)['shops'][string]): ShopState {
  const empty = emptyShop(BigInt(shop_id))
  const filled = (trie: Hamt, entries: readonly (readonly [Uint8Array, Uint8Array])[]) =>
    entries.reduce((before, [key, value]) => before.set(key, value), trie)
  const of = (name: StateCollection) => entriesOf(collections[name])
  const plain = (name: Exclude<Collection, 'Orders'>) =>
    filled(
      empty.collections[name],
      of(name).map(([key, { value }]) => [key, value]),
    )
  const orders = of('Orders').filter(([key]) => key.length === 8)
  const trails = of('Orders').map(([key, { value, history }]): [Uint8Array, Uint8Array] => {
    const entry = [sha256(value), be64(history!.lastSeq), history!.trail]
    return [key, concatBytes(...entry, ...(key.length === 33 ? [value] : []))]
  })
  return {
    ...empty,
    manifest: fromHex(manifest),
    collections: {
      Accounts: plain('Accounts'),
      Inventory: plain('Inventory'),
      Listings: plain('Listings'),
      Orders: filled(
        empty.collections.Orders,
        orders.map(([key, { value }]) => [key, value]),
      ),
      Tags: plain('Tags'),
    },
    indexes: {
      ...empty.indexes,
      cards: filled(
        empty.indexes.cards,
        of('Cards').map(([key, { value }]) => [key, value]),
      ),
      trails: filled(empty.indexes.trails, trails),
    },
  }
}

test('the known answers: the objects of a shop, byte for byte and in order', () => {
  const { snapshot, snapshot_unfiltered: unfiltered } = stateKat as unknown as KnownSnapshots
  const state = knownState(stateKat.shops['market']!)
  const whole = unfiltered.objects.map((one) => (typeof one === 'number' ? snapshot.objects[one]! : one))
  expect(pushesOf(state, []).pushes.flat().map(toHex)).toEqual(whole)
  const all = Object.values(ObjectType).filter((type) => type !== ObjectType.UNSPECIFIED)
  const joined = (objects: readonly string[]) => {
    const read = objects.map((hex) => readSnapshotObject(fromHex(hex)))
    const pieces = read.filter(({ more }) => more !== undefined).map(({ object }) => object.value)
    return [concatBytes(...pieces), objects.filter((_, i) => read[i]!.more === undefined)]
  }
  expect(joined(pushesOf(state, all).pushes.flat().map(toHex))).toEqual(joined(snapshot.objects))
})

function pushesOf(state: ShopState, types: readonly number[]) {
  const filters = types.map((objectType) => ({ objectType }))
  const selection = Selection.of({ role: 'owner' }, filters, () => state) as Selection
  const snapshot = new Snapshot(state, selection, () => {
    throw new Error('no guest reads here')
  })
  const pushes: Uint8Array[][] = []
  for (let turns = 1; ; turns++) {
    const next = snapshot.next()
    if (next === undefined) continue
    pushes.push([...next.objects])
    if (next.last) return { pushes, turns }
  }
}

test('the guests’ account, however large, comes in pieces that lead to it; no other account does', () => {
  const value = encode(
    new Map([['KeyCards', Array.from({ length: 40_000 }, (_, i) => concatBytes(new Uint8Array(25), be64(BigInt(i))))]]),
  )
  expect(value.length).toBeGreaterThan(OBJECT_BYTES_MAX)
  const empty = emptyShop(1n)
  const Accounts = empty.collections.Accounts.set(zeros, value).set(zeros.with(0, 1), Uint8Array.of(0xa0))
  const { pushes } = pushesOf({ ...empty, collections: { ...empty.collections, Accounts } }, [ObjectType.ACCOUNT])
  const objects = pushes.flat().map(readSnapshotObject)
  const pieces = objects.filter(({ more }) => more !== undefined)
  expect(concatBytes(...pieces.map(({ object }) => object.value))).toEqual(value)
  expect(pieces.map(({ more }) => more)).toEqual([...pieces.slice(1).map(() => true), false])
  expect([pieces.length > 1, objects.length - pieces.length]).toEqual([true, 1])
  for (const push of pushes) expect(push.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(OBJECT_BYTES_MAX)
})

test('a large collection takes many turns, and a push is bounded', () => {
  const empty = emptyShop(1n)
  let Inventory = empty.collections.Inventory
  for (let id = 0n; id < 20_000n; id++) Inventory = Inventory.set(be64(id), encode(id))
  const { pushes, turns } = pushesOf({ ...empty, collections: { ...empty.collections, Inventory } }, [
    ObjectType.INVENTORY,
  ])
  expect(pushes.flat()).toHaveLength(20_000)
  expect(turns).toBeGreaterThan(20_000 / 300)
  for (const push of pushes) expect(push.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(300_000)
})

test('of an empty shop there is one push with nothing in it', () => {
  expect(pushesOf(emptyShop(1n), [ObjectType.LISTING]).pushes).toEqual([[]])
})
