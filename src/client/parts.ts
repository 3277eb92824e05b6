/**
 * Parts of a shop: what a client asks for, the filters of the subscription that they become (PROTOCOL §10), and what a
 * snapshot of it has to bring (PROOFS §4).
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import type { ListingId, OrderId } from '../brands.js'
import { be64, equalBytes, toBigEndian, utf8 } from '../bytes/bytes.js'
import type { StateQuestion } from '../merkle/state-proof.js'
import type { Selected, SnapshotClaim, SnapshotCollection } from '../proofs/snapshot.js'
import { ObjectType, type Filter } from '../wire/messages.js'

/** A part of a shop, by its id or name, or all of a kind. */
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

/** What a session may read (PROTOCOL §10). */
export type Access = 'visitor' | 'guest' | 'staff'

/** What a subscription selects. */
export interface Selection {
  readonly selected: SnapshotClaim['selected']
  /** Single objects, which are proven one by one. */
  readonly singles: readonly StateQuestion[]
  /** Orders are those of the client's own card, whose ids it learns with their proof. */
  readonly ownOrders: boolean
}

/** What the parts mean in a session of that access. */
export function selectionOf(parts: readonly Part[] | undefined, access: Access): Selection {
  const ownOrders = access === 'guest' && (parts === undefined || parts.some(isAllOrders))
  const selected = { ...(parts === undefined ? everything(access) : named(parts)), ...(ownOrders && { Orders: any }) }
  return { selected, singles: (parts ?? []).flatMap((part) => singleOf(part, selected)), ownOrders }
}

const any = () => true

function isAllOrders(part: Part): boolean {
  return 'order' in part && part.order === 'all'
}

function everything(access: Access): SnapshotClaim['selected'] {
  const open = { Manifest: 'whole', Accounts: 'whole', Listings: 'whole', Tags: 'whole' } as const
  return access === 'staff' ? { ...open, Cards: 'whole', Inventory: 'whole', Orders: 'whole' } : open
}

function named(parts: readonly Part[]): SnapshotClaim['selected'] {
  const selected: { [Name in SnapshotCollection]?: Selected } = { Manifest: 'whole', Accounts: 'whole' }
  for (const part of parts) {
    const [collection, key] = placeOf(part)
    const before = selected[collection]
    if (key === undefined || before === 'whole') selected[collection] = 'whole'
    else selected[collection] = (other) => before?.(other) === true || begins(other, key, collection === 'Inventory')
  }
  return selected
}

/** The key is undefined for all. */
function placeOf(part: Part): readonly [collection: StateQuestion[0], key: Uint8Array | undefined] {
  const key = (id: bigint | 'all') => (id === 'all' ? undefined : be64(id))
  if ('listing' in part) return ['Listings', key(part.listing)]
  if ('order' in part) return ['Orders', key(part.order)]
  if ('inventory' in part) return ['Inventory', key(part.inventory)]
  return ['Tags', 'tags' in part ? undefined : utf8(part.tag)]
}

/** Of stock the combinations of a listing: which there are is not known before. */
function singleOf(part: Part, selected: SnapshotClaim['selected']): StateQuestion[] {
  const [collection, key] = placeOf(part)
  return key === undefined || collection === 'Inventory' || selected[collection] === 'whole' ? [] : [[collection, key]]
}

function begins(key: Uint8Array, start: Uint8Array, mayBeLonger: boolean): boolean {
  return equalBytes(mayBeLonger ? key.subarray(0, start.length) : key, start)
}
