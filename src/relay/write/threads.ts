/**
 * Worker threads that answer messages, in the order of the messages and each once, whatever becomes of a thread: what
 * one that died had in hand is done here, and another takes its place. One that cannot even start is given up after a
 * few tries: then all is done here.
 *
 * Tests: test/relay/write/verifier.test.ts, test/relay/write/set-checker.test.ts
 */

import { Worker } from 'node:worker_threads'

/** Threads that die one after the other without an answer from any of them. */
const DEATHS_IN_A_ROW_MAX = 3

interface ThreadsOptions<Q, A> {
  /** Of a module that answers every message with one of its own. */
  readonly file: URL
  readonly count: number
  /** What a thread does. */
  readonly here: (question: Q) => A
  /** A thread died. */
  readonly failed: (error: unknown) => void
}

interface Message<Q, A> {
  readonly question: () => Q
  readonly done: (answer: A) => void
  answer: A | undefined
}

interface Thread<Q, A> {
  readonly worker: Worker
  readonly sent: Message<Q, A>[]
}

export class Threads<Q, A extends object> {
  private readonly options: ThreadsOptions<Q, A>
  private readonly threads: Thread<Q, A>[] = []
  /** In the order in which they were asked. */
  private readonly waiting: Message<Q, A>[] = []
  private deaths = 0
  private closed = false

  constructor(options: ThreadsOptions<Q, A>) {
    this.options = options
    for (let i = 0; i < options.count; i++) this.start()
  }

  /** Threads that live. */
  get count(): number {
    return this.threads.length
  }

  /** Messages without an answer. */
  get inFlight(): number {
    return this.waiting.length
  }

  /**
   * `done` is called once, possibly before this returns. `question` makes the message: its buffers go to the thread,
   * and of a thread that dies it is made once more.
   */
  ask(question: () => Q, buffersOf: (question: Q) => ArrayBufferLike[], done: (answer: A) => void): void {
    const message: Message<Q, A> = { question, done, answer: undefined }
    this.waiting.push(message)
    const thread = this.leastBusy()
    if (thread === undefined) return this.answered(message, this.options.here(question()))
    thread.sent.push(message)
    const asked = question()
    thread.worker.postMessage(asked, buffersOf(asked) as ArrayBuffer[])
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.all(this.threads.splice(0).map(({ worker }) => worker.terminate()))
  }

  private start(): void {
    const worker = new Worker(this.options.file)
    const thread: Thread<Q, A> = { worker, sent: [] }
    worker.on('message', (answer: A) => {
      this.deaths = 0
      const message = thread.sent.shift()
      // None: the thread died, and what it had answered before comes after its messages were answered here.
      if (message !== undefined) this.answered(message, answer)
    })
    worker.on('error', (error) => this.died(thread, error))
    // Listening would keep the process alive again: last, so that a relay that does not start lets it end.
    worker.unref()
    this.threads.push(thread)
  }

  private died(thread: Thread<Q, A>, error: unknown): void {
    const place = this.threads.indexOf(thread)
    if (place >= 0) this.threads.splice(place, 1)
    this.options.failed(error)
    if (!this.closed && ++this.deaths < DEATHS_IN_A_ROW_MAX) this.start()
    for (const message of thread.sent.splice(0)) this.answered(message, this.options.here(message.question()))
  }

  private leastBusy(): Thread<Q, A> | undefined {
    let least = this.threads[0]
    for (const thread of this.threads) if (thread.sent.length < least!.sent.length) least = thread
    return least
  }

  /** Passes answers on as far as they are there without a gap. */
  private answered(message: Message<Q, A>, answer: A): void {
    message.answer = answer
    while (this.waiting[0]?.answer !== undefined) {
      const first = this.waiting.shift()!
      first.done(first.answer!)
    }
  }
}
