import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatRfc3339, parseRfc3339, plainTime, readCalendarTime } from '../../src/codec/time.js'
import { EARLIEST, LATEST } from '../fixtures/cbor.arbitrary.js'

// The platform's Date is the oracle; the vectors hold what it reads otherwise (leap seconds, lower case).
const oracle = (seconds: bigint) => new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z')
const seconds = fc.bigInt({ min: EARLIEST, max: LATEST })

describe('formatRfc3339', () => {
  it('agrees with Date', () => {
    fc.assert(
      fc.property(seconds, (seconds) => {
        expect(formatRfc3339(seconds)).toBe(oracle(seconds))
      }),
      { numRuns: 2_000 },
    )
  })

  it('agrees with Date on both sides of every month of 800 years', () => {
    for (let month = 0; month < 800 * 12; month++) {
      const start = BigInt(Date.UTC(1600, month, 1) / 1000)
      for (const seconds of [start - 1n, start]) expect(formatRfc3339(seconds)).toBe(oracle(seconds))
    }
  })

  it('refuses what has no year of four digits', () => {
    expect(formatRfc3339(EARLIEST)).toBe('0000-01-01T00:00:00Z')
    expect(formatRfc3339(LATEST)).toBe('9999-12-31T23:59:59Z')
    expect(() => formatRfc3339(EARLIEST - 1n)).toThrow(RangeError)
    expect(() => formatRfc3339(LATEST + 1n)).toThrow(RangeError)
  })
})

describe('parseRfc3339', () => {
  it('reads what formatRfc3339 writes', () => {
    fc.assert(
      fc.property(seconds, (seconds) => {
        expect(parseRfc3339(formatRfc3339(seconds))).toBe(seconds)
      }),
    )
  })

  it('takes offsets and fractions as Date does', () => {
    const offset = fc.tuple(fc.constantFrom('+', '-'), fc.nat({ max: 23 }), fc.nat({ max: 59 }))
    const local = fc
      .bigInt({ min: EARLIEST + 90_000n, max: LATEST - 90_000n })
      .map((seconds) => oracle(seconds).slice(0, -1))
    fc.assert(
      fc.property(local, offset, fc.stringMatching(/^(?:\.\d{1,12})?$/u), (local, [sign, hours, minutes], fraction) => {
        const text = `${local}${fraction}${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
        expect(parseRfc3339(text)).toBe(BigInt(Math.floor(Date.parse(text.replace(fraction, '')) / 1000)))
      }),
    )
  })

  it('knows how many days every month has', () => {
    for (const year of [1900, 2000, 2023, 2024, 2100]) {
      for (let month = 1; month <= 12; month++) {
        for (let day = 0; day <= 32; day++) {
          const exists = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
          const text = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}T00:00:00Z`
          expect(parseRfc3339(text) !== undefined, text).toBe(exists)
        }
      }
    }
  })

  it('takes a second of 60 at the end of a month in UTC only', () => {
    for (const [text, next] of [
      ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
      ['2015-06-30T23:59:60.5Z', '2015-07-01T00:00:00Z'],
      ['2017-01-01T05:29:60+05:30', '2017-01-01T00:00:00Z'],
    ] as const) {
      expect(parseRfc3339(text)).toBe(parseRfc3339(next))
    }
    for (const text of [
      '2016-12-30T23:59:60Z',
      '2016-12-31T22:59:60Z',
      '2016-12-31T23:58:60Z',
      '2016-12-31T23:59:60+05:30',
    ]) {
      expect(parseRfc3339(text)).toBeUndefined()
    }
  })
})

describe('readCalendarTime', () => {
  it('tells another form from a day or time that is none, and a leap second wherever it stands', () => {
    const at = (text: string) => readCalendarTime(text)
    expect(at('2024-02-29 00:00:00Z')).toBeUndefined()
    expect(at('2023-02-29T00:00:00Z')?.seconds).toBeUndefined()
    expect(at('2023-02-28T24:00:00Z')?.seconds).toBeUndefined()
    expect(at('2024-02-29T00:00:00.9+01:00')).toEqual({ seconds: 1_709_161_200n, isLeapSecond: false })
    expect(at('2024-02-29T12:00:60Z')).toEqual({ seconds: 1_709_208_060n, isLeapSecond: true })
    expect(parseRfc3339('2024-02-29T12:00:60Z')).toBeUndefined()
  })
})

describe('plainTime', () => {
  const plain = (text: string) => plainTime(new TextEncoder().encode(`x${text}y`), 1, 1 + text.length)

  it('reads what formatRfc3339 writes', () => {
    fc.assert(
      fc.property(seconds, (seconds) => {
        expect(plain(formatRfc3339(seconds))).toBe(seconds)
      }),
    )
  })

  it('is silent or tells what parseRfc3339 tells, whatever the digits and signs', () => {
    const part = (most: number, width = 2) => fc.nat(most).map((number) => String(number).padStart(width, '0'))
    const near = fc
      .tuple(part(9_999, 4), part(13), part(32), part(25), part(60), part(61), fc.constantFrom('T', 'T', 'T', 't'))
      .map(([year, month, day, hour, minute, second, t]) => `${year}-${month}-${day}${t}${hour}:${minute}:${second}Z`)
    const spoilt = fc
      .tuple(near, fc.nat(19), fc.constantFrom('/', ':', '-', 'Z', ' ', '9'))
      .map(([text, at, by]) => text.slice(0, at) + by + text.slice(at + 1))
    let told = 0
    fc.assert(
      fc.property(fc.oneof(near, spoilt), (text) => {
        const time = plain(text)
        if (time === undefined) return
        told++
        expect(time).toBe(parseRfc3339(text))
      }),
      { numRuns: 2_000 },
    )
    expect(told).toBeGreaterThan(100)
  })
})
