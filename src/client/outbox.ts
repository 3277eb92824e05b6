/**
 * Writes that are not answered yet, kept over reloads with the cart, and whether the guest was offered his card: sent
 * one after the other, each once. A set is kept as it was signed, when its turn came, before it is sent: those bytes
 * alone are sent again, and the relay answers them as at first (PROOFS §4). What it refuses is told.
 *
 * Tests: test/client/outbox.test.ts, test/client/offline.test.ts
 */

import type { Seconds } from '../brands.js'
import { BACK_OFF_MS_MAX, BACK_OFF_MS_MIN, OUTBOX_REFUSED_MAX, OUTBOX_WRITES_MAX } from '../limits.js'
import { encodePatchSet } from '../patches/patch-set.js'
import { readPatch, type Change, type Patch } from '../patches/patch.js'
import type { WireVersion } from '../wire/envelope.js'
import type { WriteRequest } from '../wire/messages.js'
import { readWriteAnswer } from '../wire/proof-payloads.js'
import { aborted, ClientError, usage, type ClientErrorCode } from './client-error.js'
import { encodeOutbox, type KeptOutbox, type KeptRefusal, type KeptWrite } from './kept-outbox.js'
import type { ReplicaStore } from './kept-replica.js'
import { isPlaceFull, isSameShop, readPlace } from './outbox-place.js'
import { abortedAfter, isBehind, isCrowded, LOST, WAITED_FOR } from './outbox-refusals.js'
import { Nonces } from './nonces.js'
import { ofChanges, refusedAgain } from './own-writes.js'

/** A write that no relay has answered, or of which no push has come yet. */
export interface PendingWrite {
  readonly id: bigint
  /** When it was made, seconds since 1970. */
  readonly at: Seconds
  readonly changes: readonly Pick<Change, 'op' | 'path' | 'value'>[]
  /** `sent`: the relay may have it, and has not said so. */
  readonly state: 'waiting' | 'sent'
}

/** A write that the relay refused, until `dismiss`. */
export interface RefusedWrite extends Omit<PendingWrite, 'state'> {
  readonly code: ClientErrorCode
  readonly message: string
}

/** What waits in an outbox to be sent, and what no relay took. */
export interface OutboxState {
  /** In their order; the same reference until something changes, like `refused`. */
  readonly pending: readonly PendingWrite[]
  readonly refused: readonly RefusedWrite[]
  /** This program is connected, sends and keeps; false while another tab of the card does. */
  readonly isHere: boolean
  /** The cart, as it is now, is kept on this device. */
  readonly isCartKept: boolean
}

/** A write's answer, with what was signed. */
export interface SentWrite {
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly payload: Uint8Array
  readonly version: WireVersion
}

/** A session over which sets are sent. */
export interface WriteLink {
  readonly version: WireVersion
  request(request: WriteRequest): Promise<Uint8Array>
}

/** What an outbox needs of its client. */
export interface OutboxHost {
  /** Undefined while nothing can be sent. */
  link(): WriteLink | undefined
  sign(patches: readonly Uint8Array[], nonce: bigint): { readonly header: Uint8Array; readonly signature: Uint8Array }
  /** Milliseconds since 1970. */
  now(): number
  /** Pending writes are others now, by the names of objects. */
  changed(): void
  notice(text: string): void
  /** Another tab made the cart another. */
  cartChanged(text: string): void
  /** It waits no more: answered, or aborted before it was sent. Told before that is kept. */
  left(patches: readonly Patch[], outcome: SentWrite | ClientError): void
  /** A write of this outbox was settled; other tabs of it wait too. */
  settled(id: bigint, outcome: SentWrite | ClientError): void
  /** What other tabs may read is another. */
  kept(): void
  /** Runs it while no other tab keeps anything at this place, whatever its card. */
  alone(save: () => Promise<void>): Promise<void>
}

interface Waiter {
  resolve(sent: SentWrite): void
  reject(error: ClientError): void
}

interface Entry extends Omit<KeptWrite, 'signed'> {
  readonly read: readonly Patch[]
  signed: KeptWrite['signed']
  isSent: boolean
  isKept: boolean
  /** As it was signed: until then it may come back unsigned, and be signed anew. */
  isSignedKept: boolean
  /** It was sent over a connection that was lost, or may have been, and the relay may have it. */
  mayBeTaken: boolean
  /** How often the relay said that too much is open, or that its nonce is too low. */
  tries: number
  lastRefusal?: ClientError
  readonly waiters: Set<Waiter>
}

/** Answered, and in what is held once that is as of `seq`. */
interface AnsweredWrite {
  readonly entry: Entry
  readonly seq: bigint
}

const ID_RANDOM_BITS = 20n

export class Outbox {
  private readonly store: ReplicaStore
  private readonly purpose: string
  private readonly host: OutboxHost
  private entries: Entry[] = []
  private answered: AnsweredWrite[] = []
  private refusals: KeptRefusal[] = []
  /** What other cards wrote at this place. */
  private others: readonly Uint8Array[] = []
  /** Dismissed here while another tab keeps the list. */
  private readonly dismissed = new Set<bigint>()
  private readonly nonces = new Nonces()
  private cartText = ''
  /** What is kept of it. */
  private storedCart = ''
  /** It changed while another tab kept, which may not have heard of it. */
  private isCartNewer = false
  private cardKept = false
  private shown: OutboxState | undefined
  /** One after the other. */
  private saved: Promise<void> = Promise.resolve()
  private isInMemory = false
  /** Whether this client sends and keeps: of several tabs one does. */
  private isHolder = false
  /** Rises with each change of that. */
  private turn = 0
  /** The store could not be read. */
  private isUnread = false
  private isClosed = false
  private running: Promise<void> | undefined
  private isWanted = false
  private backOffMs = BACK_OFF_MS_MIN
  private retry: ReturnType<typeof setTimeout> | undefined

  /** `purpose`: shop, relay and card. */
  constructor(store: ReplicaStore, purpose: string, host: OutboxHost) {
    this.store = store
    this.purpose = purpose
    this.host = host
  }

  /** The same reference until something changes. */
  get(): OutboxState {
    return (this.shown ??= {
      pending: this.entries.map(({ id, at, read, isSent }) => ({
        id,
        at,
        changes: changesOf(read),
        state: isSent ? 'sent' : 'waiting',
      })),
      refused: this.refusals.map(({ id, at, patches, code, message }) => ({
        id,
        at,
        changes: changesOf(patches.map(readPatch)),
        code: code as ClientErrorCode,
        message,
      })),
      isHere: this.isHolder,
      isCartKept: this.storedCart === this.cartText,
    })
  }

  /** Patches that are shown before they are proven: of what waits, and of what was answered and is not held yet. */
  get patches(): readonly (readonly Patch[])[] {
    return [...this.answered.map(({ entry }) => entry.read), ...this.entries.map(({ read }) => read)]
  }

  get cart(): string {
    return this.cartText
  }

  get isCardKept(): boolean {
    return this.cardKept
  }

  /**
   * This client sends and keeps from now on: reads what was kept and goes on with it, behind it what was written here
   * in the meantime. Never rejects: without a store that can be read it holds in memory.
   */
  async hold(): Promise<void> {
    const turn = ++this.turn
    await this.load()
    // While it was read the turn went to another tab.
    if (turn !== this.turn) return
    this.isHolder = true
    if (this.entries.some(({ isKept }) => !isKept) || this.dismissed.size > 0 || this.isCartNewer) void this.keep()
    this.dismissed.clear()
    this.isCartNewer = false
    this.told()
  }

  /** Whether this client sends and keeps. */
  get isHeld(): boolean {
    return this.isHolder
  }

  /** Ends `hold`, once all that is held is kept; the link must be closed before. */
  async release(): Promise<void> {
    this.turn++
    this.isHolder = false
    this.told()
    clearTimeout(this.retry)
    this.retry = undefined
    await this.running
    await this.saved
  }

  /** What was kept by another tab is shown here too. Never rejects. */
  async load(): Promise<void> {
    let place
    try {
      const bytes = await this.stored()
      if (bytes === undefined) return
      place = readPlace(bytes, this.purpose)
    } catch (error) {
      const { message } = error as Error
      if (this.isUnread) return this.tellInMemory(`what was kept cannot be read: ${message}`)
      return this.host.notice(`what was kept of cart and writes is not used: ${message}`)
    }
    const { last, own, others, problem } = place
    if (problem !== undefined) this.host.notice(`of what was kept beside, something is not used: ${problem}`)
    this.storedCart = last.cart
    this.others = others
    if (own !== undefined) this.takeOwn(own)
    const isShop = isSameShop(last.purpose, this.purpose)
    if (own !== last) this.host.notice(isShop ? OF_ANOTHER_CARD : OF_ANOTHER_SHOP)
    // Of another card of this shop it goes on: its checkout that may be there is the same order for this one.
    const cart = isShop ? last.cart : own?.cart
    if (cart !== undefined && !this.isCartNewer) this.showCart(cart)
    this.told()
  }

  private takeOwn(kept: KeptOutbox): void {
    this.takeWrites(kept.writes)
    this.refusals = kept.refused.filter(({ id }) => !this.dismissed.has(id))
    if (kept.lastNonce > this.nonces.last) this.nonces.last = kept.lastNonce
    this.cardKept ||= kept.isCardKept
  }

  /** What cannot be read now is not overwritten: it may be read at the next start. */
  private async stored(): Promise<Uint8Array | undefined> {
    this.isUnread = true
    const bytes = await this.store.load()
    this.isUnread = false
    return bytes
  }

  /** Resolves with the relay's answer, whenever it comes. Rejects with the wire's code, ABORTED, CLOSED, USAGE. */
  add(patches: readonly Uint8Array[], ifSeq: bigint | undefined, signal?: AbortSignal): Promise<SentWrite> {
    if (signal?.aborted) return Promise.reject(aborted(signal))
    if (this.entries.length >= OUTBOX_WRITES_MAX)
      return Promise.reject(usage('changes', `${this.entries.length} writes wait already`, 'Wait until some are sent.'))
    if (this.entries.length === 0 && isPlaceFull(this.others))
      return Promise.reject(
        usage('outbox', `unsent writes of ${this.others.length} cards wait at its place`, OTHER_PLACE),
      )
    const entry: Entry = {
      id: this.newId(),
      at: this.seconds(),
      patches,
      ifSeq,
      read: patches.map(readPatch),
      signed: undefined,
      isSent: false,
      isKept: false,
      isSignedKept: false,
      mayBeTaken: false,
      tries: 0,
      waiters: new Set(),
    }
    this.entries.push(entry)
    void this.keep()
    this.told()
    return new Promise((resolve, reject) => {
      const stop = () => this.abort(entry, waiter, abortedAfter(signal!, entry.lastRefusal))
      const finish = () => signal?.removeEventListener('abort', stop)
      const waiter: Waiter = {
        resolve: (sent) => (finish(), resolve(sent)),
        reject: (error) => (finish(), reject(error)),
      }
      signal?.addEventListener('abort', stop, { once: true })
      entry.waiters.add(waiter)
      this.run()
    })
  }

  /** Sends what waits, one after the other, as long as there is a link. */
  run(): void {
    this.isWanted = true
    this.running ??= this.runAll()
  }

  /** What is held is as of `seq` now: what was answered by then is in it. */
  reached(seq: bigint): void {
    const left = this.answered.filter((one) => one.seq > seq)
    if (left.length === this.answered.length) return
    this.answered = left
    this.told()
  }

  /** Another tab sent it. */
  settle(id: bigint, outcome: SentWrite | ClientError): void {
    const entry = this.entries.find((one) => one.id === id)
    if (entry === undefined) return
    this.entries = this.entries.filter((one) => one !== entry)
    if (outcome instanceof ClientError) for (const waiter of entry.waiters) waiter.reject(outcome)
    else this.answer(entry, outcome)
    this.told()
  }

  /** Takes a refused write off the list. */
  dismiss(id: bigint): void {
    this.refusals = this.refusals.filter((one) => one.id !== id)
    if (!this.isHolder) this.dismissed.add(id)
    void this.keep()
    this.told()
  }

  keepCart(text: string): void {
    if (text === this.cartText) return
    this.cartText = text
    this.isCartNewer = !this.isHolder
    void this.keep()
    this.told()
  }

  /** Another tab's. */
  takeCart(text: string): void {
    this.isCartNewer = !this.isHolder
    if (this.showCart(text)) void this.keep()
  }

  /** Whether it is another one than before. */
  private showCart(text: string): boolean {
    if (text === this.cartText) return false
    this.cartText = text
    this.host.cartChanged(text)
    return true
  }

  keepCardKept(): void {
    this.cardKept = true
    void this.keep()
  }

  /** What is not answered stays kept, and is sent at the next start. */
  close(): void {
    this.isClosed = true
    clearTimeout(this.retry)
    this.abandon()
  }

  /** Nobody waits for the answers any more. */
  abandon(): void {
    const ended = 'the client ended before the relay answered'
    for (const { waiters, isKept } of this.entries) {
      const problem = isKept ? `${ended}: the write is kept, and sent at the next start` : `${ended}, or it was kept`
      for (const waiter of waiters) waiter.reject(new ClientError('CLOSED', problem))
      waiters.clear()
    }
  }

  private async runAll(): Promise<void> {
    try {
      while (this.isWanted) {
        this.isWanted = false
        while (await this.sendNext());
      }
    } finally {
      // At once: who wants it from now on begins anew.
      this.running = undefined
    }
  }

  /** Whether the next one may follow at once. */
  private async sendNext(): Promise<boolean> {
    const link = this.host.link()
    const [entry] = this.entries
    if (entry === undefined || link === undefined || !this.isHolder || this.isClosed || this.retry !== undefined)
      return false
    if (!entry.isSignedKept && !entry.isSent) {
      entry.signed ??= this.host.sign(entry.patches, this.nonces.next(this.host.now()))
      await this.keep()
      // Meanwhile the turn may have gone to another tab, or the write have been aborted.
      if (this.host.link() !== link || !this.isHolder || this.entries[0] !== entry) return true
      if (entry.isKept && !entry.isSignedKept) return this.unkept()
    } else if (link.version === 4) {
      const problem = 'it may have been applied before, and the relay speaks version 4: nobody can know'
      return this.refuse(entry, new ClientError('OUTCOME_UNKNOWN', problem))
    }
    return this.send(entry, link)
  }

  /** It stands unsigned where it is kept: sent now, it would be signed anew after a restart, and be another set. */
  private unkept(): false {
    this.host.notice('a write waits: it cannot be kept as it was signed, and would be sent twice after a restart')
    this.again(0)
    return false
  }

  private async send(entry: Entry, link: WriteLink): Promise<boolean> {
    const { header, signature } = entry.signed!
    entry.isSent = true
    this.told()
    const patchSet = encodePatchSet(header, signature, entry.patches)
    const expected = entry.ifSeq === undefined ? {} : { expectedSeq: entry.ifSeq }
    try {
      const payload = await link.request({ kind: 'write', patchSet, ...expected })
      this.accept(entry, { header, signature, payload, version: link.version })
      return true
    } catch (cause) {
      const error = cause instanceof ClientError ? cause : new ClientError('REFUSED', (cause as Error).message)
      return this.notTaken(entry, error, link.version)
    }
  }

  private accept(entry: Entry, sent: SentWrite): void {
    this.backOffMs = BACK_OFF_MS_MIN
    this.entries = this.entries.filter((one) => one !== entry)
    this.host.settled(entry.id, sent)
    this.host.left(entry.read, sent)
    this.answer(entry, sent)
    void this.keep()
    this.told()
  }

  private answer(entry: Entry, sent: SentWrite): void {
    if (sent.version === 5) this.answered.push({ entry, seq: readWriteAnswer(sent.payload).Seq })
    for (const waiter of entry.waiters) waiter.resolve(sent)
  }

  private notTaken(entry: Entry, error: ClientError, version: WireVersion): boolean {
    const isLost = LOST.has(error.code)
    // Over the next connection, as it was signed.
    if (isLost && version === 5) {
      entry.mayBeTaken = true
      return false
    }
    if (isBehind(entry, this.nonces, error)) return true
    if (!WAITED_FOR.has(error.code) && !isCrowded(entry, error))
      return this.refuse(entry, entry.mayBeTaken ? refusedAgain(error) : error)
    entry.lastRefusal = error
    // It was not looked at: whoever aborts takes it back.
    entry.isSent = entry.mayBeTaken
    this.told()
    this.again((error.retryAfter ?? 0) * 1_000)
    return false
  }

  /** After a rising pause, of at least so many milliseconds. */
  private again(ms: number): void {
    this.retry = setTimeout(
      () => {
        this.retry = undefined
        this.run()
      },
      Math.max(this.backOffMs * (0.5 + Math.random() / 2), ms),
    )
    this.backOffMs = Math.min(BACK_OFF_MS_MAX, this.backOffMs * 2)
  }

  private refuse(entry: Entry, refused: ClientError): true {
    const { id, at, patches } = entry
    const error = ofChanges(refused)
    this.entries = this.entries.filter((one) => one !== entry)
    const refusal = { id, at, patches, code: error.code, message: error.message }
    this.refusals = [...this.refusals, refusal].slice(-OUTBOX_REFUSED_MAX)
    this.host.settled(id, error)
    this.host.left(entry.read, error)
    for (const waiter of entry.waiters) waiter.reject(error)
    this.host.notice(`a write was refused (${error.code}): ${error.message}`)
    void this.keep()
    this.told()
    return true
  }

  /** One that may have been sent, here or by the tab that holds it now, goes on: nobody can take it back. */
  private abort(entry: Entry, waiter: Waiter, error: ClientError): void {
    entry.waiters.delete(waiter)
    waiter.reject(error)
    const mayBeSent = entry.isSent || entry.mayBeTaken || (entry.isKept && !this.isHolder)
    if (mayBeSent || !this.entries.includes(entry)) return
    this.entries = this.entries.filter((one) => one !== entry)
    this.host.left(entry.read, error)
    void this.keep()
    this.told()
  }

  /** Those that were kept, as they are known here; behind them what was never kept. */
  private takeWrites(writes: readonly KeptWrite[]): void {
    const known = new Map(this.entries.map((entry) => [entry.id, entry]))
    const kept = writes.map((write): Entry => {
      const entry = known.get(write.id)
      known.delete(write.id)
      if (entry === undefined)
        return {
          ...write,
          read: write.patches.map(readPatch),
          isSent: false,
          isKept: true,
          isSignedKept: write.signed !== undefined,
          mayBeTaken: write.signed !== undefined,
          tries: 0,
          waiters: new Set(),
        }
      if (write.signed !== undefined) entry.mayBeTaken = true
      entry.signed ??= write.signed
      entry.isSignedKept ||= write.signed !== undefined
      entry.isKept = true
      return entry
    })
    const others = [...known.values()]
    this.entries = [...kept, ...others.filter(({ isKept }) => !isKept)]
    const problem = 'another tab has sent it, and did not say what came of it: look before you write it again'
    for (const { waiters } of others.filter(({ isKept }) => isKept))
      for (const waiter of waiters) waiter.reject(new ClientError('OUTCOME_UNKNOWN', problem))
  }

  /** Resolves once what is held now is kept, or cannot be; the first time that is told. */
  private keep(): Promise<void> {
    if (!this.isHolder || this.isUnread) return Promise.resolve()
    const { purpose, cartText: cart, cardKept: isCardKept, refusals: refused } = this
    const writes = [...this.entries]
    const signed = writes.map((entry) => ({ ...entry }))
    const own = { purpose, lastNonce: this.nonces.last, cart, isCardKept, refused, writes: signed }
    this.saved = this.saved.then(async () => {
      try {
        await this.host.alone(() => this.saveBeside(own))
        for (const entry of writes) entry.isKept = true
        // It may be signed anew by now.
        for (const [i, entry] of writes.entries())
          entry.isSignedKept ||= entry.signed !== undefined && entry.signed === signed[i]!.signed
        const wasKept = this.storedCart === this.cartText
        this.storedCart = cart
        if (wasKept !== (cart === this.cartText)) this.told()
        this.host.kept()
      } catch (error) {
        this.tellInMemory((error as Error).message)
      }
    })
    return this.saved
  }

  /** What other cards have kept since stays theirs. */
  private async saveBeside(own: Omit<KeptOutbox, 'others'>): Promise<void> {
    const stored = await this.store.load()
    try {
      if (stored !== undefined) this.others = readPlace(stored, this.purpose).others
    } catch {
      // What cannot be used was told of when it was read.
    }
    await this.store.save(encodeOutbox({ ...own, others: this.others }))
  }

  /** Once. */
  private tellInMemory(why: string): void {
    if (!this.isInMemory) this.host.notice(`cart and writes are in memory alone, and not kept: ${why}`)
    this.isInMemory = true
  }

  private told(): void {
    this.shown = undefined
    this.host.changed()
  }

  private newId(): bigint {
    const [random] = crypto.getRandomValues(new Uint32Array(1))
    return (BigInt(this.host.now()) << ID_RANDOM_BITS) | BigInt(random! >>> Number(32n - ID_RANDOM_BITS))
  }

  private seconds(): Seconds {
    return BigInt(Math.floor(this.host.now() / 1_000))
  }
}

const OTHER_PLACE = 'Send them with their cards first, or give this card a place of its own.'
const OF_ANOTHER_CARD = 'writes that were kept are of another card, and wait for it; the cart is used'
const OF_ANOTHER_SHOP = 'cart and writes that were kept are of another shop and not used'

function changesOf(patches: readonly Patch[]): PendingWrite['changes'] {
  return patches.map(({ op, path, value }) => ({ op, path, value }) as Change)
}
