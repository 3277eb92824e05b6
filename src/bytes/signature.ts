/**
 * secp256k1 ECDSA signatures with recovery, 65 bytes r‖s‖v (PROTOCOL §4), in plain JavaScript.
 * Imported as `#signature`: Node gets signature.node.ts with the same functions and the same verdicts.
 * A signature that leads to no key is `undefined`; an argument of a wrong length throws RangeError.
 */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import * as secp256k1 from '@noble/secp256k1'
import { keccak256 } from './hash.js'
import { recoverable, signatureBytes, exactly } from './signature-form.js'

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
    return secp256k1.recoverPublicKey(recoveredForm(parts.rs, parts.recovery), digest, { prehash: false })
  } catch {
    return undefined
  }
}

/** 65 bytes over `digest` (32 bytes): low s, v 27 or 28, deterministic nonce (RFC 6979). */
export function sign(digest: Uint8Array, secret: Uint8Array): Uint8Array {
  exactly(digest, 32, 'digest')
  exactly(secret, 32, 'secret key')
  // The nonce of RFC 6979; for whoever else uses the library it is the same function.
  secp256k1.hashes.hmacSha256 ??= (key, message) => hmac(sha256, key, message)
  const recovered = secp256k1.sign(digest, secret, { prehash: false, format: 'recovered', lowS: true })
  return signatureBytes(recovered.subarray(1), recovered[0]!)
}

/** The compressed public key, 33 bytes, of a 32-byte secret key. Throws on a secret outside 1 … n−1. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  exactly(secret, 32, 'secret key')
  return secp256k1.getPublicKey(secret, true)
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

/** v‖r‖s, 65 bytes with v 0 or 1, as the library has it. */
function recoveredForm(rs: Uint8Array, recovery: number): Uint8Array {
  const recovered = new Uint8Array(65)
  recovered[0] = recovery
  recovered.set(rs, 1)
  return recovered
}
