/** What tokens are called and how many decimals they have: told by a person, kept here, for no relay tells. */

import type { ChainAddress, Currency } from 'cairn-relay/client'
import { fromHex, hex } from './fields.js'
import type { Notes } from './kept-notes.js'
import { FieldProblem } from './sentences.js'

const KEPT = 'cairn console currencies'
const DECIMALS_MAX = 77

/** Of all shops; what cannot be read is left out. */
export function keptCurrencies(notes: Notes): readonly Currency[] {
  return [...entries(notes)].flatMap(([name, text]) => {
    const [chain, address] = name.split(' ')
    const [, decimals, symbol] = /^([0-9]{1,2}) (\S{1,12})$/u.exec(text) ?? []
    if (chain === undefined || address === undefined || decimals === undefined || symbol === undefined) return []
    const currency = { ChainID: BigInt(chain), Address: fromHex(address) }
    return [{ currency, decimals: Number(decimals), symbol }]
  })
}

/** Chains' own currencies, and tokens that somebody told of. */
export function isKnown({ ChainID, Address }: ChainAddress, told: readonly Currency[]): boolean {
  const name = hex(Address)
  return (
    /^0*$/u.test(name) || told.some(({ currency }) => currency.ChainID === ChainID && hex(currency.Address) === name)
  )
}

/** Throws FieldProblem for a symbol or a number of decimals that is none. */
export function keepCurrency(
  notes: Notes,
  { ChainID, Address }: ChainAddress,
  { symbol, decimals }: { readonly symbol: string; readonly decimals: string },
): void {
  if (!/^\S{1,12}$/u.test(symbol.trim()))
    throw new FieldProblem('Symbol', 'A symbol has 1 to 12 letters, and no space.')
  if (!/^[0-9]{1,2}$/u.test(decimals.trim()) || Number(decimals) > DECIMALS_MAX)
    throw new FieldProblem('Decimals', `Decimals are a number up to ${DECIMALS_MAX}, as the token's contract has it.`)
  const all = entries(notes)
  all.set(`${ChainID} ${hex(Address)}`, `${Number(decimals)} ${symbol.trim()}`)
  notes.setItem(KEPT, JSON.stringify(Object.fromEntries(all)))
}

function entries(notes: Notes): Map<string, string> {
  try {
    const kept = JSON.parse(notes.getItem(KEPT) ?? '{}') as Record<string, unknown>
    const isEntry = ([name, text]: [string, unknown]) =>
      /^[1-9][0-9]* [0-9a-f]{40}$/u.test(name) && typeof text === 'string'
    return new Map(Object.entries(kept).filter(isEntry) as [string, string][])
  } catch {
    return new Map()
  }
}
