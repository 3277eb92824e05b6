/** Diagnostic notation (RFC 8949 §8): CBOR values as text for people. */

import { toHex } from '../bytes/hex.js'
import { formatRfc3339 } from './time.js'
import { CborTime, type Cbor } from './value.js'

/** One line; entries in the order of the value. */
export function diagnostic(value: Cbor): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`
  if (value instanceof CborTime) return `0("${formatRfc3339(value.seconds)}")`
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${diagnostic(key)}: ${diagnostic(item)}`).join(', ')}}`
  }
  return `[${(value as readonly Cbor[]).map(diagnostic).join(', ')}]`
}
