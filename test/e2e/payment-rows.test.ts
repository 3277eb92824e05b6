/** Rows of payments in sessions (docs/protocol, "Payment rows"): who gets them, page by page, and what is pushed. */

import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { toBigEndian } from '../../src/bytes/bytes.js'
import {
  connect,
  type ClientError,
  type Live,
  type OrderPayments,
  type ShopClient,
} from '../../src/client/shop-client.js'
import { PAYMENT_ROWS_PER_PAGE_MAX, PUSHES_UNANSWERED_MAX } from '../../src/limits.js'
import { orderBook } from '../../src/relay/payments/order-book.js'
import { Keeper } from '../../src/relay/shops/keeper.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { readPaymentPage, type PaymentPage, type PaymentRow } from '../../src/wire/payment-page.js'
import { PaidShop } from '../fixtures/paid-shop.js'
import { order, SHOP, type Refused, Wire } from '../fixtures/relay-harness.js'

const NOTHING = new Uint8Array(0)
const shopId = toBigEndian(SHOP, 32)
const question = (after = 0n, live = false) => ({ kind: 'payments', shopId, after, live, page: NOTHING }) as const

let shop: PaidShop
let clerk: Wire
let nextOrder = 1_000n
const orderId = () => nextOrder++

beforeAll(async () => {
  shop = await PaidShop.open()
  await shop.write({ op: 'replace', path: ['Inventory', 1n], value: 10_000n })
  await shop.owner.close()
  clerk = await Wire.as(shop.relay.url, shop.ownerCard, { version: 5 })
  shop.owner = clerk
})
afterAll(() => shop.close())
afterEach(() => expect(shop.relay.bugs).toEqual([]))

async function page(wire: Wire, after = 0n, live = false): Promise<PaymentPage> {
  return readPaymentPage(await wire.done(question(after, live)))
}

async function allRows(wire: Wire): Promise<PaymentRow[]> {
  const rows: PaymentRow[] = []
  for (let after: bigint | undefined = 0n; after !== undefined;) {
    const { Rows, After } = await page(wire, after)
    rows.push(...Rows)
    after = After
  }
  return rows
}

const sorted = (ids: readonly bigint[]) => ids.toSorted((a, b) => Number(a - b))
const sortedIds = (rows: readonly { readonly Order: bigint }[]) => sorted(rows.map((row) => row.Order))

describe('rows of payments', () => {
  it('reach staff alone: visitors and guests are refused, of version 4 there is no such message', async () => {
    const guest = await shop.guest()
    const visitor = await Wire.open(shop.relay.url, { version: 5 })
    await guest.wire.close()
    const guest5 = await Wire.as(shop.relay.url, guest.card, { version: 5 })
    for (const [wire, who] of [
      [visitor, 'visitor'],
      [guest5, 'guest'],
    ] as const) {
      const refused = { code: ErrorCode.INVALID, message: `payments cannot be read by a ${who}` }
      expect(await wire.ask(question())).toMatchObject(refused)
      expect(await wire.ask(question(0n, true))).toMatchObject(refused)
    }
    const unknown = await clerk.ask({ ...question(), shopId: toBigEndian(SHOP + 1n, 32) })
    expect((unknown as Refused).code).toBe(ErrorCode.NOT_FOUND)
    expect(((await clerk.ask({ ...question(), shopId: NOTHING })) as Refused).code).toBe(ErrorCode.INVALID)
    // To version 4 it is an envelope without a message.
    const old = await Wire.open(shop.relay.url)
    const closed = old.ask(question())
    await expect(closed).rejects.toThrow('closed')
    expect(old.closed?.code).toBe(1002)
    await Promise.all([visitor.close(), guest5.close()])
  })

  it('come page by page, each order once, also what is added meanwhile behind the place', async () => {
    const guest = await shop.guest()
    const count = PAYMENT_ROWS_PER_PAGE_MAX + 20
    const ids = Array.from({ length: count }, orderId)
    for (let i = 0; i < count; i += 50) await shop.write(...ids.slice(i, i + 50).map((id) => order(id, 1n, 1n)))
    const first = await page(clerk)
    expect(first.Rows).toHaveLength(PAYMENT_ROWS_PER_PAGE_MAX)
    expect(first.After).toBe(first.Rows.at(-1)!.Order)
    const rest = await page(clerk, first.After)
    expect(rest.After).toBeUndefined()
    const rows = [...first.Rows, ...rest.Rows]
    expect(sortedIds(rows)).toEqual(sorted(ids))
    expect(new Set(rows.map((row) => row.Number)).size).toBe(count)
    // Of an order that is gone, and of which nothing came, there is none.
    await shop.write({ op: 'remove', path: ['Orders', ids[0]!] })
    expect(sortedIds(await allRows(clerk))).toEqual(sorted(ids.slice(1)))
    await guest.wire.close()
  })

  it('are what cairn orders shows of the same data', async () => {
    const guest = await shop.guest()
    const id = orderId()
    const request = await guest.checkout(id, 2n)
    await shop.payByAddress(request, request.amount - 1n)
    const rows = await until(async () => {
      const all = await allRows(clerk)
      return all.some((row) => row.Order === id && row.Oddities.length > 0) ? all : undefined
    })
    const keeper = new Keeper(shop.store, { nodeCacheNodes: 100 })
    const { current } = await keeper.load(SHOP)
    const lines = orderBook(current.state, shop.store.paymentRows(SHOP))
    expect(rows.length).toBe(lines.length)
    const [line] = lines.filter((one) => one.id === id)
    expect(rows.find((row) => row.Order === id)).toMatchObject({
      Number: line!.number,
      State: 'Unpaid',
      Due: { Amount: 200n },
      Paid: { Amount: 199n },
      PayableUntil: line!.payableUntil,
      Oddities: [{ Kind: 'partial', Amount: { Amount: 199n }, Missing: { Amount: 1n }, Text: line!.oddities[0]!.text }],
    })
    await guest.wire.close()
  })

  it('of orders that change are pushed to who asked for them, until he refuses one or asks without', async () => {
    const guest = await shop.guest()
    await page(clerk, 0n, true)
    const id = orderId()
    const before = clerk.payments.length
    const request = await guest.checkout(id)
    const pushed = () => clerk.payments.slice(before).flatMap((bytes) => readPaymentPage(bytes).Rows)
    await clerk.until(() => pushed().some((row) => row.Order === id && row.Due?.Amount === 100n))
    // Rows that no set belongs to.
    await shop.payByAddress(request, 40n)
    await clerk.until(() => pushed().some((row) => row.Order === id && row.Oddities[0]?.Kind === 'partial'))
    await shop.payByAddress(request, 60n)
    await clerk.until(() => pushed().some((row) => row.Order === id && row.State === 'Paid'))
    await page(clerk, 0n, false)
    const after = clerk.payments.length
    await shop.write(order(orderId(), 1n, 1n))
    // A page that is asked for later comes after whatever would have been pushed.
    await page(clerk)
    expect(clerk.payments.length).toBe(after)
    await guest.wire.close()
  })

  it('wait for a client that does not answer, and then come all', async () => {
    await page(clerk, 0n, true)
    const before = clerk.payments.length
    clerk.answering = false
    const ids: bigint[] = []
    for (let i = 0; i < PUSHES_UNANSWERED_MAX + 4; i++) {
      const id = orderId()
      ids.push(id)
      await shop.write(order(id, 1n, 1n))
      await page(clerk, 0n, true)
    }
    await clerk.until(() => clerk.payments.length - before === PUSHES_UNANSWERED_MAX)
    for (const requestId of clerk.requestsOf('payments').slice(-PUSHES_UNANSWERED_MAX))
      clerk.send({ requestId, message: { kind: 'response', payload: NOTHING } })
    clerk.answering = true
    const pushed = () => clerk.payments.slice(before).flatMap((bytes) => readPaymentPage(bytes).Rows)
    await clerk.until(() => ids.every((id) => pushed().some((row) => row.Order === id)))
    await page(clerk, 0n, false)
  })
})

describe('payments of a client', () => {
  let way: Way
  let client: ShopClient
  let payments: Live<readonly OrderPayments[]>

  const rowOf = (id: bigint) => payments.get().data?.find((row) => row.order === id)

  it('are a live list for staff, by the orders’ numbers, with money', async () => {
    await clerk.close()
    way = await Way.to(shop.relay.port)
    client = await connect({ url: way.url, shop: SHOP, relay: 'development', key: shop.ownerCard, only: [] })
    payments = client.payments()
    expect(payments.get().status).toBe('loading')
    await seen(payments, ({ status }) => status === 'ready')
    const { data, complete, verified } = payments.get()
    expect([complete, verified]).toEqual([false, undefined])
    const numbers = data!.map(({ number }) => number)
    expect(numbers).toEqual(numbers.toSorted((a, b) => Number(a - b)))
    expect(numbers.length).toBeGreaterThan(PAYMENT_ROWS_PER_PAGE_MAX)
    expect(payments.get().data).toBe(data)
    expect(client.payments()).toBe(payments)
  })

  it('change while they are looked at, and are whole again after the connection was lost', async () => {
    const guest = await shop.guest()
    const id = orderId()
    const request = await guest.checkout(id)
    await seen(payments, () => rowOf(id)?.due?.amount === 100n)
    await shop.payByAddress(request, 10n)
    await seen(payments, () => rowOf(id)?.oddities[0]?.kind === 'partial')
    expect(rowOf(id)!.oddities[0]).toMatchObject({ money: { amount: 10n, decimals: 18 }, missing: { amount: 90n } })
    way.cut()
    await seen(payments, ({ stale }) => stale)
    expect(rowOf(id)).toBeDefined()
    await shop.payByAddress(request, 90n)
    await shop.orderWhere(id, ({ State }) => State === 6n)
    expect(rowOf(id)!.state).toBe('Unpaid')
    way.mend()
    await seen(payments, ({ stale }) => !stale && rowOf(id)?.state === 'Paid')
    expect(rowOf(id)!.oddities).toEqual([])
    client.close()
    way.close()
    await guest.wire.close()
  })

  it('tell a guest and a visitor why there are none', async () => {
    const guest = await shop.guest()
    await guest.wire.close()
    for (const key of [guest.card, undefined]) {
      const other = await connect({ url: shop.relay.url, shop: SHOP, relay: 'development', key, only: [] })
      const none = other.payments()
      await seen(none, ({ status }) => status === 'failed')
      expect(none.get().data).toEqual([])
      expect((none.get().error as ClientError).code).toBe('INVALID')
      other.close()
    }
  })
})

/** Stands between a client and its relay, and can be cut. */
class Way {
  private readonly sockets = new Set<Socket>()
  private isCut = false
  private readonly server: Server

  private constructor(port: number) {
    this.server = createServer((socket) => {
      if (this.isCut) return socket.destroy()
      const other = createConnection(port, '127.0.0.1')
      for (const one of [socket, other]) this.sockets.add(one.on('error', () => one.destroy()))
      socket.pipe(other).pipe(socket)
      return undefined
    })
  }

  static async to(port: number): Promise<Way> {
    const way = new Way(port)
    await new Promise<void>((resolve) => way.server.listen(0, '127.0.0.1', resolve))
    return way
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.destroy()
  }

  mend(): void {
    this.isCut = false
  }

  close(): void {
    this.cut()
    this.server.close()
  }
}

/** Resolves once the state satisfies `condition`. */
async function seen<T>(live: Live<T>, condition: (state: ReturnType<Live<T>['get']>) => boolean): Promise<void> {
  for await (const state of live) if (condition(state)) return
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
