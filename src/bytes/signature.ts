/**
 * secp256k1 ECDSA signatures with recovery, 65 bytes r‖s‖v (PROTOCOL §4), in plain JavaScript.
 * Imported as `#signature`: Node gets signature.node.ts with the same functions and the same verdicts.
 * A signature that leads to no key is `undefined`; an argument of a wrong length throws RangeError.
 */

import * as secp256k1 from '@noble/secp256k1'
import { concatBytes } from './bytes.js'
import { keccak256 } from './hash.js'
import { exactly, recoverable, type Recoverable } from './signature-form.js'

export { publicKeyOf, sign } from './signing.js'

/** Which implementation it is: signature.node.ts may be another one. */
export const implementation: 'system' | 'native' | 'portable' = 'portable'

/**
 * The 33-byte compressed key that signed `digest` (32 bytes), or undefined. Refuses a high s and a v outside {0, 1, 27,
 * 28}.
 */
export function recoverPublicKey(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  exactly(digest, 32, 'digest')
  const parts = recoverable(signature)
  if (parts === undefined) return undefined
  try {
    return recovered(parts, digest).toBytes(true)
  } catch {
    return undefined
  }
}

/** Whether `key` is a compressed point on the curve (33 bytes, first byte 2 or 3). */
export function isPublicKey(key: Uint8Array): boolean {
  return key.length === 33 && secp256k1.utils.isValidPublicKey(key, true)
}

/** The Ethereum address, 20 bytes, of a compressed public key. Throws on a key off the curve. */
export function addressOf(publicKey: Uint8Array): Uint8Array {
  exactly(publicKey, 33, 'public key')
  const point = secp256k1.Point.fromBytes(publicKey).toBytes(false)
  return keccak256(point.subarray(1)).slice(12)
}

/** SEC 1 §4.1.6: Q = r⁻¹·(s·R − e·G). Throws where r is the x of no point. */
function recovered({ rs, recovery }: Recoverable, digest: Uint8Array): secp256k1.Point {
  const { bytesToNumberBE, invert, mod } = secp256k1.etc
  const order = secp256k1.Point.CURVE().n
  const [r, s] = [bytesToNumberBE(rs.subarray(0, 32)), bytesToNumberBE(rs.subarray(32))]
  const point = secp256k1.Point.fromBytes(concatBytes(Uint8Array.of(2 + recovery), rs.subarray(0, 32)))
  const inverse = invert(r, order)
  return sumOfMultiples(mod(-bytesToNumberBE(digest) * inverse, order), mod(s * inverse, order), point)
}

/**
 * u·G + v·R in one walk over the bits of both; no secret is among them. The library's own way takes as long, and makes
 * a table for G first: the first signature would hold a page for 50 ms.
 */
function sumOfMultiples(u: bigint, v: bigint, point: secp256k1.Point): secp256k1.Point {
  const { BASE, ZERO } = secp256k1.Point
  const addends = [ZERO, BASE, point, BASE.add(point)]
  let sum = ZERO
  for (let bit = 255n; bit >= 0n; bit--) {
    const addend = Number((u >> bit) & 1n) + 2 * Number((v >> bit) & 1n)
    sum = sum.double()
    if (addend > 0) sum = sum.add(addends[addend]!)
  }
  return sum
}
