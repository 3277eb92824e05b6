/**
 * The functions of signature.ts by libsecp256k1 (npm `secp256k1`, prebuilt): some twenty times as fast, the same
 * verdicts. Its bindings are loaded directly, because its main entry falls back to slow JavaScript without a word.
 * Where they do not load, or `CAIRN_NATIVE=off` forbids them, signature.ts does the work; with `CAIRN_NATIVE=system` a
 * newer library of the system where there is one (system-secp256k1.node.ts). `implementation` tells which.
 */

import { createRequire } from 'node:module'
import { keccak256 } from './hash.node.js'
import * as portable from './signature.js'
import { belowOrder, exactly, recoverable, signatureBytes } from './signature-form.js'
import { loadSystemLibrary, type Bindings } from './system-secp256k1.node.js'

/** That of the system where it is wanted and there. */
const system = process.env['CAIRN_NATIVE'] === 'system' ? loadSystemLibrary() : undefined
const bindings = system ?? loadBindings()

/** Which implementation it is. */
export const implementation: typeof portable.implementation =
  system !== undefined ? 'system' : bindings !== undefined ? 'native' : 'portable'

export function recoverPublicKey(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  if (bindings === undefined) return portable.recoverPublicKey(digest, signature)
  exactly(digest, 32, 'digest')
  const parts = recoverable(signature)
  if (parts === undefined) return undefined
  try {
    return bindings.ecdsaRecover(parts.rs, parts.recovery, digest, true)
  } catch {
    return undefined
  }
}

export function sign(digest: Uint8Array, secret: Uint8Array): Uint8Array {
  if (bindings === undefined) return portable.sign(digest, secret)
  exactly(digest, 32, 'digest')
  exactly(secret, 32, 'secret key')
  const { signature, recid } = bindings.ecdsaSign(belowOrder(digest), secret)
  return signatureBytes(signature, recid)
}

export function publicKeyOf(secret: Uint8Array): Uint8Array {
  if (bindings === undefined) return portable.publicKeyOf(secret)
  exactly(secret, 32, 'secret key')
  return bindings.publicKeyCreate(secret, true)
}

export function isPublicKey(key: Uint8Array): boolean {
  if (bindings === undefined) return portable.isPublicKey(key)
  return key.length === 33 && bindings.publicKeyVerify(key)
}

export function addressOf(publicKey: Uint8Array): Uint8Array {
  if (bindings === undefined) return portable.addressOf(publicKey)
  exactly(publicKey, 33, 'public key')
  return keccak256(bindings.publicKeyConvert(publicKey, false).subarray(1)).slice(12)
}

function loadBindings(): Bindings | undefined {
  if (process.env['CAIRN_NATIVE'] === 'off') return undefined
  try {
    return createRequire(import.meta.url)('secp256k1/bindings.js') as Bindings
  } catch {
    return undefined
  }
}
