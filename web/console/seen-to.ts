/** Which odd payments somebody saw to: a note of this browser, for the protocol has no place for it. */

import type { OrderPayments, PaymentOddity } from 'cairn-relay/client'

/** What is kept, and where: localStorage is one. */
type Notes = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

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

  /** What is left for a person. The relay tries by itself where details are missing. */
  open({ order, oddities }: OrderPayments): readonly PaymentOddity[] {
    return oddities.filter((oddity) => oddity.kind !== 'no details' && !this.has(order, oddity))
  }
}

/** One that grows is another one. */
function nameOf(order: bigint, { kind, place, money }: PaymentOddity): string {
  return `cairn console seen ${order} ${kind} ${place ?? ''} ${money?.amount ?? ''}`
}

/** Where the browser keeps nothing, notes last as long as the page. */
export function keptNotes(): Notes {
  try {
    localStorage.getItem('')
    return localStorage
  } catch {
    const held = new Map<string, string>()
    return {
      getItem: (name) => held.get(name) ?? null,
      setItem: (name, value) => void held.set(name, value),
      removeItem: (name) => void held.delete(name),
    }
  }
}
