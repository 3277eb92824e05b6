/**
 * A session: one WebSocket from its upgrade to its end (PROTOCOL §8–10). Requests are taken up and answered in order;
 * writes go to the writer without waiting for each other. Whatever a client sends, nothing here throws.
 */

import { unreachable } from '../../assert.js'
import { equalBytes, fromBigEndian, toBigEndian } from '../../bytes/bytes.js'
import { personalMessageDigest } from '../../bytes/eip191.js'
import { recoverPublicKey } from '#signature'
import {
  CHALLENGE_BYTES,
  CHALLENGE_SECONDS_MAX,
  REQUEST_BYTES_IN_FLIGHT_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  SUBSCRIPTION_ID_MAX,
  SUBSCRIPTIONS_PER_SESSION_MAX,
  UNANSWERED_REQUESTS_MAX,
  UNREAD_ANSWER_BYTES_MAX,
  UNREAD_BYTES_MAX,
} from '../../limits.js'
import { RegistryUnreachable } from '../../chain/registry.js'
import type { Author } from '../../state/access.js'
import type { CardRow, Seq } from '../../store/store.js'
import { decodeEnvelope, encodeEnvelope, EnvelopeError } from '../../wire/envelope.js'
import { ErrorCode, type ErrorName } from '../../wire/error-code.js'
import type { Envelope, Request, SubscriptionRequest } from '../../wire/messages.js'
import type { Hub } from './sessions.js'
import { nowSeconds } from '../instruments/clock.js'
import { checkSet, withSigner } from '../write/ingest.js'
import type { Step } from '../feed/round-robin.js'
import { Selection, type Reader } from '../feed/selection.js'
import { Subscription, type PushTarget } from '../feed/subscription.js'
import { CLOSE_INTERNAL_ERROR, CLOSE_POLICY, type Connection } from '../transport/transport.js'

/** Close codes (RFC 6455 §7.4.1). */
export const CLOSE_PROTOCOL_ERROR = 1002
export const CLOSE_RESTART = 1012

export const ALREADY_CONNECTED_TEXT = 'Already connected from this keyCard in another session'
export const CARD_REMOVED_TEXT = 'Key Card was removed from the Shop'

/** Pushes wait while more than this is unread. */
const PUSH_BUFFER_BYTES_MAX = 1_048_576

/** A request that waits for its turn or its answer. */
interface Slot {
  readonly requestId: bigint
  /** Of the request's frame. */
  readonly bytes: number
  answer: Answer | undefined
}

type Answer =
  | { readonly ok: true; readonly payload: Uint8Array; readonly sent?: () => void }
  | { readonly ok: false; readonly code: ErrorName; readonly message: string; readonly objectId?: bigint }

interface Bound {
  readonly card: Uint8Array
  readonly shopId: bigint
  readonly author: Author
}

export class Session implements PushTarget {
  readonly connection: Connection
  private readonly hub: Hub
  private readonly slots: Slot[] = []
  /** Whether answers are being sent now: what is answered meanwhile follows them. */
  private sending = false
  private readonly inFlight = new Set<bigint>()
  private bytesInFlight = 0
  private readonly inbox: { slot: Slot; message: Request }[] = []
  private working = false
  private ended = false
  private requests = 0n
  private challenge: { readonly bytes: Uint8Array; readonly card: CardRow; readonly endsAtMs: number } | undefined
  private bound: Bound | undefined
  private readonly subscriptions = new Map<number, Subscription>()
  private lastSubscription = 0
  private lastHeardMs: number
  private lastPingMs: number
  /** Since when it had neither a card nor a subscription, if it has none now. */
  private idleSinceMs: number

  constructor(hub: Hub, connection: Connection) {
    this.hub = hub
    this.connection = connection
    this.idleSinceMs = this.lastHeardMs = this.lastPingMs = hub.clock.nowMs()
  }

  /** Who is authenticated here, and for which shop. */
  get author(): Author | undefined {
    return this.bound?.author
  }

  get shopId(): bigint | undefined {
    return this.bound?.shopId
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
      envelope = decodeEnvelope(bytes)
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error
      return this.close(CLOSE_PROTOCOL_ERROR, error.message)
    }
    this.lastHeardMs = this.hub.clock.nowMs()
    if (envelope.message.kind === 'response') this.response(envelope.requestId, envelope.message.error !== undefined)
    else this.request(envelope.requestId, envelope.message, bytes.length)
  }

  /** What waited for the client to read has gone out. */
  drained(): void {
    for (const subscription of this.subscriptions.values()) subscription.pump()
  }

  private request(requestId: bigint, message: Request, bytes: number): void {
    if (this.inFlight.has(requestId)) return this.close(CLOSE_PROTOCOL_ERROR, 'a request id that is still in flight')
    if (this.slots.length >= UNANSWERED_REQUESTS_MAX)
      return this.close(CLOSE_POLICY, `more than ${UNANSWERED_REQUESTS_MAX} requests without an answer`)
    const slot: Slot = { requestId, bytes, answer: undefined }
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
    for (const subscription of this.subscriptions.values()) {
      if (!subscription.owns(requestId)) continue
      if (failed) this.endSubscription(subscription)
      else subscription.answered(requestId)
      return
    }
  }

  private work(): void {
    while (!this.working && !this.ended) {
      const next = this.inbox.shift()
      if (next === undefined) return
      this.handle(next.slot, next.message)
    }
  }

  private handle(slot: Slot, message: Request): void {
    switch (message.kind) {
      case 'write':
        return this.write(slot, message.patchSet)
      case 'subscribe':
        return this.answer(slot, this.subscribe(message))
      case 'cancel':
        return this.answer(slot, this.cancel(message.subscriptionId))
      case 'ping':
        return this.answer(slot, success())
      case 'authenticate':
        return this.answer(slot, this.authenticate(message.publicKey))
      case 'challengeSolution':
        return this.solve(slot, message.signature)
      case 'getBlobUploadUrl':
        return this.answer(slot, this.blobUploadUrl())
      case 'push':
      case 'syncStatus':
        return this.answer(slot, failure('INVALID', `a client does not send ${message.kind} requests`))
      default:
        return unreachable(message)
    }
  }

  // Answers, in the order of the requests

  private answer(slot: Slot, answer: Answer): void {
    if (slot.answer !== undefined) return
    slot.answer = answer
    if (this.sending || this.slots[0] !== slot) return
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

  private sendAnswer({ requestId, bytes, answer }: Slot): void {
    this.inFlight.delete(requestId)
    this.bytesInFlight -= bytes
    if (answer!.ok) {
      this.send(encodeEnvelope({ requestId, message: { kind: 'response', payload: answer!.payload } }))
      answer!.sent?.()
    } else {
      const { code, message, objectId } = answer as Answer & { ok: false }
      const error = { code: ErrorCode[code], message, ...(objectId !== undefined && { objectId }) }
      this.send(encodeEnvelope({ requestId, message: { kind: 'response', error } }))
    }
  }

  // Writes

  private write(slot: Slot, patchSet: Uint8Array): void {
    if (this.bound === undefined) return this.answer(slot, failure('NOT_AUTHENTICATED', 'authenticate first'))
    const { shopId, card, author } = this.bound
    const set = checkSet(patchSet, { shopId, nowSeconds: nowSeconds(this.hub.clock) })
    if (typeof set === 'string') return this.answer(slot, failure('INVALID', set))
    this.hub.verifier.check(set.headerBytes, set.signature, (signer) => {
      const checked = withSigner(set, signer, card)
      if (typeof checked === 'string') return this.answer(slot, failure('INVALID', checked))
      this.hub.writer.write(shopId, checked, author, (outcome) => {
        this.answer(slot, outcome.ok ? success(outcome.stateHash) : outcome)
      })
    })
  }

  // Authentication (§9)

  private authenticate(publicKey: Uint8Array): Answer {
    if (this.bound !== undefined) return failure('ALREADY_AUTHENTICATED', 'this session is authenticated')
    this.challenge = undefined
    if (publicKey.length !== 33) return failure('INVALID', `a public key has 33 bytes, not ${publicKey.length}`)
    const card = this.hub.store.card(publicKey)
    if (card === undefined) return failure('NOT_FOUND', 'this key card is not enrolled here')
    if (card.removed) return failure('UNLINKED_KEYCARD', CARD_REMOVED_TEXT)
    if (this.hub.isConnected(card.card)) return failure('ALREADY_CONNECTED', ALREADY_CONNECTED_TEXT)
    const bytes = this.hub.randomBytes(CHALLENGE_BYTES)
    this.challenge = { bytes, card, endsAtMs: this.hub.clock.nowMs() + CHALLENGE_SECONDS_MAX * 1_000 }
    return success(bytes)
  }

  private solve(slot: Slot, signature: Uint8Array): void {
    if (this.bound !== undefined)
      return this.answer(slot, failure('ALREADY_AUTHENTICATED', 'this session is authenticated'))
    const { challenge } = this
    this.challenge = undefined
    if (challenge === undefined || challenge.endsAtMs <= this.hub.clock.nowMs()) {
      return this.answer(slot, failure('INVALID', 'there is no challenge that could be solved'))
    }
    if (signature.length !== 65)
      return this.answer(slot, failure('INVALID', `a signature has 65 bytes, not ${signature.length}`))
    const signer = recoverPublicKey(personalMessageDigest(challenge.bytes), signature)
    if (signer === undefined || !equalBytes(signer, challenge.card.card)) {
      return this.answer(slot, failure('NOT_FOUND', 'the signature is not of this key card'))
    }
    this.working = true
    void this.bind(slot, challenge.card)
  }

  /** Asks the registry for the wallet's rights; the requests behind wait for it. */
  private async bind(slot: Slot, card: CardRow): Promise<void> {
    const answer = await this.tryBind(card)
    this.working = false
    if (this.ended) return
    this.answer(slot, answer)
    this.work()
  }

  /** `challenged`: the card's row when it was challenged. */
  private async tryBind(challenged: CardRow): Promise<Answer> {
    try {
      const role = await this.roleNow(challenged)
      if (this.ended) return failure('INVALID', 'the session has ended')
      const { card, shopId, account } = challenged
      if (role === undefined || !isStillEnrolled(challenged, this.hub.store.card(card)))
        return failure('UNLINKED_KEYCARD', CARD_REMOVED_TEXT)
      if (!this.hub.bind(card, this)) return failure('ALREADY_CONNECTED', ALREADY_CONNECTED_TEXT)
      this.bound = { card, shopId, author: { role, card, account } }
      return success()
    } catch (error) {
      if (!(error instanceof RegistryUnreachable)) this.hub.onBug(error)
      return failure('NOT_FOUND', 'the rights of this key card cannot be checked now; try again')
    }
  }

  /** As Hub.roleOf; asked again while rights in the shop change before the answer is here. */
  private async roleNow(card: CardRow): ReturnType<Hub['roleOf']> {
    for (;;) {
      const changes = this.hub.rightsChanges(card.shopId)
      const role = await this.hub.roleOf(card)
      if (this.ended || changes === this.hub.rightsChanges(card.shopId)) return role
    }
  }

  // Subscriptions (§10)

  private subscribe(request: SubscriptionRequest): Answer {
    const raw = request.shopId
    if (raw === undefined || raw.length === 0 || raw.length > 32) return failure('INVALID', 'shop_id has 1 to 32 bytes')
    const shopId = fromBigEndian(raw)
    const feed = this.hub.feed(shopId)
    if (feed === undefined) return failure('NOT_FOUND', `shop ${shopId} is not known here`)
    if (request.startSeq > BigInt(feed.head)) {
      return failure('NOT_FOUND', `start ${request.startSeq} lies beyond the head of the shop, ${feed.head}`)
    }
    if (this.subscriptions.size >= SUBSCRIPTIONS_PER_SESSION_MAX || this.lastSubscription >= SUBSCRIPTION_ID_MAX) {
      return failure(
        'TOO_MANY_CONCURRENT_REQUESTS',
        `more than ${SUBSCRIPTIONS_PER_SESSION_MAX} subscriptions at a time or ${SUBSCRIPTION_ID_MAX} in all`,
      )
    }
    const selection = Selection.of(
      this.reader(shopId),
      request.filters,
      () => this.hub.writer.shop(shopId)!.current.state,
    )
    if (typeof selection === 'string') return failure('INVALID', selection)
    const subscription = new Subscription(++this.lastSubscription, feed, Number(request.startSeq), selection, this)
    this.subscriptions.set(subscription.id, subscription)
    this.hub.subscribed(subscription)
    return { ok: true, payload: toBigEndian(BigInt(subscription.id), 2), sent: () => subscription.start() }
  }

  private reader(shopId: bigint): Reader {
    if (this.bound?.shopId !== shopId) return { role: 'visitor' }
    const { role } = this.bound.author
    return { role: role === 'relay' ? 'visitor' : role, card: this.bound.card }
  }

  private cancel(id: Uint8Array): Answer {
    if (id.length !== 2) return failure('INVALID', `a subscription id has 2 bytes, not ${id.length}`)
    const subscription = this.subscriptions.get(Number(fromBigEndian(id)))
    if (subscription === undefined) return failure('NOT_FOUND', 'there is no such subscription')
    this.endSubscription(subscription)
    return success()
  }

  private endSubscription(subscription: Subscription): void {
    subscription.end()
    this.subscriptions.delete(subscription.id)
    this.idleSinceMs = this.hub.clock.nowMs()
    this.hub.unsubscribed(subscription)
  }

  private blobUploadUrl(): Answer {
    if (this.bound === undefined) return failure('NOT_AUTHENTICATED', 'authenticate first')
    if (this.bound.author.role === 'guest') return failure('INVALID', 'guests do not upload')
    const url = this.hub.blobUploadUrl(this, this.bound.card)
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
    this.hub.turns.add(this, () => this.guarded(step))
  }

  guarded(step: Step): boolean {
    try {
      return step()
    } catch (error) {
      this.hub.onBug(error)
      this.close(CLOSE_INTERNAL_ERROR, 'internal error')
      return false
    }
  }

  // Time and end

  /** Called every so often: pings, and ends a session that is silent or does nothing. */
  tick(now: number): void {
    const { pingIntervalMs, kickTimeoutMs, idleSessionSeconds } = this.hub.settings
    if (!this.connection.isOpen()) return this.finish()
    // Answers to WebSocket pings, which transports give by themselves, wait there too.
    if (this.connection.bufferedAmount() > UNREAD_BYTES_MAX) return this.close(CLOSE_POLICY, 'nothing is read')
    if (now - this.lastHeardMs >= kickTimeoutMs) return this.close(CLOSE_POLICY, 'no sign of life')
    const idle = this.bound === undefined && this.subscriptions.size === 0
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

  /** The session's card was removed, by set `seq`: what was selected up to it goes out, open requests are answered, then it ends. */
  cardRemoved(seq: Seq = Infinity): void {
    for (const subscription of this.subscriptions.values()) this.guarded(() => (subscription.flush(seq), false))
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
    for (const subscription of [...this.subscriptions.values()]) this.endSubscription(subscription)
    if (this.bound !== undefined) this.hub.unbind(this.bound.card, this)
    this.hub.turns.remove(this)
    this.hub.sessionEnded(this)
    this.slots.length = 0
    this.inbox.length = 0
  }
}

/** Not removed, nor enrolled anew elsewhere after a removal. */
function isStillEnrolled({ shopId, account, guest }: CardRow, now: CardRow | undefined): boolean {
  if (now === undefined || now.removed) return false
  return now.shopId === shopId && now.guest === guest && equalBytes(now.account, account)
}

const EMPTY = new Uint8Array(0)

function success(payload: Uint8Array = EMPTY): Answer {
  return { ok: true, payload }
}

function failure(code: ErrorName, message: string): Answer {
  return { ok: false, code, message }
}
