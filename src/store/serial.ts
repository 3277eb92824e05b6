/**
 * Work that is done one piece after the other, in the order in which it was given.
 *
 * Tests: test/store/store.test.ts
 */

export class Serial {
  private last: Promise<unknown> = Promise.resolve()

  /** Begins `work` when everything given before is settled, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work)
    this.last = result.catch(() => undefined)
    return result
  }

  /** Resolves when all that was given so far is settled. */
  async settled(): Promise<void> {
    await this.last
  }
}
