/**
 * `cairn join LINK`: redeems an invite on the registry with the clerk's wallet, and enrols a key card for it.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import { sign } from '#signature'
import { personalMessageDigest } from '../bytes/eip191.js'
import { toHex } from '../bytes/hex.js'
import { readWord } from '../bytes/abi.js'
import { CLERK_PERMISSION, hasPermissionCall, redeemInviteCall } from '../chain/contracts.js'
import { parseFlags, UsageError } from './flags.js'
import { readInviteLink, type Invite } from '../client/invite-link.js'
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
import { TransactionFailed } from './wallet.js'

export const JOIN_HELP = `cairn join LINK [--card FILE] [--chain FILE] [--wallet FILE]

Joins a shop as a clerk with a link that cairn invite printed, and enrols a key card. A wallet that is a clerk \
already does not
use the link up.

  --card FILE    the card's secret key, made if it is not there (default ./cairn-card.key)
${WALLET_HELP}
`

const FLAGS = { card: { kind: 'text', value: './cairn-card.key' }, ...WALLET_FLAGS } as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(JOIN_HELP), 0)
  try {
    const { invite, rest } = inviteAmong(argv)
    const { url, shop } = invite
    const flags = parseFlags(rest, FLAGS)
    const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.clerk })
    // Before the link is used up.
    await relayFor(wallet, url, io.signal)
    const card = await cardInFile(flags.card)
    if (!(await isClerk(shop, wallet))) await redeem(invite, wallet)
    io.err(`0x${toHex(wallet.address)} is a clerk of shop ${shop}`)
    await enrolCard(card, { url, shop, signal: io.signal }, wallet)
    io.out(`shop ${shop}`)
    io.out(`card ${card.file}`)
    return 0
  } catch (error) {
    return told('cairn join', error, io)
  }
}

/** The link stands before or after the flags. Throws UsageError, which repeats nothing: a link holds a secret. */
function inviteAmong(argv: readonly string[]): { invite: Invite; rest: readonly string[] } {
  const at = argv.findIndex((word, i) => !word.startsWith('--') && !takesNext(argv[i - 1]))
  const invite = at < 0 ? undefined : readInviteLink(argv[at]!)
  if (invite === undefined) throw new UsageError('give the link that cairn invite printed: cairn join LINK')
  return { invite, rest: argv.toSpliced(at, 1) }
}

/** Every flag has a value, here or behind it. */
function takesNext(word: string | undefined): boolean {
  return word?.startsWith('--') === true && !word.includes('=')
}

async function isClerk(shop: bigint, wallet: ChainWallet): Promise<boolean> {
  const data = hasPermissionCall(shop, wallet.address, CLERK_PERMISSION)
  return readWord(await wallet.read({ to: wallet.chains.registry.shops, data })) === 1n
}

async function redeem({ shop, secret }: Invite, wallet: ChainWallet): Promise<void> {
  const signature = sign(personalMessageDigest(wallet.address), secret)
  const data = redeemInviteCall(shop, signature, wallet.address)
  try {
    await wallet.send({ to: wallet.chains.registry.shops, data })
  } catch (error) {
    if (!(error instanceof TransactionFailed) || !/revert/iu.test(error.message)) throw error
    throw new UsageError(
      `the registry does not take this link: it was used already, or is of another chain (${error.message})`,
    )
  }
}
