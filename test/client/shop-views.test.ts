/** Live collections against a real relay: what is shown first, what is subscribed to, and what is proven of it. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Live, type LiveState, type ShopClient } from '../../src/client/shop-client.js'
import type { Change } from '../../src/patches/patch.js'
import { ObjectType, type Filter, type Message, type Request } from '../../src/wire/messages.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  SHOP,
  stock,
  type TestRelay,
} from '../fixtures/relay-harness.js'

let running: TestRelay
let proxy: LyingProxy
let owner: ShopClient
const clients: ShopClient[] = []

beforeEach(async () => {
  running = await relay()
  proxy = await lyingProxy(running.url)
  const key = newSecret()
  await enrolCard(running.url, key)
  owner = await open({ key, url: running.url })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  proxy.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

async function open(more: Partial<Parameters<typeof connect>[0]> = {}): Promise<ShopClient> {
  const client = await connect({ url: proxy.url, shop: SHOP, relay: running.address, ...more })
  clients.push(client)
  return client
}

async function guest(): Promise<Uint8Array> {
  const key = newSecret()
  await enrolCard(running.url, key, { guest: true })
  return key
}

/** The first state for which `isIt` holds. */
async function first<T, S extends LiveState<T>>(live: Live<T, S>, isIt: (state: S) => boolean): Promise<S> {
  for await (const now of live) {
    if (now.status === 'failed') throw now.error!
    if (isIt(now)) return now
  }
  throw new Error('it ended')
}

const isComplete = ({ complete, status }: LiveState<unknown>) => complete && status !== 'loading'
const tag = (name: string, ...ids: bigint[]): Change => ({
  op: 'add',
  path: ['Tags', name],
  value: map({ Name: name, ListingIDs: ids }),
})
const price = (id: bigint, value: bigint): Change => ({ op: 'replace', path: ['Listings', id, 'Price'], value })
const idsOf = (list: LiveState<readonly { readonly ID: bigint }[]>) => list.data!.map(({ ID }) => ID)

/** What the client asked the relay for, by what the relay answered to. */
function subscriptions(): Filter[][] {
  const seen: Filter[][] = []
  proxy.lie((message, asked: Request | undefined) => {
    if (message.kind === 'response' && asked?.kind === 'subscribe') seen.push([...asked.filters])
    return message
  })
  return seen
}

describe('lists', () => {
  it('of listings are ordered, limited and complete, and the same for two that want the same', async () => {
    await owner.write([listing(1n), listing(2n), listing(3n), tag('red', 3n, 1n)])
    await owner.write([price(1n, 5n), price(2n, 7n), price(3n, 6n)])
    const visitor = await open()
    const dear = visitor.listings({ orderBy: 'price', descending: true, limit: 2 })
    expect(visitor.listings({ limit: 2, descending: true, orderBy: 'price' })).toBe(dear)
    expect(visitor.listing(1n)).toBe(visitor.listing(1n))
    const shown = await first(dear, isComplete)
    expect([idsOf(shown), shown.total, shown.hasMore]).toEqual([[2n, 3n], 3, true])
    expect(idsOf(await first(visitor.listings({ tag: 'red' }), isComplete))).toEqual([3n, 1n])
    expect(idsOf(await first(visitor.listings({ ids: [2n, 9n, 1n] }), isComplete))).toEqual([2n, 1n])
    await owner.write([price(1n, 1n)])
    await first(visitor.listing(1n), ({ data, complete }) => complete && data!.Price === 1n)
    expect(dear.get().data).toBe(shown.data)
    await owner.write([price(1n, 9n)])
    expect(idsOf(await first(dear, (now) => now.complete && now.data![0]!.ID === 1n))).toEqual([1n, 2n])
  })

  it('of tags and orders tell their completeness, for staff, guest and visitor', async () => {
    await owner.write([listing(1n), tag('b'), tag('a', 1n)])
    await owner.write([stock(1n, 9n)])
    const key = await guest()
    const buyer = await open({ key })
    await buyer.orders.place({ id: 5n, items: [{ listing: 1n, quantity: 2n }] })
    const visitor = await open()
    expect((await first(visitor.tags(), isComplete)).data!.map(({ Name }) => Name)).toEqual(['a', 'b'])
    expect(visitor.tags()).toBe(visitor.tags())
    expect(idsOf(await first(owner.orders(), (now) => now.complete && now.data!.length > 0))).toEqual([5n])
    expect(idsOf(await first(buyer.orders(), (now) => now.complete && now.data!.length > 0))).toEqual([5n])
    expect(owner.orders()).toBe(owner.orders.all())
    expect(visitor.orders().get()).toMatchObject({ complete: false, data: [] })
    expect(await first(owner.stock(1n), isComplete)).toMatchObject({ data: 9n })
  })
})

describe('a snapshot that is longer than a first screen can wait', () => {
  /** How many objects each question of the client was about; `end` lets the snapshot end, over a new connection. */
  function heldBack(): { readonly asked: number[]; readonly end: () => void } {
    const asked: number[] = []
    let isHeld = true
    proxy.lie((message, request) => {
      if (message.kind === 'response' && request?.kind === 'stateProof') asked.push(request.objects.length)
      if (message.kind !== 'snapshotPush' || !message.last || !isHeld) return message
      return { ...message, last: false, objects: message.objects.slice(0, 1) }
    })
    const end = () => {
      isHeld = false
      proxy.cut()
    }
    return { asked, end }
  }

  it('is overtaken by what is looked at, 20 of many, each proven', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => BigInt(i + 1))
    for (let i = 0; i < ids.length; i += 100) await owner.write(ids.slice(i, i + 100).map((id) => listing(id)))
    const listed = ids.toReversed()
    const written = await owner.write([tag('red', ...listed)])
    await written.proven()
    const { asked, end } = heldBack()
    const visitor = await open()
    const screen = visitor.listings({ tag: 'red', limit: 20 })
    const shown = await first(screen, ({ status }) => status === 'ready')
    expect(idsOf(shown)).toEqual(listed.slice(0, 20))
    expect(shown).toMatchObject({ complete: true, hasMore: true, total: undefined, verified: { seq: written.seq } })
    expect(asked).toEqual([1, 20])
    expect(visitor.listings().get().status).toBe('loading')
    expect(await first(visitor.listing(999n), isComplete)).toMatchObject({ status: 'unavailable' })
    end()
    const whole = await first(screen, (now) => now.total !== undefined)
    expect([whole.total, idsOf(whole)]).toEqual([300, listed.slice(0, 20)])
    expect((await first(visitor.listings(), isComplete)).data).toHaveLength(300)
  })
})

describe("a subscription to what is 'watched'", () => {
  it('changes with what is looked at, over one connection, and keeps what was shown', async () => {
    await owner.write([listing(1n), listing(2n), tag('red', 2n)])
    const asked = subscriptions()
    const visitor = await open({ only: 'watched' })
    const states: string[] = []
    visitor.onState((state) => states.push(state))
    const one = visitor.listing(1n)
    expect(one.get()).toMatchObject({ status: 'loading', complete: false })
    const seen: string[] = []
    const stop = one.subscribe(() => seen.push(one.get().status))
    await first(one, isComplete)
    expect(one.get()).toMatchObject({ status: 'ready', complete: true, data: { ID: 1n } })
    expect(visitor.listings().get().status).toBe('loading')
    expect(idsOf(await first(visitor.listings({ tag: 'red' }), isComplete))).toEqual([2n])
    expect((await first(visitor.listings(), isComplete)).data).toHaveLength(2)
    const written = await owner.write([price(1n, 77n)])
    await first(one, ({ data, complete }) => complete && data!.Price === 77n)
    expect(one.get().verified!.seq).toBe(written.seq)
    expect(seen.slice(seen.indexOf('ready'))).not.toContain('loading')
    stop()
    const kinds = asked.map((filters) => filters.map(({ objectType }) => objectType).slice(2))
    expect(kinds).toEqual([[], [ObjectType.LISTING], [ObjectType.LISTING, ObjectType.TAG]])
    expect(states).toEqual([])
    expect(() => visitor.sets()).toThrow(expect.objectContaining({ code: 'NOT_SUBSCRIBED' }))
  })

  it('takes nothing of the subscription before for one of the new', async () => {
    await owner.write([listing(1n)])
    // The first snapshot, of no listing, comes late: when a listing is looked at already.
    const late: Message[] = []
    let isCanceled = false
    proxy.lie((message, asked) => {
      if (isCanceled) return message
      if (message.kind === 'snapshotPush') return void late.push(message)
      isCanceled = asked?.kind === 'cancel'
      return isCanceled ? [...late, message] : message
    })
    const visitor = await open({ only: 'watched' })
    while (late.length === 0) await new Promise((wait) => setTimeout(wait, 5))
    expect((await first(visitor.listing(1n), isComplete)).data).toMatchObject({ ID: 1n })
    expect(isCanceled).toBe(true)
  })

  it('goes on with the same parts after a connection that was lost', async () => {
    await owner.write([listing(1n)])
    const visitor = await open({ only: 'watched', key: await guest() })
    const one = visitor.listing(1n)
    const stop = one.subscribe(() => undefined)
    await first(one, isComplete)
    proxy.cut()
    await new Promise<void>((resolve) => visitor.onState((state) => state === 'disconnected' && resolve()))
    await expect(visitor.orders.create()).rejects.toMatchObject({ code: 'DISCONNECTED', retryable: true })
    await owner.write([price(1n, 5n)])
    expect((await first(one, (now) => now.complete && now.data!.Price === 5n)).data!.Price).toBe(5n)
    stop()
  })

  it('asks as a guest for his own orders alone, and places one', async () => {
    await owner.write([listing(1n)])
    await owner.write([stock(1n, 3n)])
    await owner.write([order(8n, 1n, 1n)])
    const key = await guest()
    const buyer = await open({ only: 'watched', key })
    expect(await first(buyer.order(8n), ({ status }) => status !== 'loading')).toMatchObject({ status: 'unavailable' })
    const id = await buyer.orders.place({ items: [{ listing: 1n, quantity: 1n }] })
    expect(await first(buyer.order(id), isComplete)).toMatchObject({ data: { ID: id } })
    expect(idsOf(await first(buyer.orders(), isComplete))).toEqual([id])
  })

  it('is of everything where the relay speaks version 4, and that is said', async () => {
    await owner.write([listing(1n)])
    proxy.speakOnly(4)
    const notices: string[] = []
    const visitor = await open({ only: 'watched', onNotice: (text) => notices.push(text) })
    expect(await first(visitor.listings(), ({ status }) => status === 'ready')).toMatchObject({
      complete: false,
      data: [{ ID: 1n }],
    })
    expect(notices.join('\n')).toContain('all of the shop is subscribed to')
  })
})
