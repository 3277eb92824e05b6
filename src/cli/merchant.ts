/**
 * What the commands about shops, clerks and payments share: chain, wallet, a card in a file, and how errors are told.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { publicKeyOf } from '#signature'
import type { ChainId } from '../brands.js'
import { toHex, fromHex } from '../bytes/hex.js'
import { isSecretKey } from '../bytes/signature-form.js'
import { ChainUnreachable, type Call } from '../chain/chain.js'
import { openChain } from '../chain/rpc-chain.js'
import { ClientError } from '../client/client-error.js'
import { importCard } from '../client/card-text.js'
import { enrol, makeKeyCard, relayDescription, type RelayDescription } from '../client/enrol.js'
import { isDevelopment, SettingsError } from '../settings/settings.js'
import type { ChainSettings } from '../settings/chain-settings.js'
import { chainSettingsOf } from './chains.js'
import { UsageError } from './flags.js'
import type { Io } from './io.js'
import { whyUnread } from './unread-file.js'
import { openWallet, TransactionFailed, walletOf, type SendingWallet } from './wallet.js'

export const WALLET_HELP = `\
  --chain FILE   contracts and RPC URLs as for cairn serve; default dev, the chain of npm run dev:chain; dev:PORT where
                 that has another port
  --wallet FILE  the wallet's secret key, 64 hex digits; or CAIRN_WALLET_KEY in the environment;
                 with --chain dev an account of the development chain if left out`

export const WALLET_FLAGS = {
  chain: { kind: 'text', value: 'dev' },
  wallet: { kind: 'text' },
} as const

export interface ChainWallet extends SendingWallet {
  /** 64 hexadecimal digits. */
  readonly secret: string
  readonly chains: ChainSettings
  /** What the contract returns; undefined where it reverts. Throws ChainUnreachable. */
  read(call: Call): Promise<Uint8Array | undefined>
}

/** The wallet of the flags on the chain; the registry's if none is named. Throws UsageError, SettingsError. */
export function walletOfFlags(
  flags: { readonly chain: string; readonly wallet?: string | undefined },
  io: Io,
  { account, chainId }: { readonly account: string; readonly chainId?: ChainId },
): ChainWallet {
  const name = flags.chain
  const chains = chainSettingsOf({ chain: name })
  if (chains === undefined)
    throw new UsageError('--chain none has no wallets: a shop there belongs to whoever names it')
  const secret = secretOf(flags.wallet, io) ?? (isDevelopment(name) ? account : undefined)
  if (secret === undefined) throw new UsageError('give the wallet: --wallet FILE, or CAIRN_WALLET_KEY')
  const id = chainId ?? chains.registry.chainId
  const row = chains.chains.find((chain) => chain.chainId === id)
  if (row === undefined) throw new UsageError(`chain ${id} is not in ${name}`)
  const read = async (call: Call) => {
    const chain = openChain(row)
    try {
      return await chain.call(call)
    } finally {
      chain.close()
    }
  }
  return { ...openWallet({ url: row.rpc[0]!, chainId: id, secret }), secret, chains, read }
}

/**
 * What the relay tells of itself. Throws ClientError, and UsageError if its shops are on another chain than the wallet.
 */
export async function relayFor({ chains }: ChainWallet, url: string, signal: AbortSignal): Promise<RelayDescription> {
  const facts = await relayDescription(url, signal)
  if (BigInt(facts.chain_id) !== chains.registry.chainId)
    throw new UsageError(
      `the relay's shops are on chain ${facts.chain_id}, those of --chain on ${chains.registry.chainId}`,
    )
  return facts
}

/** A card in its file, to be enrolled. */
interface FiledCard {
  readonly file: string
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** Enrols for the wallet. Throws ClientError. */
export async function enrolCard(
  { secret, file }: FiledCard,
  place: { readonly url: string; readonly shop: bigint; readonly signal: AbortSignal },
  wallet: ChainWallet,
): Promise<void> {
  try {
    await enrol({ ...place, card: publicKeyOf(secret), wallet: walletOf(wallet.secret) })
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'CARD_TAKEN') throw error
    throw new ClientError(error.code, `the card ${file} is enrolled already: go on with another one, --card FILE`)
  }
}

/** Accounts of the development chain, by what they do there. */
export const DEVELOPMENT_ACCOUNTS = {
  merchant: '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  guest: '5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  clerk: '7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
} as const

/** The secret key in a file, 32 bytes: 64 digits, or a text of exportCard. Throws UsageError. */
export async function cardFrom(file: string): Promise<Uint8Array> {
  try {
    const text = await readFile(file, 'utf8')
    return /^\s*CAIRN-CARD:/iu.test(text) ? importCard(text).secret : keyIn(text, file)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`the card ${file} cannot be read: ${whyUnread(error)}`)
  }
}

/** A card, made and kept (0600) at its first use. Throws UsageError. */
export async function cardInFile(file: string): Promise<FiledCard> {
  if (existsSync(file)) return { file, secret: await cardFrom(file) }
  const { secret } = makeKeyCard()
  try {
    await writeFile(file, `${toHex(secret)}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new UsageError(`the card ${file} cannot be written: ${(error as Error).message}`)
  }
  return { file, secret }
}

/** One line for what can be expected; anything else is a bug and goes on. */
export function told(command: string, error: unknown, io: Io): number {
  if (io.signal.aborted) return 0
  if (!EXPECTED.some((kind) => error instanceof kind)) throw error
  io.err(`${command}: ${(error as Error).message.split('\n')[0]}`)
  return 1
}

const EXPECTED = [UsageError, ClientError, SettingsError, ChainUnreachable, TransactionFailed] as const

function secretOf(file: string | undefined, io: Io): string | undefined {
  if (file !== undefined) {
    try {
      return toHex(keyIn(readFileSync(file, 'utf8'), file))
    } catch (error) {
      if (error instanceof UsageError) throw error
      throw new UsageError(`the wallet ${file} cannot be read: ${whyUnread(error)}`)
    }
  }
  const text = io.env['CAIRN_WALLET_KEY']
  return text === undefined || text === '' ? undefined : toHex(keyIn(text, 'CAIRN_WALLET_KEY'))
}

function keyIn(text: string, place: string): Uint8Array {
  const digits = text.trim().replace(/^0x/u, '').toLowerCase()
  if (!/^[0-9a-f]{64}$/u.test(digits)) throw new UsageError(`${place} has to hold 64 hexadecimal digits`)
  const key = fromHex(digits)
  if (!isSecretKey(key))
    throw new UsageError(`${place} has to hold a secret key: 0 and numbers above the curve's order are none`)
  return key
}
