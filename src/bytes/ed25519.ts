/**
 * Ed25519 (RFC 8032 §5.1), in plain JavaScript: what note keys and witnesses sign with. Signatures are rare, so there
 * is no native twin. A signature that does not verify is `false`; an argument of another length throws RangeError.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { exactly } from './signature-form.js'

/** The public key, 32 bytes, of a 32-byte secret key. */
export function ed25519PublicKey(secret: Uint8Array): Uint8Array {
  exactly(secret, 32, 'secret key')
  return ed25519.getPublicKey(secret)
}

/** 64 bytes, the same every time. */
export function ed25519Sign(message: Uint8Array, secret: Uint8Array): Uint8Array {
  exactly(secret, 32, 'secret key')
  return ed25519.sign(message, secret)
}

/** Whether `signature` (64 bytes) is of `message` by `publicKey` (32 bytes), as RFC 8032 has it, not as ZIP 215. */
export function ed25519Verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  exactly(publicKey, 32, 'public key')
  if (signature.length !== 64) return false
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false
  }
}
