/**
 * Digests of a trie node's places (hamt-places.ts) in one string: a trie has as many of them as objects, and an array
 * of its own for each would cost five times as much memory. Places have the numbers 2 … 127; the node's own, 1, is its
 * branch's to keep.
 *
 * Tests: test/merkle/hamt-places.test.ts, test/merkle/hamt-store.test.ts
 */

import { sha256Into } from '#hash'
import { DIGEST_BYTES } from './state-tree.js'

/** Those that are stored with the node; from `end` on stand slots, whose leaves are hashed again. */
export const STORED_PLACES = { first: 2, end: 64 } as const
const PLACES = 128
/** Its digest is not known any more, and its room is kept for the next one. */
const STALE = 0x80
const SPARE_DIGESTS = 8

export class PlaceDigests {
  /** Of each place: which digest of `bytes` is its own, from 1; 0 for none. */
  private readonly numbers: Uint8Array
  private bytes: Uint8Array
  private used: number
  /** Whether they may be changed in place. */
  private isOwn = false

  private constructor(numbers: Uint8Array, bytes: Uint8Array, used: number) {
    this.numbers = numbers
    this.bytes = bytes
    this.used = used
  }

  static empty(): PlaceDigests {
    return new PlaceDigests(new Uint8Array(PLACES), new Uint8Array(0), 0)
  }

  /** `bytes`: the digests of these places one after the other; kept until one of them changes. */
  static of(places: readonly number[], bytes: Uint8Array): PlaceDigests {
    const numbers = new Uint8Array(PLACES)
    for (const [i, place] of places.entries()) numbers[place] = i + 1
    return new PlaceDigests(numbers, bytes, places.length)
  }

  has(place: number): boolean {
    return this.at(place) >= 0
  }

  /** A view that holds until it is forgotten; undefined if it is not known. */
  get(place: number): Uint8Array | undefined {
    const at = this.at(place)
    return at < 0 ? undefined : this.view(at)
  }

  view(at: number): Uint8Array {
    return this.bytes.subarray(at, at + DIGEST_BYTES)
  }

  /** Where it stands in `string`; −1 if it is not known. */
  at(place: number): number {
    const number = this.numbers[place]!
    return number === 0 || number >= STALE ? -1 : (number - 1) * DIGEST_BYTES
  }

  /** All digests, one after the other. The next `hash` may replace it. */
  get string(): Uint8Array {
    return this.bytes
  }

  /** Sets it to the hash of these bytes; gives where it stands in `string`. */
  hash(place: number, preimage: Uint8Array): number {
    const at = this.roomFor(place)
    sha256Into(preimage, this.bytes, at)
    return at
  }

  private roomFor(place: number): number {
    const number = this.numbers[place]! & ~STALE || ++this.used
    this.numbers[place] = number
    if (!this.isOwn || number * DIGEST_BYTES > this.bytes.length) {
      this.isOwn = true
      const larger = new Uint8Array((Math.max(number, this.used) + SPARE_DIGESTS) * DIGEST_BYTES)
      larger.set(this.bytes)
      this.bytes = larger
    }
    return (number - 1) * DIGEST_BYTES
  }

  /** Those of a slot and of the places above it are not known any more. */
  forget(slotPlace: number): void {
    for (let place = slotPlace; place > 1; place >>= 1) if (this.numbers[place]! > 0) this.numbers[place]! |= STALE
  }

  /** The places whose digests are known. */
  *known(): Generator<number> {
    for (let place = 0; place < PLACES; place++) if (this.has(place)) yield place
  }
}
