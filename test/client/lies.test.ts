/** A relay that lies, in every way of test/fixtures/lies.ts: the client finds each out, and says what it is. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Live, type LiveState, type ShopClient } from '../../src/client/shop-client.js'
import { LIES, type Deceived, type LieRow } from '../fixtures/lies.js'
import { lyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, order, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

const BIG = 30_000
let running: TestRelay
let owner: ShopClient
let guestKey: Uint8Array

beforeAll(async () => {
  running = await relay()
  const key = newSecret()
  guestKey = newSecret()
  await enrolCard(running.url, key)
  await enrolCard(running.url, guestKey, { guest: true })
  owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key })
  await owner.write([listing(1n), listing(2n), listing(3n)])
  await owner.write([stock(1n, 100n), stock(2n, 5n)])
  const tag = new Map(Object.entries({ Name: 'red', ListingIDs: [1n] }))
  await owner.write([{ op: 'add', path: ['Tags', 'red'], value: tag }])
  const guest = await connect({ url: running.url, shop: SHOP, relay: running.address, key: guestKey })
  await guest.write([order(7n, 1n, 2n)])
  await guest.write([order(8n, 1n, 2n)])
  guest.close()
})
afterAll(async () => {
  owner.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** Each staff client needs a card of its own: one card, one session. */
async function options(to: Deceived): Promise<Partial<Parameters<typeof connect>[0]>> {
  if (to === 'visitor') return {}
  if (to === 'part') return { only: [{ listing: 1n }, { listing: 99n }] }
  if (to === 'guest') return { key: guestKey }
  const key = newSecret()
  await enrolCard(running.url, key)
  return { key }
}

const shown = (client: ShopClient, to: Deceived): Live<unknown> =>
  to === 'guest' ? client.orders.all() : client.listing(1n)

async function first(live: Live<unknown>, isIt: (state: LiveState<unknown>) => boolean): Promise<LiveState<unknown>> {
  for await (const now of live) if (isIt(now)) return now
  throw new Error('it ended')
}

/** What the client ends with. */
async function told({ to, when, lie, writes }: LieRow): Promise<Error> {
  const proxy = await lyingProxy(running.url, when === 'connect' ? lie() : undefined)
  const client = await connect({
    url: proxy.url,
    shop: SHOP,
    relay: running.address,
    verifiedAtSeconds: 4,
    ...(await options(to)),
  })
  try {
    const live = shown(client, to)
    if (when === 'later') await first(live, ({ complete, status }) => complete || status === 'failed')
    if (when === 'later') proxy.lie(lie())
    if (writes === true) {
      const written = client.write([price(2n)])
      return await written
        .then((answer) => answer.proven())
        .then(
          () => new Error('it was believed'),
          (error: Error) => error,
        )
    }
    const going = setInterval(() => void owner.write([price(1n), price(2n)]).catch(() => undefined), 700)
    const ended = await first(live, (now) => now.status === 'failed' || (when === 'connect' && now.complete))
    clearInterval(going)
    return ended.error ?? new Error('it was believed')
  } finally {
    client.close()
    proxy.close()
  }
}

let last = 1_000n
const price = (id: bigint) => ({ op: 'replace', path: ['Listings', id, 'Price'], value: ++last }) as const

describe.concurrent('a relay that', () => {
  it.each(LIES.filter(({ to }) => to !== 'guest'))('$name: to $to', { timeout: BIG }, find)
})

// One card, one session.
describe('a relay that', () => {
  it.each(LIES.filter(({ to }) => to === 'guest'))('$name: to $to', { timeout: BIG }, find)
})

async function find(row: LieRow): Promise<void> {
  const error = await told(row)
  expect(error).toMatchObject({ name: 'ClientError', code: 'VERIFICATION_FAILED' })
  const cause = (error.cause ?? error) as Error & { code?: string }
  const [name, code] = row.caught
  const names = code !== undefined && code.endsWith('Error') ? [name, code] : [name]
  expect(names, error.message).toContain(cause.name)
  if (code !== undefined && names.length === 1) expect([cause.code, error.message]).toEqual([code, error.message])
}

it('lies in more than forty ways', () => expect(new Set(LIES.map(({ name }) => name)).size).toBeGreaterThan(40))
