/**
 * A key card as one short text, for a file, a paper or a QR code: `CAIRN-CARD:1:` with shop id (32 bytes), the
 * relay's address (20) and the card's secret (32) in hexadecimal, and a checksum, the first 4 bytes of the SHA-256 of
 * all before it. Capitals, digits and colons alone: QR codes hold these in 5.5 bits each. Whoever has the text is the
 * card.
 *
 * Tests: test/client/card-text.test.ts
 */

import { sha256 } from '#hash'
import { publicKeyOf } from '#signature'
import type { ShopId } from '../brands.js'
import { fromBigEndian, toBigEndian, utf8 } from '../bytes/bytes.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { isSecretKey } from '../bytes/signature-form.js'
import { usage } from './client-error.js'
import { shopProblem, SHOP_REMEDY } from './place-arguments.js'

export { ClientError, type ClientErrorCode } from './client-error.js'

/** A card as its text has it. */
export interface SavedCard {
  readonly shop: ShopId
  /** The relay's address, 20 bytes, as whoever wrote the text knew it. */
  readonly relay: Uint8Array
  /** 32 bytes, for `key` of `connect`. */
  readonly secret: Uint8Array
  /** Compressed, 33 bytes. */
  readonly publicKey: Uint8Array
}

const FORM = 'CAIRN-CARD'
const VERSION = '1'
/** Digits of shop id, relay and secret. */
const [SHOP_END, RELAY_END, BODY_END] = [64, 104, 168]
const CHECKSUM_BYTES = 4
const REMEDY = 'Take the whole text that exportCard gave.'

/**
 * The card as a text of 190 characters. Throws ClientError USAGE.
 *
 * @example
 * ```ts
 * import { exportCard } from 'cairn-relay/card'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const text = exportCard({ shop: 1n, relay: new Uint8Array(20), secret })
 * console.log(text.length, text.slice(0, 13)) // 190 CAIRN-CARD:1:
 * ```
 */
export function exportCard({ shop, relay, secret }: Omit<SavedCard, 'publicKey'>): string {
  const problem = shopProblem(shop)
  if (problem !== undefined) throw usage('card.shop', problem, SHOP_REMEDY)
  if (!(relay instanceof Uint8Array && relay.length === 20))
    throw usage('card.relay', 'it is no address of 20 bytes', "Give the relay's address as Uint8Array.")
  if (!(secret instanceof Uint8Array && secret.length === 32 && isSecretKey(secret)))
    throw usage('card.secret', 'it is no secret key of 32 bytes', 'Take secret of makeKeyCard.')
  const body = [toBigEndian(shop, 32), relay, secret].map(toHex).join('').toUpperCase()
  const text = `${FORM}:${VERSION}:${body}`
  return `${text}:${checksumOf(text)}`
}

/**
 * The card of such a text; letter case, spaces and line breaks do not count. With `shop`, that of another shop is
 * refused. Throws ClientError USAGE, which says what is wrong: no card, another version, a letter that was misread,
 * another shop.
 *
 * @example
 * ```ts
 * import { exportCard, importCard } from 'cairn-relay/card'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const text = exportCard({ shop: 7n, relay: new Uint8Array(20), secret })
 * console.log(importCard(text.toLowerCase()).shop) // 7n
 * ```
 */
export function importCard(text: string, expected: { readonly shop?: ShopId } = {}): SavedCard {
  if (typeof text !== 'string') throw usage('text', 'it is no text', REMEDY)
  const [form, version, body = '', checksum = ''] = text.replaceAll(/\s/gu, '').toUpperCase().split(':')
  if (form !== FORM) throw usage('text', `it is no card: it does not begin with ${FORM}`, REMEDY)
  if (version !== VERSION)
    throw usage('text', `it is a card of version ${version}, and ${VERSION} is known`, 'Take a newer cairn.')
  if (!/^[\dA-F]*$/u.test(body) || body.length !== BODY_END)
    throw usage('text', `it has ${body.length} digits where a card has ${BODY_END}, or other letters`, REMEDY)
  const wanted = checksumOf(`${FORM}:${VERSION}:${body}`)
  if (checksum !== wanted)
    throw usage('text', `its checksum is ${checksum || 'missing'}, and its text leads to ${wanted}`, REMEDY)
  const shop = fromBigEndian(fromHex(body.slice(0, SHOP_END)))
  if (expected.shop !== undefined && expected.shop !== shop)
    throw usage(
      'text',
      `it is a card of shop ${shop}, not of shop ${expected.shop}`,
      'Open it in the page of its shop.',
    )
  const secret = fromHex(body.slice(RELAY_END))
  if (!isSecretKey(secret)) throw usage('text', 'its secret is no secret key', REMEDY)
  return { shop, relay: fromHex(body.slice(SHOP_END, RELAY_END)), secret, publicKey: publicKeyOf(secret) }
}

function checksumOf(text: string): string {
  return toHex(sha256(utf8(text)).subarray(0, CHECKSUM_BYTES)).toUpperCase()
}
