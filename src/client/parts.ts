/**
 * Parts of a shop: what a client asks for, and the filters of the subscription that they become (PROTOCOL §10).
 *
 * Tests: test/client/shop-client.test.ts
 */

import type { ListingId, OrderId } from '../brands.js'
import { toBigEndian, utf8 } from '../bytes/bytes.js'
import { ObjectType, type Filter } from '../wire/messages.js'

export type Part =
  | { readonly listing: ListingId | 'all' }
  | { readonly order: OrderId | 'all' }
  | { readonly inventory: bigint | 'all' }
  | { readonly tag: string }
  | { readonly tags: 'all' }

/** None for the whole shop. Accounts and manifest are added: without them no signer could be checked. */
export function filtersOf(parts: readonly Part[] | undefined): Filter[] {
  if (parts === undefined) return []
  return [{ objectType: ObjectType.ACCOUNT }, { objectType: ObjectType.MANIFEST }, ...parts.map(filterOf)]
}

function filterOf(part: Part): Filter {
  if ('listing' in part) return numbered(ObjectType.LISTING, part.listing)
  if ('order' in part) return numbered(ObjectType.ORDER, part.order)
  if ('inventory' in part) return numbered(ObjectType.INVENTORY, part.inventory)
  if ('tags' in part) return { objectType: ObjectType.TAG }
  return { objectType: ObjectType.TAG, objectId: utf8(part.tag) }
}

function numbered(objectType: number, id: bigint | 'all'): Filter {
  return id === 'all' ? { objectType } : { objectType, objectId: toBigEndian(id, 8) }
}
