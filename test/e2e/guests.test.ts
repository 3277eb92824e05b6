/**
 * What one guest's card may do, which costs nothing to have (PROTOCOL §11, §15): stock that it holds, orders that it
 * makes and has live, patches of a set, bytes in a short time. Times by a clock that the test turns.
 */

import { afterEach, describe, expect, it } from 'vitest'
import { CborTime } from '../../src/codec/value.js'
import type { Change } from '../../src/patches/patch.js'
import type { RelayParts, RelaySettings } from '../../src/relay/relay.js'
import { MemoryStore } from '../../src/store/memory.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  state,
  stock,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'

let running: TestRelay
const owner = newSecret()
/** Days may pass without a word. */
const PATIENT = { pingIntervalMs: 1e12, kickTimeoutMs: 2e12 }

async function start(settings: Partial<RelaySettings> = {}, parts: Partial<RelayParts> = {}): Promise<Wire> {
  running = await relay({ ...PATIENT, ...settings }, parts)
  await enrolCard(running.url, owner)
  const wire = await Wire.as(running.url, owner)
  expect(await wire.write(owner, [listing(1n), stock(1n, 100n)])).toBeInstanceOf(Uint8Array)
  return wire
}

afterEach(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** A guest's card and a session of it: what a set of changes is answered. */
async function guest(secret = newSecret(), isNew = true) {
  if (isNew) await enrolCard(running.url, secret, { guest: true, wallet: '56'.repeat(32) })
  const wire = await Wire.as(running.url, secret)
  const write = async (...changes: readonly Change[]) => answerOf(await wire.write(secret, changes))
  return { secret, wire, write }
}

const NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]))

const answerOf = (answer: Uint8Array | Refused) =>
  answer instanceof Uint8Array ? 'ok' : `${NAMES.get(answer.code)}: ${answer.message}`

/** An order that is added as Committed, as some clients do. */
const committed = (id: bigint, quantity = 1n, listingId = 1n): Change => ({
  op: 'add',
  path: ['Orders', id],
  value: map({ ID: id, State: 3n, Items: [map({ ListingID: listingId, Quantity: quantity })] }),
})
const cancel = (id: bigint): Change => ({ op: 'add', path: ['Orders', id, 'CanceledAt'], value: new CborTime(5n) })
const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => BigInt(from + i))

const LIVE = /^TOO_MANY_CONCURRENT_REQUESTS: .*live orders; cancel one, or try again in (\d+) s$/u
const DAILY = /^TOO_MANY_CONCURRENT_REQUESTS: .*orders in 24 hours; try again in (\d+) s$/u
const BYTES = /^TOO_MANY_CONCURRENT_REQUESTS: this card wrote more .*; try again in (\d+) s$/u
const secondsOf = (answer: string, what: RegExp) => Number(what.exec(answer)?.[1])

describe('an order that a guest adds as Committed', () => {
  it('is accepted whatever it wants, and forty of 2^32 − 1 pieces leave to others what comes into stock', async () => {
    const wire = await start()
    const { write } = await guest()
    expect(await write(...ids(1, 40).map((id) => committed(id, 2n ** 32n - 1n)))).toBe('ok')
    const other = await guest()
    expect(await other.write(order(99n, 1n, 1n), state(99n, 3n))).toMatch(/^OUT_OF_STOCK/u)
    await wire.write(owner, [{ op: 'increment', path: ['Inventory', 1n], value: 5n }])
    expect(await other.write(order(99n, 1n, 5n), state(99n, 3n))).toBe('ok')
    // What the first one held is all that there was; the others held nothing.
    expect(await write(...ids(2, 40).map(cancel))).toBe('ok')
    expect(await other.write(order(98n, 1n, 1n), state(98n, 3n))).toMatch(/^OUT_OF_STOCK/u)
    expect(await write(cancel(1n))).toBe('ok')
    expect(await other.write(order(98n, 1n, 100n), state(98n, 3n))).toBe('ok')
  })

  it('holds after a restart what it held before, whatever the limits and durations are then', async () => {
    const store = new MemoryStore()
    const wire = await start({}, { store })
    const { write } = await guest()
    expect(await write(committed(1n, 70n), committed(2n, 70n))).toBe('ok')
    await wire.write(owner, [{ op: 'increment', path: ['Inventory', 1n], value: 7n }])
    let id = 99n
    for (const settings of [{}, { guestLiveOrdersMax: 1, guestOrdersPerDayMax: 1, reservationSeconds: 5 }]) {
      await running.stop()
      running = await relay(settings, { store: replayed(store) })
      const other = await guest()
      expect(await other.write(order(id, 1n, 8n), state(id, 3n))).toMatch(/^OUT_OF_STOCK/u)
      expect(await other.write(order(id, 1n, 7n), state(id, 3n))).toBe('ok')
      expect(await other.write(cancel(id++))).toBe('ok')
    }
  })
})

describe('live orders of a guest’s card', () => {
  it('are 100, however they came to be; nothing of a set beyond is checked, and it says how long to wait', async () => {
    const clock = new TestClock(1_800_000_000_000)
    await start({}, { clock })
    const { write } = await guest()
    expect(await write(...ids(1, 99).map((id) => committed(id)))).toBe('ok')
    await clock.turn(1_000_000)
    expect(await write(order(100n, 1n, 1n), state(100n, 3n))).toBe('ok')
    // No such listing, no stock, a value of nonsense: it is not said which.
    for (const changes of [
      [committed(101n, 1n, 7n)],
      [order(101n, 1n, 10_000n), state(101n, 3n)],
      [committed(101n), { op: 'replace', path: ['Orders', 1n, 'Items'], value: 'nonsense' } as Change],
    ])
      expect(secondsOf(await write(...changes), LIVE)).toBe(86_400 - 1_000)
    // What commits nothing goes on, and another card is not concerned.
    expect(await write(order(101n, 1n, 1n))).toBe('ok')
    expect(await (await guest()).write(committed(200n))).toBe('ok')
    expect(await write(cancel(7n))).toBe('ok')
    expect(await write(state(101n, 3n))).toBe('ok')
  })

  it('end with their reservations, which share signed sets', async () => {
    const clock = new TestClock(1_800_000_000_000)
    const wire = await start({ reservationSeconds: 600, guestLiveOrdersMax: 50 }, { clock })
    const [first, second] = [await guest(), await guest()]
    for (const [i, { write }] of [first, second].entries())
      expect(await write(...ids(1, 50).map((id) => committed(id + BigInt(i) * 100n)))).toBe('ok')
    await wire.subscribe([{ objectType: 3 }])
    await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
    const sets = wire.sets.length
    expect(secondsOf(await first.write(committed(51n)), LIVE)).toBe(600)
    await clock.turn(601_000)
    await wire.until(() => wire.sets.length === sets + 5)
    expect(wire.sets.slice(sets).map(({ patches }) => patches.length)).toEqual(Array<number>(5).fill(40))
    expect(await first.write(...ids(51, 100).map((id) => committed(id)))).toBe('ok')
  })
})

describe('orders that a guest’s card makes in 24 hours', () => {
  it('are counted with those that were canceled and removed, and across a restart', async () => {
    const clock = new TestClock(1_800_000_000_000)
    const store = new MemoryStore()
    await start({ guestOrdersPerDayMax: 10 }, { clock, store })
    const { secret, write } = await guest()
    const commitAndCancel = async (id: bigint) => {
      expect(await write(order(id, 1n, 1n), state(id, 3n))).toBe('ok')
      expect(await write(state(id, 2n), { op: 'remove', path: ['Orders', id] })).toBe('ok')
    }
    for (const id of ids(1, 9)) await commitAndCancel(id)
    await clock.turn(1_000_000)
    await commitAndCancel(1n)
    expect(secondsOf(await write(order(20n, 1n, 1n)), DAILY)).toBe(86_400 - 1_000)
    let again = await guest()
    for (const from of [store, replayed(store)]) {
      await running.stop()
      running = await relay({ ...PATIENT, guestOrdersPerDayMax: 10 }, { clock, store: from })
      again = await guest(secret, false)
      expect(secondsOf(await again.write(order(20n, 1n, 1n)), DAILY)).toBe(86_400 - 1_000)
    }
    await clock.turn(86_400_000 - 1_000_000 - 1)
    expect(secondsOf(await again.write(order(20n, 1n, 1n)), DAILY)).toBe(1)
    await clock.turn(1)
    expect(await again.write(...ids(20, 28).map((id) => order(id, 1n, 1n)))).toBe('ok')
    expect(secondsOf(await again.write(order(29n, 1n, 1n)), DAILY)).toBe(1_000)
  })

  it('are 1,000 where no setting says otherwise, and staff’s are not counted', async () => {
    const wire = await start()
    const { write } = await guest()
    for (const from of [1, 251, 501, 751])
      expect(await write(...ids(from, from + 249).map((id) => order(id, 1n, 1n)))).toBe('ok')
    expect(await write(order(1_001n, 1n, 1n))).toMatch(DAILY)
    for (const from of [2_001, 2_601])
      expect(
        answerOf(
          await wire.write(
            owner,
            ids(from, from + 599).map((id) => committed(id, 1n)),
          ),
        ),
      ).toBe('ok')
  })
})

it('a guest’s set has 256 patches, and one more is INVALID; staff’s has as many as fit', async () => {
  const wire = await start()
  const { write } = await guest()
  expect(await write(...ids(1, 257).map((id) => order(id, 1n, 1n)))).toMatch(/^INVALID: .*at most 256 patches/u)
  expect(await write(...ids(1, 256).map((id) => order(id, 1n, 1n)))).toBe('ok')
  expect(
    answerOf(
      await wire.write(
        owner,
        ids(300, 700).map((id) => order(id, 1n, 1n)),
      ),
    ),
  ).toBe('ok')
})

describe('bytes of a guest’s sets', () => {
  const RATE = { guestBytesPerSecond: 1_000, guestBytesBurst: 20_000 }

  it('have a rate and a burst: beyond nothing is checked, not even the signature', async () => {
    const clock = new TestClock(1_800_000_000_000)
    await start(RATE, { clock })
    const { secret, wire, write } = await guest()
    const forged = () => wire.signed(newSecret(), [order(1n, 1n, 1n)])
    const ask = async (patchSet: Uint8Array) => answerOf(await wire.ask({ kind: 'write', patchSet }))
    let spent = 0
    for (let set = forged(); spent < 20_000; spent += set.length) expect(await ask(set)).toMatch(/^INVALID: Signature/u)
    const wait = Math.ceil((spent - 20_000 + 1) / 1_000)
    expect(secondsOf(await ask(forged()), BYTES)).toBe(wait)
    expect(secondsOf(await ask(new Uint8Array(3)), BYTES)).toBe(wait)
    expect(await write(order(1n, 1n, 1n))).toMatch(BYTES)
    // A new session of the card has no more, and its other requests are answered.
    await wire.close()
    const again = await guest(secret, false)
    expect(await again.write(order(1n, 1n, 1n))).toMatch(BYTES)
    expect(answerOf(await again.wire.ask({ kind: 'ping' }))).toBe('ok')
    await clock.turn(wait * 1_000)
    expect(await again.write(order(1n, 1n, 1n))).toBe('ok')
  })

  it('bound commit and cancel as an oracle of stock, and concern neither another card nor staff', async () => {
    const clock = new TestClock(1_800_000_000_000)
    const wire = await start(RATE, { clock })
    const { write } = await guest()
    expect(await write(order(1n, 1n, 64n))).toBe('ok')
    const answers: string[] = []
    for (let i = 0; i < 200; i++) answers.push(await write(state(1n, 3n), state(1n, 2n), state(1n, 3n)))
    expect(answers.filter((answer) => answer.startsWith('INVALID')).length).toBeLessThan(100)
    expect(answers.at(-1)).toMatch(BYTES)
    expect(await (await guest()).write(order(9n, 1n, 1n))).toBe('ok')
    for (let i = 2; i < 202; i++) expect(answerOf(await wire.write(owner, [listing(BigInt(i))]))).toBe('ok')
  })

  it('are no bound to ordinary shopping: 500 clicks as fast as they are answered, and a large order', async () => {
    await start({ guestOrdersPerDayMax: 10_000 })
    const { write } = await guest()
    const Items = Array.from({ length: 1_000 }, () => map({ ListingID: 1n, Quantity: 1n }))
    const large: Change = { op: 'add', path: ['Orders', 2n], value: map({ ID: 2n, State: 1n, Items }) }
    expect(await write(order(1n, 1n, 1n))).toBe('ok')
    for (let i = 0; i < 500; i++)
      expect(await write({ op: 'increment', path: ['Orders', 1n, 'Items', 0n, 'Quantity'], value: 1n })).toBe('ok')
    expect(await write(large)).toBe('ok')
  })
})

/** The same log without what was derived from it. */
function replayed(store: MemoryStore): MemoryStore {
  return Object.assign(Object.create(store) as MemoryStore, { derived: () => undefined })
}
