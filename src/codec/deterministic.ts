/**
 * Reading of bytes that have one encoding only, the deterministic one (PROTOCOL §2): whoever signs or hashes them, and
 * whoever compares them, means the same by the same bytes.
 */

import { equalBytes } from '../bytes/bytes.js'
import { decode } from './decode.js'
import { encode } from './encode.js'
import { SchemaError, type Schema } from './schema.js'

/**
 * The value of `bytes`, of which byte strings are views; `at` names it for errors. Throws CborError, and SchemaError if
 * it has another shape or `bytes` are another encoding of it.
 */
export function readDeterministic<T>(schema: Schema<T>, bytes: Uint8Array, at: string): T {
  const value = schema.read(decode(bytes), at)
  const wanted = encode(schema.write(value))
  if (equalBytes(bytes, wanted)) return value
  const place = bytes.findIndex((byte, i) => byte !== wanted[i])
  throw new SchemaError(at, `is not in its deterministic encoding, from byte ${place < 0 ? bytes.length : place} on`)
}
