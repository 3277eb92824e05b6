/** A relay in this process and a client that speaks the bare wire: what the end-to-end tests are made of. */

import { randomBytes } from 'node:crypto'
import { privateKeyToAccount } from 'viem/accounts'
import { WebSocket, type ClientOptions } from 'ws'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { toBigEndian } from '../../src/bytes/bytes.js'
import { publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { DevelopmentRegistry } from '../../src/chain/development-registry.js'
import { enrol } from '../../src/client/enrol.js'
import type { Encodable } from '../../src/codec/encode.js'
import { encodeChange, type Change } from '../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../src/patches/patch-set.js'
import { listen } from '../../src/relay/listen.js'
import { listenWs } from '../../src/relay/transport-ws.js'
import { Metrics } from '../../src/relay/metrics.js'
import { startRelay, type RelayParts, type RelaySettings, type RunningRelay } from '../../src/relay/relay.js'
import { MemoryStore } from '../../src/store/memory.js'
import type { BlobStore } from '../../src/store/blobs.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope.js'
import { decodeSet, type PushedSet } from '../../src/wire/pushed-set.js'
import type { Envelope, Message } from '../../src/wire/messages.js'

export const SHOP = 77n
export const OWNER = '12'.repeat(32)

const SETTINGS: RelaySettings = {
  host: '127.0.0.1',
  port: 0,
  pingIntervalMs: 60_000,
  kickTimeoutMs: 180_000,
  pushDelayMs: 0,
  idleSessionSeconds: 300,
  sessionsMax: 10_000,
  sessionsPerAddressMax: 1_000,
  reservationSeconds: 86_400,
  latePaymentCheckSeconds: 0,
  nodeCacheNodes: 10_000,
  signatureThreads: 0,
  discovery: true,
  enrolmentsPerSecond: 1_000,
  enrolmentsBurst: 1_000,
  upgradesPerSecond: 1_000,
  upgradesBurst: 1_000,
}

export interface TestRelay extends RunningRelay {
  /** Bugs that handlers reported; every test ends by looking that there are none. */
  readonly bugs: unknown[]
}

const noBlobs: BlobStore = {
  begin: () => Promise.reject(new Error('no blobs here')),
  read: () => Promise.resolve(undefined),
  put: () => Promise.resolve(),
}

export async function relay(
  settings: Partial<RelaySettings> = {},
  parts: Partial<RelayParts> & { ws?: boolean } = {},
): Promise<TestRelay> {
  const store = parts.store ?? new MemoryStore()
  const bugs: unknown[] = []
  const log = {
    info: () => undefined,
    warn: () => undefined,
    error: (event: string, error: unknown) => void bugs.push(event, error),
  }
  const running = await startRelay({
    settings: { ...SETTINGS, ...settings },
    store,
    blobs: noBlobs,
    registry: new DevelopmentRegistry((key) => store.setting(key)),
    relaySecret: new Uint8Array(32).fill(9),
    listen: parts.ws ? listenWs : listen,
    version: '0.0.0',
    log,
    metrics: new Metrics(),
    ...parts,
  })
  return Object.assign(Object.create(running) as RunningRelay, { bugs })
}

export const newSecret = (): Uint8Array => new Uint8Array(randomBytes(32))

export async function enrolCard(
  url: string,
  secret: Uint8Array,
  options: { wallet?: string; guest?: boolean; shop?: bigint } = {},
): Promise<void> {
  const { wallet = OWNER, guest = false, shop = SHOP } = options
  await enrol({ url, shop, card: publicKeyOf(secret), wallet: privateKeyToAccount(`0x${wallet}`), guest })
}

export interface Refused {
  readonly code: number
  readonly message: string
  readonly objectId?: bigint
}

/** A client that answers pushes, pings and statuses, unless it is told not to. */
export class Wire {
  readonly socket: WebSocket
  readonly sets: PushedSet[] = []
  readonly events: string[] = []
  readonly statuses: [bigint, bigint][] = []
  readonly pushes: { requestId: bigint; sets: number; bytes: number }[] = []
  closed: { code: number; reason: string } | undefined
  answering = true
  private readonly waiting = new Map<bigint, (message: Message & { kind: 'response' }) => void>()
  private readonly watchers = new Set<() => void>()
  private lastId = 0n
  private nonce = BigInt(Date.now()) * 1_000n

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.binaryType = 'nodebuffer'
    socket.on('message', (data: Buffer) => this.message(decodeEnvelope(new Uint8Array(data)), data.length))
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      this.changed()
    })
    socket.on('error', () => undefined)
    socket.setMaxListeners(0)
  }

  static open(url: string, options: ClientOptions = {}): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`, { maxPayload: 1_048_576, ...options })
      const wire = new Wire(socket)
      socket.once('open', () => resolve(wire))
      socket.once('error', reject)
    })
  }

  /** Opened and authenticated. */
  static async as(url: string, secret: Uint8Array, options?: ClientOptions): Promise<Wire> {
    const wire = await Wire.open(url, options)
    await wire.authenticate(secret)
    return wire
  }

  ask(message: Message, requestId = ++this.lastId): Promise<Uint8Array | Refused> {
    return new Promise((resolve, reject) => {
      this.waiting.set(requestId, (answer) => resolve(answer.error ?? answer.payload))
      this.socket.once('close', () => reject(new Error('closed')))
      this.send({ requestId, message })
    })
  }

  /** The payload; throws when the relay refuses. */
  async done(message: Message): Promise<Uint8Array> {
    const answer = await this.ask(message)
    if (answer instanceof Uint8Array) return answer
    throw new Error(`${answer.code}: ${answer.message}`)
  }

  async authenticate(secret: Uint8Array): Promise<void> {
    const challenge = await this.done({ kind: 'authenticate', publicKey: publicKeyOf(secret) })
    await this.done({ kind: 'challengeSolution', signature: sign(personalMessageDigest(challenge), secret) })
  }

  subscribe(
    filters: { objectType: number; objectId?: Uint8Array }[] = [],
    startSeq = 0n,
    shop = SHOP,
  ): Promise<Uint8Array | Refused> {
    return this.ask({ kind: 'subscribe', startSeq, shopId: toBigEndian(shop, 32), filters })
  }

  signed(secret: Uint8Array, changes: readonly Change[], shopId = SHOP): Uint8Array {
    const patches = changes.map(encodeChange)
    const timestamp = BigInt(Math.floor(Date.now() / 1_000))
    const { headerBytes, signature } = signPatches({ shopId, nonce: ++this.nonce, timestamp, patches }, secret)
    return encodePatchSet(headerBytes, signature, patches)
  }

  write(secret: Uint8Array, changes: readonly Change[]): Promise<Uint8Array | Refused> {
    return this.ask({ kind: 'write', patchSet: this.signed(secret, changes) })
  }

  send(envelope: Envelope): void {
    this.socket.send(encodeEnvelope(envelope))
  }

  /** Resolves once `condition` holds; rejects after `ms`. */
  until(condition: () => boolean, ms = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!condition()) return
        clearTimeout(timer)
        this.watchers.delete(check)
        resolve()
      }
      const timer = setTimeout(() => {
        this.watchers.delete(check)
        reject(new Error(`waited ${ms} ms; events: ${this.events.slice(-8).join(', ')}`))
      }, ms)
      this.watchers.add(check)
      check()
    })
  }

  close(): Promise<void> {
    if (this.closed !== undefined) return Promise.resolve()
    const closed = new Promise<void>((resolve) => this.socket.once('close', () => resolve()))
    this.socket.close()
    return closed
  }

  private message({ requestId, message }: Envelope, bytes: number): void {
    if (message.kind === 'response') {
      this.events.push(`answer ${requestId}`)
      this.waiting.get(requestId)?.(message)
      this.waiting.delete(requestId)
    } else {
      if (message.kind === 'push') {
        this.sets.push(...message.sets.map((set) => decodeSet(set.slice())))
        this.pushes.push({ requestId, sets: message.sets.length, bytes })
        this.events.push(`push ${message.sets.map((set) => decodeSet(set).seq).join('+')}`)
      } else if (message.kind === 'syncStatus') {
        this.statuses.push([message.subscriptionId, message.unpushedPatches])
        this.events.push(`status ${message.unpushedPatches}`)
      } else this.events.push(message.kind)
      if (this.answering) this.send({ requestId, message: { kind: 'response', payload: new Uint8Array(0) } })
    }
    this.changed()
  }

  private changed(): void {
    for (const watcher of [...this.watchers]) watcher()
  }
}

export const map = (fields: Readonly<Record<string, Encodable>>): ReadonlyMap<string, Encodable> =>
  new Map(Object.entries(fields))

export function listing(id: bigint, more: Readonly<Record<string, Encodable>> = {}): Change {
  const Metadata = map({ Title: `Listing ${id}`, Description: 'A thing' })
  return { op: 'add', path: ['Listings', id], value: map({ ID: id, Price: 100n, Metadata, ViewState: 1n, ...more }) }
}

export function stock(id: bigint, pieces: bigint): Change {
  return { op: 'add', path: ['Inventory', id], value: pieces }
}

export function order(id: bigint, listingId: bigint, quantity: bigint): Change {
  return {
    op: 'add',
    path: ['Orders', id],
    value: map({ ID: id, State: 1n, Items: [map({ ListingID: listingId, Quantity: quantity })] }),
  }
}

export function state(id: bigint, to: bigint): Change {
  return { op: 'replace', path: ['Orders', id, 'State'], value: to }
}
