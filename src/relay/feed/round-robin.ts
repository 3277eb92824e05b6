/** Long work in short steps, one owner after the other, between everything else that the event loop has to do. */

/** Does a short piece; whether there is more to do. Must not throw. */
export type Step = () => boolean

/** How long the loop is held for steps before everything else gets its turn; one step is done in any case. */
const TURN_MS = 4

export class RoundRobin {
  /** Who waits for his turn, the next one first, each with his work. */
  private readonly waiting = new Map<object, Set<Step>>()
  private scheduled = false

  /**
   * Calls `step` until it returns false. An owner with much work delays the work of others no more than one with
   * little.
   */
  add(owner: object, step: Step): void {
    const steps = this.waiting.get(owner) ?? new Set()
    this.waiting.set(owner, steps.add(step))
    this.schedule()
  }

  /** Nothing of the owner's is called any more. */
  remove(owner: object): void {
    this.waiting.delete(owner)
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.size === 0) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      const end = performance.now() + TURN_MS
      do this.next()
      while (performance.now() < end && this.waiting.size > 0)
      this.schedule()
    })
  }

  private next(): void {
    for (const [owner, steps] of this.waiting) {
      const [step] = steps
      steps.delete(step!)
      if (step!()) steps.add(step!)
      // An owner who was removed by his own step stays away.
      if (!this.waiting.delete(owner) || steps.size === 0) return
      this.waiting.set(owner, steps)
      return
    }
  }
}
