/**
 * The values of maps whose keys are texts, found in bytes that were checked (span.ts).
 *
 * Tests: test/codec/span.test.ts
 */

import { argumentAt, contentAt, MAP, TEXT } from './head.js'
import { itemEnd, majorTypeAt, type Span } from './span.js'
import { isAscii, readUtf8 } from './utf8.js'
import { CborError } from './value.js'

/**
 * The values of the map at `start` of checked bytes by their text keys. Throws CborError 'shape' if it is no map or a
 * key no text.
 */
export function mapFields(bytes: Uint8Array, start: number): Map<string, Span> {
  if (majorTypeAt(bytes, start) !== MAP) throw new CborError('shape', start, 'not a map')
  const fields = new Map<string, Span>()
  let at = contentAt(bytes, start)
  for (let left = argumentAt(bytes, start); left > 0; left--) {
    if (majorTypeAt(bytes, at) !== TEXT) throw new CborError('shape', at, 'a key is no text')
    const keyEnd = itemEnd(bytes, at)
    const end = itemEnd(bytes, keyEnd)
    fields.set(readUtf8(bytes, contentAt(bytes, at), keyEnd), { start: keyEnd, end })
    at = end
  }
  return fields
}

/** The values of a map by these names, undefined where it has none; `unknown`: the first other key, if it has one. */
export interface NamedFields {
  readonly spans: readonly (Span | undefined)[]
  readonly unknown: string | undefined
}

/**
 * The same for a map whose names are known, and ASCII: no text is made. Throws CborError 'shape' if it is no map or a
 * key no text.
 */
export function namedFields(bytes: Uint8Array, start: number, names: readonly string[]): NamedFields {
  if (majorTypeAt(bytes, start) !== MAP) throw new CborError('shape', start, 'not a map')
  const spans: (Span | undefined)[] = names.map(() => undefined)
  let unknown: string | undefined
  let at = contentAt(bytes, start)
  for (let left = argumentAt(bytes, start); left > 0; left--) {
    if (majorTypeAt(bytes, at) !== TEXT) throw new CborError('shape', at, 'a key is no text')
    const key = contentAt(bytes, at)
    const value = itemEnd(bytes, at)
    const end = itemEnd(bytes, value)
    const place = placeOf(bytes, key, value, names)
    if (place >= 0) spans[place] = { start: value, end }
    else unknown ??= readUtf8(bytes, key, value)
    at = end
  }
  return { spans, unknown }
}

/**
 * Where the value of the field with this name stands, ASCII, in the map at `start` of canonical bytes; undefined if it
 * has none. What stands behind it is not looked at. Throws CborError 'shape' if it is no map or a key no text.
 */
export function fieldAt(bytes: Uint8Array, start: number, name: string): Span | undefined {
  if (majorTypeAt(bytes, start) !== MAP) throw new CborError('shape', start, 'not a map')
  let at = contentAt(bytes, start)
  for (let left = argumentAt(bytes, start); left > 0; left--) {
    if (majorTypeAt(bytes, at) !== TEXT) throw new CborError('shape', at, 'a key is no text')
    const value = itemEnd(bytes, at)
    if (isAscii(bytes, contentAt(bytes, at), value, name)) return { start: value, end: itemEnd(bytes, value) }
    at = itemEnd(bytes, value)
  }
  return undefined
}

function placeOf(bytes: Uint8Array, start: number, end: number, names: readonly string[]): number {
  for (let i = 0; i < names.length; i++) if (isAscii(bytes, start, end, names[i]!)) return i
  return -1
}
