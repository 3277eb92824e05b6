/** How long a push to a page waits (PROTOCOL §10, Pages). */

import { expect, test } from 'vitest'
import { PagePace } from '../../../src/relay/feed/page-pace.js'
import { TestClock } from '../../fixtures/turned-clock.js'

const start = 1_700_000_000_000

function paceAt(): { clock: TestClock; pace: PagePace } {
  const clock = new TestClock(start)
  return { clock, pace: new PagePace(clock) }
}

test('nothing was pushed or written: at once', () => {
  expect(paceAt().pace.waitMs(start)).toBe(0)
})

test('100 ms after the last push; in the same breath at once', async () => {
  const { clock, pace } = paceAt()
  pace.pushed()
  expect(pace.waitMs(start)).toBe(0)
  await clock.turn(1)
  expect(pace.waitMs(start + 1)).toBe(99)
  await clock.turn(99)
  expect(pace.waitMs(start + 100)).toBe(0)
})

test('a write without an answer holds for a second at most, an answer for 250 ms', async () => {
  const { clock, pace } = paceAt()
  pace.wrote()
  expect(pace.waitMs(start)).toBe(1_000)
  await clock.turn(100)
  pace.wrote()
  pace.answered()
  expect(pace.waitMs(start)).toBe(900)
  pace.answered()
  expect(pace.waitMs(start)).toBe(250)
  await clock.turn(240)
  expect(pace.waitMs(start)).toBe(10)
  await clock.turn(10)
  expect(pace.waitMs(start)).toBe(0)
})

test('a second of waiting does not shorten the distance to the last push', async () => {
  const { clock, pace } = paceAt()
  pace.wrote()
  await clock.turn(1_000)
  pace.pushed()
  await clock.turn(40)
  expect(pace.waitMs(start)).toBe(60)
})

test('a clock that is set back holds nothing up for longer', () => {
  const { clock, pace } = paceAt()
  pace.pushed()
  pace.wrote()
  pace.answered()
  clock.set(-3_600_000)
  expect(pace.waitMs(start - 3_600_000)).toBe(250)
})
