/** One set, one audience: what is told of sets that mix them, and that nothing of ours does. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { mixedAudiences } from '../../src/client/audiences.js'
import { connect, type ShopClient } from '../../src/client/shop-client.js'
import { MemoryStore } from '../../src/store/memory.js'
import { cairn } from '../fixtures/cairn.js'
import { mixedSets } from '../fixtures/mixed-sets.js'
import { enrolCard, listing, newSecret, order, relay, SHOP, state, stock } from '../fixtures/relay-harness.js'
import type { TestRelay } from '../fixtures/relay-harness.js'

const everybody = 'what everybody may read'
const guests = 'orders, which their guests may read'
const staff = 'stock, which staff alone may read'

describe('a set', () => {
  test.each([
    [[], []],
    [['Listings'], []],
    [['Manifest', 'Accounts', 'Tags', 'Listings'], []],
    [['Orders', 'Orders'], []],
    [['Inventory'], []],
    [
      ['Listings', 'Inventory'],
      [everybody, staff],
    ],
    [
      ['Inventory', 'Tags', 'Orders'],
      [everybody, guests, staff],
    ],
    [
      ['Orders', 'Inventory'],
      [guests, staff],
    ],
    [
      ['Manifest', 'Orders'],
      [everybody, guests],
    ],
  ])('of %j mixes %j', (collections, mixed) => {
    const told = mixedAudiences(collections)
    if (mixed.length === 0) expect(told).toBeUndefined()
    else expect(told).toBe(`one set holds ${mixed.join(' and ')}: ${told!.split(': ')[1]}`)
  })
})

describe('in a running shop', () => {
  const key = newSecret()
  const home = mkdtempSync(join(tmpdir(), 'cairn-audiences-'))
  let running: TestRelay
  let store: MemoryStore
  let client: ShopClient
  let notices: string[]

  beforeEach(async () => {
    store = new MemoryStore()
    running = await relay({}, { store })
    await enrolCard(running.url, key)
    notices = []
    const onNotice = (text: string) => void notices.push(text)
    client = await connect({ url: running.url, shop: SHOP, key, relay: running.address, onNotice })
  })
  afterEach(async () => {
    client.close()
    await running.stop()
    expect(running.bugs).toEqual([])
  })
  afterAll(() => rmSync(home, { recursive: true }))

  it('write keeps a set whole that mixes them, and tells of it', async () => {
    const head = store.head(SHOP)
    await client.write([listing(1n), stock(1n, 9n)])
    expect([store.head(SHOP), notices]).toEqual([
      head + 1,
      [expect.stringMatching(/^one set holds .*write them apart$/u)],
    ])
    expect(mixedSets(store, SHOP)).toEqual([`set ${head + 1}: Listings Inventory`])
  })

  it('write says nothing of sets that do not', async () => {
    await client.write([listing(1n), listing(2n)])
    await client.write([stock(1n, 9n), stock(2n, 9n)])
    await client.write([order(5n, 1n, 1n), state(5n, 3n)])
    expect([notices, mixedSets(store, SHOP)]).toEqual([[], []])
  })

  it('cairn put changes a price and a stock in two sets', async () => {
    await client.write([listing(1n)])
    await client.write([stock(1n, 9n)])
    const head = store.head(SHOP)
    const card = join(home, 'card.key')
    client.close()
    writeFileSync(card, toHex(key))
    const words = ['put', '--url', running.url, '--shop', `${SHOP}`, '--listing', '1', '--card', card]
    const { code } = await cairn(...words, '--price', '7', '--title', 'Summit stone', '--stock', '8')
    expect([code, store.head(SHOP), mixedSets(store, SHOP)]).toEqual([0, head + 2, []])
  })
})

describe('what is written for readers', () => {
  const root = resolve(import.meta.dirname, '../..')
  const files = ['README.md', ...['docs', 'examples', 'bench'].flatMap(inside)]
  const writes = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\.write\(\[([\s\S]*?)\n?\]\)/gu)].map(([, text]) => {
      const collections = [...text!.matchAll(/path: \['([A-Za-z]+)'/gu)].map(([, name]) => name!)
      return [file, collections] as const
    }),
  )

  function inside(folder: string): string[] {
    return readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:md|mjs)$/u.test(entry.name))
      .map(({ name }) => join(folder, name))
  }

  it('has writes', () => expect(writes.length).toBeGreaterThanOrEqual(4))
  it.each(writes)('in %s writes %j', (_file, collections) => expect(mixedAudiences(collections)).toBeUndefined())
})
