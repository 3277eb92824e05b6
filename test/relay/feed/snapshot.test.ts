/** What a snapshot's pushes hold, piece by piece (PROOFS §4). */

import { expect, test } from 'vitest'
import { be64, concatBytes } from '../../../src/bytes/bytes.js'
import { encode } from '../../../src/codec/encode.js'
import { OBJECT_BYTES_MAX } from '../../../src/limits.js'
import { Selection } from '../../../src/relay/feed/selection.js'
import { Snapshot } from '../../../src/relay/feed/snapshot.js'
import { emptyShop, type ShopState } from '../../../src/state/shop-state.js'
import { ObjectType } from '../../../src/wire/messages.js'
import { readSnapshotObject } from '../../../src/wire/proof-payloads.js'

const zeros = new Uint8Array(20)

function pushesOf(state: ShopState, objectType: number) {
  const selection = Selection.of({ role: 'owner' }, [{ objectType }], () => state) as Selection
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
  const { pushes } = pushesOf({ ...empty, collections: { ...empty.collections, Accounts } }, ObjectType.ACCOUNT)
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
  const { pushes, turns } = pushesOf(
    { ...empty, collections: { ...empty.collections, Inventory } },
    ObjectType.INVENTORY,
  )
  expect(pushes.flat()).toHaveLength(20_000)
  expect(turns).toBeGreaterThan(20_000 / 300)
  for (const push of pushes) expect(push.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(300_000)
})

test('of an empty shop there is one push with nothing in it', () => {
  expect(pushesOf(emptyShop(1n), ObjectType.LISTING).pushes).toEqual([[]])
})
