import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { RateLimiter } from '../../../src/relay/transport/rate-limit.js'

test('a burst at once, then the rate, up to the burst again', () => {
  let now = 0
  const limiter = new RateLimiter({ perSecond: 2, burst: 3 }, () => now)
  const takes = (count: number) => Array.from({ length: count }, () => limiter.take('a'))
  expect(takes(4)).toEqual([true, true, true, false])
  now = 499
  expect(takes(1)).toEqual([false])
  now = 500
  expect(takes(2)).toEqual([true, false])
  now = 1_500
  expect(takes(3)).toEqual([true, true, false])
  now = 1_000_000
  expect(takes(4)).toEqual([true, true, true, false])
})

test('what costs more than there is may be done once, and the rest has to come back before the next', () => {
  let now = 0
  const limiter = new RateLimiter({ perSecond: 10, burst: 100 }, () => now)
  expect(limiter.take('a', 99)).toBe(true)
  expect(limiter.take('a', 1_000)).toBe(true)
  expect([limiter.take('a', 1), limiter.secondsUntilNext('a')]).toEqual([false, 100])
  now = 99_999
  expect([limiter.take('a', 1), limiter.secondsUntilNext('a')]).toEqual([false, 1])
  now = 100_000
  expect(limiter.take('a', 1)).toBe(true)
  expect(limiter.secondsUntilNext('b')).toBe(1)
})

test('addresses do not share', () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, () => 0)
  expect([limiter.take('a'), limiter.take('a'), limiter.take('b'), limiter.take('b')]).toEqual([
    true,
    false,
    true,
    false,
  ])
})

test('memory is bounded: who asked longest ago is forgotten', () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, () => 0, 3)
  for (const address of ['a', 'b', 'c', 'a', 'd']) limiter.take(address)
  expect(limiter.size).toBe(3)
  // b made room for d; a asked again and stayed.
  expect([limiter.take('a'), limiter.take('c'), limiter.take('d'), limiter.take('b')]).toEqual([
    false,
    false,
    false,
    true,
  ])
})

test('never more than burst + rate × time, and never less when asked without pause', () => {
  const waits = fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(waits, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 16 }), (pauses, perSecond, burst) => {
      let [now, taken, since] = [0, 0, -1]
      const limiter = new RateLimiter({ perSecond, burst }, () => now)
      for (const pause of pauses) {
        now += pause
        if (since < 0) since = now
        while (limiter.take('a')) taken++
        expect(taken).toBeLessThanOrEqual(burst + (perSecond * now) / 1_000 + 1e-6)
      }
      const longest = Math.max(...pauses.slice(1), 0)
      if ((longest * perSecond) / 1_000 < burst - 1)
        expect(taken).toBeGreaterThan(burst + (perSecond * (now - since)) / 1_000 - 1 - 1e-6)
    }),
  )
})
