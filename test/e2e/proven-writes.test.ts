/** Writes in sessions of version 5 (PROOFS §4): their answers, expected_seq, sets that are sent again. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toBigEndian } from '../../src/bytes/bytes.js'
import type { Change } from '../../src/patches/patch.js'
import { encodeChange } from '../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../src/patches/patch-set.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { readLogProofAnswer, readWriteAnswer, type WriteAnswer } from '../../src/wire/proof-payloads.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  SHOP,
  stock,
  Wire,
  type Refused,
  type TestRelay,
  type WireOptions,
} from '../fixtures/relay-harness.js'
import { RejectingStore } from '../fixtures/rejecting-store.js'
import { DiskStore } from '../fixtures/store-directory.js'

const shopId = toBigEndian(SHOP, 32)
const FIVE: WireOptions = { version: 5 }

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('a write on %s', (_transport, ws) => {
  let disk: DiskStore
  let running: TestRelay
  const clerk = newSecret()
  const guest = newSecret()
  const wires: Wire[] = []

  const start = async () => {
    running = await relay({}, { ws, store: disk.store })
  }
  const as = async (card: Uint8Array, options: WireOptions = FIVE): Promise<Wire> => {
    const wire = await Wire.as(running.url, card, options)
    wires.push(wire)
    return wire
  }
  const written = async (wire: Wire, patchSet: Uint8Array, expectedSeq?: bigint): Promise<WriteAnswer | Refused> => {
    const answer = await wire.ask({ kind: 'write', patchSet, ...(expectedSeq !== undefined && { expectedSeq }) })
    return answer instanceof Uint8Array ? readWriteAnswer(answer.slice()) : answer
  }

  beforeEach(async () => {
    disk = await DiskStore.make()
    await start()
    await enrolCard(running.url, clerk)
    await enrolCard(running.url, guest, { wallet: '34'.repeat(32), guest: true })
  })

  afterEach(async () => {
    for (const wire of wires.splice(0)) await wire.close()
    expect(running.bugs).toEqual([])
    await running.stop()
    await disk.dispose()
  })

  it('tells seq, state root and state hash of its set, and the log proves it', async () => {
    const wire = await as(clerk)
    const before = disk.store.head(SHOP)
    const first = (await written(wire, wire.signed(clerk, [listing(1n)]))) as WriteAnswer
    const second = (await written(wire, wire.signed(clerk, [stock(1n, 5n)]))) as WriteAnswer
    expect([first.Seq, second.Seq]).toEqual([BigInt(before + 1), BigInt(before + 2)])
    const [record] = disk.store.pickLog(SHOP, [before + 1], 1)
    expect(first.StateHash).toEqual(record!.stateHash)
    // The next checkpoint is due a second after the first set that none covers.
    let proven: Uint8Array | Refused
    do proven = await wire.ask({ kind: 'logProof', shopId, seq: second.Seq })
    while (!(proven instanceof Uint8Array) && (await new Promise((resolve) => setTimeout(resolve, 100, true))))
    expect(readLogProofAnswer(proven as Uint8Array)).toMatchObject({ StateRoot: second.StateRoot })
  })

  it('goes through in version 4 with its state hash alone, whatever it expects', async () => {
    const wire = await as(clerk, { version: 4 })
    const answer = await wire.ask({ kind: 'write', patchSet: wire.signed(clerk, [listing(1n)]), expectedSeq: 99n })
    expect(answer).toHaveLength(32)
  })

  it('is refused where the head is another than expected, and changes nothing', async () => {
    const wire = await as(clerk)
    const head = BigInt(disk.store.head(SHOP))
    const set = wire.signed(clerk, [listing(1n)])
    const conflict = { code: ErrorCode.CONFLICT, message: `the head of the shop is ${head}, not ${head - 1n}` }
    expect(await written(wire, set, head - 1n)).toEqual(conflict)
    expect(await written(wire, set, head + 1n)).toMatchObject({ code: ErrorCode.CONFLICT })
    expect(await written(wire, set, head)).toMatchObject({ Seq: head + 1n })
  })

  it('of two that expect the same head one wins', async () => {
    const secrets = [clerk, newSecret()]
    await enrolCard(running.url, secrets[1]!)
    const pair = await Promise.all(secrets.map((secret) => as(secret)))
    for (let round = 0; round < 20; round++) {
      const head = BigInt(disk.store.head(SHOP))
      const outcomes = await Promise.all(
        pair.map((wire, i) => written(wire, wire.signed(secrets[i]!, [listing(BigInt(100 + 2 * round + i))]), head)),
      )
      expect(outcomes.filter((one) => 'Seq' in one)).toHaveLength(1)
      expect(outcomes.find((one) => 'code' in one)).toMatchObject({ code: ErrorCode.CONFLICT })
    }
  })

  it('that is sent again gets its first answer: at once, later, in another session, after a restart', async () => {
    let wire = await as(clerk)
    const head = BigInt(disk.store.head(SHOP))
    const set = wire.signed(clerk, [listing(1n), stock(1n, 5n)])
    const inQueue = await Promise.all([written(wire, set, head), written(wire, set, head)])
    const [first] = inQueue
    expect(first).toMatchObject({ Seq: head + 1n })
    expect(inQueue[1]).toEqual(first)
    for (let i = 0n; i < 40n; i++) await wire.write(clerk, [listing(10n + i)])
    expect(await written(wire, set, head)).toEqual(first)
    await wire.close()
    wire = await as(clerk)
    expect(await written(wire, set)).toEqual(first)
    await wire.close()
    await running.stop()
    await disk.reopen()
    await start()
    wire = await as(clerk)
    expect(await written(wire, set, head)).toEqual(first)
    expect(disk.store.head(SHOP)).toBe(Number(head) + 41)
    // In version 4 it is what it was.
    await wire.close()
    const four = await as(clerk, { version: 4 })
    expect(await four.ask({ kind: 'write', patchSet: set })).toMatchObject({ code: ErrorCode.INVALID })
  })

  it('under a nonce that another set has is refused, whatever it expects', async () => {
    const wire = await as(clerk)
    const signed = (nonce: bigint, changes: readonly Change[]) => {
      const patches = changes.map(encodeChange)
      const { headerBytes, signature } = signPatches({ shopId: SHOP, nonce, timestamp: 1n, patches }, clerk)
      return encodePatchSet(headerBytes, signature, patches)
    }
    expect(await written(wire, signed(7n, [listing(1n)]))).toMatchObject({ Seq: 3n })
    expect(await written(wire, signed(7n, [listing(2n)]), 3n)).toMatchObject({ code: ErrorCode.INVALID })
    expect(await written(wire, signed(6n, [listing(2n)]))).toMatchObject({ code: ErrorCode.INVALID })
    expect(await written(wire, signed(7n, [listing(1n)]))).toMatchObject({ Seq: 3n })
  })

  it('of a guest that is sent again is one order', async () => {
    const staff = await as(clerk)
    await staff.write(clerk, [listing(1n), stock(1n, 5n)])
    const wire = await as(guest)
    const set = wire.signed(guest, [order(7n, 1n, 2n)])
    const first = await written(wire, set)
    expect(first).toHaveProperty('Seq')
    expect(await written(wire, set)).toEqual(first)
  })

  it('with a field that has no name is refused, and names it', async () => {
    const wire = await as(clerk)
    const wholes: readonly (readonly [Change, string])[] = [
      [listing(1n, { Listings: 1n }), 'Listings'],
      [{ op: 'add', path: ['Tags', 'red'], value: map({ Name: 'red', Listings: [] }) }, 'Listings'],
      [listing(1n, { Metadata: map({ Title: 'x', Description: 'y', Colour: 'red' }) }), 'Colour'],
    ]
    for (const [change, name] of wholes) {
      const refused = (await written(wire, wire.signed(clerk, [change]))) as Refused
      expect([refused.code, refused.message]).toEqual([ErrorCode.INVALID, expect.stringContaining(`"${name}"`)])
    }
    await wire.close()
    const four = await as(clerk, { version: 4 })
    for (const [change] of wholes.slice(0, 2)) expect(await four.write(clerk, [change])).toHaveLength(32)
  })
})

describe('a set that cannot be stored', () => {
  it.each([
    ['full', 'nothing was changed'],
    ['failed', 'whether this one was stored'],
  ] as const)('on a %s disk is UNAVAILABLE in version 5, in version 4 what it was', async (code, text) => {
    const disk = await DiskStore.make()
    const rejecting = new RejectingStore(disk.store)
    const running = await relay({}, { store: rejecting.store })
    const clerk = newSecret()
    await enrolCard(running.url, clerk)
    for (const [version, expected] of [
      [4, ErrorCode.TOO_MANY_CONCURRENT_REQUESTS],
      [5, ErrorCode.UNAVAILABLE],
    ] as const) {
      const wire = await Wire.as(running.url, clerk, { version })
      rejecting.reject(1, code)
      const refused = (await wire.write(clerk, [listing(1n)])) as Refused
      expect([refused.code, refused.message]).toEqual([expected, expect.stringContaining(text)])
      await wire.close()
    }
    await running.stop()
    await disk.dispose()
  })
})
