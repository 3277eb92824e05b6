/**
 * Who signed a header: recovering keys is most of what a write costs, so batches of it go to worker threads. Answers
 * come in the order of the questions, because a card's nonces rise; a lone question is answered here, at once, and so
 * is a card's only one, however many others ask: it does not wait behind them.
 */

import { Worker } from 'node:worker_threads'
import type { Hex } from '../../bytes/hex.js'
import { signerOf } from '../../patches/patch-set.js'

/** 33 bytes, or undefined if the signature leads to no key. */
export type Signer = Uint8Array | undefined

/** Whose session asks. */
export interface Asker {
  readonly card: Hex
  readonly isGuest: boolean
}

interface Question {
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly card: Hex | undefined
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
/** Only questions of staff's cards, and as many of guests', that are answered here in one turn of the event loop. */
const ONLY_ONES_PER_TURN_MAX = 16

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
  /** Questions of each card that went to the workers and have no answer yet. */
  private readonly unanswered = new Map<Hex, number>()
  /** Cards whose question was answered at once in this turn of the event loop: their next one waits like all others. */
  private readonly answeredAtOnce = { guest: new Set<Hex>(), staff: new Set<Hex>() }

  /** `workers` may be 0. `failed`: a worker died; its questions are answered here. */
  constructor(workers: number, failed: (error: unknown) => void) {
    for (let i = 0; i < workers; i++) {
      const worker = new Worker(new URL('./verifier-worker.js', import.meta.url))
      const entry = { worker, sent: [] as Batch[] }
      worker.on('message', (answers: CheckResponse) => {
        const batch = entry.sent.shift()
        // None: the worker died, and what it had answered before comes after its questions were answered here.
        if (batch !== undefined) this.answered(batch, answers)
      })
      worker.on('error', (error) => {
        this.workers.splice(this.workers.indexOf(entry), 1)
        failed(error)
        for (const batch of entry.sent.splice(0)) this.answered(batch, answersOf(batch.questions))
      })
      // Listening would keep the process alive again: last, so that a relay that does not start lets it end.
      worker.unref()
      this.workers.push(entry)
    }
  }

  /** `done` is called once, possibly before this returns. The bytes must not change until then. */
  check(header: Uint8Array, signature: Uint8Array, done: (signer: Signer) => void, asker?: Asker): void {
    if (this.workers.length === 0) return done(signerOf(header, signature))
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(() => this.send())
    }
    if (asker !== undefined && this.isOnlyOne(asker)) return done(signerOf(header, signature))
    this.asked.push({ header, signature, card: asker?.card, done })
    if (asker !== undefined) this.unanswered.set(asker.card, (this.unanswered.get(asker.card) ?? 0) + 1)
  }

  private isOnlyOne({ card, isGuest }: Asker): boolean {
    const atOnce = isGuest ? this.answeredAtOnce.guest : this.answeredAtOnce.staff
    if (this.unanswered.has(card) || atOnce.has(card) || atOnce.size >= ONLY_ONES_PER_TURN_MAX) return false
    atOnce.add(card)
    return true
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
    this.answeredAtOnce.guest.clear()
    this.answeredAtOnce.staff.clear()
    const asked = this.asked
    this.asked = []
    if (this.batches.length === 0 && asked.length < WORTH_A_MESSAGE) {
      for (const question of asked) this.tell(question, signerOf(question.header, question.signature))
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
      for (const [i, question] of questions.entries()) this.tell(question, keyAt(keys!, i))
    }
  }

  private tell({ card, done }: Question, signer: Signer): void {
    if (card !== undefined) {
      const left = this.unanswered.get(card)! - 1
      if (left > 0) this.unanswered.set(card, left)
      else this.unanswered.delete(card)
    }
    done(signer)
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
