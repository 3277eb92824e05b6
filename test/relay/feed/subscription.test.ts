/** A subscription looks through a long log by turns (PROTOCOL §10): how much at a time, and nothing of it at once. */

import { expect, test } from 'vitest'
import type { Feed, FeedRecord } from '../../../src/relay/feed/feed.js'
import type { Step } from '../../../src/relay/feed/round-robin.js'
import { Audience } from '../../../src/relay/feed/audience.js'
import type { Selection } from '../../../src/relay/feed/selection.js'
import { Subscription } from '../../../src/relay/feed/subscription.js'

/** A log of which nothing is selected, and who subscribes to it. */
function made(head: number) {
  const looked: number[] = []
  const steps: Step[] = []
  const statuses: number[] = []
  const after = (seq: number, last: number) => {
    const records = Array.from({ length: Math.min(256, last - seq) }, (_, i) => ({ seq: seq + i + 1 }) as FeedRecord)
    looked.push(records.length)
    return { records, upTo: seq + records.length }
  }
  const pick = (seqs: readonly number[]) => {
    looked.push(seqs.length)
    return seqs.map((seq) => ({ seq }) as FeedRecord)
  }
  const feed = { shopId: 1n, head, pushable: head, after, pick, run: () => undefined }
  const selection = { indexNames: () => undefined, bits: { all: 0, none: 0 }, places: () => [] }
  const target = {
    nextRequestId: () => -1n,
    send: () => undefined,
    sendBorrowed: () => undefined,
    awaitNext: () => undefined,
    sendStatus: (_id: number, left: number) => void statuses.push(left),
    hasRoom: () => true,
    byTurns: (step: Step) => void steps.push(step),
    guarded: (step: Step) => step(),
    closeSubscription: () => undefined,
  }
  const audience = new Audience(feed as unknown as Feed, selection as unknown as Selection)
  const subscription = new Subscription(1, audience, 0, target)
  /** Sets up to this one, of which something may be selected. */
  const publish = (last: number) => {
    for (let seq = feed.head + 1; seq <= last; seq++) audience.note(seq)
    feed.head = feed.pushable = last
  }
  return { subscription, publish, looked, steps, statuses }
}

test('nothing is looked at when it begins; then 256 records a turn, the status behind the last', () => {
  const { subscription, looked, steps, statuses } = made(1_000)
  subscription.start()
  expect([looked, statuses, steps.length]).toEqual([[], [], 1])
  const counting = [1, 2, 3].map(() => steps[0]!())
  expect([counting, looked, statuses]).toEqual([[true, true, true], [256, 256, 256], []])
  // With the rest of the count comes the status, and the first records to push are looked at.
  expect([steps[0]!(), looked.slice(3), statuses]).toEqual([true, [232, 256], [0]])
  let turns = 1
  while (steps[0]!()) turns++
  expect([turns, steps.length, Math.max(...looked)]).toEqual([3, 1, 256])
})

test('a few new records are looked at at once, many by turns; an ended one looks at nothing', () => {
  const { subscription, publish, looked, steps } = made(0)
  subscription.start()
  expect(steps[0]!()).toBe(false)
  publish(256)
  subscription.pump()
  expect([looked, steps.length]).toEqual([[256], 1])
  publish(1_000)
  subscription.pump()
  subscription.pump()
  expect([looked, steps.length]).toEqual([[256], 2])
  expect([steps[1]!(), looked]).toEqual([true, [256, 256]])
  subscription.end()
  expect([steps[1]!(), looked]).toEqual([false, [256, 256]])
})
