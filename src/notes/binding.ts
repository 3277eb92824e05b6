/**
 * What binds a note key to a shop (PROOFS §8): the relay's own key signs once which origin and which note key stand for
 * the shop's log. Whoever knows the relay's address needs nothing else to know the note key.
 *
 * Tests: test/notes/binding.test.ts, test/notes/note-kat.test.ts
 */

import { sign } from '#signature'
import { equalBytes } from '../bytes/bytes.js'
import { personalMessageDigest, personalSigner } from '../bytes/eip191.js'
import { prefixedHex } from '../bytes/hex.js'
import { decode } from '../codec/decode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { encode } from '../codec/encode.js'
import { bytes, oneOf, required, SchemaError, struct, text, tuple, uint, type Infer } from '../codec/schema.js'
import { CborError, type Cbor } from '../codec/value.js'
import { NOTE_BINDING_BYTES_MAX } from '../limits.js'
import { bytes32, shopId, uint64 } from '../objects/scalars.js'
import { NoteError, type NoteErrorCode } from './note-error.js'
import { readOrigin, requireOriginOf } from './origin.js'

/** The fields alone: that Origin is of the same shop is checked by verifyBinding. */
export const NoteBinding = struct(
  {
    Version: required(oneOf(1n)),
    ChainID: required(uint64),
    Registry: required(bytes(20)),
    Relay: required(uint(256)),
    ShopID: required(shopId),
    Origin: required(text),
    NoteKey: required(bytes32),
  },
  { unlisted: 'refused' },
)
/** Registry: zeros in development mode. Relay: the relay token's number. NoteKey: Ed25519, 32 bytes. */
export interface NoteBinding extends Infer<typeof NoteBinding> {}

/** `[binding bytes, signature of 65 bytes]`, as it is sent. */
export const SignedBinding = tuple(bytes(1, NOTE_BINDING_BYTES_MAX), bytes(65))
export type SignedBinding = Infer<typeof SignedBinding>

declare const isVerified: unique symbol

/** A binding that the relay signed. */
export interface VerifiedBinding {
  readonly [isVerified]: true
  readonly fields: NoteBinding
  readonly signed: SignedBinding
}

/**
 * The bytes that are signed: deterministic CBOR. Throws NoteError for fields that no binding has.
 *
 * @example
 * ```ts
 * import { encodeBinding, originOf } from 'cairn-relay/notes'
 *
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const Origin = originOf({ host: 'relay.example', ...shop, generation: 1 })
 * console.log(encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin, NoteKey: new Uint8Array(32) }).length) // 241
 * ```
 */
export function encodeBinding(fields: NoteBinding): Uint8Array {
  const encoded = encode(NoteBinding.write(fields))
  requireOriginOf(decodeBinding(encoded).Origin, fields)
  return encoded
}

/**
 * Reads the bytes of a binding; neither who signed them is asked, nor whether Origin is of the same shop. Throws
 * NoteError 'form', 'version', 'fields', 'origin', 'note-key'.
 *
 * @example
 * ```ts
 * import { decodeBinding, type NoteError } from 'cairn-relay/notes'
 *
 * try {
 *   decodeBinding(Uint8Array.of(0xa0))
 * } catch (error) {
 *   console.log((error as NoteError).code) // fields
 * }
 * ```
 */
export function decodeBinding(received: Uint8Array): NoteBinding {
  try {
    requireFields(decode(received))
    const fields = readDeterministic(NoteBinding, received, 'binding')
    readOrigin(fields.Origin)
    return fields
  } catch (cause) {
    if (cause instanceof SchemaError) throw new NoteError(codeOf(cause.at), cause.message, { cause })
    if (cause instanceof CborError) throw new NoteError('form', `binding: ${cause.message}`, { cause })
    throw cause
  }
}

/** A later version may have other fields, so the version is asked first. */
function requireFields(value: Cbor): void {
  if (!(value instanceof Map)) throw new NoteError('form', 'a binding is a map')
  const version = value.get('Version')
  if (typeof version === 'bigint' && version !== 1n)
    throw new NoteError('version', `a binding of version ${version}, not 1`, { found: `${version}`, wanted: '1' })
  const wanted = Object.keys(NoteBinding.fields)
  const missing = wanted.find((name) => !value.has(name))
  if (missing !== undefined) throw new NoteError('fields', `a binding without ${missing}`)
  if (value.size > wanted.length) throw new NoteError('fields', 'a binding with a field that none has')
}

function codeOf(at: string): NoteErrorCode {
  const codes: Readonly<Record<string, NoteErrorCode>> = { Version: 'version', Origin: 'origin', NoteKey: 'note-key' }
  return codes[at.split('.')[1] ?? ''] ?? 'form'
}

/**
 * Signs the bytes of a binding as an EIP-191 personal message: low s, v 27 or 28, the same every time. `secret` is the
 * relay's key, 32 bytes.
 *
 * @example
 * ```ts
 * import { signBinding } from 'cairn-relay/notes'
 *
 * const [, signature] = signBinding(Uint8Array.of(0xa0), new Uint8Array(32).fill(7))
 * console.log(signature.length) // 65
 * ```
 */
export function signBinding(bindingBytes: Uint8Array, secret: Uint8Array): SignedBinding {
  return [bindingBytes, sign(personalMessageDigest(bindingBytes), secret)]
}

/**
 * The binding of a pair, if one of `relays` (addresses, 20 bytes each: several after a rotation of the key) signed it.
 * Throws NoteError.
 *
 * @example
 * ```ts
 * import * as notes from 'cairn-relay/notes'
 *
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const Origin = notes.originOf({ host: 'relay.example', ...shop, generation: 1 })
 * const bytes = notes.encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin, NoteKey: new Uint8Array(32) })
 * const { fields } = notes.verifyBinding(notes.signBinding(bytes, new Uint8Array(32).fill(7)), [relay])
 * console.log(fields.ShopID, fields.Origin === Origin) // 7n true
 * ```
 */
export function verifyBinding(signed: SignedBinding, relays: readonly Uint8Array[]): VerifiedBinding {
  const fields = decodeBinding(signed[0])
  const signer = personalSigner(...signed)
  if (signer === undefined) throw new NoteError('signer', 'the signature of the binding leads to no key')
  if (!relays.some((relay) => equalBytes(relay, signer))) {
    const [found, wanted] = [prefixedHex(signer), relays.map(prefixedHex).join(', ')]
    throw new NoteError('signer', `the binding is signed by ${found}, not by the relay ${wanted}`, { found, wanted })
  }
  requireOriginOf(fields.Origin, fields)
  return { fields, signed } as VerifiedBinding
}

/**
 * The bytes of a pair, deterministic CBOR: what `/note-key` answers, and what stands in NAME.binding.
 *
 * @example
 * ```ts
 * import { encodeSignedBinding } from 'cairn-relay/notes'
 *
 * console.log(encodeSignedBinding([Uint8Array.of(0xa0), new Uint8Array(65)]).length) // 70
 * ```
 */
export function encodeSignedBinding(signed: SignedBinding): Uint8Array {
  return encode(SignedBinding.write(signed))
}

/**
 * Reads `[binding bytes, signature]`, which nothing has checked yet. Throws NoteError 'form'.
 *
 * @example
 * ```ts
 * import { decodeSignedBinding, type NoteError } from 'cairn-relay/notes'
 *
 * try {
 *   decodeSignedBinding(Uint8Array.of(0x80))
 * } catch (error) {
 *   console.log((error as NoteError).message) // signed binding must have 2 elements, not 0
 * }
 * ```
 */
export function decodeSignedBinding(received: Uint8Array): SignedBinding {
  try {
    return readDeterministic(SignedBinding, received, 'signed binding')
  } catch (cause) {
    if (cause instanceof SchemaError) throw new NoteError('form', cause.message, { cause })
    if (cause instanceof CborError) throw new NoteError('form', `signed binding: ${cause.message}`, { cause })
    throw cause
  }
}
