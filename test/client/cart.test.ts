/** A guest's cart against a real relay: lines, price, checkout, and what becomes of it where that is refused. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  CANCELED,
  ClientError,
  COMMITTED,
  connect,
  type CartLine,
  type CartState,
  type CheckoutOptions,
  type ShopClient,
} from '../../src/client/shop-client.js'
import type { ReplicaStore } from '../../src/client/kept-replica.js'
import type { Change } from '../../src/patches/patch.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { lyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, map, newSecret, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

let running: TestRelay
let owner: ShopClient
let shop: ShopClient

const ADDRESS = {
  Name: 'A. Guest',
  Address1: 'Hut 1',
  City: 'Summit',
  PostalCode: '10000',
  Country: 'CH',
  EmailAddress: 'guest@example.org',
}

/** One, where the post costs that; undefined: none. */
function regionsWith(Amount: bigint | undefined): Change {
  const path = ['Manifest', 'ShippingRegions'] as const
  if (Amount === undefined) return { op: 'replace', path, value: map({}) }
  const PriceModifiers = map({ post: map({ ModificationAbsolute: map({ Amount, Plus: true }) }) })
  return { op: 'replace', path, value: map({ home: map({ Country: 'CH', PostalCode: '', City: '', PriceModifiers }) }) }
}

const regions = regionsWith(30n)

beforeEach(async () => {
  running = await relay()
  const [key, card] = [newSecret(), newSecret()]
  await enrolCard(running.url, key)
  const place = { url: running.url, shop: SHOP, relay: running.address }
  owner = await connect({ ...place, key })
  await owner.write([listing(1n), listing(2n), regions])
  await owner.write([stock(1n, 5n), stock(2n, 1n)])
  await enrolCard(running.url, card, { guest: true })
  shop = await connect({ ...place, key: card })
})

afterEach(async () => {
  shop.close()
  owner.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** The first state of the cart for which `isIt` holds. */
async function first(isIt: (state: CartState) => boolean): Promise<CartState> {
  for await (const state of shop.cart()) if (isIt(state)) return state
  throw new Error('it ended')
}

/** Between two tries to connect. */
const RETRY_MS = 20

/** A place on the device. */
function inMemory(): ReplicaStore {
  let kept: Uint8Array | undefined
  return { load: () => Promise.resolve(kept), save: (bytes) => Promise.resolve(void (kept = bytes)) }
}

/** Of a page in JavaScript. */
const JUNK = { total: 5 } as unknown as CheckoutOptions
const hasTotal = ({ quote }: CartState) => quote.total !== undefined

describe('a cart', () => {
  it('has lines that are added, changed and removed; one for what is the same', () => {
    const cart = shop.cart()
    expect(shop.cart()).toBe(cart)
    const one = cart.add({ listing: 1n, quantity: 2n })
    const two = cart.add({ listing: 1n, variations: ['b', 'a'], quantity: 1n })
    expect(cart.add({ listing: 1n, variations: ['a', 'b'], quantity: 1n })).toBe(two)
    const lines = () => cart.get().lines.map(({ key, quantity }) => [key, quantity])
    expect(lines()).toEqual([
      [one, 2n],
      [two, 2n],
    ])
    expect(cart.get().count).toBe(4n)
    cart.change(one, 5n)
    cart.change(two, 0n)
    expect(lines()).toEqual([[one, 5n]])
    expect(() => cart.change(two, 1n)).toThrow(/there is no line/u)
    expect(() => cart.change(one, 1n << 32n)).toThrow(/quantity/u)
    cart.remove(one)
    expect(lines()).toEqual([])
  })

  it('is the same reference until something changes, and tells of lines and of prices', async () => {
    const cart = shop.cart()
    const told: unknown[] = []
    const stop = cart.subscribe(() => told.push(cart.get()))
    cart.add({ listing: 1n, quantity: 2n })
    expect(told).toHaveLength(1)
    const priced = await first((state) => state.lines[0]?.sum?.amount === 200n)
    expect(cart.get()).toBe(priced)
    await owner.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n }])
    expect((await first((state) => state.lines[0]?.sum?.amount === 14n)).quote.subtotal).toMatchObject({
      amount: 14n,
      symbol: 'ETH',
    })
    stop()
    const before = told.length
    cart.add({ listing: 2n, quantity: 1n })
    expect(told).toHaveLength(before)
  })

  it('becomes an order whose pieces are reserved, with the total that was quoted', async () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, quantity: 3n })
    expect(
      (await first(({ quote }) => quote.subtotal !== undefined && quote.subtotal.amount > 0n)).quote.problems,
    ).toMatchObject([{ code: 'NO_ADDRESS' }])
    cart.sendTo(ADDRESS)
    const { quote } = await first(hasTotal)
    expect([quote.region, quote.total!.amount]).toEqual(['home', 330n])
    const [id, again] = await Promise.all([cart.checkout(), cart.checkout()])
    expect(again).toBe(id)
    expect(cart.get().lines).toEqual([])
    for await (const { data } of shop.order(id)) {
      if (data === undefined) continue
      expect(data).toMatchObject({
        State: COMMITTED,
        ShippingAddress: ADDRESS,
        Items: [{ ListingID: 1n, Quantity: 3n }],
      })
      break
    }
    expect(shop.orders.quote(id)).toEqual(quote)
  })

  it('is asked about again where its price, its post or its currency is another than what was agreed to', async () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, quantity: 3n })
    cart.sendTo(ADDRESS)
    const agreed = (await first(hasTotal)).quote.total!
    const { length } = owner.orders().get().data!
    const changes: readonly (readonly [Change, bigint | undefined])[] = [
      [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n }, 51n],
      [regionsWith(9n), 30n],
      [regionsWith(undefined), undefined],
    ]
    for (const [change, amount] of changes) {
      await owner.write([change])
      await first(({ quote }) => quote.total?.amount === amount)
      const error = await cart.checkout({ total: agreed }).catch((error: ClientError) => error)
      expect(error).toMatchObject({ code: 'PRICE_CHANGED', totals: { agreed } })
      expect((error as ClientError).totals!.now?.amount).toBe(amount)
      expect(cart.get()).toMatchObject({ count: 3n, ordering: undefined })
    }
    await owner.write([regions])
    const { total } = (await first(hasTotal)).quote
    const other = { ...total!, currency: { ...total!.currency, ChainID: 5n } }
    await expect(cart.checkout({ total: other })).rejects.toMatchObject({ code: 'PRICE_CHANGED' })
    await expect(cart.checkout({ total: 51n as never })).rejects.toMatchObject({ code: 'USAGE', path: 'total' })
    // A write of one's own is behind all that came before it.
    await cart.checkout({ total })
    for await (const { data } of owner.orders()) if (data!.length > length) break
    expect(owner.orders().get().data).toHaveLength(length + 1)
  })

  it('stays as it was where it is refused, and nothing of it becomes an order', async () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, quantity: 1n })
    cart.add({ listing: 2n, quantity: 2n })
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'OUT_OF_STOCK', objectId: 2n })
    expect(cart.get().lines).toHaveLength(2)
    const { length } = owner.orders().get().data!
    cart.change(cart.get().lines[1]!.key, 1n)
    const running = cart.checkout()
    cart.add({ listing: 2n, variations: ['later'], quantity: 1n })
    const [{ key, quantity: before }] = cart.get().lines as [CartLine]
    cart.change(key, before + 2n)
    await running
    const left = cart.get().lines.map(({ variations, quantity }) => [variations, quantity])
    expect(left).toEqual([
      [expect.any(Array), 2n],
      [['later'], 1n],
    ])
    for await (const { data } of owner.orders()) if (data!.length === length + 1) break
  })

  it('of a listing with options asks for a choice of each before anything is sent', async () => {
    const kind = (name: string) => [name, map({ VariationInfo: map({ Title: name, Description: name }) })] as const
    const Options = map({ size: map({ Title: 'Size', Variations: map(Object.fromEntries([kind('s'), kind('l')])) }) })
    await owner.write([listing(3n, { Options })])
    await owner.write([{ op: 'add', path: ['Inventory', 3n, 'l'], value: 5n }])
    const cart = shop.cart()
    cart.sendTo(ADDRESS)
    cart.add({ listing: 3n, quantity: 1n })
    const { quote } = await first(({ quote }) => quote.problems[0]?.code === 'VARIATION_MISSING')
    expect([quote.problems[0]!.message, quote.total]).toEqual(['Listing 3: choose “Size” first.', undefined])
    const { length } = owner.orders().get().data!
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'VARIATION_MISSING', objectId: 3n })
    cart.clear()
    cart.add({ listing: 3n, variations: ['s', 'l'], quantity: 1n })
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'VARIATION_TWICE', objectId: 3n })
    cart.clear()
    cart.add({ listing: 3n, variations: ['l'], quantity: 1n })
    await cart.checkout()
    for await (const { data } of owner.orders()) if (data!.length > length) break
    expect(owner.orders().get().data).toHaveLength(length + 1)
  })

  it('that nobody watches waits until it is known what has to be chosen', async () => {
    const variation = map({ VariationInfo: map({ Title: 's', Description: 's' }) })
    const Options = map({ size: map({ Title: 'Size', Variations: map({ s: variation }) }) })
    await owner.write([listing(3n, { Options })])
    const card = newSecret()
    await enrolCard(running.url, card, { guest: true })
    const place = { url: running.url, shop: SHOP, relay: running.address, key: card }
    const unwatched = await connect({ ...place, only: 'watched' })
    const cart = unwatched.cart()
    cart.add({ listing: 3n, quantity: 1n })
    expect(cart.get().quote.problems).toContainEqual(expect.objectContaining({ code: 'LOADING' }))
    const stop = new AbortController()
    const aborted = cart.checkout({ signal: stop.signal })
    stop.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'VARIATION_MISSING', objectId: 3n })
    expect(cart.get().ordering).toBeUndefined()
    unwatched.close()
  })

  it('tells what is missing of the address, and sends nothing to a country that the shop does not know', async () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, quantity: 1n })
    cart.sendTo({ ...ADDRESS, EmailAddress: 'guest' })
    await first(hasTotal)
    const { addressProblem } = cart.get()
    expect(addressProblem).toEqual({ field: 'EmailAddress', message: 'must be an e-mail address: name@host.domain' })
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'USAGE', path: 'address.EmailAddress' })
    cart.sendTo({ ...ADDRESS, Country: 'Switzerland' })
    const { quote } = cart.get()
    expect([quote.problems[0]!.code, quote.total]).toEqual(['COUNTRY_UNKNOWN', undefined])
    expect(quote.problems[0]!.message).toMatch(/“Switzerland”.*two capital letters, as CH/u)
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'USAGE', path: 'address.Country' })
    expect(cart.get()).toMatchObject({ count: 1n, ordering: undefined })
    // PROTOCOL §11: a region without a country fits all.
    const anywhere = map({ Country: '', PostalCode: '', City: '' })
    await owner.write([{ op: 'add', path: ['Manifest', 'ShippingRegions', 'anywhere'], value: anywhere }])
    const { warnings } = (await first(({ quote }) => quote.region === 'anywhere')).quote
    expect(warnings).toMatchObject([{ code: 'COUNTRY_UNKNOWN' }])
    await cart.checkout()
  })

  it.each<[string, () => ReplicaStore | undefined]>([
    ['', () => undefined],
    [' with an outbox', inMemory],
  ])(
    'whose answer was lost%s is the same order for the next client, and leaves it when it is seen',
    async (_, kept) => {
      const outbox = kept()
      const card = newSecret()
      await enrolCard(running.url, card, { guest: true })
      const proxy = await lyingProxy(running.url)
      /** A card has one session: that of the one before has to be over. */
      const opened = async (url: string, more: object = {}): Promise<ShopClient> => {
        const place = { url, shop: SHOP, relay: running.address, key: card }
        for (;;) {
          const client = await connect({ ...place, ...more }).catch((error: ClientError) => error)
          if (!(client instanceof ClientError)) return client
          if (client.code !== 'ALREADY_CONNECTED') throw client
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        }
      }
      if (outbox !== undefined) proxy.speakOnly(4)
      // Over version 4, where its orders are not seen, nobody can ask what became of it.
      const before = await opened(proxy.url, outbox && { outbox, only: [{ listing: 1n }] })
      before.cart().add({ listing: 1n, quantity: 2n })
      let answered: () => void
      const isTaken = new Promise<void>((resolve) => (answered = resolve))
      proxy.lie((message, asked) => (asked?.kind === 'write' ? (answered(), undefined) : message))
      const lost = before.cart().checkout()
      await isTaken
      if (outbox === undefined) before.close()
      else proxy.cut()
      await expect(lost).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
      const text = before.cart().save()
      const { ordering } = before.cart().get()
      expect(ordering).toBeTypeOf('bigint')
      before.close()
      // One that does not see orders cannot know: the relay has it, and says so.
      const blind = await opened(running.url, { only: [{ listing: 1n }], outbox })
      blind.cart().restore(text)
      await expect(blind.cart().checkout()).rejects.toMatchObject({ code: 'INVALID' })
      expect(blind.cart().get()).toMatchObject({ count: 2n, ordering })
      blind.close()
      const after = await opened(running.url)
      after.cart().restore(text)
      for await (const { count } of after.cart()) if (count === 0n) break
      expect(after.cart().get().ordering).toBeUndefined()
      for await (const { complete, data } of after.orders()) {
        if (!complete || data!.length === 0) continue
        expect(data!.map(({ ID }) => ID)).toEqual([ordering])
        break
      }
      after.close()
      proxy.close()
    },
  )

  it('that a relay takes and calls refused is the same order at the next try, which is there', async () => {
    const card = newSecret()
    await enrolCard(running.url, card, { guest: true })
    const proxy = await lyingProxy(running.url)
    const client = await connect({ url: proxy.url, shop: SHOP, relay: running.address, key: card })
    const cart = client.cart()
    cart.add({ listing: 1n, quantity: 2n })
    let isLying = true
    proxy.lie((message, asked) =>
      isLying && asked?.kind === 'write' && message.kind === 'response'
        ? { ...message, payload: undefined, error: { code: ErrorCode.OUT_OF_STOCK, message: 'none left' } }
        : message,
    )
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'OUT_OF_STOCK' })
    isLying = false
    const order = await cart.checkout()
    expect(cart.get()).toMatchObject({ count: 0n, ordering: undefined })
    for await (const { complete, data } of client.orders()) {
      if (!complete || data!.length === 0) continue
      expect(data!.map(({ ID }) => ID)).toEqual([order])
      break
    }
    client.close()
    proxy.close()
  })

  it('takes another one beside what is there, and the same one in its place', () => {
    const cart = shop.cart()
    const quantities = () => cart.get().lines.map(({ listing, quantity }) => [listing, quantity])
    cart.add({ listing: 1n, quantity: 1n })
    const before = cart.save()
    cart.add({ listing: 1n, quantity: 1n })
    cart.join(before)
    expect(quantities()).toEqual([[1n, 1n]])
    cart.clear()
    cart.add({ listing: 2n, quantity: 3n })
    cart.join(before)
    expect(quantities()).toEqual([
      [2n, 3n],
      [1n, 1n],
    ])
    const all = cart.save()
    const many = {
      ...(JSON.parse(before) as object),
      next: '9',
      lines: [{ listing: '1', variations: [], quantity: '0' }],
    }
    expect(() => cart.join(JSON.stringify(many))).toThrow(/quantity/u)
    expect(cart.save()).toBe(all)
  })

  it('that went to another card and back has each piece once, and keeps its address', () => {
    const cart = shop.cart()
    const lines = () => cart.get().lines.map(({ listing, quantity }) => [listing, quantity])
    cart.add({ listing: 1n, quantity: 1n })
    const first = cart.save()
    cart.clear()
    cart.add({ listing: 2n, quantity: 1n })
    const second = cart.save()
    cart.join(first)
    const both = cart.save()
    cart.restore(first)
    cart.join(both)
    const all = [
      [1n, 1n],
      [2n, 1n],
    ]
    expect(lines()).toEqual(all)
    // A third time, and one that was kept before.
    const back = cart.save()
    cart.restore(both)
    cart.join(first)
    cart.join(back)
    expect(lines()).toEqual(all.toReversed())
    // Pieces that another cart has by itself are added.
    cart.restore(second)
    cart.join(JSON.stringify({ ...(JSON.parse(second) as object), next: '9' }))
    expect(lines()).toEqual([[2n, 2n]])
    cart.clear()
    cart.sendTo(ADDRESS)
    cart.join(first)
    expect([lines(), cart.get().address]).toEqual([[[1n, 1n]], ADDRESS])
  })

  it('that holds a checkout and no lines keeps it when another one is joined', () => {
    const cart = shop.cart()
    const checkout = { order: '77', lines: [{ listing: '1', variations: [], quantity: '1' }] }
    cart.restore(JSON.stringify({ lines: [], checkout }))
    cart.join(JSON.stringify({ lines: checkout.lines, next: '9' }))
    expect(cart.get()).toMatchObject({ count: 1n, ordering: 77n })
  })

  it('is no order of other lines that is there with its id, and nothing of it is taken then', async () => {
    const cart = shop.cart()
    const line = cart.add({ listing: 1n, quantity: 1n })
    cart.sendTo(ADDRESS)
    const before = cart.save()
    const { total } = (await first(hasTotal)).quote
    cart.change(line, 3n)
    // As another tab does.
    const order = await cart.checkout()
    cart.restore(before)
    const changed = await cart.checkout({ total }).catch((error: ClientError) => error)
    expect(changed).toMatchObject({ code: 'PRICE_CHANGED', objectId: order })
    const { agreed, now } = (changed as ClientError).totals!
    expect([agreed.amount, now!.amount]).toEqual([130n, 330n])
    expect(cart.get()).toMatchObject({ count: 1n, ordering: undefined })
    cart.restore(before)
    await expect(cart.checkout()).rejects.toMatchObject({ code: 'INVALID', objectId: order })
    cart.restore(before)
    cart.change(line, 3n)
    cart.sendTo({ ...ADDRESS, City: 'Valley' })
    const all = (await first(({ quote }) => quote.total?.amount === 330n)).quote.total
    await expect(cart.checkout({ total: all })).rejects.toMatchObject({ code: 'INVALID', objectId: order })
    expect(cart.get()).toMatchObject({ count: 3n, ordering: undefined })
    // The next one is another order.
    cart.change(line, 1n)
    expect(await cart.checkout()).not.toBe(order)
    // The same lines are the same order.
    cart.restore(before)
    cart.change(line, 3n)
    expect(await cart.checkout({ total: all })).toBe(order)
    expect(cart.get().lines).toEqual([])
  })

  it('tells a second call, while the first one runs, where the order comes to another total than its own', async () => {
    const cart = shop.cart()
    const line = cart.add({ listing: 1n, quantity: 1n })
    cart.sendTo(ADDRESS)
    const { total: small } = (await first(hasTotal)).quote
    cart.change(line, 3n)
    const { total } = (await first(({ quote }) => quote.total?.amount === 330n)).quote
    const running = cart.checkout({ total })
    const calls = [cart.checkout({ total }), cart.checkout(), cart.checkout({ total: small }), cart.checkout(JUNK)]
    const [same, any, other, junk] = await Promise.allSettled(calls)
    const order = await running
    expect([same, any]).toMatchObject([{ value: order }, { value: order }])
    expect(other).toMatchObject({ reason: { code: 'PRICE_CHANGED', objectId: order, totals: { agreed: small } } })
    expect(junk).toMatchObject({ reason: { code: 'USAGE', path: 'total' } })
  })

  it('whose order was canceled meanwhile becomes another one, and is not emptied by it', async () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, quantity: 1n })
    const before = cart.save()
    const order = await cart.checkout()
    await shop.orders.cancel(order)
    for await (const { data } of shop.order(order)) if (data?.State === CANCELED) break
    // An answer that was lost: nobody but the order itself can tell.
    const { lines } = JSON.parse(before) as { readonly lines: readonly object[] }
    cart.restore(JSON.stringify({ lines, checkout: { order: String(order), lines, tried: true } }))
    expect(cart.get()).toMatchObject({ count: 1n, ordering: undefined })
    cart.restore(before)
    const again = await cart.checkout()
    expect(again).not.toBe(order)
    expect(cart.get()).toMatchObject({ count: 0n, ordering: undefined })
  })

  it('that is cleared while a checkout waits is another one, and is ordered apart', async () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, quantity: 1n })
    await first(({ quote }) => quote.subtotal?.amount === 100n)
    const before = cart.checkout()
    cart.clear()
    cart.add({ listing: 1n, quantity: 2n })
    const order = await before
    expect(cart.get().lines.map(({ quantity }) => quantity)).toEqual([2n])
    const [again, clicked] = await Promise.all([cart.checkout(), cart.checkout()])
    expect(clicked).toBe(again)
    expect(again).not.toBe(order)
    expect(cart.get().lines).toEqual([])
  })

  it('is kept as text, and brought back; another text is refused', () => {
    const cart = shop.cart()
    cart.add({ listing: 1n, variations: ['a'], quantity: 2n })
    cart.sendTo(ADDRESS)
    const text = cart.save()
    const { lines, address } = cart.get()
    cart.clear()
    cart.sendTo(undefined)
    cart.restore(text)
    expect(cart.get()).toMatchObject({ lines, address })
    for (const wrong of ['', '{}', 'null', '{"lines":[{"listing":"0","variations":[],"quantity":"1"}]}'])
      expect(() => cart.restore(wrong)).toThrow(expect.objectContaining({ code: 'USAGE', path: 'text' }))
    const line = (quantity: string) => ({ listing: '7', variations: [], quantity })
    const tooMany = JSON.stringify({ lines: [line('4294967295'), line('1')] })
    expect(() => cart.restore(tooMany)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    const odd = JSON.stringify({ lines: [line('1')], address: { City: 3000 } })
    expect(() => cart.restore(odd)).toThrow(expect.objectContaining({ code: 'USAGE', path: 'text' }))
    expect(() => cart.restore('null')).toThrow(/it is no saved cart\W/u)
    expect(cart.get()).toMatchObject({ lines, address })
  })
})

it('items and addresses of an Open order are changed, added and removed', async () => {
  const id = await shop.orders.create({ items: [{ listing: 1n, quantity: 1n }] })
  await shop.orders.setItems(id, [
    { listing: 2n, quantity: 1n },
    { listing: 1n, quantity: 4n },
  ])
  await shop.orders.setAddress(id, { shippingAddress: ADDRESS })
  for await (const { data } of shop.order(id)) if (data?.ShippingAddress !== undefined) break
  await shop.orders.setAddress(id, { shippingAddress: { ...ADDRESS, City: 'Valley' }, invoiceAddress: ADDRESS })
  for await (const { data } of shop.order(id)) {
    if (data?.InvoiceAddress === undefined) continue
    expect(data).toMatchObject({
      Items: [
        { ListingID: 2n, Quantity: 1n },
        { ListingID: 1n, Quantity: 4n },
      ],
      ShippingAddress: { City: 'Valley' },
    })
    break
  }
})

it('an order of a listing with options wants one variation of each, whoever makes it and however early', async () => {
  const variation = (name: string) => [name, map({ VariationInfo: map({ Title: name, Description: name }) })] as const
  const Variations = map(Object.fromEntries([variation('s'), variation('l')]))
  await owner.write([listing(3n, { Options: map({ size: map({ Title: 'Size', Variations }) }) })])
  const card = newSecret()
  await enrolCard(running.url, card, { guest: true })
  const client = await connect({ url: running.url, shop: SHOP, relay: running.address, key: card, only: 'watched' })
  const [none, two] = [
    { listing: 3n, quantity: 1n },
    { listing: 3n, quantity: 1n, variations: ['s', 'l'] },
  ]
  const { orders } = client
  const missing = { code: 'VARIATION_MISSING', objectId: 3n, message: 'Listing 3: choose “Size” first.' }
  await expect(orders.create({ items: [none] })).rejects.toMatchObject(missing)
  await expect(orders.place({ items: [two] })).rejects.toMatchObject({ code: 'VARIATION_TWICE', objectId: 3n })
  const id = await orders.create({ items: [{ ...none, variations: ['s'] }] })
  await expect(orders.add(id, none)).rejects.toMatchObject(missing)
  await expect(orders.setItems(id, [none])).rejects.toMatchObject(missing)
  client.close()
})

it('an order that nobody knows the outcome of is named, though its id was made by the call', async () => {
  const card = newSecret()
  await enrolCard(running.url, card, { guest: true })
  const proxy = await lyingProxy(running.url)
  const client = await connect({ url: proxy.url, shop: SHOP, relay: running.address, key: card })
  let isTaken = () => {}
  const taken = new Promise<void>((resolve) => (isTaken = resolve))
  proxy.lie((message, asked) => (asked?.kind === 'write' ? (isTaken(), undefined) : message))
  const made = client.orders.create({ items: [{ listing: 1n, quantity: 1n }] }).catch((error: ClientError) => error)
  await taken
  client.close()
  const error = (await made) as ClientError
  expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', objectId: expect.any(BigInt) as bigint })
  expect(error.message).toContain(`order ${error.objectId}: `)
  for await (const { data } of owner.orders()) if (data?.some(({ ID }) => ID === error.objectId)) break
  proxy.close()
})
