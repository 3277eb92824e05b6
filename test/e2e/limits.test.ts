/** Limits of PROTOCOL §15 that only a session shows, each on both of its sides; times by a clock that the test turns. */

import { afterEach, expect, it } from 'vitest'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { encodeChange, readPatch, type Change } from '../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../src/patches/patch-set.js'
import { MemoryStore } from '../../src/store/memory.js'
import type { Commit } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { TestClock } from './clock.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type Refused,
  type TestRelay,
} from './harness.js'
import type { RelayParts, RelaySettings } from '../../src/relay/relay.js'

let running: TestRelay
const owner = newSecret()

async function start(settings: Partial<RelaySettings> = {}, parts: Partial<RelayParts> = {}): Promise<Wire> {
  running = await relay(settings, parts)
  await enrolCard(running.url, owner)
  return Wire.as(running.url, owner)
}

afterEach(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

const codeOf = (answer: Uint8Array | Refused) => (answer instanceof Uint8Array ? 'ok' : answer.code)

it.each([
  [59_999, 'ok'],
  [60_000, ErrorCode.INVALID],
])('a challenge solved after %s ms', async (ms, expected) => {
  const clock = new TestClock()
  await start({}, { clock })
  const card = newSecret()
  await enrolCard(running.url, card)
  const wire = await Wire.open(running.url)
  const challenge = await wire.done({ kind: 'authenticate', publicKey: publicKeyOf(card) })
  await clock.turn(ms)
  const signature = sign(personalMessageDigest(challenge), card)
  expect(codeOf(await wire.ask({ kind: 'challengeSolution', signature }))).toBe(expected)
  // Right or wrong, a challenge is void after one solution.
  const again = codeOf(await wire.ask({ kind: 'challengeSolution', signature }))
  expect(again).toBe(expected === 'ok' ? ErrorCode.ALREADY_AUTHENTICATED : ErrorCode.INVALID)
})

it('a header’s Timestamp: five minutes ahead, not a second more; as old as it may be', async () => {
  const clock = new TestClock(1_800_000_000_000)
  const wire = await start({}, { clock })
  const writeAt = (nonce: bigint, timestamp: bigint) => {
    const patches = [
      encodeChange({
        op: 'replace',
        path: ['Manifest', 'PricingCurrency'],
        value: map({ ChainID: 1n, Address: new Uint8Array(20) }),
      }),
    ]
    const { headerBytes, signature } = signPatches({ shopId: SHOP, nonce, timestamp, patches }, owner)
    return wire.ask({ kind: 'write', patchSet: encodePatchSet(headerBytes, signature, patches) })
  }
  expect(codeOf(await writeAt(1n, 1_800_000_301n))).toBe(ErrorCode.INVALID)
  expect(codeOf(await writeAt(1n, 1_800_000_300n))).toBe('ok')
  expect(codeOf(await writeAt(2n, 1_970n))).toBe('ok')
})

it('a set that would not fit a frame to a client is INVALID; one just below reaches a subscriber whole', async () => {
  const wire = await start()
  await wire.subscribe([{ objectType: 1 }])
  const big = (id: bigint, bytes: number): Change =>
    listing(id, { Metadata: map({ Title: 'x', Description: 'd'.repeat(bytes) }) })
  expect(codeOf(await wire.write(owner, [big(1n, 600_000), big(2n, 460_000)]))).toBe(ErrorCode.INVALID)
  expect(codeOf(await wire.write(owner, [big(1n, 600_000), big(2n, 440_000)]))).toBe('ok')
  await wire.until(() => wire.sets.some((set) => set.patches.length === 2))
  expect(wire.pushes.at(-1)!.bytes).toBeGreaterThan(1_040_000)
  expect(wire.pushes.at(-1)!.bytes).toBeLessThanOrEqual(1_048_576)
})

it('a request id that is still in flight closes the socket; one that was answered may come again', async () => {
  const wire = await start({}, { store: new SlowStore() })
  expect(await wire.ask({ kind: 'ping' }, 7n)).toBeInstanceOf(Uint8Array)
  expect(await wire.ask({ kind: 'ping' }, 7n)).toBeInstanceOf(Uint8Array)
  const patchSet = wire.signed(owner, [listing(1n)])
  wire.send({ requestId: 8n, message: { kind: 'write', patchSet } })
  wire.send({ requestId: 8n, message: { kind: 'write', patchSet } })
  await wire.until(() => wire.closed !== undefined)
  expect(wire.closed!.code).toBe(1002)
})

it('64 filters are taken, 65 refused', async () => {
  const wire = await start()
  const filters = Array.from({ length: 65 }, () => ({ objectType: 1 }))
  expect(codeOf(await wire.subscribe(filters.slice(1)))).toBe('ok')
  expect(codeOf(await wire.subscribe(filters))).toBe(ErrorCode.INVALID)
})

it('a session that neither authenticates nor subscribes ends after 300 s', async () => {
  const clock = new TestClock()
  await start({ pingIntervalMs: 86_400_000, kickTimeoutMs: 86_400_000 }, { clock })
  const [idle, busy] = [await Wire.open(running.url), await Wire.open(running.url)]
  await busy.subscribe()
  await clock.turn(299_000)
  await idle.done({ kind: 'ping' })
  expect(idle.closed).toBeUndefined()
  await clock.turn(1_500)
  await idle.until(() => idle.closed !== undefined)
  expect(idle.closed!.code).toBe(1008)
  expect(busy.closed).toBeUndefined()
})

it('a guest card has 1,000 Open orders, and one more once one of them is no longer Open', async () => {
  const wire = await start()
  await wire.write(owner, [listing(1n), stock(1n, 10n)])
  const guest = newSecret()
  await enrolCard(running.url, guest, { guest: true, wallet: '56'.repeat(32) })
  const session = await Wire.as(running.url, guest)
  for (let at = 0n; at < 1_000n; at += 250n) {
    const orders = Array.from({ length: 250 }, (_, i) => order(at + BigInt(i) + 1n, 1n, 1n))
    expect(codeOf(await session.write(guest, orders))).toBe('ok')
  }
  expect(codeOf(await session.write(guest, [order(1_001n, 1n, 1n)]))).toBe(ErrorCode.INVALID)
  expect(codeOf(await session.write(guest, [state(1n, 3n)]))).toBe('ok')
  expect(codeOf(await session.write(guest, [order(1_001n, 1n, 1n)]))).toBe('ok')
  expect(codeOf(await session.write(guest, [order(1_002n, 1n, 1n)]))).toBe(ErrorCode.INVALID)
})

it('an order has 1,000 items', async () => {
  const wire = await start()
  await wire.write(owner, [listing(1n)])
  const Items = Array.from({ length: 1_000 }, () => map({ ListingID: 1n, Quantity: 1n }))
  const full: Change = { op: 'add', path: ['Orders', 1n], value: map({ ID: 1n, State: 1n, Items }) }
  const over: Change = {
    op: 'add',
    path: ['Orders', 2n],
    value: map({ ID: 2n, State: 1n, Items: [...Items, Items[0]!] }),
  }
  expect(codeOf(await wire.write(owner, [over]))).toBe(ErrorCode.INVALID)
  expect(codeOf(await wire.write(owner, [full]))).toBe('ok')
  expect(codeOf(await wire.write(owner, [{ op: 'append', path: ['Orders', 1n, 'Items'], value: Items[0]! }]))).toBe(
    ErrorCode.INVALID,
  )
})

it('300 shops survive a restart', async () => {
  const store = new MemoryStore()
  await start({}, { store })
  const cards = Array.from({ length: 299 }, () => newSecret())
  for (const [i, card] of cards.entries()) await enrolCard(running.url, card, { shop: 1_000n + BigInt(i) })
  await running.stop()
  running = await relay({}, { store })
  expect(store.shops()).toHaveLength(300)
  for (const i of [0, 254, 255, 256, 298]) {
    const wire = await Wire.as(running.url, cards[i]!)
    await wire.subscribe([], 0n, 1_000n + BigInt(i))
    await wire.until(() => wire.sets.length === 1)
    await wire.close()
  }
})

it('a signature whose v leads to another key is INVALID', async () => {
  const wire = await start()
  const patchSet = wire.signed(owner, [listing(1n)])
  const at = patchSet.findLastIndex((byte) => byte === 27 || byte === 28)
  const spoilt = patchSet.map((byte, i) => (i === at ? 55 - byte : byte))
  expect(codeOf(await wire.ask({ kind: 'write', patchSet: spoilt }))).toBe(ErrorCode.INVALID)
  expect(codeOf(await wire.ask({ kind: 'write', patchSet }))).toBe('ok')
})

it('an error of one session does not reach another, nor its next request', async () => {
  const wire = await start()
  const other = await Wire.as(running.url, await guestOf(running.url))
  const refused = (await wire.write(owner, [
    listing(1n),
    { op: 'replace', path: ['Listings', 5n, 'Price'], value: 1n },
  ])) as Refused
  expect([refused.code, refused.objectId]).toEqual([ErrorCode.NOT_FOUND, 5n])
  const invalid = (await other.ask({
    kind: 'subscribe',
    startSeq: 99n,
    shopId: new Uint8Array([77]),
    filters: [],
  })) as Refused
  expect(invalid.objectId).toBeUndefined()
  expect(invalid.message).toMatch(/99 .* 2/u)
  const second = (await wire.write(owner, [{ op: 'replace', path: ['Listings', 5n], value: 1n }])) as Refused
  expect(second.message).not.toBe(refused.message)
})

it('the owner of one shop is a visitor of every other one', async () => {
  const wire = await start()
  await wire.write(owner, [listing(1n), stock(1n, 5n), order(1n, 1n, 1n)])
  const stranger = newSecret()
  await enrolCard(running.url, stranger, { shop: SHOP + 1n, wallet: '78'.repeat(32) })
  const other = await Wire.as(running.url, stranger)
  expect(codeOf(await other.subscribe([{ objectType: 3 }]))).toBe(ErrorCode.INVALID)
  expect(codeOf(await other.subscribe([{ objectType: 6 }]))).toBe(ErrorCode.INVALID)
  expect(codeOf(await other.subscribe([]))).toBe('ok')
  await other.until(() => other.statuses.some(([, left]) => left === 0n))
  const paths = other.sets.flatMap((set) => set.patches.map((patch) => readPatch(patch).path[0]))
  expect(new Set(paths)).toEqual(new Set(['Manifest', 'Accounts', 'Listings']))
  // A set for another shop than the card's is refused, whoever signs it.
  expect(codeOf(await other.ask({ kind: 'write', patchSet: other.signed(stranger, [listing(2n)], SHOP) }))).toBe(
    ErrorCode.INVALID,
  )
})

it('what a guest may not write is NOT_FOUND as a whole, however malformed it is', async () => {
  const wire = await start()
  const card = await guestOf(running.url)
  const guest = await Wire.as(running.url, card)
  await wire.write(owner, [listing(1n), stock(1n, 1n)])
  const own = order(1n, 1n, 1n)
  const foreign: Change[] = [
    { op: 'replace', path: ['Manifest'], value: 'nonsense' },
    listing(2n),
    { op: 'remove', path: ['Listings', 1n] },
    { op: 'add', path: ['Accounts', new Uint8Array(3)], value: 1n },
    { op: 'increment', path: ['Inventory', 1n], value: 1n },
    { op: 'add', path: ['Tags', ''], value: 0n },
    { op: 'replace', path: ['Nowhere'], value: 0n },
  ]
  for (const change of foreign) {
    const alone = await guest.write(card, [change])
    const joined = await guest.write(card, [own, change])
    expect([codeOf(alone), codeOf(joined)], JSON.stringify(change.path[0])).toEqual([
      ErrorCode.NOT_FOUND,
      ErrorCode.NOT_FOUND,
    ])
  }
  expect(codeOf(await guest.write(card, [own]))).toBe('ok')
})

it('a canceled order stays canceled: no reopening, no second cancel', async () => {
  const wire = await start()
  await wire.write(owner, [listing(1n), stock(1n, 1n)])
  const card = await guestOf(running.url)
  const guest = await Wire.as(running.url, card)
  expect(codeOf(await guest.write(card, [order(1n, 1n, 1n), state(1n, 3n)]))).toBe('ok')
  expect(codeOf(await guest.write(card, [state(1n, 2n)]))).toBe('ok')
  for (const to of [1n, 2n, 3n, 4n, 5n, 6n])
    expect(codeOf(await guest.write(card, [state(1n, to)]))).toBe(ErrorCode.INVALID)
  // The piece is free again.
  expect(codeOf(await guest.write(card, [order(2n, 1n, 1n), state(2n, 3n)]))).toBe('ok')
})

/** A disk that takes its time, so that a write stays in flight. */
class SlowStore extends MemoryStore {
  override async commit(commit: Commit): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 100))
    return super.commit(commit)
  }
}

async function guestOf(url: string): Promise<Uint8Array> {
  const card = newSecret()
  await enrolCard(url, card, { guest: true, wallet: '56'.repeat(32) })
  return card
}
