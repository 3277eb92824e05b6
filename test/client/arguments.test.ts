/** Arguments that are wrong: one USAGE error with path and remedy, and nothing is sent. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { enrol, makeKeyCard, relayDescription } from '../../src/client/enrol.js'
import { connect, type Change, type ConnectOptions, type ShopClient } from '../../src/client/shop-client.js'
import { encodedChanges } from '../../src/client/change-arguments.js'
import { CborEncoded, encode, type Cbor } from '../../src/codec/encode.js'
import { encodeChange } from '../../src/patches/patch.js'
import { enrolCard, newSecret, relay, SHOP } from '../fixtures/relay-harness.js'

let server: Server
let asked = 0
let url: string

beforeAll(async () => {
  server = createServer((_request, response) => {
    asked++
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => expect(asked).toBe(0))
afterAll(() => void server.close())

const RELAY = '11'.repeat(20)
const isUsage = (path: string, said: RegExp) => ({
  code: 'USAGE',
  path,
  retryable: false,
  remedy: expect.stringMatching(/\S/u) as string,
  message: expect.stringMatching(said) as string,
})

describe('connect', () => {
  it.each<[path: string, said: RegExp, options: object | undefined]>([
    ['options', /missing/u, undefined],
    ['options.url', /missing/u, { url: undefined }],
    ['options.url', /it is no text/u, { url: 4444 }],
    ['options.url', /no scheme.*http:\/\/127/su, { url: '127.0.0.1:4444' }],
    ['options.url', /no scheme\. Write it as 'http:\/\/localhost:4444'/u, { url: 'localhost:4444' }],
    ['options.url', /no scheme\. Write it as 'https:\/\/relay\.example\/a'/u, { url: 'relay.example/a' }],
    ['options.url', /no scheme\. Write it as 'http:\/\/192\.168\.0\.7:81'/u, { url: '//192.168.0.7:81' }],
    ['options.url', /no http\(s\) address/u, { url: 'ftp://127.0.0.1' }],
    ['options.url', /no address/u, { url: 'http://' }],
    ['options.url', /WebSocket.*http:\/\/127/su, { url: 'ws://127.0.0.1:4444' }],
    ['options.url', /WebSocket.*'https:\/\/relay\.example'/su, { url: 'wss://relay.example' }],
    ['options.url', /WebSocket.*'http:\/\/relay\.example'/su, { url: 'ws://relay.example' }],
    ['options.shop', /missing/u, { shop: undefined }],
    ['options.shop', /a number, not a bigint.*1n/su, { shop: 1 }],
    ['options.shop', /no shop id/u, { shop: -1n }],
    ['options.shop', /no shop id/u, { shop: 1n << 256n }],
    ['options.relay', /missing.*development/su, { relay: undefined }],
    ['options.relay', /"0x12" is no address/u, { relay: '0x12' }],
    ['options.relay', /has 19 bytes, not 20/u, { relay: new Uint8Array(19) }],
    ['options.key', /32 bytes/u, { key: new Uint8Array(31) }],
    ['options.key', /32 bytes/u, { key: new Uint8Array(32) }],
    ['options.handOvers', /Uint8Array/u, { handOvers: ['0x'] }],
    [
      'options.only',
      /\[1\]\.listing is the number 1, and ids are bigints: 1n/u,
      { only: [{ order: 'all' }, { listing: 1 }] },
    ],
    ['options.only', /\[0\] is a number/u, { only: [1] }],
    ['options.only', /listing/u, { only: [{ listings: 'all' }] }],
    ['options.only', /listing/u, { only: [{ listing: 1n, tag: 'x' }] }],
    ['options.only', /watched/u, { only: 'all' }],
    ['options.protocol', /5/u, { protocol: 4 }],
    ['options.verifiedAtSeconds', /above 0/u, { verifiedAtSeconds: 0 }],
    ['options.store', /replicaStore/u, { store: {} }],
    ['options.store', /watched/u, { only: 'watched', store: { load: () => undefined, save: () => undefined } }],
    ['options.currencies', /decimals/u, { currencies: [{ symbol: 'X' }] }],
    ['options.signal', /AbortController/u, { signal: new AbortController() }],
    ['options.onNotice', /function/u, { onNotice: 'log' }],
    ['options.relays', /no such option.*relay/su, { relays: [] }],
  ])('%s: %s', async (path, said, change) => {
    const options = change && { url, shop: 1n, relay: RELAY, ...change }
    await expect(connect(options as ConnectOptions)).rejects.toMatchObject(isUsage(path, said))
  })
})

describe('enrol', () => {
  const wallet = { address: `0x${RELAY}`, signMessage: () => Promise.reject(new Error('it was asked')) }
  const card = makeKeyCard().publicKey

  it.each<[path: string, said: RegExp, change: object]>([
    ['options.url', /no scheme/u, { url: 'relay.example' }],
    ['options.shop', /not a bigint/u, { shop: '1' }],
    ['options.card', /33 bytes/u, { card: makeKeyCard().secret }],
    ['options.wallet', /signMessage/u, { wallet: undefined }],
    ['options.wallet', /address/u, { wallet: { ...wallet, address: RELAY } }],
    ['options.url', /it is no text/u, { url: new URL('http://relay.example') }],
  ])('%s: %s', async (path, said, change) => {
    await expect(enrol({ url, shop: 1n, card, wallet, ...change })).rejects.toMatchObject(isUsage(path, said))
  })

  it('without any options', async () => {
    await expect(enrol(undefined as never)).rejects.toMatchObject(isUsage('options.url', /missing/u))
  })

  it('and relayDescription', async () => {
    await expect(relayDescription('//relay')).rejects.toMatchObject(isUsage('options.url', /scheme/u))
  })
})

describe('changes', () => {
  const ADDRESS = new Uint8Array(20)

  it.each<[path: string, said: RegExp, changes: unknown]>([
    ['changes', /there is none/u, []],
    ['changes', /there is none/u, undefined],
    ['changes', /no list.*Write \[/su, { op: 'add', path: ['Listings', 1n], value: new Map() }],
    ['changes[0].op', /missing.*replace/su, [{ path: ['Listings', 1n], value: null }]],
    ['changes[0].path', /no path.*Write a list/su, [{ op: 'add', value: null }]],
    ['changes[0]', /\{ op, path, value \}/u, ['add']],
    ['changes[0].op', /no op "put".*replace/su, [{ op: 'put', path: ['Listings', 1n], value: null }]],
    ['changes[0].path', /no path/u, [{ op: 'add', path: 'Listings', value: null }]],
    ['changes[0].path[0]', /no "Listing".*Listings/su, [{ op: 'add', path: ['Listing', 1n], value: null }]],
    ['changes[0].path[0]', /no "toString"/u, [{ op: 'add', path: ['toString', 1n], value: null }]],
    ['changes[0].path[1]', /1 is a number\. Write 1n/u, [{ op: 'add', path: ['Listings', 1], value: null }]],
    ['changes[0].path[1]', /id of a listing/u, [{ op: 'add', path: ['Listings', 'a'], value: null }]],
    ['changes[0].path[1]', /id of a listing/u, [{ op: 'add', path: ['Listings'], value: null }]],
    ['changes[0].path[1]', /20 bytes/u, [{ op: 'remove', path: ['Accounts', ADDRESS.subarray(1), 'KeyCards', 0n] }]],
    ['changes[0].path', /no such path/u, [{ op: 'replace', path: ['Listings', 1n, 'Prize'], value: 1n }]],
    ['changes[0].path', /does not take append/u, [{ op: 'append', path: ['Listings', 1n, 'Price'], value: 1n }]],
    ['changes[0].path', /no such path/u, [{ op: 'replace', path: ['Manifest', 'Payee'], value: 1n }]],
    ['changes[1].value', /2 is a number\. Write 2n/u, [remove(), { op: 'replace', path: price(), value: 2 }]],
    ['changes[0].value', /parseMoney/u, [{ op: 'replace', path: price(), value: 2.5 }]],
    ['changes[0].value', /missing/u, [{ op: 'replace', path: price() }]],
    ['changes[0].value', /takes none/u, [{ op: 'remove', path: ['Listings', 1n], value: 1n }]],
    ['changes[0].value', /new Map/u, [{ op: 'add', path: ['Listings', 1n], value: { ID: 1n } }]],
    [
      'changes[0].value.Price',
      /7 is a number/u,
      [{ op: 'add', path: ['Listings', 1n], value: new Map([['Price', 7]]) }],
    ],
    ['changes[0].value[0]', /1 is a number/u, [{ op: 'replace', path: ['Tags', 'a', 'ListingIDs'], value: [1] }]],
    ['changes[0].value', /it must be an integer.*parseMoney/su, [{ op: 'replace', path: price(), value: '12.99' }]],
    ['changes[1].value', /it must be 0 … 2\^256−1.*bigint/su, [remove(), { op: 'replace', path: price(), value: -1n }]],
    ['changes[0].value', /must be an integer/u, [{ op: 'replace', path: price(), value: null }]],
    ['changes[0].value', /must be a map/u, [{ op: 'add', path: ['Listings', 1n], value: 'Summit stone' }]],
    [
      'changes[0].value.Price',
      /must be an integer/u,
      [{ op: 'add', path: ['Listings', 1n], value: listed({ Price: '1' }) }],
    ],
    [
      'changes[0].value.Metadata.Title',
      /is missing.*§3/su,
      [{ op: 'add', path: ['Listings', 1n], value: listed({ Metadata: new Map() }) }],
    ],
    ['changes[0].value', /one of 0, 1, 2/u, [{ op: 'replace', path: ['Listings', 1n, 'ViewState'], value: 3n }]],
    ['changes[0].value', /must be 0/u, [{ op: 'replace', path: ['Inventory', 1n], value: -1n }]],
    ['changes[0].value', /unsigned integer/u, [{ op: 'increment', path: ['Inventory', 1n], value: -1n }]],
    ['changes[0].value.ShopID', /is missing/u, [{ op: 'replace', path: ['Manifest'], value: new Map() }]],
    [
      'changes[0].value',
      /must be a text/u,
      [{ op: 'append', path: ['Listings', 1n, 'Metadata', 'Images'], value: 1n }],
    ],
    ['changes[0]', /beyond|range|2\^/u, [{ op: 'replace', path: ['Listings', 1n, 'Metadata'], value: 1n << 256n }]],
  ])('%s: %s', (path, said, changes) => {
    expect(() => encodedChanges(changes as readonly Change[])).toThrow(expect.objectContaining(isUsage(path, said)))
  })

  it.each<Change>([
    { op: 'replace', path: ['Manifest', 'PricingCurrency'], value: at({ ChainID: 1n, Address: ADDRESS }) },
    { op: 'remove', path: ['Accounts', ADDRESS, 'KeyCards', 0n] },
    { op: 'increment', path: ['Inventory', 1n, 'red'], value: 1n },
    { op: 'replace', path: ['Listings', 1n, 'Metadata', 'Title'], value: 'x' },
    { op: 'append', path: ['Orders', 1n, 'Items'], value: at({ ListingID: 1n, Quantity: 1n }) },
    { op: 'add', path: ['Listings', 1n], value: listed({}) },
    { op: 'replace', path: ['Listings', 1n], value: new CborEncoded(encode(listed({}))) },
    { op: 'decrement', path: ['Inventory', 1n], value: 5n },
    { op: 'add', path: ['Inventory', 1n, 'red'], value: 0n },
    { op: 'replace', path: ['Listings', 1n, 'Options', 'size', 'Title'], value: 'Size' },
    { op: 'increment', path: ['Orders', 1n, 'Items', 0n, 'Quantity'], value: 1n },
    { op: 'append', path: ['Tags', 'red', 'ListingIDs'], value: 1n },
    { op: 'replace', path: ['Orders', 1n, 'State'], value: 3n },
    { op: 'remove', path: ['Tags', 'red'] },
  ])('that may be right are sent: $op $path', (change) => {
    expect(encodedChanges([change])).toEqual([encodeChange(change)])
  })

  function at(fields: Readonly<Record<string, Cbor>>): Cbor {
    return new Map(Object.entries(fields))
  }

  function listed(fields: Readonly<Record<string, Cbor>>): Cbor {
    return at({ ID: 1n, Price: 1n, Metadata: at({ Title: 'x', Description: 'y' }), ...fields })
  }

  function price(): [string, bigint, string] {
    return ['Listings', 1n, 'Price']
  }

  function remove(): Change {
    return { op: 'remove', path: ['Listings', 1n] }
  }
})

it('what a client is asked for is checked, and nothing of it is written', async () => {
  const running = await relay()
  const key = newSecret()
  await enrolCard(running.url, key)
  const client: ShopClient = await connect({ url: running.url, shop: SHOP, relay: running.address, key })
  const PLACE = { ChainID: 1n, Address: new Uint8Array(20) }
  const choice = (wrong: object) => ({ payee: { ...PLACE, ...wrong }, currency: PLACE })
  const wrong: readonly [path: string, said: RegExp, act: () => unknown][] = [
    ['id', /bigint/u, () => client.listing(1 as never)],
    ['id', /bigint/u, () => client.order(0n)],
    ['name', /text/u, () => client.tag('')],
    ['listing', /bigint/u, () => client.stock(1 as never)],
    ['query.order', /orderBy/u, () => client.listings({ order: 'price' } as never)],
    ['query', /object/u, () => client.listings(null as never)],
    ['amount', /1299n/u, () => client.money(1 as never, { ChainID: 1n, Address: new Uint8Array(20) })],
    ['query.limit', /above 0/u, () => client.listings({ limit: 0 })],
    ['item.listing', /a number/u, () => client.cart().add({ listing: 1 as never, quantity: 1n })],
    ['item.listing', /it is missing/u, () => client.cart().add(undefined as never)],
    ['item.quantity', /it is 0/u, () => client.cart().add({ listing: 1n, quantity: 0n })],
    [
      'items[0].variations',
      /twice/u,
      () => client.orders.create({ items: [{ listing: 1n, quantity: 1n, variations: ['a', 'a'] }] }),
    ],
    [
      'ShippingAddress.EmailAddress',
      /e-mail address/u,
      () => client.orders.create({ shippingAddress: { ...ADDRESS, EmailAddress: '' } }),
    ],
    [
      'ShippingAddress.Strasse',
      /no such field/u,
      () => client.orders.create({ shippingAddress: { Strasse: '' } as never }),
    ],
    // Of a number as large as ids are, what it says is another one.
    ['id', /bigint/u, () => client.orders.commit(Number(2n ** 60n) as never)],
    ['id', /bigint/u, () => client.orders.cancel('7' as never)],
    ['addresses', /shippingAddress/u, () => client.orders.setAddress(7n, { Name: 'A' } as never)],
    ['choice.payee.ChainID', /missing/u, () => client.orders.choosePayment(7n, undefined as never)],
    ['choice.payee.ChainID', /a number/u, () => client.orders.choosePayment(7n, choice({ ChainID: 1 }))],
    [
      'choice.payee.Address',
      /a string.*20 bytes/su,
      () => client.orders.choosePayment(7n, choice({ Address: '0x00' })),
    ],
    ['address', /a string, no address/u, () => client.cart().sendTo('Hut 1, Summit' as never)],
    ['address', /null/u, () => client.cart().sendTo(null as never)],
    ['address.Zip', /no such field.*PostalCode/su, () => client.cart().sendTo({ Zip: '10000' } as never)],
    ['address.PostalCode', /a number/u, () => client.cart().sendTo({ ...ADDRESS, PostalCode: 10_000 } as never)],
    ['cart', /no lines/u, () => client.cart().checkout()],
  ]
  for (const [path, said, act] of wrong)
    await expect((async () => act())(), path).rejects.toMatchObject(isUsage(path, said))
  await client.write([{ op: 'add', path: ['Tags', 'a'], value: new Map([['Name', 'a']]) }])
  const missing = [
    { op: 'replace', path: ['Tags', 'a', 'Name'], value: 'a' },
    { op: 'replace', path: ['Listings', 9n, 'Price'], value: 1n },
  ] as const
  const told = { code: 'NOT_FOUND', message: 'changes[1]: Listings.9 is not there', objectId: 9n }
  await expect(client.write(missing)).rejects.toMatchObject(told)
  expect(client.orderList().get().data).toEqual([])
  client.close()
  await expect(client.write([{ op: 'remove', path: ['Tags', 'a'] }])).rejects.toMatchObject({ code: 'CLOSED' })
  await running.stop()
})

const ADDRESS = { Name: 'A', Address1: 'B', City: 'C', PostalCode: 'D', Country: 'E' }
