/** The client in sessions of version 5 against a real relay: what is proven, and that nothing else is said to be. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sha256 } from '../../src/bytes/hash.node.js'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { connect, type Live, type LiveState, type ShopClient } from '../../src/client/shop-client.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import type { Change } from '../../src/patches/patch.js'
import {
  decodeCheckpoint,
  decodeSignedCheckpoint,
  encodeCheckpoint,
  encodeSignedHandOver,
  signCheckpoint,
  signHandOver,
} from '../../src/proofs/checkpoint.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import {
  enrolCard,
  listing,
  newSecret,
  order,
  relay,
  SHOP,
  state,
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
  owner = await open({ key })
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

async function guest(more: Partial<Parameters<typeof connect>[0]> = {}): Promise<ShopClient> {
  const key = newSecret()
  await enrolCard(running.url, key, { guest: true })
  return open({ key, ...more })
}

/** The first state for which `isIt` holds. */
async function first<T>(live: Live<T>, isIt: (state: LiveState<T>) => boolean): Promise<LiveState<T>> {
  for await (const now of live) {
    if (now.status === 'failed') throw now.error!
    if (isIt(now)) return now
  }
  throw new Error('it ended')
}

const isComplete = ({ complete }: LiveState<unknown>) => complete
const price = (id: bigint, value: bigint): Change => ({ op: 'replace', path: ['Listings', id, 'Price'], value })
const map = (fields: object) => new Map(Object.entries(fields))
const tag = (name: string, ...ids: bigint[]): Change => ({
  op: 'add',
  path: ['Tags', name],
  value: map({ Name: name, ListingIDs: ids }),
})

describe('what is held', () => {
  it('is proven whole: present, absent, and again after each change', async () => {
    await owner.write([listing(1n), listing(2n)])
    const visitor = await open()
    expect(visitor.protocol).toBe(5)
    const one = await first(visitor.listing(1n), isComplete)
    expect(one).toMatchObject({ status: 'ready', stale: false, data: { Price: 100n } })
    expect(one.verified).toMatchObject({ seq: 2n, root: expect.any(Uint8Array), timestamp: expect.any(BigInt) })
    const [bytes] = decodeSignedCheckpoint(visitor.checkpoint!.bytes)
    expect(one.verified!.checkpoint).toEqual(sha256(bytes))
    expect(await first(visitor.listing(9n), isComplete)).toMatchObject({ status: 'unavailable', data: undefined })
    const unproven = first(visitor.listing(1n), ({ complete }) => !complete)
    const written = await owner.write([price(1n, 7n)])
    expect(await unproven).toMatchObject({ status: 'ready', verified: undefined, data: { Price: 7n } })
    const proven = await first(visitor.listing(1n), isComplete)
    expect(proven).toMatchObject({ data: { Price: 7n }, verified: { seq: written.seq, root: written.stateRoot } })
    await owner.write([{ op: 'remove', path: ['Listings', 1n] }])
    expect(await first(visitor.listing(1n), (now) => now.complete && now.data === undefined)).toMatchObject({
      status: 'unavailable',
      verified: { seq: 4n },
    })
  })

  it('is proven in part, absence included, and a change of another part proves it as of then', async () => {
    await owner.write([listing(1n), listing(2n), tag('red', 1n)])
    const visitor = await open({ only: [{ listing: 1n }, { listing: 5n }, { tag: 'red' }, { tag: 'blue' }] })
    const states = await Promise.all([
      first(visitor.listing(1n), isComplete),
      first(visitor.listing(5n), isComplete),
      first(visitor.tag('red'), isComplete),
      first(visitor.tag('blue'), isComplete),
      first(visitor.manifest(), (now) => now.complete && now.status !== 'loading'),
    ])
    expect(states.map(({ status }) => status)).toEqual(['ready', 'unavailable', 'ready', 'unavailable', 'ready'])
    expect(visitor.listing(2n).get()).toMatchObject({ status: 'unavailable', complete: false, verified: undefined })
    expect(visitor.listings().get()).toMatchObject({ complete: false, data: [{ ID: 1n }] })
    await owner.write([price(2n, 5n)])
    expect(await first(visitor.listing(1n), ({ verified }) => verified?.seq === 3n)).toMatchObject({ complete: true })
    await owner.write([listing(5n)])
    expect(await first(visitor.listing(5n), (now) => now.complete && now.data !== undefined)).toMatchObject({
      verified: { seq: 4n },
    })
  })

  it('lists all listings, and those of a tag, live and complete; the same reference while none changes', async () => {
    await owner.write([listing(3n), listing(1n), tag('red', 3n)])
    const visitor = await open()
    const [all, red] = [visitor.listings(), visitor.listings({ tag: 'red' })]
    expect((await first(all, isComplete)).data!.map(({ ID }) => ID)).toEqual([1n, 3n])
    expect((await first(red, isComplete)).data!.map(({ ID }) => ID)).toEqual([3n])
    const before = [all.get(), red.get()]
    expect([all.get(), visitor.listings({ tag: 'red' }).get().data]).toEqual([before[0], before[1]!.data])
    expect(all.get()).toBe(before[0])
    await owner.write([{ op: 'append', path: ['Tags', 'red', 'ListingIDs'], value: 1n }])
    await first(red, (now) => now.complete && now.data!.length === 2)
    expect(all.get().data).toBe(before[0]!.data)
  })

  it('is the whole shop for staff: stock, orders, entries of cards', async () => {
    await owner.write([listing(1n)])
    await owner.write([stock(1n, 4n)])
    const shopper = await guest()
    await shopper.write([order(7n, 1n, 2n)])
    const clerk = newSecret()
    await enrolCard(running.url, clerk)
    const staff = await open({ key: clerk })
    expect(await first(staff.stock(1n), isComplete)).toMatchObject({ data: 4n })
    expect((await first(staff.orders.all(), isComplete)).data!.map(({ ID }) => ID)).toEqual([7n])
    await shopper.write([order(8n, 1n, 1n)])
    await shopper.write([state(8n, 3n)])
    expect((await first(staff.orders.all(), (now) => now.complete && now.data!.length === 2)).verified!.seq).toBe(8n)
    const part = await open({ key: newSecret() }).catch((error: unknown) => error)
    expect(part).toMatchObject({ code: 'NOT_FOUND' })
    const watcher = newSecret()
    await enrolCard(running.url, watcher)
    const some = await open({ key: watcher, only: [{ inventory: 1n }, { order: 7n }] })
    expect(await first(some.stock(1n), isComplete)).toMatchObject({ data: 4n })
    expect(await first(some.stock(1n, 'red'), isComplete)).toMatchObject({ status: 'unavailable' })
    expect(await first(some.order(7n), isComplete)).toMatchObject({ data: { ID: 7n } })
  })

  it('is a guest’s own orders, all of them, by my_orders', async () => {
    await owner.write([listing(1n)])
    const [mine, other] = [await guest(), await guest()]
    expect((await first(mine.orders.all(), isComplete)).data).toEqual([])
    await other.write([order(70n, 1n, 1n)])
    await mine.write([order(7n, 1n, 2n), order(8n, 1n, 2n)])
    await mine.write([{ op: 'remove', path: ['Orders', 8n] }])
    const own = await first(mine.orders.all(), (now) => now.complete && now.data!.length === 1)
    expect(own.data!.map(({ ID }) => ID)).toEqual([7n])
    expect(await first(mine.order(7n), isComplete)).toMatchObject({ data: { ID: 7n } })
    expect(mine.order(70n).get()).toMatchObject({ data: undefined, complete: false })
  })

  it('is the same after a lost connection, and goes on', async () => {
    await owner.write([listing(1n)])
    const visitor = await open()
    await first(visitor.listing(1n), isComplete)
    proxy.cut()
    await owner.write([price(1n, 3n)])
    expect((await first(visitor.listing(1n), (now) => now.complete && now.data?.Price === 3n)).verified!.seq).toBe(3n)
  })
})

describe('a write', () => {
  it('tells its place and the state after it, and is proven to be in the log', async () => {
    const written = await owner.write([listing(1n)])
    expect(written).toMatchObject({ seq: 2n, stateHash: expect.any(Uint8Array), stateRoot: expect.any(Uint8Array) })
    const proven = await written.proven()
    expect(proven.seq >= 2n).toBe(true)
    const many = await Promise.all([1n, 2n, 3n].map((value) => owner.write([price(1n, value)])))
    await Promise.all(many.map((one) => one.proven()))
  })

  it('with ifSeq is refused with CONFLICT unless that is the head', async () => {
    await owner.write([listing(1n)])
    await expect(owner.write([price(1n, 1n)], { ifSeq: 1n })).rejects.toMatchObject({
      code: 'CONFLICT',
      retryable: false,
    })
    expect((await owner.write([price(1n, 1n)], { ifSeq: 2n })).seq).toBe(3n)
  })

  it('without an answer is sent again and taken once, in order', async () => {
    await owner.write([listing(1n)])
    // Written, and the connection is lost before the answer comes.
    proxy.lie((message, asked) => (asked?.kind === 'write' ? void setTimeout(() => proxy.cut(), 0) : message))
    const writes = [1n, 2n, 3n].map((value) => owner.write([price(1n, value)]))
    await new Promise((resolve) => setTimeout(resolve, 100))
    proxy.lie((message) => message)
    expect((await Promise.all(writes)).map(({ seq }) => seq)).toEqual([3n, 4n, 5n])
    expect((await owner.write([price(1n, 4n)])).seq).toBe(6n)
  })

  it.each([
    ['TOO_MANY_CONCURRENT_REQUESTS', 'OUTCOME_UNKNOWN'],
    ['UNAVAILABLE', 'OUTCOME_UNKNOWN'],
    ['CONFLICT', 'CONFLICT'],
  ] as const)('that is sent again and refused with %s: %s', async (refused, code) => {
    await owner.write([listing(1n)])
    const refusal = { kind: 'response', error: { code: ErrorCode[refused], message: 'not now' } } as const
    proxy.lie((message, asked) => {
      if (asked?.kind !== 'write') return message
      proxy.lie((next, again) => (again?.kind === 'write' ? refusal : next))
      return void setTimeout(() => proxy.cut(), 0)
    })
    // It was taken.
    await expect(owner.write([price(1n, 7n)])).rejects.toMatchObject({ code, retryable: false })
    expect((await first(owner.listing(1n), isComplete)).data).toMatchObject({ Price: 7n })
  })

  it('is tried again when the relay could not come back at once', async () => {
    const refusal = { kind: 'response', error: { code: ErrorCode.UNAVAILABLE, message: 'not now' } } as const
    let times = 0
    proxy.lie((message, asked) => (asked?.kind === 'subscribe' && ++times < 3 ? refusal : message))
    proxy.cut()
    await vi.waitFor(() => expect([times >= 3, owner.state]).toEqual([true, 'connected']), 10_000)
    expect(await owner.write([listing(1n)])).toMatchObject({ seq: 2n })
  })

  it('that was sent again does not outlive the client', async () => {
    proxy.lie((message, asked) => (asked?.kind === 'write' ? undefined : message))
    const written = owner.write([listing(1n)])
    await new Promise((resolve) => setTimeout(resolve, 50))
    owner.close()
    await expect(written).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  })
})

describe('time', () => {
  it(
    'is counted from the checkpoint’s Timestamp, and a newer one is asked for in time',
    { timeout: 120_000 },
    async () => {
      await owner.write([listing(1n)])
      const asked: string[] = []
      proxy.lie((message, request) => (request?.kind === 'checkpoint' && asked.push(request.kind), message))
      const visitor = await open({ verifiedAtSeconds: 14 })
      const before = await first(visitor.listing(1n), isComplete)
      const renewed = await first(
        visitor.listing(1n),
        ({ verified }) => verified!.timestamp! > before.verified!.timestamp!,
      )
      expect(renewed).toMatchObject({ stale: false, complete: true, data: before.data })
      expect(asked.length).toBeGreaterThan(0)
    },
  )

  it('makes it stale where nothing newer comes, after one question', async () => {
    await owner.write([listing(1n)])
    let asked = 0
    proxy.lie((message, request) => (request?.kind === 'checkpoint' ? void asked++ : message))
    const visitor = await open({ verifiedAtSeconds: 2 })
    await first(visitor.listing(1n), ({ stale, complete }) => stale && complete)
    expect(asked).toBeLessThanOrEqual(2)
    proxy.lie((message) => message)
    await owner.write([price(1n, 3n)])
    expect(await first(visitor.listing(1n), ({ stale }) => !stale)).toMatchObject({ status: 'ready' })
  })
})

describe('compare', () => {
  const resigned = (bytes: Uint8Array, change: object) => {
    const fields = decodeCheckpoint(decodeSignedCheckpoint(bytes)[0])
    return encode([...signCheckpoint(encodeCheckpoint({ ...fields, ...change }), new Uint8Array(32).fill(9))])
  }

  it('says same, consistent, evidence, not shown, and refuses what is another’s', async () => {
    await owner.write([listing(1n)])
    const visitor = await open()
    await first(visitor.listing(1n), isComplete)
    const early = visitor.checkpoint!.bytes
    expect(await visitor.compare(early)).toEqual({ outcome: 'same' })
    await owner.write([price(1n, 3n)])
    await first(visitor.listing(1n), (now) => now.complete && now.data!.Price === 3n)
    const late = await open()
    await first(late.listing(1n), isComplete)
    expect(await late.compare(early)).toEqual({ outcome: 'consistent' })
    const other = resigned(early, { ShopID: SHOP + 1n })
    await expect(late.compare(other)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' })
    const { seq } = late.checkpoint!
    const ahead = resigned(late.checkpoint!.bytes, {
      Seq: 7n,
      Peaks: [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)),
    })
    expect([seq, await late.compare(ahead)]).toMatchObject([3n, { outcome: 'not shown' }])
    const forked = resigned(early, { StateHash: new Uint8Array(32) })
    expect(await visitor.compare(forked)).toMatchObject({ outcome: 'evidence', kind: 'two-contents' })
    expect(visitor.listing(1n).get()).toMatchObject({ status: 'failed', error: { code: 'VERIFICATION_FAILED' } })
    const older = resigned(early, { Timestamp: new CborTime(4_000_000_000n) })
    expect(await late.compare(older)).toMatchObject({ outcome: 'evidence', kind: 'time-falls' })
  })
})

describe('an address that is another relay’s', () => {
  const relay = new Uint8Array(20).fill(0x42)
  const told = {
    code: 'VERIFICATION_FAILED',
    message: expect.stringMatching(/signed by 0x[0-9a-f]{40}, not by the relay 0x(?:42){20}/u),
    remedy: expect.stringMatching(/^Look at the relay's address that was given: it may be mistyped/u),
  }

  it('is told by connect', async () => {
    await owner.write([listing(1n)])
    await first(owner.listing(1n), isComplete)
    await expect(open({ relay })).rejects.toMatchObject(told)
    await expect(open({ relay, only: [{ listing: 1n }] })).rejects.toMatchObject(told)
    await expect(open({ relay, only: 'watched' })).rejects.toMatchObject(told)
  })

  it('ends a client that began offline: it is not connected, says why, and what is waited for ends', async () => {
    await owner.write([listing(1n)])
    await first(owner.listing(1n), isComplete)
    const client = await open({ relay, offline: true })
    const loop = async () => {
      for await (const { complete } of client.listing(1n)) if (complete) return
    }
    await expect(loop()).rejects.toMatchObject(told)
    while (client.state === 'connecting') await new Promise((resolve) => setTimeout(resolve, 5))
    expect([client.state, client.problem]).toEqual(['disconnected', expect.objectContaining(told)])
    await expect(client.uploadUrl()).rejects.toMatchObject({ code: 'DISCONNECTED' })
  })
})

describe('a relay whose key was rotated', () => {
  it('is followed by its hand-over from the key that is known, and by that alone', async () => {
    await owner.write([listing(1n)])
    const visitor = await open()
    await first(visitor.listing(1n), isComplete)
    const { ChainID, Registry, Relay } = decodeCheckpoint(decodeSignedCheckpoint(visitor.checkpoint!.bytes)[0])
    const old = new Uint8Array(32).fill(3)
    const keys = { From: addressOf(publicKeyOf(old)), To: running.address }
    const fields = { Version: 1n, ChainID, Registry, Relay, ...keys, Timestamp: new CborTime(1_700_000_000n) } as const
    const handOver = (changes: object) => encodeSignedHandOver(signHandOver({ ...fields, ...changes }, old))
    const follower = await open({ relay: keys.From, handOvers: [handOver({})] })
    expect(await first(follower.listing(1n), isComplete)).toMatchObject({ status: 'ready' })
    await owner.write([price(1n, 3n)])
    await first(follower.listing(1n), (now) => now.complete && now.data!.Price === 3n)
    const strangers = [{ relay: keys.From }, { relay: keys.From, handOvers: [handOver({ Relay: Relay + 1n })] }]
    for (const stranger of strangers)
      await expect(open(stranger)).rejects.toMatchObject({
        code: 'VERIFICATION_FAILED',
        cause: { code: expect.stringMatching(/^signer$|^identity$/u) },
      })
    await expect(open({ relay: keys.From, handOvers: [handOver({}).with(9, 0)] })).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
    })
  })
})
