/** A network that is gone without a word, as after a sleep: nothing that waits for an answer waits for ever. */

import { connect as connectTo, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { connect, type ShopClient } from '../../src/client/shop-client.js'
import { SILENCE_MS_MAX } from '../../src/limits.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

vi.mock('../../src/limits.js', async (limits) => ({ ...(await limits<object>()), SILENCE_MS_MAX: 1_000 }))

let running: TestRelay
let proxy: Server
let url: string
let client: ShopClient | undefined
/** A card has one session, which ends some time after its network. */
const keys = [newSecret(), newSecret()] as const
/** Through the proxy; from those that are in `gone` nothing comes any more, and nobody is told. */
const [all, sessions] = [new Set<Socket>(), new Set<Socket>()]
const gone = new Set<Socket>()

beforeAll(async () => {
  running = await relay({ pingIntervalMs: 200, kickTimeoutMs: 600 })
  for (const key of keys) await enrolCard(running.url, key)
  const port = Number(new URL(running.url).port)
  proxy = createServer((near) => {
    const far = connectTo(port, '127.0.0.1')
    all.add(near)
    near.once('data', (head) => String(head).includes('/sessions') && sessions.add(near))
    const passed = (from: Socket, to: Socket) => {
      from.on('data', (bytes) => gone.has(near) || to.write(bytes))
      from.on('close', () => gone.has(near) || to.end())
      from.on('error', () => undefined)
    }
    passed(near, far)
    passed(far, near)
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
})
afterEach(() => client?.close())
afterAll(async () => {
  for (const socket of all) socket.destroy()
  proxy.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

test('a write over it is sent again over another connection, and taken once', async () => {
  client = await connect({ url, shop: SHOP, relay: running.address, key: keys[0] })
  const { seq: before } = await client.write([listing(1n)])
  for (const socket of sessions) gone.add(socket)
  const begun = performance.now()
  const { seq } = await client.write([listing(2n)])
  expect(performance.now() - begun).toBeGreaterThan(SILENCE_MS_MAX - 50)
  expect(seq).toBe(before! + 1n)
})

test('who asked nothing for long, and then does, waits as long as anybody', async () => {
  client = await connect({ url, shop: SHOP, relay: running.address, key: keys[1] })
  await client.write([listing(4n)])
  for (const socket of sessions) gone.add(socket)
  await new Promise((wait) => setTimeout(wait, SILENCE_MS_MAX - 100))
  const begun = performance.now()
  await client.write([listing(5n)])
  expect(performance.now() - begun).toBeGreaterThan(SILENCE_MS_MAX - 50)
})
