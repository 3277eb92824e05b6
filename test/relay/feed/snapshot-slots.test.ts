/** Whose snapshot comes next: four at a time of a shop, one of a session, sessions by turns. */

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { SNAPSHOTS_PER_SHOP_MAX } from '../../../src/limits.js'
import { SnapshotSlots } from '../../../src/relay/feed/snapshot-slots.js'

it('one session that asks for many does not keep the others waiting', () => {
  const slots = new SnapshotSlots()
  const started: string[] = []
  const take = (who: object, name: string) => slots.take(1n, who, () => started.push(name))
  const [greedy, ...others] = Array.from({ length: 7 }, () => ({}))
  const ends = Array.from({ length: 64 }, (_, i) => take(greedy!, `greedy ${i}`))
  const [first, ...rest] = others.map((who, i) => take(who, `other ${i}`))
  expect(started).toEqual(['greedy 0', 'other 0', 'other 1', 'other 2'])
  ends[0]!()
  first!()
  expect(started.slice(4)).toEqual(['greedy 1', 'other 3'])
  rest[0]!()
  rest[1]!()
  expect(started.slice(6)).toEqual(['other 4', 'other 5'])
})

it('never more than there are places; nobody who may have one waits; nothing is left', () => {
  const step = fc.record({ who: fc.nat(5), shop: fc.nat(1), ends: fc.option(fc.nat(30), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const slots = new SnapshotSlots()
      const sessions = Array.from({ length: 6 }, () => ({}))
      const open: { who: number; shop: number; isRunning: boolean; end: () => void }[] = []
      const check = () => {
        for (const shop of [0, 1]) {
          const own = open.filter((one) => one.shop === shop)
          const running = own.filter(({ isRunning }) => isRunning).map(({ who }) => who)
          const asking = new Set(own.map(({ who }) => who))
          expect(new Set(running).size).toBe(running.length)
          expect(running.length).toBe(Math.min(SNAPSHOTS_PER_SHOP_MAX, asking.size))
        }
        expect(slots.count).toBe(open.filter(({ isRunning }) => isRunning).length)
      }
      for (const { who, shop, ends } of steps) {
        if (ends === undefined) {
          const one = { who, shop, isRunning: false, end: () => undefined as void }
          open.push(one)
          one.end = slots.take(BigInt(shop), sessions[who]!, () => (one.isRunning = true))
        } else if (open.length > 0) open.splice(ends % open.length, 1)[0]!.end()
        check()
      }
      for (const one of open.splice(0)) one.end()
      expect(Reflect.get(slots, 'shops')).toEqual(new Map())
    }),
  )
})
