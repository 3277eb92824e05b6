import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor } from '../../src/codec/value.js'
import { encodeCardPeriods, readCardPeriods, type CardPeriod } from '../../src/merkle/card-periods.js'
import { StateProofError } from '../../src/merkle/state-proof-error.js'

const account = new Uint8Array(20).fill(1)

describe("a card's periods", () => {
  it('go there and back', () => {
    const periods: CardPeriod[] = [
      { account, since: 1n, until: 2n ** 64n - 1n },
      { account: new Uint8Array(20), since: 2n },
    ]
    expect(readCardPeriods(encodeCardPeriods(periods))).toEqual(periods)
  })

  it('are written as in the text', () => {
    const hex = toHex(encodeCardPeriods([{ account, since: 3n, until: 9n }]))
    expect(hex).toBe(`a167506572696f64738183${'54' + '01'.repeat(20)}0309`)
  })

  const valid: Cbor = [account, 3n]
  it.each<[string, Cbor | Uint8Array, StateProofError['code']]>([
    ['no map', [valid], 'form'],
    ['no field', new Map(), 'form'],
    ['another field', new Map([['Period', [valid]]]), 'form'],
    [
      'a field more',
      new Map<string, Cbor>([
        ['Periods', [valid]],
        ['Orders', 1n],
      ]),
      'form',
    ],
    ['no period', new Map([['Periods', []]]), 'card-periods'],
    ['a period of one', new Map([['Periods', [[account]]]]), 'card-periods'],
    ['a period of four', new Map([['Periods', [[account, 3n, 4n, 5n]]]]), 'card-periods'],
    ['no account', new Map([['Periods', [[3n, 3n]]]]), 'form'],
    ['an account of 19 bytes', new Map([['Periods', [[account.subarray(1), 3n]]]]), 'form'],
    ['a negative seq', new Map([['Periods', [[account, -1n]]]]), 'form'],
    ['an Until of null', new Map([['Periods', [[account, 3n, null]]]]), 'form'],
    ['bytes after it', fromHex(`${toHex(encodeCardPeriods([{ account, since: 3n }]))}00`), 'encoding'],
    ['a longer number', fromHex(`a167506572696f64738182${'54' + '01'.repeat(20)}1803`), 'encoding'],
    ['a count beyond its bytes', fromHex('a167506572696f64739affffffff'), 'encoding'],
  ])('are refused with %s', (_what, value, code) => {
    const bytes = value instanceof Uint8Array ? value : encode(value)
    expect(() => readCardPeriods(bytes, 'Cards/02')).toThrow(
      expect.objectContaining({ name: 'StateProofError', code, where: 'Cards/02' }),
    )
  })
})
