/**
 * Whose pages the relay answers (docs/protocol, Allowed origins). Browsers name the origin of a page with each
 * WebSocket, and with each request that leaves its origin; programs name none, so this keeps out pages and nobody else.
 *
 * Tests: test/relay/transport/allowed-origins.test.ts, test/e2e/refused-origin.test.ts
 */

import type { Headers } from './request-head.js'

/** The setting's word for all of them. */
export const ANY_ORIGIN = 'any'

export class AllowedOrigins {
  /** As `GET /` tells them: without the relay's own. */
  readonly told: typeof ANY_ORIGIN | readonly string[]
  private readonly allowed: ReadonlySet<string>

  /** `setting`: `any`, or origins with commas between them, as the setting allows them; `own`: of the relay's pages. */
  constructor(setting: string, own: readonly string[]) {
    this.told = setting === ANY_ORIGIN ? ANY_ORIGIN : setting.split(',')
    this.allowed = new Set([...own, ...setting.split(',')])
  }

  /** Why a request is not answered, or undefined. What names no origin, or is asked for by the relay's pages, is. */
  refusal(headers: Headers): string | undefined {
    const origin = headers.get('origin')
    if (this.told === ANY_ORIGIN || origin === undefined || this.allowed.has(origin)) return undefined
    return `the relay answers no pages of ${origin.slice(0, ORIGIN_TOLD_MAX)}: its operator does not allow this origin`
  }

  /**
   * What an answer has to say to the browser. A page that is refused may read why. `vary`: on what else the answer
   * depends.
   */
  answerHeaders(headers: Headers, vary: string | undefined): Readonly<Record<string, string>> {
    if (this.told === ANY_ORIGIN) return { 'Access-Control-Allow-Origin': '*' }
    const origin = headers.get('origin')
    const named = origin === undefined ? {} : { 'Access-Control-Allow-Origin': origin }
    return { ...named, Vary: vary === undefined ? 'Origin' : `${vary}, Origin` }
  }
}

const ORIGIN_TOLD_MAX = 128
