/**
 * The value of a card in the state tree (PROOFS §1.3): when it was whose. In no patch, and in the state tree alone.
 *
 * Tests: test/merkle/card-periods.test.ts
 */

import { encode, type Encodable } from '../codec/encode.js'
import type { DeterministicReader } from '../codec/deterministic-form.js'
import { bytesOf, readAll, StateProofError } from './state-proof-error.js'

const ACCOUNT_BYTES = 20

/** From which set to which a card was in a shop. */
export interface CardPeriod {
  /** 20 bytes. */
  readonly account: Uint8Array
  /** Seq of the set that put the card into the account's KeyCards. */
  readonly since: bigint
  /** Seq of the set that took it out; undefined while it is in. */
  readonly until?: bigint | undefined
}

/**
 * The canonical value of at least one period, fresh.
 *
 * @example
 * ```ts
 * import { encodeCardPeriods, readCardPeriods } from 'cairn-relay/state-proof'
 *
 * const value = encodeCardPeriods([{ account: new Uint8Array(20), since: 3n }])
 * console.log(readCardPeriods(value)[0]?.since) // 3n
 * ```
 */
export function encodeCardPeriods(periods: readonly CardPeriod[]): Uint8Array {
  const items = periods.map(({ account, since, until }): Encodable[] =>
    until === undefined ? [account, since] : [account, since, until],
  )
  return encode(new Map([['Periods', items]]))
}

/**
 * The periods of a card's value as it is proven; accounts are views. Throws StateProofError: 'encoding', 'form',
 * 'card-periods'.
 *
 * @example
 * ```ts
 * import { readCardPeriods, StateProofError } from 'cairn-relay/state-proof'
 *
 * try {
 *   readCardPeriods(Uint8Array.of(0xa0))
 * } catch (error) {
 *   console.log((error as StateProofError).message) // Card: 0 fields, Periods is the only one
 * }
 * ```
 */
export function readCardPeriods(value: Uint8Array, where = 'Card'): CardPeriod[] {
  return readAll(where, value, (reader) => {
    const fields = reader.map()
    if (fields !== 1) throw new StateProofError('form', where, `${fields} fields, Periods is the only one`)
    const name = reader.text()
    if (name !== 'Periods')
      throw new StateProofError(
        'form',
        where,
        `the field ${JSON.stringify(name.slice(0, 64))}, Periods is the only one`,
      )
    const count = reader.array()
    if (count === 0) throw new StateProofError('card-periods', where, '0 periods, at least 1 is needed')
    return Array.from({ length: count }, () => readPeriod(reader, where))
  })
}

function readPeriod(reader: DeterministicReader, where: string): CardPeriod {
  const items = reader.array()
  if (items !== 2 && items !== 3)
    throw new StateProofError('card-periods', where, `a period of ${items} items, 2 or 3 are needed`)
  const account = bytesOf(reader, ACCOUNT_BYTES, where, 'an account')
  const since = reader.uint()
  return items === 2 ? { account, since } : { account, since, until: reader.uint() }
}
