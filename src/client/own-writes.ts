/**
 * Sets that were sent and are not answered yet. Version 5 answers a set that it has already as it did at first, so what
 * a lost connection left open is sent again, in order, before anything else (PROOFS §4). In version 4 nobody can know.
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import type { WriteRequest } from '../wire/messages.js'
import { aborted, ClientError } from './client-error.js'
import type { RelayConnection } from './connection.js'

interface OpenWrite {
  readonly request: WriteRequest
  readonly resolve: (payload: Uint8Array) => void
  readonly reject: (error: Error) => void
  /** Over a connection that was lost: the relay may have taken it then. */
  wasSent: boolean
}

export class OwnWrites {
  /** In the order of their nonces. */
  private readonly open = new Set<OpenWrite>()

  /** The payload of the answer. Rejects with the wire's code, OUTCOME_UNKNOWN, ABORTED. */
  send(connection: RelayConnection, request: WriteRequest, signal?: AbortSignal): Promise<Uint8Array> {
    if (connection.version === 4) return connection.request(request, signal)
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal))
      const stop = () => finish(() => reject(aborted(signal!)))
      const finish = (settle: () => void) => {
        this.open.delete(write)
        signal?.removeEventListener('abort', stop)
        settle()
      }
      const write: OpenWrite = {
        request,
        resolve: (payload) => finish(() => resolve(payload)),
        reject: (error) => finish(() => reject(error)),
        wasSent: false,
      }
      signal?.addEventListener('abort', stop, { once: true })
      this.open.add(write)
      this.dispatch(connection, write)
    })
  }

  /** All that is open, over a connection that was authenticated anew. */
  resend(connection: RelayConnection): void {
    for (const write of this.open) this.dispatch(connection, write)
  }

  /** Nothing is sent any more. */
  end(): void {
    const problem = 'the connection ended before the relay answered: the write may have been applied'
    for (const write of [...this.open]) write.reject(new ClientError('OUTCOME_UNKNOWN', problem))
  }

  private dispatch(connection: RelayConnection, write: OpenWrite): void {
    const isAgain = write.wasSent
    write.wasSent = true
    connection.request(write.request).then(write.resolve, (error: Error) => {
      const isOpen = error instanceof ClientError && (error.code === 'OUTCOME_UNKNOWN' || error.code === 'DISCONNECTED')
      if (!isOpen) write.reject(isAgain ? refusedAgain(error) : error)
    })
  }
}

/** A relay that cannot take a set now has not looked whether it has it: whoever writes it anew may write it twice. */
export function refusedAgain<E extends Error>(error: E): E | ClientError {
  if (!(error instanceof ClientError && NOT_LOOKED_AT.has(error.code))) return error
  const problem = 'the connection ended before the relay answered, and now it refuses'
  return new ClientError('OUTCOME_UNKNOWN', `${problem} (${error.message}): the write may have been applied`, {
    cause: error,
  })
}

/** The relay counts patches, and the caller wrote changes: one each. */
export function ofChanges(error: ClientError): ClientError {
  const { code, objectId, retryAfter, remedy } = error
  const message = error.message.replace(/^patch (\d+)(?=:)/u, 'changes[$1]')
  return message === error.message
    ? error
    : new ClientError(code, message, { cause: error, objectId, retryAfter, remedy })
}

const NOT_LOOKED_AT: ReadonlySet<ClientError['code']> = new Set([
  'TOO_MANY_CONCURRENT_REQUESTS',
  'UNAVAILABLE',
  'UNLINKED_KEYCARD',
])
