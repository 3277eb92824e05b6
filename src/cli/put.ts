/**
 * `cairn put`: changes a listing, of the demo shop with a key card that is made for it, of another with the card that
 * is given.
 *
 * Tests: test/cli/chain-commands.test.ts, test/cli/put.test.ts
 */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ListingId } from '../brands.js'
import { walletOf } from './wallet.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { enrol, makeKeyCard } from '../client/enrol.js'
import { connect, type Change, type ShopClient } from '../client/shop-client.js'
import { TimeLimit } from '../client/time-limit.js'
import { NATIVE_DECIMALS } from '../objects/native-currency.js'
import type { ChainAddress } from '../objects/scalars.js'
import { amountText } from '../proofs/receipt-text.js'
import { demoKeysIn } from './demo-keys.js'
import { developmentShop } from './development-shop.js'
import { DATA_FLAG, integerFlag, parseFlags, RELAY_FLAG, URL_FLAG, urlFlag, UsageError, type Flags } from './flags.js'
import type { Io } from './io.js'
import { cardFrom, told } from './merchant.js'
import { CHAIN_FLAG, relayGiven } from './relay-address.js'

export const PUT_HELP = `cairn put --listing ID (--price AMOUNT | --title TEXT | --stock PIECES) [--shop ID] [--url URL]
          [--card FILE | --data DIR] [--relay ADDRESS|chain] [--chain FILE]

Changes a listing. AMOUNT is in the smallest unit of the shop's pricing currency: of ether in wei (0.5 ETH
is 500000000000000000). What it is in that currency is told.

  --url URL    the relay; ${URL_FLAG.value} if left out
  --shop ID    the shop; left out, the one shop of a development relay, or the demo's in --data
  --card FILE  the shop's key card, as cairn shop create and cairn join leave it; left out: the demo shop is \
changed, with a card
               that is made at the first call, enrolled with the demo's wallet and kept in DIR/card.key
  --data DIR   as for cairn serve, default ./cairn-data
  --relay      the relay's address, or chain: the owner of the relay's token, asked of --chain; left out, a development
               relay is asked for its own
  --chain      for --relay chain: a file as for cairn serve; default dev
`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text' },
  listing: { kind: 'text', required: true },
  price: { kind: 'text' },
  title: { kind: 'text' },
  stock: { kind: 'text' },
  card: { kind: 'text' },
  data: DATA_FLAG,
  relay: RELAY_FLAG,
  chain: CHAIN_FLAG,
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(PUT_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const url = urlFlag('url', flags.url)
    const sets = setsOf(integerFlag('listing', flags.listing), flags)
    const relay = relayGiven(flags)
    const { card, data } = flags
    const shop = flags.shop === undefined ? await developmentShop(url, data, io) : integerFlag('shop', flags.shop)
    const key = await (card === undefined ? demoCard(url, shop, data, io.signal) : cardFrom(card))
    const client = await connect({ url, shop, key, relay, only: [], signal: io.signal })
    try {
      let stateHash: Uint8Array | undefined
      for (const set of sets) ({ stateHash } = await client.write(set, { signal: io.signal }))
      io.out(`done: the shop's state hash is now ${toHex(stateHash!)}`)
      const told = flags.price && (await priceTold(client, priceFlag(flags.price), io.signal))
      if (told !== undefined) io.out(told)
    } finally {
      client.close()
    }
    return 0
  } catch (error) {
    return told('cairn put', error, io)
  }
}

/** Of a decimal number the error tells what it is of ether: the shop's currency is not known before it answers. */
function priceFlag(text: string): bigint {
  if (/^[0-9]+$/u.test(text)) return integerFlag('price', text)
  if (/^-[0-9.]+$/u.test(text)) throw new UsageError(`--price cannot be below 0, as ${text} is`)
  const [given, whole, fraction] = /^([0-9]{0,60})\.([0-9]{1,18})$/u.exec(text) ?? [undefined, '0', '5']
  const smallest = BigInt(whole + fraction.padEnd(NATIVE_DECIMALS, '0'))
  throw new UsageError(
    `--price is a whole number of the smallest unit of the shop's currency, of ether in wei` +
      `${given === undefined ? '' : `, not ${given}`}: ${whole || '0'}.${fraction} ETH is --price ${smallest}`,
  )
}

/** Undefined where the shop's currency does not come: what was written is on disk all the same. */
async function priceTold(client: ShopClient, price: bigint, signal: AbortSignal): Promise<string | undefined> {
  const currency = await pricingCurrency(client, new TimeLimit(CURRENCY_WAIT_MS, signal))
  return currency && `price: ${price} of the smallest unit, which are ${amountText(price, currency)}`
}

/** How long the shop's currency is waited for. */
const CURRENCY_WAIT_MS = 10_000

function pricingCurrency(client: ShopClient, limit: TimeLimit): Promise<ChainAddress | undefined> {
  const live = client.manifest()
  return new Promise<ChainAddress | undefined>((resolve) => {
    const end = () => finish(undefined)
    const look = () => {
      const { status, data } = live.get()
      if (status !== 'loading') finish(status === 'failed' ? undefined : data?.PricingCurrency)
    }
    const stop = live.subscribe(look)
    const finish = (currency: ChainAddress | undefined) => {
      stop()
      limit.clear()
      limit.signal.removeEventListener('abort', end)
      resolve(currency)
    }
    if (limit.signal.aborted) return end()
    limit.signal.addEventListener('abort', end)
    look()
  })
}

/**
 * Stock in a set of its own, first: whoever is shown a listing also gets hashes of the rest of its set, and a number of
 * pieces can be guessed from one.
 */
function setsOf(listing: ListingId, { price, title, stock }: Flags<typeof FLAGS>): Change[][] {
  const changes: Change[] = []
  if (price !== undefined)
    changes.push({ op: 'replace', path: ['Listings', listing, 'Price'], value: priceFlag(price) })
  if (title !== undefined)
    changes.push({ op: 'replace', path: ['Listings', listing, 'Metadata', 'Title'], value: title })
  const pieces: Change[] = []
  if (stock !== undefined)
    pieces.push({ op: 'replace', path: ['Inventory', listing], value: integerFlag('stock', stock) })
  const sets = [pieces, changes].filter((set) => set.length > 0)
  if (sets.length === 0) throw new UsageError('say what to change: --price, --title or --stock')
  return sets
}

/** The secret key of this command's card in the demo shop, 32 bytes. Rejects with UsageError for another shop. */
export async function demoCard(url: string, shop: bigint, data: string, signal: AbortSignal): Promise<Uint8Array> {
  const demo = await demoKeysIn(data)
  if (demo === undefined || BigInt(demo.shop) !== shop)
    throw new UsageError(
      `shop ${shop} is not the demo shop of ${data}: ` +
        "give its key card with --card FILE, or the relay's --data directory",
    )
  const file = join(data, 'card.key')
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined) return fromHex(known.trim())
  const { secret, publicKey } = makeKeyCard()
  await enrol({ url, shop, card: publicKey, wallet: walletOf(demo.wallet), signal })
  await writeFile(file, `${toHex(secret)}\n`, { mode: 0o600 })
  return secret
}
