/** Loops against a relay that answers when the test says so: counts and orders, no durations. */

import { describe, expect, it } from 'vitest'
import { closedLoop, openLoop, type Lane } from '../../../src/cli/bench/load.js'

const NEVER = new AbortController().signal
/** A run that a busy machine does not cut short by itself. */
const LONG = 600

/** Answers each request after the turn of the event loop in which it came. */
class FakeLane implements Lane {
  sent = 0
  most = 0
  private inFlight = 0
  private readonly left: number
  private readonly refusalAt: number

  constructor(left: number, refusalAt = Infinity) {
    this.left = left
    this.refusalAt = refusalAt
  }

  send(answered: (refusal?: string) => void): boolean {
    if (this.sent === this.left) return false
    const number = ++this.sent
    this.most = Math.max(this.most, ++this.inFlight)
    setImmediate(() => {
      this.inFlight--
      answered(number === this.refusalAt ? 'out of room' : undefined)
    })
    return true
  }
}

/** Takes all and answers none. */
const silent = (sent: () => void = () => undefined): Lane => ({ send: () => (sent(), true) })

describe('a closed loop', () => {
  it('keeps its window full on each lane, and no fuller', async () => {
    const lanes = [new FakeLane(500), new FakeLane(300)]
    const load = await closedLoop(lanes, { window: 16, seconds: LONG, signal: NEVER })
    expect(lanes.map(({ most }) => most)).toEqual([16, 16])
    expect(load).toMatchObject({ done: 800, refused: 0, unanswered: 0 })
    expect(load.latencies.count).toBe(800)
    expect(load.timeline.reduce((sum, count) => sum + count)).toBe(800)
  })

  it('ends when requests run out, at its last answer', async () => {
    const load = await closedLoop([new FakeLane(10)], { window: 4, seconds: LONG, signal: NEVER })
    expect(load.seconds).toBeLessThan(LONG)
    expect(load.done).toBe(10)
  })

  it('sends nothing more after a refusal, and tells of the first', async () => {
    const lane = new FakeLane(10_000, 5)
    const load = await closedLoop([lane], { window: 1, seconds: LONG, signal: NEVER })
    expect(load).toMatchObject({ done: 4, refused: 1, refusal: 'out of room' })
    expect(lane.sent).toBe(5)
  })

  it('ends at once when it is stopped, with what it has', async () => {
    const stop = new AbortController()
    let sent = 0
    const lane: Lane = {
      send(answered) {
        if (++sent <= 3) setImmediate(answered)
        else setImmediate(() => stop.abort())
        return true
      },
    }
    const load = await closedLoop([lane], { window: 1, seconds: LONG, signal: stop.signal })
    expect(load).toMatchObject({ done: 3, refused: 0 })
  })

  it('that is stopped before it begins sends nothing', async () => {
    const lane = new FakeLane(10)
    const load = await closedLoop([lane], { window: 1, seconds: LONG, signal: AbortSignal.abort() })
    expect([lane.sent, load.done]).toEqual([0, 0])
  })
})

describe('an open loop', () => {
  it('sends as many as were planned, in turns', async () => {
    const lanes = [new FakeLane(1_000), new FakeLane(1_000)]
    const load = await openLoop(lanes, { rate: 1_000, seconds: 0.2, signal: NEVER })
    expect(lanes.map(({ sent }) => sent)).toEqual([100, 100])
    expect(load).toMatchObject({ done: 200, refused: 0, unanswered: 0 })
    expect(load.lateness.count).toBe(200)
  })

  it('does not wait for answers', async () => {
    const stop = new AbortController()
    let sent = 0
    const lane = silent(() => ++sent === 50 && stop.abort())
    const load = await openLoop([lane], { rate: 1_000, seconds: LONG, signal: stop.signal })
    expect([sent, load.done]).toEqual([50, 0])
  })

  it('counts latency from the planned time: who would have asked while all stood still is counted too', async () => {
    const [rate, seconds, stillMs] = [1_000, 0.3, 200]
    let isFirst = true
    const lane: Lane = {
      send(answered) {
        // The whole process stands still, and so nothing is sent meanwhile.
        if (isFirst) for (const end = performance.now() + stillMs; performance.now() < end;) isFirst = false
        setImmediate(answered)
        return true
      },
    }
    const { latencies, done } = await openLoop([lane], { rate, seconds, signal: NEVER })
    expect(done).toBe(300)
    // 200 were due in that time: at an even pace from nearly all of it to none, and half of those above its half.
    expect(latencies.at(100)).toBeGreaterThanOrEqual(stillMs - 1)
    expect(latencies.at(68)).toBeGreaterThanOrEqual(stillMs / 2)
  })

  it('sends nothing more after a refusal', async () => {
    const lane = new FakeLane(10_000, 5)
    const load = await openLoop([lane], { rate: 100, seconds: LONG, signal: NEVER })
    expect(load).toMatchObject({ refused: 1, refusal: 'out of room' })
    expect(lane.sent).toBeLessThan(10_000)
  })
})
