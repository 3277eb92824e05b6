/**
 * The head of an HTTP request, read alike for both transports: header fields, the absolute form of a target (RFC 9112
 * §3.2.2), and heads whose body two readers could cut differently (§6.3, request smuggling), which are refused.
 *
 * Tests: test/relay/transport/request-head.test.ts, test/relay/transport/transport.test.ts
 */

/** Names in lower case. */
export type Headers = ReadonlyMap<string, string>

/** What stands in several fields of one name is joined by `, ` (RFC 9110 §5.3). */
export function readFields(fields: Iterable<readonly [name: string, value: string]>): Map<string, string> {
  const headers = new Map<string, string>()
  for (const [written, value] of fields) {
    const name = written.toLowerCase()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headers
}

interface SplitTarget {
  readonly path: string
  readonly query: URLSearchParams
  /** Of an absolute form; it counts in place of Host. */
  readonly authority: string | undefined
}

/** `/path?query`, or that behind `http://authority`; any other target is a path that nobody serves. */
export function splitTarget(target: string): SplitTarget {
  const absolute = /^https?:\/\/(?:[^/?#@]*@)?([^/?#@]+)(.*)$/i.exec(target)
  const rest = absolute?.[2] ?? target
  const origin = absolute === null || rest.startsWith('/') ? rest : `/${rest}`
  const queryAt = origin.indexOf('?')
  return {
    path: queryAt < 0 ? origin : origin.slice(0, queryAt),
    query: new URLSearchParams(queryAt < 0 ? '' : origin.slice(queryAt + 1)),
    authority: absolute?.[1],
  }
}

export interface HeadFault {
  readonly status: 400 | 501
  /** One clause for the client. */
  readonly reason: string
}

/** Why a request with this head is not taken up, or undefined. Its connection has to be closed. */
export function headFault(headers: Headers): HeadFault | undefined {
  const [length, coding] = [headers.get('content-length'), headers.get('transfer-encoding')]
  if (length !== undefined && !/^\d+$/.test(length)) return { status: 400, reason: 'Content-Length is not one number' }
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return { status: 501, reason: 'Transfer-Encoding is not chunked alone' }
  if (length !== undefined && coding !== undefined)
    return { status: 400, reason: 'Content-Length and Transfer-Encoding exclude each other' }
  if (/[\s,]/.test(headers.get('host') ?? '')) return { status: 400, reason: 'Host is not one name' }
  return undefined
}

/** As `headFault`, for a request to upgrade: what followed its head as a body would be read as frames. */
export function upgradeFault(headers: Headers): HeadFault | undefined {
  const fault = headFault(headers)
  if (fault !== undefined) return fault
  const hasBody = headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0
  return hasBody ? { status: 400, reason: 'an upgrade has no body' } : undefined
}
