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
