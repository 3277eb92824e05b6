/**
 * What goes wrong for a client. `code` is one of the catalogue (docs/errors): the wire's where the relay refused, else
 * one of ours; `retryable` says whether the same call may succeed later.
 *
 * Tests: test/wire/error-catalogue.test.ts, test/client/client-error.test.ts, test/client/arguments.test.ts
 */

import { ERROR_REMEDIES, type ErrorCatalogueCode } from '../wire/error-remedies.js'
import { errorName } from '../wire/error-code.js'
import type { WireError } from '../wire/messages.js'
import type { Money } from './amount-of-money.js'

/** What `docs/errors` has a page for, each. */
export type ClientErrorCode = ErrorCatalogueCode

/**
 * The same call may succeed later, with nothing else changed. CONFLICT is none of them: the same expectation fails
 * again; nor is OUT_OF_STOCK: it is the guest who asks for less or waits; nor OUTCOME_UNKNOWN: what may have been
 * applied is not to be done twice.
 */
const RETRYABLE: ReadonlySet<ClientErrorCode> = new Set([
  /** The other session may end. */
  'ALREADY_CONNECTED',
  'TOO_MANY_CONCURRENT_REQUESTS',
  /** The relay gave the place to others. */
  'CLOSE_SUBSCRIPTION',
  'UNAVAILABLE',
  'CHAIN_UNREACHABLE',
  'RATE_LIMITED',
  'DISCONNECTED',
  'UNREACHABLE',
  'TIMEOUT',
  /** What stands between may let the next one through. */
  'NO_WEBSOCKET',
])

/** Of PRICE_CHANGED: what the guest agreed to, and what it comes to now; undefined where nothing does. */
export interface ChangedTotal {
  readonly agreed: Money
  readonly now: Money | undefined
}

interface ClientErrorOptions extends ErrorOptions {
  readonly objectId?: bigint | undefined
  readonly path?: string | undefined
  readonly remedy?: string | undefined
  readonly retryAfter?: number | undefined
  readonly totals?: ChangedTotal | undefined
}

/** What the client library rejects with and throws, each with a code of the catalogue (docs/errors). */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  readonly retryable: boolean
  /**
   * The listing or order that NOT_FOUND, OUT_OF_STOCK, VARIATION_MISSING and CHECKOUT_PENDING are about, the order that
   * is there where a checkout is PRICE_CHANGED or INVALID, and that which OUTCOME_UNKNOWN, CLOSED, ABORTED and
   * UNAVAILABLE leave open.
   */
  readonly objectId: bigint | undefined
  /** Of USAGE: the argument, as `options.relay` or `changes[0].path[2]`. */
  readonly path: string | undefined
  /** What to do now, one sentence. */
  readonly remedy: string
  /** Of RATE_LIMITED: seconds until the relay may be asked again. */
  readonly retryAfter: number | undefined
  /** Of PRICE_CHANGED: both totals. */
  readonly totals: ChangedTotal | undefined

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    const { objectId, path, remedy = ERROR_REMEDIES[code], retryAfter, totals, ...rest } = options
    super(message, rest)
    this.code = code
    this.retryable = RETRYABLE.has(code)
    this.objectId = objectId
    this.path = path
    this.remedy = remedy
    this.retryAfter = retryAfter
    this.totals = totals
  }
}

/** Of an argument, at `path`: nothing is sent. `problem`: a sentence, with or without its full stop. */
export function usage(path: string, problem: string, remedy: string): ClientError {
  return new ClientError('USAGE', `${path}: ${problem.replace(/\.$/u, '')}. ${remedy}`, { path, remedy })
}

/** What an argument is, as a sentence's end: `it is a list`. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value === 'bigint') return String(value)
  if (value === undefined) return 'missing'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

/** Of what version 4 has not. */
export function needsVersion5(problem: string): ClientError {
  return new ClientError('NEEDS_VERSION_5', problem)
}

/** The error of a relay's answer. */
export function fromWire({ code, message, objectId }: WireError): ClientError {
  const name = errorName(code)
  return new ClientError(name === undefined || name === 'UNSPECIFIED' ? 'REFUSED' : name, message, { objectId })
}

/** A relay that is asked too often; `header`: Retry-After, seconds. */
export function rateLimited(what: string, header: string | null): ClientError {
  const seconds = Number(header)
  const retryAfter = header !== null && Number.isInteger(seconds) && seconds > 0 ? seconds : RETRY_AFTER_DEFAULT
  return new ClientError('RATE_LIMITED', `${what}; again in ${retryAfter} s`, { retryAfter })
}

/** Where the relay names no time. */
const RETRY_AFTER_DEFAULT = 1

/** Nothing that can be talked to at `url`; `cause`: what the platform said. */
export function noRelayAt(url: string, cause?: unknown): ClientError {
  const problem = `no relay answers at ${new URL(url).origin}`
  if (!isPlainPort(cause)) return new ClientError('UNREACHABLE', problem, { cause })
  const remedy = 'Write http:// in the url, or put a proxy with a certificate before the relay.'
  return new ClientError('UNREACHABLE', `${problem}: what answers there does not speak https`, { cause, remedy })
}

/** Whether what was asked in https does not speak it: as Node has it, browsers do not tell. */
export function isPlainPort(cause: unknown): boolean {
  for (let error = cause; error instanceof Error; error = error.cause)
    if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|EPROTO/u.test(String((error as { code?: unknown }).code)))
      return true
  return false
}

/** Of a subscription: of a shop's own parts none is NOT_FOUND. A relay may have less than it had. */
export function shopNotFound(cause: unknown): never {
  if (!(cause instanceof ClientError) || cause.code !== 'NOT_FOUND') throw cause
  if (cause.message.includes('lies beyond the head'))
    throw new ClientError('UNAVAILABLE', `sets are lost: ${cause.message}`, { cause })
  const remedy = "Look at the shop's id, and whether the url is that of its relay."
  throw new ClientError('NOT_FOUND', cause.message, { cause, remedy })
}

export function clientClosed(): ClientError {
  return new ClientError('CLOSED', 'the client was closed')
}

export function aborted(signal: AbortSignal): ClientError {
  return new ClientError('ABORTED', 'the call was aborted', { cause: signal.reason })
}

/** Mostly it is the address that is wrong, and no relay. */
const SIGNER_REMEDY =
  "Look at the relay's address that was given: it may be mistyped, or another relay's. If it is right, do not trust " +
  'what it shows; keep the message, and tell the merchant.'

/** Whatever a check threw. */
export function verificationFailed(cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause
  const remedy = isOfOtherRelay(cause) ? SIGNER_REMEDY : undefined
  return new ClientError('VERIFICATION_FAILED', (cause as Error).message, { cause, remedy })
}

/** Whether a check found what another relay, or one of another shop, has signed. */
export function isOfOtherRelay(cause: unknown): boolean {
  const { code, at } = (cause ?? {}) as { readonly code?: unknown; readonly at?: unknown }
  // The answer to a question may be of another set: that is no other relay.
  return code === 'signer' || (code === 'identity' && at !== 'Seq')
}
