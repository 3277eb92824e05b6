/**
 * Prices of variants as a base and one amount for each value of an option: the prices are linear equations in these
 * amounts, solved exactly. The first value of each option costs nothing more, nor does what is not determined.
 */

import type { Amount } from '../brands.js'

export interface PricedVariant {
  /** One for each option, in their order. */
  readonly values: readonly string[]
  readonly price: Amount
}

export interface PriceSums {
  readonly base: bigint
  /** What is added for the value, below zero too; of the option with this index. 0 for what is not named. */
  extra(option: number, value: string): bigint
}

/**
 * Undefined if the prices are no such sums of whole smallest units. `others`: what is kept of them where it follows
 * from nothing else, one after the other.
 */
export function priceSums(
  variants: readonly PricedVariant[],
  others: readonly PricedVariant[] = [],
): PriceSums | undefined {
  const first = variants[0]
  if (first === undefined) return undefined
  const unknowns = new Map<string, number>()
  const system = new Equations()
  const add = ({ values, price }: PricedVariant) => {
    const terms = values.flatMap((value, option) => {
      if (value === first.values[option]) return []
      const name = nameOf(option, value)
      if (!unknowns.has(name)) unknowns.set(name, unknowns.size)
      return [[unknowns.get(name)!, 1n] as const]
    })
    return system.add(new Map(terms), price - first.price)
  }
  for (const variant of variants) if (!add(variant)) return undefined
  for (const variant of others) add(variant)
  const solution = system.solve()
  if (solution === undefined) return undefined
  const extra = (option: number, value: string) => solution.get(unknowns.get(nameOf(option, value)) ?? -1) ?? 0n
  return { base: first.price, extra }
}

function nameOf(option: number, value: string): string {
  return `${option} ${value}`
}

interface Equation {
  /** Factors other than 0, by unknown. */
  readonly factors: Map<number, bigint>
  sum: bigint
}

/** Linear equations in whole numbers, by elimination without fractions. */
class Equations {
  /** By the unknown that the equation gives, which no later equation has; in order of coming. */
  private readonly pivots = new Map<number, Equation>()

  /** False if the equation contradicts those before it. */
  add(factors: Map<number, bigint>, sum: bigint): boolean {
    const equation: Equation = { factors, sum }
    for (const [unknown, pivot] of this.pivots) eliminate(equation, unknown, pivot)
    const [lead] = equation.factors.keys()
    if (lead === undefined) return equation.sum === 0n
    this.pivots.set(lead, equation)
    return true
  }

  /** What is free is 0; undefined if an unknown is no whole number. */
  solve(): ReadonlyMap<number, bigint> | undefined {
    const solution = new Map<number, bigint>()
    for (const [lead, { factors, sum }] of [...this.pivots].reverse()) {
      let rest = sum
      for (const [unknown, factor] of factors) if (unknown !== lead) rest -= factor * (solution.get(unknown) ?? 0n)
      const divisor = factors.get(lead)!
      if (rest % divisor !== 0n) return undefined
      solution.set(lead, rest / divisor)
    }
    return solution
  }
}

function eliminate(equation: Equation, unknown: number, pivot: Equation): void {
  const factor = equation.factors.get(unknown)
  if (factor === undefined) return
  const lead = pivot.factors.get(unknown)!
  for (const [other, own] of equation.factors) equation.factors.set(other, own * lead)
  equation.sum = equation.sum * lead - pivot.sum * factor
  for (const [other, its] of pivot.factors) {
    const value = (equation.factors.get(other) ?? 0n) - its * factor
    if (value === 0n) equation.factors.delete(other)
    else equation.factors.set(other, value)
  }
}
