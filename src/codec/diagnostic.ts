/** Diagnostic notation (RFC 8949 §8): CBOR values as text for people. */

import { toHex } from '../bytes/hex.js'
import { formatRfc3339 } from './time.js'
import { CborTime, type Cbor } from './value.js'

/** How CBOR is written out for people. */
export interface DiagnosticOptions {
  /** One entry per line, indented by two spaces a level. */
  readonly multiline?: boolean
}

/**
 * Entries in the order of the value; times as tag 0, whatever they were received as. Throws RangeError on a time
 * outside the years 0000 to 9999.
 *
 * @example
 * ```ts
 * import { diagnostic } from 'cairn-relay/codec/diagnostic'
 *
 * console.log(diagnostic(['a', 1n, Uint8Array.of(255)])) // ["a", 1, h'ff']
 * ```
 */
export function diagnostic(value: Cbor, { multiline = false }: DiagnosticOptions = {}): string {
  return write(value, multiline ? '\n' : undefined)
}

/** `lineBreak`: a line feed and the indentation of the surrounding container; none for a single line. */
function write(value: Cbor, lineBreak: string | undefined): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`
  if (value instanceof CborTime) return `0("${formatRfc3339(value.seconds)}")`
  const inner = lineBreak === undefined ? undefined : `${lineBreak}  `
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => `${write(key, inner)}: ${write(item, inner)}`)
    return `{${joined(entries, lineBreak)}}`
  }
  return `[${joined(
    (value as readonly Cbor[]).map((item) => write(item, inner)),
    lineBreak,
  )}]`
}

function joined(parts: readonly string[], lineBreak: string | undefined): string {
  if (lineBreak === undefined || parts.length === 0) return parts.join(', ')
  return `${lineBreak}  ${parts.join(`,${lineBreak}  `)}${lineBreak}`
}
