/**
 * A patch as it was received (PROTOCOL §4, §5), read from bytes whose form was checked with the whole set's.
 *
 * Tests: test/patches/patch.test.ts
 */

import { assert } from '../assert.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { MAP } from '../codec/head.js'
import { SchemaError } from '../codec/schema.js'
import { namedFields, type NamedFields } from '../codec/fields.js'
import { itemCount, majorTypeAt, type Span } from '../codec/span.js'
import { CborError, type Cbor } from '../codec/value.js'
import { PATH_ITEMS_MAX, VALUE_ITEMS_MAX } from '../limits.js'

/** A collection, a key or a field, or a place in a list. */
export type PathPart = string | bigint | Uint8Array

/** A patch as received; whether `op` and `path` mean something is checked when it is applied. */
export interface Patch {
  readonly op: string
  readonly path: readonly PathPart[]
  /**
   * null where the patch has none. Decoded each time: many patches wait in memory, and a value can be large. Throws
   * SchemaError.
   */
  readonly value: Cbor
  /** The received bytes, a view: what the leaf hash is taken over. */
  readonly bytes: Uint8Array
}

/**
 * Reads one patch from bytes that passed checkForm or were encoded here: of others it may never end. Throws SchemaError
 * for anything that is not {Op, Path, Value?}.
 */
export function readCheckedPatch(bytes: Uint8Array): Patch {
  const { spans, unknown } = fieldsOf(bytes)
  if (unknown !== undefined)
    throw new SchemaError('Patch', `has an unknown field ${JSON.stringify(unknown.slice(0, 64))}`)
  const [op, path, value] = spans
  const text = op && decodeSmall(bytes, op, 'Patch.Op')
  if (typeof text !== 'string') throw new SchemaError('Patch.Op', 'must be a text')
  const parts = readPath(path && decodeSmall(bytes, path, 'Patch.Path'))
  return new ReceivedPatch(bytes, text, parts, { op: op!.start, path: path!.start, value: value?.start ?? 0 })
}

/** Where in a patch its parts lie, so that it is made again without reading all of it; `value`: 0 if it has none. */
interface PatchPlaces {
  readonly op: number
  readonly path: number
  readonly value: number
}

/** Of one that readCheckedPatch or patchAt made. */
export function placesOf(patch: Patch): PatchPlaces {
  assert(patch instanceof ReceivedPatch, 'a patch that nobody read')
  return patch.places
}

/** What readCheckedPatch made of the same bytes, by its places. */
export function patchAt(bytes: Uint8Array, places: PatchPlaces): Patch {
  const op = decodeChecked(bytes, places.op) as string
  return new ReceivedPatch(bytes, op, decodeChecked(bytes, places.path) as readonly PathPart[], places)
}

const FIELDS = ['Op', 'Path', 'Value'] as const

class ReceivedPatch implements Patch {
  readonly op: string
  readonly path: readonly PathPart[]
  readonly bytes: Uint8Array
  readonly places: PatchPlaces

  constructor(bytes: Uint8Array, op: string, path: readonly PathPart[], places: PatchPlaces) {
    this.bytes = bytes
    this.op = op
    this.path = path
    this.places = places
  }

  get value(): Cbor {
    const start = this.places.value
    if (start === 0) return null
    if (itemCount(this.bytes, start, VALUE_ITEMS_MAX) > VALUE_ITEMS_MAX)
      throw new SchemaError('Patch.Value', `must have at most ${VALUE_ITEMS_MAX} items`)
    return decodeChecked(this.bytes, start)
  }
}

function fieldsOf(bytes: Uint8Array): NamedFields {
  if (majorTypeAt(bytes, 0) !== MAP) throw new SchemaError('Patch', 'must be a map')
  try {
    return namedFields(bytes, 0, FIELDS)
  } catch (error) {
    if (error instanceof CborError) throw new SchemaError('Patch', 'must have texts as keys')
    throw error
  }
}

/** Op or Path: a few items. */
function decodeSmall(bytes: Uint8Array, { start }: Span, at: string): Cbor {
  if (itemCount(bytes, start, PATH_ITEMS_MAX) > PATH_ITEMS_MAX) throw new SchemaError(at, 'has too many parts')
  return decodeChecked(bytes, start)
}

function readPath(path: Cbor | undefined): readonly PathPart[] {
  if (!Array.isArray(path) || path.length === 0) throw new SchemaError('Patch.Path', 'must be an array, not empty')
  return path.map((part: Cbor, i) => {
    if (typeof part === 'string' || part instanceof Uint8Array) return part
    if (typeof part === 'bigint' && part >= 0n) return part
    throw new SchemaError(`Patch.Path.${i}`, 'must be a text, an unsigned integer or a byte string')
  })
}
