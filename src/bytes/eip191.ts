/** EIP-191 version 0x45, the "personal message": what wallets and key cards sign. */

import { keccak256 } from '#hash'
import { concatBytes, utf8 } from './bytes.js'

/** The 32-byte digest to sign: keccak-256 of the prefix with the decimal byte length, and the message. */
export function personalMessageDigest(message: Uint8Array): Uint8Array {
  return keccak256(concatBytes(utf8(`\u0019Ethereum Signed Message:\n${message.length}`), message))
}
