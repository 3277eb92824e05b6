/**
 * What names a relay, a shop, or an object of it. What is wrong with another argument is told by place-arguments.ts.
 *
 * Tests: test/client/arguments.test.ts
 */

import { fromBigEndian } from '../bytes/bytes.js'

/** An http(s) address. */
export function isRelayUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:/iu.test(value) && value.includes('//') && URL.canParse(value)
}

/** 0 … 2^256−1. */
export function isShopId(value: unknown): boolean {
  return typeof value === 'bigint' && value >= 0n && value >> 256n === 0n
}

/** 1 … 2^64−1. */
export function isId(id: unknown): id is bigint {
  return typeof id === 'bigint' && id > 0n && id >> 64n === 0n
}

/** Of an object that is new. */
export function randomId(): bigint {
  return fromBigEndian(crypto.getRandomValues(new Uint8Array(8))) | 1n
}
