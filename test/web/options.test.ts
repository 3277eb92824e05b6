/** Options of a listing: from the shop into a form and back, by the rules of a relay. */

import { describe, expect, test } from 'vitest'
import {
  amountField,
  combinations,
  COMBINATIONS_MAX,
  choiceText,
  namedOptions,
  newOption,
  newValue,
  optionChanges,
  optionDrafts,
  optionsProblem,
  optionsText,
  optionsValue,
  type OptionDraft,
  type ValueDraft,
} from '../../web/console/options.js'
import type { Listing } from '../../src/objects/listing.js'
import type { Change } from '../../src/patches/patch.js'
import { changed, contentsOf, empty } from '../fixtures/catalogue-shop.js'
import { map } from '../fixtures/relay-harness.js'

const ID = 7n
/** Cents. */
const words = {
  read: (text: string) => {
    if (!/^[0-9]+$/u.test(text)) throw new Error(`${text} is no amount`)
    return BigInt(text)
  },
  show: String,
}

const value = (title: string, more: Partial<ValueDraft> = {}): ValueDraft => ({ ...newValue(), title, ...more })
const option = (title: string, ...values: ValueDraft[]): OptionDraft => ({ ...newOption(), title, values })

const size = option('Size', value('Small', { sku: 'S-1' }), value('Large', { adds: 'plus', amount: '150' }))
const colour = option('Colour', value('Red'), value('Blue', { adds: 'percent', amount: '90' }))

/** A listing with options as a form makes it, in a shop that keeps the rules. */
function listingWith(drafts: readonly OptionDraft[]): Listing {
  const { options } = namedOptions(drafts, undefined, words)
  const Metadata = map({ Title: 'Cap', Description: 'Cap' })
  const fields = { ID, Price: 1_000n, Metadata, ViewState: 1n, Options: optionsValue(options) }
  return held([{ op: 'add', path: ['Listings', ID], value: map(fields) }])
}

function held(...sets: readonly Change[][]): Listing {
  const state = sets.reduce((now, changes) => changed(now, changes), empty)
  return contentsOf(state).listings.find((listing) => listing.ID === ID)!
}

/** What the shop has after a form with `drafts` was saved. */
function saved(before: Listing, drafts: readonly OptionDraft[]) {
  const { options, names } = namedOptions(drafts, before.Options, words)
  const add: Change = { op: 'add', path: ['Listings', ID], value: written(before) }
  const changes = optionChanges(ID, before.Options, options)
  return { after: held([add], changes), changes, names }
}

function written({ Price, Metadata, ViewState, Options }: Listing): NonNullable<Change['value']> {
  const { Title, Description } = Metadata
  return map({ ID, Price, Metadata: map({ Title, Description }), ViewState, Options: optionsValue(Options!) })
}

describe('a form with options', () => {
  test('makes a listing that reads as the same form', () => {
    const listing = listingWith([size, colour])
    const drafts = optionDrafts(listing.Options, words)
    const told = drafts.flatMap(({ title, values }) =>
      values.map((one) => [title, one.title, one.adds, one.amount].join(' ')),
    )
    expect(new Set(told)).toEqual(
      new Set(['Colour Blue percent 90', 'Colour Red nothing ', 'Size Large plus 150', 'Size Small nothing ']),
    )
    expect(drafts.flatMap(({ values }) => values).find(({ title }) => title === 'Small')!.sku).toBe('S-1')
    expect(saved(listing, drafts).changes).toEqual([])
    expect(choiceText(listing, ['Large', 'Blue'])).toBe('Size: Large, Colour: Blue')
  })

  test('changes what was edited, and nothing else', () => {
    const listing = listingWith([size, colour])
    const drafts = optionDrafts(listing.Options, words)
    const edited = drafts.map((one) => ({
      ...one,
      values: one.values
        .filter(({ title }) => title !== 'Red')
        .map((each) => (each.title === 'Large' ? { ...each, title: 'Extra large', adds: 'minus' as const } : each)),
    }))
    const at = edited.findIndex(({ title }) => title === 'Colour')
    const wanted = edited.with(at, { ...edited[at]!, values: [...edited[at]!.values, value('Green')] })
    const { after, changes } = saved(listing, wanted)
    expect(changes.map(({ op, path }) => [op, ...path.slice(3)].join(' ')).sort()).toEqual([
      'add Colour Variations Green',
      'remove Colour Variations Red',
      'replace Size Variations Large',
    ])
    // A value keeps its name in the shop: stock and orders hold it.
    const large = after.Options!.get('Size')!.Variations!.get('Large')!
    expect(large.VariationInfo).toEqual({ Title: 'Extra large', Description: 'Extra large' })
    expect(large.PriceModifier).toEqual({ ModificationAbsolute: { Amount: 150n, Plus: false } })
    expect([...after.Options!.get('Colour')!.Variations!.keys()].sort()).toEqual(['Blue', 'Green'])
  })

  test('takes an option away, and gives its values to another one', () => {
    const listing = listingWith([size, colour])
    const [kept] = optionDrafts(listing.Options, words).filter(({ title }) => title === 'Size')
    const { after } = saved(listing, [kept!, option('Shade', value('Red'), value('Small'))])
    expect(optionsText(after.Options, String)).toMatch(/Shade: .*Small/u)
    expect([...after.Options!.get('Shade')!.Variations!.keys()].sort()).toEqual(['Red', 'Shade: Small'])
    expect(saved(listing, []).after.Options?.size ?? 0).toBe(0)
  })

  test('keeps pictures and words of a value that came from elsewhere', () => {
    const listing = listingWith([size])
    const info = map({ Title: 'Small', Description: 'Up to 52 cm', Images: ['https://pictures.example/s.jpg'] })
    const path = ['Listings', ID, 'Options', 'Size', 'Variations', 'Small', 'VariationInfo'] as const
    const told = held(
      [{ op: 'add', path: ['Listings', ID], value: written(listing) }],
      [{ op: 'replace', path, value: info }],
    )
    const [draft] = optionDrafts(told.Options, words)
    const renamed = { ...draft!, values: draft!.values.map((one) => ({ ...one, sku: 'X' })) }
    const { after } = saved(told, [renamed])
    expect(after.Options!.get('Size')!.Variations!.get('Small')!.VariationInfo).toEqual({
      Title: 'Small',
      Description: 'Up to 52 cm',
      Images: ['https://pictures.example/s.jpg'],
    })
  })
})

test('what can be bought is one value of each option', () => {
  const keys = ({ values }: OptionDraft) => values.map(({ key }) => key)
  expect(combinations([])).toEqual([[]])
  expect(combinations([size, option('None')])).toEqual(keys(size).map((key) => [key]))
  expect(combinations([size, colour])).toHaveLength(4)
})

test.each([
  ['an option without a name', [option(' ', value('A'))], 'Option 1 has no name.'],
  ['two of one name', [size, option('Size', value('A'))], 'Two options are called Size.'],
  ['no values', [option('Size')], 'Option Size has no value'],
  ['a value without a name', [option('Size', value(''))], 'A value of option Size has no name.'],
  ['a value twice', [option('Size', value('A'), value('A '))], 'has the value A twice'],
  [
    'too many variants',
    [1, 2, 3].map((at) => option(`${at}`, ...Array.from({ length: 7 }, (_, i) => value(`${at} ${i}`)))),
    `343 variants, and ${COMBINATIONS_MAX}`,
  ],
])('%s is told', (_what, options, problem) => {
  expect(optionsProblem(options)?.message).toContain(problem)
  expect(() => namedOptions(options, undefined, words)).toThrow(problem)
})

test('an amount that is none names its value', () => {
  const wrong = (more: Partial<ValueDraft>) => [option('Size', value('Large', more))]
  const [wrongOne] = wrong({ adds: 'plus', amount: 'x' })
  const refused = () => namedOptions([wrongOne!], undefined, words)
  expect(refused).toThrow('Size: Large: x is no')
  expect(refused).toThrow(expect.objectContaining({ field: amountField(wrongOne!.values[0]!.key) }))
  expect(() => namedOptions(wrong({ adds: 'percent', amount: '1.5' }), undefined, words)).toThrow('no percentage')
})
