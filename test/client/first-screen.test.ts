/** What is asked for while a snapshot streams. */

import { expect, test } from 'vitest'
import { FirstScreen } from '../../src/client/first-screen.js'
import type { View } from '../../src/client/live.js'
import type { StateQuestion } from '../../src/merkle/state-proof.js'
import type { VerifiedCheckpoint } from '../../src/proofs/checkpoint.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what was answered is not asked again under the same checkpoint, however long it is loading', async () => {
  const [first, second] = [{}, {}] as [VerifiedCheckpoint, VerifiedCheckpoint]
  const missing = ['Listings/1', 'Listings/2', 'Inventory/1']
  const asked: number[] = []
  const shop = {
    streaming: first,
    prove: (_checkpoint: VerifiedCheckpoint, questions: readonly StateQuestion[]) => {
      asked.push(questions.length)
      if (asked.length > 9) throw new Error('it is asked again and again')
      // As many as there is room for.
      return Promise.resolve(new Map([[questions[0]!, undefined]]))
    },
    proven: () => undefined,
    failed: (error: unknown) => {
      throw error
    },
  }
  const screen = new FirstScreen(shop, () => [{ missing: () => missing } as unknown as View<unknown>])
  screen.look()
  await turn()
  expect(asked).toEqual([2, 1])
  screen.look()
  await turn()
  expect(asked).toHaveLength(2)
  shop.streaming = second
  screen.look()
  await turn()
  expect(asked).toEqual([2, 1, 2, 1])
})
