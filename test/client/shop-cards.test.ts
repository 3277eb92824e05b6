/** Key cards of a shop: their list, since when, and the removal of the right one whatever others write. */

import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { ClientError } from '../../src/client/client-error.js'
import { removeCard } from '../../src/client/shop-cards.js'
import { connect, type Live, type ShopCard, type ShopClient } from '../../src/client/shop-client.js'
import { CARD_REMOVAL_TRIES_MAX } from '../../src/limits.js'
import type { Account } from '../../src/objects/account.js'
import { enrolCard, newSecret, OWNER, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

describe('a removal', () => {
  const cards = [1, 2, 3].map((byte) => new Uint8Array(33).fill(byte))
  const name = `Accounts/${'00'.repeat(20)}`
  const conflict = () => Promise.reject(new ClientError('CONFLICT', 'another set was faster'))

  /** A shop whose first cards go, one with each set that others write. */
  const shopWith = (conflicts: number) => {
    const written: unknown[] = []
    let seq = 10n
    const list = (): [string, Account][] => [[name, { Guest: true, KeyCards: cards.slice(Number(seq - 10n)) }]]
    return {
      written,
      accounts: () => ({ seq, list: list() }),
      write: async (changes: readonly unknown[], { ifSeq }: { ifSeq?: bigint }) => {
        written.push([ifSeq, ...changes])
        return written.length <= conflicts ? conflict() : ('done' as never)
      },
      moved: async () => void seq++,
    }
  }

  test('names the place as of the last set, and looks again after another set', async () => {
    const shop = shopWith(1)
    await removeCard(shop, cards[2]!)
    const path = (place: bigint) => ({ op: 'remove', path: ['Accounts', new Uint8Array(20), 'KeyCards', place] })
    expect(shop.written).toEqual([
      [10n, path(2n)],
      [11n, path(1n)],
    ])
  })

  test('of a card that is gone meanwhile says so', async () => {
    await expect(removeCard(shopWith(1), cards[0]!)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is given up where others write all the time', async () => {
    const shop = { ...shopWith(Infinity), moved: async () => undefined }
    await expect(removeCard(shop, cards[2]!)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(shop.written).toHaveLength(CARD_REMOVAL_TRIES_MAX)
  })
})

describe('cards of a shop', () => {
  const [owner, second, guest] = [newSecret(), newSecret(), newSecret()]
  const wallet = privateKeyToAccount(`0x${OWNER}`).address.slice(2).toLowerCase()
  let running: TestRelay
  let client: ShopClient

  beforeAll(async () => {
    running = await relay()
    await enrolCard(running.url, owner)
    await enrolCard(running.url, guest, { guest: true, wallet: '34'.repeat(32) })
    await enrolCard(running.url, second)
    client = await connect({ url: running.url, shop: SHOP, key: owner, relay: 'development', only: [] })
  })
  afterAll(async () => {
    client.close()
    await running.stop()
  })
  afterEach(() => expect(running.bugs).toEqual([]))

  const shown = () =>
    client
      .cards()
      .get()
      .data!.map(({ card, account, isGuest }) => [toHex(card), toHex(account), isGuest])
  const entry = (secret: Uint8Array, isGuest = false) => [
    toHex(publicKeyOf(secret)),
    isGuest ? '00'.repeat(20) : wallet,
    isGuest,
  ]

  it('are listed, staff first, and since which set, proven', async () => {
    await seen(client.cards(), ({ complete }) => complete)
    expect(shown()).toEqual([entry(owner), entry(second), entry(guest, true)])
    const cards = [guest, owner, newSecret(), second].map(publicKeyOf)
    expect(await client.cardsSince(cards)).toEqual([2n, 1n, undefined, 3n])
    expect(client.cards().get().data).toBe(client.cards().get().data)
  })

  it('are removed, and their sessions with them; others stay', async () => {
    const ended: string[] = []
    const options = { url: running.url, shop: SHOP, relay: 'development', only: [] } as const
    const removed = await connect({ ...options, key: second })
    removed.onState((state) => ended.push(state))
    const { seq } = await client.removeCard(publicKeyOf(second))
    expect(seq).toBe(4n)
    await seen(client.cards(), ({ data }) => data!.length === 2)
    expect(shown()).toEqual([entry(owner), entry(guest, true)])
    await expect(client.removeCard(publicKeyOf(second))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(removed.write([{ op: 'remove', path: ['Tags', 'none'] }])).rejects.toBeInstanceOf(ClientError)
    await new Promise<void>((resolve) => {
      const stop = removed.onState((state) => state === 'needs-auth' && (stop(), resolve()))
      if (removed.state === 'needs-auth') resolve()
    })
    removed.close()
    await client.removeCard(publicKeyOf(guest))
    await seen(client.cards(), ({ data }) => data!.length === 1)
  })
})

async function seen(
  live: Live<readonly ShopCard[]>,
  condition: (state: ReturnType<Live<readonly ShopCard[]>['get']>) => boolean,
): Promise<void> {
  for await (const state of live) if (condition(state)) return
}
