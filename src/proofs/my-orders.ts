/**
 * All orders of a card, proven (PROOFS §1.3, §4): a list that reproduces number, LastSeq and Trail of the card's entry,
 * and each id in it present or absent. What the first answer does not hold is asked by id, until nothing is missing.
 *
 * Tests: test/proofs/snapshot.test.ts, test/cli/replica-vectors.test.ts
 */

import type { OrderId, ShopId } from '../brands.js'
import { be64, equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { LISTED_ORDERS_MAX, STATE_PROOF_OBJECTS_MAX } from '../limits.js'
import { readStateProofs, verifyStateProofs } from '../merkle/state-proof.js'
import type { StateQuestion } from '../merkle/state-question.js'
import type { StateObject } from '../merkle/state-tree.js'
import { cardTrailAfter, NO_TRAIL } from '../state/trails.js'
import { MyOrdersError } from './my-orders-error.js'

/** What the caller knows. */
interface MyOrdersClaim {
  readonly shopId: ShopId
  /** 32 bytes, from a checkpoint that was accepted. */
  readonly stateRoot: Uint8Array
  /** 33 bytes. */
  readonly card: Uint8Array
}

/** An order that the card added, and the set that did: as often as it was added. */
export type ListedOrder = readonly [id: OrderId, seq: bigint]

/** An order of the card: undefined is proven to be absent. */
type OwnOrder = readonly [id: OrderId, object: StateObject | undefined]

/** The orders of one card under one StateRoot, as far as they are proven. */
export class MyOrders {
  private readonly claim: MyOrdersClaim
  private readonly list: readonly ListedOrder[]
  /** Each once, in the order of the list. */
  private readonly ids: readonly OrderId[]
  private readonly objects: (StateObject | undefined)[] = []

  /**
   * The answer to my_orders: the list, and proofs of the card's entry and of the first ids in it, as many as they hold.
   * Throws MyOrdersError, StateProofError.
   */
  constructor(claim: MyOrdersClaim, list: readonly ListedOrder[], proofs: Uint8Array) {
    this.claim = claim
    this.list = list
    if (list.length > LISTED_ORDERS_MAX)
      throw new MyOrdersError('list', claim.card, `a list of ${list.length}, at most ${LISTED_ORDERS_MAX} are listed`)
    this.ids = [...new Set(list.map(([id]) => id))]
    const entry: StateQuestion = ['Orders', claim.card]
    const [found, ...orders] = this.proven(proofs, [entry], Math.max(0, answersIn(proofs) - 1))
    this.objects.push(...orders)
    requireEntry(claim.card, list, found)
  }

  /** Ids of which nothing is proven yet, in the order in which they are to be asked. */
  get missing(): readonly OrderId[] {
    return this.ids.slice(this.objects.length)
  }

  /** Proofs of the first of what is missing, as many as they hold. Throws MyOrdersError, StateProofError. */
  add(proofs: Uint8Array): void {
    const answers = answersIn(proofs)
    if (answers === 0) throw new MyOrdersError('rest', this.claim.card, 'proofs of the rest that answer nothing')
    this.objects.push(...this.proven(proofs, [], answers))
  }

  /** The orders by the list, one that was added again as often. Throws MyOrdersError while any is missing. */
  all(): OwnOrder[] {
    const { missing } = this
    if (missing.length > 0)
      throw new MyOrdersError('unanswered', this.claim.card, `${missing.length} are not answered, first ${missing[0]}`)
    const byId = new Map(this.ids.map((id, i) => [id, this.objects[i]]))
    return this.list.map(([id]) => [id, byId.get(id)])
  }

  /** What is proven of `first` and of the next `count` ids. */
  private proven(proofs: Uint8Array, first: StateQuestion[], count: number): readonly (StateObject | undefined)[] {
    const next = this.missing.slice(0, count).map((id): StateQuestion => ['Orders', be64(id)])
    return verifyStateProofs(proofs, { ...this.claim, asked: [...first, ...next] }).answers
  }
}

/** How many orders and entries the proofs say something of. */
function answersIn(proofs: Uint8Array): number {
  const orders = readStateProofs(proofs, STATE_PROOF_OBJECTS_MAX).parts.find(
    ({ collection }) => collection === 'Orders',
  )
  return orders?.items.length ?? 0
}

function requireEntry(card: Uint8Array, list: readonly ListedOrder[], entry: StateObject | undefined): void {
  const number = entry === undefined ? 0n : (decodeChecked(entry.value) as bigint)
  if (number !== BigInt(list.length))
    throw new MyOrdersError('number', card, `${list.length} are listed, and it added ${number}`)
  if (entry === undefined) return
  const { lastSeq, trail } = entry.history!
  const last = list.at(-1)![1]
  if (last !== lastSeq)
    throw new MyOrdersError('last-seq', card, `the last is of set ${last}, and its LastSeq is ${lastSeq}`)
  const found = list.reduce<Uint8Array>((before, [id, seq]) => cardTrailAfter(before, id, seq), NO_TRAIL)
  if (equalBytes(found, trail)) return
  throw new MyOrdersError(
    'trail',
    card,
    `the list leads to Trail ${prefixedHex(found)}, its own is ${prefixedHex(trail)}`,
  )
}
