/**
 * Who signed what, asked of worker threads, which run what is built: every question is answered once and in its turn,
 * whatever becomes of a worker.
 */

import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as threads from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { publicKeyOf } from '../../../src/bytes/signature.node.js'
import { toHex } from '../../../src/bytes/hex.js'
import { signerOf, signPatches } from '../../../src/patches/patch-set.js'
import { Verifier, type Asker, type Signer } from '../../../src/relay/write/verifier.js'
import { filled } from '../../fixtures/sample-shop.js'

interface Spied {
  /** Before its message of this number, from 1, it gets one that it fails at. */
  diesAt: number
  sent: number
  answered: number
}

/** One for each worker, in the order in which they are started. */
const workers = vi.hoisted((): Spied[] => [])
const deaths = vi.hoisted((): number[] => [])
const late = vi.hoisted((): boolean[] => [])

vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof threads>()
  class Worker extends real.Worker {
    private readonly held: unknown[][] = []
    private isDead = false
    private readonly spied: Spied = { diesAt: deaths[workers.length] ?? 0, sent: 0, answered: 0 }

    constructor(file: URL, options?: threads.WorkerOptions) {
      super(builtOf(file), options)
      workers.push(this.spied)
      this.on('message', () => this.spied.answered++)
    }

    /** With `late`, answers come after the worker's death, as two ports of a worker may be read in either order. */
    override emit(event: string | symbol, ...values: unknown[]): boolean {
      if (event === 'message' && late.includes(true) && !this.isDead) return this.held.push(values) > 0
      this.isDead ||= event === 'error'
      const told = super.emit(event, ...values)
      if (event === 'error') for (const answers of this.held.splice(0)) super.emit('message', ...answers)
      return told
    }

    override postMessage(value: unknown, transfer?: readonly threads.Transferable[]): void {
      if (++this.spied.sent === this.spied.diesAt) super.postMessage('no request', [])
      super.postMessage(value, transfer)
    }
  }
  return { ...real, Worker }
})

function builtOf(file: URL): URL {
  const name = file.pathname.slice(file.pathname.lastIndexOf('/'))
  return pathToFileURL(join(resolve(import.meta.dirname, '../../../dist/relay/write'), name))
}

const SECRETS = [filled(32, 1), filled(32, 2), filled(32, 3)]

interface Question {
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly signer: Signer
}

/**
 * Headers of different length, signed by three cards in turn; every fifth signature leads to another key or to none.
 */
const QUESTIONS: readonly Question[] = Array.from({ length: 1_000 }, (_, i) => {
  const secret = SECRETS[i % 3]!
  const nonce = 10n ** BigInt(i % 15) + BigInt(i)
  const set = { shopId: 1n, nonce, timestamp: 1_800_000_000n, patches: [Uint8Array.of(i & 0xff)] }
  const { headerBytes, signature } = signPatches(set, secret)
  if (i % 5 !== 4) return { header: headerBytes, signature, signer: publicKeyOf(secret) }
  const wrong = i % 2 === 0 ? filled(65, 0xff) : signature.with(40, signature[40]! ^ 1)
  return { header: headerBytes, signature: wrong, signer: signerOf(headerBytes, wrong) }
})

const text = (signer: Signer) => (signer === undefined ? 'nobody' : toHex(signer))

class Asked {
  readonly failures: unknown[] = []
  /** By number of the question, as they came. */
  readonly answers: (readonly [question: number, signer: string])[] = []
  readonly verifier: Verifier

  constructor(count: number) {
    this.verifier = new Verifier(count, (error) => this.failures.push(error))
  }

  ask(from: number, to: number, asker?: Asker): void {
    for (let i = from; i < to; i++) {
      const { header, signature } = QUESTIONS[i]!
      this.verifier.check(header, signature, (signer) => this.answers.push([i, text(signer)]), asker)
    }
  }

  /** Once so many answers came, and none of the rest follows. */
  async until(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.answers.length).toBeGreaterThanOrEqual(count), 20_000)
    await vi.waitFor(() => expect(this.verifier.busy).toBe(false), 20_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const expected = (count: number) => QUESTIONS.slice(0, count).map(({ signer }, i) => [i, text(signer)] as const)

let asked: Asked

beforeEach(() => {
  workers.length = 0
  deaths.length = 0
  late.length = 0
})
afterEach(() => asked.verifier.close())

it('the questions of this test have right answers, wrong ones and none', () => {
  asked = new Asked(0)
  asked.ask(0, 1_000)
  expect(asked.answers).toEqual(expected(1_000))
  const known = new Set(SECRETS.map((secret) => toHex(publicKeyOf(secret))))
  const kinds = asked.answers.map(([, signer]) => (signer === 'nobody' ? signer : known.has(signer)))
  expect([true, false, 'nobody'].map((kind) => kinds.filter((one) => one === kind).length)).toEqual([800, 100, 100])
})

describe('workers', () => {
  it.each([1, 2, 3])('%i answer in the order of the questions', async (count) => {
    asked = new Asked(count)
    asked.ask(0, 1_000)
    await asked.until(1_000)
    expect(asked.answers).toEqual(expected(1_000))
    expect(asked.failures).toEqual([])
    expect(workers.map(({ sent, answered }) => sent === answered && sent >= 5)).toEqual(
      Array.from({ length: count }, () => true),
    )
  })

  it.each([
    ['one of two, at its first message', [1, 0]],
    ['one of two, in the middle', [0, 4]],
    ['both, one after the other', [2, 6]],
    ['the only one', [8]],
  ])('that die leave no question behind: %s', async (_name, at) => {
    deaths.push(...at)
    asked = new Asked(at.length)
    asked.ask(0, 1_000)
    await asked.until(1_000)
    expect(asked.answers).toEqual(expected(1_000))
    expect(asked.failures).toEqual(at.filter((number) => number > 0).map(() => expect.any(TypeError)))
    // What came before its death a worker answered itself.
    const most = at.map((number, i) => (number > 0 ? number - 1 : workers[i]!.sent))
    for (const [i, { answered }] of workers.entries()) expect(answered).toBeLessThanOrEqual(most[i]!)
    expect(workers[0]!.answered + (workers[1]?.answered ?? 0)).toBeGreaterThan(0)
  })

  it.each([
    ['the only one', [4]],
    ['both', [3, 3]],
  ])('that die and whose answers are read afterwards answer nothing twice: %s', async (_name, at) => {
    deaths.push(...at)
    late.push(true)
    asked = new Asked(at.length)
    asked.ask(0, 1_000)
    await asked.until(1_000)
    expect(asked.answers).toEqual(expected(1_000))
    const sent = at.map((number) => number - 1)
    await vi.waitFor(() => expect(workers.map(({ answered }) => answered)).toEqual(sent), 20_000)
    expect(asked.answers).toHaveLength(1_000)
  })

  it('that die are asked nothing afterwards, and questions that come meanwhile keep their turn', async () => {
    deaths.push(2, 0)
    asked = new Asked(2)
    for (let from = 0; from < 900; from += 100) {
      asked.ask(from, from + 100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await asked.until(900)
    const { sent } = workers[0]!
    asked.ask(900, 1_000)
    await asked.until(1_000)
    expect(asked.answers).toEqual(expected(1_000))
    expect(asked.failures).toHaveLength(1)
    expect(workers[0]!.sent).toBe(sent)
    expect(workers[1]!.answered).toBe(workers[1]!.sent)
  })
})

describe('the only question of a card', () => {
  const card = (name: number, isGuest = false): Asker => ({ card: name.toString(16), isGuest })
  const answered = () => asked.answers.map(([question]) => question)

  it('is answered at once behind five hundred of another card, whose next one is not', async () => {
    asked = new Asked(1)
    asked.ask(0, 500, card(1))
    asked.ask(500, 501, card(2))
    // The first one of a card that goes on to ask was its only one when it came.
    expect(answered()).toEqual([0, 500])
    asked.ask(501, 502, card(2))
    await new Promise((resolve) => setImmediate(resolve))
    asked.ask(502, 503, card(2))
    expect(answered()).not.toContain(502)
    await asked.until(503)
    const sorted = [...asked.answers].sort(([a], [b]) => a - b)
    expect(sorted).toEqual(expected(503))
    for (const own of [answered().filter((i) => i < 500), answered().filter((i) => i >= 500)])
      expect(own).toEqual([...own].sort((a, b) => a - b))
    asked.ask(503, 504, card(2))
    expect(answered().at(-1)).toBe(503)
  })

  it('is answered at once sixteen times in a turn for guests, and sixteen times for staff', async () => {
    asked = new Asked(1)
    for (let i = 0; i < 20; i++) asked.ask(i, i + 1, card(i, true))
    expect(answered()).toHaveLength(16)
    for (let i = 20; i < 40; i++) asked.ask(i, i + 1, card(i))
    expect(answered()).toHaveLength(32)
    await asked.until(40)
    for (let i = 40; i < 60; i++) asked.ask(i, i + 1, card(i, true))
    expect(answered()).toHaveLength(56)
    await asked.until(60)
  })
})
