/**
 * Sets that threads check, which run what is built: each gets the verdict that it gets here, once and in its card's
 * order, whatever becomes of a thread; a card that writes much waits for itself.
 */

import { inspect } from 'node:util'
import type * as threads from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { utf8 } from '../../../src/bytes/bytes.js'
import { sha256 } from '../../../src/bytes/hash.node.js'
import { publicKeyOf } from '../../../src/bytes/signature.node.js'
import { toHex } from '../../../src/bytes/hex.js'
import { encode } from '../../../src/codec/encode.js'
import { encodeChange, type Change } from '../../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../../src/patches/patch-set.js'
import { checkSet, type CheckedSet, type Expectation } from '../../../src/relay/write/ingest.js'
import { checkPacked, packSets, unpackVerdicts } from '../../../src/relay/write/packed-sets.js'
import { SetChecker } from '../../../src/relay/write/set-checker.js'
import { deaths, forgetWorkers, workers } from '../../fixtures/mortal-workers.js'
import { filled, map } from '../../fixtures/sample-shop.js'
import { TestClock } from '../../fixtures/turned-clock.js'

vi.mock('node:worker_threads', async (original) => {
  const { mortalWorkers } = await import('../../fixtures/mortal-workers.js')
  return mortalWorkers(await original<typeof threads>())
})

const SHOP = 77n
const NOW = 1_800_000_000n
const SECRETS = [1, 2, 3, 4].map((byte) => filled(32, byte))
const EXPECTED: readonly Expectation[] = SECRETS.map((secret, i) => ({
  shopId: SHOP,
  card: publicKeyOf(secret),
  isGuest: i === 2,
}))

const change = (i: number): Change =>
  i % 3 === 0
    ? { op: 'add', path: ['Tags', `tag ${i}`], value: map({ Name: `tag ${i}` }) }
    : i % 3 === 1
      ? { op: 'remove', path: ['Inventory', BigInt(i), `${i}`] }
      : { op: 'replace', path: ['Orders', 2n ** 60n + BigInt(i), 'Items', filled(20, i)], value: BigInt(i) }

function setOf(card: number, nonce: bigint, patches: readonly Uint8Array[], more: { timestamp?: bigint } = {}) {
  const signed = signPatches({ shopId: SHOP, nonce, timestamp: NOW, patches, ...more }, SECRETS[card]!)
  return { ...signed, patches, bytes: encodePatchSet(signed.headerBytes, signed.signature, patches) }
}

const patchesOf = (count: number) => Array.from({ length: count }, (_, i) => encodeChange(change(i)))

/** Good sets of one to ninety patches, nonces up to 2^64 − 1, and of each kind of refusal one. */
function sample(i: number): { card: number; received: Uint8Array } {
  const card = i % 4
  const nonce = i % 7 === 0 ? 2n ** 64n - 1n - BigInt(i) : BigInt(i + 1)
  const set = setOf(card, nonce, patchesOf(i % 40 === 0 ? (i % 90) + 1 : 1))
  const { headerBytes, signature, patches, bytes } = set
  const damaged = [
    () => bytes.with(bytes.length - 1, 0xff),
    () => bytes.subarray(0, i % bytes.length),
    () => encodePatchSet(headerBytes, signature, [...patches, patches[0]!]),
    () => encodePatchSet(headerBytes, filled(65, 0xff), patches),
    () => encodePatchSet(headerBytes, signature.with(40, signature[40]! ^ 1), patches),
    () => setOf(card, nonce, patches, { timestamp: NOW + 10_000n }).bytes,
    () => setOf((card + 1) % 4, nonce, patches).bytes,
    () => setOf(card, nonce, patchesOf(257)).bytes,
    () => setOf(card, nonce, [encode(map({ Op: 'add', Path: [] }))]).bytes,
    () => new Uint8Array(0),
  ]
  return { card, received: i % 3 === 1 ? damaged[Math.floor(i / 3) % damaged.length]!() : bytes }
}

/** A refusal, or all that can be seen of a set, as one hash. */
function told(outcome: CheckedSet | string): string {
  return typeof outcome === 'string' ? outcome : `set ${toHex(sha256(utf8(stringOf(outcome))))}`
}

function stringOf(outcome: CheckedSet): string {
  const { nonce, headerBytes, signature, patches, tree, signer } = outcome
  const texts = patches.map(({ op, path, value, bytes }, place) =>
    [op, inspect(path), inspect(value), toHex(bytes), toHex(tree.proof(place))].join(),
  )
  return [nonce, ...[headerBytes, signature, signer, tree.root].map(toHex), ...texts].join()
}

const SETS = Array.from({ length: 600 }, (_, i) => sample(i))
const VERDICTS = SETS.map(({ card, received }) => told(checkSet(received, EXPECTED[card]!, NOW)))

class Asked {
  readonly bugs: unknown[] = []
  /** By number of the set, as they came. */
  readonly answers: (readonly [set: number, verdict: string])[] = []
  readonly checker: SetChecker

  constructor(count: number) {
    const clock = new TestClock(Number(NOW) * 1_000)
    this.checker = new SetChecker({ threads: count, clock, onBug: (bug) => this.bugs.push(bug) })
  }

  ask(from: number, to: number): void {
    for (let i = from; i < to; i++) this.askAs(i, SETS[i]!.card)
  }

  askAs(i: number, card: number): void {
    this.checker.check(SETS[i]!.received, EXPECTED[card]!, (outcome) => this.answers.push([i, told(outcome)]))
  }

  get answered(): number[] {
    return this.answers.map(([set]) => set)
  }

  /** Once so many answers came, and none of the rest follows. */
  async until(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.answers.length).toBeGreaterThanOrEqual(count), 60_000)
    await vi.waitFor(() => expect(this.checker.busy).toBe(false), 60_000)
    await new Promise((resolve) => setImmediate(resolve))
  }

  expectAll(): void {
    expect([...this.answers].sort(([a], [b]) => a - b)).toEqual(VERDICTS.map((verdict, i) => [i, verdict]))
    for (let card = 0; card < 4; card++) {
      const own = this.answered.filter((i) => SETS[i]!.card === card)
      expect(own).toEqual([...own].sort((a, b) => a - b))
    }
  }
}

let asked: Asked

beforeEach(forgetWorkers)
afterEach(() => asked.checker.close())

it('the sets of this test have every kind of refusal, and more good ones', () => {
  asked = new Asked(0)
  const refusals = VERDICTS.filter((verdict) => !verdict.startsWith('set '))
  expect(refusals.length).toBeGreaterThan(150)
  expect(refusals.length).toBeLessThan(300)
  for (const kind of [/guest's set/u, /future/u, /RootHash/u, /leads to no key/u, /not of this session/u, /Path/u])
    expect(refusals.some((refusal) => kind.test(refusal))).toBe(true)
})

describe('threads', () => {
  it.each([0, 1, 2, 3])(
    '%i give each set the verdict that it gets here, and keep the order of each card',
    async (n) => {
      asked = new Asked(n)
      asked.ask(0, 600)
      await asked.until(600)
      asked.expectAll()
      expect(asked.bugs).toEqual([])
      expect(workers.every(({ sent, answered }) => sent === answered && sent > 0)).toBe(true)
    },
  )

  it.each([
    ['one of two, at its first message', [1, 0]],
    ['both, one after the other', [2, 3]],
    ['the only one', [2]],
  ])('that die leave no set behind, answer none twice, and are replaced: %s', async (_name, at) => {
    deaths.push(...at)
    asked = new Asked(at.length)
    asked.ask(0, 300)
    await new Promise((resolve) => setImmediate(resolve))
    asked.ask(300, 600)
    await asked.until(600)
    asked.expectAll()
    const died = at.filter((number) => number > 0).length
    expect(asked.bugs).toHaveLength(died)
    expect(workers).toHaveLength(at.length + died)
  })
})

describe('the only set of a card', () => {
  it('is checked at once behind five hundred of another card, whose next one is not', async () => {
    asked = new Asked(1)
    for (let i = 0; i < 500; i++) asked.askAs(i, 0)
    asked.askAs(500, 1)
    // The first one of a card that goes on to ask was its only one when it came.
    expect(asked.answered).toEqual([0, 500])
    asked.askAs(501, 1)
    asked.askAs(502, 1)
    expect(asked.answered).toHaveLength(2)
    await asked.until(503)
    // Cards share the threads by what their sets cost: it does not wait for those that came before.
    expect(asked.answered.indexOf(502)).toBeLessThan(100)
    expect(asked.answered.filter((i) => i < 500)).toEqual(Array.from({ length: 500 }, (_, i) => i))
    asked.askAs(503, 1)
    expect(asked.answered.at(-1)).toBe(503)
  })

  it('is checked at once four times in a turn for guests, and four times for staff', async () => {
    asked = new Asked(1)
    const askFrom = (card: number, isGuest: boolean) => {
      const expected = { shopId: SHOP, card: filled(33, card), isGuest }
      asked.checker.check(SETS[0]!.received, expected, () => asked.answers.push([card, '']))
    }
    for (let i = 0; i < 20; i++) askFrom(i, true)
    expect(asked.answers).toHaveLength(4)
    for (let i = 20; i < 40; i++) askFrom(i, false)
    expect(asked.answers).toHaveLength(8)
    await asked.until(40)
    for (let i = 40; i < 60; i++) askFrom(i, true)
    expect(asked.answers).toHaveLength(44)
    await asked.until(60)
  })

  it('is left to the threads if it is large', async () => {
    asked = new Asked(1)
    const received = setOf(0, 1n, patchesOf(400)).bytes
    expect(received.length).toBeGreaterThan(16_384)
    let outcome: CheckedSet | string | undefined
    asked.checker.check(received, EXPECTED[0]!, (checked) => (outcome = checked))
    expect(outcome).toBeUndefined()
    await vi.waitFor(() => expect(outcome).toMatchObject({ nonce: 1n }), 60_000)
    expect(workers[0]!.answered).toBe(1)
  })
})

it('a bug at one set is told of and leaves the others as they are', () => {
  asked = new Asked(0)
  const set = { received: SETS[0]!.received, expected: EXPECTED[0]! }
  const sets = [set, set, { ...set, received: new Uint8Array(1) }, set]
  const packed = packSets(sets, NOW)
  // The second set is of a session that there is not.
  packed.sets[3] = 1
  const verdicts = unpackVerdicts(checkPacked(packed), sets)
  expect(verdicts[1]).toEqual({ bug: expect.any(TypeError) })
  expect(verdicts[2]).toEqual(expect.any(String))
  for (const place of [0, 3]) expect(told(verdicts[place] as CheckedSet)).toEqual(VERDICTS[0])
})
