/** EIP-191 version 0x45, the "personal message": what wallets and key cards sign. */

import { keccak256 } from '#hash'
import { addressOf, recoverPublicKey } from '#signature'
import { concatBytes, utf8 } from './bytes.js'

/** The 32-byte digest to sign: keccak-256 of the prefix with the decimal byte length, and the message. */
export function personalMessageDigest(message: Uint8Array): Uint8Array {
  return keccak256(concatBytes(prefixOf(message.length), message))
}

/** Headers of sets have few lengths. */
const PREFIXES_KEPT_BELOW = 1_024
const prefixes: Uint8Array[] = []

function prefixOf(length: number): Uint8Array {
  const prefix = prefixes[length] ?? utf8(`\u0019Ethereum Signed Message:\n${length}`)
  if (length < PREFIXES_KEPT_BELOW) prefixes[length] = prefix
  return prefix
}

/**
 * The address, 20 bytes, whose key signed `message` (signature of 65 bytes, low s, v 27 or 28 and no other: one message
 * has one signature by one key); undefined if none did.
 */
export function personalSigner(message: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  const v = signature[64]
  if (signature.length !== 65 || (v !== 27 && v !== 28)) return undefined
  const key = recoverPublicKey(personalMessageDigest(message), signature)
  return key === undefined ? undefined : addressOf(key)
}
