/**
 * Who may write what (PROTOCOL §10): decided by collection and key alone, before any patch of a set is applied (§4,
 * step 3).
 *
 * Tests: test/state/rights.test.ts
 */

import type { OrderId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import type { Patch } from '../patches/patch.js'
import { placeOf } from './edit.js'
import { idKey, isId, type ShopState } from './shop-state.js'
import { invalid, notFound, type Refusal } from './verdict.js'

/** By which rights a set is looked at. */
export type Role = 'guest' | 'clerk' | 'owner' | 'relay'

/** Who signed a set, and as what. */
export interface Author {
  readonly role: Role
  /** 33 bytes; absent for the relay. */
  readonly card?: Uint8Array
  /** The wallet, 20 bytes; absent for the relay. */
  readonly account?: Uint8Array
}

/** The refusal of the first patch, by index, that the author may not write; undefined if he may write all. */
export function refuseByRights(
  state: ShopState,
  author: Author,
  patches: readonly Patch[],
): { index: number; refusal: Refusal } | undefined {
  if (author.role === 'relay') return undefined
  for (const [index, patch] of patches.entries()) {
    const refusal = author.role === 'guest' ? refuseGuest(state, author, patch) : refuseStaff(author, patch)
    if (refusal !== undefined) return { index, refusal }
  }
  return undefined
}

/** Whether the order id belongs to the card: it added the order first. */
export function ownsOrder(state: ShopState, card: Uint8Array, id: OrderId): boolean {
  const owner = state.indexes.owners.get(idKey(id))
  return owner !== undefined && equalBytes(owner, card)
}

/** A guest writes his own orders and ids that nobody has used yet. */
function refuseGuest(state: ShopState, author: Author, { path }: Patch): Refusal | undefined {
  const [collection, id] = path
  if (collection !== 'Orders')
    return notFound(
      `${placeOf(path)} is not yours to write`,
      collection === 'Listings' || collection === 'Inventory' ? id : undefined,
    )
  if (isId(id)) {
    if (ownsOrder(state, author.card!, id)) return undefined
    if (!state.indexes.owners.has(idKey(id)) && !state.collections.Orders.has(idKey(id))) return undefined
  }
  return notFound(`order ${placeOf(path.slice(1, 2))} is not there`, id)
}

/** Clerks and owners write all but Accounts, where they may only unlink cards: the owner any, a clerk his own. */
function refuseStaff(author: Author, { op, path }: Patch): Refusal | undefined {
  const [collection, account, field] = path
  if (collection !== 'Accounts') return undefined
  const unlinks = op === 'remove' && path.length === 4 && field === 'KeyCards'
  if (!unlinks) return invalid(`${placeOf(path)}: accounts are written by the relay`)
  const own = account instanceof Uint8Array && author.account !== undefined && equalBytes(account, author.account)
  if (author.role === 'owner' || own) return undefined
  return invalid(`${placeOf(path)}: a clerk may unlink his own cards only`)
}
