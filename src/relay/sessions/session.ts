/**
 * A session: one WebSocket from its upgrade to its end (PROTOCOL §8–10). Requests are taken up and answered in order;
 * writes go to the writer without waiting for each other. Whatever a client sends, nothing here throws.
 *
 * One file of more than 300 lines: requests of all kinds stand in one queue, and who reads the order of their answers
 * reads all of it.
 *
 * Tests: test/e2e/sessions.test.ts, test/e2e/subscriptions.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { unreachable } from '../../assert.js'
import type { Hex } from '../../bytes/hex.js'
import {
  PUSH_BUFFER_BYTES_MAX,
  REQUEST_BYTES_IN_FLIGHT_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  UNANSWERED_REQUESTS_MAX,
  UNREAD_ANSWER_BYTES_MAX,
  UNREAD_BYTES_MAX,
} from '../../limits.js'
import type { Settings } from '../../settings/settings.js'
import type { Author } from '../../state/access.js'
import { decodeEnvelope, encodeEnvelope, EnvelopeError, type WireVersion } from '../../wire/envelope.js'
import { ErrorCode, type ErrorName } from '../../wire/error-code.js'
import type { Envelope, Request, Response, WriteRequest } from '../../wire/messages.js'
import { encodeWriteAnswer } from '../../wire/proof-payloads.js'
import { PagePace } from '../feed/page-pace.js'
import type { RoundRobin, Step } from '../feed/round-robin.js'
import type { Subscription, PushTarget } from '../feed/subscription.js'
import type { Reader } from '../shops/reader.js'
import { cardName } from '../shops/shop.js'
import type { RateLimiter } from '../transport/rate-limit.js'
import { CLOSE_INTERNAL_ERROR, CLOSE_POLICY, type Connection } from '../transport/transport.js'
import { isDamage, isOfDerived } from '../shops/damage.js'
import type { WriteOutcome } from '../write/change.js'
import type { SetChecker } from '../write/set-checker.js'
import type { Writer } from '../write/writer.js'
import { failure, success, type Answer } from './answer.js'
import type { AnswerRound } from './answer-round.js'
import {
  Authentication,
  CARD_REMOVED_TEXT,
  type AuthenticatedSession,
  type AuthenticationHost,
} from './authentication.js'
import { PaymentRows, type PaymentBook } from './payment-rows.js'
import { ProofRequests } from './proof-requests.js'
import { SessionSubscriptions, type SubscriptionsHost } from './subscriptions.js'

/** Close codes (RFC 6455 §7.4.1). */
const CLOSE_PROTOCOL_ERROR = 1002
export const CLOSE_RESTART = 1012

/** A request that waits for its turn or its answer. */
interface Slot {
  readonly requestId: bigint
  /** Of the request's frame. */
  readonly bytes: number
  readonly isWrite: boolean
  answer: Answer | undefined
}

/** What a session needs of the relay that it is a part of. */
export interface SessionHost extends AuthenticationHost, SubscriptionsHost {
  readonly settings: Pick<Settings, 'pingIntervalMs' | 'kickTimeoutMs' | 'idleSessionSeconds' | 'pushPacing'>
  /** Who checks sets as far as that needs no state. */
  readonly checker: Pick<SetChecker, 'check'>
  readonly writer: Pick<Writer, 'write' | 'shop'>
  readonly paymentBook: PaymentBook
  readonly answerRound: Pick<AnswerRound, 'holds'>
  /** What sessions have to do for long. */
  readonly turns: RoundRobin
  /** Bytes of sets that guests' cards may write. */
  readonly guestRate: Pick<RateLimiter, 'take' | 'secondsUntilNext'>
  /** Where the session's card may upload a blob; undefined if it has too many open tokens. */
  uploadUrl(session: Session, card: Uint8Array): string | undefined
  ended(session: Session): void
}

export class Session implements PushTarget, AuthenticatedSession {
  readonly connection: Connection
  private readonly host: SessionHost
  private readonly authentication: Authentication
  readonly pace: PagePace | undefined
  private readonly slots: Slot[] = []
  /** Whether answers are being sent now: what is answered meanwhile follows them. */
  private sending = false
  private readonly inFlight = new Set<bigint>()
  private bytesInFlight = 0
  private readonly inbox: { slot: Slot; message: Request }[] = []
  private working = false
  private ended = false
  private requests = 0n
  private readonly version: WireVersion
  private readonly subscriptions: SessionSubscriptions
  private readonly payments: PaymentRows
  private readonly proofs: ProofRequests
  private lastHeardMs: number
  private lastPingMs: number
  /** Since when it had neither a card nor a subscription, if it has none now. */
  private idleSinceMs: number

  /** `hasOrigin`: whether a page opened it. */
  constructor(host: SessionHost, connection: Connection, hasOrigin: boolean, version: WireVersion) {
    this.host = host
    this.connection = connection
    this.version = version
    const { pushPacing } = host.settings
    const isPaced = pushPacing === 'all' || (pushPacing === 'pages' && hasOrigin)
    if (isPaced && version === 4) this.pace = new PagePace(host.clock)
    this.authentication = new Authentication(host, this, version)
    const reader = (shopId: ShopId) => this.reader(shopId)
    this.subscriptions = new SessionSubscriptions({ host, target: this, isProven: version === 5, reader })
    const shop = (shopId: ShopId) => host.writer.shop(shopId)
    this.payments = new PaymentRows({ book: host.paymentBook, target: this, shop, reader })
    this.proofs = new ProofRequests({
      proofs: host.proofs,
      payments: (request) => this.payments.making(request),
      reader,
      hasRoom: () => this.hasRoom(),
      byTurns: (step) => this.byTurns(step),
      onBug: (error) => host.onBug(error),
    })
    this.idleSinceMs = this.lastHeardMs = this.lastPingMs = host.clock.nowMs()
  }

  /** Who is authenticated here, and for which shop. */
  get author(): Author | undefined {
    return this.authentication.bound?.author
  }

  get shopId(): ShopId | undefined {
    return this.authentication.bound?.shopId
  }

  get hasEnded(): boolean {
    return this.ended
  }

  isOpen(): boolean {
    return this.connection.isOpen()
  }

  /** Whether requests that were taken up have no answer yet. */
  get isBusy(): boolean {
    return this.slots.length > 0
  }

  // Frames

  frame(bytes: Uint8Array): void {
    if (this.ended) return
    let envelope: Envelope
    try {
      envelope = decodeEnvelope(bytes, this.version)
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      return this.close(CLOSE_PROTOCOL_ERROR, error.message)
    }
    this.lastHeardMs = this.host.clock.nowMs()
    if (envelope.message.kind === 'response') this.response(envelope.requestId, envelope.message.error !== undefined)
    else this.request(envelope.requestId, envelope.message, bytes.length)
  }

  /** What waited for the client to read has gone out. */
  drained(): void {
    this.subscriptions.pump()
    this.payments.pump()
    this.proofs.drained()
  }

  private request(requestId: bigint, message: Request, bytes: number): void {
    if (this.inFlight.has(requestId)) return this.close(CLOSE_PROTOCOL_ERROR, 'a request id that is still in flight')
    if (this.slots.length >= UNANSWERED_REQUESTS_MAX)
      return this.close(CLOSE_POLICY, `more than ${UNANSWERED_REQUESTS_MAX} requests without an answer`)
    const slot: Slot = { requestId, bytes, isWrite: message.kind === 'write', answer: undefined }
    if (slot.isWrite) this.pace?.wrote()
    const full = this.slots.length >= REQUESTS_IN_FLIGHT_MAX || this.bytesInFlight > REQUEST_BYTES_IN_FLIGHT_MAX
    this.bytesInFlight += bytes
    this.slots.push(slot)
    this.inFlight.add(requestId)
    if (full)
      this.answer(
        slot,
        failure(
          'TOO_MANY_CONCURRENT_REQUESTS',
          `more than ${REQUESTS_IN_FLIGHT_MAX} requests or ${REQUEST_BYTES_IN_FLIGHT_MAX} bytes in flight`,
        ),
      )
    else {
      this.inbox.push({ slot, message })
      this.work()
    }
  }

  /** Ids of the relay's requests count down from −1. */
  private response(requestId: bigint, failed: boolean): void {
    if (requestId > 0n || -requestId > this.requests) {
      return this.close(CLOSE_PROTOCOL_ERROR, 'an answer to a request that was never made')
    }
    if (this.payments.answered(requestId, failed)) return
    const subscription = this.subscriptions.owner(requestId)
    if (failed && subscription !== undefined) this.endSubscription(subscription)
    else subscription?.answered(requestId)
  }

  private work(): void {
    while (!this.working && !this.ended) {
      const next = this.inbox.shift()
      if (next === undefined) return
      this.answering(next.slot, () => this.handle(next.slot, next.message))
    }
  }

  /** Of data that are damaged its answer tells. */
  private answering(slot: Slot, handle: () => void): void {
    try {
      handle()
    } catch (error) {
      if (!isDamage(error)) throw error
      this.answer(slot, failure(this.unavailable, error.message))
    }
  }

  private handle(slot: Slot, message: Request): void {
    switch (message.kind) {
      case 'write':
        return this.write(slot, message)
      case 'subscribe':
        return this.answer(slot, this.subscriptions.subscribe(slot.requestId, message))
      case 'cancel':
        return this.cancel(slot, message.subscriptionId)
      case 'ping':
        return this.answer(slot, success())
      case 'authenticate':
        return this.answer(slot, this.authentication.challenge(message.publicKey))
      case 'challengeSolution':
        return this.solve(slot, message.signature)
      case 'getBlobUploadUrl':
        return this.answer(slot, this.blobUploadUrl())
      case 'stateProof':
      case 'logProof':
      case 'checkpoint':
      case 'payments':
        return this.proofs.ask(message, (answer) => this.answer(slot, answer))
      case 'push':
      case 'syncStatus':
      case 'checkpointPush':
      case 'snapshotPush':
        return this.answer(slot, failure('INVALID', `a client does not send ${message.kind} requests`))
      default:
        return unreachable(message)
    }
  }

  // Answers, in the order of the requests

  private answer(slot: Slot, answer: Answer): void {
    if (slot.answer !== undefined) return
    slot.answer = answer
    if (this.slots[0] === slot && !this.host.answerRound.holds(this)) this.sendAnswers()
  }

  /** Those at the front. */
  sendAnswers(): void {
    if (this.sending || this.ended) return
    this.sending = true
    try {
      this.connection.cork(() => {
        for (let ready = this.takeAnswered(); ready.length > 0; ready = this.takeAnswered())
          for (const one of ready) if (!this.ended) this.sendAnswer(one)
      })
    } finally {
      this.sending = false
    }
    if (this.connection.bufferedAmount() > UNREAD_ANSWER_BYTES_MAX) this.close(CLOSE_POLICY, 'answers are not read')
  }

  /** Those at the front, in one go: to shift tens of thousands one by one takes seconds. */
  private takeAnswered(): Slot[] {
    let count = 0
    while (this.slots[count]?.answer !== undefined) count++
    return this.slots.splice(0, count)
  }

  private sendAnswer({ requestId, bytes, isWrite, answer }: Slot): void {
    this.inFlight.delete(requestId)
    this.bytesInFlight -= bytes
    if (answer!.ok) {
      this.send(encodeEnvelope({ requestId, message: { kind: 'response', payload: answer!.payload } }))
      answer!.sent?.()
    } else {
      const { code, message, objectId } = answer as Answer & { ok: false }
      this.send(encodeEnvelope({ requestId, message: refusalOf(code, message, objectId) }))
    }
    if (!isWrite || this.pace === undefined) return
    this.pace.answered()
    // What waits for it has another time now.
    this.subscriptions.pump()
  }

  // Writes

  private write(slot: Slot, request: WriteRequest): void {
    const { bound } = this.authentication
    if (bound === undefined) return this.answer(slot, failure('NOT_AUTHENTICATED', 'authenticate first'))
    const { expected, author } = bound
    const { patchSet, expectedSeq } = request
    const card = cardName(bound.card)
    if (expected.isGuest && !this.host.guestRate.take(card, patchSet.length))
      return this.answer(slot, failure('TOO_MANY_CONCURRENT_REQUESTS', this.tooMuch(card)))
    const terms = this.version === 5 ? { expectedSeq } : undefined
    const written = (outcome: WriteOutcome) => this.answer(slot, this.written(outcome))
    this.host.checker.check(patchSet, expected, (checked) => {
      if (typeof checked === 'string') return this.answer(slot, failure('INVALID', checked))
      this.host.writer.write(expected.shopId, checked, author, written, terms)
    })
  }

  private written(outcome: WriteOutcome): Answer {
    if (!outcome.ok) return outcome.unavailable === true ? { ...outcome, code: this.unavailable } : outcome
    const { seq, stateRoot, stateHash } = outcome
    if (this.version === 4) return success(stateHash)
    return success(encodeWriteAnswer({ Seq: BigInt(seq), StateRoot: stateRoot, StateHash: stateHash }))
  }

  /** The code of what the relay cannot do now. */
  private get unavailable(): ErrorName {
    return this.version === 4 ? 'TOO_MANY_CONCURRENT_REQUESTS' : 'UNAVAILABLE'
  }

  private tooMuch(card: Hex): string {
    const seconds = this.host.guestRate.secondsUntilNext(card)
    return `this card wrote more than a guest's may in a short time; try again in ${seconds} s`
  }

  // Authentication (§9)

  /** The requests behind wait for the registry's answer. */
  private solve(slot: Slot, signature: Uint8Array): void {
    const answer = this.authentication.solve(signature)
    if (!(answer instanceof Promise)) return this.answer(slot, answer)
    this.working = true
    void answer.then((bound) => {
      this.working = false
      if (this.ended) return
      this.answer(slot, bound)
      this.work()
    })
  }

  // Reading (§10)

  private reader(shopId: ShopId): Reader {
    const { bound } = this.authentication
    if (bound?.shopId !== shopId) return { role: 'visitor' }
    const { role } = bound.author
    return { role: role === 'relay' ? 'visitor' : role, card: bound.card }
  }

  private cancel(slot: Slot, id: Uint8Array): void {
    const answer = this.subscriptions.cancel(id)
    if (answer.ok) this.idleSinceMs = this.host.clock.nowMs()
    this.answer(slot, answer)
  }

  private endSubscription(subscription: Subscription): void {
    this.subscriptions.end(subscription)
    this.idleSinceMs = this.host.clock.nowMs()
  }

  /** A relay has no other word for it: the request that made the subscription is answered once more (PROOFS §4). */
  closeSubscription(id: number, why: string): void {
    const requestId = this.subscriptions.close(id)
    if (requestId === undefined || this.ended) return
    this.idleSinceMs = this.host.clock.nowMs()
    this.send(encodeEnvelope({ requestId, message: refusalOf('CLOSE_SUBSCRIPTION', `subscription ${id}: ${why}`) }))
  }

  private blobUploadUrl(): Answer {
    const { bound } = this.authentication
    if (bound === undefined) return failure('NOT_AUTHENTICATED', 'authenticate first')
    if (bound.author.role === 'guest') return failure('INVALID', 'guests do not upload')
    const url = this.host.uploadUrl(this, bound.card)
    if (url === undefined) return failure('TOO_MANY_CONCURRENT_REQUESTS', 'too many open upload tokens')
    return success(new TextEncoder().encode(url))
  }

  // PushTarget

  nextRequestId(): bigint {
    return -++this.requests
  }

  send(frame: Uint8Array): void {
    if (!this.ended) this.connection.send(frame)
  }

  sendBorrowed(frame: Uint8Array): void {
    if (!this.ended) this.connection.sendBorrowed(frame)
  }

  awaitNext(subscription: Subscription): void {
    this.host.feeds.awaits(subscription)
  }

  sendStatus(subscriptionId: number, unpushedPatches: number): void {
    const message = {
      kind: 'syncStatus',
      subscriptionId: BigInt(subscriptionId),
      unpushedPatches: BigInt(unpushedPatches),
    } as const
    this.send(encodeEnvelope({ requestId: this.nextRequestId(), message }))
  }

  hasRoom(): boolean {
    return !this.ended && this.connection.bufferedAmount() < PUSH_BUFFER_BYTES_MAX
  }

  byTurns(step: Step): void {
    this.host.turns.add(this, () => this.guarded(step))
  }

  guarded(step: Step): boolean {
    try {
      return step()
    } catch (error) {
      if (!isDamage(error)) this.host.onBug(error)
      this.close(CLOSE_INTERNAL_ERROR, reasonOf(error))
      return false
    }
  }

  // Time and end

  /** Called every so often: pings, and ends a session that is silent or does nothing. */
  tick(now: number): void {
    const { pingIntervalMs, kickTimeoutMs, idleSessionSeconds } = this.host.settings
    if (!this.connection.isOpen()) return this.finish()
    // Answers to WebSocket pings, which transports give by themselves, wait there too.
    if (this.connection.bufferedAmount() > UNREAD_BYTES_MAX) return this.close(CLOSE_POLICY, 'nothing is read')
    if (now - this.lastHeardMs >= kickTimeoutMs) return this.close(CLOSE_POLICY, 'no sign of life')
    const idle = this.authentication.bound === undefined && this.subscriptions.size === 0
    if (idle && now - this.idleSinceMs >= idleSessionSeconds * 1_000)
      return this.close(CLOSE_POLICY, 'neither authenticated nor subscribed')
    if (now - this.lastPingMs < pingIntervalMs) return
    this.lastPingMs = now
    this.send(encodeEnvelope({ requestId: this.nextRequestId(), message: { kind: 'ping' } }))
  }

  /** Time that passed for nobody. */
  shiftTime(ms: number): void {
    this.lastHeardMs += ms
    this.lastPingMs += ms
    this.idleSinceMs += ms
  }

  /**
   * The session's card was removed, by set `seq`: what was selected up to it goes out, open requests are answered, then
   * it ends.
   */
  cardRemoved(seq: Seq = Infinity): void {
    for (const subscription of this.subscriptions.all()) this.guarded(() => (subscription.flush(seq), false))
    this.inbox.length = 0
    for (const slot of [...this.slots]) this.answer(slot, failure('UNLINKED_KEYCARD', CARD_REMOVED_TEXT))
    this.close(CLOSE_POLICY, CARD_REMOVED_TEXT)
  }

  close(code: number, reason: string): void {
    if (this.ended) return
    this.finish()
    this.connection.close(code, reason.slice(0, 120))
  }

  /** Frees what the session holds; called as soon as the relay knows of the end, before any close frame is answered. */
  finish(): void {
    if (this.ended) return
    this.ended = true
    for (const subscription of this.subscriptions.all()) this.endSubscription(subscription)
    this.payments.end()
    this.proofs.end()
    this.authentication.release()
    this.host.turns.remove(this)
    this.host.ended(this)
    this.slots.length = 0
    this.inbox.length = 0
  }
}

function refusalOf(code: ErrorName, message: string, objectId?: bigint): Response {
  return { kind: 'response', error: { code: ErrorCode[code], message, ...(objectId !== undefined && { objectId }) } }
}

/** What a client is told when its subscription cannot go on. */
function reasonOf(error: unknown): string {
  if (isOfDerived(error)) return 'the state of the shop is damaged and is made again: try again in a while'
  return isDamage(error) ? 'the log of the shop is damaged: its operator has to restore it' : 'internal error'
}
