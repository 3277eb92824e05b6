/** Whose turn it is at the writer: cards one after the other, and the relay itself every second time. */

import { expect, test } from 'vitest'
import { foundingPatches } from '../../../src/relay/accounts/account-patches.js'
import { Checkout } from '../../../src/relay/payments/checkout.js'
import type { CheckedSet } from '../../../src/relay/write/ingest.js'
import { NO_PRICES } from '../../../src/relay/payments/price-source.js'
import { Shop } from '../../../src/relay/shops/shop.js'
import { Writer } from '../../../src/relay/write/writer.js'
import { emptyShop } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { TestClock } from '../../fixtures/turned-clock.js'
import { filled } from '../../fixtures/sample-shop.js'
import { shopRow } from '../../fixtures/store.arbitrary.js'

test('300 cards that write do not put off what the relay itself has to do', async () => {
  const clock = new TestClock()
  const bugs: unknown[] = []
  const writer = new Writer({
    store: new MemoryStore(),
    clock,
    relaySecret: filled(32, 9),
    reservationSeconds: 1n,
    checkout: new Checkout(new Map(), NO_PRICES),
    keepPricedListings: async () => undefined,
    newState: emptyShop,
    held: () => undefined,
    afterCommit: [],
    onBug: (error) => bugs.push(error),
    storeFailed: (error) => bugs.push(error),
  })
  writer.take(new Shop(1n, { state: emptyShop(1n), head: 0, relayNonce: 0n }))
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

test('what follows a commit follows for every shop and every card, whatever throws', async () => {
  const bugs: unknown[] = []
  const told: string[] = []
  const shops = [1n, 2n].map((id) => new Shop(id, { state: emptyShop(id), head: 0, relayNonce: 0n }))
  const store = new MemoryStore()
  await store.commit({ records: [], newShops: shops.map(({ shopId }) => shopRow(shopId)) })
  const writer = new Writer({
    store,
    clock: new TestClock(),
    relaySecret: filled(32, 9),
    reservationSeconds: 1n,
    checkout: new Checkout(new Map(), NO_PRICES),
    keepPricedListings: async () => undefined,
    newState: emptyShop,
    held: () => undefined,
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
  })
  for (const shop of shops) writer.take(shop)
  const found = (id: bigint) => ({ patches: foundingPatches(id, 1n, filled(20, 1), filled(33, 2)) })
  const outcomes = [1n, 2n].map((id) => writer.change(id, () => found(id)))
  expect(await Promise.all(outcomes)).toEqual(['done', 'done'])
  await writer.drained()
  expect(told).toEqual(['first 1', 'card a 1', 'card b 1', 'first 2', 'card a 2', 'card b 2'])
  expect(bugs).toEqual(['the first step fails', 'its session fails', 'its session fails'])
})
