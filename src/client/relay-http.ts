/**
 * What a relay answers over HTTP (PROOFS §4), as bytes: one way for all who ask it.
 *
 * Tests: test/client/relay-http.test.ts
 */

import { RECEIPT_WAIT_MS_MAX } from '../limits.js'
import { aborted, ClientError, rateLimited, noRelayAt, type ClientErrorCode } from './client-error.js'
import { httpAnswer, reasonIn } from './http-answer.js'

export interface RelayPlace {
  /** http(s) address of the relay. */
  readonly url: string
  readonly signal?: AbortSignal | undefined
}

/**
 * The body of `path`, which begins with a slash. A relay that is asked for too much in a short time (429: the receipts
 * of many orders are many questions) is asked again after a pause. Rejects with ClientError: UNREACHABLE,
 * NOT_FOUND, UNAVAILABLE, ORIGIN_REFUSED, REFUSED for any other answer that is none, ANSWER_TOO_LARGE, ABORTED,
 * TIMEOUT, RATE_LIMITED.
 */
export async function bytesFromRelay(place: RelayPlace, path: string): Promise<Uint8Array> {
  let refusal: ClientError | undefined
  for (let waited = 0; waited < RECEIPT_WAIT_MS_MAX; waited += TOO_MANY_PAUSE_MS) {
    const response = await answerOf(place, path)
    if (response.status !== TOO_MANY) return response.bytes
    refusal = rateLimited(`${path}: the relay answers that it is asked too often`, response.retryAfter)
    await pause(TOO_MANY_PAUSE_MS, place.signal)
  }
  throw refusal!
}

const TOO_MANY = 429
const CODES: ReadonlyMap<number, ClientErrorCode> = new Map([
  [403, 'ORIGIN_REFUSED'],
  [404, 'NOT_FOUND'],
  [503, 'UNAVAILABLE'],
])
const TOO_MANY_PAUSE_MS = 1_000

/** The bytes of an answer of 429 stand for nothing. */
async function answerOf(
  { url, signal }: RelayPlace,
  path: string,
): Promise<{ readonly status: number; readonly bytes: Uint8Array; readonly retryAfter: string | null }> {
  const address = `${url.replace(/\/+$/u, '')}${path}`
  const {
    ok,
    status,
    body: bytes,
    retryAfter,
  } = await httpAnswer(address, signal).catch((error: unknown) => {
    if (!(error instanceof ClientError && error.code === 'UNREACHABLE')) throw error
    throw noRelayAt(address, error)
  })
  if (ok || status === TOO_MANY) return { status, bytes, retryAfter }
  const reason = reasonIn(bytes)
  throw new ClientError(
    CODES.get(status) ?? 'REFUSED',
    `${path}: the relay answers ${status}${reason === undefined ? '' : `: ${reason}`}`,
  )
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const stop = () => {
      clearTimeout(timer)
      reject(aborted(signal!))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
