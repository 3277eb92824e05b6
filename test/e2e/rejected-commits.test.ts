/**
 * A commit that fails under a running relay (PROTOCOL §7): whoever asked for a set is told or asks again, nothing of
 * the set is there or seen by anybody, and the next one works. One test or more for each caller of the writer.
 */

import { privateKeyToAccount } from 'viem/accounts'
import { toFunctionSelector } from 'viem/utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { addressWord, word } from '../../src/bytes/abi.js'
import { PAID, UNPAID } from '../../src/objects/order.js'
import { paymentRecordsIn } from '../../src/relay/payments/payment-record.js'
import { DevelopmentRegistry } from '../../src/chain/development-registry.js'
import { Keeper } from '../../src/relay/shops/keeper.js'
import { stateHash } from '../../src/state/shop-state.js'
import { MemoryStore } from '../../src/store/memory.js'
import { developmentOwnerKey } from '../../src/store/setting-keys.js'
import { StoreError } from '../../src/store/store-error.js'
import type { Store } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { ACCOUNTS, startDevChain } from '../../contracts/dev-chain.mjs'
import { startFaultyRpc } from '../fixtures/faulty-rpc.js'
import { ADDRESS, bytesOf, NATIVE, PaidShop, PAYEE, type PaidShopOptions } from '../fixtures/paid-shop.js'
import { RejectingStore } from '../fixtures/rejecting-store.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  OWNER,
  order,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type TestRelay,
} from '../fixtures/relay-harness.js'
import { STORES } from '../fixtures/store-directory.js'
import { TestClock } from '../fixtures/turned-clock.js'

const NOT_STORED = {
  code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
  message: 'the relay has no room to store writes now; nothing was changed, try again later',
}
/** As the log has it. */
const COMMIT_FAILED = ['commit failed: writes are refused', expect.any(StoreError)]

const owner = newSecret()
/** Of the wallet that enrols, 20 bytes. */
const ACCOUNT = fromHex(privateKeyToAccount(`0x${OWNER}`).address.slice(2).toLowerCase())
let running: TestRelay
const closing: (() => Promise<void>)[] = []

afterEach(async () => {
  await running.stop()
  for (const close of closing.splice(0)) await close()
})

/** What `bugs` holds after so many commits failed, and nothing else was wrong. */
const failed = (times: number) => Array.from({ length: times }, () => COMMIT_FAILED).flat()

/** The state as the log makes it; its every step has the hash that the log says, or this throws. */
async function stateByLog(store: Store): Promise<Uint8Array> {
  const shop = await new Keeper(store, { nodeCacheNodes: 100 }).load(SHOP)
  expect(shop.closed).toBeUndefined()
  return stateHash(shop.current.state)
}

async function watch(): Promise<Wire> {
  const wire = await Wire.open(running.url)
  await wire.subscribe()
  await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
  return wire
}

describe.each(STORES)('over a store %s', (_name, make) => {
  async function start(...[settings, parts]: Parameters<typeof relay>): Promise<RejectingStore> {
    const [inner, dispose] = await make()
    closing.push(dispose)
    const rejecting = new RejectingStore(inner)
    running = await relay(settings, { ...parts, store: rejecting.store })
    return rejecting
  }

  describe('a client’s write', () => {
    it('is told, leaves nothing, and is taken when it comes again', async () => {
      const rejecting = await furnished()
      const { store } = rejecting
      const wire = await Wire.as(running.url, owner)
      const watcher = await watch()
      const seen = [...watcher.events]
      const [head, before] = [store.head(SHOP), await stateByLog(store)]
      const patchSet = wire.signed(owner, [listing(2n)])
      rejecting.reject(2)
      for (let i = 0; i < 2; i++) expect(await wire.ask({ kind: 'write', patchSet })).toEqual(NOT_STORED)
      expect([store.head(SHOP), await stateByLog(store)]).toEqual([head, before])
      expect(watcher.events).toEqual(seen)
      expect(running.bugs).toEqual(failed(2))
      // The same bytes: their nonce was not used up.
      const hash = await wire.done({ kind: 'write', patchSet })
      expect(hash).toEqual(await stateByLog(store))
      await watcher.until(() => watcher.sets.at(-1)!.seq === BigInt(head + 1))
      expect(watcher.sets.map(({ seq }) => Number(seq))).toEqual([1, 2, 3])
      expect(running.bugs).toEqual(failed(2))
    })

    it('is not called unchanged where nobody knows', async () => {
      const rejecting = await furnished()
      const wire = await Wire.as(running.url, owner)
      rejecting.reject(1, 'failed')
      expect(await wire.write(owner, [listing(2n)])).toEqual({
        code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
        message: 'the relay cannot store writes now; whether this one was stored shows when it has started again',
      })
    })

    it('ends in the state of a relay whose commits never failed', async () => {
      const changes = [listing(2n), stock(2n, 5n), order(9n, 2n, 1n)]
      const results: unknown[] = []
      for (const times of [0, 1]) {
        const rejecting = await furnished()
        const { store } = rejecting
        const wire = await Wire.as(running.url, owner)
        for (const change of changes) {
          rejecting.reject(times)
          if (times === 1) expect(await wire.write(owner, [change])).toEqual(NOT_STORED)
          results.push(await wire.write(owner, [change]))
        }
        expect(await stateByLog(store)).toEqual(results.at(-1))
        expect(running.bugs).toEqual(failed(times * changes.length))
        await running.stop()
      }
      expect(results.slice(3)).toEqual(results.slice(0, 3))
    })

    it('of many at once: each is told in its turn, a wrong one what is wrong with it', async () => {
      const rejecting = await furnished()
      const { store } = rejecting
      const wire = await Wire.as(running.url, owner)
      const watcher = await watch()
      const [head, seen] = [store.head(SHOP), [...watcher.events]]
      const ids = Array.from({ length: 20 }, (_, i) => BigInt(i + 2))
      rejecting.reject(Infinity)
      const sets = ids.map((id) => wire.signed(owner, [listing(id)]))
      const wrong = wire.signed(owner, [stock(1_000n, 1n)])
      const answers = await Promise.all([...sets, wrong].map((patchSet) => wire.ask({ kind: 'write', patchSet })))
      expect(answers.slice(0, -1)).toEqual(ids.map(() => NOT_STORED))
      expect(answers.at(-1)).toMatchObject({ code: ErrorCode.NOT_FOUND, objectId: 1_000n })
      expect(store.head(SHOP)).toBe(head)
      expect(watcher.events).toEqual(seen)
      expect(running.bugs).toEqual(failed(rejecting.rejected.length))
      rejecting.reject(0)
      const again = await Promise.all(sets.map((patchSet) => wire.ask({ kind: 'write', patchSet })))
      expect(again.every((answer) => answer instanceof Uint8Array)).toBe(true)
      expect(again.at(-1)).toEqual(await stateByLog(store))
      await watcher.until(() => watcher.sets.length === head + 20)
    })
  })

  describe('what stands in a batch that is not stored', () => {
    it('is refused for no set that is not there', async () => {
      const rejecting = await furnished()
      const { store } = rejecting
      const wire = await Wire.as(running.url, owner, { version: 5 })
      const head = store.head(SHOP)
      const sets = [listing(2n), listing(2n), listing(1n)].map((change) => wire.signed(owner, [change]))
      const ask = (patchSet: Uint8Array, expectedSeq?: bigint) =>
        wire.ask({ kind: 'write', patchSet, ...(expectedSeq !== undefined && { expectedSeq }) })
      const unavailable = { ...NOT_STORED, code: ErrorCode.UNAVAILABLE }
      // The first has a batch of its own.
      rejecting.afterMs = 200
      rejecting.reject(Infinity)
      const first = ask(wire.signed(owner, [listing(9n)]))
      const answers = await Promise.all([
        ...sets.map((patchSet) => ask(patchSet)),
        ask(wire.signed(owner, [listing(3n)]), BigInt(head)),
      ])
      expect(await first).toEqual(unavailable)
      expect(answers).toEqual([
        unavailable,
        unavailable,
        { code: ErrorCode.INVALID, message: 'patch 0: Listings.1 is set already' },
        unavailable,
      ])
    })

    it('a set that is on disk has its first answer', async () => {
      const rejecting = await furnished()
      const wire = await Wire.as(running.url, owner, { version: 5 })
      const patchSet = wire.signed(owner, [listing(2n)])
      const answer = await wire.done({ kind: 'write', patchSet })
      rejecting.afterMs = 200
      rejecting.reject(Infinity)
      const [, , again] = await Promise.all([
        wire.write(owner, [listing(3n)]),
        wire.write(owner, [listing(4n)]),
        wire.ask({ kind: 'write', patchSet }),
      ])
      expect(again).toEqual(answer)
    })
  })

  describe('an enrolment', () => {
    const message = 'the relay cannot store enrolments now; try again later'

    it('is answered 503, the card is none, and may enrol again', async () => {
      const rejecting = await furnished()
      const { store } = rejecting
      const watcher = await watch()
      const [head, before, seen] = [store.head(SHOP), await stateByLog(store), [...watcher.events]]
      const card = newSecret()
      rejecting.reject(1)
      expect(await enrolling(card)).toEqual([503, message])
      expect([store.head(SHOP), await stateByLog(store)]).toEqual([head, before])
      expect(store.card(publicKeyOf(card))).toBeUndefined()
      expect(watcher.events).toEqual(seen)
      const wire = await Wire.open(running.url)
      await expect(wire.authenticate(card)).rejects.toThrow(
        `${ErrorCode.NOT_FOUND}: this key card is not enrolled here`,
      )
      expect(await enrolling(card)).toEqual([201, undefined])
      await wire.authenticate(card)
      await watcher.until(() => watcher.sets.length === head + 1)
      expect(running.bugs).toEqual(failed(1))
    })

    it('that would make a shop makes none, and makes it when it comes again', async () => {
      const rejecting = await start()
      const { store } = rejecting
      rejecting.reject(1)
      expect(await enrolling(owner)).toEqual([503, message])
      expect([store.shops(), store.cards(), store.head(SHOP)]).toEqual([[], [], 0])
      const visitor = await Wire.open(running.url)
      expect(await visitor.subscribe()).toMatchObject({ code: ErrorCode.NOT_FOUND })
      expect(await enrolling(owner)).toEqual([201, undefined])
      expect(store.head(SHOP)).toBe(1)
      const wire = await Wire.as(running.url, owner)
      expect(await wire.write(owner, [listing(1n)])).toEqual(await stateByLog(store))
      // Whoever starts again finds the owner on the disk.
      const found = new DevelopmentRegistry((shopId) => store.setting(developmentOwnerKey(shopId)))
      expect(await found.owns(SHOP, ACCOUNT)).toBe(true)
      expect(running.bugs).toEqual(failed(1))
    })
  })

  describe('the end of a reservation', () => {
    it('comes a second later', async () => {
      const clock = new TestClock()
      const rejecting = await furnished({ reservationSeconds: 10 }, { clock })
      const { store } = rejecting
      const wire = await Wire.as(running.url, owner)
      await wire.done({ kind: 'write', patchSet: wire.signed(owner, [order(9n, 1n, 9n), state(9n, 3n)]) })
      await wire.subscribe([{ objectType: 3 }])
      await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
      const [head, sets] = [store.head(SHOP), wire.sets.length]
      rejecting.reject(2)
      for (let times = 1; times <= 2; times++) {
        await clock.turn(times === 1 ? 10_000 : 1_000)
        await vi.waitFor(() => expect(rejecting.rejected).toHaveLength(times), 20_000)
        // The stock is still held.
        expect(await wire.write(owner, [order(10n, 1n, 2n), state(10n, 3n)])).toMatchObject({
          code: ErrorCode.OUT_OF_STOCK,
        })
        expect([store.head(SHOP), wire.sets.length]).toEqual([head, sets])
      }
      await clock.turn(1_000)
      await wire.until(() => wire.sets.length === sets + 1)
      expect(store.head(SHOP)).toBe(head + 1)
      expect(await wire.write(owner, [order(11n, 1n, 9n), state(11n, 3n)])).toBeInstanceOf(Uint8Array)
      expect(running.bugs).toEqual(failed(2))
    })
  })

  /** A shop with listing 1 and ten pieces of it. */
  async function furnished(...given: Parameters<typeof relay>): Promise<RejectingStore> {
    const rejecting = await start(...given)
    await enrolCard(running.url, owner)
    const wire = await Wire.as(running.url, owner)
    await wire.done({ kind: 'write', patchSet: wire.signed(owner, [listing(1n), stock(1n, 10n)]) })
    await wire.close()
    return rejecting
  }
})

describe('over a chain', () => {
  let shop: PaidShop
  let rejecting: RejectingStore

  async function open(options: PaidShopOptions = {}): Promise<void> {
    rejecting = new RejectingStore(new MemoryStore())
    shop = await PaidShop.open({ ...options, store: rejecting.store })
    running = shop.relay
    closing.push(() => shop.close())
  }

  /** What `bugs` holds when so often the writer could not store what was seen on a chain, and `who` looks again. */
  const lookedAgain = (times: number, who: string, what: string) =>
    Array.from({ length: times }, () => [...failed(1), who, new Error(what)]).flat()

  /** Rejects what comes until the writer has failed so often and `check` held; resolves with how often it did. */
  async function whileRejecting(
    act: () => Promise<unknown>,
    check: () => void | Promise<void>,
    least = 2,
  ): Promise<number> {
    rejecting.reject(Infinity)
    await act()
    await vi.waitFor(() => expect(rejecting.rejected.length).toBeGreaterThanOrEqual(least), 20_000)
    await check()
    rejecting.reject(0)
    return rejecting.rejected.length
  }

  const ownersOrders = async () => {
    const wire = await Wire.as(running.url, shop.ownerCard).catch(() => shop.owner)
    await wire.subscribe([{ objectType: 3 }])
    await wire.until(() => wire.statuses.some(([, left]) => left === 0n))
    return wire
  }

  it('an account that the mirror could not store comes when it looks again', async () => {
    await open()
    const { store } = rejecting
    const watcher = await watch()
    const [head, before, seen] = [store.head(SHOP), await stateByLog(store), [...watcher.events]]
    const clerk = ACCOUNTS[3]!
    const register = toFunctionSelector('registerUser(uint256,address)')
    const call = concatBytes(fromHex(register.slice(2)), word(SHOP), addressWord(bytesOf(clerk.address)))
    const times = await whileRejecting(
      () => shop.send(ACCOUNTS[1]!.address, shop.chain.addresses.shops, call),
      async () => {
        expect([store.head(SHOP), await stateByLog(store)]).toEqual([head, before])
        expect(watcher.events).toEqual(seen)
      },
    )
    await watcher.until(() => watcher.sets.length === head + 1)
    expect(watcher.sets.at(-1)!.patches).toEqual(rejecting.rejected[0]!.records[0]!.record.patches)
    await enrolCard(running.url, newSecret(), { wallet: clerk.secret })
    const what = 'an account could not be stored; its event will be looked at again'
    expect(running.bugs).toEqual(
      lookedAgain(times, 'the registry cannot be followed now; it will be caught up with', what),
    )
  })

  const PAYMENTS = 'payments cannot be followed now; they will be caught up with'

  it('a payment that could not be stored is settled when it is looked at again, once', async () => {
    await open()
    const { store } = rejecting
    const request = await (await shop.guest()).checkout(1n, 2n)
    const watcher = await ownersOrders()
    const [head, before, seen] = [store.head(SHOP), await stateByLog(store), [...watcher.events]]
    const times = await whileRejecting(
      () => shop.payByCall(request),
      async () => {
        expect([store.head(SHOP), await stateByLog(store), store.paymentRows(SHOP)]).toEqual([head, before, []])
        expect(watcher.events).toEqual(seen)
      },
    )
    await shop.orderWhere(1n, ({ State }) => State === PAID)
    expect(paymentRecordsIn(store.paymentRows(SHOP))).toMatchObject([{ effect: 'paid', amount: request.amount }])
    expect([store.head(SHOP), shop.stockOf()]).toEqual([head + 1, 8n])
    await watcher.until(() => watcher.sets.at(-1)!.seq === BigInt(head + 1))
    const what = 'a payment could not be stored; it will be looked at again'
    expect(running.bugs).toEqual(lookedAgain(times, PAYMENTS, what))
  })

  it('a re-org that could not be stored is marked when it is looked at again', async () => {
    await open()
    const { store } = rejecting
    await shop.payByCall(await (await shop.guest()).checkout(1n))
    await vi.waitFor(() => expect(paymentRecordsIn(store.paymentRows(SHOP))).toMatchObject([{ reorged: false }]), 5_000)
    const [rows, head] = [store.paymentRows(SHOP), store.head(SHOP)]
    const times = await whileRejecting(
      async () => {
        await shop.chain.reorg(1)
        await shop.mine(3)
      },
      () => expect(store.paymentRows(SHOP)).toEqual(rows),
    )
    await vi.waitFor(() => expect(paymentRecordsIn(store.paymentRows(SHOP))).toMatchObject([{ reorged: true }]), 5_000)
    expect(store.head(SHOP)).toBe(head)
    const what = 'a re-org could not be stored; it will be looked at again'
    expect(running.bugs).toEqual(lookedAgain(times, PAYMENTS, what))
  })

  it('details that come later and could not be stored are made again', async () => {
    const other = await startDevChain({ chainId: 31_338 })
    closing.push(() => other.stop())
    const rpc = await startFaultyRpc(other.rpcUrl)
    closing.push(() => rpc.stop())
    // Until the order's chain answers there is no time by which its payment would end.
    await rpc.mode('error')
    await open({ others: [{ ...other, rpcUrl: rpc.url }] })
    const { store } = rejecting
    const native = map({ ChainID: 31_338n, Address: NATIVE.Address })
    const payee = map({ ChainID: 31_338n, Address: bytesOf(PAYEE) })
    await shop.write(
      { op: 'add', path: ['Manifest', 'Payees', 31_338n, bytesOf(PAYEE)], value: map({}) },
      { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 31_338n, NATIVE.Address], value: map({}) },
      { op: 'replace', path: ['Manifest', 'PricingCurrency'], value: native },
    )
    const guest = await shop.guest()
    await guest.write(
      order(1n, 1n, 1n),
      { op: 'add', path: ['Orders', 1n, 'ShippingAddress'], value: ADDRESS },
      { op: 'add', path: ['Orders', 1n, 'ChosenPayee'], value: map({ Address: payee }) },
      { op: 'add', path: ['Orders', 1n, 'ChosenCurrency'], value: native },
      state(1n, 3n),
      state(1n, 4n),
    )
    const { wire } = guest
    const [head, before] = [store.head(SHOP), await stateByLog(store)]
    await wire.until(() => wire.sets.at(-1)?.seq === BigInt(head))
    const times = await whileRejecting(
      () => rpc.mode('none'),
      async () => {
        expect([store.head(SHOP), await stateByLog(store)]).toEqual([head, before])
        expect(wire.sets.at(-1)!.seq).toBe(BigInt(head))
      },
      1,
    )
    await shop.orderWhere(1n, ({ State }) => State === UNPAID)
    expect(store.head(SHOP)).toBe(head + 1)
    await wire.until(() => wire.sets.at(-1)!.seq === BigInt(head + 1))
    expect(running.bugs).toEqual(failed(times))
  })
})

/** The status that an enrolment is answered with, and the text if it is refused. */
async function enrolling(card: Uint8Array): Promise<[status: number, error: string | undefined]> {
  const fetched = vi.spyOn(globalThis, 'fetch')
  try {
    const error = await enrolCard(running.url, card).then(
      () => undefined,
      ({ message }: Error) => message,
    )
    return [((await fetched.mock.results.at(-1)!.value) as Response).status, error]
  } finally {
    fetched.mockRestore()
  }
}
