/**
 * Who signed headers: for an audit, which recovers the keys of a whole log, in batches that threads work on. Answers
 * come in the order of the questions.
 */

import { signerOf } from '../../patches/patch-set.js'
import { Threads } from './threads.js'

/** 33 bytes, or undefined if the signature leads to no key. */
export type Signer = Uint8Array | undefined

interface Question {
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly done: (signer: Signer) => void
}

/** A message to a worker: headers one after the other with their lengths, and 65 bytes of signature each. */
export interface CheckRequest {
  readonly headers: Uint8Array
  readonly lengths: Uint32Array
  readonly signatures: Uint8Array
}

/** 33 bytes for each question, zeros where there is no key. */
type CheckResponse = Uint8Array

const KEY_BYTES = 33
const SIGNATURE_BYTES = 65

/** Fewer questions than this are not worth a message. */
const WORTH_A_MESSAGE = 4
/** At most so many a message, so that the first answers do not wait for the last. */
const QUESTIONS_PER_MESSAGE_MAX = 64

export class Verifier {
  private readonly threads: Threads<CheckRequest, CheckResponse>
  private asked: Question[] = []
  private scheduled = false

  /** `workers` may be 0. `failed`: a worker died; its questions are answered here. */
  constructor(workers: number, failed: (error: unknown) => void) {
    const file = new URL('./verifier-worker.js', import.meta.url)
    this.threads = new Threads({ file, count: workers, here: answer, failed })
  }

  /** `done` is called once, possibly before this returns. The bytes must not change until then. */
  check(header: Uint8Array, signature: Uint8Array, done: (signer: Signer) => void): void {
    if (this.threads.count === 0 && !this.busy) return done(signerOf(header, signature))
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(() => this.send())
    }
    this.asked.push({ header, signature, done })
  }

  /** Whether questions wait for their answers. */
  get busy(): boolean {
    return this.asked.length > 0 || this.threads.inFlight > 0
  }

  async close(): Promise<void> {
    await this.threads.close()
  }

  private send(): void {
    this.scheduled = false
    const asked = this.asked
    this.asked = []
    if (this.threads.inFlight === 0 && asked.length < WORTH_A_MESSAGE) {
      for (const { header, signature, done } of asked) done(signerOf(header, signature))
      return
    }
    for (let at = 0; at < asked.length; at += QUESTIONS_PER_MESSAGE_MAX)
      this.sendBatch(asked.slice(at, at + QUESTIONS_PER_MESSAGE_MAX))
  }

  private sendBatch(questions: readonly Question[]): void {
    this.threads.ask(
      () => pack(questions),
      ({ headers, lengths, signatures }) => [headers.buffer, lengths.buffer, signatures.buffer],
      (keys) => {
        for (const [i, { done }] of questions.entries()) done(keyAt(keys, i))
      },
    )
  }
}

/** The answers to a message, made in a worker or, where it died, here. */
export function answer({ headers, lengths, signatures }: CheckRequest): CheckResponse {
  const keys = new Uint8Array(KEY_BYTES * lengths.length)
  let at = 0
  for (const [i, length] of lengths.entries()) {
    const signature = signatures.subarray(i * SIGNATURE_BYTES, (i + 1) * SIGNATURE_BYTES)
    const key = signerOf(headers.subarray(at, at + length), signature)
    if (key !== undefined) keys.set(key, i * KEY_BYTES)
    at += length
  }
  return keys
}

function pack(questions: readonly Question[]): CheckRequest {
  const headers = new Uint8Array(questions.reduce((sum, { header }) => sum + header.length, 0))
  const lengths = new Uint32Array(questions.length)
  const signatures = new Uint8Array(SIGNATURE_BYTES * questions.length)
  let at = 0
  for (const [i, { header, signature }] of questions.entries()) {
    headers.set(header, at)
    at += lengths[i] = header.length
    signatures.set(signature, i * SIGNATURE_BYTES)
  }
  return { headers, lengths, signatures }
}

function keyAt(keys: Uint8Array, i: number): Signer {
  const key = keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES)
  return key[0] === 0 ? undefined : key
}
