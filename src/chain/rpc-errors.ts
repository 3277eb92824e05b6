/**
 * What an endpoint's errors mean: how nodes and those who rent them out say it differs.
 *
 * Tests: test/chain/rpc-chain.test.ts
 */

import { FalseAnswer } from './rpc-values.js'

/** Errors of a node that has too much to answer; what they say differs. */
export function isTooMuch(error: unknown): boolean {
  if (codeOf(error) === undefined || isTooOften(error)) return false
  return /range|too (many|large|big)|limit|more than|exceed/iu.test(detailsOf(error))
}

/** Of an endpoint that was asked too often: a narrower question would be asked too often just so. */
function isTooOften(error: unknown): boolean {
  return /\brate\b|quota|capacity|too many requests|request count|per (second|minute|hour|day)|daily|throttl/iu.test(
    detailsOf(error),
  )
}

/** The node ran the call and says that it failed, or answered with something that is no bytes. */
export function isOfTheCall(error: unknown): boolean {
  return error instanceof FalseAnswer || (codeOf(error) !== undefined && !isTooOften(error))
}

/** The endpoint does not know the method, does not offer it to us, or has nothing to answer it with. */
export function isNotOffered(error: unknown): boolean {
  const { status } = error as { status?: unknown }
  const isRefused = typeof status === 'number' && status >= 400 && status < 500 && status !== 408 && status !== 429
  return isRefused || (codeOf(error) !== undefined && !isTooOften(error))
}

export function isRevert(error: unknown): boolean {
  return (
    codeOf(error) === 3 || (codeOf(error) !== undefined && /revert|invalid opcode|out of gas/iu.test(detailsOf(error)))
  )
}

/** viem's code for what is no answer of a node. */
const UNKNOWN_ERROR = -1

/** Of an error that the node itself answered with; undefined for one of the way to it. */
function codeOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'number' && code !== UNKNOWN_ERROR ? code : undefined
}

function detailsOf(error: unknown): string {
  const { details, message } = error as { details?: string; message?: string }
  return details ?? message ?? ''
}

/** One line without URLs. */
export function reasonOf(error: unknown): string {
  if (error instanceof FalseAnswer) return `it ${error.message}`
  const { name } = error as Error
  if (name === 'TimeoutError') return 'it does not answer in time'
  return codeOf(error) === undefined ? 'it cannot be asked' : `it answers with error ${codeOf(error)}`
}
