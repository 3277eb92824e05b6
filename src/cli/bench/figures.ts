/**
 * Figures: one number a run, with median and spread over the runs, and what became of them since another time.
 *
 * Tests: test/cli/bench/figures.test.ts
 */

export interface Figure {
  /** Unique in a result: the same work on the same size has the same name. */
  readonly name: string
  readonly unit: string
  readonly better: 'more' | 'less'
  /** One a run, in their order; at least one. */
  readonly values: readonly number[]
}

export interface Comparison {
  readonly name: string
  readonly unit: string
  readonly before: Spread
  readonly now: Spread
  /** Median now to median before. */
  readonly ratio: number
  /** By how much it is worse, as a share of what it was; below 0: better. */
  readonly worseBy: number
  /** Worse by more than was allowed. */
  readonly isBeyond: boolean
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  /** max − min as a share of the median; 0 where that is 0. */
  readonly share: number
}

/** Of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function spreadOf(values: readonly number[]): Spread {
  const [min, max, middle] = [Math.min(...values), Math.max(...values), median(values)]
  return { median: middle, min, max, share: middle === 0 ? 0 : (max - min) / middle }
}

/** Of figures that both have. `allowed`: by which share a figure may be worse. */
export function compareFigures(before: readonly Figure[], now: readonly Figure[], allowed: number): Comparison[] {
  const old = new Map(before.map((figure) => [figure.name, figure]))
  return now.flatMap(({ name, unit, better, values }) => {
    const was = old.get(name)
    if (was === undefined || was.unit !== unit) return []
    const [a, b] = [spreadOf(was.values), spreadOf(values)]
    const ratio = a.median === 0 ? (b.median === 0 ? 1 : Infinity) : b.median / a.median
    const worseBy = better === 'less' ? ratio - 1 : ratio === 0 ? Infinity : 1 / ratio - 1
    return [{ name, unit, before: a, now: b, ratio, worseBy, isBeyond: worseBy > allowed }]
  })
}
