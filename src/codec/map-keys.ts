/**
 * The keys of CBOR maps in bytes (PROTOCOL §2): which types are keys, and when two are equal: by value, whatever their
 * heads.
 *
 * Tests: test/codec/decode.test.ts, test/codec/encode.test.ts
 */

import { INTEGER_KEYS_PER_MAP_MAX } from '../limits.js'
import { argumentAt, bignumAt, contentAt, integerAt, NEGATIVE, TAG, TEXT, UNSIGNED } from './head.js'
import { CborError } from './value.js'

/** Up to here keys are compared with each other, above they are looked up. */
const FEW_KEYS = 8

/** The keys of one map in bytes, as they are met by the walk that checks them. */
export class MapKeys {
  private readonly bytes: Uint8Array
  private readonly few: number[] = []
  private many: Set<string> | undefined
  private integers = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /**
   * Takes the key whose item, checked, starts at `at`. Throws CborError if it is of another type, or was there before.
   */
  add(at: number): void {
    const type = keyType(this.bytes, at)
    if (type === UNSIGNED || type === NEGATIVE) this.countInteger(at)
    if (this.isKnown(at)) throw new CborError('duplicate-key', at, 'a map key that was there before')
  }

  private countInteger(at: number): void {
    // A JavaScript Map hashes integers in a way that everybody can calculate: keys made to collide cost quadratic time.
    if (++this.integers <= INTEGER_KEYS_PER_MAP_MAX) return
    throw new CborError('too-many-keys', at, `a map with more than ${INTEGER_KEYS_PER_MAP_MAX} integers as keys`)
  }

  private isKnown(at: number): boolean {
    const { bytes, few } = this
    if (this.many === undefined && few.length < FEW_KEYS) {
      for (let i = 0; i < few.length; i++) if (equalKeys(bytes, few[i]!, at)) return true
      few.push(at)
      return false
    }
    this.many ??= new Set(few.map((key) => keyIdentity(bytes, key)))
    const known = this.many.size
    return this.many.add(keyIdentity(bytes, at)).size === known
  }
}

/** UNSIGNED (tag 2 too), NEGATIVE, BYTES or TEXT. Throws CborError 'key-type'. */
function keyType(bytes: Uint8Array, at: number): number {
  const major = bytes[at]! >> 5
  if (major <= TEXT) return major
  if (major === TAG && argumentAt(bytes, at) === 2) return UNSIGNED
  throw new CborError('key-type', at, 'a map key that is no integer, text or byte string')
}

function equalKeys(bytes: Uint8Array, a: number, b: number): boolean {
  const type = keyType(bytes, a)
  if (type !== keyType(bytes, b)) return false
  if (type === UNSIGNED || type === NEGATIVE) return integerOf(bytes, a) === integerOf(bytes, b)
  const length = argumentAt(bytes, a)
  if (length !== argumentAt(bytes, b)) return false
  const left = contentAt(bytes, a)
  const right = contentAt(bytes, b)
  for (let i = 0; i < length; i++) if (bytes[left + i] !== bytes[right + i]) return false
  return true
}

/** Of an integer or a tag 2; of a negative integer its argument. */
function integerOf(bytes: Uint8Array, at: number): bigint {
  return bytes[at]! >> 5 === TAG ? bignumAt(bytes, contentAt(bytes, at)) : integerAt(bytes, at)
}

const byteText = new TextDecoder('latin1')

/** The same text for equal keys and no others. The prefix also keeps engines from hashing `12` by its value. */
function keyIdentity(bytes: Uint8Array, at: number): string {
  const type = keyType(bytes, at)
  if (type === UNSIGNED || type === NEGATIVE) return `${type} ${integerOf(bytes, at)}`
  const start = contentAt(bytes, at)
  return `${type} ${byteText.decode(bytes.subarray(start, start + argumentAt(bytes, at)))}`
}
