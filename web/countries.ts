/**
 * Countries as addresses and regions of a shop say them: two letters of ISO 3166, and their names.
 *
 * Tests: test/web/countries.test.ts
 */

export interface Country {
  readonly code: string
  /** In the reader's language. */
  readonly name: string
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('')

/**
 * What CLDR names beside the countries of ISO 3166: parts of one, unions, places for tests, and nowhere. Kosovo, XK,
 * has no code there yet, and its people have addresses.
 */
const NO_COUNTRIES = 'AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ'.split(' ')

const names = new Intl.DisplayNames(undefined, { type: 'region' })
let all: readonly Country[] | undefined

/** All that this browser knows of, by their names; found once, when they are wanted. */
export function countries(): readonly Country[] {
  const { compare } = new Intl.Collator()
  return (all ??= LETTERS.flatMap((first) => LETTERS.map((second) => first + second))
    .filter(isCountry)
    .map((code) => ({ code, name: countryName(code) }))
    .toSorted((a, b) => compare(a.name, b.name)))
}

/** What has no name is called by its code; one that was given up, as SU, by another's. */
function isCountry(code: string): boolean {
  const [canonical] = Intl.getCanonicalLocales(`und-${code}`)
  return canonical === `und-${code}` && names.of(code) !== code && !NO_COUNTRIES.includes(code)
}

/** In the reader's language; what is no code stays as it is. */
export function countryName(code: string): string {
  return /^[A-Z]{2}$/u.test(code) ? (names.of(code) ?? code) : code
}
