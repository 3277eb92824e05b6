/**
 * `cairn bench proofs`: state proofs of one listing each, under the newest checkpoint.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { setTimeout as wait } from 'node:timers/promises'
import { toBigEndian } from '../../bytes/bytes.js'
import { verifyStateProofs, type StateQuestion } from '../../merkle/state-proof.js'
import { decodeCheckpoint } from '../../proofs/checkpoint.js'
import { readStateProofAnswer } from '../../wire/proof-payloads.js'
import { encodeStateQuestion } from '../../wire/snapshot-payloads.js'
import type { Bench } from './bench.js'
import { closedLoop, openLoop, type Lane } from './load.js'
import { openSession, type Session } from './session.js'
import { openShop, writeOne, type BenchShop } from './shop.js'
import { listingAt } from './signing.js'

const CHECKPOINT_EVERY_MS = 20

export interface ProofsPlan {
  readonly listings: number
  /** Sessions that ask. */
  readonly connections: number
  /** Requests in flight of one session. */
  readonly window: number
  /** Proofs a second in all. */
  readonly rates: readonly number[]
}

export async function benchProofs(bench: Bench, { listings, connections, window, rates }: ProofsPlan): Promise<void> {
  const shop = bench.keep(await bench.until(openShop(bench.relay, listings, 1)))
  const lanes = await bench.until(openAskers(bench, shop, connections))
  const size = `${connections} sessions, ${listings.toLocaleString('en')} listings`
  const work = { unit: 'proofs', listings }
  const name = `prove one listing, window ${window}, ${size}`
  await bench.series(
    { ...work, name, loop: 'closed', bySize: name },
    async (seconds) => () => closedLoop(lanes, { window, seconds, signal: bench.signal }),
  )
  for (const rate of rates) {
    const name = `prove one listing, ${rate.toLocaleString('en')} a second, ${size}`
    await bench.series(
      { ...work, name, loop: 'open', rate },
      async (seconds) => () => openLoop(lanes, { rate, seconds, signal: bench.signal }),
    )
  }
  await bench.until(shop.left())
}

/** One proof of each session was verified: what is asked for afterwards is the same. */
export async function openAskers(bench: Bench, shop: BenchShop, count: number): Promise<Lane[]> {
  const lanes: Lane[] = []
  const head = await writeOne(shop)
  for (let i = 0; i < count; i++) {
    const session = bench.keep(await openSession({ url: bench.relay.url, shop: shop.id, version: 5 }))
    await bench.until(askVerified(session, head))
    let turn = i
    lanes.push({
      send(answered) {
        const question = questionOf(listingAt(++turn, shop.listings))
        void session.ask(requestFor(session, question)).then(({ error }) => answered(error?.message))
        return true
      },
    })
  }
  return lanes
}

function questionOf(listing: bigint): StateQuestion {
  return ['Listings', toBigEndian(listing, 8)]
}

function requestFor({ shop }: Session, question: StateQuestion) {
  const objects = [encodeStateQuestion(question)]
  return { kind: 'stateProof', shopId: toBigEndian(shop, 32), objects, myOrders: false } as const
}

/** Under the first checkpoint that has the set. Rejects with SessionError, StateProofError. */
async function askVerified(session: Session, head: bigint): Promise<void> {
  const question = questionOf(1n)
  const { Checkpoint, Proofs } = readStateProofAnswer(await session.asked(requestFor(session, question)))
  const { StateRoot, Seq } = decodeCheckpoint(Checkpoint[0])
  if (Seq < head) {
    await wait(CHECKPOINT_EVERY_MS)
    return askVerified(session, head)
  }
  const { answers } = verifyStateProofs(Proofs, { shopId: session.shop, stateRoot: StateRoot, asked: [question] })
  if (answers[0] === undefined) throw new Error(`the relay proves that shop ${session.shop} has no listing 1`)
}
