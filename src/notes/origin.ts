/**
 * The origin of a shop's notes (PROOFS §8): the name of the log and of its key at once. Made once of the public host of
 * that time, and kept whatever becomes of the host.
 *
 * Tests: test/notes/binding.test.ts
 */

import { utf8 } from '../bytes/bytes.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { toBigEndian } from '../bytes/bytes.js'
import { ORIGIN_BYTES_MAX } from '../limits.js'
import type { LogIdentity } from '../proofs/checkpoint-form.js'
import { NoteError } from './note-error.js'

/** What an origin says of its shop. */
export type OriginShop = Pick<LogIdentity, 'ChainID' | 'Registry' | 'ShopID'>

/** What an origin is made of. */
export interface OriginParts extends OriginShop {
  /** The public host, with its port where it has one. */
  readonly host: string
  /** 1; 2, 3 … where the note key or the log before was lost. */
  readonly generation: number
}

/** White space and control characters of Unicode, and what separates the parts of names. */
const REFUSED_IN_HOST = /[\s\p{Cc}\p{Z}+/]/u
const ORIGIN = /^([^/]+)\/(0|[1-9][0-9]*)\/([0-9a-f]{40})\/shop\/([0-9a-f]{64})(?:\/([1-9][0-9]*))?$/u

/**
 * `<host>/<ChainID>/<Registry, 40 hex>/shop/<ShopID, 64 hex>`, with `/2` … from the second generation on. Throws
 * NoteError 'origin' for a host with white space, `+` or `/`, or an origin above 255 bytes.
 *
 * @example
 * ```ts
 * import { originOf } from 'cairn-relay/notes'
 *
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * console.log(originOf({ host: 'relay.example', ...shop, generation: 1 }).slice(0, 21)) // relay.example/1/00000
 * ```
 */
export function originOf({ host, generation, ...shop }: OriginParts): string {
  const shopId = toHex(toBigEndian(shop.ShopID, 32))
  const first = `${host}/${shop.ChainID}/${toHex(shop.Registry)}/shop/${shopId}`
  const origin = generation === 1 ? first : `${first}/${generation}`
  readOrigin(origin)
  return origin
}

/**
 * The parts of an origin. Throws NoteError 'origin' if it is none.
 *
 * @example
 * ```ts
 * import { readOrigin } from 'cairn-relay/notes'
 *
 * const origin = `relay.example/1/${'00'.repeat(20)}/shop/${'00'.repeat(31)}07/2`
 * console.log(readOrigin(origin).ShopID, readOrigin(origin).generation) // 7n 2
 * ```
 */
export function readOrigin(origin: string): OriginParts {
  const bytes = utf8(origin).length
  if (bytes > ORIGIN_BYTES_MAX) throw refusal(origin, `has ${bytes} bytes, more than ${ORIGIN_BYTES_MAX}`)
  const [, host, chainId, registry, shopId, generation] = ORIGIN.exec(origin) ?? []
  if (host === undefined) throw refusal(origin, 'is not host/chain/registry/shop/id')
  if (REFUSED_IN_HOST.test(host)) throw refusal(origin, 'has a host with white space, + or /')
  if (generation === '1') throw refusal(origin, 'ends in /1: the first has no number')
  return {
    host,
    ChainID: BigInt(chainId!),
    Registry: fromHex(registry!),
    ShopID: BigInt(`0x${shopId}`),
    generation: Number(generation ?? 1),
  }
}

/**
 * Returns if an origin is of that chain, registry and shop. Throws NoteError 'origin'.
 *
 * @example
 * ```ts
 * import { originOf, requireOriginOf } from 'cairn-relay/notes'
 *
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * try {
 *   requireOriginOf(originOf({ host: 'relay.example', ...shop, generation: 1 }), { ...shop, ShopID: 8n })
 * } catch (error) {
 *   console.log((error as Error).message.slice(-15)) // ShopID 7, not 8
 * }
 * ```
 */
export function requireOriginOf(origin: string, shop: OriginShop): void {
  const parts = readOrigin(origin)
  for (const field of ['ChainID', 'Registry', 'ShopID'] as const) {
    const [found, wanted] = [shown(parts[field]), shown(shop[field])]
    if (found !== wanted) throw refusal(origin, `is of ${field} ${found}, not ${wanted}`)
  }
}

function shown(value: bigint | Uint8Array): string {
  return typeof value === 'bigint' ? `${value}` : toHex(value)
}

function refusal(origin: string, problem: string): NoteError {
  return new NoteError('origin', `the origin ${JSON.stringify(origin.slice(0, ORIGIN_BYTES_MAX))} ${problem}`)
}
