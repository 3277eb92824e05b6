/** `cairn join LINK`: redeems an invite on the registry with the clerk's wallet, and enrols a key card for it. */

import { publicKeyOf, sign } from '#signature'
import { personalMessageDigest } from '../bytes/eip191.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { redeemInviteCall } from '../chain/contracts.js'
import { enrol } from '../client/enrol.js'
import { parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'
import { cardInFile, DEVELOPMENT_ACCOUNTS, WALLET_FLAGS, WALLET_HELP, walletOfFlags } from './merchant.js'
import { told } from './shop.js'
import { walletOf } from './wallet.js'

export const JOIN_HELP = `cairn join LINK [--card FILE] [--chain FILE] [--wallet FILE]

Joins a shop as a clerk with a link that cairn invite printed, and enrols a key card.

  --card FILE    the card's secret key, made if it is not there (default ./cairn-card.key)
${WALLET_HELP}
`

const FLAGS = { card: { kind: 'text', value: './cairn-card.key' }, ...WALLET_FLAGS } as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(JOIN_HELP), 0)
  try {
    const [link, ...rest] = argv
    const { url, shop, invite } = readLink(link)
    const flags = parseFlags(rest, FLAGS)
    const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.clerk })
    const signature = sign(personalMessageDigest(wallet.address), invite)
    const data = redeemInviteCall(shop, signature, wallet.address)
    await wallet.send({ to: wallet.chains.registry.shops, data })
    io.err(`0x${toHex(wallet.address)} is a clerk of shop ${shop}`)
    const file = String(flags['card'])
    const secret = await cardInFile(file)
    await enrol({ url, shop, card: publicKeyOf(secret), wallet: walletOf(wallet.secret), signal: io.signal })
    io.out(`shop ${shop}`)
    io.out(`card ${file}`)
    return 0
  } catch (error) {
    return told('cairn join', error, io)
  }
}

/** Throws UsageError, which does not repeat the link: it holds a secret. */
function readLink(link: string | undefined): { url: string; shop: bigint; invite: Uint8Array } {
  const wrong = new UsageError('give the link that cairn invite printed: cairn join LINK')
  if (link === undefined || !URL.canParse(link)) throw wrong
  const { origin, pathname, hash } = new URL(link)
  const fields = new URLSearchParams(hash.slice(1))
  const [shop, invite] = [fields.get('shop') ?? '', fields.get('invite') ?? '']
  if (!/^[0-9]{1,78}$/u.test(shop) || !/^[0-9a-f]{64}$/u.test(invite)) throw wrong
  return { url: origin + pathname.replace(/\/+$/u, ''), shop: BigInt(shop), invite: fromHex(invite) }
}
