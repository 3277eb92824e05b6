/** Rights and accounts as the registry on a real chain has them (PROTOCOL §10, §12). */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { addressWord, word } from '../../src/bytes/abi.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { ACCOUNTS } from '../../contracts/dev-chain.mjs'
import { enrolCard, newSecret, SHOP, Wire } from '../fixtures/relay-harness.js'
import { bytesOf, PaidShop } from '../fixtures/paid-shop.js'
import { toFunctionSelector } from 'viem/utils'

const [OWNER, , CLERK] = [ACCOUNTS[1]!, ACCOUNTS[2]!, ACCOUNTS[3]!]
const CARD_REMOVED = 'Key Card was removed from the Shop'
let shop: PaidShop

beforeAll(async () => {
  shop = await PaidShop.open()
})
afterAll(() => shop.close())
afterEach(() => expect(shop.relay.bugs).toEqual([]))

/** Sends as the owner to the shop registry: `signature` with words. */
function send(signature: string, ...words: readonly Uint8Array[]): Promise<string> {
  const data = concatBytes(fromHex(toFunctionSelector(signature).slice(2)), ...words)
  return shop.send(OWNER.address, shop.chain.addresses.shops, data)
}

const userOf = (account: { address: string }) => addressWord(bytesOf(account.address))
const register = (account = CLERK) => send('registerUser(uint256,address)', word(SHOP), userOf(account))
const remove = (account = CLERK) => send('removeUser(uint256,address)', word(SHOP), userOf(account))

async function clerkCard(): Promise<Uint8Array> {
  const card = newSecret()
  await enrolCard(shop.relay.url, card, { wallet: CLERK.secret })
  return card
}

const account = (address: string) => shop.account(address)

async function eventually(what: () => Promise<unknown>, expected: unknown): Promise<void> {
  let last: unknown
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    last = await what()
    if (last === expected) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(last).toBe(expected)
}

const wallet = CLERK.address

describe('the account mirror', () => {
  it('adds who was registered, once, and removes who was removed', async () => {
    await register()
    await eventually(() => account(wallet), 0)
    await register()
    const head = shop.store.head(SHOP)
    await shop.mine(2)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(shop.store.head(SHOP)).toBe(head)
    await remove()
    await eventually(() => account(wallet), 'absent')
  })

  it('ignores shops that nobody enrolled for', async () => {
    await shop.send(
      OWNER.address,
      shop.chain.addresses.shops,
      concatBytes(fromHex(toFunctionSelector('mint(uint256,address)').slice(2)), word(999n), userOf(OWNER)),
    )
    await send('registerUser(uint256,address)', word(999n), userOf(CLERK))
    await shop.mine(1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(shop.store.shops().map(({ shopId }) => shopId)).toEqual([SHOP])
  })

  it('does not remove the account of a wallet that owns the shop', async () => {
    await remove(OWNER)
    await shop.mine(1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await account(OWNER.address)).not.toBe('absent')
    await shop.write({ op: 'replace', path: ['Listings', 1n, 'Price'], value: 101n })
  })
})

describe('enrolment asks the chain', () => {
  const status = (promise: Promise<void>) =>
    promise.then(
      () => 'enrolled',
      (error: Error) => error.message,
    )

  it('a stranger has no right', async () => {
    expect(await status(enrolCard(shop.relay.url, newSecret(), { wallet: toHex(newSecret()) }))).toMatch(/no right/)
  })

  it('a shop that was not minted does not exist', async () => {
    expect(await status(enrolCard(shop.relay.url, newSecret(), { wallet: OWNER.secret, shop: 12_345n }))).toMatch(
      /does not exist/,
    )
  })

  it('a clerk may enrol as long as he is one', async () => {
    await register()
    await eventually(() => account(wallet), 0)
    await clerkCard()
    expect(await account(wallet)).toBe(1)
    await remove()
    expect(await status(clerkCard() as never)).toMatch(/no right/)
    await eventually(() => account(wallet), 'absent')
  })
})

describe('who loses his rights', () => {
  const price = (value: bigint) => ({ op: 'replace', path: ['Listings', 1n, 'Price'], value }) as const

  it('a removed clerk: his session gets the last set, then 1008; his next write is refused', async () => {
    await register()
    await eventually(() => account(wallet), 0)
    const card = await clerkCard()
    const wire = await Wire.as(shop.relay.url, card)
    await wire.subscribe([{ objectType: 4 }])
    expect(await wire.write(card, [price(102n)])).toBeInstanceOf(Uint8Array)
    await remove()
    await wire.until(() => wire.closed !== undefined)
    expect(wire.closed).toEqual({ code: 1008, reason: CARD_REMOVED })
    expect(BigInt(shop.store.head(SHOP))).toBe(wire.sets.at(-1)!.seq)
    const again = await Wire.open(shop.relay.url)
    await expect(again.authenticate(card)).rejects.toThrow(`${ErrorCode.UNLINKED_KEYCARD}: ${CARD_REMOVED}`)
    await again.close()
  })

  it('a clerk without permission 2 keeps his card listed and gets his rights back with it', async () => {
    await register()
    await eventually(() => account(wallet), 0)
    const card = await clerkCard()
    const wire = await Wire.as(shop.relay.url, card)
    await send('removePermission(uint256,address,uint8)', word(SHOP), userOf(CLERK), word(2n))
    await wire.until(() => wire.closed !== undefined)
    expect(wire.closed).toEqual({ code: 1008, reason: CARD_REMOVED })
    expect(await account(wallet)).toBe(1)
    const locked = await Wire.open(shop.relay.url)
    await expect(locked.authenticate(card)).rejects.toThrow(`${ErrorCode.UNLINKED_KEYCARD}`)
    await locked.close()
    await send('addPermission(uint256,address,uint8)', word(SHOP), userOf(CLERK), word(2n))
    const back = await Wire.as(shop.relay.url, card)
    expect(await back.write(card, [price(103n)])).toBeInstanceOf(Uint8Array)
    // Another permission is none of the relay's business.
    await send('removePermission(uint256,address,uint8)', word(SHOP), userOf(CLERK), word(1n))
    await shop.mine(2)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(back.closed).toBeUndefined()
    await back.close()
    await remove()
    await eventually(() => account(wallet), 'absent')
  })

  it('an owner who gives the shop away, and one who gets it', async () => {
    const old = await Wire.as(shop.relay.url, shop.ownerCard).catch(() => shop.owner)
    await send('transferFrom(address,address,uint256)', userOf(OWNER), userOf(CLERK), word(SHOP))
    await old.until(() => old.closed !== undefined)
    expect(old.closed!.code).toBe(1008)
    const card = await clerkCard()
    const wire = await Wire.as(shop.relay.url, card)
    expect(await wire.write(card, [price(104n)])).toBeInstanceOf(Uint8Array)
    const back = concatBytes(
      fromHex(toFunctionSelector('transferFrom(address,address,uint256)').slice(2)),
      userOf(CLERK),
      userOf(OWNER),
      word(SHOP),
    )
    await shop.send(CLERK.address, shop.chain.addresses.shops, back)
    await wire.until(() => wire.closed !== undefined)
    await shop.reconnect()
    await shop.write(price(105n))
  })

  it('what happened while the relay was down is caught up with', async () => {
    await register()
    await eventually(() => account(wallet), 0)
    const card = await clerkCard()
    await shop.relay.stop()
    await remove()
    await shop.mine(40)
    await shop.startRelay()
    await eventually(() => account(wallet), 'absent')
    const wire = await Wire.open(shop.relay.url)
    await expect(wire.authenticate(card)).rejects.toThrow(`${ErrorCode.UNLINKED_KEYCARD}`)
    await wire.close()
    await shop.reconnect()
  })
})
