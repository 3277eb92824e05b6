/**
 * Enrolment by messages that anybody may have seen (PROTOCOL §9): what a message enrols, and that a card that was
 * removed does not come back by an old one, or in another shop.
 */

import { privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { enrol } from '../../src/client/enrol.js'
import { MemoryStore } from '../../src/store/memory.js'
import { TestClock } from '../fixtures/turned-clock.js'
import { enrolCard, newSecret, OWNER, relay, SHOP, Wire, type TestRelay } from '../fixtures/relay-harness.js'

const STRANGER = '34'.repeat(32)
const OTHER_SHOP = SHOP + 1n
const ACCOUNT = addressOf(publicKeyOf(fromHex(OWNER)))
const DAY_MS = 86_400_000
const owner = newSecret()
let clock: TestClock
let store: MemoryStore
let running: TestRelay
let boss: Wire

async function start(settings: { publicUrl?: string } = {}): Promise<void> {
  running = await relay({ ...settings, pingIntervalMs: 3_600_000, kickTimeoutMs: 2 ** 40 }, { store, clock })
}

beforeEach(async () => {
  clock = new TestClock()
  store = new MemoryStore()
  await start()
  await enrolCard(running.url, owner)
  await enrolCard(running.url, newSecret(), { wallet: STRANGER, shop: OTHER_SHOP })
  boss = await Wire.as(running.url, owner)
})
afterEach(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

interface Signed {
  readonly message: string
  readonly signature: string
}

/** As the existing client writes it; `issuedMs` from now. */
async function signed(
  card: Uint8Array,
  { wallet = OWNER, shop = SHOP, issuedMs = 0 }: { wallet?: string; shop?: bigint; issuedMs?: number } = {},
): Promise<Signed> {
  const account = privateKeyToAccount(`0x${wallet}`)
  const message = createSiweMessage({
    address: account.address,
    chainId: 1,
    domain: new URL(running.url).host,
    nonce: '00000000',
    uri: `${running.url}/v4/enroll_key_card`,
    version: '1',
    issuedAt: new Date(clock.nowMs() + issuedMs),
    resources: ['mass-relayid:1', `mass-shopid:${shop}`, `mass-keycard:${toHex(publicKeyOf(card))}`],
  })
  return { message, signature: base64(await account.signMessage({ message })) }
}

const base64 = (signature: string) => Buffer.from(signature.slice(2), 'hex').toString('base64')

/** The status and what it says. */
async function post(body: Signed, guest = false): Promise<[number, string | undefined]> {
  const url = `http://127.0.0.1:${running.port}/v4/enroll_key_card${guest ? '?guest=1' : ''}`
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  const answer = (await response.json()) as { error?: string }
  return [response.status, answer.error]
}

const DONE = [201, undefined]
const OLD = [409, 'this message is of before the removal of the key card: sign a new one']
const ELSEWHERE = [409, expect.stringContaining('removed from another shop, which alone may enrol it for 30 days')]

/** Takes the card at this place out of the owner's account. */
async function remove(place = 1n): Promise<void> {
  const change = { op: 'remove', path: ['Accounts', ACCOUNT, 'KeyCards', place] } as const
  await boss.done({ kind: 'write', patchSet: boss.signed(owner, [change]) })
}

describe('a key card that was removed', () => {
  const card = newSecret()

  it('does not come back by its old message, whoever sends it', async () => {
    const first = await signed(card)
    expect(await post(first)).toEqual(DONE)
    await remove()
    expect([await post(first), await post(first, true)]).toEqual([OLD, OLD])
    clock.set(1_000)
    expect(await post(await signed(card))).toEqual(DONE)
    await (await Wire.as(running.url, card)).close()
  })

  it('comes by no message of more than 300 seconds before', async () => {
    expect(await post(await signed(card))).toEqual(DONE)
    clock.set(10 * DAY_MS)
    await remove()
    expect(await post(await signed(card, { issuedMs: -301_000 }))).toEqual(OLD)
    expect(await post(await signed(card, { issuedMs: -300_000 }))).toEqual(DONE)
  })

  it('comes by none of its messages when it is removed twice in a row', async () => {
    const first = await signed(card)
    expect(await post(first)).toEqual(DONE)
    await remove()
    clock.set(2_000)
    const second = await signed(card)
    expect(await post(second)).toEqual(DONE)
    await remove()
    expect([await post(first), await post(second)]).toEqual([OLD, OLD])
  })

  it('enrols again after a message that was issued in the future', async () => {
    expect(await post(await signed(card, { issuedMs: 1_000 * DAY_MS }))).toEqual(DONE)
    await remove()
    expect(await post(await signed(card))).toEqual(DONE)
  })

  it('enrols in another shop after 30 days, not before', async () => {
    expect(await post(await signed(card))).toEqual(DONE)
    await remove()
    const elsewhere = { wallet: STRANGER, shop: OTHER_SHOP }
    clock.set(30 * DAY_MS - 2_000)
    const parked = await signed(card, elsewhere)
    expect([await post(parked), await post(parked, true)]).toEqual([ELSEWHERE, ELSEWHERE])
    clock.set(2_000)
    expect(await post(await signed(card, elsewhere))).toEqual(DONE)
    expect(await post(await signed(card))).toEqual([409, expect.stringContaining('enrolled already')])
  })

  it('and one of a guest: the same', async () => {
    const first = await signed(card, { wallet: STRANGER })
    expect(await post(first, true)).toEqual(DONE)
    const change = { op: 'remove', path: ['Accounts', new Uint8Array(20), 'KeyCards', 0n] } as const
    await boss.done({ kind: 'write', patchSet: boss.signed(owner, [change]) })
    expect(await post(first, true)).toEqual(OLD)
    expect(await post(await signed(card, { wallet: STRANGER, shop: OTHER_SHOP }), true)).toEqual(ELSEWHERE)
    clock.set(1_000)
    expect(await post(await signed(card, { wallet: STRANGER }), true)).toEqual(DONE)
  })
})

describe('a message of our client', () => {
  /** What it would send: whoever sees that is first. */
  async function seen(guest: boolean): Promise<Signed> {
    const account = privateKeyToAccount(`0x${OWNER}`)
    const aborted = new AbortController()
    let body: Signed | undefined
    const signMessage = async ({ message }: { message: string }) => {
      const signature = await account.signMessage({ message })
      body = { message, signature: base64(signature) }
      aborted.abort()
      return signature
    }
    const wallet = { address: account.address, signMessage }
    const card = publicKeyOf(newSecret())
    const { signal } = aborted
    await expect(enrol({ url: running.url, shop: SHOP, card, wallet, guest, signal })).rejects.toThrow()
    return body!
  }

  it('for a guest makes no clerk', async () => {
    const body = await seen(true)
    expect(await post(body)).toEqual([400, expect.stringMatching(/for a card of a guest/u)])
    expect(await post(body, true)).toEqual(DONE)
  })

  it('for staff makes no guest', async () => {
    const body = await seen(false)
    expect(await post(body, true)).toEqual([400, expect.stringMatching(/for a card of staff/u)])
    expect(await post(body)).toEqual(DONE)
  })
})

it.each([false, true])('a message without a statement enrols as it is asked (guest: %s)', async (guest) => {
  const card = newSecret()
  expect(await post(await signed(card), guest)).toEqual(DONE)
  expect(store.card(publicKeyOf(card))).toMatchObject({ guest, removed: false })
})
