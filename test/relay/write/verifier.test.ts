/**
 * Who signed what, asked of worker threads, which run what is built: every question is answered once and in its turn,
 * whatever becomes of a worker.
 */

import type * as threads from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { publicKeyOf } from '../../../src/bytes/signature.node.js'
import { toHex } from '../../../src/bytes/hex.js'
import { signerOf, signPatches } from '../../../src/patches/patch-set.js'
import { Verifier, type Signer } from '../../../src/relay/write/verifier.js'
import { deaths, forgetWorkers, late, workers } from '../../fixtures/mortal-workers.js'
import { filled } from '../../fixtures/sample-shop.js'

vi.mock('node:worker_threads', async (original) => {
  const { mortalWorkers } = await import('../../fixtures/mortal-workers.js')
  return mortalWorkers(await original<typeof threads>())
})

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

  ask(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const { header, signature } = QUESTIONS[i]!
      this.verifier.check(header, signature, (signer) => this.answers.push([i, text(signer)]))
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

beforeEach(forgetWorkers)
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
    const most = workers.map(({ sent }, i) => ((at[i] ?? 0) > 0 ? at[i]! - 1 : sent))
    for (const [i, { answered }] of workers.entries()) expect(answered).toBeLessThanOrEqual(most[i]!)
    expect(workers).toHaveLength(at.length + at.filter((number) => number > 0).length)
    expect(workers.reduce((sum, { answered }) => sum + answered, 0)).toBeGreaterThan(0)
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
    const answeredOf = () => workers.slice(0, at.length).map(({ answered }) => answered)
    await vi.waitFor(() => expect(answeredOf()).toEqual(sent), 20_000)
    expect(asked.answers).toHaveLength(1_000)
  })

  it('that die are replaced, and questions that come meanwhile keep their turn', async () => {
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
    // The dead one is asked nothing, the one in its place answers.
    expect(workers).toHaveLength(3)
    expect(workers[0]!.sent).toBe(sent)
    for (const { answered, sent: asksOfIt } of workers.slice(1)) expect(answered).toBe(asksOfIt)
    expect(workers[2]!.answered).toBeGreaterThan(0)
  })

  it('that die again and again before they answer are given up, and all is answered here', async () => {
    deaths.push(1, 1, 1)
    asked = new Asked(1)
    for (let from = 0; from < 1_000; from += 100) {
      asked.ask(from, from + 100)
      await vi.waitFor(() => expect(asked.answers).toHaveLength(from + 100), 20_000)
    }
    expect(asked.answers).toEqual(expected(1_000))
    expect(workers).toHaveLength(3)
    expect(asked.failures).toHaveLength(3)
  })
})
