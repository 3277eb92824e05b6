/**
 * What a session of version 5 asks to be proven (PROOFS §4), one request after the other: what one answer takes is
 * bounded, and the next is made once it went out.
 *
 * Tests: test/e2e/state-proofs.test.ts, test/e2e/checkpoint-pushes.test.ts
 */

import { unreachable } from '../../assert.js'
import type { Seq, ShopId } from '../../brands.js'
import { be64 } from '../../bytes/bytes.js'
import { CARD_ORDERS_PROVEN_MAX, LISTED_ORDERS_MAX, STATE_PROOF_OBJECTS_MAX } from '../../limits.js'
import type { StateQuestion } from '../../merkle/state-question.js'
import { addedCount } from '../../state/trails.js'
import type { CheckpointRequest, LogProofRequest, PaymentsRequest, StateProofRequest } from '../../wire/messages.js'
import { ProofPayloadError, readStateQuestion } from '../../wire/snapshot-payloads.js'
import type { KeptCheckpoint } from '../checkpoints/signed-shop.js'
import type { Step } from '../feed/round-robin.js'
import { ordersOfCard } from '../proofs/orders-of-card.js'
import type { ShopProofs } from '../proofs/shop-proofs.js'
import { refusal, stateProofAnswer } from '../proofs/state-proof-answer.js'
import { isDamage } from '../shops/damage.js'
import { isForeignOrder, unreadable, type Reader } from '../shops/reader.js'
import type { Shop } from '../shops/shop.js'
import { failure, type Answer } from './answer.js'
import { shopIdIn } from './shop-id.js'

type ProofRequest = StateProofRequest | LogProofRequest | CheckpointRequest

interface ProofRequestsOptions {
  readonly proofs: ShopProofs
  /** What proves nothing takes as long, and waits in the same queue. */
  payments(request: PaymentsRequest): Answer | Making
  reader(shopId: ShopId): Reader
  /** Whether the client reads what it asked for. */
  hasRoom(): boolean
  byTurns(step: Step): void
  onBug(error: unknown): void
}

interface Asked {
  readonly request: ProofRequest | PaymentsRequest
  readonly answer: (answer: Answer) => void
}

/** Makes an answer in pieces, between which others have their turn. */
type Making = Generator<undefined, Answer>

export class ProofRequests {
  private readonly options: ProofRequestsOptions
  private readonly queue: Asked[] = []
  private working = false
  private ended = false

  constructor(options: ProofRequestsOptions) {
    this.options = options
  }

  /** `answer` is called once. */
  ask(request: ProofRequest | PaymentsRequest, answer: (answer: Answer) => void): void {
    this.queue.push({ request, answer })
    this.next()
  }

  /** Nobody waits for answers any more. */
  end(): void {
    this.ended = true
    this.queue.length = 0
  }

  /** The client read something. */
  drained(): void {
    this.next()
  }

  private next(): void {
    if (this.working || this.ended || !this.options.hasRoom()) return
    const asked = this.queue.shift()
    if (asked === undefined) return
    this.working = true
    void this.take(asked)
  }

  private async take({ request, answer }: Asked): Promise<void> {
    const done = (made: Answer) => {
      if (made.ok) return answer({ ...made, sent: () => this.given(request) })
      answer(made)
      this.done()
    }
    try {
      const making = request.kind === 'payments' ? this.options.payments(request) : await this.making(request)
      if (this.ended) return
      if ('ok' in making) done(making)
      else this.options.byTurns(() => this.step(making, done))
    } catch (error) {
      done(this.broken(error))
    }
  }

  private given({ kind }: ProofRequest | PaymentsRequest): void {
    if (kind !== 'payments') this.options.proofs.given()
    this.done()
  }

  private done(): void {
    this.working = false
    this.next()
  }

  private step(making: Making, done: (answer: Answer) => void): boolean {
    try {
      const { value, done: isDone } = making.next()
      if (isDone !== true) return true
      done(value)
    } catch (error) {
      done(this.broken(error))
    }
    return false
  }

  private broken(error: unknown): Answer {
    if (isDamage(error)) return failure('UNAVAILABLE', `it cannot be proven now: ${error.message}`)
    this.options.onBug(error)
    return failure('UNAVAILABLE', 'the relay failed at this proof')
  }

  /** A refusal at once, or what is to be done. */
  private async making(request: ProofRequest): Promise<Answer | Making> {
    const { proofs } = this.options
    const shopId = shopIdIn(request)
    if (typeof shopId !== 'bigint') return shopId
    const shop = proofs.shop(shopId)
    if (shop === undefined) return failure('NOT_FOUND', `shop ${shopId} is not known here`)
    const questions = request.kind === 'stateProof' ? this.questionsOf(request, shop) : []
    if ('ok' in questions) return questions
    const newest = await proofs.newest(shopId)
    if (newest === undefined)
      return failure('UNAVAILABLE', `shop ${shopId} has no checkpoint now: try again in a while`)
    switch (request.kind) {
      case 'checkpoint':
        return this.checkpoint(newest, request.fromSeq ?? 0n)
      case 'logProof':
        return this.logProof(newest, request)
      case 'stateProof':
        return this.stateProof(newest, request, questions)
      default:
        return unreachable(request)
    }
  }

  private checkpoint(newest: KeptCheckpoint, from: bigint): Answer {
    if (from > BigInt(newest.seq)) return beyond('from_seq', from, newest.seq)
    return { ok: true, payload: this.options.proofs.checkpointAnswer(newest, Number(from)) }
  }

  private logProof({ seq: head, signed, state }: KeptCheckpoint, { seq, fromSeq = 0n }: LogProofRequest): Answer {
    if (seq === 0n) return failure('INVALID', 'the sets of a log count from 1')
    if (seq > BigInt(head)) return beyond('set', seq, head)
    if (fromSeq > BigInt(head)) return beyond('from_seq', fromSeq, head)
    const { proofs } = this.options
    return { ok: true, payload: proofs.logProofAnswer(state.shopId, signed, head, Number(seq), Number(fromSeq)) }
  }

  private *stateProof(
    newest: KeptCheckpoint,
    { seq, myOrders }: StateProofRequest,
    asked: readonly StateQuestion[],
  ): Making {
    const { proofs } = this.options
    const { shopId } = newest.state
    const kept = seq === undefined ? newest : proofs.checkpoints.at(shopId, Number(seq))
    if (kept === undefined)
      return failure('NOT_FOUND', `seq ${seq} is none of the last checkpoints; the newest is that of set ${newest.seq}`)
    const proven = { Checkpoint: kept.signed, Last: kept.last }
    const source = proofs.source(kept)
    if (myOrders) return yield* this.myOrders(kept)
    const { payload, count } = yield* stateProofAnswer(kept.state, source, asked, proven)
    if (count === asked.length) return { ok: true, payload }
    return failure(
      'INVALID',
      `of the ${asked.length} objects ${count} fit one answer: ask for the others by themselves`,
    )
  }

  /** The card's entry, and as many of its orders as fit. */
  private *myOrders(kept: KeptCheckpoint): Making {
    const { proofs } = this.options
    const { state, seq } = kept
    const { shopId } = state
    const reader = this.options.reader(shopId)
    const card = reader.card!
    const count = addedCount(state.indexes.trails.get(card))
    if (count > BigInt(LISTED_ORDERS_MAX))
      return failure('INVALID', `the card added ${count} orders, a list has ${LISTED_ORDERS_MAX}: ask by id`)
    const indexedUpTo = proofs.indexedUpTo(shopId)
    const List = yield* ordersOfCard(state, seq, card, { store: proofs.store, indexedUpTo })
    const all = [...new Set(List.map(([id]) => id))]
    // A guest's card that was a clerk's may have added an order of another's again.
    const end = all.findIndex((id) => isForeignOrder(reader, proofs.shop(shopId)!.current.state, id))
    const ids = all.slice(0, Math.min(CARD_ORDERS_PROVEN_MAX, end < 0 ? all.length : end))
    const asked: StateQuestion[] = [['Orders', card], ...ids.map((id): StateQuestion => ['Orders', be64(id)])]
    const answer = { Checkpoint: kept.signed, Last: kept.last, List }
    const { payload, count: fitting } = yield* stateProofAnswer(state, proofs.source(kept), asked, answer)
    if (fitting === 0) return failure('INVALID', "the card's entry does not fit one answer with the list: ask by id")
    return { ok: true, payload }
  }

  private questionsOf({ objects, myOrders }: StateProofRequest, shop: Shop): StateQuestion[] | Answer {
    const reader = this.options.reader(shop.shopId)
    if (myOrders) return this.questionsOfCard(objects, reader)
    if (objects.length > STATE_PROOF_OBJECTS_MAX)
      return failure('INVALID', `more than ${STATE_PROOF_OBJECTS_MAX} objects`)
    const questions: StateQuestion[] = []
    for (const [i, object] of objects.entries()) {
      const question = questionIn(object)
      const problem = typeof question === 'string' ? question : refusal(reader, question, shop.current.state)
      if (problem !== undefined) return failure('INVALID', `object ${i}: ${problem}`)
      questions.push(question as StateQuestion)
    }
    return questions
  }

  private questionsOfCard(objects: readonly Uint8Array[], reader: Reader): StateQuestion[] | Answer {
    if (objects.length > 0) return failure('INVALID', 'my_orders stands without objects')
    const problem = unreadable(reader, 'Orders')
    return problem === undefined ? [] : failure('INVALID', problem)
  }
}

function questionIn(object: Uint8Array): StateQuestion | string {
  try {
    return readStateQuestion(object)
  } catch (error) {
    if (error instanceof ProofPayloadError) return error.message
    throw error
  }
}

function beyond(what: string, seq: bigint, newest: Seq): Answer {
  return failure('NOT_FOUND', `${what} ${seq} lies beyond the newest checkpoint, that of set ${newest}`)
}
