/** Which odd payments somebody saw to: a note of this browser, for the protocol has no place for it. */

import type { OrderPayments, PaymentOddity } from 'cairn-relay/client'
import type { Notes } from './kept-notes.js'

export class SeenTo {
  private readonly notes: Notes
  private readonly listeners = new Set<() => void>()
  private version = 0

  constructor(notes: Notes) {
    this.notes = notes
  }

  /** For React: what is told when a note changes, and a value that changes with it. */
  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => this.listeners.delete(changed)
  }
  readonly snapshot = (): number => this.version

  has(order: bigint, oddity: PaymentOddity): boolean {
    return this.notes.getItem(nameOf(order, oddity)) !== null
  }

  /** `at`: the time that is noted. */
  put(order: bigint, oddity: PaymentOddity, at: string | undefined): void {
    if (at === undefined) this.notes.removeItem(nameOf(order, oddity))
    else this.notes.setItem(nameOf(order, oddity), at)
    this.version++
    for (const changed of this.listeners) changed()
  }

  /** What is left for a person. */
  open({ order, oddities }: OrderPayments): readonly PaymentOddity[] {
    return oddities.filter((oddity) => !needsNobody(oddity) && !this.has(order, oddity))
  }
}

/** The relay tries by itself where details are missing. */
export function needsNobody({ kind }: Pick<PaymentOddity, 'kind'>): boolean {
  return kind === 'no details'
}

/** One that grows is another one. */
function nameOf(order: bigint, { kind, place, money }: PaymentOddity): string {
  return `cairn console seen ${order} ${kind} ${place ?? ''} ${money?.amount ?? ''}`
}
