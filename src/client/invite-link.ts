/**
 * The link of an invite: what `cairn invite` prints and `cairn join` takes. No shell gives any of its characters a
 * meaning.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import { fromHex, toHex } from '../bytes/hex.js'
import { isSecretKey } from '../bytes/signature-form.js'

/** What an invite link holds: whoever has it becomes a clerk, once. */
export interface Invite {
  /** The relay's http or https address, without a slash at its end. */
  readonly url: string
  readonly shop: bigint
  /** The invite's secret key, 32 bytes. */
  readonly secret: Uint8Array
}

/**
 * The secret is in the fragment, which no browser sends to a server.
 *
 * @example
 * ```ts
 * import { inviteLink, makeKeyCard } from 'cairn-relay/enrol'
 *
 * const { secret } = makeKeyCard()
 * console.log(inviteLink({ url: 'https://relay.example', shop: 7n, secret }).split('#')[0]) // https://relay.example/
 * ```
 */
export function inviteLink({ url, shop, secret }: Invite): string {
  return `${url}/#shop=${shop},invite=${toHex(secret)}`
}

/**
 * Undefined for a text of another form.
 *
 * @example
 * ```ts
 * import { readInviteLink } from 'cairn-relay/enrol'
 *
 * const link = `https://relay.example/#shop=7,invite=${'01'.repeat(32)}`
 * console.log(readInviteLink(link)?.shop, readInviteLink('https://relay.example')) // 7n undefined
 * ```
 */
export function readInviteLink(text: string): Invite | undefined {
  const [, url, shop, digits] = /^(https?:\/\/[^#]+?)\/*#shop=([0-9]{1,78}),invite=([0-9a-f]{64})$/u.exec(text) ?? []
  if (url === undefined || shop === undefined || digits === undefined || !URL.canParse(url)) return undefined
  const secret = fromHex(digits)
  if (!isSecretKey(secret) || BigInt(shop) >= 1n << 256n) return undefined
  return { url, shop: BigInt(shop), secret }
}
