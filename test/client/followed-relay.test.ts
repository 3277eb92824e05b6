/** A client that knows an earlier key of the relay: what the relay serves of its hand-overs is followed, or refused. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { connect, type ConnectOptions, type ShopClient } from '../../src/client/shop-client.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime } from '../../src/codec/value.js'
import { signHandOver, type SignedHandOver } from '../../src/proofs/checkpoint.js'
import { encodeHandOvers, HandOver } from '../../src/proofs/hand-over.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'
import { DiskStore } from '../fixtures/store-directory.js'

const SECRETS = [3, 9, 5].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array, Uint8Array]
const [FIRST, SECOND, THIRD] = SECRETS.map((secret) => addressOf(publicKeyOf(secret)))
const FIELDS = { Version: 1n, ChainID: 31_337n, Registry: new Uint8Array(20), Relay: 1n } as const

const fields = (from: number, to: number): HandOver => {
  const [From, To] = [from, to].map((i) => addressOf(publicKeyOf(SECRETS[i]!))) as [Uint8Array, Uint8Array]
  return { ...FIELDS, From, To, Timestamp: new CborTime(1_700_000_000n) }
}
const handOver = (from: number, to: number, changes: Partial<HandOver> = {}): SignedHandOver =>
  signHandOver({ ...fields(from, to), ...changes }, SECRETS[from]!)

let disk: DiskStore
let key: Uint8Array
let running: TestRelay | undefined
let proxy: LyingProxy
const clients: ShopClient[] = []

beforeEach(async () => {
  disk = await DiskStore.make()
  key = newSecret()
  proxy = await lyingProxy(() => running!.url)
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  proxy.close()
  await running?.stop()
  expect(running?.bugs).toEqual([])
  await disk.dispose()
  running = undefined
})

/** A relay with the key of this place on the same log, behind the same address. */
async function start(secret: number, handOvers: readonly SignedHandOver[] = []): Promise<void> {
  await running?.stop()
  running = await relay({}, { store: disk.store, relaySecret: SECRETS[secret]!, handOvers })
}

async function open(more: Partial<ConnectOptions> = {}): Promise<ShopClient> {
  const client = await connect({ url: proxy.url, shop: SHOP, relay: FIRST!, only: [{ listing: 1n }], ...more })
  clients.push(client)
  return client
}

async function priceIn(client: ShopClient, after = 0n): Promise<bigint | undefined> {
  for await (const { complete, data, error, verified } of client.listing(1n)) {
    if (error !== undefined) throw error
    if (complete && verified!.seq >= after) return data?.Price
  }
  throw new Error('it ended')
}

async function furnish(): Promise<void> {
  await enrolCard(running!.url, key)
  await change([listing(1n)])
}

/** Through a relay that may have another key by now. */
async function change(changes: Parameters<ShopClient['write']>[0]): Promise<bigint> {
  const client = await connect({ url: running!.url, shop: SHOP, relay: FIRST!, only: [], key })
  try {
    return (await client.write(changes)).seq!
  } finally {
    client.close()
  }
}

const price = (value: bigint) => [{ op: 'replace', path: ['Listings', 1n, 'Price'], value }] as const
const TWICE = [handOver(0, 1), handOver(1, 2)]

describe('after a rotation', () => {
  it('an address of before, and each one since, goes on to work', { timeout: 30_000 }, async () => {
    await start(0)
    await furnish()
    await start(2, TWICE)
    for (const address of [FIRST!, SECOND!, THIRD!]) expect(await priceIn(await open({ relay: address }))).toBe(100n)
  })

  it('a client that was connected goes on', { timeout: 60_000 }, async () => {
    await start(0)
    await furnish()
    const client = await open()
    expect(await priceIn(client)).toBe(100n)
    await start(1, [handOver(0, 1)])
    const seq = await change(price(7n))
    expect(await priceIn(client, seq)).toBe(7n)
  })

  it('what was kept before it and after it is gone on with', { timeout: 60_000 }, async () => {
    let kept: Uint8Array | undefined
    const notices: string[] = []
    const options = {
      store: { load: async () => kept, save: async (bytes: Uint8Array) => void (kept = bytes) },
      onNotice: (text: string) => void notices.push(text),
    }
    const keep = async () => {
      const client = await open(options)
      const isResumed = client.checkpoint !== undefined
      const found = [isResumed, await priceIn(client)]
      client.close()
      await new Promise((resolve) => setTimeout(resolve, 0))
      return found
    }
    await start(0)
    await furnish()
    expect((await keep())[1]).toBe(100n)
    await start(1, [handOver(0, 1)])
    expect(await keep()).toEqual([true, 100n])
    await change(price(8n))
    const client = await open(options)
    await priceIn(client, 3n)
    client.close()
    await new Promise((resolve) => setTimeout(resolve, 0))
    // By now it is the new key that signed what is kept.
    expect(await keep()).toEqual([true, 8n])
    expect(notices.filter((text) => text.includes('kept'))).toEqual([])
  })
})

describe('a hand-over that is not followed', () => {
  const forged = (signer: number, from: number, to: number): SignedHandOver => {
    const bytes = encode(HandOver.write(fields(from, to)))
    return [bytes, sign(personalMessageDigest(bytes), SECRETS[signer]!)]
  }

  it.each([
    ['signed by another key', [forged(2, 0, 1)], 'signer', /the hand-over is from 0x\w{40} and signed by 0x\w{40}/u],
    ['signed by the new key', [forged(1, 0, 1)], 'signer', /the hand-over is from 0x\w{40} and signed by 0x\w{40}/u],
    ['back to where it began', [handOver(0, 1), handOver(1, 0)], 'circle', /is of a circle: it leads back/u],
    [
      'of another relay, beside one of this',
      [handOver(0, 1), handOver(0, 2, { Relay: 2n })],
      'identity',
      /the hand-over's Relay is 2, not 1/u,
    ],
    ['from keys that nobody knows', [handOver(2, 1)], 'signer', /is signed by 0x\w{40}, not by the relay 0x\w{40}/u],
    ['of another relay', [handOver(0, 1, { ChainID: 5n })], 'identity', /the checkpoint's ChainID is 31337, not 5/u],
  ] as const)('%s', { timeout: 30_000 }, async (_what, served, code, says) => {
    await start(0)
    await furnish()
    await start(1)
    proxy.lieOverHttp((path, body) => (path === '/v5/hand-overs' ? encodeHandOvers(served) : body))
    const error: unknown = await open()
      .then(priceIn)
      .catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'VERIFICATION_FAILED', cause: { code }, message: expect.stringMatching(says) })
  })

  it('no list of them, and one that is too long', { timeout: 30_000 }, async () => {
    await start(0)
    await furnish()
    let body: Uint8Array = Uint8Array.of(0xa0)
    proxy.lieOverHttp((path, honest) => (path === '/v5/hand-overs' ? body : honest))
    const refused = { code: 'VERIFICATION_FAILED', message: expect.stringMatching(/^\/v5\/hand-overs: /u) }
    await expect(open()).rejects.toMatchObject(refused)
    body = encode(Array.from({ length: 257 }, () => [...handOver(0, 1)]))
    await expect(open()).rejects.toMatchObject(refused)
  })
})
