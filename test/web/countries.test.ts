import { expect, test } from 'vitest'
import { countries, countryName } from '../../web/countries.js'

const codes = countries().map(({ code }) => code)

test('all countries of ISO 3166 are there, with their names', () => {
  for (const code of ['AF', 'AQ', 'AX', 'BQ', 'CH', 'CW', 'GB', 'SS', 'TL', 'TW', 'US', 'XK', 'ZW'])
    expect(codes).toContain(code)
  expect(codes.length).toBeGreaterThanOrEqual(249)
  expect(new Set(codes).size).toBe(codes.length)
  for (const { code, name } of countries()) expect([code, name]).not.toEqual([code, code])
})

test('codes that were given up, parts of countries and unions are not', () => {
  for (const code of ['SU', 'DD', 'YU', 'AN', 'UK', 'BU', 'EU', 'UN', 'IC', 'AC', 'ZZ', 'AA', 'XA'])
    expect(codes).not.toContain(code)
})

test('they stand by their names', () => {
  const names = countries().map(({ name }) => name)
  expect(names).toEqual(names.toSorted(new Intl.Collator().compare))
})

test('a text that is no code is its own name', () => {
  expect([countryName('Summit'), countryName(''), countryName('ch')]).toEqual(['Summit', '', 'ch'])
})
