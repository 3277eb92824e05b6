/**
 * The span walker: checks the form of CBOR bytes (PROTOCOL §2) and finds items in them without decoding.
 * It recurses no deeper than the limit, trusts no length and allocates nothing but the keys of large maps.
 */

import { compareBytes, fromBigEndian } from '../bytes/bytes.js'
import { BIGNUM_BYTES_MAX, CBOR_NESTING_MAX } from '../limits.js'
import { ARGUMENT_BYTES, argumentAt, ARRAY, BYTES, contentAt, integerAt, MAP, NEGATIVE, TAG, TEXT, UNSIGNED } from './head.js'
import { EARLIEST_TIME, LATEST_TIME, parseRfc3339 } from './time.js'
import { CborError } from './value.js'

/** From `start` to before `end`, in bytes. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Throws CborError unless `bytes` are exactly one well-formed item within `maxDepth` arrays, maps and tags. */
export function checkForm(bytes: Uint8Array, maxDepth = CBOR_NESTING_MAX): void {
  const end = checkItem(bytes, 0, maxDepth)
  if (end !== bytes.length) throw new CborError('trailing-bytes', end, `${bytes.length - end} bytes after the item`)
}

/** The end of the item that starts at `start` of checked bytes. */
export function itemEnd(bytes: Uint8Array, start: number): number {
  let left = 1
  let at = start
  while (left > 0) {
    left--
    const major = bytes[at]! >> 5
    const content = contentAt(bytes, at)
    if (major === BYTES || major === TEXT) at = content + argumentAt(bytes, at)
    else {
      if (major === ARRAY) left += argumentAt(bytes, at)
      else if (major === MAP) left += 2 * argumentAt(bytes, at)
      else if (major === TAG) left++
      at = content
    }
  }
  return at
}

export function majorTypeAt(bytes: Uint8Array, start: number): number {
  return bytes[start]! >> 5
}

/** The items of the array at `start` of checked bytes. Throws CborError 'shape' if it is none. */
export function arrayItems(bytes: Uint8Array, start: number): Span[] {
  if (majorTypeAt(bytes, start) !== ARRAY) throw new CborError('shape', start, 'not an array')
  const items: Span[] = []
  let at = contentAt(bytes, start)
  for (let left = argumentAt(bytes, start); left > 0; left--) {
    const end = itemEnd(bytes, at)
    items.push({ start: at, end })
    at = end
  }
  return items
}

/** The values of the map at `start` of checked bytes by their text keys. Throws CborError 'shape' if it is no map or a key no text. */
export function mapFields(bytes: Uint8Array, start: number): Map<string, Span> {
  if (majorTypeAt(bytes, start) !== MAP) throw new CborError('shape', start, 'not a map')
  const fields = new Map<string, Span>()
  let at = contentAt(bytes, start)
  for (let left = argumentAt(bytes, start); left > 0; left--) {
    if (majorTypeAt(bytes, at) !== TEXT) throw new CborError('shape', at, 'a key is no text')
    const keyEnd = itemEnd(bytes, at)
    const end = itemEnd(bytes, keyEnd)
    fields.set(textOf(bytes, contentAt(bytes, at), keyEnd), { start: keyEnd, end })
    at = end
  }
  return fields
}

/** The content, a view, of the byte string at `start` of checked bytes. Throws CborError 'shape' if it is none. */
export function byteString(bytes: Uint8Array, start: number): Uint8Array {
  if (majorTypeAt(bytes, start) !== BYTES) throw new CborError('shape', start, 'not a byte string')
  return bytes.subarray(contentAt(bytes, start), itemEnd(bytes, start))
}

/** Where a PatchSet's parts lie; `signature` is the 65 bytes without their head. */
export interface PatchSetSpans {
  readonly header: Span
  readonly signature: Span
  readonly patches: readonly Span[]
}

/** Checks the form of a PatchSet (§4) and finds its parts: exactly the three fields, at least one patch, each a map. Throws CborError. */
export function patchSetSpans(bytes: Uint8Array, maxDepth = CBOR_NESTING_MAX): PatchSetSpans {
  checkForm(bytes, maxDepth)
  const fields = mapFields(bytes, 0)
  const field = (name: string): Span => {
    const span = fields.get(name)
    if (span === undefined) throw new CborError('shape', 0, `the patch set has no ${name}`)
    fields.delete(name)
    return span
  }
  const header = field('Header')
  const signatureItem = field('Signature')
  const patchesItem = field('Patches')
  for (const name of fields.keys()) throw new CborError('shape', 0, `the patch set has an unknown field ${JSON.stringify(name.slice(0, 64))}`)
  if (majorTypeAt(bytes, header.start) !== MAP) throw new CborError('shape', header.start, 'Header is not a map')
  const signature = byteString(bytes, signatureItem.start)
  if (signature.length !== 65) throw new CborError('shape', signatureItem.start, `Signature has ${signature.length} bytes, not 65`)
  const patches = arrayItems(bytes, patchesItem.start)
  if (patches.length === 0) throw new CborError('shape', patchesItem.start, 'Patches is empty')
  for (const { start } of patches) {
    if (majorTypeAt(bytes, start) !== MAP) throw new CborError('shape', start, 'a patch is not a map')
  }
  return { header, signature: { start: signatureItem.end - 65, end: signatureItem.end }, patches }
}

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text whose UTF-8 lies between the offsets; short ASCII without the decoder's overhead. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 24) {
    let text = ''
    let at = start
    for (; at < end && bytes[at]! < 0x80; at++) text += String.fromCharCode(bytes[at]!)
    if (at === end) return text
  }
  return utf8Decoder.decode(bytes.subarray(start, end))
}

// Form

/** `depth` is how many containers may still open here. Returns the end of the item. */
function checkItem(bytes: Uint8Array, at: number, depth: number): number {
  const content = checkHead(bytes, at)
  switch (bytes[at]! >> 5) {
    case UNSIGNED:
    case NEGATIVE:
      return content
    case BYTES:
      return checkLength(bytes, at, content)
    case TEXT:
      return checkText(bytes, at, content)
    case ARRAY:
      return checkArray(bytes, at, content, depth)
    case MAP:
      return checkMap(bytes, at, content, depth)
    case TAG:
      return checkTag(bytes, at, content, depth)
    default:
      return checkSimple(bytes, at, content)
  }
}

/** Returns where the content begins. */
function checkHead(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) throw new CborError('truncated', at, 'the item is cut off')
  const info = bytes[at]! & 0x1f
  const size = ARGUMENT_BYTES[info]!
  if (size < 0) {
    if (info === 31) throw new CborError('indefinite-length', at, 'an indefinite length')
    throw new CborError('reserved-head', at, `a reserved head ${bytes[at]}`)
  }
  const content = at + 1 + size
  if (content > bytes.length) throw new CborError('truncated', at, 'the head is cut off')
  return content
}

function checkLength(bytes: Uint8Array, at: number, content: number): number {
  const length = argumentAt(bytes, at)
  if (length > bytes.length - content) throw new CborError('length-beyond-input', at, `a length of ${length} beyond the input`)
  return content + length
}

function checkText(bytes: Uint8Array, at: number, content: number): number {
  const end = checkLength(bytes, at, content)
  for (let i = content; i < end; i++) {
    if (bytes[i]! < 0x80) continue
    if (!isUtf8(bytes.subarray(i, end))) throw new CborError('utf8', at, 'a text that is not UTF-8')
    break
  }
  return end
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8Decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

function checkArray(bytes: Uint8Array, at: number, content: number, depth: number): number {
  const length = checkCount(bytes, at, content, depth, 1)
  let next = content
  for (let i = 0; i < length; i++) next = checkItem(bytes, next, depth - 1)
  return next
}

/** A container's count: not more items than bytes are left, and room below the depth limit. */
function checkCount(bytes: Uint8Array, at: number, content: number, depth: number, bytesPerEntry: number): number {
  if (depth === 0) throw new CborError('too-deep', at, 'nested too deep')
  const count = argumentAt(bytes, at)
  if (count * bytesPerEntry > bytes.length - content) throw new CborError('length-beyond-input', at, `a count of ${count} beyond the input`)
  return count
}

/** Up to here keys are compared with each other, above they are sorted. */
const FEW_KEYS = 12

function checkMap(bytes: Uint8Array, at: number, content: number, depth: number): number {
  const count = checkCount(bytes, at, content, depth, 2)
  const keys: Span[] = []
  let next = content
  for (let i = 0; i < count; i++) {
    const keyEnd = checkItem(bytes, next, depth - 1)
    checkKeyType(bytes, next)
    keys.push({ start: next, end: keyEnd })
    next = checkItem(bytes, keyEnd, depth - 1)
  }
  checkDistinct(bytes, keys)
  return next
}

/** No object has keys of other types; a key that is an integer of tag 2 counts as an integer. */
function checkKeyType(bytes: Uint8Array, at: number): void {
  const major = majorTypeAt(bytes, at)
  if (major <= TEXT || (major === TAG && argumentAt(bytes, at) === 2)) return
  throw new CborError('key-type', at, 'a map key that is no integer, text or byte string')
}

function checkDistinct(bytes: Uint8Array, keys: readonly Span[]): void {
  if (keys.length < 2) return
  const forms = keys.map((key) => ({ at: key.start, form: keyForm(bytes, key) }))
  if (forms.length > FEW_KEYS) forms.sort((a, b) => compareBytes(a.form, b.form))
  for (let i = 1; i < forms.length; i++) {
    for (let j = forms.length > FEW_KEYS ? i - 1 : 0; j < i; j++) {
      if (compareBytes(forms[i]!.form, forms[j]!.form) === 0) {
        throw new CborError('duplicate-key', Math.max(forms[i]!.at, forms[j]!.at), 'a map key that was there before')
      }
    }
  }
}

/** The same bytes for equal keys whatever their heads: the shortest head and the content; a view where it has that form already. */
function keyForm(bytes: Uint8Array, { start, end }: Span): Uint8Array {
  const first = bytes[start]!
  if ((first & 0x1f) < 24 && first >> 5 !== TAG) return bytes.subarray(start, end)
  const major = first >> 5
  if (major === TEXT || major === BYTES) return prefixed(major, bytes.subarray(contentAt(bytes, start), end))
  const digits = major === TAG ? byteString(bytes, contentAt(bytes, start)) : bytes.subarray(start + 1, end)
  const significant = digits.subarray(leadingZeros(digits))
  const kind = major === TAG ? UNSIGNED : major
  if (significant.length === 0) return Uint8Array.of(kind << 5)
  if (significant.length === 1 && significant[0]! < 24) return Uint8Array.of((kind << 5) | significant[0]!)
  return prefixed(kind === UNSIGNED ? 0x08 : 0x09, significant)
}

/** A form of its own: longer than one byte for integers, so that it equals none that was kept as a view. */
function prefixed(kind: number, content: Uint8Array): Uint8Array {
  if (kind >= BYTES && kind <= TEXT && content.length < 24) {
    const short = new Uint8Array(content.length + 1)
    short[0] = (kind << 5) | content.length
    short.set(content, 1)
    return short
  }
  const form = new Uint8Array(content.length + 2)
  form[0] = 0xff
  form[1] = kind
  form.set(content, 2)
  return form
}

function leadingZeros(bytes: Uint8Array): number {
  let zeros = 0
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++
  return zeros
}

function checkTag(bytes: Uint8Array, at: number, content: number, depth: number): number {
  if (depth === 0) throw new CborError('too-deep', at, 'nested too deep')
  const tag = argumentAt(bytes, at)
  if (tag > 2) throw new CborError('tag', at, `tag ${integerAt(bytes, at)}`)
  const inner = checkHead(bytes, content)
  if (tag === 0) return checkTextTime(bytes, content, inner)
  if (tag === 1) return checkNumericTime(bytes, content, inner)
  return checkBignum(bytes, content, inner)
}

function checkTextTime(bytes: Uint8Array, at: number, content: number): number {
  if (majorTypeAt(bytes, at) !== TEXT) throw new CborError('time', at, 'tag 0 without a text')
  const end = checkText(bytes, at, content)
  if (end - content > 64 || parseRfc3339(textOf(bytes, content, end)) === undefined) {
    throw new CborError('time', at, 'tag 0 without an RFC 3339 time')
  }
  return end
}

function checkNumericTime(bytes: Uint8Array, at: number, content: number): number {
  if (numericTime(bytes, at) === undefined) throw new CborError('time', at, 'tag 1 without an integer or 64-bit float of the years 0000 to 9999')
  return content
}

/** Whole seconds of a tag 1's content, or undefined if it is none. */
export function numericTime(bytes: Uint8Array, at: number): bigint | undefined {
  const major = majorTypeAt(bytes, at)
  let seconds: bigint | undefined
  if (major === UNSIGNED) seconds = integerAt(bytes, at)
  else if (major === NEGATIVE) seconds = -1n - integerAt(bytes, at)
  else if (bytes[at] === 0xfb) seconds = floorOf(new DataView(bytes.buffer, bytes.byteOffset + at + 1, 8).getFloat64(0))
  return seconds !== undefined && seconds >= EARLIEST_TIME && seconds <= LATEST_TIME ? seconds : undefined
}

function floorOf(value: number): bigint | undefined {
  return Number.isFinite(value) ? BigInt(Math.floor(value)) : undefined
}

function checkBignum(bytes: Uint8Array, at: number, content: number): number {
  if (majorTypeAt(bytes, at) !== BYTES) throw new CborError('bignum', at, 'tag 2 without a byte string')
  const end = checkLength(bytes, at, content)
  const digits = bytes.subarray(content, end)
  if (digits.length - leadingZeros(digits) > BIGNUM_BYTES_MAX) {
    throw new CborError('bignum', at, `an integer of more than ${BIGNUM_BYTES_MAX} bytes`)
  }
  return end
}

function checkSimple(bytes: Uint8Array, at: number, content: number): number {
  const first = bytes[at]!
  if (first >= 0xf4 && first <= 0xf7) return content
  if (first >= 0xf9 && first <= 0xfb) throw new CborError('float', at, 'a float')
  throw new CborError('simple', at, `a simple value other than false, true, null and undefined`)
}

/** The integer of a tag 2's byte string at `at`. */
export function bignumAt(bytes: Uint8Array, at: number): bigint {
  return fromBigEndian(byteString(bytes, at))
}
