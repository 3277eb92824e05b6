/** Work by turns: everybody's goes on, and nobody's holds the loop. */

import { expect, test } from 'vitest'
import { RoundRobin } from '../../../src/relay/feed/round-robin.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Takes a turn's whole time. */
function slowly(): void {
  const end = performance.now() + 6
  while (performance.now() < end);
}

test('nothing is done before the loop turns, and a long step leaves the loop to others', async () => {
  const robin = new RoundRobin()
  const seen: string[] = []
  const owner = {}
  for (const name of ['a', 'b', 'c'])
    robin.add(owner, () => {
      slowly()
      seen.push(name)
      return false
    })
  expect(seen).toEqual([])
  const states: number[] = []
  while (states.at(-1) !== 3) {
    await turn()
    states.push(seen.length)
  }
  expect(states.filter((count) => count > 0)).toEqual([1, 2, 3])
  expect(seen).toEqual(['a', 'b', 'c'])
})

test('an owner with one step waits for one step of each other, however many they have', async () => {
  const robin = new RoundRobin()
  const seen: string[] = []
  const work = (name: string, steps: number) => () => seen.push(name) > 0 && --steps > 0
  const [busy, modest] = [{}, {}]
  for (let i = 0; i < 50; i++) robin.add(busy, work('busy', 3))
  robin.add(modest, work('modest', 2))
  while (seen.length < 152) await turn()
  expect(seen.slice(0, 5)).toEqual(['busy', 'modest', 'busy', 'modest', 'busy'])
  await turn()
  expect(seen).toHaveLength(152)
})

test('a removed owner has no turn any more, also when his own step removed him', async () => {
  const robin = new RoundRobin()
  const seen: string[] = []
  const [gone, self, other] = [{}, {}, {}]
  robin.add(gone, () => seen.push('gone') > 0)
  robin.add(self, () => {
    robin.remove(self)
    return seen.push('self') > 0
  })
  robin.add(other, () => seen.push('other') < 0)
  robin.remove(gone)
  for (let i = 0; i < 5; i++) await turn()
  expect(seen).toEqual(['self', 'other'])
})
