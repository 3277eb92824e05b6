/**
 * Who signed a header: recovering keys is most of what a write costs, so batches of it go to worker threads. Answers
 * come in the order of the questions, because a card's nonces rise; a lone question is answered here, at once.
 */

import { Worker } from 'node:worker_threads'
import { signerOf } from '../../patches/patch-set.js'

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

interface Batch {
  readonly questions: readonly Question[]
  answers: CheckResponse | undefined
}

export class Verifier {
  private readonly workers: { readonly worker: Worker; readonly sent: Batch[] }[] = []
  private asked: Question[] = []
  private readonly batches: Batch[] = []
  private scheduled = false
  private turn = 0

  /** `workers` may be 0. `failed`: a worker died; its questions are answered here. */
  constructor(workers: number, failed: (error: unknown) => void) {
    for (let i = 0; i < workers; i++) {
      const worker = new Worker(new URL('./verifier-worker.js', import.meta.url))
      const entry = { worker, sent: [] as Batch[] }
      worker.unref()
      worker.on('message', (answers: CheckResponse) => this.answered(entry.sent.shift()!, answers))
      worker.on('error', (error) => {
        this.workers.splice(this.workers.indexOf(entry), 1)
        failed(error)
        for (const batch of entry.sent.splice(0)) this.answered(batch, answersOf(batch.questions))
      })
      this.workers.push(entry)
    }
  }

  /** `done` is called once, possibly before this returns. The bytes must not change until then. */
  check(header: Uint8Array, signature: Uint8Array, done: (signer: Signer) => void): void {
    if (this.workers.length === 0) return done(signerOf(header, signature))
    this.asked.push({ header, signature, done })
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => this.send())
  }

  /** Whether questions wait for their answers. */
  get busy(): boolean {
    return this.asked.length > 0 || this.batches.length > 0
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.splice(0).map(({ worker }) => worker.terminate()))
  }

  private send(): void {
    this.scheduled = false
    const asked = this.asked
    this.asked = []
    if (this.batches.length === 0 && asked.length < WORTH_A_MESSAGE) {
      for (const { header, signature, done } of asked) done(signerOf(header, signature))
      return
    }
    for (let at = 0; at < asked.length; at += QUESTIONS_PER_MESSAGE_MAX)
      this.sendBatch(asked.slice(at, at + QUESTIONS_PER_MESSAGE_MAX))
  }

  private sendBatch(questions: readonly Question[]): void {
    const batch: Batch = { questions, answers: undefined }
    this.batches.push(batch)
    const entry = this.workers[this.turn++ % Math.max(1, this.workers.length)]
    if (entry === undefined) return this.answered(batch, answersOf(questions))
    entry.sent.push(batch)
    const request = pack(questions)
    entry.worker.postMessage(request, [
      request.headers.buffer,
      request.signatures.buffer,
      request.lengths.buffer,
    ] as ArrayBuffer[])
  }

  /** Passes answers on as far as they are there without a gap. */
  private answered(batch: Batch, answers: CheckResponse): void {
    batch.answers = answers
    while (this.batches[0]?.answers !== undefined) {
      const { questions, answers: keys } = this.batches.shift()!
      for (const [i, { done }] of questions.entries()) done(keyAt(keys!, i))
    }
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

function answersOf(questions: readonly Question[]): CheckResponse {
  return answer(pack(questions))
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
