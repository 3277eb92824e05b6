/**
 * `cairn bench read`: visits. Each is what a visitor's client does that opens one listing: it subscribes to it, gets it
 * as a snapshot under a checkpoint, and leaves again.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { fromBigEndian, toBigEndian } from '../../bytes/bytes.js'
import { ObjectType, type Request } from '../../wire/messages.js'
import type { Bench } from './bench.js'
import { closedLoop, openLoop, type Lane, type Load } from './load.js'
import { openSession, type Session } from './session.js'
import { openShop, writeOne, type BenchShop } from './shop.js'
import { listingAt } from './signing.js'

export interface ReadPlan {
  readonly listings: number
  /** Sessions that read at a time. */
  readonly connections: number
  /** Visits a second in all. */
  readonly rates: readonly number[]
}

/** At a time and session: a relay makes few snapshots of one shop at a time. */
const WINDOW = 1

export async function benchRead(bench: Bench, { listings, connections, rates }: ReadPlan): Promise<void> {
  const shop = bench.keep(await bench.until(openShop(bench.relay, listings, 1)))
  await bench.until(writeOne(shop))
  const size = `${listings.toLocaleString('en')} listings`
  const name = `read one listing, ${connections} sessions, ${size}`
  const visitors = () => openVisitors(bench, shop, connections)
  await bench.series({ name, unit: 'visits', loop: 'closed', listings, bySize: name }, async (seconds) => {
    const lanes = await visitors()
    return () => left(lanes, closedLoop(lanes, { window: WINDOW, seconds, signal: bench.signal }))
  })
  for (const rate of rates) {
    const name = `read one listing, ${rate.toLocaleString('en')} a second, ${connections} sessions, ${size}`
    await bench.series({ name, unit: 'visits', loop: 'open', rate, listings }, async (seconds) => {
      const lanes = await visitors()
      return () => left(lanes, openLoop(lanes, { rate, seconds, signal: bench.signal }))
    })
  }
  await bench.until(shop.left())
}

/** A session has so many subscriptions in its life: each run has sessions of its own. */
async function left(visitors: readonly Visitor[], load: Promise<Load>): Promise<Load> {
  const done = await load
  for (const visitor of visitors) visitor.close()
  return done
}

async function openVisitors(bench: Bench, shop: BenchShop, count: number): Promise<Visitor[]> {
  const lanes: Visitor[] = []
  for (let i = 0; i < count; i++) lanes.push(bench.keep(await Visitor.open(bench.relay.url, shop, i)))
  return lanes
}

class Visitor implements Lane {
  private session!: Session
  private readonly shopId: Uint8Array
  private readonly listings: number
  /** By the number of the subscription. */
  private readonly visits = new Map<number, () => void>()
  private turn: number

  private constructor({ id, listings }: BenchShop, turn: number) {
    this.shopId = toBigEndian(id, 32)
    this.listings = listings
    this.turn = turn
  }

  static async open(url: string, shop: BenchShop, turn: number): Promise<Visitor> {
    const visitor = new Visitor(shop, turn)
    const requested = (request: Request) => visitor.requested(request)
    visitor.session = await openSession({ url, shop: shop.id, version: 5, requested })
    return visitor
  }

  send(answered: (refusal?: string) => void): boolean {
    const { session, shopId } = this
    const objectId = toBigEndian(listingAt(++this.turn, this.listings), 8)
    const filters = [{ objectType: ObjectType.LISTING, objectId }]
    const request = { kind: 'subscribe', startSeq: 0n, shopId, filters, snapshot: true } as const
    session.request(request, ({ error, payload: subscriptionId }) => {
      if (error !== undefined) return answered(error.message)
      this.visits.set(Number(fromBigEndian(subscriptionId)), () =>
        session.request({ kind: 'cancel', subscriptionId }, ({ error }) => answered(error?.message)),
      )
    })
    return true
  }

  close(): void {
    this.session.close()
  }

  private requested(request: Request): void {
    if (request.kind !== 'snapshotPush' || !request.last) return
    const id = Number(fromBigEndian(request.subscriptionId))
    const whole = this.visits.get(id)
    this.visits.delete(id)
    whole?.()
  }
}
