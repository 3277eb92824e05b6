/** The client against a real relay, across a restart, and against one that lies. */

import { WebSocketServer } from 'ws'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { ClientError, connect, type ShopClient, type VerifiedSet } from '../../src/client/shop-client.js'
import { encodeChange, type Change } from '../../src/patches/patch.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { signPatches } from '../../src/patches/patch-set.js'
import { receiptReport } from '../../src/proofs/receipt-report.js'
import { foundingPatches } from '../../src/relay/accounts/account-patches.js'
import { MemoryStore } from '../../src/store/memory.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope.js'
import { encodeSet, type PushedSet } from '../../src/wire/pushed-set.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

const clients: ShopClient[] = []

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

async function open(
  running: TestRelay,
  key?: Uint8Array,
  more: Partial<Parameters<typeof connect>[0]> = {},
): Promise<ShopClient> {
  const client = await connect({ url: running.url, shop: SHOP, relay: running.address, ...(key && { key }), ...more })
  clients.push(client)
  return client
}

async function take(sets: AsyncIterable<VerifiedSet>, count: number): Promise<VerifiedSet[]> {
  const taken: VerifiedSet[] = []
  for await (const set of sets) {
    taken.push(set)
    if (taken.length === count) break
  }
  return taken
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((wait) => setTimeout(wait, 5))
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

const price = (id: bigint, value: bigint): Change => ({ op: 'replace', path: ['Listings', id, 'Price'], value })

describe('a client', () => {
  it('writes in batches and pipelined, and holds what it was shown, verified', async () => {
    const running = await relay()
    const key = newSecret()
    await enrolCard(running.url, key)
    const owner = await open(running, key)
    const visitor = await open(running, undefined, { only: [{ listing: 1n }] })
    await until(() => visitor.seq >= 1n)
    const feed = take(visitor.sets(), 302)
    await owner.write([listing(1n), listing(2n)])
    await Promise.all(Array.from({ length: 300 }, (_, i) => owner.write([price(1n, BigInt(i))])))
    const { stateHash } = await owner.write([price(2n, 9n)])
    expect(stateHash).toHaveLength(32)
    await owner.write([price(1n, 7n)])
    const sets = await feed
    expect(sets.map(({ seq }) => seq)).toEqual([...new Set(sets.map(({ seq }) => seq))].sort((a, b) => Number(a - b)))
    expect(visitor.listing(2n).get().status).not.toBe('ready')
    expect(visitor.listing(1n).get().data?.Price).toBe(7n)
    await running.stop()
  })

  it('is told the wire’s code, and one refusal does not stop the next write', async () => {
    const running = await relay()
    const key = newSecret()
    await enrolCard(running.url, key)
    const owner = await open(running, key)
    const [missing, fine] = await Promise.allSettled([owner.write([price(404n, 1n)]), owner.write([listing(1n)])])
    expect(missing.status === 'rejected' && (missing.reason as ClientError)).toMatchObject({
      code: 'NOT_FOUND',
      retryable: false,
      objectId: 404n,
    })
    expect(fine.status).toBe('fulfilled')
    const visitor = await open(running)
    await expect(visitor.write([listing(2n)])).rejects.toMatchObject({ code: 'NEEDS_KEY' })
    await running.stop()
  })

  it('shows live objects: loading, ready, unavailable, and the same reference while nothing changes', async () => {
    const running = await relay()
    const key = newSecret()
    await enrolCard(running.url, key)
    const owner = await open(running, key)
    await owner.write([listing(1n)])
    const visitor = await open(running)
    const live = visitor.listing(1n)
    const statuses: string[] = []
    for await (const snapshot of live) {
      statuses.push(snapshot.status)
      if (snapshot.status === 'ready' && snapshot.complete) break
    }
    expect(statuses.at(-1)).toBe('ready')
    const before = live.get()
    expect(live.get()).toBe(before)
    expect(before).toMatchObject({ complete: true, verified: { seq: 2n } })
    for await (const { status, complete } of visitor.listing(99n)) if (status === 'unavailable' && complete) break
    await running.stop()
  })

  it('comes back after a restart without a gap or a repeat', async () => {
    const store = new MemoryStore()
    const port = await freePort()
    let running = await relay({ port }, { store })
    const key = newSecret()
    await enrolCard(running.url, key)
    const visitor = await open(running)
    await until(() => visitor.seq >= 1n)
    const feed = take(visitor.sets(), 6)
    const owner = await open(running, key)
    await owner.write([listing(1n)])
    await owner.write([price(1n, 1n)])
    await running.stop()
    await until(() => owner.state !== 'connected')
    running = await relay({ port }, { store })
    for (let i = 2n; i < 6n; i++) {
      await until(() => owner.state === 'connected')
      await owner.write([price(1n, i)])
    }
    expect((await feed).map(({ seq }) => seq)).toEqual([2n, 3n, 4n, 5n, 6n, 7n])
    await running.stop()
  })

  it('ends on close and by its signal, and asks for the relay’s address outside development', async () => {
    const running = await relay()
    await enrolCard(running.url, newSecret())
    const stop = new AbortController()
    const client = await open(running, undefined, { signal: stop.signal })
    const sets = take(client.sets(), 100)
    stop.abort()
    await sets
    expect(client.state).toBe('closed')
    client.close()
    await expect(open(running, undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    const other = createServer((_request, response) =>
      response.end(JSON.stringify({ chain_id: 1, relay_address: `0x${'00'.repeat(20)}`, relay_token_id: '0x1' })),
    )
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    await expect(connect({ url, shop: SHOP, relay: 'development' })).rejects.toMatchObject({ code: 'NOT_DEVELOPMENT' })
    other.close()
    await running.stop()
    await expect(connect({ url: running.url, shop: SHOP, relay: running.address })).rejects.toMatchObject({
      code: 'UNREACHABLE',
    })
  })
})

describe('NOT_FOUND says what is missing', () => {
  it('of a card that is not enrolled, and of a shop', async () => {
    const running = await relay()
    await expect(open(running, newSecret())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'this key card is not enrolled here',
      remedy: expect.stringMatching(/^Enrol the card/u),
    })
    await expect(open(running)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `shop ${SHOP} is not known here`,
      remedy: expect.stringMatching(/^Look at the shop's id/u),
    })
    await running.stop()
  })

  it("of what a guest's card may not write", async () => {
    const running = await relay()
    const [key, card] = [newSecret(), newSecret()]
    await enrolCard(running.url, key)
    await enrolCard(running.url, card, { guest: true })
    const owner = await open(running, key)
    const guest = await open(running, card)
    for await (const { complete } of guest.manifest()) if (complete) break
    await expect(guest.write([listing(1n)])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      objectId: 1n,
      remedy: expect.stringMatching(/owner or of a clerk/u),
    })
    await expect(owner.write([price(9n, 1n)])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      objectId: 9n,
      remedy: expect.stringMatching(/^Look at the id/u),
    })
    await running.stop()
  })

  it('of the receipt of an order that is not there, or another guest’s', async () => {
    const running = await relay()
    const [key, card, other] = [newSecret(), newSecret(), newSecret()]
    await enrolCard(running.url, key)
    const owner = await open(running, key)
    await owner.write([listing(1n)])
    await enrolCard(running.url, card, { guest: true })
    await enrolCard(running.url, other, { guest: true })
    const guest = await open(running, card)
    const id = await guest.orders.create({ items: [{ listing: 1n, quantity: 1n }] })
    const stranger = await open(running, other)
    for (const asked of [stranger.order(id), stranger.order(id + 1n), owner.order(id + 1n)])
      await expect(asked.receipt()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await running.stop()
  })
})

it('a receipt of a relay without a registry says so, and nobody asks for an anchor', async () => {
  const running = await relay()
  const [key, card] = [newSecret(), newSecret()]
  await enrolCard(running.url, key)
  const owner = await open(running, key)
  await owner.write([listing(1n)])
  await enrolCard(running.url, card, { guest: true })
  const guest = await open(running, card)
  const id = await guest.orders.create({ items: [{ listing: 1n, quantity: 1n }] })
  const asked = vi.spyOn(globalThis, 'fetch')
  const { outcome, sentence } = receiptReport(await guest.order(id).receipt(), { relays: [running.address] })
  const paths = asked.mock.calls.map(([path]) => String(path instanceof Request ? path.url : path))
  asked.mockRestore()
  expect([outcome, sentence]).toEqual([
    'matches-not-anchored',
    expect.stringMatching(/^Matches; this relay has no chain: /u),
  ])
  expect(paths.filter((path) => path.includes('/log/'))).not.toEqual([])
  expect(paths.filter((path) => path.includes('/anchor'))).toEqual([])
  await running.stop()
})

const RELAY = new Uint8Array(32).fill(9)
const CARD = new Uint8Array(32).fill(3)

/** A set as an honest relay would push it. */
function pushed(seq: bigint, secret: Uint8Array, patches: readonly Uint8Array[], shopId = SHOP): PushedSet {
  const { headerBytes, signature } = signPatches({ shopId, nonce: seq, timestamp: 0n, patches }, secret)
  const tree = new PatchTree(patches.map(patchLeafHash))
  return { seq, leafIndex: 0, header: headerBytes, signature, patches, proofs: patches.map((_, i) => tree.proof(i)) }
}

const wallet = new Uint8Array(20).fill(5)
const first = pushed(1n, RELAY, foundingPatches(SHOP, 31_337n, wallet, publicKeyOf(CARD)))
const second = pushed(2n, CARD, [encodeChange(listing(1n)), encodeChange(listing(2n))])

/** Speaks just enough of version 4 to push these sets to whoever subscribes. */
async function pushing(sets: readonly PushedSet[]): Promise<{ url: string; close(): void }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/v4/sessions' })
  server.on('connection', (socket) => {
    socket.on('message', (frame: Buffer) => {
      const { requestId, message } = decodeEnvelope(new Uint8Array(frame))
      if (message.kind !== 'subscribe') return
      const subscriptionId = Uint8Array.of(0, 1)
      socket.send(encodeEnvelope({ requestId, message: { kind: 'response', payload: subscriptionId } }))
      socket.send(
        encodeEnvelope({ requestId: -1n, message: { kind: 'push', subscriptionId, sets: sets.map(encodeSet) } }),
      )
      const synced = { kind: 'syncStatus', subscriptionId: 1n, unpushedPatches: 0n } as const
      socket.send(encodeEnvelope({ requestId: -2n, message: synced }))
    })
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

describe('a relay that lies', () => {
  it('is believed when it does not', async () => {
    const server = await pushing([first, second])
    const client = await connect({ url: server.url, shop: SHOP, relay: addressOf(publicKeyOf(RELAY)) })
    for await (const { status, complete, verified } of client.listing(1n)) {
      if (status !== 'ready') continue
      expect([complete, verified, client.protocol]).toEqual([false, { seq: 2n }, 4])
      break
    }
    await expect(client.compare(new Uint8Array(1))).rejects.toMatchObject({ code: 'NEEDS_VERSION_5' })
    client.close()
    server.close()
  })

  it('speaks no version 4 to a client that asks for 5', async () => {
    const server = await pushing([first])
    const asked = { url: server.url, shop: SHOP, relay: addressOf(publicKeyOf(RELAY)), protocol: 5 } as const
    await expect(connect(asked)).rejects.toMatchObject({ code: 'UNREACHABLE' })
    server.close()
  })

  it.each<[string, readonly PushedSet[]]>([
    ['a patch changed', [first, { ...second, patches: [flipped(second.patches[0]!, 40), second.patches[1]!] }]],
    ['a proof changed', [first, { ...second, proofs: [flipped(second.proofs[0]!, 20), second.proofs[1]!] }]],
    ['a header changed', [first, { ...second, header: flipped(second.header, 60) }]],
    ['a signature changed', [first, { ...second, signature: flipped(second.signature, 5) }]],
    [
      'patches in another order',
      [first, { ...second, patches: [...second.patches].reverse(), proofs: [...second.proofs].reverse() }],
    ],
    ['a proof missing', [first, { ...second, proofs: second.proofs.slice(1) }]],
    ['another leaf index', [first, { ...second, leafIndex: 1 }]],
    ['a signer that is no card', [first, pushed(2n, new Uint8Array(32).fill(4), [encodeChange(listing(1n))])]],
    ['a card before it was enrolled', [second]],
    ['the same seq twice', [first, { ...second, seq: 1n }]],
    ['a set of another shop', [first, pushed(2n, CARD, [encodeChange(listing(1n))], SHOP + 1n)]],
  ])('is found out: %s', async (_what, sets) => {
    const server = await pushing(sets)
    const client = await connect({ url: server.url, shop: SHOP, relay: addressOf(publicKeyOf(RELAY)) })
    for await (const snapshot of client.listing(1n)) {
      expect(snapshot.status).not.toBe('ready')
      if (snapshot.status !== 'failed') continue
      expect(snapshot.error).toMatchObject({ code: 'VERIFICATION_FAILED' })
      break
    }
    await expect(take(client.sets(), 1)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' })
    client.close()
    server.close()
  })
})
