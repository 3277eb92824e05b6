import { expect, test, vi } from 'vitest'
import { nowSeconds, systemClock } from '../../../src/relay/instruments/clock.js'

test('seconds are whole ones that have passed', () => {
  const at = (ms: number) => nowSeconds({ nowMs: () => ms, after: () => () => undefined })
  expect([at(0), at(999), at(1_000), at(1_700_000_000_999)]).toEqual([0n, 0n, 1n, 1_700_000_000n])
})

test('the system’s clock acts once, and not at all when it is called off', () => {
  vi.useFakeTimers({ now: 5_000 })
  try {
    const [act, calledOff] = [vi.fn<() => void>(), vi.fn<() => void>()]
    systemClock.after(100, act)
    systemClock.after(100, calledOff)()
    vi.advanceTimersByTime(99)
    expect(act).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1_000)
    expect([act.mock.calls.length, calledOff.mock.calls.length]).toEqual([1, 0])
    expect(systemClock.nowMs()).toBe(6_099)
  } finally {
    vi.useRealTimers()
  }
})
