/**
 * What a request is answered with (PROTOCOL §8, §14): a payload, or an error of the wire's.
 *
 * Tests: test/e2e/sessions.test.ts
 */

import type { ErrorName } from '../../wire/error-code.js'

export type Answer =
  /** `sent` is called once the answer has gone out. */
  | { readonly ok: true; readonly payload: Uint8Array; readonly sent?: () => void }
  | { readonly ok: false; readonly code: ErrorName; readonly message: string; readonly objectId?: bigint }

const EMPTY = new Uint8Array(0)

export function success(payload: Uint8Array = EMPTY): Answer {
  return { ok: true, payload }
}

export function failure(code: ErrorName, message: string): Answer {
  return { ok: false, code, message }
}
