/** Lanes take turns, and each keeps its order. */

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
