/** Subscriptions, pushes and the relay's own sets over real sockets (PROTOCOL §8, §10, §11). */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { be64, equalBytes, utf8 } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { verifyPatchProofs } from '../../src/merkle/patch-proof.js'
import { Header, signerOf } from '../../src/patches/patch-set.js'
import { readPatch } from '../../src/patches/patch.js'
import { MemoryStore } from '../../src/store/memory.js'
import { openStore } from '../../src/store/open.js'
import type { Commit } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { ObjectType } from '../../src/wire/messages.js'
import type { PushedSet } from '../../src/wire/pushed-set.js'
import {
  enrolCard,
  listing,
  newSecret,
  order,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'

function pathsOf(sets: readonly PushedSet[]): string[] {
  return sets.flatMap((set) =>
    set.patches.map((patch) =>
      readPatch(patch)
        .path.slice(0, 2)
        .map((part) => (part instanceof Uint8Array ? toHex(part) : String(part)))
        .join('/'),
    ),
  )
}

/** Signature, proofs and order of everything that was pushed. */
function verify(sets: readonly PushedSet[], keys: readonly Uint8Array[], relayAddress: Uint8Array): void {
  let last = 0n
  for (const set of sets) {
    expect(set.seq).toBeGreaterThan(last)
    last = set.seq
    const header = Header.read(decode(set.header), 'Header')
    expect(header.ShopID).toBe(SHOP)
    const leaves = verifyPatchProofs(set.proofs, set.patches, header.RootHash)
    expect(leaves[0]!.leafIndex).toBe(set.leafIndex)
    const signer = signerOf(set.header, set.signature)!
    expect(equalBytes(addressOf(signer), relayAddress) || keys.some((key) => equalBytes(key, signer))).toBe(true)
  }
}

describe('subscriptions', () => {
  const [owner, guest, other] = [newSecret(), newSecret(), newSecret()]
  let running: TestRelay
  let clerk: Wire

  beforeAll(async () => {
    running = await relay()
    await enrolCard(running.url, owner)
    await enrolCard(running.url, guest, { guest: true })
    await enrolCard(running.url, other, { guest: true })
    clerk = await Wire.as(running.url, owner)
    await clerk.done({
      kind: 'write',
      patchSet: clerk.signed(owner, [listing(1n), listing(2n), stock(1n, 10n), stock(2n, 5n)]),
    })
    for (const [secret, id] of [
      [guest, 11n],
      [other, 12n],
    ] as const) {
      const wire = await Wire.as(running.url, secret)
      await wire.done({ kind: 'write', patchSet: wire.signed(secret, [order(id, 1n, 1n)]) })
      await wire.close()
    }
  })

  afterAll(async () => {
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  async function seen(wire: Wire, filters: { objectType: number; objectId?: Uint8Array }[] = []): Promise<string[]> {
    const id = await wire.subscribe(filters)
    expect(id).toEqual(Uint8Array.of(0, 1))
    await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
    verify(wire.sets, [owner, guest, other].map(publicKeyOf), running.address)
    const paths = pathsOf(wire.sets)
    await wire.close()
    return paths
  }

  it('of a visitor hold what is public', async () => {
    const paths = await seen(await Wire.open(running.url))
    expect(paths).toContain('Manifest')
    expect(paths).toContain('Listings/1')
    expect(paths.some((path) => path.startsWith('Accounts/'))).toBe(true)
    expect(paths.filter((path) => /Orders|Inventory/u.test(path))).toEqual([])
  })

  it('of a guest hold his own orders too', async () => {
    const paths = await seen(await Wire.as(running.url, guest))
    expect(paths).toContain('Orders/11')
    expect(paths).not.toContain('Orders/12')
    expect(paths.filter((path) => path.startsWith('Inventory'))).toEqual([])
  })

  it('of the owner hold everything, or what the filters select', async () => {
    const all = pathsOf(await everything())
    expect(all).toEqual(expect.arrayContaining(['Manifest', 'Listings/2', 'Inventory/1', 'Orders/11', 'Orders/12']))
    const card = newSecret()
    await enrolCard(running.url, card)
    const one = await Wire.as(running.url, card)
    await one.subscribe([
      { objectType: ObjectType.LISTING, objectId: be64(2n) },
      { objectType: ObjectType.INVENTORY, objectId: be64(1n) },
    ])
    await one.until(() => one.statuses.some(([, left]) => left === 0n))
    expect(pathsOf(one.sets)).toEqual(['Listings/2', 'Inventory/1'])
    expect(one.sets[0]!.leafIndex).toBe(1)
    await one.close()
  })

  async function everything(): Promise<PushedSet[]> {
    const card = newSecret()
    await enrolCard(running.url, card)
    const wire = await Wire.as(running.url, card)
    await wire.subscribe()
    await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
    await wire.close()
    return wire.sets
  }

  it.each([
    ['an order by a visitor', 'visitor', { objectType: ObjectType.ORDER }],
    ['inventory by a visitor', 'visitor', { objectType: ObjectType.INVENTORY }],
    ['inventory by a guest', 'guest', { objectType: ObjectType.INVENTORY }],
    ['a foreign order by a guest', 'guest', { objectType: ObjectType.ORDER, objectId: be64(12n) }],
    ['object type 0', 'guest', { objectType: 0 }],
    ['object type 7', 'guest', { objectType: 7 }],
    ['a listing id of 7 bytes', 'guest', { objectType: ObjectType.LISTING, objectId: new Uint8Array(7) }],
    ['an account id of 21 bytes', 'guest', { objectType: ObjectType.ACCOUNT, objectId: new Uint8Array(21) }],
    ['a tag of 256 bytes', 'guest', { objectType: ObjectType.TAG, objectId: utf8('x'.repeat(256)) }],
    ['an id with the manifest', 'guest', { objectType: ObjectType.MANIFEST, objectId: Uint8Array.of(1) }],
  ])('refuse %s', async (_what, who, filter) => {
    const wire = who === 'guest' ? await Wire.as(running.url, guest) : await Wire.open(running.url)
    expect((await wire.subscribe([filter])) as Refused).toMatchObject({ code: ErrorCode.INVALID })
    await wire.close()
  })

  it('accept what stands beside that', async () => {
    const wire = await Wire.as(running.url, guest)
    const legal = [
      { objectType: ObjectType.ORDER, objectId: be64(11n) },
      { objectType: ObjectType.ORDER, objectId: be64(999n) },
      { objectType: ObjectType.TAG, objectId: utf8('x'.repeat(255)) },
      { objectType: ObjectType.LISTING, objectId: be64(404n) },
    ]
    expect(await wire.subscribe(legal)).toEqual(Uint8Array.of(0, 1))
    expect(await wire.subscribe(Array.from({ length: 64 }, () => ({ objectType: ObjectType.TAG })))).toEqual(
      Uint8Array.of(0, 2),
    )
    expect(
      (await wire.subscribe(Array.from({ length: 65 }, () => ({ objectType: ObjectType.TAG })))) as Refused,
    ).toMatchObject({ code: ErrorCode.INVALID })
    await wire.close()
  })

  it('refuse an unknown shop, a start beyond the head, the 65th; ids are never used again', async () => {
    const wire = await Wire.open(running.url)
    expect((await wire.subscribe([], 0n, SHOP + 1n)) as Refused).toMatchObject({ code: ErrorCode.NOT_FOUND })
    const beyond = (await wire.subscribe([], 10_000n)) as Refused
    expect(beyond.code).toBe(ErrorCode.NOT_FOUND)
    expect(beyond.message).toMatch(/10000.*\d/u)
    for (let i = 1; i <= 64; i++)
      expect(await wire.subscribe([{ objectType: ObjectType.MANIFEST }])).toEqual(Uint8Array.of(0, i))
    expect((await wire.subscribe()) as Refused).toMatchObject({ code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS })
    expect(await wire.ask({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 64) })).toEqual(new Uint8Array(0))
    expect((await wire.ask({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 64) })) as Refused).toMatchObject({
      code: ErrorCode.NOT_FOUND,
    })
    expect((await wire.ask({ kind: 'cancel', subscriptionId: Uint8Array.of(1) })) as Refused).toMatchObject({
      code: ErrorCode.INVALID,
    })
    expect(await wire.subscribe([{ objectType: ObjectType.MANIFEST }])).toEqual(Uint8Array.of(0, 65))
    await wire.close()
  })

  it('made before authentication stay a visitor’s', async () => {
    const wire = await Wire.open(running.url)
    await wire.subscribe()
    await wire.authenticate(guest)
    await wire.done({ kind: 'write', patchSet: wire.signed(guest, [order(21n, 1n, 1n)]) })
    await clerk.done({
      kind: 'write',
      patchSet: clerk.signed(owner, [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n }]),
    })
    await wire.until(() => pathsOf(wire.sets.slice(-1)).includes('Listings/1'))
    expect(pathsOf(wire.sets).filter((path) => path.startsWith('Orders'))).toEqual([])
    await wire.close()
  })

  it('end by an error answered to a push, and only they', async () => {
    const wire = await Wire.open(running.url)
    wire.answering = false
    await wire.subscribe([{ objectType: ObjectType.MANIFEST }])
    await wire.until(() => wire.pushes.length === 1)
    wire.send({
      requestId: wire.pushes[0]!.requestId,
      message: { kind: 'response', error: { code: ErrorCode.INVALID, message: 'no' } },
    })
    expect((await wire.ask({ kind: 'cancel', subscriptionId: Uint8Array.of(0, 1) })) as Refused).toMatchObject({
      code: ErrorCode.NOT_FOUND,
    })
    wire.send({ requestId: wire.pushes[0]!.requestId, message: { kind: 'response', payload: new Uint8Array(0) } })
    expect(await wire.ask({ kind: 'ping' })).toBeInstanceOf(Uint8Array)
    await wire.close()
  })

  it(
    'wait after 8 unanswered pushes and go on when answered; a push has at most 64 sets and 1 MiB',
    { timeout: 120_000 },
    async () => {
      const writes = Array.from({ length: 900 }, (_, i) =>
        clerk.write(owner, [{ op: 'replace', path: ['Listings', 2n, 'Price'], value: BigInt(i) }]),
      )
      await Promise.all(writes)
      const wire = await Wire.open(running.url)
      wire.answering = false
      await wire.subscribe([{ objectType: ObjectType.LISTING, objectId: be64(2n) }])
      await wire.until(() => wire.pushes.length === 8)
      await wire.ask({ kind: 'ping' })
      expect(wire.pushes).toHaveLength(8)
      expect(wire.sets).toHaveLength(512)
      wire.answering = true
      for (const { requestId } of wire.pushes.splice(0))
        wire.send({ requestId, message: { kind: 'response', payload: new Uint8Array(0) } })
      await wire.until(() => wire.sets.length === 901)
      expect(Math.max(...wire.pushes.map(({ sets }) => sets))).toBeLessThanOrEqual(64)
      verify(wire.sets, [publicKeyOf(owner)], running.address)
      await wire.close()
    },
  )

  it('give 15 newcomers 250 listings each, written as one set and one by one', async () => {
    await clerk.done({
      kind: 'write',
      patchSet: clerk.signed(
        owner,
        Array.from({ length: 250 }, (_, i) => listing(BigInt(5_000 + i))),
      ),
    })
    await Promise.all(Array.from({ length: 250 }, (_, i) => clerk.write(owner, [listing(BigInt(6_000 + i))])))
    const newcomers = await Promise.all(Array.from({ length: 15 }, () => Wire.open(running.url)))
    await Promise.all(
      newcomers.map(async (wire) => {
        await wire.subscribe([{ objectType: ObjectType.LISTING }])
        await wire.until(
          () => pathsOf(wire.sets).filter((path) => /Listings\/[56]\d{3}$/u.test(path)).length === 500,
          30_000,
        )
        await wire.close()
      }),
    )
  })
})

describe('push delay', () => {
  it.each([0, 20, 100])('of %i ms: the answer, then the echo that long after', async (pushDelayMs) => {
    const running = await relay({ pushDelayMs })
    const secret = newSecret()
    await enrolCard(running.url, secret)
    const wire = await Wire.as(running.url, secret)
    await wire.subscribe()
    await wire.until(() => wire.sets.length === 1 && wire.statuses.length >= 1)
    wire.events.length = 0
    const started = performance.now()
    await wire.done({ kind: 'write', patchSet: wire.signed(secret, [listing(1n)]) })
    await wire.until(() => wire.sets.length === 2)
    expect(performance.now() - started).toBeGreaterThanOrEqual(pushDelayMs - 2)
    const order = wire.events.filter((event) => /answer|push/u.test(event)).map((event) => event.split(' ')[0])
    expect(order).toEqual(['answer', 'push'])
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('the relay’s own sets', () => {
  it('enrol, cancel what a removed listing leaves behind, and end reservations by the clock', async () => {
    let now = 1_800_000_000_000
    const timers: { at: number; act: () => void }[] = []
    const clock = {
      nowMs: () => now,
      after: (ms: number, act: () => void) => {
        const timer = { at: now + ms, act }
        timers.push(timer)
        return () => void timers.splice(timers.indexOf(timer), 1)
      },
    }
    const pass = (ms: number) => {
      now += ms
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1)
        timer.act()
      }
    }
    const running = await relay(
      { kickTimeoutMs: 10 ** 12, pingIntervalMs: 10 ** 11, idleSessionSeconds: 10 ** 9 },
      { clock },
    )
    const secret = newSecret()
    await enrolCard(running.url, secret)
    const wire = await Wire.as(running.url, secret)
    await wire.subscribe()
    const manifest = readPatch((await firstSet(wire)).patches[0]!)
    expect(toHex(manifest.bytes)).toContain('6653686f7049441b000000000000004d')
    await wire.done({
      kind: 'write',
      patchSet: wire.signed(secret, [listing(1n), listing(2n), stock(1n, 9n), stock(2n, 9n)]),
    })
    await wire.done({
      kind: 'write',
      patchSet: wire.signed(secret, [order(31n, 1n, 2n), state(31n, 3n), order(32n, 2n, 8n), state(32n, 3n)]),
    })
    expect((await wire.write(secret, [order(33n, 2n, 2n), state(33n, 3n)])) as Refused).toMatchObject({
      code: ErrorCode.OUT_OF_STOCK,
      objectId: 2n,
    })
    await wire.done({ kind: 'write', patchSet: wire.signed(secret, [{ op: 'remove', path: ['Listings', 1n] }]) })
    await wire.until(() => wire.sets.length >= 5)
    expect(pathsOf(wire.sets.slice(-1))).toEqual(['Orders/31', 'Orders/31'])
    for (let i = 0; i < 3; i++) pass(86_400_000 / 2)
    await wire.until(() => pathsOf(wire.sets.slice(-1))[0] === 'Orders/32')
    await wire.done({ kind: 'write', patchSet: wire.signed(secret, [order(34n, 2n, 9n), state(34n, 3n)]) })
    verify(wire.sets, [publicKeyOf(secret)], running.address)
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  async function firstSet(wire: Wire): Promise<PushedSet> {
    await wire.until(() => wire.sets.length > 0)
    return wire.sets[0]!
  }

  it('a removed card’s session gets its last set, then answers, then 1008', async () => {
    const running = await relay({ pushDelayMs: 100 })
    const [owner, card] = [newSecret(), newSecret()]
    await enrolCard(running.url, owner)
    await enrolCard(running.url, card)
    const boss = await Wire.as(running.url, owner)
    const gone = await Wire.as(running.url, card)
    await gone.subscribe()
    await gone.until(() => gone.sets.length === 2)
    const account = addressOf(publicKeyOf(Buffer.from('12'.repeat(32), 'hex')))
    await boss.done({
      kind: 'write',
      patchSet: boss.signed(owner, [{ op: 'remove', path: ['Accounts', account, 'KeyCards', 1n] }]),
    })
    await gone.until(() => gone.closed !== undefined)
    expect(gone.sets.map(({ seq }) => seq)).toEqual([1n, 2n, 3n])
    expect(gone.closed).toEqual({ code: 1008, reason: 'Key Card was removed from the Shop' })
    const again = await Wire.open(running.url)
    expect((await again.ask({ kind: 'authenticate', publicKey: publicKeyOf(card) })) as Refused).toMatchObject({
      code: ErrorCode.UNLINKED_KEYCARD,
    })
    await enrolCard(running.url, card)
    await (await Wire.as(running.url, card)).close()
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('a card that is removed within a batch', () => {
  it.each([
    [0, false],
    [0, true],
    [100, false],
    [100, true],
  ])('gets sets up to its removal and none behind it (delay %i ms, ws %s)', async (pushDelayMs, ws) => {
    const store = new GatedStore()
    const running = await relay({ pushDelayMs }, { store, ws })
    const [owner, card] = [newSecret(), newSecret()]
    await enrolCard(running.url, owner)
    await enrolCard(running.url, card)
    const boss = await Wire.as(running.url, owner)
    const gone = await Wire.as(running.url, card)
    const watcher = await Wire.open(running.url)
    await gone.subscribe()
    await watcher.subscribe()
    for (const wire of [gone, watcher]) await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
    const account = addressOf(publicKeyOf(Buffer.from('12'.repeat(32), 'hex')))
    // Behind two enrolments and two listings.
    const removal = 5
    store.isShut = true
    // The first is a batch of its own; those behind it are one, or some where the machine is busy.
    const writes = [boss.write(owner, [listing(1n)])]
    await vi.waitFor(() => expect(store.waiting).toHaveLength(1), 20_000)
    writes.push(
      boss.write(owner, [listing(2n)]),
      boss.write(owner, [{ op: 'remove', path: ['Accounts', account, 'KeyCards', 1n] }]),
      boss.write(owner, [order(99n, 1n, 1n)]),
      boss.write(owner, [listing(3n)]),
    )
    for (let i = 0; i < 3; i++) await watcher.ask({ kind: 'ping' })
    do {
      store.waiting.shift()!()
      await vi.waitFor(() => expect(store.waiting).toHaveLength(1), 20_000)
    } while (store.lastSeq < removal)
    gone.events.length = 0
    // Behind a write that cannot be answered yet: neither may the subscription, nor may anything be pushed for it.
    const refused = gone.write(card, [listing(4n)])
    const second = gone.subscribe()
    for (let i = 0; i < 3; i++) await watcher.ask({ kind: 'ping' })
    store.isShut = false
    store.waiting.shift()!()
    for (const written of writes) expect(await written).toBeInstanceOf(Uint8Array)
    expect(await refused).toMatchObject({ code: ErrorCode.UNLINKED_KEYCARD })
    expect(await second).toEqual(Uint8Array.of(0, 2))
    await gone.until(() => gone.closed !== undefined)
    expect(gone.closed!.code).toBe(1008)
    await watcher.until(() => watcher.sets.at(-1)?.seq === 7n)
    const firstSubscription = gone.sets.slice(0, 5).map(({ seq }) => seq)
    expect(firstSubscription).toEqual([1n, 2n, 3n, 4n, 5n])
    expect(Math.max(...gone.sets.map(({ seq }) => Number(seq)))).toBe(removal)
    // The removed card's last frames: the answers, then what the second subscription has a right to, if anything.
    const answers = gone.events.flatMap((event, at) => (event.startsWith('answer') ? [at] : []))
    expect(answers).toHaveLength(2)
    const early = gone.events.slice(0, answers[1]).filter((event) => /^(?:push 1|status)/u.test(event))
    expect(early).toEqual([])
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('a restart', () => {
  it('gives by filters what it gave before, from the object index', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cairn-restart-'))
    const [owner, guest] = [newSecret(), newSecret()]
    const filters = [
      [{ objectType: ObjectType.LISTING, objectId: be64(3n) }],
      [{ objectType: ObjectType.LISTING, objectId: be64(3n) }, { objectType: ObjectType.ACCOUNT }],
      [{ objectType: ObjectType.MANIFEST }, { objectType: ObjectType.INVENTORY, objectId: be64(5n) }],
      [{ objectType: ObjectType.ORDER }],
      [
        { objectType: ObjectType.ORDER, objectId: be64(7n) },
        { objectType: ObjectType.LISTING, objectId: be64(1n) },
      ],
    ]
    const heldBy = async (url: string, secret: Uint8Array, wanted: (typeof filters)[number]) => {
      const wire = await Wire.as(url, secret)
      await wire.subscribe(wanted)
      await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
      await wire.close()
      return wire.sets.map(({ seq, leafIndex, patches }) => [seq, leafIndex, patches.map(toHex)])
    }
    const held = async (url: string) => {
      const all: unknown[] = []
      for (const wanted of filters) all.push(await heldBy(url, owner, wanted))
      all.push(await heldBy(url, guest, filters[3]!), await heldBy(url, guest, filters[4]!))
      return all
    }
    let before: unknown
    for (let round = 0; round < 3; round++) {
      const store = await openStore(join(directory, 'data'))
      const running = await relay({}, { store })
      if (round === 0) {
        await enrolCard(running.url, owner)
        await enrolCard(running.url, guest, { guest: true })
        const wire = await Wire.as(running.url, owner)
        for (let i = 1n; i <= 8n; i++) await wire.write(owner, [listing(i), stock(i, 10n + i)])
        for (let i = 0n; i < 60n; i++)
          await wire.write(owner, [
            { op: 'replace', path: ['Listings', 1n + (i % 8n), 'Price'], value: i },
            { op: 'replace', path: ['Inventory', 1n + ((3n * i) % 8n)], value: i },
          ])
        const session = await Wire.as(running.url, guest)
        for (const id of [7n, 8n]) await session.write(guest, [order(id, 1n, 1n)])
        await wire.write(owner, [order(9n, 1n, 1n)])
        await session.close()
        await wire.close()
        before = await held(running.url)
      }
      const index = store.objectSeqs(SHOP, utf8('Listings/3'), 0, 1_000)
      if (round > 0) expect(index.length).toBe(9)
      expect(await held(running.url)).toEqual(before)
      await running.stop()
      await store.close()
    }
    rmSync(directory, { recursive: true })
  })

  it('replays to the same hash and goes on, with and without flushed state', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cairn-restart-'))
    const secret = newSecret()
    const hashes: string[] = []
    for (let round = 0; round < 3; round++) {
      const store = await openStore(join(directory, 'data'))
      const running = await relay({}, { store })
      if (round === 0) await enrolCard(running.url, secret)
      const wire = await Wire.as(running.url, secret)
      for (let i = 0; i < 20; i++) {
        hashes.push(
          toHex(
            await wire.done({ kind: 'write', patchSet: wire.signed(secret, [listing(BigInt(100 * round + i + 1))]) }),
          ),
        )
      }
      await wire.close()
      await running.stop()
      await store.close()
    }
    const store = await openStore(join(directory, 'data'))
    const log = store.readLog(SHOP, 0, { records: 1_000, bytes: 1e9 })
    expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: 61 }, (_, i) => i + 1))
    expect(log.slice(1).map(({ stateHash }) => toHex(stateHash))).toEqual(hashes)
    expect(new Set(hashes).size).toBe(60)
    await store.close()
    rmSync(directory, { recursive: true })
  })
})

/** A store whose commits wait while it is shut, until they are let go one by one. */
class GatedStore extends MemoryStore {
  isShut = false
  readonly waiting: (() => void)[] = []
  /** Of the newest commit. */
  lastSeq = 0

  override async commit(commit: Commit): Promise<void> {
    this.lastSeq = commit.records.at(-1)?.record.seq ?? this.lastSeq
    // Checkpoints pass: on a busy machine one is due meanwhile.
    if (this.isShut && commit.records.length > 0) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return super.commit(commit)
  }
}
