/**
 * Load in two kinds of loop. A *closed* loop keeps so many requests in flight: it finds what a relay can do at most,
 * and its latencies are those of a queue that it fills itself. An *open* loop sends at planned times whether answers
 * came or not, as users do, and counts each latency from the planned time: a relay that stands still for a second is
 * seen by all who would have asked in it (no coordinated omission).
 *
 * Tests: test/cli/bench/load.test.ts
 */

import { REQUESTS_IN_FLIGHT_MAX } from '../../limits.js'
import { Latencies } from './latencies.js'

/** Where requests go one after the other, a session for example. */
export interface Lane {
  /** Sends the next one; false: none is left. `answered` once, later, with why it was refused if it was. */
  send(answered: (refusal?: string) => void): boolean
}

export interface Load {
  /** From the first request to the end, or to the last answer where requests ran out before. */
  readonly seconds: number
  /** Answered in time, not refused. */
  readonly done: number
  readonly refused: number
  /** What the first refusal said. */
  readonly refusal?: string | undefined
  /** Of an open loop: planned, and never answered. */
  readonly unanswered: number
  readonly latencies: Latencies
  /** Of an open loop: from the planned time to that of sending. Late is the load generator here, not the relay. */
  readonly lateness: Latencies
  /** Answers in each `TIMELINE_MS` from the start. */
  readonly timeline: readonly number[]
}

export const TIMELINE_MS = 100
/** How long answers are waited for after the end. */
const GRACE_MS = 20_000

/** Adds so many to a timeline, at a time from its start. */
export function count(timeline: number[], ms: number, done: number): void {
  const place = Math.floor(ms / TIMELINE_MS)
  while (timeline.length <= place) timeline.push(0)
  timeline[place]! += done
}

interface LoopOptions {
  readonly seconds: number
  /** Aborted: the loop ends at once, with what it has. */
  readonly signal: AbortSignal
}

/** Counts, for both loops. */
class Tally {
  readonly start = performance.now()
  readonly latencies = new Latencies()
  readonly lateness = new Latencies()
  readonly timeline: number[] = []
  refused = 0
  refusal: string | undefined
  lastMs = 0

  answered(now: number, since: number, refusal: string | undefined): void {
    if (refusal !== undefined) {
      this.refused++
      this.refusal ??= refusal
      return
    }
    this.latencies.record(now - since)
    this.lastMs = now - this.start
    count(this.timeline, this.lastMs, 1)
  }

  load(seconds: number, unanswered: number): Load {
    const { latencies, lateness, timeline, refused, refusal } = this
    return { seconds, done: latencies.count, refused, refusal, unanswered, latencies, lateness, timeline }
  }
}

/** Keeps `window` requests in flight on each lane; what is answered after the end does not count. */
export function closedLoop(
  lanes: readonly Lane[],
  { window, seconds, signal }: LoopOptions & { readonly window: number },
): Promise<Load> {
  const tally = new Tally()
  const end = tally.start + seconds * 1_000
  let inFlight = 0
  return untilDone(signal, end + GRACE_MS, (finish) => {
    const fill = (lane: Lane, room: number) => {
      for (let i = 0; i < room && tally.refused === 0 && !signal.aborted && performance.now() < end; i++) {
        const sentAt = performance.now()
        const answered = (refusal?: string) => {
          inFlight--
          const now = performance.now()
          if (refusal !== undefined || now <= end) tally.answered(now, sentAt, refusal)
          fill(lane, 1)
          if (inFlight === 0) finish()
        }
        inFlight++
        if (lane.send(answered)) continue
        inFlight--
        break
      }
    }
    for (const lane of lanes) fill(lane, window)
    if (inFlight === 0) finish()
  }).then(() => {
    const now = performance.now()
    // Requests that ran out, or all that was before somebody stopped it.
    const endMs = now < end && !signal.aborted ? tally.lastMs : Math.min(now, end) - tally.start
    return tally.load(endMs / 1_000, 0)
  })
}

/** `rate` requests a second in all, lane by lane in turns; what is answered late counts, with its latency. */
export function openLoop(
  lanes: readonly Lane[],
  { rate, seconds, signal }: LoopOptions & { readonly rate: number },
): Promise<Load> {
  const tally = new Tally()
  const planned = Math.max(1, Math.round(rate * seconds))
  const inFlightMax = lanes.length * REQUESTS_IN_FLIGHT_MAX
  const goesOn = () => tally.refused === 0 && !signal.aborted
  let [sent, inFlight] = [0, 0]
  return untilDone(signal, tally.start + seconds * 1_000 + GRACE_MS, (finish) => {
    let timer: NodeJS.Timeout | undefined
    const sendDue = () => {
      clearTimeout(timer)
      for (; sent < planned && goesOn() && inFlight < inFlightMax; sent++) {
        const plannedAt = tally.start + (sent * 1_000) / rate
        const now = performance.now()
        if (plannedAt > now) return void (timer = setTimeout(sendDue, plannedAt - now))
        tally.lateness.record(now - plannedAt)
        const answered = (refusal?: string) => {
          inFlight--
          tally.answered(performance.now(), plannedAt, refusal)
          // A full pipe has room again; the timer looks after what is not due yet.
          if (inFlight === inFlightMax - 1) sendDue()
          if (inFlight === 0 && (sent === planned || tally.refused > 0)) finish()
        }
        inFlight++
        if (!lanes[sent % lanes.length]!.send(answered)) throw new Error('bug: too few requests were made')
      }
      if (inFlight === 0) finish()
    }
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    sendDue()
  }).then(() => {
    const ms = Math.max(tally.lastMs, Math.min(seconds * 1_000, performance.now() - tally.start))
    return tally.load(ms / 1_000, signal.aborted ? 0 : planned - tally.latencies.count - tally.refused)
  })
}

/** `begin` is called at once; resolves when it says so, when `signal` is aborted, and when it is too late. */
function untilDone(signal: AbortSignal, latest: number, begin: (finish: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(), latest - performance.now())
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    if (signal.aborted) return finish()
    signal.addEventListener('abort', finish, { once: true })
    try {
      begin(finish)
    } catch (error) {
      finish()
      reject(error)
    }
  })
}
