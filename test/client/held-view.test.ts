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

const verified = { seq: 3n }
const standing = () => ({ isLoading: false, complete: true, verified, stale: false })

/** All of it is proven. */
function proofsOf(replica: Replica): ShopProofs {
  const all = { isWhole: () => true, covers: () => true, value: (name: string) => replica.get(name) }
  return { ...all, standing, listStanding: standing } as unknown as ShopProofs
}

const broken = () => Uint8Array.of(0x80)

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
  const view = new HeldView(replica, proofsOf(replica), {
    isWatched: false,
    protocol: () => 5,
    parts: () => undefined,
    isSynced: () => state.isSynced,
    isConnected: () => state.isConnected,
    isWanted: () => state.isWanted,
    listed,
    failed,
  })
  return { view, replica, listed, failed, state }
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
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: true, complete: false, verified: undefined })
  const first = view.list('Listings')
  expect([first.length, view.list('Listings') === first]).toEqual([0, true])
  await vi.waitFor(() => expect(listed).toHaveBeenCalledOnce())
  expect(view.list('Listings')).toHaveLength(many)
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: false, complete: true, verified })
  expect(listed.mock.calls).toEqual([['Listings']])
  expect(failed).not.toHaveBeenCalled()
})

it.each([['many', OBJECTS_READ_AT_ONCE_MAX + 1] as const, ['few', 1] as const])(
  'one that cannot be read is told, once, and nobody is thrown at: among %s',
  async (_what, count) => {
    const { view, failed, state } = viewOf(holding(count, broken))
    failed.mockImplementation(() => void (state.isWanted = false))
    const empty = view.list('Listings')
    expect(empty).toEqual([])
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce())
    expect(failed.mock.calls[0]![0]).toMatchObject({ message: 'Listings must be a map' })
    // A page draws itself again and again.
    expect(view.list('Listings')).toBe(empty)
    expect(view.listStanding('Listings')).toMatchObject({ complete: false, verified: undefined })
    expect(failed).toHaveBeenCalledOnce()
  },
)

it('one that cannot be read is not proven to be gone', () => {
  const { view, replica, failed } = viewOf(holding(1, broken))
  expect(view.get('Listings/1')).toBeUndefined()
  expect(failed).toHaveBeenCalledOnce()
  expect(view.standing('Listings/1')).toMatchObject({ complete: false, verified: undefined })
  expect(view.standing('Listings/2')).toMatchObject({ complete: true, verified })
  const listings = view.reading('Listings', () => replica.all('Listings'))
  expect(listings).toMatchObject({ data: undefined, complete: false, verified: undefined })
})

it('nothing is complete while sets behind the snapshot come; without a session it is, as of its checkpoint', () => {
  const { view, state } = viewOf(holding(1))
  state.isSynced = false
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: true, complete: false })
  state.isConnected = false
  expect(view.listStanding('Listings')).toMatchObject({ isLoading: true, complete: true })
})
