/**
 * What a piece of work took. On a machine that is shared the clock also tells what others did meanwhile; whoever was
 * served just then must not pay for it.
 *
 * Tests: test/relay/instruments/stopwatch.test.ts
 */

/** What is shorter is believed of the clock: whoever else had a turn meanwhile would have had it for longer. */
const SHORT_MS = 3
/**
 * To ask the processor costs, while other threads work, as much as to apply a set or two: it is asked once in so long,
 * and for what took long.
 */
const ASKED_EVERY_MS = 100

export class Stopwatch {
  /** Milliseconds by the clock. */
  readonly nowMs: () => number
  private readonly cpuMs: () => number
  private startedAtMs = 0
  /** When the processor was asked last, what it said, and the work that was told since. */
  private askedAtMs = -Infinity
  private askedCpuMs = 0
  private toldMs = 0

  /** `cpuMs`: what all threads of the process have worked so far. */
  constructor(nowMs: () => number = () => performance.now(), cpuMs: () => number = processMs) {
    this.nowMs = nowMs
    this.cpuMs = cpuMs
  }

  start(): void {
    this.startedAtMs = this.nowMs()
    if (this.startedAtMs - this.askedAtMs > ASKED_EVERY_MS) this.ask(this.startedAtMs)
  }

  /** Milliseconds since the start: by the clock, but of a long while no more than the process worked. */
  stop(): number {
    const now = this.nowMs()
    const took = now - this.startedAtMs
    if (took < SHORT_MS) {
      this.toldMs += took
      return took
    }
    const [before, told] = [this.askedCpuMs, this.toldMs]
    this.ask(now)
    return Math.min(took, Math.max(0, this.askedCpuMs - before - told))
  }

  private ask(now: number): void {
    this.askedAtMs = now
    this.askedCpuMs = this.cpuMs()
    this.toldMs = 0
  }
}

function processMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
