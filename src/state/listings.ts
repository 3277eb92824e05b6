/**
 * Patches of listings (PROTOCOL §5), and what becomes of live orders when a listing, option or variation is gone (§11).
 *
 * Tests: test/state/operations.test.ts
 */

import { encode } from '../codec/encode.js'
import { bool, text, time, type Schema } from '../codec/schema.js'
import type { Cbor } from '../codec/value.js'
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

/** Fields of every listing that no other rule looks at: what merchants change most. */
const LONE_FIELDS: Readonly<Record<string, Schema<bigint>>> = { Price: amount, ViewState }

export function applyToListings(draft: Draft, op: Op, patch: Patch): void {
  const { path, value } = patch
  const id = path[1]
  if (!isId(id)) throw invalid(`${placeOf(path)}: a listing's key is an unsigned 64-bit integer`)
  const key = idKey(id)
  if (op === 'replace' && path.length === 3 && replaceLoneField(draft, key, path, value)) return
  const edit = editListing(op, path, 2)
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

/** The same as the edit below, without reading and writing the rest of the listing. */
function replaceLoneField(draft: Draft, key: Uint8Array, path: Patch['path'], value: Cbor): boolean {
  const name = path[2]
  if (typeof name !== 'string' || !Object.hasOwn(LONE_FIELDS, name)) return false
  const schema = LONE_FIELDS[name]!
  const make = () => encode(schema.write(schema.read(value, placeOf(path))))
  return draft.replaceField('Listings', key, Listing, { name, make })
}

/** Marks the live orders that hold what `after` lacks; no other order is looked at. */
function findOrphans(draft: Draft, before: Listing, after: Listing | undefined): void {
  // Edits share what they leave alone: most have the same options.
  if (after !== undefined && after.Options === before.Options) return
  const holders = draft.index('holders')
  const mark = (variation?: string) => {
    for (const id of holdersOf(holders, before.ID, variation)) draft.orderOrphaned(id)
  }
  if (after === undefined) return mark()
  const kept = variationNames(after)
  for (const name of variationNames(before)) if (!kept.has(name)) mark(name)
}
