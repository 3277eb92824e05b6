/** The options of a listing as a person edits them, and as the shop keeps them. */

import { inSizeOrder } from 'cairn-relay/catalogue'
import type { Change, Listing, Option, PriceModifier, Variation } from 'cairn-relay/client'
import { map } from './fields.js'
import { FieldProblem, ofField } from './sentences.js'

type Options = NonNullable<Listing['Options']>

/** What a value does to the price. */
export type Adds = 'nothing' | 'plus' | 'minus' | 'percent'

export interface ValueDraft {
  /** The variation's name in the shop, or one of this form alone for a value that is new. */
  readonly key: string
  readonly title: string
  readonly sku: string
  readonly adds: Adds
  /** Decimal text of the pricing currency; of a percentage the factor: 120 is a fifth more. */
  readonly amount: string
}

export interface OptionDraft {
  readonly key: string
  readonly title: string
  readonly values: readonly ValueDraft[]
}

/** How amounts are read and shown. */
export interface AmountWords {
  /** Throws where it is none. */
  readonly read: (text: string) => bigint
  readonly show: (amount: bigint) => string
}

/** Each is an entry of stock of its own. */
export const COMBINATIONS_MAX = 250
/** In names of variations it stands between two. */
const SEPARATOR = '|'
/** No name in a shop begins so: one of this form alone. */
const NEW = '\u0000'

let made = 0

export function newValue(): ValueDraft {
  return { key: `${NEW}${made++}`, title: '', sku: '', adds: 'nothing', amount: '' }
}

export function newOption(): OptionDraft {
  return { key: `${NEW}${made++}`, title: '', values: [newValue()] }
}

export function optionDrafts(options: Options | undefined, { show }: AmountWords): OptionDraft[] {
  return [...(options ?? [])].map(([key, { Title, Variations }]) => ({
    key,
    title: Title,
    values: inSizeOrder([...(Variations ?? [])], titleOf).map(([name, { VariationInfo, PriceModifier, SKU }]) => ({
      key: name,
      title: VariationInfo.Title,
      sku: SKU ?? '',
      ...modifierDraft(PriceModifier, show),
    })),
  }))
}

function titleOf([, { VariationInfo }]: readonly [name: string, variation: Variation]): string {
  return VariationInfo.Title
}

function modifierDraft(
  modifier: PriceModifier | undefined,
  show: AmountWords['show'],
): Pick<ValueDraft, 'adds' | 'amount'> {
  if (modifier === undefined) return { adds: 'nothing', amount: '' }
  const { ModificationPercent: percent, ModificationAbsolute: absolute } = modifier
  if (absolute === undefined) return { adds: 'percent', amount: `${percent}` }
  return { adds: absolute.Plus ? 'plus' : 'minus', amount: show(absolute.Amount) }
}

/** Keys of what can be bought: one value of each option that has values. One without keys where there is none. */
export function combinations(options: readonly OptionDraft[]): readonly (readonly string[])[] {
  return options
    .filter(({ values }) => values.length > 0)
    .reduce<readonly (readonly string[])[]>(
      (all, { values }) => all.flatMap((keys) => values.map(({ key }) => [...keys, key])),
      [[]],
    )
}

/** What the form calls the field of an option's name. That of a value's is called by its key. */
export function optionField(key: string): string {
  return `option ${key}`
}

/** Of a value's amount. */
export function amountField(key: string): string {
  return `amount ${key}`
}

/** What the shop would refuse or a guest not understand; undefined if nothing is. */
export function optionsProblem(options: readonly OptionDraft[]): Error | undefined {
  for (const [i, { key, title, values }] of options.entries()) {
    const [name, field] = [title.trim(), optionField(key)]
    const isTwice = options.findIndex((other) => other.title.trim() === name) < i
    if (name === '') return new FieldProblem(field, `Option ${i + 1} has no name.`)
    if (isTwice) return new FieldProblem(field, `Two options are called ${name}.`)
    if (values.length === 0)
      return new FieldProblem(field, `Option ${name} has no value: add one, or remove the option.`)
    const bare = values.find((value) => value.title.trim() === '')
    if (bare !== undefined) return new FieldProblem(bare.key, `A value of option ${name} has no name.`)
    const twice = values.find(
      (value, at) => values.findIndex((other) => other.title.trim() === value.title.trim()) < at,
    )
    if (twice !== undefined)
      return new FieldProblem(twice.key, `Option ${name} has the value ${twice.title.trim()} twice.`)
  }
  const count = combinations(options).length
  if (count <= COMBINATIONS_MAX) return undefined
  return new Error(`That makes ${count} variants, and ${COMBINATIONS_MAX} is what this form can do.`)
}

export interface NamedOptions {
  readonly options: Options
  /** The name in the shop of each value's key. */
  readonly names: ReadonlyMap<string, string>
}

/**
 * As the shop is to have them. `before`: what it has; of what stays nothing else is lost. Throws FieldProblem for a
 * wrong text.
 */
export function namedOptions(
  drafts: readonly OptionDraft[],
  before: Options | undefined,
  { read }: AmountWords,
): NamedOptions {
  const problem = optionsProblem(drafts)
  if (problem !== undefined) throw problem
  const names = new Map<string, string>()
  const taken = new Set(drafts.flatMap(({ values }) => values.map(({ key }) => key)).filter((key) => !isNew(key)))
  const options = new Map<string, Option>()
  for (const { key, title, values } of drafts) {
    const held = before?.get(key)
    const variations = new Map<string, Variation>()
    for (const value of values) {
      const name = isNew(value.key) ? freshName(value.title.trim(), title.trim(), taken) : value.key
      names.set(value.key, name)
      variations.set(name, variationOf(value, held?.Variations?.get(name), { option: title.trim(), read }))
    }
    const own = isNew(key)
      ? freshName(title.trim(), 'Option', new Set([...(before?.keys() ?? []), ...options.keys()]))
      : key
    options.set(own, { ...held, Title: title.trim(), Variations: variations })
  }
  return { options, names }
}

function isNew(key: string): boolean {
  return key.startsWith(NEW)
}

/** Names are unique in a listing and hold no separator. */
function freshName(title: string, group: string, taken: Set<string>): string {
  const plain = title.replaceAll(SEPARATOR, '/')
  const names = [plain, `${group.replaceAll(SEPARATOR, '/')}: ${plain}`]
  for (let i = 2; names.every((name) => taken.has(name)); i++) names.push(`${plain} (${i})`)
  const name = names.find((one) => !taken.has(one))!
  taken.add(name)
  return name
}

function variationOf(
  { key, title, sku, adds, amount }: ValueDraft,
  held: Variation | undefined,
  { option, read }: { readonly option: string; readonly read: AmountWords['read'] },
): Variation {
  const Title = title.trim()
  const before = held?.VariationInfo
  // A listing that came from elsewhere may say more of a value than its name.
  const Description = before === undefined || before.Description === before.Title ? Title : before.Description
  const modifier = ofField(amountField(key), () => modifierOf(adds, amount.trim(), read), `${option}: ${Title}`)
  return {
    VariationInfo: { ...before, Title, Description },
    ...(modifier !== undefined && { PriceModifier: modifier }),
    ...(sku.trim() !== '' && { SKU: sku.trim() }),
  }
}

function modifierOf(adds: Adds, amount: string, read: AmountWords['read']): PriceModifier | undefined {
  if (adds === 'nothing') return undefined
  if (adds !== 'percent') return { ModificationAbsolute: { Amount: read(amount), Plus: adds === 'plus' } }
  if (!/^[0-9]{1,6}$/u.test(amount))
    throw new Error(`${JSON.stringify(amount)} is no percentage of the price: 120 is a fifth more, 80 a fifth less.`)
  return { ModificationPercent: BigInt(amount) }
}

/** What makes `after` of `before`, value by value: orders that hold what stays are not touched. */
export function optionChanges(id: bigint, before: Options | undefined, after: Options): Change[] {
  const place = ['Listings', id, 'Options'] as const
  const changes: Change[] = []
  for (const [name] of before ?? []) if (!after.has(name)) changes.push({ op: 'remove', path: [...place, name] })
  // First what goes: a name may be wanted again in another option.
  for (const [name, { Variations }] of before ?? [])
    for (const value of Variations?.keys() ?? [])
      if (after.has(name) && !after.get(name)!.Variations?.has(value))
        changes.push({ op: 'remove', path: [...place, name, 'Variations', value] })
  for (const [name, option] of after) {
    const held = before?.get(name)
    if (held === undefined) changes.push({ op: 'add', path: [...place, name], value: optionValue(option) })
    else changes.push(...changesOfOption([...place, name], held, option))
  }
  return changes
}

function changesOfOption(path: readonly (string | bigint)[], held: Option, option: Option): Change[] {
  const place = path as Change['path']
  const changes: Change[] = []
  if (held.Title !== option.Title) changes.push({ op: 'replace', path: [...place, 'Title'], value: option.Title })
  for (const [name, variation] of option.Variations ?? []) {
    const known = held.Variations?.get(name)
    if (known !== undefined && textOf(known) === textOf(variation)) continue
    const value = variationValue(variation)
    changes.push({ op: known === undefined ? 'add' : 'replace', path: [...place, 'Variations', name], value })
  }
  return changes
}

/** All options in one text, to compare and to be read: the same for the same options, however they came. */
export function optionsText(options: Options | undefined, show: AmountWords['show']): string {
  const one = ([, { Title, Variations }]: readonly [string, Option]) => {
    const values = inSizeOrder(byName(Variations), titleOf).map(([, variation]) => textOf(variation, show))
    return `${Title}: ${values.join(', ')}`
  }
  return byName(options).map(one).join('; ') || 'none'
}

function byName<T>(named: ReadonlyMap<string, T> | undefined): readonly (readonly [string, T])[] {
  return [...(named ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function textOf({ VariationInfo, PriceModifier, SKU }: Variation, show: AmountWords['show'] = String): string {
  const { ModificationPercent: percent, ModificationAbsolute: absolute } = PriceModifier ?? {}
  const { Title, Description, Images } = VariationInfo
  return [
    Title,
    Description === Title ? '' : Description,
    ...(Images ?? []),
    percent === undefined ? '' : `${percent} %`,
    absolute === undefined ? '' : `${absolute.Plus ? '+' : '−'}${show(absolute.Amount)}`,
    SKU ?? '',
  ]
    .filter((part) => part !== '')
    .join(' ')
}

/** Options as a new listing has them. */
export function optionsValue(options: Options): never {
  return new Map([...options].map(([name, option]) => [name, optionValue(option)])) as never
}

function optionValue({ Title, Variations }: Option): never {
  const variations = new Map([...(Variations ?? [])].map(([name, variation]) => [name, variationValue(variation)]))
  return map({ Title, Variations: variations })
}

function variationValue({ VariationInfo, PriceModifier, SKU }: Variation): never {
  const { Title, Description, Images } = VariationInfo
  return map({
    VariationInfo: map({ Title, Description, ...(Images !== undefined && { Images: [...Images] }) }),
    ...(PriceModifier !== undefined && { PriceModifier: modifierValue(PriceModifier) }),
    ...(SKU !== undefined && { SKU }),
  })
}

function modifierValue({ ModificationPercent, ModificationAbsolute }: PriceModifier): never {
  if (ModificationAbsolute === undefined) return map({ ModificationPercent })
  return map({ ModificationAbsolute: map({ ...ModificationAbsolute }) })
}

/** What was chosen, for people: Size: Large, Colour: Moss. */
export function choiceText(listing: Listing | undefined, names: readonly string[]): string {
  const all = [...(listing?.Options?.values() ?? [])]
  const one = (name: string) => {
    const option = all.find(({ Variations }) => Variations?.has(name))
    return option === undefined ? name : `${option.Title}: ${option.Variations!.get(name)!.VariationInfo.Title}`
  }
  return names.map(one).join(', ')
}
