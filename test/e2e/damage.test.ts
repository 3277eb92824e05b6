/**
 * A relay over data that rotted. What can be made again from the log is made again, and nobody is asked; what cannot
 * closes its shop to writes, and every other shop goes on. The rows are spoilt by another process, as a disk does it.
 */

import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { addressWord, word } from '../../src/bytes/abi.js'
import { fromHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { mintShopCall } from '../../src/chain/contracts.js'
import { PAID } from '../../src/objects/order.js'
import { cardKey, derivedKey, describeKey, nonceKey, nodeKey, paymentRowKey } from '../../src/store/keys.js'
import { FLUSH_AFTER_MS } from '../../src/relay/shops/keeper.js'
import { openStore } from '../../src/store/open.js'
import { StoreError } from '../../src/store/store-error.js'
import type { Store } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { ObjectType } from '../../src/wire/messages.js'
import { open as openLmdb } from 'lmdb'
import { toFunctionSelector } from 'viem/utils'
import { ACCOUNTS } from '../../contracts/dev-chain.mjs'
import { fixture } from '../fixtures/built.js'
import { cairn } from '../fixtures/cairn.js'
import { copyLogs, writtenLogs } from '../fixtures/copied-log.js'
import { bytesOf, PaidShop } from '../fixtures/paid-shop.js'
import { MemoryStore } from '../../src/store/memory.js'
import {
  enrolCard,
  listing,
  newSecret,
  relay,
  SHOP,
  state,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { TestClock } from '../fixtures/turned-clock.js'
import { copyData, databaseIn, ownerOf, SHOPS, wholeData } from '../fixtures/whole-data.js'

const run = promisify(execFile)
const [WELL, HURT] = [SHOPS[0], SHOPS[1]]
/** Of HURT in the database. */
const NUMBER = 2
const KEEP_MS = 1_000
const BROKEN_LOG = 'the log of the shop is damaged: its operator has to restore it'

let whole: string
let rows: { readonly key: Buffer; readonly kind: string; readonly shop: number | undefined }[]
let directory: string
let store: Store
let clock: TestClock
let running: TestRelay | undefined

beforeAll(async () => {
  whole = await wholeData()
  const binary = { keyEncoding: 'binary', encoding: 'binary' } as const
  const lmdb = openLmdb<Buffer, Buffer>({ path: databaseIn(whole), ...binary, readOnly: true })
  rows = [...lmdb.getKeys()].map((key) => ({ key: Buffer.from(key), ...describeKey(key) }))
  await lmdb.close()
})
afterAll(() => rm(dirname(whole), { recursive: true, force: true }))
beforeEach(async () => {
  directory = await freshDirectory()
  await copyData(whole, directory)
})
afterEach(async () => {
  await stop()
  await removeDirectory(directory)
})

async function spoil(...keys: readonly Uint8Array[]): Promise<void> {
  await run(process.execPath, [fixture('spoil.mjs'), databaseIn(directory), ...keys.map(toHex)])
}

const keysOf = (kind: string) => rows.filter((row) => row.kind === kind && row.shop === NUMBER).map(({ key }) => key)
const logKeys = () => keysOf('log')
const seqOf = (key: Buffer) => Number(key.readBigUInt64BE(5))

async function start(): Promise<TestRelay> {
  clock = new TestClock()
  store = await openStore(directory)
  running = await relay({ nodeCacheNodes: 50 }, { store, clock })
  return running
}

async function stop(): Promise<void> {
  if (running === undefined) return
  await running.stop()
  await store.close()
  running = undefined
}

/** What was logged as an error: `bug` is none that is looked for here. */
const told = () => running!.bugs.filter((_, i) => i % 2 === 0)

async function ready(): Promise<{ statuses: number[]; reason: string }> {
  const answers = await Promise.all(['/health', '/readyz'].map((path) => fetch(running!.url + path)))
  const [{ reason = '' }] = (await Promise.all(answers.map((answer) => answer.json()))) as [{ reason?: string }]
  return { statuses: answers.map(({ status }) => status), reason }
}

async function writeTo(
  shop: bigint,
  wire: Wire,
  ...changes: Parameters<Wire['signed']>[1]
): Promise<Uint8Array | Refused> {
  return wire.ask({ kind: 'write', patchSet: wire.signed(ownerOf(shop), changes, shop) })
}

/** Refused for now, and accepted once the keeper has mended the shop. Returns how often it was refused. */
async function acceptedAtLast(wire: Wire, ...changes: Parameters<Wire['signed']>[1]): Promise<number> {
  for (let refused = 0; refused < 1_000; refused++) {
    const answer = await writeTo(HURT, wire, ...changes)
    if (answer instanceof Uint8Array) return refused
    expect(answer).toEqual({
      code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
      message: expect.stringMatching(/^the shop takes no writes now: .*made again/u),
    })
    await clock.turn(KEEP_MS)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('the shop takes no writes any more')
}

async function readAll(shop: bigint, filters: Parameters<Wire['subscribe']>[0] = []): Promise<Wire> {
  const wire = await Wire.open(running!.url)
  await wire.subscribe(filters, 0n, shop)
  await wire.until(() => wire.closed !== undefined || wire.statuses.some(([, left]) => left === 0n))
  return wire
}

const seqs = (wire: Wire) => wire.sets.map(({ seq }) => Number(seq))

/** The other shop takes writes, and pushes them to who watches. */
async function otherShopIsWell(): Promise<void> {
  const watcher = await readAll(WELL)
  const wire = await Wire.as(running!.url, ownerOf(WELL))
  const before = watcher.sets.length
  expect(await writeTo(WELL, wire, listing(9_000n))).toBeInstanceOf(Uint8Array)
  await watcher.until(() => watcher.sets.length > before)
  expect(watcher.closed).toBeUndefined()
  await Promise.all([watcher.close(), wire.close()])
}

/** After the relay has ended: the directory is whole, and a new relay finds nothing to mend. */
async function isWholeAfterwards(): Promise<void> {
  await stop()
  expect(await cairn('check', '--data', directory)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^rows .* problems 0$/u),
  })
  await start()
  expect(told()).toEqual([])
  expect(await ready()).toEqual({ statuses: [200, 200], reason: '' })
}

describe('a chunk of a log that is damaged', () => {
  it('is met by a reader: he gets what is before it and a reason, and the shop alone takes no writes', async () => {
    const chunk = logKeys()[2]!
    await spoil(chunk)
    await start()
    expect(await ready()).toEqual({ statuses: [200, 200], reason: '' })
    const reader = await readAll(HURT)
    expect(reader.closed).toEqual({ code: 1011, reason: BROKEN_LOG })
    expect(Math.max(...seqs(reader))).toBeLessThan(seqOf(chunk))
    await clock.turn(KEEP_MS)
    expect(told()).toEqual(['a shop takes no writes until somebody has mended it'])
    const where = `shop ${HURT}: the log at set ${seqOf(chunk)} is damaged`
    expect(await ready()).toEqual({ statuses: [503, 503], reason: expect.stringContaining(where) })
    expect((await fetch(`${running!.url}/livez`)).status).toBe(200)
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    expect(await writeTo(HURT, wire, listing(9_000n))).toEqual({
      code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
      message: expect.stringMatching(new RegExp(`^the shop takes no writes now: ${where} .*backup$`, 'u')),
    })
    await wire.close()
    await expect(enrolCard(running!.url, newSecret(), { shop: HURT })).rejects.toThrow(where)
    await otherShopIsWell()
    expect(told()).toHaveLength(1)
  })

  it('is read past: what is behind it is served to those who want only that', async () => {
    await spoil(logKeys()[2]!)
    await start()
    const wire = await Wire.open(running!.url)
    const from = store.head(HURT) - 2
    await wire.subscribe([], BigInt(from), HURT)
    await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
    expect([seqs(wire), wire.closed]).toEqual([[from + 1, from + 2], undefined])
    await wire.close()
  })

  it('is the last one: the shop is closed from the start, up to the set before', async () => {
    const chunk = logKeys().at(-1)!
    await spoil(chunk)
    await start()
    expect(await ready()).toEqual({
      statuses: [503, 503],
      reason: expect.stringContaining(`shop ${HURT}: the log at set ${seqOf(chunk)} is damaged`),
    })
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    expect(await writeTo(HURT, wire, listing(9_000n))).toMatchObject({ code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS })
    const reader = await readAll(HURT)
    expect([reader.closed, seqs(reader).at(-1)]).toEqual([undefined, seqOf(chunk) - 1])
    await Promise.all([reader.close(), wire.close()])
    await otherShopIsWell()
    expect(told()).toEqual(['a shop takes no writes until somebody has mended it'])
  })

  it('is that of the flushed state: the shop is closed from the start', async () => {
    const opened = await openStore(directory)
    const { seq } = opened.derived(HURT)!
    await opened.close()
    const chunk = logKeys().findLast((key) => seqOf(key) <= seq)!
    expect(chunk).not.toEqual(logKeys().at(-1))
    await spoil(chunk)
    await start()
    expect(await ready()).toEqual({
      statuses: [503, 503],
      reason: expect.stringContaining(`shop ${HURT}: the log at set ${seqOf(chunk)} is damaged`),
    })
    await otherShopIsWell()
  })
})

describe('a row beside the log that is damaged', () => {
  it.each<[string, () => Uint8Array, string]>([
    ['the relay’s own nonce', () => nonceKey(NUMBER, new Uint8Array(0)), 'the last nonce of card'],
    [
      'a row of its payments',
      () => paymentRowKey(NUMBER, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2)),
      'a row of its payments',
    ],
  ])('%s: the shop alone takes no writes, from the start', async (_what, key, text) => {
    await spoil(key())
    await start()
    await clock.turn(KEEP_MS)
    expect(await ready()).toEqual({ statuses: [503, 503], reason: expect.stringContaining(`shop ${HURT}: ${text}`) })
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    expect(await writeTo(HURT, wire, listing(9_000n))).toMatchObject({ code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS })
    const reader = await readAll(HURT)
    expect([reader.closed, seqs(reader).at(-1)]).toEqual([undefined, store.head(HURT)])
    await Promise.all([reader.close(), wire.close()])
    await otherShopIsWell()
    expect(told()).not.toContain('bug')
  })

  it('the nonce of a card: its write is refused, and is no bug; then the shop takes none', async () => {
    await spoil(nonceKey(NUMBER, publicKeyOf(ownerOf(HURT))))
    await start()
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    const refused = {
      code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
      message: expect.stringMatching(/the last nonce of card \w{66} is damaged/u),
    }
    expect(await writeTo(HURT, wire, listing(9_000n))).toEqual(refused)
    await clock.turn(KEEP_MS)
    expect(await writeTo(HURT, wire, listing(9_000n))).toEqual(refused)
    await wire.close()
    await otherShopIsWell()
    expect(told()).toEqual(['a shop takes no writes until somebody has mended it'])
  })

  it('that of a card: this card cannot come in, nor enrol, and all others can', async () => {
    const card = publicKeyOf(ownerOf(HURT))
    await spoil(cardKey(card))
    await start()
    const wire = await Wire.open(running!.url)
    expect(await wire.ask({ kind: 'authenticate', publicKey: card })).toEqual({
      code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
      message: expect.stringContaining(`the row of card ${toHex(card)} is damaged`),
    })
    await expect(enrolCard(running!.url, ownerOf(HURT), { shop: HURT })).rejects.toThrow('is damaged')
    const other = newSecret()
    await enrolCard(running!.url, other, { shop: HURT })
    await wire.authenticate(other)
    await wire.close()
    await otherShopIsWell()
    expect([told(), (await ready()).statuses]).toEqual([[], [503, 503]])
  })

  it('that of a shop: it is not there, and nobody takes it', async () => {
    await spoil(rows.filter(({ kind }) => kind === 'shop')[1]!.key)
    await start()
    await expect(enrolCard(running!.url, newSecret(), { shop: HURT })).rejects.toThrow('the row of the shop is damaged')
    await expect(enrolCard(running!.url, newSecret(), { shop: 4_711n })).rejects.toThrow(
      'the row of the shop is damaged',
    )
    await otherShopIsWell()
    expect([told(), (await ready()).statuses]).toEqual([[], [503, 503]])
  })
})

describe('what can be made again from the log, damaged before the start', () => {
  it.each([
    ['all trie nodes', () => keysOf('node')],
    ['the root of the state', () => [derivedKey(NUMBER)]],
    ['all of the object index', () => keysOf('objectSeqs')],
    ['all of it', () => [...keysOf('node'), derivedKey(NUMBER), ...keysOf('objectSeqs')]],
  ])('%s: it is made again by itself', async (_what, keys) => {
    await spoil(...keys())
    await start()
    expect(told()).not.toContain('bug')
    const watcher = await readAll(HURT, [{ objectType: ObjectType.LISTING, objectId: word(5n).slice(24) }])
    expect([watcher.closed, watcher.sets.length]).toEqual([undefined, 1])
    await clock.turn(KEEP_MS)
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    await acceptedAtLast(wire, listing(9_000n), state(100n, 2n))
    await Promise.all([watcher.close(), wire.close()])
    await otherShopIsWell()
    expect(await ready()).toEqual({ statuses: [200, 200], reason: '' })
    expect(told().every((event) => event === 'a stored state is damaged and made again from the log')).toBe(true)
    await isWholeAfterwards()
  })
})

describe('what can be made again from the log, met while the relay runs', () => {
  /** The root node of a trie of HURT. */
  function rootOf(trie: string): Uint8Array {
    const roots = decode(store.derived(HURT)!.roots) as unknown as Map<string, readonly [bigint, bigint, unknown]>
    return nodeKey(NUMBER, Number(roots.get(trie)![0]))
  }

  it('a trie node: writes are refused until it is made again, and then accepted', async () => {
    await start()
    await spoil(rootOf('Orders'))
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    expect(await acceptedAtLast(wire, state(101n, 2n))).toBeGreaterThan(0)
    expect(told()).toEqual(['a stored state is damaged and made again from the log'])
    await wire.close()
    await otherShopIsWell()
    await isWholeAfterwards()
  })

  it('a trie node, while others write without a pause: nothing that was answered is lost', async () => {
    await start()
    await spoil(rootOf('Orders'))
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    const accepted: Uint8Array[] = []
    const stop = new AbortController()
    const writing = (async () => {
      for (let id = 5_000n; !stop.signal.aborted; id++) {
        const answer = await writeTo(HURT, wire, listing(id))
        if (answer instanceof Uint8Array) accepted.push(answer)
        else expect(answer.code).toBe(ErrorCode.TOO_MANY_CONCURRENT_REQUESTS)
      }
    })()
    const other = await Wire.as(running!.url, ownerOf(WELL))
    expect(await acceptedAtLast(wire, state(101n, 2n))).toBeGreaterThan(0)
    stop.abort()
    await writing
    const log = store.readLog(HURT, 0, { records: 10_000, bytes: 2 ** 30 }).map(({ stateHash }) => toHex(stateHash))
    for (const answer of accepted) expect(log).toContain(toHex(answer))
    // A checkpoint that was due meanwhile has met the damaged node too.
    const others = told().filter((event) => event !== 'a checkpoint could not be signed; it is tried again')
    expect(others).toEqual(['a stored state is damaged and made again from the log'])
    await Promise.all([wire.close(), other.close()])
    await isWholeAfterwards()
  })

  it('the object index: who reads by it reads the log instead, and gets the same', async () => {
    await start()
    const filters = [{ objectType: ObjectType.LISTING, objectId: word(1n).slice(24) }]
    const before = await readAll(HURT, filters)
    await spoil(...keysOf('objectSeqs'))
    const after = await readAll(HURT, filters)
    expect([after.closed, seqs(after)]).toEqual([undefined, seqs(before)])
    expect(seqs(after)).toHaveLength(2)
    await Promise.all([before.close(), after.close()])
    await clock.turn(KEEP_MS)
    const wire = await Wire.as(running!.url, ownerOf(HURT))
    await acceptedAtLast(wire, listing(9_000n))
    await wire.close()
    expect(told()).toEqual(['a stored state is damaged and made again from the log'])
    await isWholeAfterwards()
  })
})

it('a place that spoils what was made again closes the shop; its log is read all the same', async () => {
  await start()
  await spoil(...keysOf('objectSeqs'))
  const filters = [{ objectType: ObjectType.LISTING, objectId: word(1n).slice(24) }]
  const read = async () => {
    const reader = await readAll(HURT, filters)
    expect([reader.closed, seqs(reader).length]).toEqual([undefined, 2])
    await reader.close()
  }
  await read()
  await clock.turn(KEEP_MS)
  expect(told()).toEqual(['a stored state is damaged and made again from the log'])
  const wire = await Wire.as(running!.url, ownerOf(HURT))
  await acceptedAtLast(wire, listing(9_000n))
  await clock.turn(FLUSH_AFTER_MS)
  await vi.waitFor(() => expect(store.damage()).toEqual([]), 20_000)
  await spoil(...keysOf('objectSeqs'))
  await read()
  await clock.turn(KEEP_MS)
  expect(await writeTo(HURT, wire, listing(9_001n))).toEqual({
    code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
    message: expect.stringMatching(/made again and is damaged again: "cairn check" shows .*backup$/u),
  })
  expect(await ready()).toEqual({ statuses: [503, 503], reason: expect.stringContaining(`shop ${HURT}: `) })
  await wire.close()
  await otherShopIsWell()
})

describe('a shop that is closed for good does not hold up the chains', () => {
  const HELD = 76n

  it('payments of others are seen, and accounts mirrored', async () => {
    const memory = new MemoryStore()
    const logs = await writtenLogs(HELD)
    const wrong = new Uint8Array(32)
    await copyLogs(logs, memory, (_shop, record) => (record.seq === 4 ? { ...record, stateHash: wrong } : record))
    // Neither its rows can be read.
    const damaged = () => {
      throw new StoreError('damaged', `shop ${HELD}: a row of its payments is damaged`)
    }
    const given = new Proxy<Store>(memory, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target)
        if (name === 'paymentRows')
          return (shopId: bigint, prefix?: Uint8Array) =>
            shopId === HELD ? damaged() : target.paymentRows(shopId, prefix)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const shop = await PaidShop.open({ store: given })
    try {
      const [owner, clerk] = [ACCOUNTS[1]!, ACCOUNTS[3]!]
      const { shops } = shop.chain.addresses
      await shop.send(owner.address, shops, mintShopCall(HELD, bytesOf(owner.address)))
      const registerUser = (id: bigint) =>
        concatBytes(
          fromHex(toFunctionSelector('registerUser(uint256,address)').slice(2)),
          word(id),
          addressWord(bytesOf(clerk.address)),
        )
      await shop.send(owner.address, shops, registerUser(HELD))
      await shop.send(owner.address, shops, registerUser(SHOP))
      const guest = await shop.guest()
      await shop.payByCall(await guest.checkout(1n))
      await shop.mine(2)
      await shop.orderWhere(1n, (order) => order.State === PAID)
      const added = () => memory.readLog(SHOP, 0, { records: 1_000, bytes: 2 ** 30 })
      const names = () =>
        added()
          .flatMap(({ patches }) => patches.map(toHex))
          .join()
      const end = Date.now() + 20_000
      while (!names().includes(toHex(bytesOf(clerk.address))) && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect(names()).toContain(toHex(bytesOf(clerk.address)))
      expect(memory.head(HELD)).toBe(4)
      expect(shop.relay.bugs.filter((_, i) => i % 2 === 0)).not.toContain('bug')
    } finally {
      await shop.close()
    }
  })
})
