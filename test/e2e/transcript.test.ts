/**
 * A transcript of the existing clients over real sockets, on both transports (PROTOCOL §2, §7–§10, §13). Frames and
 * sets are written and read by hand here, byte by byte; proofs and signatures of what is pushed are checked by the
 * repository's code. Time is a clock that the test turns, so that what must wait is seen to wait.
 */

import { Encoder } from 'cbor-x'
import { privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, equalBytes, toBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { addressOf, publicKeyOf, recoverPublicKey, sign } from '../../src/bytes/signature.node.js'
import { decode } from '../../src/codec/decode.js'
import { patchLeafHash, patchRoot, verifyPatchProofs } from '../../src/merkle/patch-proof.js'
import { Header } from '../../src/patches/patch-set.js'
import { readPatch } from '../../src/patches/patch.js'
import { TestClock } from '../fixtures/turned-clock.js'
import { newSecret, OWNER, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'
import { Watched } from '../fixtures/watched.js'

const PING_MS = 15_000
const KICK_MS = 45_000
const PUSH_DELAY_MS = 100
/** How late the relay may see that an interval is over. */
const LOOKS_MS = 250

/** Fields of Envelope (§7). */
const RESPONSE = 2
const WRITE = 3
const SUBSCRIBE = 4
const CANCEL = 5
const PUSH = 6
const STATUS = 7
const PING = 8
const AUTHENTICATE = 10
const SOLVE = 11

// Protobuf by hand

type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)]
}

function field(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes(...parts)
  return concatBytes(Uint8Array.from([...varint(BigInt(number * 8 + 2)), ...varint(BigInt(bytes.length))]), bytes)
}

function integer(number: number, value: bigint): Uint8Array {
  return Uint8Array.from([...varint(BigInt(number * 8)), ...varint(value)])
}

/** sint64: 0, −1, 1, −2 … are 0, 1, 2, 3 … */
const zigzag = (id: bigint) => (id >= 0n ? 2n * id : -2n * id - 1n)
const requestId = (id: bigint) => field(1, integer(1, zigzag(id)))

function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>()
  let at = 0
  const next = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes[at++]!)
      value |= (byte & 127n) << shift
      if (byte < 128n) return value
    }
  }
  while (at < bytes.length) {
    const tag = next()
    const value = tag % 8n === 0n ? next() : taken(Number(next()))
    expect([0n, 2n]).toContain(tag % 8n)
    fields.set(Number(tag / 8n), [...(fields.get(Number(tag / 8n)) ?? []), value])
  }
  return fields

  function taken(length: number): Uint8Array {
    expect(at + length).toBeLessThanOrEqual(bytes.length)
    return bytes.slice(at, (at += length))
  }
}

const bytesIn = (fields: Fields, number: number) => (fields.get(number)?.[0] ?? new Uint8Array(0)) as Uint8Array
const integerIn = (fields: Fields, number: number) => (fields.get(number)?.[0] ?? 0n) as bigint

/** What the relay sent, once. */
interface Frame {
  readonly hex: string
  readonly id: bigint
  /** The field of the envelope's message. */
  readonly kind: number
  readonly body: Fields
}

function frameOf(bytes: Uint8Array): Frame {
  const envelope = fieldsOf(bytes)
  const raw = integerIn(fieldsOf(bytesIn(envelope, 1)), 1)
  const id = raw % 2n === 0n ? raw / 2n : -(raw + 1n) / 2n
  const kind = [...envelope.keys()].find((number) => number !== 1)!
  expect(envelope.size).toBe(2)
  return { hex: toHex(bytes), id, kind, body: fieldsOf(bytesIn(envelope, kind)) }
}

interface Answer {
  readonly payload: Uint8Array
  readonly error: { readonly code: bigint; readonly text: string } | undefined
}

function answerIn({ body }: Frame): Answer {
  const failure = body.has(1) ? fieldsOf(bytesIn(body, 1)) : undefined
  const error = failure && { code: integerIn(failure, 1), text: new TextDecoder().decode(bytesIn(failure, 2)) }
  return { payload: bytesIn(body, 2), error }
}

/** A client's socket. It answers what `answers` names of the relay's requests, and nothing by itself. */
class Peer {
  readonly socket: WebSocket
  readonly frames: Frame[] = []
  closed: number | undefined
  private readonly answers: ReadonlySet<number>
  private readonly watched = new Watched()
  private lastId = 0n

  constructor(url: string, answers: readonly number[]) {
    this.answers = new Set(answers)
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`, { maxPayload: 1_048_576 })
    this.socket.on('message', (data: Buffer) => {
      const frame = frameOf(new Uint8Array(data))
      this.frames.push(frame)
      if (frame.kind !== RESPONSE && this.answers.has(frame.kind)) this.answer(frame)
      this.watched.changed()
    })
    this.socket.on('close', (code) => {
      this.closed = code
      this.watched.changed()
    })
  }

  static async open(url: string, answers: readonly number[]): Promise<Peer> {
    const peer = new Peer(url, answers)
    await new Promise((resolve, reject) => peer.socket.once('open', resolve).once('error', reject))
    return peer
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.send(concatBytes(...parts))
  }

  /** An empty success, as both clients write it, or an error. */
  answer({ id }: Pick<Frame, 'id'>, body = '1200'): void {
    this.send(requestId(id), fromHex(body))
  }

  /** Sends and does not wait; the request's id. */
  request(kind: number, body: Uint8Array, id = ++this.lastId): bigint {
    this.lastId = id
    this.send(requestId(id), field(kind, body))
    return id
  }

  async answerTo(id: bigint): Promise<Answer> {
    const mine = (frame: Frame) => frame.kind === RESPONSE && frame.id === id
    await this.until(() => this.frames.some(mine))
    return answerIn(this.frames.find(mine)!)
  }

  ask(kind: number, body: Uint8Array): Promise<Answer> {
    return this.answerTo(this.request(kind, body))
  }

  /** Whatever the relay sent before its answer is here when this resolves. */
  async paymentOutcome(): Promise<void> {
    expect(await this.ask(PING, new Uint8Array(0))).toEqual({ payload: new Uint8Array(0), error: undefined })
  }

  ofKind(kind: number): Frame[] {
    return this.frames.filter((frame) => frame.kind === kind)
  }

  pushesOf(subscription: Uint8Array): Frame[] {
    return this.ofKind(PUSH).filter(({ body }) => equalBytes(bytesIn(body, 1), subscription))
  }

  setsOf(subscription: Uint8Array): Fields[] {
    return this.pushesOf(subscription).flatMap(({ body }) =>
      (body.get(2) as readonly Uint8Array[]).map((set) => fieldsOf(set)),
    )
  }

  until(condition: () => boolean, ms = 10_000): Promise<void> {
    const last = () =>
      `last frames: ${this.frames
        .slice(-4)
        .map(({ hex }) => hex.slice(0, 80))
        .join(', ')}`
    return this.watched.until(condition, ms, last)
  }

  async authenticate(card: Uint8Array): Promise<void> {
    const { payload } = await this.ask(AUTHENTICATE, field(2, field(1, publicKeyOf(card))))
    expect(payload).toHaveLength(32)
    const solved = await this.ask(SOLVE, field(2, field(1, sign(personalMessageDigest(payload), card))))
    expect(solved).toEqual({ payload: new Uint8Array(0), error: undefined })
  }

  /** The id of a subscription from 0 to everything or to whole collections by ObjectType. */
  async subscribe(...types: readonly number[]): Promise<Uint8Array> {
    const filters = types.map((type) => field(3, integer(3, BigInt(type))))
    const { payload, error } = await this.ask(
      SUBSCRIBE,
      concatBytes(integer(1, 0n), field(2, field(1, toBigEndian(SHOP, 32))), ...filters),
    )
    expect([payload.length, error]).toEqual([2, undefined])
    return payload
  }

  write(set: WrittenSet): Promise<Answer> {
    return this.ask(WRITE, field(1, set.bytes))
  }

  close(): Promise<void> {
    this.socket.close()
    return this.until(() => this.closed !== undefined)
  }
}

// Sets as the two clients write them

const cborX = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })
/** cbor-x: bigints in eight bytes, maps with a head of three, keys as they were set, times as tag 1 and a float64. */
const typescript = (value: unknown) => Uint8Array.from(cborX.encode(value))

/** cbor2 with canonical=True: shortest heads, keys shorter first and then by bytes, times as tag 0. */
function python(value: unknown): Uint8Array {
  if (typeof value === 'bigint') return head(0, value)
  if (typeof value === 'string') return concatBytes(head(3, BigInt(utf8(value).length)), utf8(value))
  if (value instanceof Uint8Array) return concatBytes(head(2, BigInt(value.length)), value)
  if (value instanceof Date) return concatBytes(head(6, 0n), python(value.toISOString().replace('.000Z', 'Z')))
  if (Array.isArray(value)) return concatBytes(head(4, BigInt(value.length)), ...value.map(python))
  const entries = Object.entries(value as object).map(([key, item]) => [python(key), python(item)] as const)
  entries.sort(([a], [b]) => a.length - b.length || Buffer.compare(a, b))
  return concatBytes(head(5, BigInt(entries.length)), ...entries.flat())
}

function head(major: number, argument: bigint): Uint8Array {
  if (argument < 24n) return Uint8Array.of(major * 32 + Number(argument))
  const power = [0, 1, 2, 3].find((exponent) => argument < 2n ** BigInt(8 * 2 ** exponent))!
  return concatBytes(Uint8Array.of(major * 32 + 24 + power), toBigEndian(argument, 2 ** power))
}

interface WrittenSet {
  readonly bytes: Uint8Array
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly patches: readonly Uint8Array[]
}

let lastNonce = 0n

/** Signed over the bytes of the client's own encoder; header and patches keep them within the set. */
function written(
  encode: (value: unknown) => Uint8Array,
  card: Uint8Array,
  timestamp: Date,
  patches: readonly object[],
): WrittenSet {
  const encoded = patches.map(encode)
  const Header = {
    ShopID: SHOP,
    KeyCardNonce: ++lastNonce,
    Timestamp: timestamp,
    RootHash: patchRoot(encoded.map(patchLeafHash)),
  }
  const header = encode(Header)
  const signature = sign(personalMessageDigest(header), card)
  return { bytes: encode({ Patches: patches, Signature: signature, Header }), header, signature, patches: encoded }
}

const listing = (id: bigint) => ({
  Path: ['Listings', id],
  Op: 'add',
  Value: { ViewState: 1n, Price: 250n, Metadata: { Title: 'A thing', Description: 'Of wood' }, ID: id },
})
const price = (id: bigint, to: bigint) => ({ Op: 'replace', Value: to, Path: ['Listings', id, 'Price'] })
const stock = (id: bigint, pieces: bigint) => ({ Value: pieces, Path: ['Inventory', id], Op: 'add' })
const order = (id: bigint, listingId: bigint) => ({
  Path: ['Orders', id],
  Op: 'add',
  Value: { State: 1n, ID: id, Items: [{ Quantity: 1n, ListingID: listingId }] },
})
const canceled = (id: bigint, at: Date) => [
  { Op: 'add', Path: ['Orders', id, 'CanceledAt'], Value: at },
  { Op: 'replace', Path: ['Orders', id, 'State'], Value: 2n },
]

// What is pushed, checked

/** Sequence, shop, root, proofs, places and signer of every set; returns `collection/key` of its patches. */
function verified(sets: readonly Fields[], signers: readonly Uint8Array[], relayAddress: Uint8Array): string[] {
  let last = 0n
  return sets.flatMap((set) => {
    expect(integerIn(set, 1)).toBeGreaterThan(last)
    last = integerIn(set, 1)
    const patches = (set.get(5) ?? []) as readonly Uint8Array[]
    const header = Header.read(decode(bytesIn(set, 3)), 'Header')
    expect(header.ShopID).toBe(SHOP)
    const leaves = verifyPatchProofs((set.get(6) ?? []) as readonly Uint8Array[], patches, header.RootHash)
    expect(BigInt(leaves[0]!.leafIndex)).toBe(integerIn(set, 2))
    const signer = recoverPublicKey(personalMessageDigest(bytesIn(set, 3)), bytesIn(set, 4))!
    expect(equalBytes(addressOf(signer), relayAddress) || signers.some((key) => equalBytes(key, signer))).toBe(true)
    return patches.map((patch) => {
      const [collection, key] = readPatch(patch).path
      return key === undefined || key instanceof Uint8Array
        ? String(collection)
        : `${String(collection)}/${String(key)}`
    })
  })
}

/** The set that was pushed with this header: with it a client finds its own. */
function echoOf({ header }: WrittenSet, sets: readonly Fields[]): Fields | undefined {
  return sets.find((set) => equalBytes(bytesIn(set, 3), header))
}

// Enrolment

interface Card {
  readonly secret: Uint8Array
  readonly wallet: ReturnType<typeof privateKeyToAccount>
}

const newCard = (wallet = toHex(newSecret())): Card => ({
  secret: newSecret(),
  wallet: privateKeyToAccount(`0x${wallet}`),
})

interface Discovery {
  readonly relay_token_id: string
  readonly chain_id: number
}

function resources({ relay_token_id: token }: Discovery, { secret }: Card): string[] {
  return [`mass-relayid:${BigInt(token)}`, `mass-shopid:${SHOP}`, `mass-keycard:0x${toHex(publicKeyOf(secret))}`]
}

/** As viem makes it. */
function typescriptMessage(url: string, facts: Discovery, card: Card): string {
  return createSiweMessage({
    address: card.wallet.address,
    chainId: facts.chain_id,
    domain: new URL(url).host,
    nonce: '00000000',
    uri: `${url}/v4/enroll_key_card`,
    version: '1',
    resources: resources(facts, card),
  })
}

/** As the Python library makes it, with a statement and mainnet's id. */
function pythonMessage(url: string, facts: Discovery, card: Card): string {
  return [
    `${new URL(url).host} wants you to sign in with your Ethereum account:`,
    card.wallet.address,
    '',
    'keyCard: enrol',
    '',
    `URI: ${url}/v4/enroll_key_card`,
    'Version: 1',
    'Chain ID: 1',
    'Nonce: 00000000',
    'Issued At: 1970-01-01T00:00:00Z',
    'Resources:',
    ...resources(facts, card).map((resource) => `- ${resource}`),
  ].join('\n')
}

async function enrol(url: string, card: Card, messageOf: typeof pythonMessage, guest: boolean): Promise<void> {
  const facts = (await (await fetch(`${url}/testing/discovery`)).json()) as Discovery
  const message = messageOf(url, facts, card)
  const signature = Buffer.from(fromHex(await card.wallet.signMessage({ message }))).toString('base64')
  const target = `${url}/v4/enroll_key_card?guest=${guest ? 1 : 0}`
  const response = await fetch(target, { method: 'POST', body: JSON.stringify({ message, signature }) })
  expect([response.status, await response.json()]).toEqual([201, { handler: 'enrollKeyCard', success: true }])
}

describe.each([
  ['uws', false],
  ['ws', true],
] as const)('on %s', (kind, ws) => {
  const clock = new TestClock()
  const [tsOwner, pyOwner] = [newCard(OWNER), newCard(OWNER)]
  const [tsGuest, pyGuest] = [newCard(), newCard()]
  const cards = [tsOwner, pyOwner, tsGuest, pyGuest].map(({ secret }) => publicKeyOf(secret))
  let running: TestRelay

  beforeAll(async () => {
    const settings = { pingIntervalMs: PING_MS, kickTimeoutMs: KICK_MS, pushDelayMs: PUSH_DELAY_MS }
    running = await relay(settings, { ws, clock })
    expect(running.transport).toBe(kind)
    await enrol(running.url, tsOwner, typescriptMessage, false)
    await enrol(running.url, pyOwner, pythonMessage, false)
    await enrol(running.url, tsGuest, typescriptMessage, true)
    await enrol(running.url, pyGuest, pythonMessage, true)
    await clock.turn(PUSH_DELAY_MS)
  })

  afterAll(async () => {
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  const verify = (sets: readonly Fields[]) => verified(sets, cards, running.address)

  it('the samples of §7, byte for byte', async () => {
    const peer = await Peer.open(running.url, [])
    const hexOf = async (id: bigint) => {
      await peer.answerTo(id)
      return peer.frames.find((frame) => frame.kind === RESPONSE && frame.id === id)!.hex
    }
    peer.send(fromHex('0a0208022226080012220a20'), toBigEndian(SHOP, 32))
    expect(await hexOf(1n)).toBe('0a020802120412020001')
    await peer.until(() => peer.ofKind(PUSH).length > 0)
    expect(peer.frames.map((frame) => frame.kind)).toEqual([RESPONSE, STATUS, PUSH])
    const [, status, push] = peer.frames
    // Five patches: manifest and owner, the owner's second card, and two guests; the relay's ids count down from −1.
    expect(status!.hex).toBe('0a0208013a0408011005')
    expect(push!.hex).toMatch(/^0a02080332[0-9a-f]{4}0a020001/u)
    expect(verify(peer.setsOf(Uint8Array.of(0, 1)))).toEqual([
      'Manifest',
      'Accounts',
      'Accounts',
      'Accounts',
      'Accounts',
    ])
    // Answered as the sample answers a push, the backlog is done, and the relay says so.
    peer.send(fromHex('0a0208031200'))
    await peer.until(() => peer.ofKind(STATUS).length === 2)
    expect(peer.ofKind(STATUS)[1]!.hex).toBe('0a0208053a020801')

    peer.send(fromHex('0a020804522512230a21'), publicKeyOf(tsOwner.secret))
    const challenged = await hexOf(2n)
    expect(challenged).toMatch(/^0a02080412221220[0-9a-f]{64}$/u)
    const challenge = fromHex(challenged.slice(-64))
    peer.send(fromHex('0a02080a5a4512430a41'), sign(personalMessageDigest(challenge), tsOwner.secret))
    expect(await hexOf(5n)).toBe('0a02080a1200')

    await clock.turn(PING_MS + LOOKS_MS)
    await peer.until(() => peer.ofKind(PING).length === 1)
    expect(peer.ofKind(PING)[0]!.hex).toBe('0a0208074200')
    peer.send(fromHex('0a0208071200'))

    peer.send(fromHex('0a02081c2a040a020001'))
    expect(await hexOf(14n)).toBe('0a02081c1200')
    // The same once more: there is no such subscription any more.
    peer.send(fromHex('0a02081c2a040a020001'))
    await peer.until(() => peer.frames.filter((frame) => frame.id === 14n).length === 2)
    expect(answerIn(peer.frames.at(-1)!).error!.code).toBe(1n)
    peer.send(fromHex('0a02080c2a030a0101'))
    const text = Buffer.from('a subscription id has 2 bytes, not 1')
    const length = (more: number) => (text.length + more).toString(16)
    expect(await hexOf(6n)).toBe(`0a02080c12${length(6)}0a${length(4)}080212${length(0)}${text.toString('hex')}`)
    expect(peer.closed).toBeUndefined()
    await peer.close()
  })

  it('the TypeScript client subscribes, then authenticates, pipelines, and answers no status', async () => {
    const owner = await Peer.open(running.url, [PUSH, PING])
    const asVisitor = await owner.subscribe()
    await owner.authenticate(tsOwner.secret)
    const asOwner = await owner.subscribe()

    // Milliseconds that are not 0 make cbor-x write a float64.
    const time = new Date(1_700_000_000_123)
    const make = (patches: readonly object[]) => written(typescript, tsOwner.secret, time, patches)
    const first = make([listing(501n), stock(501n, 7n), price(501n, 300n)])
    expect(toHex(first.bytes)).toMatch(/^b90003/u)
    expect(toHex(first.header)).toMatch(/^b90004.*c1fb41d954fc4/u)
    expect(toHex(first.patches[1]!)).toMatch(/^b90003.*1b00000000000001f5/u)
    const sets = [first, ...Array.from({ length: 60 }, (_, i) => make([price(501n, BigInt(i))]))]
    const ids = sets.map((set) => owner.request(WRITE, field(1, set.bytes)))
    for (const id of ids) {
      const { payload, error } = await owner.answerTo(id)
      expect([payload.length, error]).toEqual([32, undefined])
    }
    const answered = owner.ofKind(RESPONSE).map(({ id }) => id)
    expect(answered.slice(-ids.length)).toEqual(ids)

    // The echo comes when the delay is over, not before: everything sent so far has been read at each look.
    await clock.turn(PUSH_DELAY_MS - 1)
    await owner.paymentOutcome()
    expect(echoOf(first, owner.setsOf(asOwner))).toBeUndefined()
    expect(echoOf(first, owner.setsOf(asVisitor))).toBeUndefined()
    await clock.turn(1)
    await owner.until(() => echoOf(sets.at(-1)!, owner.setsOf(asVisitor)) !== undefined)
    await owner.until(() => echoOf(sets.at(-1)!, owner.setsOf(asOwner)) !== undefined)

    // Bytes received are bytes pushed; the visitor gets the first and the third patch of three.
    const whole = echoOf(first, owner.setsOf(asOwner))!
    expect(whole.get(5)).toEqual(first.patches)
    expect(whole.get(4)).toEqual([first.signature])
    expect(echoOf(first, owner.setsOf(asVisitor))!.get(5)).toEqual([first.patches[0], first.patches[2]])

    expect(await owner.write(make([order(12n, 501n)]))).toMatchObject({ error: undefined })
    await clock.turn(PUSH_DELAY_MS)
    await owner.until(() => verify(owner.setsOf(asOwner)).includes('Orders/12'))
    await owner.paymentOutcome()
    expect(verify(owner.setsOf(asOwner))).toContain('Inventory/501')
    const public_ = verify(owner.setsOf(asVisitor))
    expect(public_).toContain('Listings/501')
    expect(public_.filter((path) => /Orders|Inventory/u.test(path))).toEqual([])
    expect(owner.ofKind(STATUS).length).toBeGreaterThan(1)
    await owner.close()
  })

  it('a guest of the TypeScript client orders, and reads what is his', async () => {
    const guest = await Peer.open(running.url, [PUSH, PING])
    await guest.authenticate(tsGuest.secret)
    const all = await guest.subscribe()
    const make = (patches: readonly object[]) => written(typescript, tsGuest.secret, new Date(), patches)
    expect((await guest.write(make([order(11n, 501n)]))).error).toBeUndefined()
    const cancel = make(canceled(11n, new Date(1_700_000_000_500)))
    expect(toHex(cancel.patches[0]!)).toMatch(/c1fb41d954fc402/u)
    expect((await guest.write(cancel)).error).toBeUndefined()
    expect((await guest.write(make([listing(502n)]))).error!.code).toBe(1n)
    expect((await guest.write(make(canceled(12n, new Date(1_700_000_000_500))))).error!.code).toBe(1n)
    await clock.turn(PUSH_DELAY_MS)
    await guest.until(() => echoOf(cancel, guest.setsOf(all)) !== undefined)
    expect(echoOf(cancel, guest.setsOf(all))!.get(5)).toEqual(cancel.patches)
    const paths = verify(guest.setsOf(all))
    expect(paths).toContain('Listings/501')
    expect(paths.filter((path) => /Orders|Inventory/u.test(path))).toEqual(['Orders/11', 'Orders/11', 'Orders/11'])
    await guest.close()
  })

  it('the Python client answers everything, also what it cancelled, and some of it twice', async () => {
    const owner = await Peer.open(running.url, [])
    await owner.authenticate(pyOwner.secret)
    const make = (patches: readonly object[]) => written(python, pyOwner.secret, new Date(1_970_000), patches)
    const first = await owner.subscribe(5, 4, 1, 2, 3, 6)
    await owner.until(() => owner.pushesOf(first).length > 0)
    expect(await owner.ask(CANCEL, field(1, first))).toEqual({ payload: new Uint8Array(0), error: undefined })
    const asked = owner.frames.filter(({ kind }) => kind !== RESPONSE)
    expect(asked.map(({ kind }) => kind)).toContain(STATUS)
    for (const frame of [...asked, ...asked]) owner.answer(frame)
    await owner.paymentOutcome()
    const pushed = owner.pushesOf(first).length

    const second = await owner.subscribe(1, 6)
    const answerAll = (from: number) => {
      for (const frame of owner.frames.slice(from)) if (frame.kind !== RESPONSE) owner.answer(frame)
    }
    const set = make([listing(601n), stock(601n, 300n)])
    expect(toHex(set.header)).toMatch(/^a46653686f704944184d.*69.*c074313937302d30312d30315430303a33323a35305a/u)
    expect((await owner.write(set)).payload).toHaveLength(32)
    answerAll(asked.length)
    await clock.turn(PUSH_DELAY_MS)
    await owner.until(() => echoOf(set, owner.setsOf(second)) !== undefined)
    expect(echoOf(set, owner.setsOf(second))!.get(5)).toEqual(set.patches)
    expect(new Set(verify(owner.setsOf(second)).map((path) => path.split('/')[0]))).toEqual(
      new Set(['Listings', 'Inventory']),
    )
    // Nothing more came for the one that was cancelled, and its answers closed nothing.
    expect(owner.pushesOf(first)).toHaveLength(pushed)
    expect(owner.closed).toBeUndefined()
    await owner.close()
  })

  it.each([
    ['INVALID, as the sample has it', '12200a1e0802121a', 26],
    ['CLOSE_SUBSCRIPTION', '121e0a1c080b1218', 24],
  ])('an error answered to a push ends that subscription like a cancel: %s', async (_what, heads, textBytes) => {
    const error = heads + '78'.repeat(textBytes)
    const owner = await Peer.open(running.url, [])
    await owner.authenticate(pyOwner.secret)
    const [ended, other] = [await owner.subscribe(1), await owner.subscribe(1)]
    await owner.until(() => owner.pushesOf(ended).length > 0 && owner.pushesOf(other).length > 0)
    // An error answered to a status is an answer like any other.
    for (const status of owner.ofKind(STATUS)) owner.answer(status, error)
    owner.answer(owner.pushesOf(ended)[0]!, error)
    owner.answer(owner.pushesOf(other)[0]!)
    const pushed = owner.pushesOf(ended).length
    const set = written(python, pyOwner.secret, new Date(0), [price(501n, lastNonce)])
    expect((await owner.write(set)).error).toBeUndefined()
    await clock.turn(PUSH_DELAY_MS)
    await owner.until(() => echoOf(set, owner.setsOf(other)) !== undefined)
    await owner.paymentOutcome()
    expect(owner.pushesOf(ended)).toHaveLength(pushed)
    expect((await owner.ask(CANCEL, field(1, ended))).error!.code).toBe(1n)
    expect((await owner.ask(CANCEL, field(1, other))).error).toBeUndefined()
    await owner.close()
  })

  it('a guest of the Python client orders with times in words, and reads what is his', async () => {
    const guest = await Peer.open(running.url, [PUSH, STATUS, PING])
    await guest.authenticate(pyGuest.secret)
    const all = await guest.subscribe()
    const make = (patches: readonly object[]) => written(python, pyGuest.secret, new Date(0), patches)
    const id = 2n ** 63n + 5n
    expect((await guest.write(make([order(id, 501n)]))).error).toBeUndefined()
    const cancel = make(canceled(id, new Date(1_700_000_000_000)))
    expect(toHex(cancel.patches[0]!)).toContain(`c074${toHex(utf8('2023-11-14T22:13:20Z'))}`)
    expect((await guest.write(cancel)).error).toBeUndefined()
    await clock.turn(PUSH_DELAY_MS)
    await guest.until(() => echoOf(cancel, guest.setsOf(all)) !== undefined)
    const paths = verify(guest.setsOf(all)).filter((path) => /Orders|Inventory/u.test(path))
    expect(paths).toEqual([`Orders/${id}`, `Orders/${id}`, `Orders/${id}`])
    await guest.close()
  })

  it('an answer to an id that the relay never used closes the socket; one that it used does not', async () => {
    for (const [used, id] of [
      [true, -1n],
      [false, -2n],
      [false, 7n],
      [false, -(2n ** 63n)],
    ] as const) {
      const peer = await Peer.open(running.url, [])
      await peer.subscribe(2)
      await peer.until(() => peer.frames.length === 2)
      expect(peer.ofKind(STATUS).map((frame) => frame.id)).toEqual([-1n])
      peer.answer({ id })
      if (used) await peer.paymentOutcome()
      else await peer.until(() => peer.closed !== undefined)
      expect(used ? [undefined] : [1002, 1008]).toContain(peer.closed)
      await peer.close()
    }
  })

  it('what is pushed is proven: a changed patch, or one in another place, is not', async () => {
    const peer = await Peer.open(running.url, [])
    const all = await peer.subscribe(1)
    await peer.until(() => peer.setsOf(all).length > 0)
    const set = peer.setsOf(all)[0]!
    expect(verify([set])).toEqual(['Listings/501', 'Listings/501'])
    const patches = set.get(5) as readonly Uint8Array[]
    const changed = patches[0]!.with(5, patches[0]![5]! ^ 1)
    expect(() => verify([new Map([...set, [5, [changed, patches[1]!]]])])).toThrow()
    expect(() => verify([new Map([...set, [5, [...patches].reverse()]])])).toThrow()
    const signature = bytesIn(set, 4)
    expect(() => verify([new Map([...set, [4, [signature.with(5, signature[5]! ^ 1)]]])])).toThrow()
    await peer.close()
  })

  it('idle reads: a ping each interval; who answers stays, who does not is closed with 1008', async () => {
    const [good, silent, observer] = [
      await Peer.open(running.url, [PING]),
      await Peer.open(running.url, []),
      await Peer.open(running.url, [PING]),
    ]
    await Promise.all([good, silent, observer].map((peer) => peer.subscribe(2)))
    /** Two round trips beside them: what lay in their sockets has been read at both ends. */
    const turn = async (ms: number) => {
      await clock.turn(ms)
      for (let i = 0; i < 2; i++) await observer.paymentOutcome()
    }
    const pings = () => [good, silent].map((peer) => peer.ofKind(PING).length)
    await turn(PING_MS - 1)
    expect(pings()).toEqual([0, 0])
    await turn(1 + LOOKS_MS)
    expect(pings()).toEqual([1, 1])
    // A pong is a frame of the socket and no sign of life.
    silent.socket.pong()
    await turn(PING_MS)
    expect(pings()).toEqual([2, 2])
    await turn(KICK_MS - 2 * PING_MS - LOOKS_MS - 1)
    expect(silent.closed).toBeUndefined()
    await turn(1 + LOOKS_MS)
    await silent.until(() => silent.closed !== undefined)
    expect(silent.closed).toBe(1008)
    for (let count = pings()[0]!; count < 6;) {
      await turn(PING_MS)
      expect(pings()[0]).toBe(++count)
    }
    await good.paymentOutcome()
    expect(good.closed).toBeUndefined()
    await Promise.all([good.close(), observer.close()])
  })
})
