import { describe, expect, test } from 'vitest'
import { Health } from '../../../src/relay/instruments/health.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { TestClock } from '../../fixtures/turned-clock.js'

/** What a loop's monitor has measured: the test says so. */
class Delays {
  max = 0
  enable = () => true
  disable = () => true
  reset = () => void (this.max = 0)
}

describe('/health keeps the worst of the last minute', () => {
  test('for everybody who asks, and then forgets it', async () => {
    const [clock, delays] = [new TestClock(), new Delays()]
    const health = new Health(new MemoryStore(), clock, delays)
    health.start()
    await clock.turn(10_000)
    delays.max = 5.1e9
    const held = 'the event loop was held for 5.1 s in the last minute'
    expect([await health.problem(), await health.problem()]).toEqual([held, held])
    await clock.turn(59_000)
    expect(await health.problem()).toBe(held)
    delays.max = 6e9
    await clock.turn(1_000)
    expect(await health.problem()).toBe('the event loop was held for 6.0 s in the last minute')
    await clock.turn(59_000)
    expect(await health.problem()).toContain('6.0 s')
    await clock.turn(1_000)
    expect(await health.problem()).toBeUndefined()
    health.stop()
  })

  test('at its limit it is well', async () => {
    const [clock, delays] = [new TestClock(), new Delays()]
    const health = new Health(new MemoryStore(), clock, delays)
    delays.max = 5e9
    expect(await health.problem()).toBeUndefined()
  })

  test('measured by the loop itself', async () => {
    const clock = new TestClock()
    const health = new Health(new MemoryStore(), clock)
    health.start()
    // The monitor begins with a turn of its own.
    await new Promise((turned) => setTimeout(turned, 50))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_200)
    await new Promise((turned) => setTimeout(turned, 50))
    await clock.turn(30_000)
    expect(await health.problem()).toMatch(/^the event loop was held for \d+\.\d s in the last minute$/)
    health.stop()
  })
})
