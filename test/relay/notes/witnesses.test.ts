/** A relay's notes and a witness of the tests' own, over HTTP. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { treeConsistency } from '../../../src/notes/forms.js'
import { readWitnessKey } from '../../../src/notes/cosignature.js'
import { readWitnesses, Witnesses } from '../../../src/relay/notes/witnesses.js'
import type { NotedLog } from '../../../src/relay/notes/shop-notes.js'
import { filled, NotedLog as Log, refusal } from '../../fixtures/noted-log.js'
import { TestClock } from '../../fixtures/turned-clock.js'
import { CosigningKey, TestWitness } from '../../fixtures/witness.js'

const log = new Log(40)
let witness: TestWitness
let clock: TestClock
let told: string[]
let size: number
let witnesses: Witnesses
const closing: (() => Promise<void>)[] = []

beforeEach(async () => {
  witness = await TestWitness.start()
  closing.push(() => witness.close())
  clock = new TestClock(1_800_000_000_000)
  told = []
  size = 5
  witnesses = started(witness.setting)
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function started(setting: string): Witnesses {
  const made = new Witnesses({
    witnesses: readWitnesses(setting),
    intervalSeconds: 10,
    newest: async () => noted(),
    clock,
    log: {
      info: () => undefined,
      warn: (event) => void told.push(event),
      error: (event, error) => void told.push(`${event}: ${(error as Error).message}`),
    },
  })
  closing.push(() => made.stop())
  return made
}

function noted(): NotedLog {
  const now = size
  return { size: now, note: log.note(now), consistencyFrom: (from) => treeConsistency(from, now, log.read) }
}

/** The test's own time limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Turning the clock on the way. */
async function untilLater(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await clock.turn(1_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const names = (of: number) => witnesses.cosignatures(77n, of).map(({ witness: { name } }) => name)

describe('a witness', () => {
  it('is shown the newest note, and its cosignature is kept', async () => {
    witnesses.signed(77n)
    await until(() => names(5).length === 1)
    expect(witness.seen).toEqual([{ origin: log.origin, old: 0, size: 5, status: 200 }])
    expect(names(5)).toEqual(['witness.example'])
    expect([names(4), witnesses.cosignatures(78n, 5)]).toEqual([[], []])
    expect(told).toEqual([])
  })

  it('sees a shop every ten seconds, with what leads from the last size', async () => {
    witnesses.signed(77n)
    await until(() => names(5).length === 1)
    size = 9
    witnesses.signed(77n)
    witnesses.signed(77n)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(witness.seen).toHaveLength(1)
    size = 12
    await clock.turn(9_999)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(witness.seen).toHaveLength(1)
    await clock.turn(1)
    await until(() => names(12).length === 1)
    expect(witness.seen.at(-1)).toEqual({ origin: log.origin, old: 5, size: 12, status: 200 })
  })

  it('gets one request at a time, of all shops', async () => {
    witness.delayMs = 20
    for (let shop = 1n; shop <= 5n; shop++) witnesses.signed(shop)
    await until(() => witness.seen.length === 5)
    expect(witness.most).toBe(1)
  })

  it('that knows a size not above ours is tried again from there', async () => {
    witness.trees.set(log.origin, { size: 3, root: log.head(3).root })
    witnesses.signed(77n)
    await until(() => names(5).length === 1)
    expect(witness.seen.map(({ old, status }) => [old, status])).toEqual([
      [0, 409],
      [3, 200],
    ])
    expect(told).toEqual([])
  })

  it('that knows this size cosigns again', async () => {
    witness.trees.set(log.origin, { size: 5, root: log.head(5).root })
    witnesses.signed(77n)
    await until(() => names(5).length === 1)
    expect(witness.seen.map(({ old }) => old)).toEqual([0, 5])
  })

  it('that knows a larger size is an alarm, until it cosigns', async () => {
    witness.trees.set(log.origin, { size: 8, root: log.head(8).root })
    witnesses.signed(77n)
    await until(() => told.length === 1)
    expect(told[0]).toContain('ALARM')
    expect(witnesses.alarms).toEqual(['the witness witness.example knows a log of 8 sets of shop 77; here are 5'])
    size = 9
    await untilLater(() => names(9).length === 1)
    expect(witnesses.alarms).toEqual([])
  })

  it('that refuses is told of once, and asked again', async () => {
    witness.trees.set(log.origin, { size: 3, root: filled(1) })
    witnesses.signed(77n)
    await until(() => told.length === 1)
    expect(told[0]).toContain('answers 422')
    await untilLater(() => witness.seen.length >= 3)
    expect(told).toHaveLength(1)
    witness.trees.clear()
    await untilLater(() => names(5).length === 1)
  })

  it.each([
    ['no cosignature', { status: 200, text: '' }, 'without a cosignature'],
    [
      'of another text',
      { status: 200, text: `${new CosigningKey('witness.example', 77).line('x\n')}\n` },
      'does not verify',
    ],
    ['a conflict without a size', { status: 409, text: 'what' }, '409 without a size'],
    ['a redirect', { status: 302, text: '' }, 'cannot be reached'],
    ['too much', { status: 200, text: 'x'.repeat(20_000) }, 'over 16384 bytes'],
  ])('that answers %s is not believed', async (_name, instead, said) => {
    witness.instead = instead
    witnesses.signed(77n)
    await until(() => told.length === 1)
    expect(told[0]).toContain(said)
    expect(names(5)).toEqual([])
  })

  it('that is away holds up nothing: the other one is asked', async () => {
    const away = new CosigningKey('away.example', 1)
    witnesses = started(`http://127.0.0.1:1 ${away.vkey},${witness.setting}`)
    witnesses.signed(77n)
    await until(() => names(5).length === 1)
    await until(() => told.some((line) => line.includes('cannot be reached')))
  })

  it('is not asked any more when the relay stops', async () => {
    witness.delayMs = 5_000
    witnesses.signed(77n)
    await new Promise((resolve) => setTimeout(resolve, 30))
    await witnesses.stop()
    witnesses.signed(77n)
    expect(names(5)).toEqual([])
  })
})

describe('the setting', () => {
  const [one, two] = [new CosigningKey('a.example', 1), new CosigningKey('b.example', 2)]

  it('names URLs and keys', () => {
    expect(readWitnesses(`https://a.example/ ${one.vkey}, https://b.example ${two.vkey}`)).toEqual([
      { url: 'https://a.example', key: readWitnessKey(one.vkey) },
      { url: 'https://b.example', key: readWitnessKey(two.vkey) },
    ])
  })

  it('is refused with a key that is none, one twice, or sixteen', () => {
    expect(refusal(() => readWitnesses('https://a.example x'))).toBe('note-key')
    expect(refusal(() => readWitnesses('https://a.example'))).toBe('note-key')
    expect(refusal(() => readWitnesses(`https://a ${one.vkey},https://b ${one.vkey}`))).toBe('note-key')
    const many = Array.from({ length: 16 }, (_, i) => `https://w ${new CosigningKey(`w${i}`, i).vkey}`)
    expect(readWitnesses(many.slice(1).join(','))).toHaveLength(15)
    expect(refusal(() => readWitnesses(many.join(',')))).toBe('note-key')
  })
})
