/**
 * Patches of listings (PROTOCOL §5), and what becomes of live orders when a listing, option or variation is gone (§11).
 *
 * Tests: test/state/operations.test.ts
 */

import { bool, text, time } from '../codec/schema.js'
import {
  checkVariationNames,
  Listing,
  Option,
  Options,
  StockStatus,
  StockStatuses,
  Variation,
  variationKey,
  variationNames,
  ViewState,
} from '../objects/listing.js'
import { filledText, Images, Metadata, nameKey, PriceModifier, amount } from '../objects/scalars.js'
import type { Op, Patch } from '../patches/patch.js'
import type { Draft } from './draft.js'
import { clearable, dictionary, fields, list, placeOf, replaceable, settable, wholeOr, type Editor } from './edit.js'
import { holdersOf } from './holders.js'
import { idKey, isId } from './shop-state.js'
import { invalid, stricter } from './verdict.js'

/** InStock and ExpectedInStockBy: each clears the other. */
const editStockStatus: Editor<StockStatus> = (op, path, depth) => {
  const edit = fields<StockStatus>({ InStock: replaceable(bool), ExpectedInStockBy: replaceable(time) })(
    op,
    path,
    depth,
  )
  const other = path[depth] === 'InStock' ? 'ExpectedInStockBy' : 'InStock'
  return (current, value) => {
    const { [other]: _cleared, ...rest } = edit(current, value)!
    return rest
  }
}

const editVariations = dictionary(
  variationKey,
  Variation,
  fields<Variation>({
    VariationInfo: replaceable(Metadata),
    PriceModifier: clearable(PriceModifier),
    SKU: clearable(text),
  }),
)

const editFields = fields<Listing>({
  Price: replaceable(amount),
  ViewState: replaceable(ViewState),
  Metadata: wholeOr(
    replaceable(Metadata),
    fields<Metadata>({
      Title: replaceable(filledText),
      Description: replaceable(filledText),
      Images: list(text, { whole: Images }),
    }),
  ),
  StockStatuses: list(StockStatus, { whole: StockStatuses, inside: editStockStatus }),
  Options: wholeOr(
    clearable(Options),
    dictionary(nameKey, Option, fields<Option>({ Title: replaceable(filledText), Variations: editVariations })),
  ),
})

export const editListing = wholeOr(settable(Listing, { replaceMissing: 'refuse', removable: true }), editFields)

export function applyToListings(draft: Draft, op: Op, { path, value }: Patch): void {
  const id = path[1]
  if (!isId(id)) throw invalid(`${placeOf(path)}: a listing's key is an unsigned 64-bit integer`)
  const edit = editListing(op, path, 2)
  const key = idKey(id)
  const before = draft.listing(id)
  const after = edit(before, value)
  if (after === undefined) {
    if (draft.index('tagged').has(key)) throw invalid(`listing ${id} is listed by a tag`)
    draft.delete('Listings', key, Listing)
  } else {
    if (after.ID !== id) throw stricter(`listing ${id}: ID must equal the key`)
    if (after.Options !== undefined) checkVariationNames(after.Options, placeOf(path))
    draft.write('Listings', key, Listing, after)
  }
  if (before !== undefined) findOrphans(draft, before, after)
}

/** Marks the live orders that hold what `after` lacks; no other order is looked at. */
function findOrphans(draft: Draft, before: Listing, after: Listing | undefined): void {
  // Edits share what they leave alone: most have the same options.
  if (after !== undefined && after.Options === before.Options) return
  const holders = draft.index('holders')
  const mark = (variation?: string) => {
    for (const id of holdersOf(holders, before.ID, variation)) draft.orphanedOrders.add(id)
  }
  if (after === undefined) return mark()
  const kept = variationNames(after)
  for (const name of variationNames(before)) if (!kept.has(name)) mark(name)
}
