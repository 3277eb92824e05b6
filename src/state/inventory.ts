/**
 * Patches of the inventory (PROTOCOL §5): the listing and its variations must exist.
 *
 * Tests: test/state/operations.test.ts
 */

import type { ListingId } from '../brands.js'
import { VariationIDs, variationOf, type Listing } from '../objects/listing.js'
import { Inventory, inventoryKey } from '../objects/inventory.js'
import type { Op, Patch } from '../patches/patch.js'
import type { Draft } from './draft.js'
import { countable, placeOf, settable } from './edit.js'
import { isId } from './shop-state.js'
import { invalid, notFound, outOfStock } from './verdict.js'

export const editStock = countable(
  Inventory,
  settable(Inventory, { replaceMissing: 'refuse', removable: true }),
  (path) => outOfStock(`${placeOf(path)} would fall below zero`, path[1] as bigint),
)

export function applyToInventory(draft: Draft, op: Op, { path, value }: Patch): void {
  const id = path[1]
  if (!isId(id)) throw invalid(`${placeOf(path)}: a listing's key is an unsigned 64-bit integer`)
  const variations = VariationIDs.read([...path.slice(2)], placeOf(path))
  const edit = editStock(op, path, path.length)
  checkVariations(draft.listing(id), id, variations)
  const key = inventoryKey(id, variations)
  const before = draft.read('Inventory', key, Inventory)
  const after = edit(op === 'increment' ? (before ?? 0n) : before, value)
  if (after === undefined) draft.delete('Inventory', key, Inventory)
  else draft.write('Inventory', key, Inventory, after)
}

/** Throws Refusal NOT_FOUND with the listing's id unless the listing is there and has all these variations. */
export function checkVariations(listing: Listing | undefined, id: ListingId, variations: readonly string[]): void {
  if (listing === undefined) throw notFound(`listing ${id} is not there`, id)
  for (const name of variations) {
    if (variationOf(listing, name) === undefined)
      throw notFound(`listing ${id} has no variation ${JSON.stringify(name)}`, id)
  }
}
