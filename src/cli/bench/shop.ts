/**
 * The shops that load goes to: made new at a relay of one's own, and at another's the one that was named, which has to
 * hold nothing else.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { randomBytes } from 'node:crypto'
import { publicKeyOf } from '#signature'
import { fromBigEndian, toBigEndian } from '../../bytes/bytes.js'
import { decode } from '../../codec/decode.js'
import type { Encodable } from '../../codec/encode.js'
import { enrol } from '../../client/enrol.js'
import type { Change } from '../../patches/patch.js'
import type { Request } from '../../wire/messages.js'
import { readWriteAnswer } from '../../wire/proof-payloads.js'
import { readSnapshotObject, type SnapshotObject } from '../../wire/snapshot-payloads.js'
import { UsageError } from '../flags.js'
import { walletOf } from '../wallet.js'
import { openSession, SessionError, type Session } from './session.js'

/** A shop of somebody else's relay, and its card. */
interface GivenShop {
  readonly shop: bigint
  /** 32 bytes. */
  readonly secret: Uint8Array
  /** How many listings of ours it holds, where that is known: then it is not read. */
  readonly listings?: number
}

export interface Place {
  readonly url: string
  /** Undefined at a relay of one's own, where shops are made. */
  readonly given?: GivenShop | undefined
}

export interface BenchShop {
  readonly id: bigint
  /** Version 5, each with a card of its own, none for any other shop. */
  readonly sessions: readonly Session[]
  /** Listings 1 to so many are there. */
  readonly listings: number
  /** At once. */
  close(): void
  /** Resolves when the relay is done with its sessions: the cards may be used again. */
  left(): Promise<void>
}

/** By which a shop's listings are known to be ours. */
const TITLE = 'cairn bench'
const LISTINGS_PER_SET = 200
const SHOP_BYTES = 6

/** Rejects with UsageError, SessionError, ClientError. */
export async function openShop(place: Place, listings: number, connections: number): Promise<BenchShop> {
  const sessions: Session[] = []
  const close = () => {
    for (const session of sessions) session.close()
  }
  try {
    const { id, there } = await (place.given === undefined
      ? newShop(place.url, connections, sessions)
      : givenShop(place.url, place.given, sessions))
    await fill(sessions[0]!, there, listings)
    const left = async () => void (await Promise.all(sessions.map((session) => session.left())))
    return { id, sessions, listings, close, left }
  } catch (error) {
    close()
    throw error
  }
}

interface Opened {
  readonly id: bigint
  /** Listings of ours. */
  readonly there: number
}

async function newShop(url: string, connections: number, sessions: Session[]): Promise<Opened> {
  const id = fromBigEndian(new Uint8Array(randomBytes(SHOP_BYTES))) + 1n
  const wallet = walletOf(randomBytes(32).toString('hex'))
  for (let i = 0; i < connections; i++) {
    const secret = new Uint8Array(randomBytes(32))
    await enrol({ url, shop: id, card: publicKeyOf(secret), wallet })
    sessions.push(await openSession({ url, shop: id, secret, version: 5 }))
  }
  return { id, there: 0 }
}

/** Throws UsageError where the shop has anything that is not ours. */
async function givenShop(url: string, { shop, secret, listings }: GivenShop, sessions: Session[]): Promise<Opened> {
  if (listings !== undefined) {
    sessions.push(await openSession({ url, shop, secret, version: 5 }))
    return { id: shop, there: listings }
  }
  const objects: SnapshotObject[] = []
  let whole: () => void
  const isWhole = new Promise<void>((resolve) => (whole = resolve))
  const requested = (request: Request) => {
    if (request.kind !== 'snapshotPush') return
    for (const object of request.objects) objects.push(copied(readSnapshotObject(object)))
    if (request.last) whole()
  }
  const usage = (error: Error) => {
    throw new UsageError(`shop ${shop} cannot be read with this card: ${error.message}`)
  }
  const session = await openSession({ url, shop, secret, version: 5, requested }).catch(usage)
  sessions.push(session)
  const shopId = toBigEndian(shop, 32)
  const all = { kind: 'subscribe', startSeq: 0n, shopId, filters: [], snapshot: true } as const
  const subscriptionId = await session.asked(all).catch(usage)
  const isOver = session.ended.then((why) => usage(new SessionError(why)))
  await Promise.race([isWhole, isOver])
  await session.asked({ kind: 'cancel', subscriptionId })
  return { id: shop, there: listingsThere(shop, objects) }
}

/** Of a frame that is gone then. */
function copied({ question: [collection, key], object }: SnapshotObject): SnapshotObject {
  return { question: [collection, key.slice()], object: { ...object, value: object.value.slice() } }
}

/** The seq of a set that is written now: the newest of the shop's log. */
export async function writeOne({ sessions }: BenchShop): Promise<bigint> {
  const [session] = sessions
  const value = (session!.nonce % 1_000_000n) + 1n
  return readWriteAnswer(await session!.written([{ op: 'replace', path: ['Listings', 1n, 'Price'], value }])).Seq
}

async function fill(session: Session, there: number, listings: number): Promise<void> {
  for (let first = there + 1; first <= listings; first += LISTINGS_PER_SET) {
    const count = Math.min(LISTINGS_PER_SET, listings - first + 1)
    const changes = Array.from({ length: count }, (_, i) => listingOf(BigInt(first + i)))
    await session.written(changes).catch((error: unknown) => {
      throw error instanceof SessionError ? new UsageError(`the card may not fill the shop: ${error.message}`) : error
    })
  }
}

/** As large as those of a shop. */
export function listingOf(id: bigint): Change {
  const map = (fields: Readonly<Record<string, Encodable>>) => new Map(Object.entries(fields))
  const Metadata = map({
    Title: `${TITLE} ${id}`,
    Description: 'A thing to buy, described in a sentence or two so that it has a size.',
  })
  return { op: 'add', path: ['Listings', id], value: map({ ID: id, Price: 100n, Metadata, ViewState: 1n }) }
}

/** How many listings of ours. Throws UsageError where there is anything else. */
function listingsThere(shop: bigint, objects: readonly SnapshotObject[]): number {
  const ids: bigint[] = []
  for (const { question, object } of objects) {
    const [collection, key] = question
    if (ALSO_THERE.has(collection)) continue
    const id = fromBigEndian(key)
    if (collection !== 'Listings' || titleOf(object.value) !== `${TITLE} ${id}`)
      throw new UsageError(
        `shop ${shop} is in use: it holds ${collection} that no bench wrote. Name a shop that is for this alone`,
      )
    ids.push(id)
  }
  if (ids.some((id) => id > BigInt(ids.length)))
    throw new UsageError(`shop ${shop} is in use: some of its listings are gone. Name a shop that is for this alone`)
  return ids.length
}

/** What every shop has. */
const ALSO_THERE: ReadonlySet<string> = new Set(['Manifest', 'Accounts', 'Cards'])

function titleOf(listing: Uint8Array): unknown {
  const metadata = (decode(listing) as ReadonlyMap<string, unknown>).get('Metadata')
  return (metadata as ReadonlyMap<string, unknown> | undefined)?.get('Title')
}
