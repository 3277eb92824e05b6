/**
 * What a relay answers over HTTP, within bounds: a body without end, or one that does not come, must not keep a client.
 *
 * Tests: test/client/http-answer.test.ts
 */

import { concatBytes } from '../bytes/bytes.js'
import { HTTP_ANSWER_BYTES_MAX, HTTP_ANSWER_MS_MAX } from '../limits.js'
import { aborted, ClientError } from './client-error.js'

interface HttpAnswer {
  /** 200 … 299. */
  readonly ok: boolean
  readonly status: number
  readonly body: Uint8Array
  /** The header Retry-After. */
  readonly retryAfter: string | null
}

/**
 * `init`: of fetch; left out, GET. Rejects with ClientError: UNREACHABLE, ABORTED, TIMEOUT, and ANSWER_TOO_LARGE for
 * more than 2 MiB.
 */
export async function httpAnswer(address: string, signal?: AbortSignal, init: RequestInit = {}): Promise<HttpAnswer> {
  const limit = new AbortController()
  const end = () => limit.abort()
  const timer = setTimeout(end, HTTP_ANSWER_MS_MAX)
  signal?.addEventListener('abort', end)
  if (signal?.aborted) end()
  try {
    const response = await fetch(address, { ...init, signal: limit.signal })
    const { ok, status, headers } = response
    return { ok, status, body: await bounded(response, address), retryAfter: headers.get('retry-after') }
  } catch (cause) {
    if (cause instanceof ClientError) throw cause
    if (signal?.aborted) throw aborted(signal)
    if (limit.signal.aborted)
      throw new ClientError('TIMEOUT', `${address}: no whole answer in ${HTTP_ANSWER_MS_MAX / 1_000} s`)
    throw new ClientError('UNREACHABLE', `${address} cannot be read`, { cause })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
    // Of an answer that is not wanted nothing more is read.
    end()
  }
}

async function bounded(response: Response, address: string): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  const parts: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) return concatBytes(...parts)
    bytes += value.length
    if (bytes > HTTP_ANSWER_BYTES_MAX)
      throw new ClientError('ANSWER_TOO_LARGE', `${address}: an answer of over ${HTTP_ANSWER_BYTES_MAX} bytes`)
    parts.push(value)
  }
}

/** What a relay says beside a status: `{"error": text}`. */
export function reasonIn(body: Uint8Array): string | undefined {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as { readonly error?: unknown }
    return typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}
