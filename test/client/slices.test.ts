import { afterEach, expect, test, vi } from 'vitest'
import { inSlices, type Steps } from '../../src/client/slices.js'
import { SLICE_MS } from '../../src/limits.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Each look at the clock takes so long. */
function slowClock(stepMs: number): void {
  let nowMs = 0
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += stepMs))
}

const always = () => true

test('work that is done in a slice gives its value at once', () => {
  slowClock(0)
  const steps = (function* (): Steps<number> {
    for (let i = 0; i < 1_000; i++) yield
    return 7
  })()
  expect(inSlices(steps, always)).toBe(7)
})

test('longer work lets others have their turn, and gives its value then', async () => {
  slowClock(SLICE_MS)
  const turn = { isTheirs: false }
  setTimeout(() => (turn.isTheirs = true))
  const steps = (function* (): Steps<string> {
    while (!turn.isTheirs) yield
    return 'done'
  })()
  const given = inSlices(steps, always)
  expect(given).toBeInstanceOf(Promise)
  expect(await given).toBe('done')
})

test('a throw is the caller’s, now or later', async () => {
  slowClock(SLICE_MS)
  const failing = function* (after: number): Steps {
    for (let i = 0; i < after; i++) yield
    throw new Error('wrong')
  }
  expect(() => inSlices(failing(0), always)).toThrow('wrong')
  await expect(inSlices(failing(3), always)).rejects.toThrow('wrong')
})

test('what is not wanted any more ends where it is', async () => {
  slowClock(SLICE_MS)
  let count = 0
  let hasEnded = false
  const steps = (function* (): Steps<string> {
    try {
      for (; ; count++) yield
    } finally {
      hasEnded = true
    }
  })()
  expect(await inSlices(steps, () => count < 5)).toBeUndefined()
  expect([count, hasEnded]).toEqual([5, true])
})

test('work that has to wait goes on after that, and hears where it fails', async () => {
  slowClock(0)
  const seen: string[] = []
  const waiting = (function* (): Steps<string> {
    yield Promise.resolve().then(() => void seen.push('first'))
    seen.push('then')
    try {
      yield Promise.reject(new Error('it does not come'))
    } catch (error) {
      seen.push((error as Error).message)
    }
    yield Promise.reject(new Error('nor does this'))
    return 'never'
  })()
  await expect(inSlices(waiting, always)).rejects.toThrow('nor does this')
  expect(seen).toEqual(['first', 'then', 'it does not come'])
})

test('what is not wanted any more is not gone on with when what it waited for has come', async () => {
  slowClock(0)
  let isWanted = true
  let hasGoneOn = false
  const waiting = (function* (): Steps<string> {
    yield Promise.resolve().then(() => void (isWanted = false))
    hasGoneOn = true
    return 'done'
  })()
  expect(await inSlices(waiting, () => isWanted)).toBeUndefined()
  expect(hasGoneOn).toBe(false)
})
