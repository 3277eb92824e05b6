/**
 * A time limit as a signal, together with a signal of the caller's. Not by AbortSignal.any and AbortSignal.timeout: on
 * Node 20 what they make may be collected before it fires.
 *
 * Tests: test/client/time-limit.test.ts
 */

export class TimeLimit {
  private readonly controller = new AbortController()
  private readonly outer: AbortSignal | undefined
  private readonly timer: ReturnType<typeof setTimeout>
  private over = false

  /** `outer`: aborts too, with its reason. */
  constructor(ms: number, outer?: AbortSignal) {
    this.outer = outer
    this.timer = setTimeout(() => {
      this.over = true
      this.controller.abort(new DOMException(`more than ${ms} ms`, 'TimeoutError'))
    }, ms)
    if (outer?.aborted === true) this.follow()
    else outer?.addEventListener('abort', this.follow)
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** It was the time that ended it. */
  get isOver(): boolean {
    return this.over
  }

  /** Nothing ends it any more, and nothing waits for it. */
  clear(): void {
    clearTimeout(this.timer)
    this.outer?.removeEventListener('abort', this.follow)
  }

  private readonly follow = () => this.controller.abort(this.outer!.reason)
}

/** On Node a timer must not keep a process; browsers' timers are numbers. */
export function unrefTimer(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
}
