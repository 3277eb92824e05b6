/**
 * Whose turn it is at the writer: staff first, then the relay's own sets, then guests; each as long as it has not used
 * its share of the writer's time while others wait. Within a kind lanes share by time too (fair-queue.ts).
 *
 * Tests: test/relay/write/turns.test.ts, test/relay/write/writer.test.ts
 */

import { FairQueue } from './fair-queue.js'

export type Kind = 'staff' | 'own' | 'guest'

/** Milliseconds of a round, in the order of precedence: guests get a fifth when all have much to do. */
const SHARES: readonly (readonly [Kind, number])[] = [
  ['staff', 4],
  ['own', 4],
  ['guest', 2],
]

interface Class<T> {
  readonly kind: Kind
  readonly share: number
  readonly queue: FairQueue<T>
  /** What is left of the round; below 0: a debt. */
  credit: number
}

export class Turns<T> {
  private readonly classes: readonly Class<T>[] = SHARES.map(([kind, share]) => ({
    kind,
    share,
    queue: new FairQueue<T>(),
    credit: share,
  }))
  private served: Class<T> | undefined

  get size(): number {
    let size = 0
    for (const { queue } of this.classes) size += queue.size
    return size
  }

  push(kind: Kind, lane: string, item: T): void {
    this.queueOf(kind).push(lane, item)
  }

  /** What comes next; undefined if there is nothing. */
  take(): T | undefined {
    this.served = this.classes.find(isNext)
    if (this.served === undefined) {
      const waiting = this.classes.filter(({ queue }) => queue.size > 0)
      if (waiting.length === 0) return undefined
      this.beginRound(waiting)
      this.served = this.classes.find(isNext)
    }
    return this.served?.queue.take()
  }

  /** Milliseconds that the item which was taken last has taken. */
  spent(ms: number): void {
    if (this.served === undefined) return
    this.served.queue.spent(ms)
    this.served.credit -= ms
    this.served = undefined
    // Nobody waits whom a debt could be owed to.
    if (this.size === 0) for (const one of this.classes) one.credit = one.share
  }

  /** As many rounds as it takes until one of those that wait has paid its debt; nobody saves up. */
  private beginRound(waiting: readonly Class<T>[]): void {
    const rounds = Math.min(...waiting.map(({ credit, share }) => Math.floor(-credit / share) + 1))
    for (const one of this.classes) one.credit = Math.min(one.share, one.credit + rounds * one.share)
  }

  private queueOf(kind: Kind): FairQueue<T> {
    return this.classes.find((one) => one.kind === kind)!.queue
  }
}

function isNext({ credit, queue }: Class<unknown>): boolean {
  return credit > 0 && queue.size > 0
}
