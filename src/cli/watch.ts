/**
 * `cairn watch`: a visitor's live feed of one listing, with what proves each value.
 *
 * Tests: test/cli/watch.test.ts, test/cli/serve.test.ts
 */

import { connect, ClientError, type LiveState, type ShopClient } from '../client/shop-client.js'
import type { ListingId } from '../brands.js'
import { prefixedHex } from '../bytes/hex.js'
import type { Listing } from '../objects/listing.js'
import { SettingsError } from '../settings/settings.js'
import type { ChainAddress } from '../objects/scalars.js'
import { amountText } from '../proofs/receipt-text.js'
import { developmentShop } from './development-shop.js'
import { DATA_FLAG, integerFlag, parseFlags, RELAY_FLAG, URL_FLAG, urlFlag, UsageError } from './flags.js'
import type { Io } from './io.js'
import { CHAIN_FLAG, relayGiven } from './relay-address.js'

export const WATCH_HELP = `cairn watch --listing ID [--shop ID] [--url URL] [--relay ADDRESS|chain]
            [--chain FILE] [--json]

Prints the listing each time it changes, with the checkpoint that proves it: that it is what the relay signed, and that
nothing was left out. Ends with 1, and says why, when anything does not verify.

  --url URL        the relay; ${URL_FLAG.value} if left out
  --shop ID        the shop; left out, the one shop of a development relay, or the demo's in --data
  --relay ADDRESS  the relay's address, or one that it had before a change of its key; chain: the owner of the relay's
                   token, asked of --chain, where what was anchored is checked too; left out, a development relay is
                   asked for its own
  --chain FILE     for --relay chain: a file as for cairn serve; default dev, the chain of npm run dev:chain
  --data FOLDER    where a demo's shop is looked up; ${DATA_FLAG.value} if left out
  --json           a JSON object per line, the price in the smallest unit of its currency, priceText as it is shown

Prices are in whole units of a chain's native currency, and in the smallest unit of a token: its decimals stand on its
chain, which is not asked. A listing that is not there is waited for.
`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text' },
  listing: { kind: 'text', required: true },
  relay: RELAY_FLAG,
  chain: CHAIN_FLAG,
  data: DATA_FLAG,
  json: { kind: 'switch' },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(WATCH_HELP), 0)
  let client: ShopClient | undefined
  try {
    const flags = parseFlags(argv, FLAGS)
    const id = integerFlag('listing', flags.listing)
    const url = urlFlag('url', flags.url)
    const relay = relayGiven(flags)
    const shop = flags.shop === undefined ? await developmentShop(url, flags.data, io) : integerFlag('shop', flags.shop)
    client = await connect({ url, shop, relay, only: [{ listing: id }], signal: io.signal, onNotice: io.err })
    const stopped = new Promise<'stopped'>((resolve) =>
      io.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
    )
    return await Promise.race([new Feed(client, id, flags.json, io).show(), stopped.then(() => 0)])
  } catch (error) {
    if (io.signal.aborted) return 0
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    io.err(alarm(`cairn watch: ${(error as Error).message}`, error instanceof ClientError && isFailed(error), io))
    return 1
  } finally {
    client?.close()
  }
}

const EXPECTED = [UsageError, SettingsError, ClientError] as const

class Feed {
  private readonly client: ShopClient
  private readonly id: ListingId
  private readonly json: boolean
  private readonly io: Io
  /** What was printed last. */
  private shown: string | undefined

  constructor(client: ShopClient, id: ListingId, json: boolean, io: Io) {
    this.client = client
    this.id = id
    this.json = json
    this.io = io
  }

  /** Ends where a check fails, with the exit code. */
  async show(): Promise<number> {
    // A price is none without its currency.
    for await (const state of this.client.manifest()) if (state.status === 'failed' || this.isSettled(state)) break
    for await (const state of this.client.listing(this.id)) {
      if (state.status === 'failed') return this.failed(state)
      if (!this.isSettled(state) || !this.isSettled(this.client.manifest().get())) continue
      const value = [this.textOf(state.data), state.stale, state.complete].join()
      if (value === this.shown) continue
      this.shown = value
      this.io.out(this.json ? this.asJson(state) : this.line(state))
    }
    return 0
  }

  /** What is shown while the backlog comes may be of the past, and a change is proven within a second or so. */
  private isSettled({ status, complete, stale }: LiveState<unknown>): boolean {
    return status !== 'loading' && (complete || stale || this.client.protocol === 4)
  }

  private failed({ error, data }: LiveState<Listing>): number {
    const last = data === undefined ? '' : `; the last value, ${this.textOf(data)}, is not to be relied on`
    const reason = `what the relay sent does not verify: ${error?.message ?? 'no reason'}${last}`
    this.io.err(alarm(`cairn watch: ${reason}`, error !== undefined && isFailed(error), this.io))
    return 1
  }

  private line(state: LiveState<Listing>): string {
    const waits = state.data === undefined ? '; waiting for it' : ''
    return `${this.textOf(state.data)}  ${this.proof(state)}${waits}`
  }

  private proof({ verified, complete, stale }: LiveState<Listing>): string {
    if (this.client.protocol === 4) {
      const set = verified === undefined ? '' : ` in set ${verified.seq}`
      return `signed${set}, version 4: nothing proves that nothing was left out`
    }
    const proof = complete ? `✓ proven as of checkpoint ${verified!.seq}` : 'not proven'
    if (!stale) return proof
    const since = verified?.timestamp === undefined ? '' : ` of ${timeText(verified.timestamp)}`
    return `${proof}${since}, stale: the relay shows no newer one`
  }

  private textOf(data: Listing | undefined): string {
    if (data === undefined) return `listing ${this.id} is not there`
    const unpublished = data.ViewState === 1n ? '' : '  (not published)'
    return `${data.Metadata.Title}  price ${this.priceOf(data)}${unpublished}`
  }

  private priceOf({ Price }: Listing): string {
    const { currency } = this
    return currency === undefined ? `${Price} smallest units, in no currency yet` : amountText(Price, currency)
  }

  private get currency(): ChainAddress | undefined {
    return this.client.manifest().get().data?.PricingCurrency
  }

  private asJson({ status, data, verified, complete, stale }: LiveState<Listing>): string {
    const { currency } = this
    const listing =
      data === undefined
        ? null
        : {
            id: String(data.ID),
            title: data.Metadata.Title,
            price: String(data.Price),
            priceText: this.priceOf(data),
            currency:
              currency === undefined
                ? null
                : { chainId: String(currency.ChainID), address: prefixedHex(currency.Address) },
            viewState: Number(data.ViewState),
          }
    const seq = verified === undefined ? null : Number(verified.seq)
    return JSON.stringify({ status, seq, complete, stale, version: this.client.protocol, listing })
  }
}

function timeText(seconds: bigint): string {
  return new Date(Number(seconds) * 1_000).toISOString().replace('.000Z', 'Z')
}

function isFailed(error: Error): boolean {
  return error instanceof ClientError && error.code === 'VERIFICATION_FAILED'
}

/** Red on a terminal; the words say it too. */
function alarm(text: string, isAlarm: boolean, { isTerminal, env }: Io): string {
  const isRed = isAlarm && isTerminal && (env['NO_COLOR'] ?? '') === ''
  return isRed ? `\u001b[31m${text}\u001b[0m` : text
}
