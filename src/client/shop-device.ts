/**
 * What a client keeps on its device beside the replica: unsent writes, the cart, whether the card was offered; shared
 * by the tabs of one card, of which one sends. Loaded when `outbox` of `connect` asks for it.
 *
 * Tests: test/client/offline.test.ts, test/e2e/offline-page.test.ts
 */

import { ClientError, type ClientErrorCode } from './client-error.js'
import type { ReplicaStore } from './kept-replica.js'
import { OptimisticView } from './optimistic-view.js'
import { Outbox, type OutboxHost, type OutboxState, type SentWrite, type WriteLink } from './outbox.js'
import type { ViewSource } from './shop-views.js'
import { pagePlatform, TabTurn, type TabPlatform } from './tab-turn.js'

type DeviceHost = Pick<OutboxHost, 'sign' | 'notice' | 'cartChanged' | 'left'>
/** What a device needs of its client's link: it is paused while the session is another tab's. */
interface DeviceLink {
  readonly connection: WriteLink | undefined
  pause(): void
  resume(): void
}

interface DeviceOptions {
  readonly store: ReplicaStore
  /** Shop, relay and card. */
  readonly purpose: string
  /** Of a client that has a session of its own whatever others do; left out: the page's. */
  readonly tabs?: TabPlatform | undefined
}

/** What tabs tell each other. */
type TabWord =
  | { readonly kind: 'kept' }
  | { readonly kind: 'cart'; readonly text: string }
  | { readonly kind: 'sent'; readonly id: bigint; readonly sent: SentWrite }
  | { readonly kind: 'refused'; readonly id: bigint; readonly code: ClientErrorCode; readonly message: string }

export class ShopDevice {
  readonly outbox: Outbox
  private readonly link: DeviceLink
  private readonly objects: { changed(name: string): void }
  private readonly host: DeviceHost
  private readonly options: DeviceOptions
  private readonly watchers = new Set<() => void>()
  private view: OptimisticView | undefined
  private turn: TabTurn | undefined
  private firstTurn: () => void = () => undefined
  /** Resolves with the first turn. */
  readonly turned = new Promise<void>((turned) => (this.firstTurn = turned))

  /** `objects`: those whose views change with what is pending. */
  constructor(options: DeviceOptions, link: DeviceLink, objects: { changed(name: string): void }, host: DeviceHost) {
    this.options = options
    this.link = link
    this.objects = objects
    this.host = host
    const { tabs = pagePlatform() } = options
    this.outbox = new Outbox(options.store, options.purpose, {
      link: () => link.connection,
      sign: (patches, nonce) => host.sign(patches, nonce),
      now: () => Date.now(),
      changed: () => this.changed(),
      notice: (text) => host.notice(text),
      cartChanged: (text) => host.cartChanged(text),
      left: (patches, outcome) => host.left(patches, outcome),
      kept: () => this.tell({ kind: 'kept' }),
      alone: (save) => (tabs === undefined ? save() : tabs.locks.request(PLACES, {}, save)),
      settled: (id, outcome) => this.tell(wordOf(id, outcome)),
    })
  }

  /** What is pending is seen over `base` from now on. */
  over(base: ViewSource): ViewSource {
    this.view = new OptimisticView(base)
    return this.view
  }

  /** What was kept is there once this resolves. A page waits for its turn by and by: the link is paused till then. */
  async open(): Promise<void> {
    const { tabs = pagePlatform(), purpose } = this.options
    if (tabs === undefined) {
      this.firstTurn()
      return this.outbox.hold()
    }
    this.link.pause()
    await this.outbox.load()
    this.turn = new TabTurn(purpose, tabs, {
      gained: () => void this.gained(),
      lost: () => this.lost(),
      told: (message) => this.heard(message as TabWord),
    })
    this.turn.want()
  }

  /** What is written is to be sent: by this tab. */
  send(): void {
    this.turn?.want()
    this.outbox.run()
  }

  keepCart(text: string): void {
    // What another tab told is not told back: it may be another one there by now.
    if (text === this.outbox.cart) return
    this.outbox.keepCart(text)
    this.tell({ kind: 'cart', text })
  }

  readonly get = (): OutboxState => this.outbox.get()

  readonly subscribe = (changed: () => void): (() => void) => {
    const watcher = () => changed()
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  close(): void {
    this.outbox.close()
    // What is being kept is kept first: the next tab reads it.
    void this.outbox.release().then(() => this.turn?.close())
  }

  private async gained(): Promise<void> {
    await this.outbox.hold()
    if (this.turn?.isHeld === false) return
    this.link.resume()
    this.firstTurn()
  }

  private async lost(): Promise<void> {
    this.host.notice('the shop is used in another tab: this one goes on when it is looked at')
    this.link.pause()
    await this.outbox.release()
  }

  private heard(word: TabWord): void {
    if (word.kind === 'cart') this.outbox.takeCart(word.text)
    else if (word.kind === 'sent') this.outbox.settle(word.id, word.sent)
    else if (word.kind === 'refused') this.outbox.settle(word.id, new ClientError(word.code, word.message))
    else if (!this.outbox.isHeld) void this.outbox.load()
  }

  private tell(word: TabWord): void {
    this.turn?.tell(word)
  }

  private changed(): void {
    for (const name of this.view?.set(this.outbox.patches) ?? []) this.objects.changed(name)
    for (const watcher of this.watchers) watcher()
  }
}

/** The lock of all places: each is held for the moment of one write. */
const PLACES = 'cairn outbox'

function wordOf(id: bigint, outcome: SentWrite | ClientError): TabWord {
  if (!(outcome instanceof ClientError)) return { kind: 'sent', id, sent: outcome }
  return { kind: 'refused', id, code: outcome.code, message: outcome.message }
}
