import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Latencies } from '../../../src/cli/bench/latencies.js'

const of = (values: readonly number[]) => {
  const latencies = new Latencies()
  for (const value of values) latencies.record(value)
  return latencies
}

/** The smallest value that so many percent of all do not exceed. */
function oracle(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!
}

const someMs = fc.array(
  fc.integer({ min: 1, max: 60_000_000 }).map((us) => us / 1_000),
  { minLength: 1, maxLength: 300 },
)

it('percentiles are those of the sorted values, three digits exact', () => {
  fc.assert(
    fc.property(someMs, fc.constantFrom(50, 90, 99, 100), (values, percent) => {
      const wanted = oracle(values, percent)
      const found = of(values).at(percent)
      expect(Math.abs(found - wanted)).toBeLessThanOrEqual(wanted / 1_000 + 0.001)
    }),
  )
})

it('merged they are those of all values', () => {
  fc.assert(
    fc.property(fc.array(someMs, { minLength: 1, maxLength: 4 }), (parts) => {
      const merged = Latencies.merged(parts.map(of))
      expect(merged.count).toBe(parts.flat().length)
      expect(merged.percentiles()).toEqual(of(parts.flat()).percentiles())
    }),
  )
})

it('what merging takes in stays as it was', () => {
  const one = of([1, 2, 3])
  Latencies.merged([one, of([100])])
  expect([one.count, one.at(100)]).toEqual([3, 3.001])
})

it('encoded and decoded they are the same', () => {
  const values = Array.from({ length: 1_000 }, (_, i) => (i * i) / 10)
  const decoded = Latencies.decoded(of(values).encoded())
  expect(decoded.count).toBe(1_000)
  expect(decoded.percentiles()).toEqual(of(values).percentiles())
  expect(Latencies.merged([decoded, of([1])]).count).toBe(1_001)
  expect(() => Latencies.decoded('none')).toThrow()
})

it('none has percentiles of 0', () => {
  expect(new Latencies().percentiles()).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, max: 0 })
})

it('takes what is too short and too long for it', () => {
  expect(of([0]).at(50)).toBe(0.001)
  expect(of([1e9]).at(50)).toBeGreaterThan(599_000)
})
