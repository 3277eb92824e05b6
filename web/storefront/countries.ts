/** Where guests live, as their addresses say it: two letters of ISO 3166. */

export const COUNTRIES = [
  'AT',
  'CH',
  'DE',
  'DK',
  'ES',
  'FR',
  'GB',
  'IT',
  'JP',
  'NL',
  'NO',
  'PL',
  'SE',
  'SI',
  'US',
] as const

const names = new Intl.DisplayNames(undefined, { type: 'region' })

/** In the reader's language; what is no code stays as it is. */
export function countryName(code: string): string {
  return /^[A-Z]{2}$/u.test(code) ? (names.of(code) ?? code) : code
}
