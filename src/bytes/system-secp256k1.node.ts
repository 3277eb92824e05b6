/**
 * A libsecp256k1 of the system (Debian: libsecp256k1-1), called through the package koffi: it recovers a signer in two
 * thirds of the time of the one that npm's `secp256k1` brings, which is of 2019. Only with `CAIRN_NATIVE=system`, and
 * where both are installed: neither is needed.
 *
 * Its functions have the forms of that package's bindings, and their verdicts.
 *
 * Tests: test/bytes/signature.test.ts
 */

import { createRequire } from 'node:module'

/** Of npm's `secp256k1`. All throw what they refuse. */
export interface Bindings {
  ecdsaRecover(rs: Uint8Array, recovery: number, digest: Uint8Array, compressed: boolean): Uint8Array
  ecdsaSign(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recid: number }
  publicKeyCreate(secret: Uint8Array, compressed: boolean): Uint8Array
  publicKeyConvert(key: Uint8Array, compressed: boolean): Uint8Array
  publicKeyVerify(key: Uint8Array): boolean
}

/** Versions whose functions are these: 0.2 to 0.7. */
const NAMES = ['libsecp256k1.so.6', 'libsecp256k1.so.5', 'libsecp256k1.so.2', 'libsecp256k1.so.1']
const CONTEXT_NONE = 1
const COMPRESSED = 258
const UNCOMPRESSED = 2
/** Opaque structs of secp256k1.h and secp256k1_recovery.h, in bytes. */
const PUBLIC_KEY_BYTES = 64
const RECOVERABLE_BYTES = 65

/** What is used of koffi. */
interface Koffi {
  load(name: string): { func(prototype: string): (...given: unknown[]) => unknown }
}

/** Undefined where koffi or the library is missing, or has not all of the functions. */
export function loadSystemLibrary(): Bindings | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi
    return bindingsOf(firstOf(koffi))
  } catch {
    return undefined
  }
}

type Library = ReturnType<Koffi['load']>

function firstOf(koffi: Koffi): Library {
  for (const name of NAMES) {
    try {
      return koffi.load(name)
    } catch {
      // Another version may be there.
    }
  }
  throw new Error('the system has no libsecp256k1')
}

/** What is called of the library; each gives 1 where it did what it says. */
function functionsOf(library: Library) {
  const call = (name: string, types: string) => library.func(`int secp256k1_${name}(void *, uint8_t *, ${types})`)
  return {
    parse: call('ecdsa_recoverable_signature_parse_compact', 'const uint8_t *, int'),
    recover: call('ecdsa_recover', 'const uint8_t *, const uint8_t *'),
    sign: call('ecdsa_sign_recoverable', 'const uint8_t *, const uint8_t *, void *, void *'),
    compact: call('ecdsa_recoverable_signature_serialize_compact', '_Out_ int *, const uint8_t *'),
    create: call('ec_pubkey_create', 'const uint8_t *'),
    parseKey: call('ec_pubkey_parse', 'const uint8_t *, size_t'),
    serialize: call('ec_pubkey_serialize', 'size_t *, const uint8_t *, unsigned int'),
  }
}

/** Buffers are shared by all calls: each is over before the next one begins. */
function bindingsOf(library: Library): Bindings {
  const context = library.func('void *secp256k1_context_create(unsigned int)')(CONTEXT_NONE)
  const { parse, recover, sign, compact, create, parseKey, serialize } = functionsOf(library)
  const [signature, key] = [new Uint8Array(RECOVERABLE_BYTES), new Uint8Array(PUBLIC_KEY_BYTES)]
  const done = (what: string, result: unknown) => {
    if (result !== 1) throw new Error(`${what} is refused`)
  }
  const keyBytes = (compressed: boolean) => {
    const bytes = new Uint8Array(compressed ? 33 : 65)
    done('a key', serialize(context, bytes, [bytes.length], key, compressed ? COMPRESSED : UNCOMPRESSED))
    return bytes
  }
  return {
    ecdsaRecover(rs, recovery, digest, compressed) {
      done('a signature', parse(context, signature, rs, recovery))
      done('a signature', recover(context, key, signature, digest))
      return keyBytes(compressed)
    },
    ecdsaSign(digest, secret) {
      done('a secret key', sign(context, signature, digest, secret, null, null))
      const [rs, recid] = [new Uint8Array(64), [0]]
      done('a signature', compact(context, rs, recid, signature))
      return { signature: rs, recid: recid[0]! }
    },
    publicKeyCreate(secret, compressed) {
      done('a secret key', create(context, key, secret))
      return keyBytes(compressed)
    },
    publicKeyConvert(bytes, compressed) {
      done('a key', parseKey(context, key, bytes, bytes.length))
      return keyBytes(compressed)
    },
    publicKeyVerify: (bytes) => parseKey(context, key, bytes, bytes.length) === 1,
  }
}
