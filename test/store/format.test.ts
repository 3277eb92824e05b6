/**
 * A database of format 1, as the version before wrote it with --reservation-seconds 3600: shop 4242, 48 sets, 45 of
 * them flushed, an order that was committed in those and one in the rest. It becomes one of format 2, and means what it
 * meant. And deadlines belong to the log: whoever replays it, with whatever setting, finds the same.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { open as openLmdb } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { concatBytes, fromBigEndian, toBigEndian } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { bitOf } from '../../src/patches/object-name.js'
import { encodeChange } from '../../src/patches/patch.js'
import { Keeper } from '../../src/relay/shops/keeper.js'
import { ShopLog } from '../../src/relay/shops/log-trees.js'
import { stateHash } from '../../src/state/shop-state.js'
import { cardKey, describeKey, FORMAT_KEY, paymentRowKey } from '../../src/store/keys.js'
import { openStore, openStoreForReading } from '../../src/store/open.js'
import { memoryStore } from '../../src/store/memory.js'
import type { LogRecord, LogTreeRow, Store } from '../../src/store/store.js'
import { cairn } from '../fixtures/cairn.js'
import { fixture } from '../fixtures/built.js'
import { enrolCard, listing, newSecret, order, relay, SHOP, state, stock, Wire } from '../fixtures/relay-harness.js'
import { readable, recordOf } from '../fixtures/store.arbitrary.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { databaseIn } from '../fixtures/whole-data.js'

const EARLY_SHOP = 4_242n
const FLUSHED_ORDER = { id: 16_168_831_114_288_532_787n, deadline: 1_795_966_971n }
/** Only in the log, committed at that second. */
const LOGGED_ORDER = { id: 920_580_922_443_139_405n, committedAt: 1_795_963_372n }
/** A row of its payments, as format 1 had them: the fixture has none. */
const PAYMENT = { key: Uint8Array.of(1, 2, 3), value: Uint8Array.of(4, 5, 6, 7) }
const ALL = { records: 100, bytes: 2 ** 30 }

let directory: string
beforeEach(async () => {
  directory = await freshDirectory()
})
afterEach(() => removeDirectory(directory))

const lmdbIn = (at: string) =>
  openLmdb<Uint8Array, Uint8Array>({ path: databaseIn(at), keyEncoding: 'binary', encoding: 'binary' })

async function early(): Promise<void> {
  await writeFile(databaseIn(directory), gunzipSync(await readFile(fixture('format-1.mdb.gz'))))
}

async function withPayment(): Promise<void> {
  const lmdb = lmdbIn(directory)
  await lmdb.put(paymentRowKey(1, PAYMENT.key), PAYMENT.value)
  await lmdb.close()
}

async function formatNow(): Promise<number> {
  const lmdb = lmdbIn(directory)
  const [format] = lmdb.get(FORMAT_KEY)!
  await lmdb.close()
  return format!
}

/** Everything that the store says of the shop, but for how long reservations last. */
function said(store: Store) {
  const log = store.readLog(EARLY_SHOP, 0, ALL)
  const signers = [...new Set(log.map(({ signer }) => signer))]
  return readable({
    shops: store.shops(),
    log: log.map((record) => ({ ...record, reservationSeconds: 'another' })),
    picked: store.pickLog(EARLY_SHOP, [2, 48], 2 ** 30).map(({ seq }) => seq),
    cards: store.cards(),
    nonces: signers.map((signer) => String(store.nonce(EARLY_SHOP, signer))),
    owner: store.setting(`development/owner/${EARLY_SHOP}`),
    payments: store.paymentRows(EARLY_SHOP),
    derived: store.derived(EARLY_SHOP),
    index: store.objectSeqs(EARLY_SHOP, new TextEncoder().encode('Orders/'), 0, 100),
  })
}

async function deadlines(store: Store, shopId = EARLY_SHOP): Promise<ReadonlyMap<bigint, bigint>> {
  const { current, closed } = await new Keeper(store, { nodeCacheNodes: 1_000 }).load(shopId)
  expect(closed).toBeUndefined()
  return new Map(
    [...current.state.indexes.live.entries()].map(([id, value]) => [fromBigEndian(id), decode(value) as bigint]),
  )
}

async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(directory)
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** Loads the shop as a relay does that may write. */
async function loaded(store: Store) {
  const told: string[] = []
  const flushing = { nowMs: () => 0, tell: (event: string) => void told.push(event) }
  const { current, closed } = await new Keeper(store, { nodeCacheNodes: 1_000, flushing }).load(EARLY_SHOP)
  expect([closed, told]).toEqual([undefined, []])
  return current
}

async function shownByOrders(): Promise<ReadonlyMap<bigint, bigint>> {
  const { out } = await cairn('orders', '--data', directory, '--json')
  const lines = out.split('\n').filter((line) => line !== '')
  const orders = lines.map((line) => JSON.parse(line) as { id: string; reservedUntil: number })
  return new Map(orders.map(({ id, reservedUntil }) => [BigInt(id), BigInt(reservedUntil)]))
}

const lasting = (seconds: bigint) =>
  new Map([
    [FLUSHED_ORDER.id, FLUSHED_ORDER.deadline],
    [LOGGED_ORDER.id, LOGGED_ORDER.committedAt + seconds],
  ])

async function opened<T>(seconds: number | undefined, use: (store: Store) => T | Promise<T>): Promise<T> {
  const store =
    seconds === undefined
      ? await openStoreForReading(directory)
      : await openStore(directory, { reservationSeconds: seconds })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

describe('a database of format 1', () => {
  beforeEach(early)

  it('that is only read is readable, and stays as it is', async () => {
    await withPayment()
    const before = await readFile(databaseIn(directory))
    const [contents, damage, found] = await opened(undefined, async (store) => {
      const rows = [...store.scan()]
      return [said(store), store.damage(), [...(await deadlines(store)).keys()], rows] as const
    })
    expect(damage).toEqual([])
    expect(contents).toMatchObject({ payments: [{ key: "h'010203'", value: "h'04050607'" }], picked: [2, 48] })
    expect(new Set(found)).toEqual(new Set([FLUSHED_ORDER.id, LOGGED_ORDER.id]))
    expect(before.equals(await readFile(databaseIn(directory)))).toBe(true)
  })

  it('becomes one of format 2 when it is written, and says the same', async () => {
    await withPayment()
    const before = await opened(undefined, said)
    const [after, damage, rows] = await opened(3_600, (store) => {
      const seen = [...store.scan()].at(-1)
      return [said(store), store.damage(), seen] as const
    })
    expect(after).toEqual(before)
    expect([damage, rows]).toEqual([[], 127])
    expect(await formatNow()).toBe(2)
    expect(await opened(undefined, said)).toEqual(before)
    expect((await cairn('check', '--data', directory)).code).toBe(0)
  })

  it('has its small rows sealed then: a bit of one is noticed', async () => {
    await withPayment()
    await opened(3_600, () => undefined)
    const lmdb = lmdbIn(directory)
    const small = [...lmdb.getRange()].filter(({ key }) =>
      ['shop', 'card', 'nonce', 'setting', 'paymentRow', 'derived'].includes(describeKey(key).kind),
    )
    for (const { key, value } of small.map(({ key, value }) => ({ key: key.slice(), value: value.slice() }))) {
      const bad = new Uint8Array(value)
      bad[0]! ^= 1
      await lmdb.put(key, bad)
    }
    await lmdb.close()
    const damaged = await opened(undefined, (store) => {
      expect([...store.scan()]).toHaveLength(1)
      return store.damage().length
    })
    expect(damaged).toBeGreaterThanOrEqual(small.length)
  })

  it('keeps the deadlines that were flushed; those of the log take the duration of that day, for ever', async () => {
    for (const seconds of [7_200, 60, 86_400])
      expect(await opened(seconds, (store) => deadlines(store))).toEqual(lasting(7_200n))
    expect(await opened(undefined, (store) => deadlines(store))).toEqual(lasting(7_200n))
    expect(await shownByOrders()).toEqual(lasting(7_200n))
  })

  it('takes new sets beside the old ones, and gives each its own duration', async () => {
    await opened(7_200, async (store) => {
      const running = await relay({ reservationSeconds: 500 }, { store })
      const guest = newSecret()
      await enrolCard(running.url, guest, { shop: EARLY_SHOP, guest: true })
      await running.stop()
    })
    const seconds = await opened(9, (store) =>
      store.readLog(EARLY_SHOP, 0, ALL).map(({ reservationSeconds }) => reservationSeconds),
    )
    // Orders of that day are due: the relay may have come to cancel them too.
    const added = seconds.slice(48)
    expect(seconds).toEqual([...Array.from({ length: 48 }, () => 7_200), ...added.map(() => 500)])
    expect(added.length).toBeGreaterThan(0)
    // The relay of this test has another key; nothing else is wrong.
    const { out } = await cairn('check', '--data', directory)
    const lines = out.split('\n')
    expect(lines.pop()).toMatch(new RegExp(`^rows .*, problems ${added.length}$`, 'u'))
    for (const [i, line] of lines.entries())
      expect(line).toMatch(new RegExp(`^shop 4242, set ${49 + i}: it is signed by 0x\\w+, the relay is 0x\\w+$`, 'u'))
  })

  it('that tells no time of removal takes that of the upgrade, once', async () => {
    const [removed, enrolled] = [new Uint8Array(33).fill(2), new Uint8Array(33).fill(3)]
    const lmdb = lmdbIn(directory)
    // Flags (1 guest, 2 removed) ‖ shop id ‖ account.
    const row = (flags: number) => Uint8Array.of(flags, ...toBigEndian(EARLY_SHOP, 32), ...new Uint8Array(20))
    await lmdb.put(cardKey(removed), row(3))
    await lmdb.put(cardKey(enrolled), row(1))
    await lmdb.close()
    const from = Date.now()
    const times = (store: Store) => [removed, enrolled].map((card) => store.card(card)!.removedAtMs)
    const [at, none] = await opened(60, times)
    expect([from <= at! && at! <= Date.now(), none]).toEqual([true, undefined])
    expect(await opened(60, times)).toEqual([at, undefined])
  })

  it('whose upgrade was cut off has not begun it', async () => {
    // What the disk has before the commit's last write, that of the meta page.
    const before = await readFile(databaseIn(directory))
    await opened(7_200, () => undefined)
    const after = await readFile(databaseIn(directory))
    const metas = 2 * 4_096
    await writeFile(databaseIn(directory), Buffer.concat([before.subarray(0, metas), after.subarray(metas)]))
    expect(await formatNow()).toBe(1)
    expect(await opened(1_800, (store) => deadlines(store))).toEqual(lasting(1_800n))
  })
})

it('a format that is not known is refused, for writing and for reading, and nothing is changed', async () => {
  await early()
  const lmdb = lmdbIn(directory)
  await lmdb.put(FORMAT_KEY, Uint8Array.of(3))
  await lmdb.close()
  const before = await readFile(databaseIn(directory))
  const expected = {
    code: 'version',
    message: expect.stringMatching(/^the data are of format 3, this cairn knows 2: /u),
  }
  await expect(openStore(directory)).rejects.toMatchObject(expected)
  await expect(openStoreForReading(directory)).rejects.toMatchObject(expected)
  expect(before.equals(await readFile(databaseIn(directory)))).toBe(true)
})

describe('a log that was written under one duration of reservations', () => {
  const [ONE, TWO] = [
    { id: 1n, seconds: 60 },
    { id: 2n, seconds: 5_000 },
  ] as const

  /** Two orders, each committed under its own setting. */
  async function write(): Promise<LogRecord[]> {
    const [owner, store] = [newSecret(), await openStore(directory)]
    for (const { id, seconds } of [ONE, TWO]) {
      const running = await relay({ reservationSeconds: seconds }, { store })
      if (id === 1n) await enrolCard(running.url, owner)
      const wire = await Wire.as(running.url, owner)
      if (id === 1n) for (const change of [listing(1n), stock(1n, 9n)]) await wire.write(owner, [change])
      for (const change of [order(id, 1n, 2n), state(id, 3n)])
        expect(await wire.write(owner, [change])).toBeInstanceOf(Uint8Array)
      await wire.close()
      await running.stop()
    }
    const log = store.readLog(SHOP, 0, ALL)
    await store.close()
    return log
  }

  it('gives the same deadlines under any other, also when nothing but the log is left', async () => {
    const log = await write()
    const committedAt = (index: number) => BigInt(Math.floor(log.at(index)!.committedAtMs / 1_000))
    const right = new Map([
      [ONE.id, committedAt(-3) + BigInt(ONE.seconds)],
      [TWO.id, committedAt(-1) + BigInt(TWO.seconds)],
    ])
    for (const seconds of [60, 86_400]) expect(await opened(seconds, (store) => deadlines(store, SHOP))).toEqual(right)
    await opened(7, async (store) => {
      await store.dropDerived(SHOP)
      expect(store.derived(SHOP)).toBeUndefined()
      expect(await deadlines(store, SHOP)).toEqual(right)
      // A relay makes the state of it again, under its own setting.
      const running = await relay({ reservationSeconds: 7 }, { store })
      await running.stop()
      expect(running.bugs).toEqual([])
    })
    expect(await opened(60, (store) => deadlines(store, SHOP))).toEqual(right)
    expect(await shownByOrders()).toEqual(right)
  })
})

describe('the trees over its log', () => {
  it('are made at the first start, and found at the next', async () => {
    await early()
    const made = await withStore(async (store) => {
      expect(store.logTreeHead(EARLY_SHOP)).toBe(0)
      return loaded(store)
    })
    await withStore(async (store) => {
      const log = new ShopLog(store, EARLY_SHOP)
      expect([log.head, log.peaks(log.head), log.stateRoot(log.head)]).toEqual([48, made.log, made.stateRoot])
      expect(made.stateRoot).not.toEqual(new Uint8Array(32))
      expect((await loaded(store)).log).toEqual(made.log)
    })
  })

  it('go on where a start was cut off, and what was kept of them is compared', async () => {
    await early()
    const { rows, records, shop, peaks } = await withStore(async (store) => {
      const { log } = await loaded(store)
      const rows = [1, 21].map((firstSeq) => rowFrom(store, firstSeq, firstSeq === 1 ? 20 : 28))
      return { rows, records: store.readLog(EARLY_SHOP, 0, ALL), shop: store.shops()[0]!, peaks: log }
    })
    const [first] = rows.map((row) => ({ shopId: EARLY_SHOP, ...row }))
    const begun = async (bytes: Uint8Array) => {
      const store = memoryStore()
      const logTrees = [{ ...first!, bytes }]
      const all = records.map((record) => ({ shopId: EARLY_SHOP, record }))
      await store.commit({ records: all, logTrees, newShops: [shop] })
      return store
    }
    const store = await begun(first!.bytes)
    expect((await loaded(store)).log).toEqual(peaks)
    expect(store.logTreeHead(EARLY_SHOP)).toBe(48)
    // A byte of the state root of the last set that was kept.
    const place = first!.bytes.length - 32
    const other = await begun(first!.bytes.with(place, first!.bytes[place]! ^ 1))
    const { closed } = await new Keeper(other, { nodeCacheNodes: 1_000 }).load(EARLY_SHOP)
    expect(closed?.reason).toMatch(/set 20: it leads to state root \w{64}, \w{64} was kept with it/u)
  })
})

/** What these sets add to the trees, as one row. */
function rowFrom(store: Store, firstSeq: number, sets: number): LogTreeRow {
  const log = new ShopLog(store, EARLY_SHOP)
  const bytes = concatBytes(...Array.from({ length: sets }, (_, i) => log.added(firstSeq + i)))
  return { firstSeq, sets, bytes }
}

describe('a database whose log chunks are of version 2, as the version before wrote it', () => {
  const PLAIN_SHOP = 4_713n
  const LAST_HASH = 'adf91185ab98a3109e7f2650204962a204451196458437df8bcbed52f1979da2'
  const price = encodeChange({ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n })

  beforeEach(async () => {
    await writeFile(databaseIn(directory), gunzipSync(await readFile(fixture('plain-chunks.mdb.gz'))))
  })

  it('starts, goes on in version 3, and gives all of its log', async () => {
    const before = await withStore(async (store) => {
      const { current, closed } = await new Keeper(store, { nodeCacheNodes: 1_000 }).load(PLAIN_SHOP)
      expect([closed, toHex(stateHash(current.state)), current.head]).toEqual([undefined, LAST_HASH, 10])
      const log = store.readLog(PLAIN_SHOP, 0, ALL)
      expect([log.length, store.readRun(PLAIN_SHOP, 0), store.countPatches(PLAIN_SHOP, 0, 10, -1)]).toEqual([
        10,
        undefined,
        undefined,
      ])
      const more = [11, 12].map((seq) => ({ shopId: PLAIN_SHOP, record: { ...recordOf(seq), patches: [price] } }))
      await store.commit({ records: more })
      return log
    })
    await withStore(async (store) => {
      const log = store.readLog(PLAIN_SHOP, 0, ALL)
      expect(readable(log.slice(0, 10))).toEqual(readable(before))
      expect([log.length, store.head(PLAIN_SHOP), [...store.scan()].length > 0, store.damage()]).toEqual([
        12,
        12,
        true,
        [],
      ])
      expect(store.pickLog(PLAIN_SHOP, [1, 10, 12], 2 ** 20).map(({ seq }) => seq)).toEqual([1, 10, 12])
      expect([store.readRun(PLAIN_SHOP, 9), store.readRun(PLAIN_SHOP, 10)?.last]).toEqual([undefined, 12])
      const counts = [9, 10, 11, 12].map((after) => store.countPatches(PLAIN_SHOP, after, 12, bitOf('Listings')))
      expect(counts).toEqual([undefined, 2, 1, 0])
      await store.commit({ records: [{ shopId: PLAIN_SHOP, record: { ...recordOf(13), patches: [price] } }] })
      expect(store.countPatches(PLAIN_SHOP, 10, 13, bitOf('Listings'))).toBe(3)
    })
  })
})
