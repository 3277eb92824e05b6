/**
 * What an outbox does with a refusal.
 *
 * Tests: test/client/outbox.test.ts
 */

import { aborted, ClientError, type ClientErrorCode } from './client-error.js'

/** Nobody knows whether it was taken. */
export const LOST: ReadonlySet<ClientErrorCode> = new Set(['OUTCOME_UNKNOWN', 'DISCONNECTED'])
/** The relay has not looked at the set: the same one is sent again. */
export const WAITED_FOR: ReadonlySet<ClientErrorCode> = new Set(['UNAVAILABLE', 'RATE_LIMITED'])

/** Too many requests are open for a moment; too many orders stay, and what waits behind must not wait for ever. */
export function isCrowded(entry: { tries: number }, error: ClientError): boolean {
  return error.code === 'TOO_MANY_CONCURRENT_REQUESTS' && entry.tries++ < CROWDED_TRIES_MAX
}

const CROWDED_TRIES_MAX = 4

/** Of a write that nobody waits for any more; `last`: why the relay did not take it the last time. */
export function abortedAfter(signal: AbortSignal, last: ClientError | undefined): ClientError {
  if (last === undefined) return aborted(signal)
  const problem = `the call was aborted; what the relay said last is ${last.code}: ${last.message}`
  return new ClientError('ABORTED', problem, { cause: signal.reason })
}
