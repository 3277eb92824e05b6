/** A patch: one change of one object (PROTOCOL §4, §5), read from the bytes that were received or made here. */

import { decodeChecked } from '../codec/decode.js'
import { encode, type Encodable } from '../codec/encode.js'
import { SchemaError } from '../codec/schema.js'
import type { Cbor, CborKey } from '../codec/value.js'

export type PathPart = string | bigint | Uint8Array

export type Op = 'add' | 'replace' | 'remove' | 'append' | 'increment' | 'decrement'

/** A change as its author says it. `value` is absent for remove. */
export interface Change {
  readonly op: Op
  readonly path: readonly [string, ...PathPart[]]
  readonly value?: Encodable
}

/** A patch as received; whether `op` and `path` mean something is checked when it is applied. */
export interface Patch {
  readonly op: string
  readonly path: readonly PathPart[]
  /** null where the patch has none. */
  readonly value: Cbor
  /** The received bytes, a view: what the leaf hash is taken over. */
  readonly bytes: Uint8Array
}

/** Reads one patch from checked bytes. Throws SchemaError for anything that is not {Op, Path, Value?}. */
export function readPatch(bytes: Uint8Array): Patch {
  const map = decodeChecked(bytes)
  if (!(map instanceof Map)) throw new SchemaError('Patch', 'must be a map')
  let op: Cbor | undefined
  let path: Cbor | undefined
  let value: Cbor = null
  for (const [key, item] of map as ReadonlyMap<CborKey, Cbor>) {
    if (key === 'Op') op = item
    else if (key === 'Path') path = item
    else if (key === 'Value') value = item
    else throw new SchemaError('Patch', `has an unknown field ${JSON.stringify(String(key).slice(0, 64))}`)
  }
  if (typeof op !== 'string') throw new SchemaError('Patch.Op', 'must be a text')
  return { op, path: readPath(path), value, bytes }
}

/** The deterministic encoding of a change that is made here. */
export function encodeChange(change: Change): Uint8Array {
  const map = new Map<CborKey, Encodable>([
    ['Op', change.op],
    ['Path', change.path],
  ])
  if (change.value !== undefined) map.set('Value', change.value)
  return encode(map)
}

function readPath(path: Cbor | undefined): readonly PathPart[] {
  if (!Array.isArray(path) || path.length === 0) throw new SchemaError('Patch.Path', 'must be an array, not empty')
  return path.map((part: Cbor, i) => {
    if (typeof part === 'string' || part instanceof Uint8Array) return part
    if (typeof part === 'bigint' && part >= 0n) return part
    throw new SchemaError(`Patch.Path.${i}`, 'must be a text, an unsigned integer or a byte string')
  })
}
