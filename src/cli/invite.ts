/**
 * `cairn invite`: makes an invite's key, publishes its verifier on the registry, and prints a link for the clerk.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import { addressOf } from '#signature'
import { publishInviteVerifierCall } from '../chain/contracts.js'
import { makeKeyCard } from '../client/enrol.js'
import { inviteLink } from '../client/invite-link.js'
import { integerFlag, parseFlags, URL_FLAG, urlFlag } from './flags.js'
import type { Io } from './io.js'
import { DEVELOPMENT_ACCOUNTS, told, WALLET_FLAGS, WALLET_HELP, walletOfFlags } from './merchant.js'

export const INVITE_HELP = `cairn invite --shop ID [--url URL] [--chain FILE] [--wallet FILE]

Prints a link with which one person can join the shop as a clerk (cairn join LINK). Whoever has the link can use it, \
once:
the secret is in its fragment, which no browser sends to a server. The wallet has to be allowed to add users.

${WALLET_HELP}
`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text', required: true },
  ...WALLET_FLAGS,
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(INVITE_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const url = urlFlag('url', flags.url)
    const shop = integerFlag('shop', flags.shop)
    const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.merchant })
    const { secret, publicKey } = makeKeyCard()
    const verifier = addressOf(publicKey)
    await wallet.send({ to: wallet.chains.registry.shops, data: publishInviteVerifierCall(shop, verifier) })
    io.out(inviteLink({ url, shop, secret }))
    return 0
  } catch (error) {
    return told('cairn invite', error, io)
  }
}
