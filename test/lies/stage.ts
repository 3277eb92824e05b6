/**
 * Where a lie is told: a shop of its own on a real relay with a real store, a proxy before it that has the relay's key,
 * and people who write to the relay past the proxy.
 */

import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import type { ChainTransaction } from '../../src/chain/chain.js'
import { CborTime } from '../../src/codec/value.js'
import type { Change } from '../../src/patches/patch.js'
import { decodeCheckpoint, signHandOver, type SignedHandOver } from '../../src/proofs/checkpoint.js'
import { encodeCheckpointAnswer, readCheckpointAnswer, readWriteAnswer } from '../../src/wire/proof-payloads.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  stock,
  Wire,
  type TestRelay,
} from '../fixtures/relay-harness.js'
import { DiskStore } from '../fixtures/store-directory.js'
import { Book, RELAY_SECRET, type Edits } from './book.js'

/** The package, or the package without one check. */
export type Sdk = typeof import('./sdk.js')

/** Listings of every stage. */
export const STONE = 1_001n
export const FEATHER = 1_002n
export const SHELL = 1_003n
/** No stage has it. */
export const NOTHING = 9_999n
/** Orders: two of the guest, one of another. */
export const MINE = [71n, 72n] as const
export const OTHERS = 81n
/** Of the relay before its key was rotated to the one of now. */
export const EARLIER_SECRET: Uint8Array = new Uint8Array(32).fill(55)
/** Set that adds the listings. */
export const LISTED_AT = 5n

type Who = 'owner' | 'clerk' | 'guest' | 'other'

/** The hand-over from the key of before. */
function toNow(): SignedHandOver {
  const [From, To] = [EARLIER_SECRET, RELAY_SECRET].map((secret) => addressOf(publicKeyOf(secret)))
  const identity = { ChainID: 31_337n, Registry: new Uint8Array(20), Relay: 1n }
  const Timestamp = new CborTime(1_700_000_000n)
  return signHandOver({ Version: 1n, ...identity, From: From!, To: To!, Timestamp }, EARLIER_SECRET)
}

/** One relay for all stages: each has a shop of its own. */
export class World {
  readonly relay: TestRelay
  private readonly disk: DiskStore
  private shops = 0n

  private constructor(relay: TestRelay, disk: DiskStore) {
    this.relay = relay
    this.disk = disk
  }

  static async start(): Promise<World> {
    const disk = await DiskStore.make()
    return new World(await relay({}, { store: disk.store, handOvers: [toNow()] }), disk)
  }

  async stage(): Promise<Stage> {
    const stage = new Stage(this, this.relay, this.disk, 7_000n + ++this.shops, await lyingProxy(this.relay.url))
    await stage.furnish()
    return stage
  }

  async stop(): Promise<void> {
    await this.relay.stop()
    await this.disk.dispose()
  }
}

export class Stage {
  readonly world: World
  readonly relay: TestRelay
  readonly shop: bigint
  readonly proxy: LyingProxy
  readonly secrets: Readonly<Record<Who, Uint8Array>>
  /** Whether the session has seen what was true; lies that begin in the middle wait for it. */
  turned = false
  /** What becomes of a kept replica between two runs. */
  tampered: (kept: Uint8Array) => Uint8Array = (kept) => kept
  /** What becomes of a checkpoint on its way between two clients. */
  received: (checkpoint: Uint8Array) => Uint8Array = (checkpoint) => checkpoint
  /** The digest that stands in the registry; undefined: of the honest relay's checkpoint of the last set. */
  anchored: Uint8Array | undefined
  /** What becomes of the transaction that an anchored receipt names. */
  transaction: (honest: ChainTransaction) => ChainTransaction = (honest) => honest
  /** How many blocks lie on it. */
  blocksOnAnchor = 1n
  /** Of another shop, where a lie has one. */
  another: Stage | undefined
  private readonly disk: DiskStore
  private readonly wires = new Map<Who, Promise<Wire>>()

  constructor(world: World, relay: TestRelay, disk: DiskStore, shop: bigint, proxy: LyingProxy) {
    this.world = world
    this.relay = relay
    this.disk = disk
    this.shop = shop
    this.proxy = proxy
    this.secrets = { owner: newSecret(), clerk: newSecret(), guest: newSecret(), other: newSecret() }
  }

  /** Sets 1 … 9, and a checkpoint of the last. */
  async furnish(): Promise<void> {
    const { url } = this.relay
    const { owner, clerk, guest, other } = this.secrets
    const { shop } = this
    await enrolCard(url, owner, { shop })
    await enrolCard(url, clerk, { shop })
    await enrolCard(url, guest, { shop, guest: true })
    await enrolCard(url, other, { shop, guest: true })
    const tag = map({ Name: 'round', ListingIDs: [STONE] })
    const listings = [STONE, FEATHER, SHELL].map((id) => listing(id))
    await this.write('owner', [...listings, { op: 'add', path: ['Tags', 'round'], value: tag }])
    await this.write('owner', [stock(STONE, 50n)])
    await this.write('guest', [order(MINE[0], STONE, 1n)])
    await this.write('guest', [order(MINE[1], STONE, 2n)])
    await this.write('other', [order(OTHERS, FEATHER, 1n)])
    await this.covered()
    await this.leave()
  }

  /** A card is in one session at a time. */
  private async leave(): Promise<void> {
    for (const wire of this.wires.values()) await (await wire).close()
    this.wires.clear()
  }

  /** The number of the set; the relay itself takes it. */
  async write(who: Who, changes: readonly Change[]): Promise<bigint> {
    const wire = await this.wire(who)
    const patchSet = wire.signed(this.secrets[who], changes, this.shop)
    return readWriteAnswer((await wire.done({ kind: 'write', patchSet })).slice()).Seq
  }

  /** What is asked over HTTP is answered from a forged book. */
  forgeHttp(edits: Edits): void {
    this.proxy.lieOverHttp((path, body) => {
      if (!path.endsWith('/checkpoint')) return body
      const answer = readCheckpointAnswer(body)
      const { signed, last, level } = this.book(edits).checkpoint(decodeCheckpoint(answer.Checkpoint[0]).Seq)
      return encodeCheckpointAnswer({ ...answer, Checkpoint: signed, Last: last, Level: level })
    })
  }

  card(who: Who): Uint8Array {
    return publicKeyOf(this.secrets[who])
  }

  /** Seq of a checkpoint that the relay has of all sets. */
  async covered(): Promise<bigint> {
    for (;;) {
      const answer = await fetch(`${this.relay.url}/v5/shops/${this.shop}/checkpoint`)
      if (answer.ok) {
        const { Checkpoint } = readCheckpointAnswer(new Uint8Array(await answer.arrayBuffer()))
        const { Seq } = decodeCheckpoint(Checkpoint[0])
        if (Seq >= BigInt(this.disk.store.head(this.shop))) return Seq
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** The log as it is now, with what a lie makes of it. */
  book(edits?: Edits): Book {
    return Book.read(this.disk.store, this.shop, edits)
  }

  async close(): Promise<void> {
    this.proxy.close()
    await this.leave()
    await this.another?.close()
  }

  private wire(who: Who): Promise<Wire> {
    const open = this.wires.get(who) ?? Wire.as(this.relay.url, this.secrets[who], { version: 5 })
    this.wires.set(who, open)
    return open
  }
}
