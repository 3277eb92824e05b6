/**
 * Whose snapshot comes next: four at a time of a shop, one of a session, sessions by turns; who reads nothing gives his
 * place to others.
 */

import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { SNAPSHOT_UNREAD_SECONDS_MAX, SNAPSHOTS_PER_SHOP_MAX } from '../../../src/limits.js'
import { SnapshotSlots } from '../../../src/relay/feed/snapshot-slots.js'
import { TestClock } from '../../fixtures/turned-clock.js'

const never = { isUnread: () => false, giveUp: () => expect.fail('nobody waits for it') }
const UNREAD_MS = SNAPSHOT_UNREAD_SECONDS_MAX * 1_000

it('one session that asks for many does not keep the others waiting', () => {
  const slots = new SnapshotSlots(new TestClock(0))
  const started: string[] = []
  const take = (who: object, name: string) => slots.take(1n, who, { ...never, start: () => started.push(name) })
  const [greedy, ...others] = Array.from({ length: 7 }, () => ({}))
  const ends = Array.from({ length: 64 }, (_, i) => take(greedy!, `greedy ${i}`))
  const [first, ...rest] = others.map((who, i) => take(who, `other ${i}`))
  expect(started).toEqual(['greedy 0', 'other 0', 'other 1', 'other 2'])
  ends[0]!.end()
  first!.end()
  expect(started.slice(4)).toEqual(['greedy 1', 'other 3'])
  rest[0]!.end()
  rest[1]!.end()
  expect(started.slice(6)).toEqual(['other 4', 'other 5'])
})

it('never more than there are places; nobody who may have one waits; nothing is left', () => {
  const step = fc.record({ who: fc.nat(5), shop: fc.nat(1), ends: fc.option(fc.nat(30), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const slots = new SnapshotSlots(new TestClock(0))
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
          const start = () => void (one.isRunning = true)
          one.end = slots.take(BigInt(shop), sessions[who]!, { ...never, start }).end
        } else if (open.length > 0) open.splice(ends % open.length, 1)[0]!.end()
        check()
      }
      for (const one of open.splice(0)) one.end()
      expect(Reflect.get(slots, 'shops')).toEqual(new Map())
    }),
  )
})

describe('a place whose client reads nothing', () => {
  let clock: TestClock
  let slots: SnapshotSlots
  let told: string[]
  beforeEach(() => {
    clock = new TestClock(0)
    slots = new SnapshotSlots(clock)
    told = []
  })

  /** `isUnread`: whether it waits for its client. */
  function take(name: string, isUnread: () => boolean) {
    const place = slots.take(
      1n,
      { name },
      {
        start: () => told.push(`${name} starts`),
        isUnread,
        giveUp: () => {
          told.push(`${name} ends`)
          place.end()
        },
      },
    )
    return place
  }
  const four = (isUnread: () => boolean) => ['a', 'b', 'c', 'd'].map((name) => take(name, isUnread))
  const since = () => told.splice(0)

  it('is kept while nobody waits, and goes to the first who does: that which moved longest ago', async () => {
    const [a, , c] = four(() => true)
    await clock.turn(10 * UNREAD_MS)
    c!.moved()
    await clock.turn(1)
    a!.moved()
    expect(since()).toEqual(['a starts', 'b starts', 'c starts', 'd starts'])
    take('e', () => false)
    expect(since()).toEqual([])
    await clock.turn(1_000)
    expect(since()).toEqual(['b ends', 'e starts'])
    take('f', () => false)
    await clock.turn(1_000)
    expect(since()).toEqual(['d ends', 'f starts'])
    take('g', () => false)
    await clock.turn(UNREAD_MS - 2_002)
    expect(since()).toEqual([])
    await clock.turn(1)
    expect(since()).toEqual(['c ends', 'g starts'])
  })

  it('all of them go where as many wait', async () => {
    four(() => true)
    for (const name of ['e', 'f', 'g', 'h', 'i']) take(name, () => false)
    since()
    await clock.turn(UNREAD_MS - 1)
    expect(since()).toEqual([])
    await clock.turn(1)
    expect(since().filter((text) => text.endsWith('starts'))).toEqual(['e starts', 'f starts', 'g starts', 'h starts'])
    await clock.turn(10 * UNREAD_MS)
    expect(since()).toEqual([])
  })

  it('of one that waits for us nobody takes it; once it waits for its client it goes', async () => {
    let isUnread = false
    const [a] = four(() => isUnread)
    take('e', () => false)
    since()
    await clock.turn(3 * UNREAD_MS)
    expect(since()).toEqual([])
    a!.moved()
    isUnread = true
    await clock.turn(1_000)
    expect(since()).toEqual(['b ends', 'e starts'])
  })

  it('of one that is read is kept, however slowly', async () => {
    const [a, ...others] = four(() => true)
    take('e', () => false)
    since()
    for (let i = 0; i < 20; i++) {
      await clock.turn(UNREAD_MS - 1)
      for (const place of [a!, ...others]) place.moved()
    }
    expect(since()).toEqual([])
    a!.end()
    expect(since()).toEqual(['e starts'])
    await clock.turn(10 * UNREAD_MS)
    expect([since(), Reflect.get(clock, 'plans')]).toEqual([[], new Set()])
  })

  it('of a session that waits for another of its own is kept', async () => {
    const greedy = {}
    const turn = (name: string) => ({ ...never, isUnread: () => true, start: () => told.push(`${name} starts`) })
    for (const name of ['1', '2', '3']) slots.take(1n, greedy, turn(name))
    await clock.turn(10 * UNREAD_MS)
    expect(since()).toEqual(['1 starts'])
  })
})
