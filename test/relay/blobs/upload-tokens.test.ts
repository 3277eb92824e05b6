/** Upload tokens (PROTOCOL §13, §15): how many are open, how long, and that they outlive their session. */

import { expect, test } from 'vitest'
import { BLOB_TOKENS_PER_CARD_MAX, BLOB_TOKENS_PER_SESSION_MAX } from '../../../src/limits.js'
import { UploadTokens } from '../../../src/relay/blobs/upload-tokens.js'
import { TestClock } from '../../fixtures/turned-clock.js'

function tokens(clock = new TestClock()): UploadTokens {
  let made = 0
  return new UploadTokens(clock, () => String(++made))
}

test('a session has 16 open; one that is used makes room', () => {
  const all = tokens()
  const session = {}
  for (let i = 0; i < BLOB_TOKENS_PER_SESSION_MAX; i++) expect(all.issue(session, 'a')).toBe(String(i + 1))
  expect(all.issue(session, 'a')).toBeUndefined()
  expect(all.issue({}, 'b')).toBe('17')
  expect([all.take('3'), all.take('3')]).toEqual([true, false])
  expect(all.issue(session, 'a')).toBe('18')
  expect(all.issue(session, 'a')).toBeUndefined()
})

test('a card has so many open in all its sessions; the oldest makes room, and its session has one less', () => {
  const all = tokens()
  const first = {}
  const issued: string[] = []
  for (let i = 0; i < BLOB_TOKENS_PER_SESSION_MAX; i++) issued.push(all.issue(first, 'a')!)
  while (issued.length < BLOB_TOKENS_PER_CARD_MAX) issued.push(all.issue({}, 'a')!)
  expect(all.issue(first, 'a')).toBeUndefined()
  expect(all.issue({}, 'b')).toBeDefined()
  expect(all.issue({}, 'a')).toBeDefined()
  expect(all.take(issued[0]!)).toBe(false)
  expect(all.issue(first, 'a')).toBeDefined()
  expect(all.take(issued[1]!)).toBe(false)
  expect(issued.slice(2).map((text) => all.take(text))).not.toContain(false)
})

test('the tokens of a card that was removed are void, those of others are not, and its sessions have room', () => {
  const all = tokens()
  const session = {}
  const issued = [all.issue(session, 'a')!, all.issue({}, 'a')!, all.issue({}, 'b')!]
  expect(all.cards()).toEqual(['a', 'b'])
  all.dropCard('a')
  all.dropCard('c')
  expect(all.cards()).toEqual(['b'])
  for (let i = 0; i < BLOB_TOKENS_PER_SESSION_MAX; i++) expect(all.issue(session, 'a')).toBeDefined()
  expect(issued.map((text) => all.take(text))).toEqual([false, false, true])
})

test('a token is void after ten minutes, and its place is free', async () => {
  const clock = new TestClock()
  const all = tokens(clock)
  const session = {}
  for (let i = 0; i < BLOB_TOKENS_PER_SESSION_MAX; i++) all.issue(session, 'a')
  await clock.turn(599_999)
  expect(all.take('1')).toBe(true)
  await clock.turn(1)
  expect(all.take('2')).toBe(false)
  for (let i = 0; i < BLOB_TOKENS_PER_SESSION_MAX; i++) expect(all.issue(session, 'a')).toBeDefined()
})
