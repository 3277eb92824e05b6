/**
 * Patches of the manifest (PROTOCOL §5).
 *
 * Tests: test/state/operations.test.ts
 */

import {
  AcceptedCurrencies,
  AcceptedCurrency,
  Manifest,
  Payee,
  Payees,
  ShippingRegion,
  ShippingRegions,
} from '../objects/manifest.js'
import { addressKey, chainKey, ChainAddress, nameKey } from '../objects/scalars.js'
import type { Op, Patch } from '../patches/patch.js'
import type { Draft } from './draft.js'
import { badOp, clearable, dictionary, fields, nestedDictionary, replaceable, wholeOr, type Editor } from './edit.js'
import { invalid, notFound } from './verdict.js'

/** Null where the writer gives null: a required map that nobody wrote. */
const nullableWhole = <T>(schema: Parameters<typeof clearable<T>>[0]): Editor<T> => clearable(schema)

export const editManifestFields = fields<Manifest>({
  PricingCurrency: replaceable(ChainAddress),
  Payees: wholeOr(nullableWhole(Payees), nestedDictionary(chainKey, addressKey, Payee)),
  AcceptedCurrencies: wholeOr(
    nullableWhole(AcceptedCurrencies),
    nestedDictionary(chainKey, addressKey, AcceptedCurrency),
  ),
  ShippingRegions: wholeOr(clearable(ShippingRegions), dictionary(nameKey, ShippingRegion)),
})

export function applyToManifest(draft: Draft, op: Op, { path, value }: Patch): void {
  if (path.length === 1) {
    if (op !== 'replace') throw badOp(op, path)
    const manifest = Manifest.read(value, 'Manifest')
    if (manifest.ShopID !== draft.shopId) throw invalid(`Manifest.ShopID must stay ${draft.shopId}`)
    return draft.setManifest(manifest)
  }
  const edit = editManifestFields(op, path, 1)
  const manifest = draft.manifest()
  if (manifest === undefined) throw notFound('the shop has no manifest yet')
  draft.setManifest(edit(manifest, value)!)
}
