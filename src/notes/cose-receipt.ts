/**
 * A COSE receipt (PROOFS §8; RFC 9942, RFC 9052 §4): that a statement is in the log, as a COSE_Sign1 over the root that
 * is not in it: who reads it makes the root from the statement and the path. What it says of the log's size is not
 * proven: another size that leads to the same root by the same path says the same.
 *
 * Tests: test/notes/cose-receipt.test.ts, test/notes/note-kat.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { ed25519Sign, ed25519Verify } from '../bytes/ed25519.js'
import { toHex } from '../bytes/hex.js'
import { decode } from '../codec/decode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { encode } from '../codec/encode.js'
import { bytes, SchemaError, someOf, tuple, uint, type Infer } from '../codec/schema.js'
import { CborError, type Cbor } from '../codec/value.js'
import type { TreeHead } from '../merkle/rfc6962.js'
import { bytes32 } from '../objects/scalars.js'
import type { NoteBinding, VerifiedBinding } from './binding.js'
import { NoteError } from './note-error.js'
import { noteKeyId } from './signed-note.js'
import { requireInclusion, requireIndexOf, rootFromStatement } from './statement.js'

/** CBOR's head of tag 18: COSE_Sign1. */
const COSE_SIGN1 = 0xd2
// Labels of headers (RFC 9052 §3.1, RFC 9597, RFC 9942), and what stands under them.
const [ALG, KID, CWT_CLAIMS, VDS, VDP] = [1n, 4n, 15n, 395n, 396n]
const EDDSA = -8n
const ISSUER = 1n
const RFC9162_SHA256 = 1n
const INCLUSION_PROOFS = -1n
const ED25519 = 0x01

/** `[size, index, path]`: a path of at least one, so the log has at least two sets. */
const InclusionProof = tuple(uint(63, 2n), uint(63), someOf(bytes32))
type InclusionProof = Infer<typeof InclusionProof>

/** What a receipt shows of a statement. */
export interface VerifiedCoseReceipt {
  /** The root that the log signed, 32 bytes. */
  readonly root: Uint8Array
  readonly index: bigint
  /** As the receipt says: not proven. */
  readonly size: bigint
}

/**
 * The receipt of leaf `index` of the log of `head`, which has two sets or more; `path`: its siblings, bottom-up.
 * `secret` is the note key, 32 bytes. Throws NoteError 'form' for a log of one set.
 *
 * @example
 * ```ts
 * import { signCoseReceipt, treeNodeHash } from 'cairn-relay/notes'
 *
 * const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
 * const binding = { Origin: 'relay.example', NoteKey: new Uint8Array(32) }
 * const head = { size: 2n, root: treeNodeHash(one, two) }
 * console.log(signCoseReceipt({ index: 0n, path: [two] }, head, binding, new Uint8Array(32).fill(9))[0]) // 210
 * ```
 */
export function signCoseReceipt(
  { index, path }: { readonly index: bigint; readonly path: readonly Uint8Array[] },
  { size, root }: TreeHead,
  binding: Pick<NoteBinding, 'Origin' | 'NoteKey'>,
  secret: Uint8Array,
): Uint8Array {
  if (path.length === 0) throw new NoteError('form', `a log of ${size} set has no COSE receipts: they have a path`)
  const header = protectedHeader(binding)
  const signature = ed25519Sign(signedBytes(header, root), secret)
  const receipt = encode([header, unprotectedHeader([size, index, path]), null, signature])
  return Uint8Array.of(COSE_SIGN1, ...receipt)
}

/**
 * Returns what a receipt shows of a statement (bytes B(n)): the log of the binding signed a root to which it leads.
 * Throws NoteError.
 *
 * @example
 * ```ts
 * import * as notes from 'cairn-relay/notes'
 *
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const key = 'fd1724385aa0c75b64fb78cd602fa1d991fdebf76b13c58ed702eac835e9f618'
 * const NoteKey = new Uint8Array(Buffer.from(key, 'hex'))
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const Origin = notes.originOf({ host: 'relay.example', ...shop, generation: 1 })
 * const bytes = notes.encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin, NoteKey })
 * const binding = notes.verifyBinding(notes.signBinding(bytes, new Uint8Array(32).fill(7)), [relay])
 * const statement = notes.logLeafBytes({ Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) })
 * const path = [new Uint8Array(32).fill(2)]
 * const head = { size: 2n, root: notes.treeNodeHash(notes.treeLeafHash(statement), path[0]!) }
 * const receipt = notes.signCoseReceipt({ index: 0n, path }, head, binding.fields, new Uint8Array(32).fill(9))
 * console.log(notes.verifyCoseReceipt(receipt, statement, binding).index) // 0n
 * ```
 */
export function verifyCoseReceipt(
  received: Uint8Array,
  statement: Uint8Array,
  binding: VerifiedBinding,
): VerifiedCoseReceipt {
  const read = readCoseReceipt(received, binding)
  requireIndexOf(statement, read.index)
  const root = rootFromStatement(statement, read.index, read.size, read.path)
  requireSignature(read, root, binding)
  return { root, index: read.index, size: read.size }
}

/**
 * The same where the root is known, of a note or a log that the caller trusts: a path that leads elsewhere is told from
 * a signature that is none.
 *
 * @example
 * ```ts
 * import * as notes from 'cairn-relay/notes'
 *
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const key = 'fd1724385aa0c75b64fb78cd602fa1d991fdebf76b13c58ed702eac835e9f618'
 * const NoteKey = new Uint8Array(Buffer.from(key, 'hex'))
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const Origin = notes.originOf({ host: 'relay.example', ...shop, generation: 1 })
 * const bytes = notes.encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin, NoteKey })
 * const binding = notes.verifyBinding(notes.signBinding(bytes, new Uint8Array(32).fill(7)), [relay])
 * const statement = notes.logLeafBytes({ Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) })
 * const path = [new Uint8Array(32).fill(2)]
 * const head = { size: 2n, root: notes.treeNodeHash(notes.treeLeafHash(statement), path[0]!) }
 * const receipt = notes.signCoseReceipt({ index: 0n, path }, head, binding.fields, new Uint8Array(32).fill(9))
 * try {
 *   notes.verifyCoseReceiptUnder(new Uint8Array(32), receipt, statement, binding)
 * } catch (error) {
 *   console.log((error as notes.NoteError).code) // inclusion
 * }
 * ```
 */
export function verifyCoseReceiptUnder(
  root: Uint8Array,
  received: Uint8Array,
  statement: Uint8Array,
  binding: VerifiedBinding,
): void {
  const read = readCoseReceipt(received, binding)
  requireIndexOf(statement, read.index)
  requireInclusion(statement, read.index, { size: read.size, root }, read.path)
  requireSignature(read, root, binding)
}

/** Whether bytes say of themselves that they are a COSE_Sign1. */
export function isCoseSign1(received: Uint8Array): boolean {
  return received[0] === COSE_SIGN1
}

interface ReadReceipt {
  readonly header: Uint8Array
  readonly size: bigint
  readonly index: bigint
  readonly path: readonly Uint8Array[]
  readonly signature: Uint8Array
}

/** The form of a receipt with the protected header of this binding, and no other. */
function readCoseReceipt(received: Uint8Array, { fields }: VerifiedBinding): ReadReceipt {
  if (!isCoseSign1(received)) throw new NoteError('tag', 'a COSE receipt begins with tag 18')
  try {
    const content = received.subarray(1)
    const parts = decode(content)
    if (!Array.isArray(parts) || parts.length !== 4) throw new NoteError('form', 'a COSE_Sign1 has four elements')
    const [header, unprotected, payload, signature] = parts as [Cbor, Cbor, Cbor, Cbor]
    const wanted = protectedHeader(fields)
    if (!(header instanceof Uint8Array) || !equalBytes(header, wanted))
      throw new NoteError('header', `the protected header is ${shown(header)}, not ${toHex(wanted)}`)
    if (payload !== null) throw new NoteError('payload', 'the payload of a COSE receipt is detached: null')
    const proof = readUnprotected(unprotected)
    const sealed = bytes(64).read(signature, 'signature')
    if (!equalBytes(content, encode([header, unprotectedHeader(proof), null, sealed])))
      throw new NoteError('form', 'a COSE receipt has one encoding, the deterministic one, and nothing else in it')
    const [size, index, path] = proof
    return { header, size, index, path, signature: sealed }
  } catch (cause) {
    if (!(cause instanceof SchemaError || cause instanceof CborError)) throw cause
    throw new NoteError('form', `COSE receipt: ${cause.message}`, { cause })
  }
}

function readUnprotected(value: Cbor): InclusionProof {
  const proofs = value instanceof Map ? value.get(VDP) : undefined
  const list = proofs instanceof Map ? proofs.get(INCLUSION_PROOFS) : undefined
  const [proof] = Array.isArray(list) ? (list as readonly Cbor[]) : []
  if (!(proof instanceof Uint8Array)) throw new NoteError('form', 'a COSE receipt has one inclusion proof, as bytes')
  return readDeterministic(InclusionProof, proof, 'inclusion proof')
}

function protectedHeader({ Origin, NoteKey }: Pick<NoteBinding, 'Origin' | 'NoteKey'>): Uint8Array {
  const claims = new Map([[ISSUER, Origin]])
  const keyId = noteKeyId(Origin, ED25519, NoteKey)
  return encode(
    new Map<bigint, Cbor>([
      [ALG, EDDSA],
      [KID, keyId],
      [CWT_CLAIMS, claims],
      [VDS, RFC9162_SHA256],
    ]),
  )
}

function unprotectedHeader(proof: InclusionProof): Cbor {
  return new Map([[VDP, new Map([[INCLUSION_PROOFS, [encode(InclusionProof.write(proof))]]])]])
}

/** Sig_structure of RFC 9052 §4.4, without external data. */
function signedBytes(header: Uint8Array, root: Uint8Array): Uint8Array {
  return encode(['Signature1', header, new Uint8Array(0), root])
}

function requireSignature({ header, signature }: ReadReceipt, root: Uint8Array, { fields }: VerifiedBinding): void {
  if (ed25519Verify(signature, signedBytes(header, root), fields.NoteKey)) return
  throw new NoteError('signature', `the signature is not of the note key over the root ${toHex(root)}`)
}

function shown(value: Cbor): string {
  return value instanceof Uint8Array ? toHex(value) : 'no byte string'
}
