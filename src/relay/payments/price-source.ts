/**
 * What one currency is worth in another (PROTOCOL §11, "price source"): nothing, a fixed rate, or a table of rates that
 * is fetched over HTTP. Asked in a write's path, so every answer comes from memory.
 */

import { toHex } from '../../bytes/hex.js'
import { readJson } from '../../bytes/json.js'
import {
  PRICE_FETCH_SECONDS,
  PRICE_FETCH_TIMEOUT_SECONDS,
  PRICE_TABLE_BYTES_MAX,
  PRICE_TABLE_RATES_MAX,
} from '../../limits.js'
import type { ChainAddress } from '../../objects/scalars.js'
import type { Rate } from '../../state/conversion.js'
import type { Clock } from '../instruments/clock.js'
import { boundedText } from '../transport/bounded-body.js'

export interface PriceSource {
  /** For one whole unit of `from`; a text says why there is none. Equal currencies are never asked for. */
  rate(from: ChainAddress, to: ChainAddress): Rate | string
  /** Why no rates are at hand now, for the operator. */
  readonly problem: string | undefined
  close(): void
}

/** Only the pricing currency can be chosen. */
export const NO_PRICES: PriceSource = {
  rate: () => 'only the pricing currency can be paid in here',
  problem: undefined,
  close: () => undefined,
}

/** One rate for whatever differs. */
export function fixedPrice(rate: Rate): PriceSource {
  return { rate: () => rate, problem: undefined, close: () => undefined }
}

interface HttpPriceOptions {
  /**
   * Answers with {"rates": [{"from": CURRENCY, "to": CURRENCY, "factor": "1500", "divisor": "1"}]},
   * where CURRENCY is "<chain id>:0x<40 hex>".
   */
  readonly url: string
  /** Rates older than this are refused. */
  readonly maxAgeSeconds: number
  readonly clock: Clock
  readonly onError: (error: Error) => void
  readonly fetchSeconds?: number
  readonly timeoutSeconds?: number
}

/**
 * Fetches the table now and every so often; between fetches and while they fail the last one holds, until it is too
 * old.
 */
export function httpPrices(options: HttpPriceOptions): PriceSource {
  return new HttpPrices(options)
}

class HttpPrices implements PriceSource {
  private readonly options: HttpPriceOptions
  private table: ReadonlyMap<string, Rate> = new Map()
  private fetchedMs = -Infinity
  private failure: string | undefined = 'the price source has not answered yet'
  private readonly stop = new AbortController()
  private cancel: () => void = () => undefined

  constructor(options: HttpPriceOptions) {
    this.options = options
    void this.refresh()
  }

  get problem(): string | undefined {
    return this.isStale() ? `the price source gives no rates: ${this.failure ?? 'they are too old'}` : undefined
  }

  rate(from: ChainAddress, to: ChainAddress): Rate | string {
    if (this.isStale()) return 'there is no price in this currency now: the rates are too old'
    return this.table.get(pairName(from, to)) ?? 'there is no rate for this currency'
  }

  close(): void {
    this.cancel()
    this.stop.abort()
  }

  private isStale(): boolean {
    return this.options.clock.nowMs() - this.fetchedMs > this.options.maxAgeSeconds * 1_000
  }

  private async refresh(): Promise<void> {
    const { url, clock, onError, fetchSeconds = PRICE_FETCH_SECONDS } = this.options
    const askedMs = clock.nowMs()
    try {
      const table = await fetchTable(url, this.stop.signal, this.options.timeoutSeconds ?? PRICE_FETCH_TIMEOUT_SECONDS)
      this.table = table
      this.fetchedMs = askedMs
      this.failure = undefined
    } catch (error) {
      if (this.stop.signal.aborted) return
      this.failure = (error as Error).message
      onError(error as Error)
    }
    this.cancel = clock.after(fetchSeconds * 1_000, () => void this.refresh())
  }
}

/** The table was not there, or is none. */
export class PriceTableError extends Error {
  override readonly name = 'PriceTableError'
}

async function fetchTable(url: string, stop: AbortSignal, timeoutSeconds: number): Promise<Map<string, Rate>> {
  // Not by AbortSignal.any: its signals may be collected before they fire.
  const limit = new AbortController()
  const end = () => limit.abort()
  const timer = setTimeout(end, timeoutSeconds * 1_000)
  stop.addEventListener('abort', end)
  try {
    const { signal } = limit
    const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
    if (!response.ok) throw new PriceTableError(`it answers ${response.status}`)
    return readTable(await boundedText(response, PRICE_TABLE_BYTES_MAX))
  } catch (error) {
    if (error instanceof PriceTableError) throw error
    if (error instanceof RangeError) throw new PriceTableError(error.message, { cause: error })
    throw new PriceTableError('it cannot be reached', { cause: error })
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', end)
  }
}

/** Throws PriceTableError for anything but a whole, well-formed table. */
export function readTable(text: string): Map<string, Rate> {
  const table = new Map<string, Rate>()
  const answer = readJson(
    () => text,
    (cause) => {
      throw new PriceTableError('it answers with no JSON', { cause })
    },
  )
  const { rates } = asObject(answer)
  if (!Array.isArray(rates) || rates.length > PRICE_TABLE_RATES_MAX)
    throw new PriceTableError(`its "rates" are no list of at most ${PRICE_TABLE_RATES_MAX}`)
  for (const row of rates) {
    const { from, to, factor, divisor } = asObject(row)
    const rate = { factor: amount(factor), divisor: amount(divisor ?? '1') }
    if (rate.factor === 0n || rate.divisor === 0n) throw new PriceTableError('it has a factor or divisor of 0')
    table.set(`${currencyName(from)} ${currencyName(to)}`, rate)
  }
  return table
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new PriceTableError('it answers with another form')
  return value as Record<string, unknown>
}

/** Decimal text of at most 78 digits: money is never a JSON number. */
function amount(value: unknown): bigint {
  if (typeof value !== 'string' || !/^[0-9]{1,78}$/u.test(value))
    throw new PriceTableError('a factor or divisor is no decimal text')
  return BigInt(value)
}

function currencyName(value: unknown): string {
  if (typeof value !== 'string' || !/^[1-9][0-9]{0,19}:0x[0-9a-fA-F]{40}$/u.test(value))
    throw new PriceTableError('a currency is not written as <chain id>:0x<address>')
  return value.toLowerCase()
}

function pairName(from: ChainAddress, to: ChainAddress): string {
  return `${nameOf(from)} ${nameOf(to)}`
}

function nameOf({ ChainID, Address }: ChainAddress): string {
  return `${ChainID}:0x${toHex(Address)}`
}
