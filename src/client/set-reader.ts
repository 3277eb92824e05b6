/**
 * Verified sets for `for await`: for each that reads, each once, in order; what comes while nobody waits is kept.
 *
 * Tests: test/client/set-reader.test.ts, test/client/shop-client.test.ts
 */

import { UNREAD_SETS_MAX } from '../limits.js'
import { aborted, ClientError } from './client-error.js'
import type { VerifiedSet } from './verify.js'

/** One that reads. */
export class SetReader implements AsyncIterator<VerifiedSet> {
  private readonly queue: VerifiedSet[] = []
  private readonly leave: (reader: SetReader) => void
  private waiting: { resolve(result: IteratorResult<VerifiedSet>): void; reject(error: Error): void } | undefined
  private ended = false
  private error: Error | undefined
  private readonly signal: AbortSignal | undefined
  private readonly onAbort = () => this.fail(aborted(this.signal!))

  constructor(leave: (reader: SetReader) => void, signal?: AbortSignal) {
    this.leave = leave
    this.signal = signal
    signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  give(set: VerifiedSet): void {
    if (this.waiting !== undefined) return this.settle()!.resolve({ value: set, done: false })
    if (this.queue.length < UNREAD_SETS_MAX) this.queue.push(set)
    else this.fail(new ClientError('UNREAD', `${UNREAD_SETS_MAX} sets were not read: read them as they come`))
  }

  end(): void {
    this.ended = true
    this.signal?.removeEventListener('abort', this.onAbort)
    this.settle()?.resolve({ value: undefined, done: true })
  }

  fail(error: Error): void {
    this.error ??= error
    this.signal?.removeEventListener('abort', this.onAbort)
    this.settle()?.reject(error)
  }

  next(): Promise<IteratorResult<VerifiedSet>> {
    const set = this.queue.shift()
    if (set !== undefined) return Promise.resolve({ value: set, done: false })
    if (this.error !== undefined) return Promise.reject(this.error)
    if (this.ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => (this.waiting = { resolve, reject }))
  }

  return(): Promise<IteratorResult<VerifiedSet>> {
    this.leave(this)
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  private settle(): SetReader['waiting'] {
    const { waiting } = this
    this.waiting = undefined
    return waiting
  }
}

/** All that read now. */
export class SetReaders {
  private readonly readers = new Set<SetReader>()
  /** What is told to those that come later too. */
  private end: ((reader: SetReader) => void) | undefined

  reader(signal?: AbortSignal): SetReader {
    const reader = new SetReader((ended) => this.readers.delete(ended), signal)
    if (this.end === undefined) this.readers.add(reader)
    this.end?.(reader)
    return reader
  }

  give(set: VerifiedSet): void {
    for (const reader of this.readers) reader.give(set)
  }

  /** Without an error they end. The first call counts. */
  finish(error?: Error): void {
    this.end ??= (reader) => (error === undefined ? reader.end() : reader.fail(error))
    for (const reader of this.readers) this.end(reader)
  }
}
