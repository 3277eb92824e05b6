import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TimeLimit } from '../../src/client/time-limit.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('ends when its time is over', () => {
  const limit = new TimeLimit(1_000)
  vi.advanceTimersByTime(999)
  expect([limit.signal.aborted, limit.isOver]).toEqual([false, false])
  vi.advanceTimersByTime(1)
  expect([limit.signal.reason, limit.isOver]).toMatchObject([{ name: 'TimeoutError' }, true])
})

test.each([false, true])('ends with the other signal and its reason, aborted before: %s', (before) => {
  const outer = new AbortController()
  const reason = new Error('stopped')
  if (before) outer.abort(reason)
  const limit = new TimeLimit(1_000, outer.signal)
  outer.abort(reason)
  expect([limit.signal.reason, limit.isOver]).toEqual([reason, false])
})

test('cleared, it ends no more and leaves nothing behind', () => {
  const outer = new AbortController()
  const limit = new TimeLimit(1_000, outer.signal)
  limit.clear()
  expect([vi.getTimerCount(), getEventListeners(outer.signal, 'abort').length]).toEqual([0, 0])
  outer.abort()
  expect(limit.signal.aborted).toBe(false)
})
