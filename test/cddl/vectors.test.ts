import { describe, expect, test } from 'vitest'
import { fromHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor } from '../../src/codec/value.js'
import { check } from '../fixtures/cddl-check.js'
import { neighbours } from '../fixtures/cddl-neighbours.js'
import { acceptingFiles, field, readVectorFile, refusingFiles } from '../fixtures/reference-vectors.js'

describe.each(acceptingFiles)('$name', ({ patchSet, patches, states }) => {
  test('its set and header', () => {
    expect(patches.length).toBeGreaterThan(0)
    expect(check('PatchSet', patchSet ?? null)).toEqual([])
    expect(check('Header', field(patchSet ?? null, 'Header'))).toEqual([])
  })

  test.each(patches)('patch $name', ({ value }) => {
    expect(check('Patch', value)).toEqual([])
    expect(valueProblems(value)).toEqual([])
  })

  test.each(states)('state $name', ({ value }) => {
    expect(check('Shop', value)).toEqual([])
  })
})

describe.each(refusingFiles)('$name', ({ patches, states }) => {
  test.each(patches)('patch $name is refused by the contract or by the state alone', ({ name, value }) => {
    const problems = [...check('Patch', value), ...valueProblems(value)]
    expect([problems.length === 0, problems]).toEqual([refusedByState.has(name), problems])
  })

  test.each(states)('state $name', ({ value }) => {
    expect(check('Shop', value)).toEqual([])
  })
})

test('a state that is broken anywhere is none', () => {
  const state = acceptingFiles.at(-1)?.states.at(-1)?.value ?? null
  const broken = neighbours(state)
  expect(broken.length).toBeGreaterThan(200)
  const found = broken.filter(({ value }) => check('Shop', value).length === 0).map(({ name }) => name)
  // The keys of the inventory are of any length: names of variations follow the listing's id.
  expect(found).toEqual(['Inventory: 1: 0: 0: 33 bytes more'])
})

describe('the proofs', () => {
  const cases = JSON.parse(new TextDecoder().decode(readVectorFile('reference/merkle-proofs.json'))) as readonly {
    name: string
    patches: readonly string[]
    proofs: readonly (readonly [number, number, readonly string[]])[]
  }[]

  test.each(cases)('$name', ({ patches, proofs }) => {
    expect(proofs.length).toBe(patches.length)
    for (const patch of patches) expect(check('Patch', decode(fromHex(patch)))).toEqual([])
    for (const [index, size, path] of proofs) {
      const siblings = path.map(fromHex)
      const proof = decode(encode([BigInt(index), BigInt(size), siblings.length === 0 ? null : siblings]))
      expect(check('PatchProof', proof)).toEqual([])
      expect(check('SentPatchProof', proof)).toEqual([])
      expect(check('PatchProof', [BigInt(index), BigInt(size), path])).toHaveLength(path.length === 0 ? 1 : path.length)
    }
  })
})

test('the proofs of sets of 1 to 17 patches, byte for byte', () => {
  const text = new TextDecoder().decode(readVectorFile('spec/mmr-kat.json'))
  const { patch_cases: known } = JSON.parse(text) as {
    patch_cases: { cases: readonly { n: number; proofs_cbor_as_masslbs_go: readonly string[] }[] }
  }
  for (const { n, proofs_cbor_as_masslbs_go: proofs } of known.cases) {
    expect(proofs).toHaveLength(n)
    for (const proof of proofs) expect(check('PatchProof', decode(fromHex(proof)))).toEqual([])
  }
  expect(known.cases.map(({ n }) => n)).toContain(17)
})

/** Patches that are well-formed: what they concern is missing, or is an order that no longer changes. */
const refusedByState = new Set([
  'TestGenerateVectorsListingError/invalid_array_index',
  'TestGenerateVectorsListingError/remove_non-existent_stock_status',
  'TestGenerateVectorsListingError/remove_non-existent_option',
  'TestGenerateVectorsListingError/remove_non-existent_variation_from_an_option',
  'TestGenerateVectorsOrderError/add_item_after_commit',
  'TestGenerateVectorsOrderError/replace_item_after_commit',
  'TestGenerateVectorsOrderError/increment_quantity_after_commit',
  'TestGenerateVectorsOrderError/decrement_quantity_after_commit',
  'TestGenerateVectorsOrderError/remove_item_after_commit',
])

/** The rule of the value that a patch writes, by operation and place; the first row that fits. */
const valueRules: readonly (readonly [string, string])[] = [
  ['replace Manifest', 'SentManifest'],
  ['replace Manifest PricingCurrency', 'ChainAddress'],
  ['* Manifest Payees * *', 'SentPayee'],
  ['* Manifest AcceptedCurrencies * *', 'SentAcceptedCurrency'],
  ['* Manifest ShippingRegions *', 'SentShippingRegion'],
  ['* Accounts *', 'SentAccount'],
  ['* Listings *', 'SentListing'],
  ['replace Listings * Price', 'Uint256'],
  ['replace Listings * ViewState', 'ViewState'],
  ['replace Listings * Metadata', 'SentMetadata'],
  ['append Listings * Metadata Images', 'tstr'],
  ['replace Listings * Metadata Images', 'SentImages'],
  ['replace Listings * Metadata *', 'FilledText'],
  ['* Listings * Metadata Images *', 'tstr'],
  ['append Listings * StockStatuses', 'SentStockStatus'],
  ['* Listings * StockStatuses *', 'SentStockStatus'],
  ['replace Listings * StockStatuses * InStock', 'bool'],
  ['replace Listings * StockStatuses * ExpectedInStockBy', 'SentTime'],
  ['replace Listings * Options', 'SentOptions'],
  ['* Listings * Options *', 'SentOption'],
  ['replace Listings * Options * Title', 'FilledText'],
  ['* Listings * Options * Variations *', 'SentVariation'],
  ['replace Listings * Options * Variations * VariationInfo', 'SentMetadata'],
  ['* Inventory *', 'Inventory'],
  ['* Orders *', 'SentOrder'],
  ['replace Orders * State', 'OrderState'],
  ['* Orders * Items', 'SentOrderItem'],
  ['* Orders * Items *', 'SentOrderItem'],
  ['* Orders * Items * Quantity', 'Inventory'],
  ['* Orders * InvoiceAddress', 'SentAddressDetails'],
  ['* Orders * ChosenPayee', 'SentChosenPayee'],
  ['* Orders * ChosenCurrency', 'ChainAddress'],
  ['* Orders * PaymentDetails', 'PaymentDetails'],
  ['* Orders * TxDetails', 'SentTxDetails'],
]

function valueProblems(patch: Cbor): string[] {
  const op = field(patch, 'Op')
  if (op === 'remove') return []
  const place = [op, ...(field(patch, 'Path') as readonly Cbor[])]
  const row = valueRules.find(([pattern]) => fits(pattern.split(' '), place))
  return row === undefined ? ['no value can be written there in that way'] : check(row[1], field(patch, 'Value'))
}

function fits(pattern: readonly string[], place: readonly Cbor[]): boolean {
  return pattern.length === place.length && pattern.every((part, i) => part === '*' || part === place.at(i))
}
