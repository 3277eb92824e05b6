/** Who waits for something of a client that is closed is told CLOSED at once: none of these waits ends by its clock. */

import { describe, expect, it, vi } from 'vitest'
import type { ClosingClient } from '../../src/client/client-closed.js'
import { proveOwnSet } from '../../src/client/proof-requests.js'
import { ownReceipt } from '../../src/client/receipt-assembly.js'
import { connect, COMMITTED, type ConnectionState, type ShopClient } from '../../src/client/shop-client.js'
import { ShopCheckpoints } from '../../src/client/shop-checkpoints.js'
import { ShopOrders } from '../../src/client/shop-orders.js'

class Client implements ClosingClient {
  state: ConnectionState = 'connected'
  readonly watchers = new Set<(state: ConnectionState) => void>()

  onState(watch: (state: ConnectionState) => void): () => void {
    this.watchers.add(watch)
    return () => this.watchers.delete(watch)
  }

  close(): void {
    this.state = 'closed'
    for (const watch of this.watchers) watch('closed')
  }
}

const CLOSED = { code: 'CLOSED' }
const place = { url: 'http://127.0.0.1:9', shop: 7n, relay: `0x${'11'.repeat(20)}`, key: new Uint8Array(32).fill(3) }

describe('a client that is closed ends', () => {
  it('a checkout that waits for prices', async () => {
    const client = await connect({ ...place, offline: true })
    client.cart().add({ listing: 1n, quantity: 1n })
    const checkout = client.cart().checkout()
    client.close()
    await expect(checkout).rejects.toMatchObject(CLOSED)
    await expect(client.cart().checkout()).rejects.toMatchObject(CLOSED)
  })

  it('a choice of payment that waits for what is due', async () => {
    const client = new Client()
    const live = (data: unknown) => ({ get: () => ({ status: 'ready', data }), subscribe: () => () => undefined })
    const shop = Object.assign(client, {
      sees: () => true,
      write: () => Promise.resolve(),
      order: () => live({ ID: 1n, State: COMMITTED, Items: [] }),
      manifest: () => live(undefined),
    })
    const held = () => ({ isLoading: false, complete: true, stale: false, verified: undefined, data: undefined })
    const orders = new ShopOrders(shop as unknown as ShopClient, held)
    const currency = { ChainID: 1n, Address: new Uint8Array(20) }
    const due = orders.choosePayment(1n, { payee: currency, currency })
    await vi.waitFor(() => expect(client.watchers.size).toBe(1))
    client.close()
    await expect(due).rejects.toMatchObject(CLOSED)
    expect(client.watchers.size).toBe(0)
  })

  it('a receipt that waits for its order', async () => {
    const client = new Client()
    const aside = (_request: unknown, _sets: unknown, act: () => Promise<void>) => act()
    const source = { shop: 7n, url: place.url, relays: [], link: { aside } }
    const receipt = ownReceipt(source as unknown as Parameters<typeof ownReceipt>[0], 1n, client)
    client.close()
    await expect(receipt).rejects.toMatchObject(CLOSED)
  })

  it('a proof that waits for its checkpoint', async () => {
    const checkpoints = new ShopCheckpoints(7n, { keys: [], identity: {} } as never)
    const shop = { shopId: 7n, checkpoints, ask: () => Promise.reject(new Error('nobody is asked')) }
    const reached = checkpoints.reached(5n, 600_000)
    const proven = proveOwnSet(shop, { answer: { Seq: 5n } } as Parameters<typeof proveOwnSet>[1])
    checkpoints.end()
    expect(await reached).toBe(false)
    await expect(proven).rejects.toMatchObject(CLOSED)
  })
})
