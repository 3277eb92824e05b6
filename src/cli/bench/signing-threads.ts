/**
 * Signs on all cores, so that a run does not take longer to prepare than to make.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { SignedFrames, SigningTask } from './signing.js'

/** Sets of one piece: a thread is never ended in the middle of one, and is waited for. */
const SETS_PER_PIECE = 512

interface Piece {
  readonly task: SigningTask
  readonly resolve: (frames: SignedFrames) => void
  readonly reject: (error: Error) => void
}

export class SigningThreads {
  private readonly idle: Worker[] = []
  private readonly busy = new Map<Worker, Piece>()
  private waiting: Piece[] = []
  private onIdle: () => void = () => undefined

  constructor() {
    for (let i = 0; i < availableParallelism(); i++) this.idle.push(this.start())
  }

  /** The frames of each task in their order, in one or more pieces. */
  sign(tasks: readonly SigningTask[]): Promise<SignedFrames[][]> {
    const all = Promise.all(tasks.map((task) => Promise.all(piecesOf(task).map((piece) => this.signPiece(piece)))))
    this.dispatch()
    return all
  }

  /** What was not begun is left. */
  async close(): Promise<void> {
    this.waiting = []
    if (this.busy.size > 0) await new Promise<void>((resolve) => (this.onIdle = resolve))
    await Promise.all(this.idle.map((thread) => thread.terminate()))
  }

  private start(): Worker {
    const thread = new Worker(new URL('./signing-thread.js', import.meta.url))
    const done = (): Piece | undefined => {
      const piece = this.busy.get(thread)
      this.busy.delete(thread)
      return piece
    }
    thread.on('message', (frames: SignedFrames) => {
      done()?.resolve(frames)
      this.idle.push(thread)
      this.dispatch()
    })
    thread.on('error', (error: Error) => {
      done()?.reject(error)
      this.dispatch()
    })
    return thread
  }

  private signPiece(task: SigningTask): Promise<SignedFrames> {
    return new Promise((resolve, reject) => this.waiting.push({ task, resolve, reject }))
  }

  private dispatch(): void {
    while (this.idle.length > 0 && this.waiting.length > 0) {
      const [thread, piece] = [this.idle.pop()!, this.waiting.shift()!]
      this.busy.set(thread, piece)
      thread.postMessage(piece.task, [])
    }
    if (this.busy.size === 0) this.onIdle()
  }
}

function piecesOf(task: SigningTask): SigningTask[] {
  const pieces: SigningTask[] = []
  for (let first = 0; first < task.sets; first += SETS_PER_PIECE) {
    const [firstNonce, firstId] = [task.firstNonce + BigInt(first), task.firstId + BigInt(first)]
    pieces.push({ ...task, firstNonce, firstId, sets: Math.min(SETS_PER_PIECE, task.sets - first) })
  }
  return pieces
}
