/** Which errors say that the same call may succeed later. */

import { expect, it } from 'vitest'
import { ClientError, fromWire } from '../../src/client/client-error.js'
import { ErrorCode, type ErrorName } from '../../src/wire/error-code.js'

const LATER: readonly ErrorName[] = [
  'ALREADY_CONNECTED',
  'TOO_MANY_CONCURRENT_REQUESTS',
  'CLOSE_SUBSCRIPTION',
  'UNAVAILABLE',
]

it.each(Object.entries(ErrorCode))('%s of a relay', (name, code) => {
  const { code: told, retryable } = fromWire({ code, message: 'no' })
  expect([told, retryable]).toEqual([name === 'UNSPECIFIED' ? 'REFUSED' : name, LATER.includes(name as ErrorName)])
})

it('a code that is not known is a refusal', () => {
  expect(fromWire({ code: 9_999, message: 'no' })).toMatchObject({ code: 'REFUSED', retryable: false, message: 'no' })
})

it('what this side tells: connections may come back, what may have been done is not done again', () => {
  const codes = ['DISCONNECTED', 'UNREACHABLE', 'TIMEOUT', 'OUTCOME_UNKNOWN', 'ABORTED', 'CLOSED', 'USAGE'] as const
  expect(codes.filter((code) => new ClientError(code, '').retryable)).toEqual([
    'DISCONNECTED',
    'UNREACHABLE',
    'TIMEOUT',
  ])
})
