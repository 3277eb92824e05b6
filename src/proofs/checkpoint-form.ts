/**
 * A checkpoint (PROOFS §3): what a relay signs of a shop's log and state after one set. Bytes received are bytes kept:
 * signature and digest are over them.
 *
 * Tests: test/proofs/checkpoint.test.ts, test/cli/log-vectors.test.ts
 */

import { sha256 } from '#hash'
import { addressOf, recoverPublicKey, sign } from '#signature'
import { equalBytes } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { encode } from '../codec/encode.js'
import { readDeterministic } from '../codec/deterministic.js'
import {
  arrayOf,
  bytes,
  oneOf,
  required,
  SchemaError,
  someOf,
  struct,
  time,
  tuple,
  uint,
  type Infer,
  type Schema,
} from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { LEAF_COUNT_MAX, popcount } from '../merkle/mmr-index.js'
import { bytes32, shopId, uint64 } from '../objects/scalars.js'
import { CheckpointError } from './checkpoint-error.js'
import { logIndexOf, verifyLogInclusion } from './log-proof.js'
import { ProofError } from '../merkle/proof-error.js'

/** 62 peaks and the largest numbers make some 2,500. */
const CHECKPOINT_BYTES_MAX = 4_096

/** The fields alone: that there are as many peaks as Seq has ones is checked by decodeCheckpoint. */
export const Checkpoint = struct(
  {
    Version: required(oneOf(1n)),
    ChainID: required(uint64),
    Registry: required(bytes(20)),
    Relay: required(uint(256)),
    ShopID: required(shopId),
    Seq: required(uint(64, 1n)),
    Peaks: required(someOf(bytes32)),
    StateRoot: required(bytes32),
    StateHash: required(bytes32),
    Timestamp: required(time),
  },
  { unlisted: 'refused' },
)
/**
 * Registry: the shop registry's address, zeros in development mode. Relay: the relay token's number. Peaks: of the log
 * after set Seq, highest first. StateRoot: PROOFS §1, StateHash: PROTOCOL §6. Timestamp: whole seconds.
 */
export interface Checkpoint extends Infer<typeof Checkpoint> {}

/** Whose log it is. */
export type LogIdentity = Pick<Checkpoint, (typeof IDENTITY)[number]>
const IDENTITY = ['ChainID', 'Registry', 'Relay', 'ShopID'] as const

/** `[checkpoint bytes, signature of 65 bytes]`, as it is sent. */
export const SignedCheckpoint = tuple(bytes(1, CHECKPOINT_BYTES_MAX), bytes(65))
export type SignedCheckpoint = Infer<typeof SignedCheckpoint>

/** `[Set, path]`: the log inclusion of the checkpoint's own Seq, of which StateRoot and index are the checkpoint's. */
export const Last = tuple(bytes32, arrayOf(bytes32))
export type Last = Infer<typeof Last>

declare const isVerified: unique symbol

/** A checkpoint that the relay signed. Of which shop is told by its fields. */
export interface VerifiedCheckpoint {
  readonly [isVerified]: true
  readonly fields: Checkpoint
  readonly signed: SignedCheckpoint
  /** SHA-256 of the checkpoint's bytes, 32 bytes. */
  readonly digest: Uint8Array
}

/**
 * The bytes that are signed: deterministic CBOR. Throws CheckpointError 'form' for fields that no checkpoint has.
 *
 * @example
 * ```ts
 * import { CborTime, encodeCheckpoint } from 'cairn-relay/checkpoint'
 *
 * const digest = new Uint8Array(32)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const state = { Seq: 1n, Peaks: [digest], StateRoot: digest, StateHash: digest, Timestamp: new CborTime(0n) }
 * console.log(encodeCheckpoint({ Version: 1n, ...identity, ...state }).length) // 230
 * ```
 */
export function encodeCheckpoint(fields: Checkpoint): Uint8Array {
  const value = encode(Checkpoint.write(fields))
  decodeCheckpoint(value)
  return value
}

/**
 * Reads the bytes of a checkpoint, exactly as PROOFS §3 has them; who signed them is not asked. Digests in it are
 * views. Throws CheckpointError 'form'.
 *
 * @example
 * ```ts
 * import { CheckpointError, decodeCheckpoint } from 'cairn-relay/checkpoint'
 *
 * try {
 *   decodeCheckpoint(Uint8Array.of(0xa0))
 * } catch (error) {
 *   console.log((error as CheckpointError).message) // checkpoint.Version is missing
 * }
 * ```
 */
export function decodeCheckpoint(received: Uint8Array): Checkpoint {
  const fields = readForm(Checkpoint, received, 'checkpoint')
  const { Seq, Peaks } = fields
  if (Seq > LEAF_COUNT_MAX)
    throw new CheckpointError('form', `checkpoint.Seq: no log has ${Seq} sets`, { at: 'Seq', found: `${Seq}` })
  const wanted = popcount(Seq)
  if (Peaks.length === wanted) return fields
  const details = { at: 'Peaks', found: `${Peaks.length}`, wanted: `${wanted}` }
  throw new CheckpointError('form', `checkpoint ${Seq} has ${Peaks.length} peaks, not ${wanted}`, details)
}

/**
 * Names a checkpoint: SHA-256 of its bytes, 32 bytes.
 *
 * @example
 * ```ts
 * import { checkpointDigest } from 'cairn-relay/checkpoint'
 *
 * console.log(checkpointDigest(Uint8Array.of(0xa0)).length) // 32
 * ```
 */
export function checkpointDigest(checkpointBytes: Uint8Array): Uint8Array {
  return sha256(checkpointBytes)
}

/**
 * Signs the bytes of a checkpoint as an EIP-191 personal message: low s, v 27 or 28; the same signature every time.
 * `secret` is the relay's key, 32 bytes. Whoever signs has stored the bytes durably first.
 *
 * @example
 * ```ts
 * import { CborTime, encodeCheckpoint, signCheckpoint } from 'cairn-relay/checkpoint'
 *
 * const digest = new Uint8Array(32)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const state = { Seq: 1n, Peaks: [digest], StateRoot: digest, StateHash: digest, Timestamp: new CborTime(0n) }
 * const bytes = encodeCheckpoint({ Version: 1n, ...identity, ...state })
 * const [, signature] = signCheckpoint(bytes, new Uint8Array(32).fill(7))
 * console.log(signature.length) // 65
 * ```
 */
export function signCheckpoint(checkpointBytes: Uint8Array, secret: Uint8Array): SignedCheckpoint {
  return [checkpointBytes, sign(personalMessageDigest(checkpointBytes), secret)]
}

/**
 * The checkpoint of a pair, if one of `relays` (addresses, 20 bytes each: several after a rotation of the key) signed
 * it. Of which shop it is, is for the caller to ask: see requireIdentity and CheckpointTrust. Throws CheckpointError.
 *
 * @example
 * ```ts
 * import * as checkpoints from 'cairn-relay/checkpoint'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const digest = (byte: number) => new Uint8Array(32).fill(byte)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const Timestamp = new checkpoints.CborTime(0n)
 * const state = { Seq: 1n, Peaks: [digest(1)], StateRoot: digest(3), StateHash: digest(2), Timestamp }
 * const bytes = checkpoints.encodeCheckpoint({ Version: 1n, ...identity, ...state })
 * const { fields } = checkpoints.verifyCheckpoint(checkpoints.signCheckpoint(bytes, secret), [relay])
 * console.log(fields.Seq, fields.ShopID) // 1n 7n
 * ```
 */
export function verifyCheckpoint(signed: SignedCheckpoint, relays: readonly Uint8Array[]): VerifiedCheckpoint {
  const [received, signature] = signed
  const fields = decodeCheckpoint(received)
  const signer = signerAddress(`checkpoint ${fields.Seq}`, received, signature)
  if (!relays.some((relay) => equalBytes(relay, signer))) {
    const [found, wanted] = [prefixedHex(signer), relays.map(prefixedHex).join(', ')]
    const problem = `checkpoint ${fields.Seq} is signed by ${found}, not by the relay ${wanted}`
    throw new CheckpointError('signer', problem, { at: 'signature', found, wanted })
  }
  return { fields, signed, digest: checkpointDigest(received) } as VerifiedCheckpoint
}

/**
 * Returns if a checkpoint is of that chain, registry, relay and shop. Throws CheckpointError 'identity' with the first
 * field that is another.
 *
 * @example
 * ```ts
 * import { requireIdentity, type CheckpointError } from 'cairn-relay/checkpoint'
 *
 * const mine = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * try {
 *   requireIdentity({ ...mine, ShopID: 8n }, mine)
 * } catch (error) {
 *   console.log((error as CheckpointError).message) // the checkpoint's ShopID is 8, not 7
 * }
 * ```
 */
export function requireIdentity(found: LogIdentity, wanted: LogIdentity): void {
  for (const at of IDENTITY) {
    const [our, their] = [shown(wanted[at]), shown(found[at])]
    if (our !== their)
      throw new CheckpointError('identity', `the checkpoint's ${at} is ${their}, not ${our}`, {
        at,
        found: their,
        wanted: our,
      })
  }
}

/**
 * Returns if the checkpoint's last set, with the checkpoint's own StateRoot, is the last leaf of its log: this ties
 * StateRoot and Peaks. Throws CheckpointError 'last'.
 *
 * @example
 * ```ts
 * import { CborTime, logLeafHash, verifyLast } from 'cairn-relay/checkpoint'
 *
 * const digest = new Uint8Array(32)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const Peaks = [logLeafHash({ Seq: 1n, Set: digest, StateRoot: digest })]
 * const state = { Seq: 1n, Peaks, StateRoot: digest, StateHash: digest, Timestamp: new CborTime(0n) }
 * verifyLast([digest, []], { Version: 1n, ...identity, ...state })
 * try {
 *   verifyLast([new Uint8Array(32).fill(9), []], { Version: 1n, ...identity, ...state })
 * } catch (error) {
 *   console.log((error as Error).name) // CheckpointError
 * }
 * ```
 */
export function verifyLast([Set, path]: Last, checkpoint: Checkpoint): void {
  const { Seq, StateRoot } = checkpoint
  try {
    verifyLogInclusion([logIndexOf(Seq), path], { Seq, Set, StateRoot }, checkpoint)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    const problem = `checkpoint ${Seq}: set ${toHex(Set)} with StateRoot ${toHex(StateRoot)} is not its last leaf`
    throw new CheckpointError('last', `${problem}: ${cause.message}`, { at: 'Last', found: toHex(Set), cause })
  }
}

/**
 * Reads `[Set, path]`, which nothing has checked yet. Throws CheckpointError 'form'.
 *
 * @example
 * ```ts
 * import { decodeLast } from 'cairn-relay/checkpoint'
 *
 * const [set, path] = decodeLast(Uint8Array.of(0x82, 0x58, 0x20, ...new Uint8Array(32), 0x80))
 * console.log(set.length, path) // 32 []
 * ```
 */
export function decodeLast(received: Uint8Array): Last {
  return readForm(Last, received, 'Last')
}

/**
 * Reads `[checkpoint bytes, signature]`, which nothing has checked yet. Throws CheckpointError 'form'.
 *
 * @example
 * ```ts
 * import { decodeSignedCheckpoint, type CheckpointError } from 'cairn-relay/checkpoint'
 *
 * try {
 *   decodeSignedCheckpoint(Uint8Array.of(0x80))
 * } catch (error) {
 *   console.log((error as CheckpointError).message) // signed checkpoint must have 2 elements, not 0
 * }
 * ```
 */
export function decodeSignedCheckpoint(received: Uint8Array): SignedCheckpoint {
  return readForm(SignedCheckpoint, received, 'signed checkpoint')
}

/** Whatever is wrong with the bytes is a CheckpointError. */
export function readForm<T>(schema: Schema<T>, received: Uint8Array, at: string): T {
  try {
    return readDeterministic(schema, received, at)
  } catch (cause) {
    if (cause instanceof SchemaError) throw new CheckpointError('form', cause.message, { at: cause.at, cause })
    if (cause instanceof CborError) throw new CheckpointError('form', `${at}: ${cause.message}`, { cause })
    throw cause
  }
}

/**
 * 20 bytes; `what` is signed, in errors. Recovering alone takes v 0 and 1 too: here a message has one signature by one
 * key, byte for byte. Throws CheckpointError 'signature'.
 */
export function signerAddress(what: string, message: Uint8Array, signature: Uint8Array): Uint8Array {
  const refuse = (problem: string, found: string, wanted: string): CheckpointError =>
    new CheckpointError('signature', `${what}: ${problem}`, { at: 'signature', found, wanted })
  const { length } = signature
  if (length !== 65) throw refuse(`its signature has ${length} bytes, not 65`, `${length}`, '65')
  const v = signature[64]!
  if (v !== 27 && v !== 28) throw refuse(`v of its signature is ${v}, not 27 or 28`, `${v}`, '27 or 28')
  const key = recoverPublicKey(personalMessageDigest(message), signature)
  if (key === undefined) throw refuse('its signature leads to no key', toHex(signature), 'r and s in range, s low')
  return addressOf(key)
}

export function shown(value: bigint | Uint8Array): string {
  return typeof value === 'bigint' ? `${value}` : prefixedHex(value)
}
