/**
 * Keys and signatures of a secret (see signature.ts), in plain JavaScript. The curve is the library's, and so are its
 * multiplications; its own `sign` makes a table of 4,224 points first, for which a page stands still for 50 ms. Without
 * it each signature takes a few milliseconds.
 *
 * Tests: test/bytes/signature.test.ts
 */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { etc, Point } from '@noble/secp256k1'
import { concatBytes, toBigEndian } from './bytes.js'
import { exactly, signatureBytes } from './signature-form.js'

/**
 * 65 bytes over `digest` (32 bytes): low s, v 27 or 28, deterministic nonce (RFC 6979). Throws on a secret outside 1 …
 * n−1.
 */
export function sign(digest: Uint8Array, secret: Uint8Array): Uint8Array {
  exactly(digest, 32, 'digest')
  const { n } = Point.CURVE()
  const d = scalarOf(secret)
  const z = etc.mod(etc.bytesToNumberBE(digest), n)
  for (const k of nonces(d, z)) {
    const { x, y } = timesBase(k).toAffine()
    const r = etc.mod(x, n)
    const s = etc.mod(etc.invert(k, n) * etc.mod(z + r * d, n), n)
    if (r === 0n || s === 0n) continue
    const isHigh = s > n >> 1n
    const rs = concatBytes(toBigEndian(r, 32), toBigEndian(isHigh ? n - s : s, 32))
    return signatureBytes(rs, (x === r ? 0 : 2) + Number(((y & 1n) === 1n) !== isHigh))
  }
  throw new Error('there is always another nonce')
}

/** The compressed public key, 33 bytes, of a 32-byte secret key. Throws on a secret outside 1 … n−1. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  return timesBase(scalarOf(secret)).toBytes(true)
}

function scalarOf(secret: Uint8Array): bigint {
  exactly(secret, 32, 'secret key')
  const scalar = etc.bytesToNumberBE(secret)
  if (scalar > 0n && scalar < Point.CURVE().n) return scalar
  throw new RangeError('the secret key is no number from 1 to n−1')
}

/** k·G as (n−k)·(−G): of any point but G itself the library makes no table, and its steps do not depend on the bits. */
function timesBase(k: bigint): Point {
  return Point.BASE.negate().multiply(Point.CURVE().n - k)
}

/** Numbers from 1 to n−1 by RFC 6979 §3.2, of secret and digest as numbers below n. */
function* nonces(d: bigint, z: bigint): Iterable<bigint> {
  const seed = concatBytes(toBigEndian(d, 32), toBigEndian(z, 32))
  let key = new Uint8Array(32)
  let value = new Uint8Array(32).fill(1)
  const mixed = (separator: number, more: Uint8Array) => {
    key = hmac(sha256, key, concatBytes(value, Uint8Array.of(separator), more))
    value = hmac(sha256, key, value)
  }
  mixed(0, seed)
  mixed(1, seed)
  for (;;) {
    value = hmac(sha256, key, value)
    const k = etc.bytesToNumberBE(value)
    if (k > 0n && k < Point.CURVE().n) yield k
    mixed(0, new Uint8Array(0))
  }
}
