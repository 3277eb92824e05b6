/**
 * One question to a chain in JSON-RPC: over HTTP, or through a provider, as wallets and viem's clients are.
 *
 * Tests: test/client/shop-chain.test.ts
 */

import { isJsonObject, readJson } from '../bytes/json.js'
import { HTTP_ANSWER_MS_MAX } from '../limits.js'
import { aborted, ClientError } from './client-error.js'
import { httpAnswer } from './http-answer.js'

/** As EIP-1193 has it. */
export interface EthereumProvider {
  /** The result of a JSON-RPC call. Rejects with what the wallet or endpoint says. */
  request(question: { readonly method: string; readonly params?: readonly unknown[] | undefined }): Promise<unknown>
}

interface Question {
  readonly method: string
  readonly params: readonly unknown[]
}

/**
 * The result; undefined where a contract reverts. Of several addresses the first one that answers. Rejects with
 * ClientError UNREACHABLE, with what the last one said, and ABORTED.
 */
export async function rpcRequest(
  rpc: string | readonly string[] | EthereumProvider,
  question: Question,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const ways = typeof rpc === 'string' ? [rpc] : 'request' in rpc ? [rpc] : rpc
  let problem: unknown = new Error('no endpoint is given')
  for (const way of ways) {
    try {
      return await (typeof way === 'string' ? askOver(way, question, signal) : inTime(way.request(question), signal))
    } catch (error) {
      if (signal?.aborted) throw aborted(signal)
      if (isRevert(error)) return undefined
      problem = error
    }
  }
  const { method } = question
  throw new ClientError('UNREACHABLE', `the chain does not answer ${method}: ${reasonOf(problem)}`, { cause: problem })
}

async function askOver(url: string, { method, params }: Question, signal: AbortSignal | undefined): Promise<unknown> {
  const { status, body } = await httpAnswer(url, signal, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  const answer = readJson(
    () => new TextDecoder().decode(body),
    () => undefined,
  )
  if (!isJsonObject(answer)) throw new RpcError({ message: `it answers ${status} without JSON` })
  if (isJsonObject(answer['error'])) throw new RpcError(answer['error'])
  return answer['result']
}

/** What a provider, which knows no signal, answers in time. */
function inTime<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => end(() => reject(aborted(signal!)))
    const late = () => end(() => reject(new RpcError({ message: `no answer in ${HTTP_ANSWER_MS_MAX / 1_000} s` })))
    const timer = setTimeout(late, HTTP_ANSWER_MS_MAX)
    const end = (settle: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      settle()
    }
    signal?.addEventListener('abort', stop, { once: true })
    answer.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    )
  })
}

class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: unknown

  constructor({ code, message }: { readonly code?: unknown; readonly message?: unknown }) {
    super(typeof message === 'string' ? message : `error ${String(code)}`)
    this.code = code
  }
}

/** Addresses of endpoints may hold keys: they are not repeated. */
function reasonOf(problem: unknown): string {
  return problem instanceof ClientError ? problem.code : (problem as Error).message
}

/** Code 3 is a revert with data; without data only the words say it. */
function isRevert(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  return code === 3 || (typeof message === 'string' && /\brevert(?:ed)?\b/iu.test(message))
}
