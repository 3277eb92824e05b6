/** A patch: one change of one object (PROTOCOL §4, §5), made here or read from bytes of anybody. */

import { encode, type Encodable } from '../codec/encode.js'
import { checkForm } from '../codec/span.js'
import type { CborKey } from '../codec/value.js'
import { readCheckedPatch, type Patch, type PathPart } from './checked-patch.js'

export { SchemaError } from '../codec/schema.js'
export { CborError } from '../codec/value.js'
export type { Patch, PathPart } from './checked-patch.js'

/** `append`: at the end of a list; `increment`, `decrement`: of a number, whatever it is then. */
export type Op = 'add' | 'replace' | 'remove' | 'append' | 'increment' | 'decrement'

/** A change as its author says it. `value` is absent for remove, which is written with null. */
export interface Change {
  readonly op: Op
  readonly path: readonly [string, ...PathPart[]]
  readonly value?: Encodable
}

/**
 * Checks and reads one patch; it views `bytes`, which must not change. Throws CborError for bytes that are not one
 * well-formed item, SchemaError for anything that is not {Op, Path, Value?}.
 *
 * @example
 * ```ts
 * import { encodeChange, readPatch } from 'cairn-relay/patches'
 *
 * const bytes = encodeChange({ op: 'replace', path: ['Listings', 42n, 'Price'], value: 1_250n })
 * const { op, path, value } = readPatch(bytes)
 * console.log(op, path, value) // replace [ 'Listings', 42n, 'Price' ] 1250n
 * ```
 */
export function readPatch(bytes: Uint8Array): Patch {
  checkForm(bytes)
  return readCheckedPatch(bytes)
}

/**
 * The deterministic encoding of a change that is made here.
 *
 * @example
 * ```ts
 * import { encodeChange } from 'cairn-relay/patches'
 *
 * console.log(encodeChange({ op: 'remove', path: ['Tags', 'red'] }).length) // 33
 * ```
 */
export function encodeChange(change: Change): Uint8Array {
  const map = new Map<CborKey, Encodable>([
    ['Op', change.op],
    ['Path', change.path],
  ])
  // A remove has null: an existing client reads the field of every patch (§4).
  const value = change.op === 'remove' ? (change.value ?? null) : change.value
  if (value !== undefined) map.set('Value', value)
  return encode(map)
}
