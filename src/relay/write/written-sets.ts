/**
 * Under which number of the log a card's last sets stand, by their nonces: who sends a set once more is told what
 * became of it (PROOFS §4). Kept with the sets' own transaction, in rows of a ring, so that a lone set writes one short
 * row and a batch of many no more than a few:
 *
 *     row = block u32 ‖ (nonce u64 ‖ seq u64) × 1 … 32, rising
 *
 * The newest block stands under the card's name alone, full ones under name/number mod 33.
 *
 * Tests: test/relay/write/written-sets.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { WRITTEN_SETS_PER_CARD_KEPT } from '../../limits.js'
import { writtenSetsKey, writtenSetsName } from '../../store/setting-keys.js'
import type { Commit, Store } from '../../store/store.js'
import { isDamage } from '../shops/damage.js'

interface WrittenSet {
  readonly nonce: bigint
  readonly seq: Seq
}

/** A row. */
export interface WrittenBlock {
  readonly number: number
  readonly sets: readonly WrittenSet[]
}

interface GrowingBlock extends WrittenBlock {
  readonly sets: WrittenSet[]
}

const SETS_PER_BLOCK = 32
const BLOCKS = WRITTEN_SETS_PER_CARD_KEPT / SETS_PER_BLOCK + 1
const HEAD_BYTES = 4
const SET_BYTES = 16

/** Of one batch: what is stored, and what it adds. */
export class WrittenSets {
  private readonly store: Pick<Store, 'setting'>
  /** Of cards that wrote lately, as they are stored. */
  private readonly recent: Map<string, WrittenBlock>
  /** By the names of their rows: the newest ones, and those that they filled. */
  private readonly newest = new Map<string, GrowingBlock>()
  private readonly full = new Map<string, WrittenBlock>()

  /** `recent`: newest blocks by the names of their rows, which nobody else changes; they are read no more. */
  constructor(store: Pick<Store, 'setting'>, recent = new Map<string, WrittenBlock>()) {
    this.store = store
    this.recent = recent
  }

  /** Among the card's last 1,024 sets. */
  find(shopId: ShopId, card: Uint8Array, nonce: bigint): Seq | undefined {
    const name = this.nameOf(shopId, card)
    const newest = this.read(name)
    if (newest === undefined) return undefined
    for (let { number } = newest; number >= 0 && number > newest.number - BLOCKS; number--) {
      const block = number === newest.number ? newest : this.read(fullName(name, number))
      // The ring begins where rows are missing.
      if (block?.number !== number) return undefined
      const place = block.sets.findIndex((set) => set.nonce === nonce)
      if (place >= 0) return placeIn(newest, block, place) ? block.sets[place]!.seq : undefined
      if (block.sets[0]!.nonce < nonce) return undefined
    }
    return undefined
  }

  /** Nonces of a card rise. */
  add(shopId: ShopId, card: Uint8Array, nonce: bigint, seq: Seq): void {
    const name = this.nameOf(shopId, card)
    let block = this.newest.get(name)
    if (block === undefined) {
      const stored = this.read(name)
      block = { number: stored?.number ?? 0, sets: [...(stored?.sets ?? [])] }
      this.newest.set(name, block)
    }
    if (block.sets.length === SETS_PER_BLOCK) {
      this.full.set(fullName(name, block.number), block)
      block = { number: block.number + 1, sets: [] }
      this.newest.set(name, block)
    }
    block.sets.push({ nonce, seq })
  }

  /** For the commit of the batch. */
  rows(): NonNullable<Commit['settings']>[number][] {
    return [...this.full, ...this.newest].map(([key, block]) => ({ key, value: encodeBlock(block) }))
  }

  /** After the commit. */
  stored(): void {
    for (const [name, block] of this.newest) this.recent.set(name, block)
  }

  /** Of the arrays that sessions hold. */
  private nameOf(shopId: ShopId, card: Uint8Array): string {
    let known = NAMES.get(card)
    if (known?.shopId !== shopId) NAMES.set(card, (known = { shopId, name: writtenSetsName(shopId, card) }))
    return known.name
  }

  /** Of a row that is damaged, of which the store tells, nobody gets an answer any more. */
  private read(name: string): WrittenBlock | undefined {
    const known = this.newest.get(name) ?? this.full.get(name) ?? this.recent.get(name)
    if (known !== undefined) return known
    try {
      const row = this.store.setting(name)
      return row && decodeBlock(row)
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }
}

const NAMES = new WeakMap<Uint8Array, { readonly shopId: ShopId; readonly name: string }>()

function fullName(name: string, number: number): string {
  return writtenSetsKey(name, number % BLOCKS)
}

/** Whether it is among those that are kept. */
function placeIn(newest: WrittenBlock, block: WrittenBlock, place: number): boolean {
  const after = (newest.number - block.number) * SETS_PER_BLOCK + newest.sets.length - place
  return after <= WRITTEN_SETS_PER_CARD_KEPT
}

function encodeBlock({ number, sets }: WrittenBlock): Uint8Array {
  const row = new Uint8Array(HEAD_BYTES + sets.length * SET_BYTES)
  const view = new DataView(row.buffer)
  view.setUint32(0, number)
  for (const [i, { nonce, seq }] of sets.entries()) {
    view.setBigUint64(HEAD_BYTES + i * SET_BYTES, nonce)
    view.setBigUint64(HEAD_BYTES + i * SET_BYTES + 8, BigInt(seq))
  }
  return row
}

function decodeBlock(row: Uint8Array): WrittenBlock {
  const view = new DataView(row.buffer, row.byteOffset, row.length)
  const sets = Array.from({ length: (row.length - HEAD_BYTES) / SET_BYTES }, (_, i) => ({
    nonce: view.getBigUint64(HEAD_BYTES + i * SET_BYTES),
    seq: Number(view.getBigUint64(HEAD_BYTES + i * SET_BYTES + 8)),
  }))
  return { number: view.getUint32(0), sets }
}
