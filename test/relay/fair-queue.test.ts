/** Lanes take turns, and each keeps its order. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue } from '../../src/relay/fair-queue.js'

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

test('a long lane does not keep what was taken', () => {
  const queue = new FairQueue<number>()
  for (let i = 0; i < 100_000; i++) {
    queue.push('a', i)
    queue.push('a', i)
    expect(queue.take()).toBe(Math.floor(i / 2))
  }
  expect(queue.size).toBe(100_000)
})
