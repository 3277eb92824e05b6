/**
 * Who may read what (PROTOCOL §10; PROOFS §4): by collection, and of orders a guest his own.
 *
 * Tests: test/relay/feed/feed.test.ts, test/e2e/state-proofs.test.ts
 */

import type { OrderId } from '../../brands.js'
import { ownsOrder, type Role } from '../../state/access.js'
import { idKey, type ShopState } from '../../state/shop-state.js'

/** Who reads: nobody in particular, or a card of the shop. */
export interface Reader {
  readonly role: Exclude<Role, 'relay'> | 'visitor'
  readonly card?: Uint8Array
}

const PUBLIC = ['Manifest', 'Accounts', 'Tags', 'Listings']
/** Collections of patches. */
export const READABLE: Readonly<Record<Reader['role'], ReadonlySet<string>>> = {
  visitor: new Set(PUBLIC),
  guest: new Set([...PUBLIC, 'Orders']),
  clerk: new Set([...PUBLIC, 'Orders', 'Inventory']),
  owner: new Set([...PUBLIC, 'Orders', 'Inventory']),
}

/** Why the reader may not read the collection; undefined if he may, of Orders those that are his. */
export function unreadable({ role }: Reader, collection: string): string | undefined {
  // Cards are in no patch, and anybody may ask for one that he knows.
  if (collection === 'Cards' || READABLE[role].has(collection)) return undefined
  return `${collection} cannot be read by a ${role}`
}

export function readsEverything({ role }: Reader): boolean {
  return role === 'clerk' || role === 'owner'
}

/** Whether the order is another card's than the guest's. An id that nobody has used yet may become his. */
export function isForeignOrder({ role, card }: Reader, state: ShopState, id: OrderId): boolean {
  if (role !== 'guest') return false
  const { indexes, collections } = state
  const key = idKey(id)
  return (indexes.owners.has(key) || collections.Orders.has(key)) && !ownsOrder(state, card!, id)
}
