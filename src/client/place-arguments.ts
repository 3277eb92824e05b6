/**
 * Which relay and which shop: what is wrong with them as arguments.
 *
 * Tests: test/client/arguments.test.ts
 */

import { usage } from './client-error.js'
import { isRelayUrl, isShopId } from './places.js'

export const EXAMPLE_URL = 'http://127.0.0.1:4444'
export const SHOP_REMEDY = 'Write it as 1n, or as BigInt(text).'

/** Undefined for an address of a relay. */
export function urlProblem(value: unknown): string | undefined {
  if (value === undefined) return 'it is missing'
  if (typeof value !== 'string') return 'it is no text'
  const scheme = /^[a-z][a-z0-9+.-]*:/iu.exec(value)?.[0].toLowerCase()
  if (scheme === undefined || !value.includes('//')) return `${JSON.stringify(value)} has no scheme`
  if (isRelayUrl(value)) return undefined
  if (scheme === 'ws:' || scheme === 'wss:')
    return `${JSON.stringify(value)} is the address of a WebSocket: that of a relay begins with http`
  const isOther = !['http:', 'https:'].includes(scheme)
  return `${JSON.stringify(value)} is no ${isOther ? 'http(s) ' : ''}address`
}

/** The address that was meant, as far as it can be made out: on one's own machine and of plain numbers http. */
export function urlRemedy(value: unknown): string {
  const [, scheme = '', rest = ''] = /^(?:([\w+.-]*:)?\/\/)?(.*)$/su.exec(typeof value === 'string' ? value : '')!
  const isNear = /^(?:localhost\b|[\d.]+(?:[:/]|$)|\[)/u.test(rest)
  const isPlain = /^(?:ws|http):$/iu.test(scheme) || (isNear && !/^(?:wss|https):$/iu.test(scheme))
  const meant = `http${isPlain ? '' : 's'}://${rest}`
  return `Write it as '${isRelayUrl(meant) ? meant : EXAMPLE_URL}'.`
}

/** Throws ClientError USAGE for an address that is none, as `connect` does. */
export function checkUrl(url: unknown): void {
  const problem = urlProblem(url)
  if (problem !== undefined) throw usage('options.url', problem, urlRemedy(url))
}

/** Undefined for a shop id. */
export function shopProblem(value: unknown): string | undefined {
  if (value === undefined) return 'it is missing'
  if (typeof value !== 'bigint') return `it is a ${typeof value}, not a bigint`
  return isShopId(value) ? undefined : `${value} is no shop id, 0 … 2^256−1`
}

/** Throws ClientError USAGE for a shop id that is none, as `connect` does. */
export function checkShop(shop: unknown): void {
  const problem = shopProblem(shop)
  if (problem !== undefined) throw usage('options.shop', problem, SHOP_REMEDY)
}
