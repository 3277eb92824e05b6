/**
 * The existing clients as PROTOCOL §2, §7–§10 and §13 describe them, byte by byte over sockets, under the settings that
 * their own suites run with (§13): a TypeScript one (cbor-x, viem) and a Python one (cbor2). Nothing of this repository
 * encodes what they send; its verifier checks what they are sent.
 */

import { Encoder } from 'cbor-x'
import { privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { addressOf, publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { PatchTree, patchLeafHash } from '../../src/merkle/patch-proof.js'
import { Replica } from '../../src/client/replica.js'
import * as following from '../../src/client/set-follower.js'
import { decodeEnvelope } from '../../src/wire/envelope.js'
import { decodeSet, type PushedSet } from '../../src/wire/pushed-set.js'
import type { Envelope } from '../../src/wire/messages.js'
import { newSecret, SHOP } from '../fixtures/relay-harness.js'
import { bytesOf, NATIVE, PaidShop, PAYEE } from '../fixtures/paid-shop.js'
import { ACCOUNTS } from '../../contracts/dev-chain.mjs'
import { paymentRequest, payCall } from '../../src/objects/payment-request.js'

const OWNER = privateKeyToAccount(`0x${ACCOUNTS[1]!.secret}`)
const PUSH_DELAY_MS = 100
let shop: PaidShop

beforeAll(async () => {
  shop = await PaidShop.open({
    flags: ['--price-source', 'fixed', '--price-factor', '1500', '--price-divisor', '1'],
    settings: { pingIntervalMs: 2_000, kickTimeoutMs: 10_000, pushDelayMs: PUSH_DELAY_MS },
  })
})
afterAll(async () => {
  expect(shop.relay.bugs).toEqual([])
  await shop.close()
})

/** A socket that answers nothing by itself. */
class Client {
  readonly socket: WebSocket
  readonly seen: { readonly envelope: Envelope; readonly frame: Uint8Array; readonly atMs: number }[] = []
  closed: number | undefined
  private lastId = 0
  private wake: () => void = () => undefined

  constructor(url: string) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`, { maxPayload: 1_048_576 })
    this.socket.on('message', (data: Buffer) => {
      const frame = new Uint8Array(data)
      this.seen.push({ envelope: decodeEnvelope(frame), frame, atMs: performance.now() })
      this.wake()
    })
    this.socket.on('close', (code) => {
      this.closed = code
      this.wake()
    })
  }

  static async open(url: string): Promise<Client> {
    const client = new Client(url)
    await new Promise((resolve, reject) => client.socket.once('open', resolve).once('error', reject))
    return client
  }

  send(...parts: readonly (string | Uint8Array)[]): void {
    this.socket.send(Buffer.concat(parts.map((part) => (typeof part === 'string' ? fromHex(part) : part))))
  }

  /** Sends `message`, a field of Envelope with its number, under the next request id; resolves with the answer. */
  async ask(field: number, message: Uint8Array): Promise<Envelope['message'] & { kind: 'response' }> {
    const id = ++this.lastId
    this.send(requestId(id), delimited(field, message))
    return this.answerTo(id)
  }

  async answerTo(id: number): Promise<Envelope['message'] & { kind: 'response' }> {
    const { message } = await this.find(
      ({ requestId, message }) => message.kind === 'response' && requestId === BigInt(id),
    )
    return message as Envelope['message'] & { kind: 'response' }
  }

  find(wanted: (envelope: Envelope) => boolean, ms = 8_000): Promise<Envelope> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`nothing came: ${this.seen.map(({ envelope }) => envelope.message.kind).join(', ')}`)),
        ms,
      )
      const look = () => {
        const found = this.seen.find(({ envelope }) => wanted(envelope))
        if (found === undefined) return
        clearTimeout(late)
        resolve(found.envelope)
      }
      this.wake = look
      look()
    })
  }

  get sets(): PushedSet[] {
    return this.seen.flatMap(({ envelope: { message } }) =>
      message.kind === 'push' ? message.sets.map((set) => decodeSet(set.slice())) : [],
    )
  }

  async untilSets(count: number): Promise<void> {
    for (const end = Date.now() + 20_000; this.sets.length < count;) {
      if (Date.now() > end) throw new Error(`${this.sets.length} sets of ${count}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async untilClosed(): Promise<number> {
    for (const end = Date.now() + 40_000; this.closed === undefined && Date.now() < end;)
      await new Promise((resolve) => setTimeout(resolve, 10))
    return this.closed ?? -1
  }

  /** Answers what the relay asked: `1200` is an empty success. */
  answer({ requestId: id }: Envelope, body: string | Uint8Array = '1200'): void {
    this.send(delimited(1, new Uint8Array([8, ...varint(zigzag(id))])), body)
  }

  close(): void {
    this.socket.close()
  }
}

// Protobuf by hand

function varint(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)]
    bytes.push(Number(rest & 127n) | 128)
  }
}

function zigzag(value: bigint): bigint {
  return value >= 0n ? value * 2n : -value * 2n - 1n
}

function delimited(field: number, bytes: Uint8Array): Uint8Array {
  return new Uint8Array([...varint(BigInt(field * 8 + 2)), ...varint(BigInt(bytes.length)), ...bytes])
}

function requestId(id: number): Uint8Array {
  return delimited(1, new Uint8Array([8, ...varint(zigzag(BigInt(id)))]))
}

function subscription(start: number, filters: readonly (readonly [type: number, id?: Uint8Array])[] = []): Uint8Array {
  const shopId = delimited(1, fromHex(SHOP.toString(16).padStart(64, '0')))
  const rows = filters.map(([type, id]) =>
    delimited(3, new Uint8Array([24, type, ...(id === undefined ? [] : delimited(4, delimited(1, id)))])),
  )
  return new Uint8Array([8, start, ...delimited(2, shopId), ...rows.flatMap((row) => [...row])])
}

const AUTHENTICATE = 10
const SOLVE = 11
const SUBSCRIBE = 4
const CANCEL = 5
const WRITE = 3

/** What an answer that is no error carries. */
async function payloadOf(answer: Promise<{ payload?: Uint8Array | undefined }>): Promise<Uint8Array> {
  return (await answer).payload!
}

async function authenticate(client: Client, card: Uint8Array): Promise<void> {
  const payload = await payloadOf(client.ask(AUTHENTICATE, delimited(2, delimited(1, publicKeyOf(card)))))
  expect(payload).toHaveLength(32)
  const signature = sign(personalMessageDigest(payload), card)
  const solved = await client.ask(SOLVE, delimited(2, delimited(1, signature)))
  expect(solved.error).toBeUndefined()
  expect(solved.payload).toHaveLength(0)
}

// CBOR of the two clients

/** The TypeScript client: three-byte map heads, nine-byte bigints, floats for times, keys as they were set. */
const cborX = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })
const typescript = (value: unknown) => Uint8Array.from(cborX.encode(value))

/** The Python client, as cbor2.dumps writes: shortest heads, keys as they were set, tag 0 for times. */
function python(value: unknown): Uint8Array {
  const head = (major: number, argument: bigint): number[] => {
    const width = argument < 24n ? 0 : argument < 256n ? 1 : argument < 65_536n ? 2 : argument < 2n ** 32n ? 4 : 8
    if (width === 0) return [major * 32 + Number(argument)]
    const bytes = fromHex(argument.toString(16).padStart(width * 2, '0'))
    return [major * 32 + 23 + { 1: 1, 2: 2, 4: 3, 8: 4 }[width], ...bytes]
  }
  const item = (value: unknown): number[] => {
    if (value === null) return [0xf6]
    if (typeof value === 'boolean') return [value ? 0xf5 : 0xf4]
    if (typeof value === 'bigint') {
      if (value < 2n ** 64n) return head(0, value)
      const bytes = fromHex(value.toString(16).padStart(2 * Math.ceil(value.toString(16).length / 2), '0'))
      return [0xc2, ...head(2, BigInt(bytes.length)), ...bytes]
    }
    if (typeof value === 'string') {
      const bytes = new TextEncoder().encode(value)
      return [...head(3, BigInt(bytes.length)), ...bytes]
    }
    if (value instanceof Uint8Array) return [...head(2, BigInt(value.length)), ...value]
    if (value instanceof Date) return [0xc0, ...item(value.toISOString().replace('.000Z', '+00:00'))]
    if (Array.isArray(value)) return [...head(4, BigInt(value.length)), ...value.flatMap(item)]
    const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value as object)
    return [...head(5, BigInt(entries.length)), ...entries.flatMap(([key, inner]) => [...item(key), ...item(inner)])]
  }
  return Uint8Array.from(item(value))
}

type Encode = (value: unknown) => Uint8Array

/** A signed set in the client's own bytes. */
function patchSet(
  encode: Encode,
  card: Uint8Array,
  nonce: bigint,
  timestamp: Date,
  patches: readonly object[],
): Uint8Array {
  const RootHash = new PatchTree(patches.map((patch) => patchLeafHash(encode(patch)))).root
  const Header = { KeyCardNonce: nonce, ShopID: SHOP, RootHash, Timestamp: timestamp }
  const Signature = sign(personalMessageDigest(encode(Header)), card)
  return encode({ Patches: patches, Header, Signature })
}

const write = (client: Client, bytes: Uint8Array) => client.ask(WRITE, delimited(1, bytes))

function listingPatch(id: bigint) {
  const Metadata = {
    Title: 'A thing',
    Description: 'Sold by an existing client',
    Images: ['https://example.org/1.png'],
  }
  return { Path: ['Listings', id], Op: 'add', Value: { ViewState: 1n, ID: id, Price: 250n, Metadata } }
}

/** Verifies all pushed sets of a subscription from 0, as our own client does. */
function verified(sets: readonly PushedSet[]): Replica {
  const replica = new Replica(SHOP, [shop.relay.address])
  replica.follow(following)
  for (const set of sets) replica.take(set)
  return replica
}

async function enrol(message: string, account: typeof OWNER, guest = false): Promise<Response> {
  const signature = Buffer.from((await account.signMessage({ message })).slice(2), 'hex').toString('base64')
  const url = `${shop.relay.url}/v4/enroll_key_card${guest ? '?guest=1' : ''}`
  return fetch(url, { method: 'POST', body: JSON.stringify({ message, signature }) })
}

async function discovery(): Promise<{ status: string; relay_token_id: string; chain_id: number }> {
  const response = await fetch(`${shop.relay.url}/testing/discovery`)
  expect(response.status).toBe(200)
  return (await response.json()) as never
}

async function resources(card: Uint8Array): Promise<string[]> {
  const { relay_token_id: token } = await discovery()
  return [`mass-relayid:${BigInt(token)}`, `mass-shopid:${SHOP}`, `mass-keycard:${toHex(publicKeyOf(card))}`]
}

describe('the TypeScript client', () => {
  const card = newSecret()
  let client: Client
  const writes = 4

  it('discovers the relay and enrols with a message made by viem', async () => {
    const { status, relay_token_id: token, chain_id: chain } = await discovery()
    expect([status, token, chain]).toEqual(['ok', expect.stringMatching(/^0x[0-9a-f]{64}$/u), 31_337])
    const message = createSiweMessage({
      address: OWNER.address,
      chainId: chain,
      domain: new URL(shop.relay.url).host,
      nonce: '00000000',
      uri: `${shop.relay.url}/v4/enroll_key_card`,
      version: '1',
      resources: await resources(card),
    })
    const response = await enrol(message, OWNER)
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ handler: 'enrollKeyCard', success: true })
    const again = await enrol(message, OWNER)
    expect(again.status).toBe(409)
    expect(again.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('subscribes before it authenticates, with the sample frames of §7, and stays a visitor there', async () => {
    client = await Client.open(shop.relay.url)
    client.send('0a0208022226080012220a20', SHOP.toString(16).padStart(64, '0'))
    expect(toHex(await payloadOf(client.answerTo(1)))).toBe('0001')
    const status = await client.find(({ message }) => message.kind === 'syncStatus')
    expect(status.requestId < 0n).toBe(true)
    client.send('0a020804522512230a21', publicKeyOf(card))
    const challenge = await payloadOf(client.answerTo(2))
    client.send('0a0208065a4512430a41', sign(personalMessageDigest(challenge), card))
    expect((await client.answerTo(3)).error).toBeUndefined()
    // A status is never answered; a push is, with the sample's body.
    const push = await client.find(({ message }) => message.kind === 'push')
    client.answer(push)
    expect(client.sets[0]!.seq).toBe(1n)
  })

  it('writes what cbor-x makes, and sees its echo after the answer and the push delay', async () => {
    for (const { envelope } of client.seen) if (envelope.message.kind !== 'response') client.answer(envelope)
    const before = client.sets.length
    const patches = [listingPatch(501n), { Path: ['Inventory', 501n], Op: 'add', Value: 7n }]
    const bytes = patchSet(typescript, card, 1n, new Date(1_700_000_000_123), patches)
    expect(toHex(bytes.subarray(0, 3))).toBe('b90003')
    expect(toHex(bytes)).toContain('fb41d954fc4') // 1700000000.123 as a float64 under tag 1
    const sentAtMs = performance.now()
    client.send(requestId(4), delimited(WRITE, delimited(1, bytes)))
    const answer = await client.answerTo(4)
    expect(answer.error).toBeUndefined()
    expect(answer.payload).toHaveLength(32)
    const head = BigInt(shop.store.head(SHOP))
    await client.untilSets(before + 1)
    for (const end = Date.now() + 20_000; client.sets.at(-1)!.seq < head && Date.now() < end;)
      await new Promise((resolve) => setTimeout(resolve, 10))
    const answeredAt = client.seen.findIndex(({ envelope }) => envelope.requestId === 4n)
    const echoAt = client.seen.findLastIndex(({ envelope }) => envelope.message.kind === 'push')
    expect(echoAt).toBeGreaterThan(answeredAt)
    // From before it was written, since a busy machine reads answer and echo late, and at once.
    expect(client.seen[echoAt]!.atMs - sentAtMs).toBeGreaterThanOrEqual(PUSH_DELAY_MS - 2)
    // The listing alone: what is stock was not selected when this subscription was made.
    expect(client.sets.at(-1)!.patches).toHaveLength(1)
    expect(verified(client.sets).get('Listings/501')).toMatchObject({ Price: 250n })
  })

  it('pipelines writes, and gets the answers in order', async () => {
    for (const { envelope } of client.seen) if (envelope.message.kind !== 'response') client.answer(envelope)
    const count = 100
    for (let i = 1; i <= count; i++) {
      const patch = { Path: ['Listings', 501n, 'Price'], Op: 'replace', Value: BigInt(i) }
      const set = patchSet(typescript, card, BigInt(1 + i), new Date(), [patch])
      client.send(requestId(writes + i), delimited(WRITE, delimited(1, set)))
    }
    expect((await client.answerTo(writes + count)).error).toBeUndefined()
    const answers = client.seen
      .filter(({ envelope }) => envelope.message.kind === 'response')
      .map(({ envelope }) => Number(envelope.requestId))
    expect(answers).toEqual([...answers].sort((a, b) => a - b))
  })

  it('is refused in words: an error has a code and a text', async () => {
    client.send(
      requestId(900),
      delimited(WRITE, delimited(1, patchSet(typescript, card, 1n, new Date(), [listingPatch(1n)]))),
    )
    const { error } = await client.answerTo(900)
    expect(error!.code).toBe(2)
    expect(error!.message).toMatch(/KeyCardNonce 1 is not greater/u)
  })

  it('cancels with the sample frame, and may answer pushes of the ended subscription', async () => {
    const push = client.seen.findLast(({ envelope }) => envelope.message.kind === 'push')!.envelope
    client.send('0a02081c2a040a020001')
    expect((await client.answerTo(14)).error).toBeUndefined()
    client.answer(push)
    client.answer(push)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(client.closed).toBeUndefined()
    const pings = client.seen.filter(({ envelope }) => envelope.message.kind === 'ping')
    for (const { envelope } of pings) client.answer(envelope)
    client.close()
  })
})

describe('the Python client', () => {
  const [clerk, guest] = [newSecret(), newSecret()]
  const wallet = privateKeyToAccount(`0x${toHex(newSecret())}`)
  const [idle, customer] = [{} as { client: Client }, {} as { client: Client }]

  /** As its siwe library writes it; with a statement there is a line and an empty one after it. */
  async function message(card: Uint8Array, account: typeof OWNER, statement?: string): Promise<string> {
    const lines = [
      `${new URL(shop.relay.url).host} wants you to sign in with your Ethereum account:`,
      account.address,
      '',
      ...(statement === undefined ? [] : [statement]),
      '',
      `URI: ${shop.relay.url}/v4/enroll_key_card`,
      'Version: 1',
      'Chain ID: 1',
      'Nonce: 00000000',
      `Issued At: ${new Date().toISOString()}`,
      'Resources:',
      ...(await resources(card)).map((line) => `- ${line}`),
    ]
    return lines.join('\n')
  }

  it('enrols a clerk and a guest', async () => {
    expect((await enrol(await message(clerk, OWNER), OWNER)).status).toBe(201)
    expect((await enrol(await message(guest, wallet, 'keyCard: guest'), wallet, true)).status).toBe(201)
  })

  it('authenticates first, then subscribes with filters, and answers everything', async () => {
    const client = (idle.client = await Client.open(shop.relay.url))
    await authenticate(client, clerk)
    const all = [[4], [5], [1], [2], [3], [6]] as const
    expect(toHex(await payloadOf(client.ask(SUBSCRIBE, subscription(0, all))))).toBe('0001')
    await client.find(({ message }) => message.kind === 'push')
    for (let answered = 0; client.sets.at(-1)!.seq < BigInt(shop.store.head(SHOP)) || answered < client.seen.length;) {
      for (; answered < client.seen.length; answered++)
        if (client.seen[answered]!.envelope.message.kind !== 'response') client.answer(client.seen[answered]!.envelope)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const replica = verified(client.sets)
    expect(replica.lastSeq).toBe(BigInt(shop.store.head(SHOP)))
    expect(replica.get('Inventory/501')).toBe(7n)
  })

  it('writes what cbor2 makes', async () => {
    const { client } = idle
    const patches = [
      listingPatch(601n),
      { Op: 'add', Path: ['Inventory', 601n], Value: 5n },
      { Op: 'add', Path: ['Tags', 'new'], Value: { Name: 'new', ListingIDs: [601n] } },
    ]
    const answer = await write(client, patchSet(python, clerk, 1n, new Date(1_970_000), patches))
    expect(answer.error).toBeUndefined()
    expect(answer.payload).toHaveLength(32)
  })

  it('buys: opens, fills and commits an order, reads what is to be paid, pays, and sees it Paid', async () => {
    const client = (customer.client = await Client.open(shop.relay.url))
    await authenticate(client, guest)
    await client.ask(SUBSCRIBE, subscription(0, [[4], [5], [1], [3]]))
    const id = 2n ** 63n + 5n
    const address = {
      Name: 'P. Y.',
      Address1: 'Line 1',
      City: 'City',
      PostalCode: '1000',
      Country: 'Germany',
      EmailAddress: 'p@example.org',
      PhoneNumber: '+0155512345',
    }
    const payee = { Address: { ChainID: 31_337n, Address: bytesOf(PAYEE) }, CallAsContract: false }
    const path = (...rest: readonly string[]) => ['Orders', id, ...rest]
    const steps: readonly (readonly object[])[] = [
      [{ Op: 'add', Path: path(), Value: { ID: id, Items: [], State: 1n } }],
      [{ Op: 'append', Path: path('Items'), Value: { ListingID: 601n, Quantity: 2n } }],
      [{ Op: 'add', Path: path('InvoiceAddress'), Value: address }],
      [{ Op: 'replace', Path: path('State'), Value: 3n }],
      [
        { Op: 'add', Path: path('ChosenPayee'), Value: payee },
        { Op: 'add', Path: path('ChosenCurrency'), Value: { ChainID: 31_337n, Address: new Uint8Array(20) } },
        { Op: 'replace', Path: path('State'), Value: 4n },
      ],
    ]
    for (const [i, patches] of steps.entries())
      expect(
        (await write(client, patchSet(python, guest, BigInt(10 * i + 1), new Date(), patches))).error,
      ).toBeUndefined()
    const due = await shop.orderWhere(id, ({ State }) => State === 5n)
    expect(due.PaymentDetails!.Total).toBe(500n)
    const request = paymentRequest(SHOP, { ChainID: 31_337n, Address: bytesOf(PAYEE) }, NATIVE, {
      total: due.PaymentDetails!.Total,
      ttl: due.PaymentDetails!.TTL,
    })
    await shop.send(ACCOUNTS[3]!.address, shop.chain.addresses.payments, payCall(request), 500n)
    for (const end = Date.now() + 20_000; Date.now() < end && !readsPaid(client, id);) {
      for (const { envelope } of client.seen) if (envelope.message.kind !== 'response') client.answer(envelope)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(readsPaid(client, id)).toBe(true)
    // Never a patch of the stock, which fell in the same set.
    expect([...verified(client.sets).all('Inventory')]).toEqual([])
    expect(shop.stockOf(601n)).toBe(3n)
  })

  function readsPaid(client: Client, id: bigint): boolean {
    return (verified(client.sets).get(`Orders/${id}`) as { State: bigint } | undefined)?.State === 6n
  }

  it('reads while nothing happens: pings come every two seconds, and answered they keep the session', async () => {
    const { client } = customer
    let answered = 0
    for (let next = client.seen.length; answered < 2; await new Promise((resolve) => setTimeout(resolve, 20)))
      for (; next < client.seen.length; next++) {
        if (client.seen[next]!.envelope.message.kind !== 'ping') continue
        client.answer(client.seen[next]!.envelope)
        answered++
      }
    expect(client.closed).toBeUndefined()
  })

  it('ends a subscription by an error to its push, whatever the code', async () => {
    const { client } = customer
    const [, id = 0] = await payloadOf(client.ask(SUBSCRIBE, subscription(0, [[1]])))
    const push = await client.find(({ message }) => message.kind === 'push' && message.subscriptionId[1] === id)
    client.answer(
      push,
      delimited(2, delimited(1, new Uint8Array([8, 11, ...delimited(2, new TextEncoder().encode('enough'))]))),
    )
    expect((await client.ask(CANCEL, delimited(1, Uint8Array.of(0, id)))).error?.code).toBe(1)
    client.close()
  })

  it('is closed where it answers what was never asked, and where it falls silent', async () => {
    const stranger = await Client.open(shop.relay.url)
    stranger.send(delimited(1, new Uint8Array([8, ...varint(zigzag(-77n))])), '1200')
    expect([1002, 1008]).toContain(await stranger.untilClosed())
    const silent = await Client.open(shop.relay.url)
    await silent.ask(SUBSCRIBE, subscription(0, [[5]]))
    expect(await silent.untilClosed()).toBe(1008)
    expect(addressOf(publicKeyOf(clerk))).toHaveLength(20)
  })
})
