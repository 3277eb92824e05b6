/** Staff before the relay before guests, each within its share of the time. */

import { expect, test } from 'vitest'
import { Turns, type Kind } from '../../../src/relay/write/turns.js'

const KINDS: readonly Kind[] = ['guest', 'own', 'staff']

function filled(counts: Partial<Record<Kind, number>>, lanes = 1): Turns<Kind> {
  const turns = new Turns<Kind>()
  for (const kind of KINDS) for (let i = 0; i < (counts[kind] ?? 0); i++) turns.push(kind, `${kind} ${i % lanes}`, kind)
  return turns
}

/** What the next items are, where each takes as long as its kind's do. */
function taken(turns: Turns<Kind>, count: number, cost: Readonly<Record<Kind, number>>): Kind[] {
  return Array.from({ length: count }, () => {
    const kind = turns.take()!
    turns.spent(cost[kind])
    return kind
  })
}

function timeOf(kinds: readonly Kind[], cost: Readonly<Record<Kind, number>>): Record<Kind, number> {
  const time: Record<Kind, number> = { staff: 0, own: 0, guest: 0 }
  for (const kind of kinds) time[kind] += cost[kind]
  return time
}

test('the time of those that have much to do is shared 4 : 4 : 2, whatever one item takes', () => {
  for (const cost of [
    { staff: 0.1, own: 0.1, guest: 0.1 },
    { staff: 0.1, own: 8, guest: 30 },
    { staff: 20, own: 0.5, guest: 0.2 },
  ]) {
    const time = timeOf(taken(filled({ staff: 90_000, own: 90_000, guest: 90_000 }, 7), 20_000, cost), cost)
    const all = time.staff + time.own + time.guest
    expect(time.staff / all).toBeCloseTo(0.4, 1)
    expect(time.own / all).toBeCloseTo(0.4, 1)
    expect(time.guest / all).toBeCloseTo(0.2, 1)
  }
})

test('guests alone get all the time, and one of staff comes next whatever they owe', () => {
  const cost = { staff: 0.2, own: 0.2, guest: 25 }
  const turns = filled({ guest: 10_000 }, 100)
  expect(new Set(taken(turns, 100, cost))).toEqual(new Set(['guest']))
  for (let i = 0; i < 20; i++) {
    turns.push('staff', 'a card', 'staff')
    expect(turns.take()).toBe('staff')
    turns.spent(0.2)
    expect(taken(turns, 2, cost)).toEqual(['guest', 'guest'])
  }
})

test('guests are never shut out by staff, nor the relay', () => {
  const cost = { staff: 5, own: 5, guest: 5 }
  const kinds = taken(filled({ staff: 1_000, own: 1_000, guest: 1_000 }), 500, cost)
  const gaps = (kind: Kind) => {
    const places = kinds.flatMap((one, i) => (one === kind ? [i] : []))
    return Math.max(...places.map((place, i) => place - (places[i - 1] ?? -1)))
  }
  expect(gaps('own')).toBeLessThanOrEqual(5)
  expect(gaps('guest')).toBeLessThanOrEqual(12)
})

test('there is nothing where nothing waits', () => {
  const turns = filled({ guest: 1, staff: 1 })
  expect(taken(turns, 2, { staff: 1, own: 1, guest: 1 })).toEqual(['staff', 'guest'])
  expect([turns.size, turns.take()]).toEqual([0, undefined])
})
