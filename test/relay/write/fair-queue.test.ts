/** Lanes share by what their items cost, and each keeps its order. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue } from '../../../src/relay/write/fair-queue.js'

test('a lane keeps its order, nothing is lost, and nobody waits for more than one item of each other lane', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', '') },
    { weight: 2, arbitrary: fc.constant(undefined) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<{ lane: string; number: number }>()
      const lanes = new Map<string, { lane: string; number: number }[]>()
      /** How many items of other lanes a lane's first one has waited for. */
      const waited = new Map<string, Map<string, number>>()
      let number = 0
      const take = () => {
        const item = queue.take()
        if (item === undefined) return expect([...lanes.values()].flat()).toEqual([])
        expect(lanes.get(item.lane)!.shift()).toBe(item)
        waited.delete(item.lane)
        for (const [lane, items] of lanes) {
          if (lane === item.lane || items.length === 0) continue
          const others = waited.get(lane) ?? new Map<string, number>()
          waited.set(lane, others.set(item.lane, (others.get(item.lane) ?? 0) + 1))
          expect(others.get(item.lane)).toBe(1)
        }
      }
      for (const lane of steps) {
        if (lane === undefined) take()
        else {
          const item = { lane, number: number++ }
          queue.push(lane, item)
          lanes.set(lane, [...(lanes.get(lane) ?? []), item])
        }
        expect(queue.size).toBe([...lanes.values()].flat().length)
      }
      while (queue.size > 0) take()
      take()
    }),
    { numRuns: 300 },
  )
})

test('what was taken is not kept, though its lane never runs empty', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const queue = new FairQueue<object>()
  const taken = (() => {
    for (let i = 0; i < 101; i++) queue.push('a', { i })
    return Array.from({ length: 100 }, () => new WeakRef(queue.take()!))
  })()
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    collect()
    // A register or two may hold one for a moment.
    expect(taken.filter((item) => item.deref() !== undefined).length).toBeLessThan(5)
    expect(queue.size).toBe(1)
  })
})

test('a lane that is as long as what was pushed counts right', () => {
  const queue = new FairQueue<number>()
  for (let i = 0; i < 100_000; i++) {
    queue.push('a', i)
    queue.push('a', i)
    expect(queue.take()).toBe(Math.floor(i / 2))
  }
  expect(queue.size).toBe(100_000)
})

test('lanes that always have items get the same, whatever one item costs, to one item and a turn', () => {
  const costs = fc.array(fc.double({ min: 0.05, max: 30, noNaN: true }), { minLength: 2, maxLength: 6 })
  fc.assert(
    fc.property(costs, (costs) => {
      const queue = new FairQueue<number>()
      const got = costs.map(() => 0)
      for (const lane of costs.keys()) for (let i = 0; i < 2; i++) queue.push(String(lane), lane)
      for (let i = 0; i < 2_000; i++) {
        const lane = queue.take()!
        queue.push(String(lane), lane)
        queue.spent(costs[lane]!)
        got[lane]! += costs[lane]!
      }
      expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(Math.max(...costs) + 2)
    }),
    { numRuns: 100 },
  )
})

test('who sends his next item only after an answer pays for the last one all the same', () => {
  const queue = new FairQueue<string>()
  const got: Record<string, number> = { dear: 0, cheap: 0 }
  queue.push('dear', 'dear')
  for (let i = 0; i < 2_000; i++) queue.push('cheap', 'cheap')
  for (let i = 0; i < 600; i++) {
    const lane = queue.take()!
    const cost = lane === 'dear' ? 25 : 0.5
    got[lane]! += cost
    queue.spent(cost)
    if (lane === 'dear') queue.push('dear', 'dear')
  }
  expect(Math.abs(got['dear']! - got['cheap']!)).toBeLessThanOrEqual(2 * 25)
})

test('a lane that comes anew is served before a hundred that have had something, and then waits like them', () => {
  const queue = new FairQueue<string>()
  for (let lane = 0; lane < 100; lane++) for (let i = 0; i < 10; i++) queue.push(`flood ${lane}`, 'flood')
  const take = () => {
    const item = queue.take()
    queue.spent(0.3)
    return item
  }
  for (let i = 0; i < 150; i++) take()
  queue.push('good', 'good')
  expect(take()).toBe('good')
  queue.push('good', 'good')
  expect(Array.from({ length: 50 }, take)).not.toContain('good')
  expect(Array.from({ length: 60 }, take)).toContain('good')
})

test('debts end when nobody waits, and what was idle is forgotten', () => {
  const queue = new FairQueue<string>()
  queue.push('dear', 'dear')
  queue.take()
  queue.spent(1_000)
  queue.push('dear', 'again')
  queue.push('other', 'other')
  expect(queue.take()).toBe('again')
  expect((queue as unknown as { lanes: Map<string, unknown> }).lanes.size).toBe(2)
  queue.spent(1)
  expect(queue.take()).toBe('other')
  queue.spent(1)
  expect((queue as unknown as { lanes: Map<string, unknown> }).lanes.size).toBe(0)
})

test('items that no clock could time do not keep the others waiting', () => {
  const queue = new FairQueue<string>()
  for (let i = 0; i < 1_000; i++) queue.push('a', 'a')
  for (const item of ['b', 'b', 'b']) queue.push(item, item)
  const taken = Array.from({ length: 300 }, () => {
    const item = queue.take()
    queue.spent(0)
    return item
  })
  expect(taken.filter((item) => item === 'b')).toHaveLength(3)
})

test('a lane that has little to do is not made to wait off what it owes, and takes turns with those that flood', () => {
  const queue = new FairQueue<string>()
  for (let lane = 0; lane < 500; lane++) for (let i = 0; i < 40; i++) queue.push(`flood ${lane}`, 'flood')
  // Each was new once.
  for (let i = 0; i < 500; i++) queue.take()
  const waitOfGood = (cost: number) => {
    queue.push('good', 'good')
    for (let waited = 0; ; waited++) {
      const item = queue.take()!
      queue.spent(item === 'good' ? cost : 0.3)
      if (item === 'good') return waited
    }
  }
  const others = (items: number) => {
    for (let i = 0; i < items; i++) {
      queue.take()
      queue.spent(0.3)
    }
  }
  for (let i = 0; i < 20; i++) {
    expect(waitOfGood(0.3)).toBeLessThanOrEqual(1)
    others(100)
  }
  // Once the clock tells more of its item than there was: its next one waits as if that had been a 64th of all.
  expect(waitOfGood(6)).toBeLessThanOrEqual(1)
  others(100)
  const waited = waitOfGood(0.3)
  expect(waited).toBeGreaterThan(500)
  // Behind one item of each of the others, where all have had theirs.
  expect(waited).toBeLessThanOrEqual((64 * 6) / 0.3 + 500)
  others(100)
  expect(waitOfGood(0.3)).toBeLessThanOrEqual(1)
})
