/**
 * Values of checked CBOR bytes (PROTOCOL §2): of others it may never end. Its own reader, not a library's: libraries
 * keep tag handlers in a state that all users of a process share, make numbers or bigints by size, and Dates.
 *
 * Tests: test/codec/decode.test.ts
 */

import { assert } from '../assert.js'
import {
  argumentAt,
  ARRAY,
  bignumAt,
  BYTES,
  contentAt,
  contentOf,
  integerAt,
  MAP,
  NEGATIVE,
  TAG,
  TEXT,
  UNSIGNED,
} from './head.js'
import { itemEnd, numericTime, textTime } from './span.js'
import { readUtf8 } from './utf8.js'
import { CborTime, type Cbor, type CborKey } from './value.js'

/** The value of the item at `start`; `bytes` have passed checkForm or were encoded here. Byte strings are views. */
export function decodeChecked(bytes: Uint8Array, start = 0): Cbor {
  return new Reader(bytes, start).item()
}

class Reader {
  private readonly bytes: Uint8Array
  private at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  item(): Cbor {
    const start = this.at
    const { bytes } = this
    const major = bytes[start]! >> 5
    this.at = contentAt(bytes, start)
    switch (major) {
      case UNSIGNED:
        return integerAt(bytes, start)
      case NEGATIVE:
        return -1n - integerAt(bytes, start)
      case BYTES:
        return this.byteString(start)
      case TEXT:
        return this.text(argumentAt(bytes, start))
      case ARRAY:
        return this.array(argumentAt(bytes, start))
      case MAP:
        return this.map(argumentAt(bytes, start))
      case TAG:
        return this.tagged(argumentAt(bytes, start))
      default:
        return bytes[start] === 0xf5 ? true : bytes[start] === 0xf4 ? false : null
    }
  }

  private byteString(start: number): Uint8Array {
    const content = contentOf(this.bytes, start)
    this.at += content.length
    return content
  }

  private text(length: number): string {
    const start = this.at
    this.at += length
    return readUtf8(this.bytes, start, this.at)
  }

  private array(length: number): Cbor[] {
    const items: Cbor[] = []
    items.length = length // exactly: growing by push would take many times the input's size
    for (let i = 0; i < length; i++) items[i] = this.item()
    return items
  }

  private map(size: number): Map<CborKey, Cbor> {
    const map = new Map<CborKey, Cbor>()
    for (let i = 0; i < size; i++) {
      const key = this.item() as CborKey
      map.set(key, this.item())
    }
    return map
  }

  private tagged(tag: number): Cbor {
    const start = this.at
    const end = itemEnd(this.bytes, start)
    this.at = end
    if (tag === 2) return bignumAt(this.bytes, start)
    const seconds = tag === 1 ? numericTime(this.bytes, start) : textTime(this.bytes, contentAt(this.bytes, start), end)
    assert(seconds !== undefined, 'checked bytes hold a time that is none')
    return new CborTime(seconds)
  }
}
