/**
 * What an outbox does with a refusal.
 *
 * Tests: test/client/outbox.test.ts
 */

import { aborted, ClientError, type ClientErrorCode } from './client-error.js'
import type { Nonces } from './nonces.js'

/** Nobody knows whether it was taken. */
export const LOST: ReadonlySet<ClientErrorCode> = new Set(['OUTCOME_UNKNOWN', 'DISCONNECTED'])
/** The relay has not looked at the set: the same one is sent again. */
export const WAITED_FOR: ReadonlySet<ClientErrorCode> = new Set(['UNAVAILABLE', 'RATE_LIMITED'])

/** Too many requests are open for a moment; too many orders stay, and what waits behind must not wait for ever. */
export function isCrowded(entry: { tries: number }, error: ClientError): boolean {
  return error.code === 'TOO_MANY_CONCURRENT_REQUESTS' && entry.tries++ < TRIES_MAX
}

/** Nothing of it is signed any more, where the card's last set is of a clock that is ahead: it is signed anew. */
export function isBehind(entry: SignedEntry, nonces: Nonces, error: ClientError): boolean {
  if (entry.mayBeTaken || !nonces.follow(error) || entry.tries++ >= TRIES_MAX) return false
  entry.signed = undefined
  entry.isSignedKept = entry.isSent = false
  return true
}

interface SignedEntry {
  signed: unknown
  isSignedKept: boolean
  isSent: boolean
  readonly mayBeTaken: boolean
  tries: number
}

/** Of one write, where another try may help at once, or soon. */
const TRIES_MAX = 4

/** Of a write that nobody waits for any more; `last`: why the relay did not take it the last time. */
export function abortedAfter(signal: AbortSignal, last: ClientError | undefined): ClientError {
  if (last === undefined) return aborted(signal)
  const problem = `the call was aborted; what the relay said last is ${last.code}: ${last.message}`
  return new ClientError('ABORTED', problem, { cause: signal.reason })
}
