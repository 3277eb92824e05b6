/** Lists of many objects are made once these are read, a slice at a time; lists of few are there at once. */

import { afterEach, expect, it, vi } from 'vitest'
import { be64 } from '../../src/bytes/bytes.js'
import { HeldView } from '../../src/client/held-view.js'
import { Replica } from '../../src/client/replica.js'
import type { ShopProofs } from '../../src/client/shop-proofs.js'
import { encode } from '../../src/codec/encode.js'
import { OBJECTS_READ_AT_ONCE_MAX, SLICE_MS } from '../../src/limits.js'
import { Listing } from '../../src/objects/listing.js'
import { HeldObjects } from '../../src/proofs/held-objects.js'

afterEach(() => {
  vi.restoreAllMocks()
})

const proofs = {
  listStanding: () => ({ isLoading: false, complete: true, verified: undefined, stale: false }),
  isWhole: () => true,
} as unknown as ShopProofs

function holding(count: number, value = (ID: bigint) => encode(Listing.write(listingOf(ID)))): HeldObjects {
  const held = new HeldObjects()
  for (let id = 1n; id <= count; id++) held.put({ question: ['Listings', be64(id)], object: { value: value(id) } }, 3n)
  return held
}

function listingOf(ID: bigint): Listing {
  return { ID, Price: 1n, Metadata: { Title: 'Axe', Description: 'x' }, ViewState: 1n }
}

function viewOf(held: HeldObjects) {
  const replica = new Replica(1n, [new Uint8Array(20)])
  replica.begin(held, false)
  const listed = vi.fn<(collection: string) => void>()
  const failed = vi.fn<(error: unknown) => void>()
  const state = { isWanted: true, isSynced: true, isConnected: true }
  const view = new HeldView(replica, proofs, {
    isWatched: false,
    protocol: () => 5,
    parts: () => undefined,
    isSynced: () => state.isSynced,
    isConnected: () => state.isConnected,
    isWanted: () => state.isWanted,
    listed,
    failed,
  })
  return { view, listed, failed, state }
}

it('few are listed at once', () => {
  const { view, listed } = viewOf(holding(OBJECTS_READ_AT_ONCE_MAX))
  expect(view.list('Listings')).toHaveLength(OBJECTS_READ_AT_ONCE_MAX)
  expect(view.listStanding('Listings').isLoading).toBe(false)
  expect(listed).not.toHaveBeenCalled()
})

it('many are loading until they were read, and then are listed', async () => {
  let nowMs = 0
  // Each look at the clock takes a slice: one listing in each.
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += SLICE_MS))
  const many = OBJECTS_READ_AT_ONCE_MAX + 1
  const { view, listed, failed } = viewOf(holding(many))
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: true, complete: false })
  const first = view.list('Listings')
  expect([first.length, view.list('Listings') === first]).toEqual([0, true])
  await vi.waitFor(() => expect(listed).toHaveBeenCalledOnce())
  expect(view.list('Listings')).toHaveLength(many)
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: false, complete: true })
  expect(listed.mock.calls).toEqual([['Listings']])
  expect(failed).not.toHaveBeenCalled()
})

it('one that cannot be read is told, once', async () => {
  const { view, failed, state } = viewOf(holding(OBJECTS_READ_AT_ONCE_MAX + 1, () => Uint8Array.of(0x80)))
  failed.mockImplementation(() => void (state.isWanted = false))
  expect(view.list('Listings')).toEqual([])
  await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce())
  expect(failed.mock.calls[0]![0]).toMatchObject({ message: 'Listings must be a map' })
})

it('nothing is complete while sets behind the snapshot come; without a session it is, as of its checkpoint', () => {
  const { view, state } = viewOf(holding(1))
  state.isSynced = false
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: true, complete: false })
  state.isConnected = false
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: true, complete: true })
})
