/**
 * From the items and siblings of a proof to the root of their collection (PROOFS §1.1). Every step is hashed and
 * nothing is hoisted: a fold that takes a lone leaf for the place above it lets the absence of what is there be proven.
 *
 * Tests: test/merkle/state-proof.test.ts, test/merkle/state-proof-refusals.test.ts
 */

import { sha256, sha256Into } from '#hash'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { besideOf, pathPreimage, sideAt, writeEmptySide, writeSide } from './path-preimage.js'
import type { ProofPart } from './state-proof-form.js'
import { StateProofError } from './state-proof-error.js'
import { questionName } from './state-question.js'
import { bitAt, DIGEST_BYTES, EMPTY_PLACE, interiorDigest } from './state-tree.js'

/** Where the way of an item ends, by its own claim. */
export interface ItemEnd {
  /** K. */
  readonly keyHash: Uint8Array
  readonly depth: number
  /** Of the leaf that lies there; EMPTY_PLACE itself if nothing does. */
  readonly digest: Uint8Array
}

/** What is known of a place: of a sibling not whether it is a leaf. */
interface Place {
  readonly kind: 'empty' | 'leaf' | 'interior' | 'sibling'
  /** Where the digest stands: 32 bytes from `at` on. */
  readonly bytes: Uint8Array
  readonly at: number
}

const EMPTY: Place = { kind: 'empty', bytes: EMPTY_PLACE, at: 0 }

/**
 * The root, 32 bytes. `ends` belong to the part's items, by strictly rising K, depths 0 … 256. Throws StateProofError:
 * 'ends', 'not-hoisted', 'empty-siblings', 'siblings', 'zero-sibling'. At most a hash a level and item.
 */
export function foldedRoot(part: ProofPart, ends: readonly ItemEnd[]): Uint8Array {
  const fold = new Fold(part, ends)
  const { bytes } = fold.place(0, 0, ends.length)
  fold.requireAllTaken()
  return bytes
}

class Fold {
  private readonly part: ProofPart
  private readonly ends: readonly ItemEnd[]
  /** Siblings taken so far, and those of them that are in the proof. */
  private taken = 0
  private shown = 0

  constructor(part: ProofPart, ends: readonly ItemEnd[]) {
    this.part = part
    this.ends = ends
  }

  /** The place at `depth` that the items from `from` to before `to` go through. */
  place(depth: number, from: number, to: number): Place {
    const first = this.ends[from]!
    if (first.depth < depth) throw this.error('ends', from, `Depth ${first.depth} ends above another item, at ${depth}`)
    if (first.depth === depth) return this.ended(depth, from, to)
    if (to - from === 1) return this.path(depth, from)
    let middle = from
    while (middle < to && bitAt(this.ends[middle]!.keyHash, depth) === 0) middle++
    const left = middle > from ? this.place(depth + 1, from, middle) : undefined
    const right = middle < to ? this.place(depth + 1, middle, to) : undefined
    return this.joined(depth, from, left ?? this.sibling(from), right ?? this.sibling(from))
  }

  /** The place at `depth`, above its end, that this item alone goes through: its path, from the bottom. */
  private path(depth: number, item: number): Place {
    const { keyHash, depth: bottom } = this.ends[item]!
    const end = this.ended(bottom, item, item + 1)
    const sibling = this.sibling(item)
    const isLeft = bitAt(keyHash, bottom - 1) === 0
    const place = this.joined(bottom - 1, item, isLeft ? end : sibling, isLeft ? sibling : end)
    return bottom - 1 === depth ? place : this.lifted(place, bottom - 1, depth, item)
  }

  /** From an interior place at `from` on, each in the other's bytes: nothing is allocated a step. */
  private lifted(place: Place, from: number, to: number, item: number): Place {
    const { keyHash } = this.ends[item]!
    let at = sideAt(keyHash, from - 1)
    writeSide(at, place.bytes, place.at)
    for (let above = from - 1; above > to; above--) {
      this.copySibling(besideOf(at), item)
      at = sideAt(keyHash, above - 1)
      sha256Into(pathPreimage, pathPreimage, at)
    }
    this.copySibling(besideOf(at), item)
    return { kind: 'interior', bytes: sha256(pathPreimage), at: 0 }
  }

  requireAllTaken(): void {
    const { emptySiblings: bitmap, siblings } = this.part
    const needed = Math.ceil(this.taken / 8)
    if (bitmap.length !== needed)
      throw this.error('empty-siblings', 0, `${bitmap.length} bytes for ${this.taken} siblings, ${needed} are needed`)
    const unused = 8 * needed - this.taken
    if (needed > 0 && (bitmap[needed - 1]! & (2 ** unused - 1)) !== 0)
      throw this.error('empty-siblings', 0, `${toHex(bitmap)} has a bit set behind its ${this.taken} siblings`)
    if (siblings.length !== this.shown * DIGEST_BYTES)
      throw this.error('siblings', 0, `${siblings.length / DIGEST_BYTES} siblings, ${this.shown} are needed`)
  }

  /** All items that go through a place where one ends end there, with one digest. */
  private ended(depth: number, from: number, to: number): Place {
    const { digest } = this.ends[from]!
    for (let i = from + 1; i < to; i++) {
      const other = this.ends[i]!
      if (other.depth !== depth)
        throw this.error('ends', i, `Depth ${other.depth} goes on below another item, which ends at ${depth}`)
      if (!equalBytes(other.digest, digest))
        throw this.error('ends', i, `ends with ${toHex(other.digest)} where another item ends with ${toHex(digest)}`)
    }
    return digest === EMPTY_PLACE ? EMPTY : { kind: 'leaf', bytes: digest, at: 0 }
  }

  private joined(depth: number, from: number, left: Place, right: Place): Place {
    const other = left.kind === 'empty' ? right : right.kind === 'empty' ? left : undefined
    if (other?.kind === 'empty' || other?.kind === 'leaf') {
      const what = other.kind === 'empty' ? 'nothing' : 'a lone leaf'
      throw this.error('not-hoisted', from, `a place at depth ${depth} above ${what}`)
    }
    return { kind: 'interior', bytes: interiorDigest(left.bytes, right.bytes, left.at, right.at), at: 0 }
  }

  private sibling(from: number): Place {
    const at = this.siblingAt(from)
    return at === NONE ? EMPTY : { kind: 'sibling', bytes: this.part.siblings, at }
  }

  private copySibling(to: number, from: number): void {
    const at = this.siblingAt(from)
    if (at === NONE) writeEmptySide(to)
    else writeSide(to, this.part.siblings, at)
  }

  /** Where the next sibling stands among them; NONE if it is empty. */
  private siblingAt(from: number): number {
    const { emptySiblings, siblings } = this.part
    const i = this.taken++
    const byte = emptySiblings[i >> 3]
    if (byte === undefined)
      throw this.error('empty-siblings', from, `${emptySiblings.length} bytes, sibling ${i} is beyond`)
    if (((byte >> (7 - (i & 7))) & 1) === 1) return NONE
    const at = DIGEST_BYTES * this.shown++
    if (at + DIGEST_BYTES > siblings.length)
      throw this.error('siblings', from, `${siblings.length / DIGEST_BYTES} siblings, more are needed`)
    if (siblings[at] === 0 && isAllZero(siblings.subarray(at, at + DIGEST_BYTES)))
      throw this.error('zero-sibling', from, `sibling ${i} is all zeros and not in EmptySiblings`)
    return at
  }

  private error(code: StateProofError['code'], item: number, problem: string): StateProofError {
    const { collection, items } = this.part
    return new StateProofError(code, questionName([collection, items[item]!.key]), problem)
  }
}

const NONE = -1
