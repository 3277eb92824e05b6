/**
 * What a piece of work took. On a machine that is shared the clock also tells what others did meanwhile; whoever was
 * served just then must not pay for it.
 *
 * Tests: test/relay/instruments/stopwatch.test.ts
 */

export class Stopwatch {
  /** Milliseconds by the clock. */
  readonly nowMs: () => number
  private readonly cpuMs: () => number
  private startedAtMs = 0
  private startedAtCpuMs = 0

  /** `cpuMs`: what all threads of the process have worked so far. */
  constructor(nowMs: () => number = () => performance.now(), cpuMs: () => number = processMs) {
    this.nowMs = nowMs
    this.cpuMs = cpuMs
  }

  start(): void {
    this.startedAtMs = this.nowMs()
    this.startedAtCpuMs = this.cpuMs()
  }

  /** Milliseconds since the start: by the clock, but no more than the process worked. */
  stop(): number {
    return Math.min(this.nowMs() - this.startedAtMs, this.cpuMs() - this.startedAtCpuMs)
  }
}

function processMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
