/**
 * Files that a merchant gives to the relay to keep, such as pictures (PROTOCOL §13).
 *
 * Tests: test/cli/catalogue-commands.test.ts
 */

import { UPLOAD_MS_MAX } from '../limits.js'
import { aborted, ClientError } from './client-error.js'
import { TimeLimit } from './time-limit.js'

/**
 * Posts a file to an address that `uploadUrl` of a client gave, which is good for one. Resolves with the address at
 * which everybody finds it. Rejects with ClientError: REFUSED, UNREACHABLE, TIMEOUT, ABORTED.
 *
 * @example
 * ```ts
 * import { uploadBlob, type ShopClient } from 'cairn-relay/client'
 *
 * export async function picture(client: ShopClient, png: Uint8Array<ArrayBuffer>): Promise<string> {
 *   return uploadBlob(await client.uploadUrl(), png)
 * }
 * ```
 */
export async function uploadBlob(
  address: string,
  bytes: Uint8Array<ArrayBuffer>,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const body = new FormData()
  body.append('file', new Blob([bytes]))
  const limit = new TimeLimit(UPLOAD_MS_MAX, signal)
  const { status, text } = await posted(address, body, limit.signal)
    .catch((cause: unknown) => {
      if (signal?.aborted) throw aborted(signal)
      const { origin } = new URL(address)
      const late = `${origin} did not take the file in ${UPLOAD_MS_MAX / 1_000} s`
      if (limit.isOver) throw new ClientError('TIMEOUT', late)
      throw new ClientError('UNREACHABLE', `${origin} cannot be reached`, { cause })
    })
    .finally(() => limit.clear())
  const { url, error } = fieldsOf(text)
  if (status === 201 && typeof url === 'string') return url
  throw new ClientError(
    'REFUSED',
    `the relay does not take the file: ${typeof error === 'string' ? error : `it answers ${status}`}`,
  )
}

async function posted(
  address: string,
  body: FormData,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(address, { method: 'POST', body, signal })
  return { status: response.status, text: await response.text() }
}

function fieldsOf(text: string): { readonly url?: unknown; readonly error?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object
  } catch {
    return {}
  }
}
