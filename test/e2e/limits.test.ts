/**
 * Limits of PROTOCOL §15 that only a session shows, each on both of its sides; times by a clock that the test turns.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { request, type RequestOptions } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, describe, expect, it } from 'vitest'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { encodeChange, readPatch, type Change } from '../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../src/patches/patch-set.js'
import { enrol } from '../../src/client/enrol.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import { UNANSWERED_REQUESTS_MAX } from '../../src/limits.js'
import { Metrics } from '../../src/relay/instruments/metrics.js'
import { MemoryStore } from '../../src/store/memory.js'
import { openStore } from '../../src/store/open.js'
import type { Commit } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import type { Envelope } from '../../src/wire/messages.js'
import { TestClock } from '../fixtures/turned-clock.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  OWNER,
  SHOP,
  state,
  stock,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'
import type { RelayParts, RelaySettings } from '../../src/relay/relay.js'

let running: TestRelay
const owner = newSecret()

type Parts = Partial<RelayParts> & { ws?: boolean }

async function start(settings: Partial<RelaySettings> = {}, parts: Parts = {}): Promise<Wire> {
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

it.each([1, 2, 64])(
  'a set of %i patches too large for a frame to a client is INVALID; one just below reaches a subscriber whole',
  async (count) => {
    const wire = await start()
    await wire.subscribe([{ objectType: 1 }])
    const ids = Array.from({ length: count }, (_, i) => BigInt(i + 1))
    const textBytes = (id: bigint, more: number) => (id === 1n ? 450_000 : 200) + (id === BigInt(count) ? more : 0)
    const code = async (more: number) => {
      await wire.write(
        owner,
        ids.map((id): Change => ({ op: 'remove', path: ['Listings', id] })),
      )
      const described = (id: bigint) => map({ Title: 'x', Description: 'd'.repeat(textBytes(id, more)) })
      return codeOf(
        await wire.write(
          owner,
          ids.map((id) => listing(id, { Metadata: described(id) })),
        ),
      )
    }
    expect(await code(400_000)).toBe('ok')
    await wire.until(() => wire.sets.at(-1)?.patches.length === count)
    const room = 1_048_576 - wire.pushes.at(-1)!.bytes
    let [taken, refused] = [400_000 + room - 32, 400_000 + room + 1]
    expect([await code(taken), await code(refused)]).toEqual(['ok', ErrorCode.INVALID])
    while (refused - taken > 1) {
      const middle = Math.floor((taken + refused) / 2)
      if ((await code(middle)) === 'ok') taken = middle
      else refused = middle
    }
    const seen = wire.pushes.length
    expect(await code(taken)).toBe('ok')
    await wire.until(() => wire.pushes.length > seen && wire.sets.at(-1)!.patches[0]!.length > 400_000)
    expect(wire.sets.at(-1)!.patches).toHaveLength(count)
    // What is left is room for request ids and sequence numbers of ten bytes.
    expect(wire.pushes.at(-1)!.bytes).toBeGreaterThan(1_048_576 - 32)
    expect(wire.pushes.at(-1)!.bytes).toBeLessThanOrEqual(1_048_576)
  },
)

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

it('65,536 requests may wait for their answers, one more closes the socket with 1008', async () => {
  const store = new GatedStore()
  const wire = await start({}, { store })
  store.shut()
  const written = wire.write(owner, [listing(1n)])
  const failed = expect(written).rejects.toThrow('closed')
  const other = await Wire.open(running.url)
  const ping = (id: number) => wire.send({ requestId: BigInt(id), message: { kind: 'ping' } })
  for (let id = 10; id < 10 + UNANSWERED_REQUESTS_MAX - 1; id++) {
    ping(id)
    if (id % 8_192 === 0) await other.done({ kind: 'ping' })
  }
  for (let i = 0; i < 20; i++) await other.done({ kind: 'ping' })
  expect(wire.closed).toBeUndefined()
  ping(1_000_000)
  await wire.until(() => wire.closed !== undefined)
  expect(wire.closed).toEqual({ code: 1008, reason: 'more than 65536 requests without an answer' })
  await failed
  store.open()
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
  const wire = await start({ guestOrdersPerDayMax: 10_000 })
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
  const directory = mkdtempSync(join(tmpdir(), 'cairn-shops-'))
  const before = await openStore(join(directory, 'data'))
  await start({}, { store: before })
  const cards = Array.from({ length: 299 }, () => newSecret())
  for (const [i, card] of cards.entries()) await enrolCard(running.url, card, { shop: 1_000n + BigInt(i) })
  await running.stop()
  await before.close()
  const store = await openStore(join(directory, 'data'))
  running = await relay({}, { store })
  expect(store.shops()).toHaveLength(300)
  for (const i of [0, 254, 255, 256, 298]) {
    const shop = 1_000n + BigInt(i)
    const wire = await Wire.as(running.url, cards[i]!)
    await wire.subscribe([], 0n, shop)
    const set = wire.signed(cards[i]!, [listing(BigInt(i) + 1n)], shop)
    await wire.done({ kind: 'write', patchSet: set })
    await wire.until(() => wire.sets.length === 2)
    expect(wire.sets.map(({ seq }) => seq)).toEqual([1n, 2n])
    await wire.close()
  }
  await running.stop()
  await store.close()
  rmSync(directory, { recursive: true })
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

it('CanceledAt frees the pieces at once; then nothing but State 2 is accepted, in one set or two', async () => {
  const wire = await start()
  await wire.write(owner, [listing(1n), stock(1n, 1n)])
  const card = await guestOf(running.url)
  const guest = await Wire.as(running.url, card)
  const canceledAt = (id: bigint): Change => ({
    op: 'add',
    path: ['Orders', id, 'CanceledAt'],
    value: new CborTime(5n),
  })
  const code = async (...changes: readonly Change[]) => codeOf(await guest.write(card, changes))
  expect(await code(order(1n, 1n, 1n), state(1n, 3n))).toBe('ok')
  expect(await code(order(2n, 1n, 1n), state(2n, 3n))).toBe(ErrorCode.OUT_OF_STOCK)
  expect(await code(canceledAt(1n))).toBe('ok')
  expect(await code(order(2n, 1n, 1n), state(2n, 3n))).toBe('ok')
  expect(await code(canceledAt(1n))).toBe(ErrorCode.INVALID)
  expect(await code({ ...canceledAt(1n), op: 'replace' })).toBe(ErrorCode.INVALID)
  for (const to of [1n, 3n, 4n, 5n, 6n]) expect(await code(state(1n, to))).toBe(ErrorCode.INVALID)
  expect(await code(state(1n, 2n))).toBe('ok')
  for (const to of [1n, 2n, 3n, 4n, 5n, 6n]) expect(await code(state(1n, to))).toBe(ErrorCode.INVALID)
  expect(await code(canceledAt(2n), state(2n, 2n))).toBe('ok')
  expect(await code(order(3n, 1n, 1n), state(3n, 3n))).toBe('ok')
  expect(await code(state(3n, 2n), canceledAt(3n))).toBe(ErrorCode.INVALID)
})

it('an object of 1 MiB comes in two sets, and takes no byte more', async () => {
  const wire = await start()
  const described = (images: readonly string[]) =>
    map({ Title: 'x', Description: 'd'.repeat(600_000), ...(images.length > 0 && { Images: images }) })
  const whole = (image: string) => encode(listing(1n, { Metadata: described([image]) }).value!)
  const room = 1_048_576 - whole('i'.repeat(100_000)).length + 100_000
  expect(whole('i'.repeat(room))).toHaveLength(1_048_576)
  expect(codeOf(await wire.write(owner, [listing(1n, { Metadata: described([]) })]))).toBe('ok')
  const append = async (length: number) =>
    codeOf(
      await wire.write(owner, [
        { op: 'append', path: ['Listings', 1n, 'Metadata', 'Images'], value: 'i'.repeat(length) },
      ]),
    )
  expect([await append(room + 1), await append(room), await append(0)]).toEqual([
    ErrorCode.INVALID,
    'ok',
    ErrorCode.INVALID,
  ])
})

it('a tag has a name of 255 bytes, and no longer one', async () => {
  const wire = await start()
  const tag = async (Name: string) =>
    codeOf(await wire.write(owner, [{ op: 'add', path: ['Tags', Name], value: map({ Name, ListingIDs: [] }) }]))
  expect([await tag(`${'é'.repeat(127)}x`), await tag('é'.repeat(128))]).toEqual(['ok', ErrorCode.INVALID])
})

it('a challenge is void when another auth_request is answered, also by a refusal', async () => {
  await start()
  const card = newSecret()
  await enrolCard(running.url, card)
  for (const [between, expected] of [
    [undefined, 'ok'],
    [publicKeyOf(newSecret()), ErrorCode.INVALID],
    [new Uint8Array(32), ErrorCode.INVALID],
    [publicKeyOf(owner), ErrorCode.INVALID],
  ] as const) {
    const wire = await Wire.open(running.url)
    const challenge = await wire.done({ kind: 'authenticate', publicKey: publicKeyOf(card) })
    if (between !== undefined)
      expect(codeOf(await wire.ask({ kind: 'authenticate', publicKey: between }))).not.toBe('ok')
    const signature = sign(personalMessageDigest(challenge), card)
    expect(codeOf(await wire.ask({ kind: 'challengeSolution', signature }))).toBe(expected)
    await wire.close()
  }
})

it('1,024 requests are in flight; what is beyond is refused, not processed, and answered in its turn', async () => {
  const store = new GatedStore()
  const wire = await start({}, { store })
  store.shut()
  const first = wire.write(owner, [listing(1n)])
  const pings = Array.from({ length: 1_023 }, () => wire.ask({ kind: 'ping' }))
  const beyond = [wire.write(owner, [listing(2n)]), wire.ask({ kind: 'ping' })]
  const other = await Wire.open(running.url)
  // Its answer comes: the 1,026 requests before it were read.
  await other.done({ kind: 'ping' })
  expect(wire.events.filter((event) => event.startsWith('answer '))).toHaveLength(BEFORE)
  store.open()
  expect(codeOf(await first)).toBe('ok')
  expect((await Promise.all(pings)).map(codeOf)).toEqual(pings.map(() => 'ok'))
  expect((await Promise.all(beyond)).map(codeOf)).toEqual([
    ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
    ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
  ])
  const answered = wire.events.filter((event) => event.startsWith('answer ')).map((event) => Number(event.slice(7)))
  expect(answered).toEqual(Array.from({ length: BEFORE + 1_026 }, (_, i) => i + 1))
  expect(codeOf(await wire.write(owner, [listing(2n)]))).toBe('ok')
})

describe.each([
  ['uws', false],
  ['ws', true],
])('on %s', (_kind, ws) => {
  it.each(['close', 'terminate'] as const)(
    'a card is free as soon as its session ends by %s(): 100 times without waiting',
    async (end) => {
      // With room for one session, its place has to be free as soon.
      const wire = await start({ sessionsMax: 1, sessionsPerAddressMax: 1 }, { ws })
      wire.socket[end]()
      for (let i = 0; i < 100; i++) {
        const next = await Wire.as(running.url, owner)
        await next.subscribe()
        void next.write(owner, [listing(BigInt(i) + 1n)]).catch(() => undefined)
        next.socket[end]()
      }
      const last = await Wire.as(running.url, owner)
      expect(codeOf(await last.write(owner, [listing(1_000n)]))).toBe('ok')
    },
  )

  it('an enrolment has 16 KiB, and one byte more is 413', async () => {
    await start({}, { ws })
    const body = await enrolmentBody(running.url, newSecret())
    const beyond = await post(running.url, '127.0.0.2', body.padEnd(16_385))
    expect(beyond).toEqual([413, { handler: 'enrollKeyCard', error: expect.stringContaining('16384') as string }])
    expect(await post(running.url, '127.0.0.2', body.padEnd(16_384))).toEqual([
      201,
      { handler: 'enrollKeyCard', success: true },
    ])
  })

  it('enrolments of one address have a rate and a burst; another address is not held up', async () => {
    const clock = new TestClock()
    await start({ enrolmentsPerSecond: 2, enrolmentsBurst: 3 }, { ws, clock })
    const asked = async (address: string) => (await post(running.url, address, '{}'))[0]
    for (let i = 0; i < 3; i++) expect(await asked('127.0.0.2')).toBe(400)
    expect(await post(running.url, '127.0.0.2', '{}')).toEqual([
      429,
      { handler: 'enrollKeyCard', error: expect.any(String) as string },
    ])
    expect(await asked('127.0.0.1')).toBe(400)
    await clock.turn(499)
    expect(await asked('127.0.0.2')).toBe(429)
    await clock.turn(1)
    expect([await asked('127.0.0.2'), await asked('127.0.0.2')]).toEqual([400, 429])
    for (const path of ['/health', '/livez', '/readyz', '/testing/discovery'])
      expect((await get(running.url, '127.0.0.2', path))[0], path).toBe(200)
  })

  it('upgrades of one address have a rate and a burst; another address is not held up', async () => {
    const clock = new TestClock()
    await start({ upgradesPerSecond: 2, upgradesBurst: 3 }, { ws, clock })
    for (let i = 0; i < 3; i++) expect(await upgrade('127.0.0.2')).toBe(101)
    expect([await upgrade('127.0.0.2'), await upgrade('127.0.0.1')]).toEqual([429, 101])
    await clock.turn(499)
    expect(await upgrade('127.0.0.2')).toBe(429)
    await clock.turn(1)
    expect([await upgrade('127.0.0.2'), await upgrade('127.0.0.2')]).toEqual([101, 429])
  })

  it('sessions of one address (429) and in all (503) are counted while they live', async () => {
    const good = await start({ sessionsPerAddressMax: 2, sessionsMax: 4 }, { ws })
    const hostile = [await Wire.open(running.url, HOSTILE), await Wire.open(running.url, HOSTILE)]
    expect(await upgrade('127.0.0.2')).toBe(429)
    await hostile[0]!.close()
    hostile[0] = await Wire.open(running.url, HOSTILE)
    expect(await upgrade('127.0.0.2')).toBe(429)
    const third = await Wire.open(running.url, { localAddress: '127.0.0.3' })
    expect(await upgrade('127.0.0.1')).toBe(503)
    await third.close()
    await Wire.open(running.url)
    expect(await upgrade('127.0.0.3')).toBe(503)
    expect(codeOf(await good.write(owner, [listing(1n)]))).toBe('ok')
  })

  it('answers that wait are never dropped', async () => {
    await start({}, { ws })
    const reader = await Wire.open(running.url, HOSTILE)
    reader.socket.pause()
    for (let i = 1; i <= 15_000; i++) reader.send(longAnswer(i))
    const other = await Wire.open(running.url)
    await other.done({ kind: 'ping' })
    reader.socket.resume()
    await reader.until(() => reader.events.length === 15_000)
    expect(reader.events).toEqual(Array.from({ length: 15_000 }, (_, i) => `answer ${i + 1}`))
    expect(reader.closed).toBeUndefined()
  })

  it(
    'a client that leaves 4 MiB of answers unread is closed with 1008, and delays nobody',
    { timeout: 120_000 },
    async () => {
      const metrics = new Metrics()
      const good = await start({}, { ws, metrics })
      const deaf = await Wire.open(running.url, HOSTILE)
      deaf.socket.pause()
      const sessions = async () => Number(/^cairn_sessions (\d+)$/mu.exec(await metrics.text())![1])
      expect(await sessions()).toBe(2)
      // Some megabytes lie in the buffers of the system before any wait in the relay.
      let sent = 0
      while ((await sessions()) === 2 && sent < 1_000_000) {
        for (let i = 0; i < 10_000; i++) deaf.send(longAnswer(++sent))
        expect(codeOf(await good.ask({ kind: 'ping' }))).toBe('ok')
      }
      expect(await sessions()).toBe(1)
      deaf.socket.resume()
      await deaf.until(() => deaf.closed !== undefined, 30_000)
      expect(deaf.closed!.code).toBe(1008)
      // More than 4 MiB went out before, and without a gap.
      const answered = deaf.events.filter((event) => event.startsWith('answer '))
      expect(answered.length * 100).toBeGreaterThan(4 * 1_048_576)
      expect(answered.at(-1)).toBe(`answer ${answered.length}`)
      expect(codeOf(await good.write(owner, [listing(1n)]))).toBe('ok')
    },
  )
})

it('a session is idle from when its last subscription ended, not from when it began', async () => {
  const clock = new TestClock()
  await start({ pingIntervalMs: 86_400_000, kickTimeoutMs: 86_400_000 }, { clock })
  const wire = await Wire.open(running.url)
  const id = await wire.subscribe()
  await clock.turn(400_000)
  await wire.done({ kind: 'cancel', subscriptionId: id as Uint8Array })
  await clock.turn(299_000)
  await wire.done({ kind: 'ping' })
  expect(wire.closed).toBeUndefined()
  await clock.turn(1_500)
  await wire.until(() => wire.closed !== undefined)
  expect(wire.closed!.code).toBe(1008)
})

it.each([
  ['ahead', 600_000],
  ['back', -600_000],
])('a clock that is set %s ends no session, and pings go on', async (_where, ms) => {
  const clock = new TestClock()
  await start({ pingIntervalMs: 10_000, kickTimeoutMs: 60_000 }, { clock })
  const wire = await Wire.open(running.url)
  await wire.subscribe()
  await clock.turn(15_000)
  await wire.done({ kind: 'ping' })
  const pings = () => wire.events.filter((event) => event === 'ping').length
  const before = pings()
  clock.set(ms)
  await clock.turn(11_000)
  await wire.done({ kind: 'ping' })
  expect(wire.closed).toBeUndefined()
  expect(pings()).toBeGreaterThan(before)
  // Silence counts as before.
  wire.answering = false
  await clock.turn(70_000)
  await wire.until(() => wire.closed !== undefined)
  expect(wire.closed).toEqual({ code: 1008, reason: 'no sign of life' })
})

const HOSTILE = { localAddress: '127.0.0.2' }
/** Answers that a session of `start` has had: challenge and solution. */
const BEFORE = 2

/** The status of an upgrade from an address. */
function upgrade(localAddress: string): Promise<number> {
  return Wire.open(running.url, { localAddress }).then(
    () => 101,
    (error: Error) => Number(/\d{3}/u.exec(error.message)?.[0]),
  )
}

/** A request with a short frame and an answer of more than 100 bytes. */
function longAnswer(id: number): Envelope {
  const shopId = new Uint8Array(32).fill(255)
  return { requestId: BigInt(id), message: { kind: 'subscribe', startSeq: 0n, shopId, filters: [] } }
}

type Answer = readonly [status: number, body: unknown]

const get = (url: string, localAddress: string, path: string) => call(new URL(path, url), { localAddress })
const post = (url: string, localAddress: string, body: string) =>
  call(new URL('/v4/enroll_key_card', url), { localAddress, method: 'POST' }, body)

function call(url: URL, options: RequestOptions, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve([response.statusCode ?? 0, JSON.parse(text)]))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** What a client posts to enrol the card. */
async function enrolmentBody(url: string, card: Uint8Array): Promise<string> {
  const account = privateKeyToAccount(`0x${OWNER}`)
  let asked = ''
  const wallet = {
    address: account.address,
    signMessage: ({ message }: { message: string }) => {
      asked = message
      return Promise.reject(new Error('seen'))
    },
  }
  await enrol({ url, shop: SHOP, card: publicKeyOf(card), wallet }).catch(() => undefined)
  const signature = Buffer.from((await account.signMessage({ message: asked })).slice(2), 'hex').toString('base64')
  return JSON.stringify({ message: asked, signature })
}

/** A store whose commits wait while it is shut. */
class GatedStore extends MemoryStore {
  private gate = Promise.resolve()
  open: () => void = () => undefined

  shut(): void {
    this.gate = new Promise((resolve) => (this.open = resolve))
  }

  override async commit(commit: Commit): Promise<void> {
    await this.gate
    return super.commit(commit)
  }
}

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
