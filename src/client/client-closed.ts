/**
 * Whoever waits for something of a client that is closed meanwhile is told that, and not that it came too late.
 *
 * Tests: test/client/client-closed.test.ts
 */

import { clientClosed, type ClientError } from './client-error.js'
import type { ConnectionState } from './relay-link.js'

/** What is asked of a client; a ShopClient is one. */
export interface ClosingClient {
  readonly state: ConnectionState
  onState(watch: (state: ConnectionState) => void): () => void
}

/** Calls `closed` with CLOSED once the client is closed, at once where it is; the returned function ends that. */
function onClosed(client: ClosingClient, closed: (error: ClientError) => void): () => void {
  if (client.state === 'closed') closed(clientClosed())
  return client.onState((state) => {
    if (state === 'closed') closed(clientClosed())
  })
}

/** What `act` gives under a signal that aborts with `signal` and with the client. Rejects with CLOSED and ABORTED. */
export async function untilClosed<T>(
  client: ClosingClient,
  signal: AbortSignal | undefined,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  const abort = () => ending.abort(signal!.reason)
  let closed: ClientError | undefined
  const stop = onClosed(client, (error) => {
    closed = error
    ending.abort(error)
  })
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    return await act(ending.signal)
  } catch (error) {
    throw closed ?? error
  } finally {
    stop()
    signal?.removeEventListener('abort', abort)
  }
}
