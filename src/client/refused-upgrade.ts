/**
 * Why a WebSocket did not open: a page is told nothing but that it did not, so the same address is asked over HTTP.
 *
 * Tests: test/client/refused-upgrade.test.ts
 */

import type { WireVersion } from '../wire/envelope.js'
import { ClientError, isPlainPort, rateLimited, noRelayAt } from './client-error.js'
import { httpAnswer, reasonIn } from './http-answer.js'

/**
 * RATE_LIMITED, UNAVAILABLE, ORIGIN_REFUSED, ABORTED, UNREACHABLE where https was asked of http, or NO_WEBSOCKET where
 * the relay would take it; undefined where nothing answers, or there is no such version.
 */
export async function whyNotOpened(
  url: string,
  version: WireVersion,
  signal: AbortSignal | undefined,
): Promise<ClientError | undefined> {
  const target = new URL(`/v${version}/sessions`, url)
  target.protocol = target.protocol.replace('ws', 'http')
  try {
    const { status, body, retryAfter } = await httpAnswer(target.href, signal)
    const reason = reasonIn(body)
    if (status === 429) return rateLimited(reason ?? 'the relay is asked too often', retryAfter)
    if (status === 503) return new ClientError('UNAVAILABLE', reason ?? 'the relay does not serve now')
    // Other servers answer so too, without a reason.
    if (status === 403 && reason !== undefined) return new ClientError('ORIGIN_REFUSED', reason)
    if (status === 426 && reason !== undefined)
      return new ClientError('NO_WEBSOCKET', `the relay answers at ${target.origin}, and no WebSocket to it opens`)
    return undefined
  } catch (error) {
    if (!(error instanceof ClientError)) return undefined
    if (isPlainPort(error)) return noRelayAt(url, error)
    return error.code === 'ABORTED' ? error : undefined
  }
}
