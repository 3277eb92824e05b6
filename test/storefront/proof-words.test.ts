/** What the page says of a proof: of each kind what is true of it. */

import { expect, test } from 'vitest'
import { ClientError, VerificationError, type Verified } from 'cairn-relay/client'
import { kindOf, SUMS, timeOf, wordsOf, type Kind } from '../../web/storefront/proof-words.js'

const HERE = { protocol: 5, isConnected: true, isHere: true }
const READY = {
  status: 'ready',
  complete: true,
  stale: false,
  verified: undefined,
  data: [1],
  error: undefined,
} as const

test.each<[kind: Kind, standing: object, session: object]>([
  ['proven', {}, {}],
  ['stale', { stale: true }, {}],
  ['checking', { complete: false }, {}],
  ['pending', { pending: true }, {}],
  ['elsewhere', {}, { isHere: false }],
  ['kept', { status: 'loading', complete: false }, { isConnected: false }],
  ['unproven', { complete: false }, { protocol: 4 }],
  ['failed', { status: 'failed', error: new VerificationError(3n, 'not signed') }, {}],
  ['halted', { status: 'failed', error: new ClientError('USAGE', 'no') }, {}],
])('%s', (kind, standing, session) => {
  expect(kindOf({ ...READY, ...standing }, { ...HERE, ...session })).toBe(kind)
})

test('that all was compared and nothing left out is said of what is proven alone', () => {
  const claims = Object.entries(SUMS).filter(([, text]) => /They are equal/u.test(text))
  expect(claims.map(([kind]) => kind)).toEqual(['proven', 'stale'])
  for (const kind of ['checking', 'kept', 'elsewhere', 'pending'] as const)
    expect(SUMS[kind]).not.toMatch(/nothing was (?:changed|left out)/u)
})

test('a time of another day has its date', () => {
  const at = new Date(2026, 4, 17, 13, 5, 12)
  const verified = { seq: 3n, timestamp: BigInt(at.getTime() / 1_000) } as unknown as Verified
  expect(timeOf(verified, new Date(2026, 4, 17, 23, 0, 0))).toBe(at.toLocaleTimeString())
  for (const now of [new Date(2026, 4, 18, 0, 0, 1), new Date(2027, 4, 17, 13, 5, 12)])
    expect(timeOf(verified, now)).toBe(at.toLocaleString())
  expect(timeOf(undefined)).toBe('')
  expect(wordsOf('elsewhere', verified, '')[0]).toBe(`As it was at ${at.toLocaleString()}`)
})
