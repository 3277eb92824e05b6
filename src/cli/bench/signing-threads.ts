/**
 * Signs on all cores, so that a run does not take longer to prepare than to make.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { SignedFrames, SigningTask } from './signing.js'

/** Fewer sets are not worth another thread. */
const SETS_PER_TASK_MIN = 256

export class SigningThreads {
  private readonly threads = Array.from({ length: availableParallelism() }, () => {
    const thread = new Worker(new URL('./signing-thread.js', import.meta.url))
    thread.unref()
    return thread
  })

  /** The frames of each task in their order, in one or more pieces. */
  sign(tasks: readonly SigningTask[]): Promise<SignedFrames[][]> {
    let turn = 0
    return Promise.all(
      tasks.map((task) =>
        Promise.all(this.split(task).map((part) => this.signOn(this.threads[turn++ % this.threads.length]!, part))),
      ),
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.terminate()))
  }

  private split(task: SigningTask): SigningTask[] {
    const each = Math.max(SETS_PER_TASK_MIN, Math.ceil(task.sets / this.threads.length))
    const parts: SigningTask[] = []
    for (let first = 0; first < task.sets; first += each) {
      const [firstNonce, firstId] = [task.firstNonce + BigInt(first), task.firstId + BigInt(first)]
      parts.push({ ...task, firstNonce, firstId, sets: Math.min(each, task.sets - first) })
    }
    return parts
  }

  /** A thread answers in the order of the questions. */
  private signOn(thread: Worker, task: SigningTask): Promise<SignedFrames> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(error)
      const answered = (frames: SignedFrames) => {
        if (frames.firstId !== task.firstId || frames.ends.length !== task.sets) return
        thread.off('message', answered)
        thread.off('error', failed)
        resolve(frames)
      }
      thread.on('message', answered)
      thread.on('error', failed)
      thread.postMessage(task, [])
    })
  }
}
