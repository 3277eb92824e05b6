/**
 * The client's link to its relay: opens a connection of version 5, or of 4 where the relay has no 5, authenticates, and
 * comes back after every loss with one bounded, jittered back-off. Which version it is stays: a relay that spoke 5 once
 * is not believed to have forgotten it.
 *
 * Tests: test/client/relay-link.test.ts, test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import { fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { BACK_OFF_MS_MAX, BACK_OFF_MS_MIN } from '../limits.js'
import type { WireVersion } from '../wire/envelope.js'
import type { PushRequest, Request, SubscriptionRequest, SyncStatusRequest } from '../wire/messages.js'
import { ClientError, clientClosed, verificationFailed } from './client-error.js'
import { RelayConnection, type ConnectionHandlers } from './connection.js'
import { loaded } from './later.js'
import type * as WhyNot from './refused-upgrade.js'

/** It comes back from `disconnected` by itself, unless a check failed; `needs-auth`: the card is not let in. */
export type ConnectionState = 'connecting' | 'connected' | 'disconnected' | 'needs-auth' | 'closed'

interface LinkOptions {
  readonly url: string
  readonly key?: Uint8Array | undefined
  /** The key's own, 33 bytes. */
  readonly card?: Uint8Array | undefined
  /** No other version is spoken. */
  readonly version?: WireVersion | undefined
  readonly signal?: AbortSignal | undefined
  readonly notice: (text: string) => void
}

interface LinkHandlers extends Omit<ConnectionHandlers, 'closed' | 'subscriptionClosed'> {
  /** The connection is authenticated; once this resolves it is `connection`. */
  begin(connection: RelayConnection): Promise<void>
  lost(): void
  state(state: ConnectionState): void
}

/** What a second subscription brings; each takes and answers nothing. */
export interface Aside {
  push(push: PushRequest): void
  syncStatus(status: SyncStatusRequest): true
}

/** Tells when the network is back. */
const page = globalThis as Partial<Pick<typeof globalThis, 'addEventListener' | 'removeEventListener'>>

export class RelayLink {
  private readonly options: LinkOptions
  private readonly handlers: LinkHandlers
  private version: WireVersion | undefined
  private ready: RelayConnection | undefined
  private opening: RelayConnection | undefined
  private current: ConnectionState = 'connecting'
  private why: ClientError | undefined
  private backOffMs = BACK_OFF_MS_MIN
  private retry: ReturnType<typeof setTimeout> | undefined
  /** A check failed: nothing is taken from the relay any more. */
  private failure: ClientError | undefined
  private isPaused = false
  /** Whether it opens by itself: since `begin`, or the first connection. */
  private isWanted = false
  /** How many connections were begun: of two the later one counts. */
  private attempts = 0
  /** That which is being opened. */
  private attempting: number | undefined
  private asides: Promise<unknown> = Promise.resolve()
  private running: Aside | undefined
  private isCanceling = false
  /** Tries now, not after the pause. */
  private readonly onOnline = () => {
    if (this.current === 'disconnected') this.reopenNow()
  }
  /** The one that `begin` made; undefined if it made none. */
  subscriptionId: bigint | undefined

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.options = options
    this.handlers = handlers
    this.version = options.version
  }

  get state(): ConnectionState {
    return this.current
  }

  /** Why the last connection ended, or could not be had; undefined while there is one, and while it is paused. */
  get problem(): ClientError | undefined {
    return this.why
  }

  /** That of the first connection. */
  get protocol(): WireVersion | undefined {
    return this.version
  }

  /** Undefined while there is none that is authenticated and subscribed. */
  get connection(): RelayConnection | undefined {
    return this.ready
  }

  /** The payload of the answer, also while the subscription begins. Rejects with ClientError. */
  async ask(request: Request): Promise<Uint8Array> {
    const connection = this.ready ?? this.opening
    if (this.current === 'closed') throw clientClosed()
    if (connection === undefined) throw new ClientError('DISCONNECTED', 'there is no connection to the relay now')
    return connection.request(request, this.options.signal)
  }

  /**
   * A second subscription beside the one that `begin` made, for what `act` does: what comes of it goes to `handlers`.
   * One at a time, the next one waits. A connection that is lost ends what comes.
   */
  aside<T>(request: SubscriptionRequest, handlers: Aside, act: () => Promise<T>): Promise<T> {
    return this.inTurn(() => this.runAside(request, handlers, act))
  }

  /** What changes which subscription pushes belong to: one at a time, the next one waits. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.asides.then(act)
    this.asides = result.catch(() => undefined)
    return result
  }

  /**
   * Ends the subscription that `begin` made. What still comes of it until the relay answers is answered, and nobody is
   * told: it is not of what is wanted next. Rejects with ClientError.
   */
  async cancel(): Promise<void> {
    this.isCanceling = true
    try {
      await this.ask({ kind: 'cancel', subscriptionId: toBigEndian(this.subscriptionId ?? 0n, 2) })
    } finally {
      this.isCanceling = false
    }
  }

  private get told(): Pick<LinkHandlers, 'push' | 'checkpoint' | 'snapshot' | 'syncStatus'> {
    return this.isCanceling ? NOBODY : this.handlers
  }

  private async runAside<T>(request: SubscriptionRequest, handlers: Aside, act: () => Promise<T>): Promise<T> {
    this.running = handlers
    try {
      const subscriptionId = await this.ask(request)
      try {
        return await act()
      } finally {
        await this.ask({ kind: 'cancel', subscriptionId }).catch(() => undefined)
      }
    } finally {
      this.running = undefined
    }
  }

  /** Of what comes from another subscription than the one of `begin`. It may come before that is answered. */
  private asideOf({ subscriptionId: id }: { readonly subscriptionId: bigint | Uint8Array }): Aside | undefined {
    return (typeof id === 'bigint' ? id : fromBigEndian(id)) === this.subscriptionId ? undefined : this.running
  }

  /** Resolves with the first subscription; rejects with ClientError, also of what may be retried. */
  async open(): Promise<void> {
    this.setState('connecting')
    const attempt = (this.attempting = ++this.attempts)
    try {
      await this.openAs(attempt)
    } finally {
      if (this.attempting === attempt) this.attempting = undefined
    }
  }

  private async openAs(attempt: number): Promise<void> {
    const connection = await this.connect()
    if (this.current === 'closed') return connection.close()
    if (this.failure !== undefined) {
      connection.close()
      return this.setState('disconnected')
    }
    if (attempt !== this.attempts) {
      connection.close()
      throw new ClientError('DISCONNECTED', 'the connection is not wanted any more')
    }
    this.opening = connection
    try {
      await this.authenticate(connection)
      await this.handlers.begin(connection)
    } catch (error) {
      connection.close()
      throw this.failure ?? error
    } finally {
      if (this.opening === connection) this.opening = undefined
    }
    this.isWanted = true
    // A check failed meanwhile: what is held says so, and nothing more comes.
    if (this.failure !== undefined) return this.setState('disconnected')
    if (!connection.isOpen) throw new ClientError('DISCONNECTED', 'the connection was lost while it began')
    this.ready = connection
    this.why = undefined
    this.setState('connected')
  }

  /** What comes over the connection can be taken: after its end the first pause is short again. */
  holds(): void {
    if (this.ready !== undefined) this.backOffMs = BACK_OFF_MS_MIN
  }

  /** Opens by and by: at once, and after each failure again, with the usual pauses. */
  begin(): void {
    this.isWanted = true
    page.addEventListener?.('online', this.onOnline)
    this.reopenNow()
  }

  /** Without a connection until `resume`: the card's session is another's. */
  pause(): void {
    if (this.isPaused || this.current === 'closed') return
    this.isPaused = true
    this.why = undefined
    this.attempts++
    clearTimeout(this.retry)
    const { ready } = this
    this.ready = undefined
    this.opening?.close()
    ready?.close()
    if (ready !== undefined) this.handlers.lost()
    this.setState('disconnected')
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.backOffMs = BACK_OFF_MS_MIN
    if (this.isWanted) this.reopenNow()
  }

  /** Nothing is taken from the relay any more, and it is not asked again. */
  fail(why: ClientError): void {
    this.failure = this.why = why
    const { ready } = this
    this.ready = undefined
    this.opening?.close()
    ready?.close()
    clearTimeout(this.retry)
    if (ready === undefined) return
    this.handlers.lost()
    this.setState('disconnected')
  }

  close(): void {
    if (this.current === 'closed') return
    this.setState('closed')
    page.removeEventListener?.('online', this.onOnline)
    clearTimeout(this.retry)
    this.opening?.close()
    this.ready?.close()
    this.ready = undefined
  }

  private async connect(): Promise<RelayConnection> {
    if (this.version !== undefined) return this.connectAs(this.version)
    try {
      const connection = await this.connectAs(5)
      this.version = 5
      return connection
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'UNREACHABLE') throw error
    }
    const connection = await this.connectAs(4)
    this.version = 4
    this.options.notice('the relay speaks version 4 only: nothing proves that nothing was left out')
    return connection
  }

  private async connectAs(version: WireVersion): Promise<RelayConnection> {
    const { url, signal } = this.options
    const { handlers } = this
    const connection: RelayConnection = await openedOr(
      () => whyNot(url, version, signal),
      RelayConnection.open(
        url,
        version,
        {
          push: (push) => {
            const aside = this.asideOf(push)
            if (aside === undefined) return this.told.push(push)
            aside.push(push)
            return undefined
          },
          checkpoint: (push) => (this.asideOf(push) === undefined ? this.told.checkpoint(push) : undefined),
          snapshot: (push) => this.told.snapshot(push),
          payments: handlers.payments,
          syncStatus: (status) => this.asideOf(status)?.syncStatus(status) ?? this.told.syncStatus(status),
          // It begins again with a connection of its own, after the usual pause.
          subscriptionClosed: () => connection.close(),
          closed: (reason) => this.lost(connection, reason),
        },
        signal,
      ),
    )
    return connection
  }

  private async authenticate(connection: RelayConnection): Promise<void> {
    const { key, card, signal } = this.options
    if (key === undefined || card === undefined) return
    const asked = connection.request({ kind: 'authenticate', publicKey: card }, signal)
    const challenge = await asked.catch(notEnrolled)
    const { sign } = await loaded(import('./own-card.js'))
    const signature = sign(personalMessageDigest(challenge), key)
    await connection.request({ kind: 'challengeSolution', signature }, signal)
  }

  private lost(connection: RelayConnection, reason: string): void {
    if (this.ready !== connection || this.current === 'closed') return
    this.ready = undefined
    this.why = new ClientError('DISCONNECTED', `the connection was lost (${reason || 'no reason given'})`)
    this.handlers.lost()
    this.setState('disconnected')
    this.reopenLater(reason)
  }

  /** One back-off; a refusal that will not change stops it. */
  private reopenLater(reason: string, leastMs = 0): void {
    if (this.isPaused) return
    const wait = Math.max(this.backOffMs * (0.5 + Math.random() / 2), leastMs)
    this.backOffMs = Math.min(BACK_OFF_MS_MAX, this.backOffMs * 2)
    this.options.notice(`connection lost (${reason || 'no reason given'}); again in ${Math.round(wait)} ms`)
    clearTimeout(this.retry)
    this.retry = setTimeout(() => void this.reopen(), wait)
  }

  /** If nothing is open, and nothing being opened. */
  private reopenNow(): void {
    const isOpen = this.ready !== undefined || (this.attempting !== undefined && this.attempting === this.attempts)
    if (this.current !== 'closed' && !this.isPaused && this.failure === undefined && !isOpen) void this.reopen()
  }

  private async reopen(): Promise<void> {
    clearTimeout(this.retry)
    const attempt = this.attempts + 1
    try {
      await this.open()
    } catch (error) {
      if (this.current === 'closed' || this.isPaused || attempt !== this.attempts) return
      this.handlers.lost()
      this.why = this.failure ?? verificationFailed(error)
      if (this.failure !== undefined) return this.setState('disconnected')
      const isRefused = error instanceof ClientError && !error.retryable
      if (isRefused) this.options.notice(`the relay refuses: ${(error as Error).message}`)
      this.setState(isRefused ? 'needs-auth' : 'disconnected')
      if (!isRefused) this.reopenLater((error as Error).message, retryAfterMs(error))
    }
  }

  private setState(state: ConnectionState): void {
    if (state === this.current) return
    this.current = state
    this.handlers.state(state)
  }
}

/** Of a card that the relay does not know nothing is missing but its enrolment. */
function notEnrolled(cause: unknown): never {
  if (!(cause instanceof ClientError) || cause.code !== 'NOT_FOUND') throw cause
  const remedy = 'Enrol the card of this key first: enrol({ url, shop, card, wallet }) of cairn-relay/enrol.'
  throw new ClientError('NOT_FOUND', cause.message, { cause, remedy })
}

const nothing = () => undefined
const NOBODY = { push: nothing, checkpoint: nothing, snapshot: nothing, syncStatus: nothing }

/** The card of a secret key, 33 bytes. A visitor's page never needs what it is calculated with. */
export async function cardOf(key: Uint8Array | undefined): Promise<Uint8Array | undefined> {
  return key && (await loaded(import('./own-card.js'))).publicKeyOf(key)
}

/** UNREACHABLE has several causes: `why` tells which it is. */
async function openedOr(
  why: () => Promise<ClientError | undefined>,
  opened: Promise<RelayConnection>,
): Promise<RelayConnection> {
  try {
    return await opened
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'UNREACHABLE') throw error
    throw (await why()) ?? error
  }
}

/** Undefined too where what finds it out does not load: then there is no network. */
async function whyNot(...of: Parameters<typeof WhyNot.whyNotOpened>): Promise<ClientError | undefined> {
  const part = await import('./refused-upgrade.js').catch(() => undefined)
  return part?.whyNotOpened(...of)
}

function retryAfterMs(error: unknown): number {
  return error instanceof ClientError && error.retryAfter !== undefined ? error.retryAfter * 1_000 : 0
}
