/** `cairn shop create`: mints a shop on the registry, names the relay as one of its relays, and enrols the first key card. */

import { randomBytes } from 'node:crypto'
import { publicKeyOf } from '#signature'
import { toHex } from '../bytes/hex.js'
import { addRelayCall, mintShopCall } from '../chain/contracts.js'
import { ClientError } from '../client/client-error.js'
import { enrol, relayFacts } from '../client/enrol.js'
import { SettingsError } from '../relay/settings.js'
import { integerFlag, parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'
import { cardInFile, DEVELOPMENT_ACCOUNTS, WALLET_FLAGS, WALLET_HELP, walletOfFlags } from './merchant.js'
import { walletOf } from './wallet.js'

export const SHOP_HELP = `cairn shop create [--url URL] [--shop ID] [--card FILE] [--chain FILE] [--wallet FILE]

Mints a shop to the wallet, adds the relay to it, and enrols a key card. Prints the shop's id and the card's file.

  --shop ID      the id to mint; random if left out
  --card FILE    the card's secret key, made if it is not there (default ./cairn-card.key)
${WALLET_HELP}
`

const FLAGS = {
  url: { kind: 'text', value: 'http://127.0.0.1:4444' },
  shop: { kind: 'text' },
  card: { kind: 'text', value: './cairn-card.key' },
  ...WALLET_FLAGS,
} as const

export async function run([verb, ...argv]: readonly string[], io: Io): Promise<number> {
  if (verb === '--help' || argv.includes('--help')) return (io.out(SHOP_HELP), 0)
  try {
    if (verb !== 'create') throw new UsageError('cairn shop knows one thing: cairn shop create')
    const flags = parseFlags(argv, FLAGS)
    const url = String(flags['url'])
    const shop = flags['shop'] === undefined ? randomShop() : integerFlag('shop', flags['shop'])
    const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.merchant })
    const { relay_token_id: relay } = await relayFacts(url, io.signal)
    const { shops } = wallet.chains.registry
    await wallet.send({ to: shops, data: mintShopCall(shop, wallet.address) })
    io.err(`minted shop ${shop} to 0x${toHex(wallet.address)}`)
    await wallet.send({ to: shops, data: addRelayCall(shop, BigInt(relay)) })
    io.err(`added relay ${relay}`)
    const file = String(flags['card'])
    const secret = await cardInFile(file)
    await enrol({ url, shop, card: publicKeyOf(secret), wallet: walletOf(wallet.secret), signal: io.signal })
    io.out(`shop ${shop}`)
    io.out(`card ${file}`)
    return 0
  } catch (error) {
    return told('cairn shop', error, io)
  }
}

/** One line for what can be expected; anything else is a bug and goes on. */
export function told(command: string, error: unknown, io: Io): number {
  if (io.signal.aborted) return 0
  if (![UsageError, ClientError, SettingsError].some((kind) => error instanceof kind) && !isRefusal(error)) throw error
  io.err(`${command}: ${(error as Error).message.split('\n')[0]}`)
  return 1
}

/** A transaction that the chain did not take (wallet.ts). */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('the transaction ')
}

function randomShop(): bigint {
  return BigInt(`0x${randomBytes(16).toString('hex')}`) + 1n
}
