/** Work in slices: at once where there is time, in turns where there is not, and the event loop goes on between. */

import { expect, test } from 'vitest'
import { Stopwatch } from '../../../src/relay/instruments/stopwatch.js'
import { WorkSlices } from '../../../src/relay/write/work-slices.js'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Pieces of work that take so many milliseconds each, and what was done of them. */
function slices() {
  let ms = 0
  const done: string[] = []
  const work = new WorkSlices(
    new Stopwatch(
      () => ms,
      () => ms,
    ),
  )
  const push = (lane: string, takes: number, kind: 'staff' | 'guest' = 'guest') =>
    work.push(kind, lane, () => {
      ms += takes
      done.push(lane)
    })
  return { done, push }
}

test('what comes alone is done at once', () => {
  const { done, push } = slices()
  for (let i = 0; i < 7; i++) push('a', 1)
  expect(done).toHaveLength(7)
})

test('after 8 ms the rest waits for the next turn of the event loop, and so on', async () => {
  const { done, push } = slices()
  for (let i = 0; i < 30; i++) push('a', 1)
  expect(done).toHaveLength(8)
  for (const sofar of [16, 24, 30]) {
    await turn()
    expect(done).toHaveLength(sofar)
  }
  push('a', 100)
  expect(done).toHaveLength(31)
  push('a', 1)
  expect(done).toHaveLength(31)
  await turn()
  expect(done).toHaveLength(32)
})

test('who comes while others wait waits for one piece of each, staff for none, and each keeps his order', async () => {
  const { done, push } = slices()
  for (let i = 0; i < 100; i++) push(`flood ${i % 2}`, 4)
  push('good guest', 1)
  push('good staff', 1, 'staff')
  expect(done).toEqual(['flood 0', 'flood 1'])
  await turn()
  expect(done[2]).toBe('good staff')
  await turn()
  // Behind one piece of each of the others.
  expect(done.slice(2, 6)).toContain('good guest')
  while (done.length < 102) await turn()
  expect(done.filter((lane) => lane === 'flood 0')).toHaveLength(50)
})
