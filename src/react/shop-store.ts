/**
 * What a provider holds: the client of a shop, how it stands with its connection, and word of both. It connects anew
 * until it succeeds or cannot.
 *
 * Tests: test/react/shop.test.ts, test/e2e/react.test.ts
 */

import { BACK_OFF_MS_MAX, BACK_OFF_MS_MIN } from '../limits.js'
import { ClientError, connect, type ConnectOptions, type ShopClient } from '../client/shop-client.js'
import type { ListState } from '../client/live.js'

/** How it stands with the relay. */
export interface ShopConnection {
  /** `failed`: a check failed, or the relay cannot be used at all; `error` says why, and nothing is taken any more. */
  readonly state: ShopClient['state'] | 'failed'
  /** Beside `connecting` and `disconnected` why the last attempt failed; it is made again by itself. */
  readonly error: ClientError | undefined
}

/** Before there is a client nothing is known of anything. */
const LOADING: ListState<never> = {
  status: 'loading',
  complete: false,
  verified: undefined,
  stale: false,
  data: undefined,
  error: undefined,
  total: undefined,
  hasMore: true,
}
const CONNECTING: ShopConnection = { state: 'connecting', error: undefined }

export class ShopStore {
  private readonly watchers = new Set<() => void>()
  private held: ShopClient | undefined
  /** The card of `held`, of those that it connected itself. */
  private card: Uint8Array | undefined
  private shown: ShopConnection = CONNECTING
  private shownWithout: ListState<never> = LOADING
  private readiness: Promise<void> | undefined

  /** `client`: one that somebody else connected, and closes. */
  constructor(client: ShopClient | undefined) {
    this.held = client
    if (client !== undefined) this.shown = connectionOf(client)
  }

  readonly subscribe = (changed: () => void): (() => void) => {
    const watcher = () => changed()
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** The same reference until something changes, like those below. */
  readonly connection = (): ShopConnection => this.shown

  /** Undefined until there is one; after a reconnection as somebody else another one. */
  readonly client = (): ShopClient | undefined => this.held

  /** What every object shows while there is no client. */
  readonly withoutClient = (): ListState<never> => this.shownWithout

  /** On a server, and while a page takes over what a server rendered. */
  readonly onServer = {
    connection: (): ShopConnection => CONNECTING,
    client: (): undefined => undefined,
    object: (): ListState<never> => LOADING,
  }

  /** Resolves when there is a client, or none can be had. */
  ready(): Promise<void> {
    return (this.readiness ??= new Promise((resolve) => {
      const look = () => {
        if (this.held === undefined && this.shown.state !== 'failed') return
        stop()
        resolve()
      }
      const stop = this.subscribe(look)
      look()
    }))
  }

  /** Goes on with that client; the returned function ends that, and closes nothing. */
  take(client: ShopClient): () => void {
    const look = () => this.show(connectionOf(client))
    this.held = client
    const stops = [client.onState(look), client.manifest().subscribe(look)]
    look()
    this.tell()
    return () => stops.forEach((stop) => stop())
  }

  /** Connects, and tries again where that may help; the returned function ends it. */
  open(options: ConnectOptions): () => void {
    const end = new AbortController()
    const before = this.held?.shopId === options.shop ? this.held : undefined
    // Of the same shop its objects stay as they were until the new client has its own: but not those of a guest, who
    // left, or is another one now.
    const isOfGuest = this.card !== undefined && !isSameCard(this.card, options.key)
    if (before === undefined || isOfGuest) this.drop()
    this.show(CONNECTING)
    void this.connect({ ...options, signal: end.signal }, before, end.signal)
    return () => end.abort()
  }

  private drop(): void {
    this.held = this.card = this.readiness = undefined
    this.tell()
  }

  /** `before`: whose cart comes along. */
  private async connect(options: ConnectOptions, before: ShopClient | undefined, signal: AbortSignal): Promise<void> {
    for (let waitMs = BACK_OFF_MS_MIN; ; waitMs = Math.min(2 * waitMs, BACK_OFF_MS_MAX)) {
      try {
        const client = await connect(options)
        if (signal.aborted) return
        moveCart(before, client, options)
        this.card = options.key
        signal.addEventListener('abort', this.take(client), { once: true })
        return
      } catch (error) {
        if (signal.aborted) return
        // It rejects with nothing else.
        const { retryable, retryAfter = 0 } = error as ClientError
        this.show({ state: retryable ? 'connecting' : 'failed', error: error as ClientError })
        if (!retryable) return
        await wait(Math.max(waitMs, retryAfter * 1_000), signal)
      }
    }
  }

  private show(connection: ShopConnection): void {
    const { shown } = this
    if (shown.state === connection.state && shown.error === connection.error) return
    this.shown = connection
    const { state, error } = connection
    this.shownWithout = state === 'failed' ? { ...LOADING, status: 'failed', error } : LOADING
    this.tell()
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }
}

function isSameCard(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return String(one) === String(other)
}

function connectionOf(client: ShopClient): ShopConnection {
  // The manifest comes to every client, and tells of a check that failed.
  const { error } = client.manifest().get()
  return error === undefined ? { state: client.state, error: client.problem } : { state: 'failed', error }
}

/** Who becomes a guest keeps what he chose as a visitor, beside what his card has kept. */
function moveCart(from: ShopClient | undefined, to: ShopClient, { onNotice }: ConnectOptions): void {
  const cart = from?.cart()
  if (cart === undefined || (cart.get().count === 0n && cart.get().address === undefined)) return
  try {
    to.cart().join(cart.save())
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    // More than one order holds: what the card has kept stays.
    onNotice?.(`the cart of before was not taken along: ${error.message}`)
  }
}

/** Ends early where `signal` is aborted. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
