/** Which errors say that the same call may succeed later. */

import { expect, it } from 'vitest'
import { ClientError, fromWire, shopNotFound, usage, verificationFailed } from '../../src/client/client-error.js'
import { requireSame } from '../../src/client/same-checkpoint.js'
import type { ShopCheckpoints } from '../../src/client/shop-checkpoints.js'
import { CheckpointError } from '../../src/proofs/checkpoint-error.js'
import type { VerifiedCheckpoint } from '../../src/proofs/checkpoint-form.js'
import type { ProvenAnswer } from '../../src/wire/proof-payloads.js'
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

it('a relay that has less of a shop than its client is no relay without it', () => {
  const refusal = (message: string) => () => shopNotFound(new ClientError('NOT_FOUND', message))
  expect(refusal('checkpoint 9 lies beyond the head of the shop, 3')).toThrow(
    expect.objectContaining({ code: 'UNAVAILABLE', retryable: true }),
  )
  expect(refusal('shop 7 is not known here')).toThrow(expect.objectContaining({ code: 'NOT_FOUND', retryable: false }))
})

it('who signs for another relay may be it; who answers about another set is the same, and lies', () => {
  const at = (Seq: bigint) => ({ fields: { Seq } }) as VerifiedCheckpoint
  const answersOf5 = { verified: () => at(5n) } as unknown as ShopCheckpoints
  const remedyOf = (act: () => unknown) => {
    try {
      return void act()
    } catch (error) {
      return verificationFailed(error).remedy
    }
  }
  expect(remedyOf(() => requireSame(answersOf5, at(4n), {} as ProvenAnswer))).toBe(
    new ClientError('VERIFICATION_FAILED', '').remedy,
  )
  for (const error of [new CheckpointError('signer', ''), new CheckpointError('identity', '', { at: 'Relay' })])
    expect(verificationFailed(error).remedy).toContain('mistyped')
})

it('an argument’s problem ends in one full stop', () => {
  for (const problem of ['it is no country', 'it is no country.'])
    expect(usage('address.Country', problem, 'Write CH.').message).toBe('address.Country: it is no country. Write CH.')
})
