import { expect, test } from 'vitest'
import { Stopwatch } from '../../../src/relay/instruments/stopwatch.js'

test('tells the lesser of what the clock and the processor say', () => {
  let [now, cpu] = [100, 7]
  const watch = new Stopwatch(
    () => now,
    () => cpu,
  )
  watch.start()
  ;[now, cpu] = [150, 9]
  // The machine did something else for the rest.
  expect(watch.stop()).toBe(2)
  watch.start()
  ;[now, cpu] = [151, 12]
  // Another thread worked too.
  expect(watch.stop()).toBe(1)
})

test('asks the processor for what took long, and now and then', () => {
  let [now, asked] = [0, 0]
  const watch = new Stopwatch(
    () => now,
    () => {
      asked++
      return now
    },
  )
  for (let i = 0; i < 15_000; i++) {
    watch.start()
    now += 0.01
    expect(watch.stop()).toBeCloseTo(0.01)
  }
  // A hundred and fifty milliseconds in all.
  expect(asked).toBe(2)
  watch.start()
  now += 5
  expect(watch.stop()).toBeCloseTo(5)
  expect(asked).toBe(3)
})

test('work counts, a pause does not', async () => {
  const watch = new Stopwatch()
  watch.start()
  const end = process.cpuUsage().user + 20_000
  while (process.cpuUsage().user < end);
  expect(watch.stop()).toBeGreaterThan(5)
  const before = watch.nowMs()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(watch.nowMs() - before).toBeGreaterThan(15)
})
