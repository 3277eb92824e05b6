/**
 * What goes wrong for a client. `code` is the wire's where the relay refused, else one of ours; `retryable` says
 * whether the same call may succeed later.
 *
 * Tests: test/client/shop-client.test.ts
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

const RETRYABLE: ReadonlySet<ClientErrorCode> = new Set([
  'DISCONNECTED',
  'UNREACHABLE',
  'TIMEOUT',
  'TOO_MANY_CONCURRENT_REQUESTS',
  'ALREADY_CONNECTED',
])

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  readonly retryable: boolean
  /** The listing or order that NOT_FOUND and OUT_OF_STOCK are about. */
  readonly objectId: bigint | undefined

  constructor(code: ClientErrorCode, message: string, options: ErrorOptions & { objectId?: bigint | undefined } = {}) {
    super(message, options)
    this.code = code
    this.retryable = RETRYABLE.has(code)
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
