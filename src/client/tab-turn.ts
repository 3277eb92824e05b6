/**
 * Whose turn it is among the tabs of one card: a relay gives a card one session, so one tab has it, sends what waits
 * and keeps it; the tab that is looked at gets it (Web Locks), and the others hear of what changed (BroadcastChannel).
 * Where there are no tabs it is always this program's turn.
 *
 * Tests: test/e2e/offline-page.test.ts
 */

import { TAB_TURN_MS_MIN, TAB_WANTS_MS } from '../limits.js'

/** What a tab needs of its platform: `navigator.locks`, a channel, and word of being looked at. */
export interface TabPlatform {
  readonly locks: Pick<LockManager, 'request'>
  /** `heard` is told what other tabs post. */
  channel(name: string, heard: (data: unknown) => void): TabChannel
  /** `looked` is called when somebody looks at the tab; the returned function ends that. */
  onLooked(looked: () => void): () => void
}

interface TabChannel {
  post(data: unknown): void
  close(): void
}

interface TurnHandlers {
  /** It is this tab's turn. */
  gained(): void
  /** Another tab wants it: nothing is sent or kept here once this resolves. */
  lost(): Promise<void>
  /** What another tab told. */
  told(message: unknown): void
}

interface TabMessage {
  /** What a tab tells, or that it wants the turn. */
  readonly kind: 'told' | 'want'
  readonly message?: unknown
}

export class TabTurn {
  private readonly name: string
  private readonly platform: TabPlatform
  private readonly handlers: TurnHandlers
  private readonly channel: TabChannel
  private readonly unlook: () => void
  private readonly closing = new AbortController()
  /** Ends the turn; undefined while it is another's. */
  private end: (() => void) | undefined
  private heldSinceMs = 0
  private isLeaving = false
  /** The platform has no locks for this page: it takes no turns, as where there are none. */
  private isAlone = false
  private wanting: ReturnType<typeof setInterval> | undefined

  constructor(name: string, platform: TabPlatform, handlers: TurnHandlers) {
    this.name = `cairn ${name}`
    this.platform = platform
    this.handlers = handlers
    this.channel = platform.channel(this.name, (data) => this.heard(data as TabMessage))
    this.unlook = platform.onLooked(() => this.want())
    this.queue()
  }

  get isHeld(): boolean {
    return this.end !== undefined
  }

  /** Asks whoever has the turn for it, until this tab has it. */
  want(): void {
    if (this.isHeld || this.wanting !== undefined || this.closing.signal.aborted) return
    const say = () => this.post({ kind: 'want' })
    this.wanting = setInterval(say, TAB_WANTS_MS)
    say()
  }

  /** To the other tabs; it is cloned. */
  tell(message: unknown): void {
    this.post({ kind: 'told', message })
  }

  close(): void {
    if (this.closing.signal.aborted) return
    this.closing.abort()
    clearInterval(this.wanting)
    this.unlook()
    this.channel.close()
    this.end?.()
    this.end = undefined
  }

  private queue(): void {
    const { signal } = this.closing
    const turn = () =>
      new Promise<void>((end) => {
        if (signal.aborted) return end()
        this.end = end
        this.heldSinceMs = Date.now()
        clearInterval(this.wanting)
        this.wanting = undefined
        this.handlers.gained()
      })
    // It rejects when it is aborted, and where a browser keeps nothing for this page.
    this.platform.locks.request(this.name, { signal }, turn).catch(() => {
      this.isAlone = true
      void turn()
    })
  }

  private heard({ kind, message }: TabMessage): void {
    if (kind === 'want') void this.leave()
    else this.handlers.told(message)
  }

  /** Who wants it says so again: one that asks too soon is heard later. */
  private async leave(): Promise<void> {
    if (this.end === undefined || this.isAlone || this.isLeaving || Date.now() - this.heldSinceMs < TAB_TURN_MS_MIN)
      return
    this.isLeaving = true
    try {
      await this.handlers.lost()
    } finally {
      this.isLeaving = false
      this.end?.()
      this.end = undefined
    }
    if (!this.closing.signal.aborted) this.queue()
  }

  private post(message: TabMessage): void {
    if (!this.closing.signal.aborted) this.channel.post(message)
  }
}

/** That of a page; undefined outside of one, and where it has no locks or may not use channels. */
export function pagePlatform(): TabPlatform | undefined {
  const { document, navigator } = globalThis as Partial<typeof globalThis>
  if (document === undefined || navigator?.locks === undefined || typeof BroadcastChannel === 'undefined')
    return undefined
  try {
    new BroadcastChannel('cairn').close()
  } catch {
    return undefined
  }
  return {
    locks: navigator.locks,
    channel: (name, heard) => {
      const channel = new BroadcastChannel(name)
      channel.addEventListener('message', ({ data }) => heard(data))
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
      return { post: (data) => channel.postMessage(data), close: () => channel.close() }
    },
    onLooked: (looked) => {
      const shown = () => {
        if (document.visibilityState === 'visible') looked()
      }
      globalThis.addEventListener('focus', shown)
      document.addEventListener('visibilitychange', shown)
      return () => {
        globalThis.removeEventListener('focus', shown)
        document.removeEventListener('visibilitychange', shown)
      }
    },
  }
}
