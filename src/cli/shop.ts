/**
 * `cairn shop create`: mints a shop on the registry, names the relay as one of its relays, and enrols the first key
 * card.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import { randomBytes } from 'node:crypto'
import type { ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { readAddress } from '../bytes/abi.js'
import { addRelayCall, mintShopCall } from '../chain/contracts.js'
import { getAllRelaysCall, ownerOfCall, readRelays } from '../wire/registry-calls.js'
import { checkVerb, integerFlag, parseFlags, URL_FLAG, urlFlag, UsageError } from './flags.js'
import type { Io } from './io.js'
import {
  cardInFile,
  DEVELOPMENT_ACCOUNTS,
  enrolCard,
  relayFor,
  told,
  WALLET_FLAGS,
  WALLET_HELP,
  walletOfFlags,
  type ChainWallet,
} from './merchant.js'

export const SHOP_HELP = `cairn shop create [--url URL] [--shop ID] [--card FILE] [--chain FILE] [--wallet FILE]

Mints a shop to the wallet, adds the relay to it, and enrols a key card. Prints the shop's id and the card's file.
With the id of a shop that the wallet has it does what is missing. create is the only verb.
Manifest and listings are then written with the card: examples/open-shop.mjs shows how.

  --shop ID      the id to mint; random if left out
  --card FILE    the card's secret key, made if it is not there (default ./cairn-card.key)
${WALLET_HELP}
`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text' },
  card: { kind: 'text', value: './cairn-card.key' },
  ...WALLET_FLAGS,
} as const

export async function run([verb, ...argv]: readonly string[], io: Io): Promise<number> {
  if (verb === '--help' || argv.includes('--help')) return (io.out(SHOP_HELP), 0)
  try {
    checkVerb('shop', verb, 'create')
    const flags = parseFlags(argv, FLAGS)
    const url = urlFlag('url', flags.url)
    const shop = flags.shop === undefined ? randomShop() : integerFlag('shop', flags.shop)
    const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.merchant })
    const { relay_token_id: relay } = await relayFor(wallet, url, io.signal)
    // Before anything is paid for.
    const card = await cardInFile(flags.card)
    const isMinted = await mintTo(wallet, shop, wallet.address)
    io.err(`${isMinted ? 'minted shop' : 'there is shop'} ${shop} of 0x${toHex(wallet.address)}`)
    if (await addRelay(wallet, shop, BigInt(relay))) io.err(`added relay ${relay}`)
    await enrolCard(card, { url, shop, signal: io.signal }, wallet)
    io.out(`shop ${shop}`)
    io.out(`card ${card.file}`)
    return 0
  } catch (error) {
    return told('cairn shop', error, io)
  }
}

/** Mints the shop to the owner (20 bytes), unless it is his; whether it was not there. Rejects with UsageError. */
export async function mintTo(wallet: ChainWallet, shop: ShopId, owner: Uint8Array): Promise<boolean> {
  const { shops } = wallet.chains.registry
  const now = readAddress(await wallet.read({ to: shops, data: ownerOfCall(shop) }))
  if (now !== undefined && !equalBytes(now, owner))
    throw new UsageError(`shop ${shop} belongs to 0x${toHex(now)}, the wallet is 0x${toHex(owner)}`)
  if (now === undefined) await wallet.send({ to: shops, data: mintShopCall(shop, owner) })
  return now === undefined
}

/** Names the relay of a token as one of the shop's, unless it is; whether it was not. */
export async function addRelay(wallet: ChainWallet, shop: ShopId, relay: bigint): Promise<boolean> {
  const { shops } = wallet.chains.registry
  if (readRelays(await wallet.read({ to: shops, data: getAllRelaysCall(shop) })).includes(relay)) return false
  await wallet.send({ to: shops, data: addRelayCall(shop, relay) })
  return true
}

function randomShop(): ShopId {
  return BigInt(`0x${randomBytes(16).toString('hex')}`) + 1n
}
