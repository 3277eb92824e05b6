/** A client whose relay is away: what it writes waits, is shown as pending and sent once; what was kept is shown. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readOutbox } from '../../src/client/kept-outbox.js'
import { storeAt } from '../../src/client/kept-place.node.js'
import {
  CANCELED,
  COMMITTED,
  connect,
  type Live,
  type LiveState,
  type ShopClient,
} from '../../src/client/shop-client.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

const home = mkdtempSync(join(tmpdir(), 'cairn-offline-'))
const [guestKey, ownerKey] = [newSecret(), newSecret()]
let running: TestRelay
let proxy: LyingProxy
let owner: ShopClient
let isAway = false
let number = 0
let place: string
let notices: string[]
let clients: ShopClient[]

beforeAll(async () => {
  running = await relay()
  proxy = await lyingProxy(() => (isAway ? 'http://127.0.0.1:9' : running.url))
  await enrolCard(running.url, ownerKey)
  await enrolCard(running.url, guestKey, { guest: true })
  owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key: ownerKey })
  await owner.write([listing(1n), listing(2n)])
  await owner.write([stock(1n, 3n)])
})
afterAll(async () => {
  owner.close()
  proxy.close()
  await running.stop()
  rmSync(home, { recursive: true })
  expect(running.bugs).toEqual([])
})
beforeEach(() => {
  isAway = false
  place = join(home, `place-${number++}`)
  notices = []
  clients = []
})
afterEach(async () => {
  for (const client of clients) client.close()
  // A card has one session: that of the last test has to be over.
  await new Promise((resolve) => setTimeout(resolve, 50))
})

function away(): void {
  isAway = true
  proxy.cut()
}

/** A guest, as his page has it after a reload too. */
async function open(more: Partial<Parameters<typeof connect>[0]> = {}): Promise<ShopClient> {
  const client = await connect({
    url: proxy.url,
    shop: SHOP,
    relay: running.address,
    key: guestKey,
    store: storeAt(`${place}.replica`),
    outbox: storeAt(`${place}.outbox`),
    optimistic: true,
    offline: true,
    onNotice: (text) => void notices.push(text),
    ...more,
  })
  clients.push(client)
  return client
}

async function first<T, S extends LiveState<T>>(live: Live<T, S>, isIt: (state: S) => boolean): Promise<S> {
  for await (const now of live) if (isIt(now)) return now
  throw new Error('it ended')
}

async function until(isIt: () => boolean): Promise<void> {
  while (!isIt()) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Of a file, as it is now; 0 while there is none. */
function sizeOf(file: string): number {
  return existsSync(file) ? readFileSync(file).length : 0
}

const connected = (client: ShopClient) => until(() => client.state === 'connected')
const order = (id: bigint, quantity: bigint) => ({ id, items: [{ listing: 1n, quantity }] })

describe('a write without a connection', () => {
  it('waits, is shown as pending, and is sent when the relay is back', async () => {
    const client = await open()
    await connected(client)
    away()
    const written = client.orders.create(order(11n, 1n))
    const shown = client.order(11n)
    expect(shown.get()).toMatchObject({ pending: true, complete: false, verified: undefined, data: { ID: 11n } })
    expect(client.orders.all().get()).toMatchObject({ pending: true, data: [{ ID: 11n }] })
    expect(client.outbox().get().pending).toMatchObject([{ changes: [{ op: 'add', path: ['Orders', 11n] }] }])
    isAway = false
    expect(await written).toBe(11n)
    expect(await first(shown, ({ complete }) => complete)).toMatchObject({ pending: false, data: { ID: 11n } })
    expect(client.outbox().get()).toEqual({ pending: [], refused: [], isHere: true, isCartKept: true })
  })

  it('waits for a reason that the client tells until there is a connection', async () => {
    const client = await open()
    await connected(client)
    expect(client.problem).toBeUndefined()
    away()
    await until(() => client.state === 'disconnected')
    expect(client.problem).toMatchObject({ code: 'DISCONNECTED' })
    isAway = false
    await connected(client)
    expect(client.problem).toBeUndefined()
  })

  it('of a card that another device has is told as that', async () => {
    const client = await open()
    await connected(client)
    const other = await open({ outbox: undefined, optimistic: undefined, store: undefined })
    await until(() => other.problem !== undefined)
    expect(other.problem).toMatchObject({ code: 'ALREADY_CONNECTED' })
    client.close()
    await connected(other)
    expect(other.problem).toBeUndefined()
  })

  it('survives a reload, and is taken once, in order', async () => {
    const client = await open()
    await connected(client)
    away()
    const ids = [21n, 22n, 23n]
    const lost = ids.map((id) => client.orders.create(order(id, 1n)).catch((error: { code: string }) => error.code))
    client.close()
    expect(await Promise.all(lost)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
    await until(() => existsSync(`${place}.outbox`) && readOutbox(readFileSync(`${place}.outbox`)).writes.length === 3)
    const again = await open()
    expect(
      again
        .outbox()
        .get()
        .pending.map(({ changes }) => changes[0]!.path[1]),
    ).toEqual(ids)
    isAway = false
    await until(() => again.outbox().get().pending.length === 0)
    const { data } = await first(again.orders.all(), ({ complete, data }) => complete && (data?.length ?? 0) > 3)
    expect(data!.filter(({ ID }) => ids.includes(ID))).toHaveLength(3)
    expect(again.outbox().get().refused).toEqual([])
  })

  it('that is refused then leaves the view, with the reason', async () => {
    const client = await open()
    await connected(client)
    away()
    const tooMany = client.orders.place(order(31n, 4n)).catch((error: { code: string }) => error.code)
    const after = client.orders.create(order(32n, 1n))
    expect(client.order(31n).get().data).toMatchObject({ ID: 31n, State: COMMITTED })
    isAway = false
    expect([await tooMany, await after]).toEqual(['OUT_OF_STOCK', 32n])
    expect(client.order(31n).get().data).toBeUndefined()
    const [refused] = client.outbox().get().refused
    expect(refused).toMatchObject({ code: 'OUT_OF_STOCK', changes: [{ path: ['Orders', 31n] }, {}] })
    client.outbox().dismiss(refused!.id)
    expect(client.outbox().get().refused).toEqual([])
  })

  it('is answered once although its answer was lost', async () => {
    const client = await open()
    await connected(client)
    proxy.lie((message, asked) => {
      if (asked?.kind !== 'write') return message
      proxy.lie((one) => one)
      proxy.cut()
      return undefined
    })
    expect(await client.orders.create(order(41n, 1n))).toBe(41n)
    await client.orders.cancel(41n)
    const canceled = await first(client.order(41n), ({ complete, data }) => complete && data?.State === CANCELED)
    expect(canceled.data!.Items).toHaveLength(1)
  })

  it('is not shown where nobody asked for it', async () => {
    const client = await open({ optimistic: undefined })
    await connected(client)
    away()
    void client.orders.create(order(51n, 1n)).catch(() => undefined)
    expect(client.order(51n).get()).toMatchObject({ data: undefined })
    expect(client.order(51n).get()).not.toHaveProperty('pending')
    expect(client.outbox().get().pending).toHaveLength(1)
  })
})

describe('a cart that is checked out without a connection', () => {
  /** Closed before the relay heard of it; the order's id. */
  async function checkedOut(quantity: bigint): Promise<bigint> {
    const client = await open()
    await connected(client)
    client.cart().clear()
    client.cart().add({ listing: 1n, quantity })
    await until(() => client.cart().get().status === 'ready')
    away()
    const order = client.cart().checkout()
    const id = client.cart().get().ordering!
    client.close()
    await expect(order).rejects.toMatchObject({ code: 'CLOSED' })
    await until(() => existsSync(`${place}.outbox`) && readOutbox(readFileSync(`${place}.outbox`)).writes.length === 1)
    return id
  }

  const lines = (client: ShopClient) =>
    client
      .cart()
      .get()
      .lines.map(({ quantity }) => quantity)

  it('is one order after a reload too: another checkout is refused, and its answer empties the cart', async () => {
    const id = await checkedOut(1n)
    const client = await open()
    expect([lines(client), client.cart().get().ordering]).toEqual([[1n], id])
    await expect(client.cart().checkout()).rejects.toMatchObject({ code: 'CHECKOUT_PENDING', objectId: id })
    client.cart().add({ listing: 1n, quantity: 1n })
    isAway = false
    await until(() => client.cart().get().ordering === undefined)
    expect(lines(client)).toEqual([1n])
    const { data } = await first(
      client.orders.all(),
      ({ complete, data }) => complete && data!.some(({ ID }) => ID === id),
    )
    expect(data!.filter(({ State }) => State === COMMITTED).map(({ ID }) => ID)).toEqual([id])
    await until(() => readOutbox(readFileSync(`${place}.outbox`)).cart.includes('"quantity":"1"'))
    client.close()
    away()
    const again = await open()
    expect([lines(again), again.cart().get().ordering]).toEqual([[1n], undefined])
    isAway = false
    await again.orders.cancel(id)
  })

  it('and refused keeps its lines, free for another checkout', async () => {
    const id = await checkedOut(4n)
    isAway = false
    const client = await open()
    await until(() => client.outbox().get().refused.length === 1)
    expect([lines(client), client.cart().get().ordering]).toEqual([[4n], undefined])
    client.cart().change(client.cart().get().lines[0]!.key, 1n)
    const order = await client.cart().checkout()
    expect(order).toBe(id)
    expect(lines(client)).toEqual([])
    await client.orders.cancel(order)
  })

  it('and aborted before it is sent is a cart as before', async () => {
    const client = await open()
    await connected(client)
    away()
    await until(() => client.state === 'disconnected')
    client.cart().add({ listing: 1n, quantity: 1n })
    const stop = new AbortController()
    const order = client.cart().checkout({ signal: stop.signal })
    stop.abort()
    await expect(order).rejects.toMatchObject({ code: 'ABORTED' })
    expect([lines(client), client.cart().get().ordering]).toEqual([[1n], undefined])
  })

  it('cannot be written to once its client is closed', async () => {
    const client = await open()
    client.close()
    await expect(client.orders.create(order(91n, 1n))).rejects.toMatchObject({ code: 'CLOSED' })
    expect(client.outbox().get().pending).toEqual([])
  })
})

describe('what was kept', () => {
  async function kept(): Promise<void> {
    const client = await open()
    await first(client.listings(), ({ complete, data }) => complete && data?.length === 2)
    await first(client.orders.all(), ({ complete }) => complete)
    client.cart().add({ listing: 1n, quantity: 2n })
    client.close()
    await until(() => sizeOf(`${place}.replica`) > 0)
    await until(() => sizeOf(`${place}.outbox`) > 0 && readFileSync(`${place}.outbox`, 'latin1').includes('quantity'))
  }

  it('is shown at once as loading, and proven by and by without a relay; the cart is there', async () => {
    await kept()
    away()
    const client = await open()
    const now = client.listings().get()
    expect(now).toMatchObject({ status: 'loading', complete: false, verified: undefined })
    expect(now.data!.map(({ ID }) => ID)).toEqual([1n, 2n])
    const { lines, quote, status } = client.cart().get()
    expect(lines).toMatchObject([{ listing: 1n, quantity: 2n, title: 'Listing 1', sum: { amount: 200n } }])
    expect([status, quote.subtotal!.amount]).toEqual(['loading', 200n])
    const proven = await first(client.listings(), ({ complete }) => complete)
    expect(proven.verified!.root).toHaveLength(32)
    isAway = false
    await connected(client)
    expect(await first(client.listings(), ({ status }) => status === 'ready')).toMatchObject({ complete: true })
    await until(() => client.cart().get().status === 'ready')
  })

  it('grows stale where no relay comes back', async () => {
    await kept()
    away()
    const client = await open({ verifiedAtSeconds: 5 })
    await first(client.listings(), ({ complete }) => complete)
    await until(() => client.listings().get().stale)
  })

  it('and changed on the disk is shown no more once that is noticed', async () => {
    await kept()
    away()
    const bytes = readFileSync(`${place}.replica`)
    const at = bytes.indexOf('Listing 1') + 8
    writeFileSync(`${place}.replica`, bytes.fill(0x37, at, at + 1))
    const client = await open()
    await until(() => notices.some((text) => text.startsWith('what was kept is not used')))
    expect(client.listings().get().data ?? []).toEqual([])
    isAway = false
    const { data } = await first(client.listings(), ({ complete }) => complete)
    expect(data![0]!.Metadata.Title).toBe('Listing 1')
  })
})

it('a relay that is away cannot be asked for its address offline', async () => {
  away()
  const asked = connect({ url: proxy.url, shop: SHOP, relay: 'development', offline: true })
  await expect(asked).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringMatching(/'development' asks it for its address, offline too/u),
    remedy: expect.stringMatching(/Give the relay's address/u),
  })
})

it('options that do not go together are named', async () => {
  const asked = { url: proxy.url, shop: SHOP, relay: running.address }
  const outbox = storeAt(place)
  await expect(connect({ ...asked, outbox })).rejects.toMatchObject({ code: 'USAGE', path: 'options.outbox' })
  const alone = connect({ ...asked, key: guestKey, optimistic: true })
  await expect(alone).rejects.toMatchObject({ code: 'USAGE', path: 'options.optimistic' })
})
