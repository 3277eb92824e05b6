/**
 * secp256k1 ECDSA signatures with recovery, 65 bytes r‖s‖v (PROTOCOL §4), in plain JavaScript.
 * Imported as `#signature`: Node gets signature.node.ts with the same functions and the same verdicts.
 * A signature that leads to no key is `undefined`; an argument of a wrong length throws RangeError.
 */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak256 } from './hash.js'
import { recoverable, signatureBytes, exactly } from './signature-form.js'

/** Whether a native library does the work: never here. */
export const native: boolean = false

/**
 * The 33-byte compressed key that signed `digest` (32 bytes), or undefined. Refuses a high s and a v outside {0, 1, 27,
 * 28}.
 */
export function recoverPublicKey(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  exactly(digest, 32, 'digest')
  const parts = recoverable(signature)
  if (parts === undefined) return undefined
  try {
    return secp256k1.Signature.fromBytes(parts.rs, 'compact')
      .addRecoveryBit(parts.recovery)
      .recoverPublicKey(digest)
      .toBytes(true)
  } catch {
    return undefined
  }
}

/** 65 bytes over `digest` (32 bytes): low s, v 27 or 28, deterministic nonce (RFC 6979). */
export function sign(digest: Uint8Array, secret: Uint8Array): Uint8Array {
  exactly(digest, 32, 'digest')
  exactly(secret, 32, 'secret key')
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
