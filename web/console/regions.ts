/** Where a shop ships and what that adds, as a person edits it. */

import type { PriceModifier, ShippingRegion } from 'cairn-relay/client'
import { map } from './fields.js'
import type { AmountWords } from './options.js'
import { FieldProblem, ofField } from './sentences.js'

export interface RegionDraft {
  readonly name: string
  readonly country: string
  readonly postalCode: string
  readonly city: string
  /** Decimal text of the pricing currency; empty for none. */
  readonly adds: string
  /** By how much the sum changes: 7 is 7 % more, -10 a tenth less; empty for none. */
  readonly percent: string
}

export const NEW_REGION: RegionDraft = { name: '', country: '', postalCode: '', city: '', adds: '', percent: '' }

/** As codes of ISO 3166 are, which the shop page writes. */
const COUNTRY = /^[A-Z]{2}$/u

/** Names of what this form writes; others that a region has stay as they are. */
const ADDS = 'Shipping'
const PERCENT = 'Percent'
/** What the form calls the field of the percentage. */
export const CHANGE = 'Changes the sum by, %'

/** The names under which the region has its fixed amount and its percentage. */
function namesOf(modifiers: ReadonlyMap<string, PriceModifier>): { readonly adds: string; readonly percent: string } {
  const all = [...modifiers]
  const adds = all.find(([, { ModificationAbsolute }]) => ModificationAbsolute?.Plus === true)
  const percent = all.find(([, { ModificationPercent }]) => ModificationPercent !== undefined)
  return { adds: adds?.[0] ?? ADDS, percent: percent?.[0] ?? PERCENT }
}

export function regionDraft(
  name: string,
  { Country, PostalCode, City, PriceModifiers }: ShippingRegion,
  { show }: AmountWords,
): RegionDraft {
  const modifiers = PriceModifiers ?? new Map<string, PriceModifier>()
  const names = namesOf(modifiers)
  const amount = modifiers.get(names.adds)?.ModificationAbsolute?.Amount
  const percent = modifiers.get(names.percent)?.ModificationPercent
  return {
    name,
    country: Country,
    postalCode: PostalCode,
    city: City,
    adds: amount === undefined ? '' : show(amount),
    percent: percent === undefined ? '' : `${percent - 100n}`,
  }
}

/** As it is written. Throws FieldProblem for a country, an amount or a percentage that is none. */
export function regionValue(draft: RegionDraft, held: ShippingRegion | undefined, { read }: AmountWords): never {
  const before = held?.PriceModifiers ?? new Map<string, PriceModifier>()
  const names = namesOf(before)
  const modifiers = new Map<string, unknown>(
    [...before]
      .filter(([name]) => name !== names.adds && name !== names.percent)
      .map(([name, one]) => [name, asWritten(one)]),
  )
  const percent = draft.percent.trim()
  if (draft.adds.trim() !== '') {
    const Amount = ofField('Adds', () => read(draft.adds.trim()))
    modifiers.set(names.adds, map({ ModificationAbsolute: map({ Amount, Plus: true }) }))
  }
  if (percent !== '') modifiers.set(names.percent, map({ ModificationPercent: factorOf(percent) }))
  return map({
    Country: countryOf(draft.country.trim(), held),
    PostalCode: draft.postalCode.trim(),
    City: draft.city.trim(),
    ...(modifiers.size > 0 && { PriceModifiers: modifiers }),
  })
}

/** A country that is kept may be written otherwise: the protocol takes any text. */
function countryOf(text: string, held: ShippingRegion | undefined): string {
  if (text === '' || COUNTRY.test(text) || text === held?.Country) return text
  throw new FieldProblem(
    'Country',
    `${JSON.stringify(text)} is no code of two capital letters, such as CH, and no address would meet it.`,
  )
}

/** The protocol's: 107 of 7. */
function factorOf(text: string): bigint {
  const [, sign, digits] = /^([+\-−]?)([0-9]{1,6})\s?%?$/u.exec(text) ?? []
  const factor = 100n + BigInt(digits ?? 0) * (sign === '-' || sign === '−' ? -1n : 1n)
  if (digits !== undefined && factor > 0n) return factor
  throw new FieldProblem(
    CHANGE,
    `${JSON.stringify(text)} is no change of the sum: 7 adds 7 %, -10 takes a tenth off, and nothing can fall by all.`,
  )
}

function asWritten({ ModificationPercent, ModificationAbsolute }: PriceModifier): never {
  if (ModificationAbsolute === undefined) return map({ ModificationPercent })
  return map({ ModificationAbsolute: map({ ...ModificationAbsolute }) })
}

/** In one line; `price`: an amount with its currency. */
export function regionText(region: ShippingRegion | undefined, price: (amount: bigint) => string): string {
  if (region === undefined) return 'none'
  const { Country, PostalCode, City, PriceModifiers } = region
  const place = [Country, PostalCode, City].filter((text) => text !== '').join(' ') || 'everywhere'
  const adds = [...(PriceModifiers ?? [])].map(([name, { ModificationPercent, ModificationAbsolute }]) =>
    ModificationAbsolute === undefined
      ? `${name}: ${changeText(ModificationPercent ?? 100n)} %`
      : `${name}: ${ModificationAbsolute.Plus ? '+' : '−'} ${price(ModificationAbsolute.Amount)}`,
  )
  return [place, ...adds].join(' · ')
}

function changeText(factor: bigint): string {
  return factor < 100n ? `− ${100n - factor}` : `+ ${factor - 100n}`
}
