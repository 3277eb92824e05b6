/** A row of the tables of lies. */

import type { Lie as Telling } from '../fixtures/lying-proxy.js'
import type { NotesShown } from './noted.js'
import type { Shown } from './paid.js'
import type { Sdk, Stage } from './stage.js'

export interface LieRow {
  /** Once in all tables. */
  readonly name: string
  /** What the relay does. */
  readonly does: string
  /** A key of SESSIONS. */
  readonly session: string
  /** `VERIFICATION_FAILED/two-contents`: the client's code, and behind a slash its cause's code or name. */
  readonly error: string
  /** A part of its message. */
  readonly says: string
  /** What the proxy says; made for each session. It begins at once unless `late`. */
  readonly tell?: (stage: Stage) => Telling
  /** Begins once the session has seen what was true. */
  readonly late?: true
  /** What is written once the session has seen what was true, before it compares. */
  readonly beforeComparing?: (stage: Stage) => Promise<unknown>
  /** Instead of a good receipt. */
  readonly receipt?: (stage: Stage) => Shown
  /** Instead of good notes. */
  readonly notes?: (stage: Stage) => NotesShown
  /** Throws what a check throws. */
  readonly byHand?: (stage: Stage, sdk: Sdk) => void
  /** What else is done before the session. */
  readonly prepare?: (stage: Stage) => void | Promise<void>
}

/** How an error is named in the tables. */
export function errorName(error: unknown): string {
  const { code, name, cause } = error as { code?: string; name: string; cause?: { code?: string; name: string } }
  const why = cause?.code ?? cause?.name
  return [code ?? name, ...(why === undefined ? [] : [why])].join('/')
}
