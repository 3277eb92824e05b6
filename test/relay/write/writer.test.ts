/** Whose turn it is at the writer, how long its batches are, and what it does with orders whose time is up. */

import { describe, expect, it, test, vi } from 'vitest'
import { foundingPatches } from '../../../src/relay/accounts/account-patches.js'
import { Checkout } from '../../../src/relay/payments/checkout.js'
import type { CheckedSet } from '../../../src/relay/write/ingest.js'
import { NO_PRICES } from '../../../src/relay/payments/price-source.js'
import { encodeChange, readPatch } from '../../../src/patches/patch.js'
import { Stopwatch } from '../../../src/relay/instruments/stopwatch.js'
import { Deadlines } from '../../../src/relay/shops/deadlines.js'
import { firstVersion, Shop } from '../../../src/relay/shops/shop.js'
import type { BatchOptions } from '../../../src/relay/write/batch.js'
import { Writer } from '../../../src/relay/write/writer.js'
import { emptyShop } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import type { LogRecord } from '../../../src/store/store.js'
import { TestClock } from '../../fixtures/turned-clock.js'
import { filled, map } from '../../fixtures/sample-shop.js'
import { shopRow } from '../../fixtures/store.arbitrary.js'

/** Of a writer that knows no payments; what goes wrong is thrown. */
function optionsWith(more: Partial<BatchOptions>): ConstructorParameters<typeof Writer>[0] {
  return {
    store: new MemoryStore(),
    clock: new TestClock(),
    relaySecret: filled(32, 9),
    reservationSeconds: 1n,
    guestLimits: { liveOrdersMax: 1, ordersPerDayMax: 1 },
    checkout: new Checkout(new Map(), NO_PRICES),
    keepPricedListings: async () => undefined,
    newState: emptyShop,
    held: () => undefined,
    afterCommit: [],
    onBug: (error) => {
      throw error
    },
    storeFailed: () => undefined,
    ...more,
  }
}

test('300 cards that write do not put off what the relay itself has to do', async () => {
  const clock = new TestClock()
  const bugs: unknown[] = []
  const writer = new Writer(
    optionsWith({ clock, onBug: (error) => bugs.push(error), storeFailed: (error) => bugs.push(error) }),
  )
  writer.take(new Shop(1n, firstVersion(emptyShop(1n)), new Uint8Array(32)))
  const order: string[] = []
  // Cards that nobody enrolled: their sets are refused at their turn, in order.
  for (let round = 0; round < 5; round++)
    for (let card = 0; card < 300; card++) {
      const signer = filled(33, card % 256)
      signer[1] = card >> 8
      const set = { signer, patches: [] } as unknown as CheckedSet
      writer.write(1n, set, { role: 'guest', card: signer, account: filled(20, 1) }, () => order.push(`card ${card}`))
    }
  const own = Array.from({ length: 100 }, (_, i) =>
    writer.change(1n, () => {
      order.push(`own ${i}`)
      return undefined
    }),
  )
  await Promise.all(own)
  await writer.drained()
  expect(bugs).toEqual([])
  const cards = order.filter((name) => name.startsWith('card'))
  expect(cards).toHaveLength(1_500)
  // Within a round each card comes once.
  expect(new Set(cards.slice(0, 300)).size).toBe(300)
  expect(order.filter((name) => name.startsWith('own'))).toEqual(Array.from({ length: 100 }, (_, i) => `own ${i}`))
  // Answers come with their batch of at most 256: all own work was in the first one.
  expect(order.indexOf('own 99')).toBeLessThan(100)
})

describe('a batch', () => {
  /** Numbers of sets in the batches that make up so many of 5 ms each. */
  async function batches(kind: 'owner' | 'guest', cards: number, sets: number): Promise<number[]> {
    let ms = 0
    const done: number[] = []
    const now = () => ms
    // A card is looked up once a set, in its turn.
    const store = Object.assign(new MemoryStore(), { card: () => void (ms += 5) })
    const shop = new Shop(1n, firstVersion(emptyShop(1n)), new Uint8Array(32))
    const writer = new Writer(optionsWith({ store }), new Stopwatch(now, now))
    writer.take(shop)
    let open = 0
    for (let i = 0; i < sets; i++) {
      const signer = filled(33, i % cards)
      const set = { signer, patches: [] } as unknown as CheckedSet
      writer.write(1n, set, { role: kind, card: signer, account: filled(20, 1) }, () => {
        // Answers of a batch come together, at its end.
        if (open === ms) done[done.length - 1]!++
        else done.push(1)
        open = ms
      })
    }
    await writer.drained()
    return done
  }

  test.each(['owner', 'guest'] as const)(
    'ends after 12 ms, whether one card of role %s writes or many do',
    async (role) => {
      expect(await batches(role, 1, 8)).toEqual([3, 3, 2])
      expect(await batches(role, 4, 8)).toEqual([3, 3, 2])
    },
  )

  /** Numbers of sets in the commits that store so many of each of these shops, each of which takes `setMs`. */
  async function commits(shopCount: number, setsEach: number, setMs: number): Promise<number[]> {
    let ms = 0
    const now = () => ms
    const store = new MemoryStore()
    const shops = Array.from({ length: shopCount }, (_, i) => {
      const id = BigInt(i + 1)
      return new Shop(id, firstVersion(emptyShop(id)), new Uint8Array(32))
    })
    await store.commit({ records: [], newShops: shops.map(({ shopId }) => shopRow(shopId)) })
    const stored = vi.spyOn(store, 'commit')
    const writer = new Writer(optionsWith({ store }), new Stopwatch(now, now))
    for (const shop of shops) writer.take(shop)
    const outcomes = Array.from({ length: setsEach * shopCount }, (_, i) => {
      const id = shops[i % shopCount]!.shopId
      return writer.change(id, () => {
        ms += setMs
        if (i < shopCount) return { patches: foundingPatches(id, 1n, filled(20, 1), filled(33, 2)) }
        const value = map({ Name: `tag ${i}`, ListingIds: [] })
        return { patches: [encodeChange({ op: 'add', path: ['Tags', `tag ${i}`], value })] }
      })
    })
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['done']))
    return stored.mock.calls.map(([{ records }]) => records.length)
  }

  it('of one shop has at most 256 sets, of many shops more, up to 1,024', async () => {
    expect(await commits(1, 600, 0)).toEqual([256, 256, 88])
    // 3 and 120 shops: 8 sets more for each further one, of which 96 count.
    expect(await commits(3, 200, 0)).toEqual([272, 272, 56])
    expect(await commits(120, 10, 0)).toEqual([1_024, 176])
  }, 30_000)

  it('of many shops takes longer too, up to 36 ms', async () => {
    expect(await commits(1, 30, 1)).toEqual([12, 12, 6])
    expect(await commits(120, 2, 0.25)).toEqual([144, 96])
  })
})

test('cards share by the time that their sets take, and staff comes before guests', async () => {
  let ms = 0
  const now = () => ms
  const served: string[] = []
  const MS = { dear: 10, cheap: 1, staff: 1 }
  const NAMES = ['dear', 'cheap', 'staff'] as const
  const card = (bytes: Uint8Array) => {
    const name = NAMES[bytes[0]!]!
    served.push(name)
    return void (ms += MS[name])
  }
  const shop = new Shop(1n, firstVersion(emptyShop(1n)), new Uint8Array(32))
  const store = Object.assign(new MemoryStore(), { card })
  const writer = new Writer(optionsWith({ store }), new Stopwatch(now, now))
  writer.take(shop)
  const write = (name: (typeof NAMES)[number]) => {
    const signer = filled(33, NAMES.indexOf(name))
    const role = name === 'staff' ? 'clerk' : 'guest'
    const set = { signer, patches: [] } as unknown as CheckedSet
    writer.write(1n, set, { role, card: signer, account: filled(20, 1) }, () => undefined)
  }
  for (let i = 0; i < 60; i++) write('dear')
  for (let i = 0; i < 60; i++) write('cheap')
  write('staff')
  await writer.drained()
  expect(served[0]).toBe('staff')
  // While both wait, ten cheap ones for a dear one.
  const both = served.slice(1, served.lastIndexOf('cheap'))
  expect(both.filter((name) => name === 'dear').length).toBeGreaterThanOrEqual(5)
  expect(both.filter((name) => name === 'dear').length).toBeLessThanOrEqual(8)
})

describe('orders whose reservation has ended', () => {
  const DUE = 250

  async function shopWithOrders(): Promise<{ writer: Writer; store: MemoryStore; clock: TestClock; shop: Shop }> {
    const clock = new TestClock(1_800_000_000_000)
    const store = new MemoryStore()
    await store.commit({ records: [], newShops: [shopRow(1n)] })
    const shop = new Shop(1n, firstVersion(emptyShop(1n)), new Uint8Array(32))
    const writer = new Writer(optionsWith({ store, clock, reservationSeconds: 60n }))
    writer.take(shop)
    const orders = Array.from({ length: DUE }, (_, i) =>
      encodeChange({
        op: 'add',
        path: ['Orders', BigInt(i + 1)],
        value: map({ ID: BigInt(i + 1), State: 3n, Items: [] }),
      }),
    )
    const founding = foundingPatches(1n, 1n, filled(20, 1), filled(33, 2))
    expect(await writer.change(1n, () => ({ patches: [...founding, ...orders] }))).toBe('done')
    return { writer, store, clock, shop }
  }

  const canceledIn = (record: LogRecord) =>
    record.patches.map(readPatch).flatMap(({ path, value }) => (path[2] === 'State' && value === 2n ? [path[1]] : []))

  test('are canceled twenty in one set, each once, and not a second too early', async () => {
    const { writer, store, clock, shop } = await shopWithOrders()
    const before = shop.current.head
    await clock.turn(59_000)
    writer.expire(() => true)
    await writer.drained()
    expect(shop.current.head).toBe(before)
    await clock.turn(1_000)
    writer.expire(() => true)
    // Asked again while it is at it.
    writer.expire(() => true)
    await vi.waitFor(() => expect(shop.current.state.indexes.live.size).toBe(0), 20_000)
    await writer.drained()
    const sets = store.readLog(1n, before, { records: 100, bytes: 10_000_000 }).map(canceledIn)
    expect(sets.map((ids) => ids.length)).toEqual([...Array<number>(12).fill(20), 10])
    expect(new Set(sets.flat()).size).toBe(DUE)
    expect(shop.deadlines.takeDue(10n ** 12n, 1_000)).toEqual([])
  })

  test('wait where a payment may be on its way, and hold up no others', async () => {
    const { writer, clock, shop } = await shopWithOrders()
    await clock.turn(60_000)
    writer.expire((_state, id) => id > 120n)
    await vi.waitFor(() => expect(shop.current.state.indexes.live.size).toBe(120), 20_000)
    await clock.turn(1_000)
    writer.expire(() => true)
    await vi.waitFor(() => expect(shop.current.state.indexes.live.size).toBe(0), 20_000)
  })

  test('are tried again where their set could not be stored', async () => {
    const { writer, store, clock, shop } = await shopWithOrders()
    await clock.turn(60_000)
    const commit = store.commit.bind(store)
    store.commit = () => Promise.reject(new Error('no disk'))
    writer.expire(() => true)
    await writer.drained()
    expect(shop.current.state.indexes.live.size).toBe(DUE)
    store.commit = commit
    writer.expire(() => true)
    await vi.waitFor(() => expect(shop.current.state.indexes.live.size).toBe(0), 20_000)
  })

  test('are taken earliest first, each once, and so many at a time', () => {
    const deadlines = new Deadlines()
    for (let i = 0n; i < 30n; i++) deadlines.add(i % 20n, 20n - (i % 20n))
    expect(deadlines.takeDue(5n, 3)).toEqual([19n, 18n, 17n])
    expect(deadlines.takeDue(5n, 3)).toEqual([16n, 15n])
    expect(deadlines.takeDue(20n, 100)).toHaveLength(15)
  })
})

test('what follows a commit follows for every shop and every card, whatever throws', async () => {
  const bugs: unknown[] = []
  const told: string[] = []
  const shops = [1n, 2n].map((id) => new Shop(id, firstVersion(emptyShop(id)), new Uint8Array(32)))
  const store = new MemoryStore()
  await store.commit({ records: [], newShops: shops.map(({ shopId }) => shopRow(shopId)) })
  const writer = new Writer(
    optionsWith({
      store,
      afterCommit: [
        ({ shopId }) => {
          told.push(`first ${shopId}`)
          if (shopId === 1n) throw new Error('the first step fails')
        },
        ({ shopId }, _committed, alone) => {
          for (const card of ['a', 'b'])
            alone(() => {
              told.push(`card ${card} ${shopId}`)
              if (card === 'a') throw new Error('its session fails')
            })
        },
      ],
      onBug: (error) => bugs.push((error as Error).message),
      storeFailed: (error) => bugs.push(error),
    }),
  )
  for (const shop of shops) writer.take(shop)
  const found = (id: bigint) => ({ patches: foundingPatches(id, 1n, filled(20, 1), filled(33, 2)) })
  const outcomes = [1n, 2n].map((id) => writer.change(id, () => found(id)))
  expect(await Promise.all(outcomes)).toEqual(['done', 'done'])
  await writer.drained()
  expect(told).toEqual(['first 1', 'card a 1', 'card b 1', 'first 2', 'card a 2', 'card b 2'])
  expect(bugs).toEqual(['the first step fails', 'its session fails', 'its session fails'])
})
