/**
 * What the commands about catalogues share: a shop with a card of its staff, read whole and proven, and the decimals of
 * its currencies.
 *
 * Tests: test/cli/catalogue-commands.test.ts
 */

import { isAllZero } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import type { DecimalsOf } from '../catalogue/export-orders.js'
import { DECIMALS_MAX } from '../catalogue/decimal.js'
import type { ShopContents } from '../catalogue/held-listing.js'
import { connect, type Live, type Part, type ShopClient } from '../client/shop-client.js'
import { nativeName, NATIVE_DECIMALS } from '../objects/native-currency.js'
import type { ChainAddress } from '../objects/scalars.js'
import { DATA_FLAG, RELAY_FLAG, integerFlag, URL_FLAG, urlFlag, UsageError, type Flags } from './flags.js'
import type { Io } from './io.js'
import { cardFrom } from './merchant.js'
import { demoCard } from './put.js'
import { CHAIN_FLAG, relayGiven } from './relay-address.js'
import { developmentShop } from './development-shop.js'

export const SHOP_FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text' },
  card: { kind: 'text' },
  data: DATA_FLAG,
  relay: RELAY_FLAG,
  chain: CHAIN_FLAG,
  decimals: { kind: 'text' },
} as const

export const SHOP_FLAGS_HELP = `\
  --shop ID     the shop; may be left out where the relay tells of one alone, or of the demo
  --card FILE   the shop's key card, as cairn shop create and cairn join leave it; left out: the demo shop's, which
                cairn put makes too
  --decimals N  digits behind the point of tokens, which no relay tells; for several 0xTOKEN=N,0xTOKEN=N. A chain's
                own currency has 18
  --url URL     the relay's address, default http://127.0.0.1:4444
  --data DIR    as for cairn serve, default ./cairn-data: where the demo's keys are
  --relay ADDR  the relay's address, or one that it had before a change of its key; chain: the owner of the relay's
                token, asked of --chain; left out, a development relay is asked for its own
  --chain FILE  for --relay chain: a file as for cairn serve; default dev, the chain of npm run dev:chain`

/** What `act` gives. Rejects with UsageError, ClientError. */
export async function withShop<T>(
  flags: Flags<typeof SHOP_FLAGS>,
  only: readonly Part[],
  io: Io,
  act: (client: ShopClient) => Promise<T>,
): Promise<T> {
  const url = urlFlag('url', flags.url)
  const relay = relayGiven(flags)
  const shop = flags.shop === undefined ? await developmentShop(url, flags.data, io) : integerFlag('shop', flags.shop)
  const { card, data } = flags
  const key = await (card === undefined ? demoCard(url, shop, data, io.signal) : cardFrom(card))
  const client = await connect({ url, shop, key, relay, only, signal: io.signal })
  try {
    return await act(client)
  } finally {
    client.close()
  }
}

/** Parts of a shop that a catalogue is made of. */
export const CATALOGUE_PARTS: readonly Part[] = [{ listing: 'all' }, { tags: 'all' }, { inventory: 'all' }]

/**
 * All of it as of one moment, proven where the relay speaks version 5. Of a shop that changes all the time it is what
 * is verified, and a note says so.
 */
export async function contentsOf(client: ShopClient, io: Io): Promise<ShopContents> {
  const [listings, tags, stock] = await whole(client, [client.listings(), client.tagList(), client.stockList()], io)
  return { listings, tags, stock }
}

type Values<L extends readonly Live<unknown>[]> = { readonly [I in keyof L]: L[I] extends Live<infer T> ? T : never }

/** Values of which nothing can be missing. Rejects with what a check found. */
export async function whole<const L extends readonly Live<unknown>[]>(
  client: ShopClient,
  lives: L,
  io: Io,
): Promise<Values<L>> {
  const until = performance.now() + PROVEN_MS_MAX
  for (;;) {
    io.signal.throwIfAborted()
    const states = lives.map((live) => live.get())
    for (const { error } of states) if (error !== undefined) throw error
    const isThere = states.every(({ status }) => status !== 'loading')
    const isProven = client.protocol === 4 || states.every(({ complete }) => complete)
    const isLate = performance.now() > until
    if (isThere && !isProven && isLate)
      io.err('note: the shop changes all the time: what was read of it is verified, and not proven to be all')
    if (isThere && (isProven || isLate)) return states.map(({ data }) => data) as unknown as Values<L>
    await changed(lives, io.signal)
  }
}

/** How long a state that is proven whole is waited for: checkpoints come once a second. */
const PROVEN_MS_MAX = 20_000

/** Resolves with the next change, and after a second at the latest. */
function changed(lives: readonly Live<unknown>[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      for (const stop of stops) stop()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, 1_000)
    const stops = lives.map((live) => live.subscribe(done))
    signal.addEventListener('abort', done, { once: true })
  })
}

/** Of the flag `--decimals`. Throws UsageError. */
export function decimalsFlag(text: string | undefined): DecimalsOf {
  const tokens = new Map<string, number>()
  let all: number | undefined
  for (const part of text?.split(',') ?? []) {
    const [, token, digits] = /^(?:0x([0-9a-f]{40})=)?([0-9]{1,2})$/iu.exec(part.trim()) ?? []
    if (digits === undefined || Number(digits) > DECIMALS_MAX)
      throw new UsageError(`--decimals is a number up to ${DECIMALS_MAX}, or 0xTOKEN=N for each token, not ${part}`)
    if (token === undefined) all = Number(digits)
    else tokens.set(token.toLowerCase(), Number(digits))
  }
  return ({ Address }) => (isAllZero(Address) ? NATIVE_DECIMALS : (tokens.get(toHex(Address)) ?? all))
}

/** The shop's pricing currency and its decimals. Rejects with UsageError where nobody knows them. */
export async function pricingOf(
  client: ShopClient,
  decimalsOf: DecimalsOf,
  io: Io,
): Promise<{ readonly currency: ChainAddress; readonly decimals: number }> {
  const [manifest] = await whole(client, [client.manifest()], io)
  const { PricingCurrency: currency } = manifest
  const decimals = decimalsOf(currency)
  if (decimals !== undefined) return { currency, decimals }
  throw new UsageError(`the shop's prices are in the token ${currencyText(currency)}: give its --decimals`)
}

export function currencyText({ ChainID, Address }: ChainAddress): string {
  return isAllZero(Address) ? nativeName(ChainID) : `0x${toHex(Address)} on chain ${ChainID}`
}
