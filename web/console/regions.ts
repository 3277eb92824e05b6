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
  /** Of the sum, as a factor: 120 is a fifth more; empty for none. */
  readonly percent: string
}

export const NEW_REGION: RegionDraft = { name: '', country: '', postalCode: '', city: '', adds: '', percent: '' }

/** Names of what this form writes; others that a region has stay as they are. */
const ADDS = 'Shipping'
const PERCENT = 'Percent'

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
    percent: percent === undefined ? '' : `${percent}`,
  }
}

/** As it is written. Throws FieldProblem for an amount or a percentage that is none. */
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
  if (percent !== '') {
    if (!/^[0-9]{1,6}$/u.test(percent))
      throw new FieldProblem(
        'Percent of the sum',
        `${JSON.stringify(percent)} is no percentage of the sum: 120 is a fifth more, 80 a fifth less.`,
      )
    modifiers.set(names.percent, map({ ModificationPercent: BigInt(percent) }))
  }
  return map({
    Country: draft.country.trim(),
    PostalCode: draft.postalCode.trim(),
    City: draft.city.trim(),
    ...(modifiers.size > 0 && { PriceModifiers: modifiers }),
  })
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
      ? `${name}: ${ModificationPercent} % of the sum`
      : `${name}: ${ModificationAbsolute.Plus ? '+' : '−'} ${price(ModificationAbsolute.Amount)}`,
  )
  return [place, ...adds].join(' · ')
}
