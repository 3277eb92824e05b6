/**
 * What goes wrong for a client. `code` is the wire's where the relay refused, else one of ours; `retryable` says
 * whether the same call may succeed later.
 *
 * Tests: test/client/client-error.test.ts, test/client/shop-client.test.ts
 */

import { errorName, type ErrorName } from '../wire/error-code.js'
import type { WireError } from '../wire/messages.js'

export type ClientErrorCode =
  | Exclude<ErrorName, 'UNSPECIFIED'>
  | 'REFUSED'
  | 'ABORTED'
  | 'CLOSED'
  | 'DISCONNECTED'
  | 'OUTCOME_UNKNOWN'
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'VERIFICATION_FAILED'
  | 'USAGE'

/** Whether the same call may succeed later, with nothing else changed. */
const RETRYABLE: Readonly<Record<ClientErrorCode, boolean>> = {
  // The relay's answers.
  NOT_FOUND: false,
  INVALID: false,
  NOT_AUTHENTICATED: false,
  ALREADY_AUTHENTICATED: false,
  /** The other session may end. */
  ALREADY_CONNECTED: true,
  TOO_MANY_CONCURRENT_REQUESTS: true,
  UNLINKED_KEYCARD: false,
  MINIMUM_VERSION_NOT_REACHED: false,
  /** Another order may give back what it holds, but it is the guest who then asks for less or waits. */
  OUT_OF_STOCK: false,
  SIMULATED: false,
  /** The relay gave the place to others. */
  CLOSE_SUBSCRIPTION: true,
  /** The same expectation fails again. */
  CONFLICT: false,
  UNAVAILABLE: true,
  REFUSED: false,
  // What happens on this side.
  ABORTED: false,
  CLOSED: false,
  DISCONNECTED: true,
  /** What may have been applied is not to be done twice. */
  OUTCOME_UNKNOWN: false,
  UNREACHABLE: true,
  TIMEOUT: true,
  VERIFICATION_FAILED: false,
  USAGE: false,
}

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  readonly retryable: boolean
  /** The listing or order that NOT_FOUND and OUT_OF_STOCK are about. */
  readonly objectId: bigint | undefined

  constructor(code: ClientErrorCode, message: string, options: ErrorOptions & { objectId?: bigint | undefined } = {}) {
    super(message, options)
    this.code = code
    this.retryable = RETRYABLE[code]
    this.objectId = options.objectId
  }
}

/** The error of a relay's answer. */
export function fromWire({ code, message, objectId }: WireError): ClientError {
  const name = errorName(code)
  return new ClientError(name === undefined || name === 'UNSPECIFIED' ? 'REFUSED' : name, message, { objectId })
}

export function aborted(signal: AbortSignal): ClientError {
  return new ClientError('ABORTED', 'the call was aborted', { cause: signal.reason })
}
