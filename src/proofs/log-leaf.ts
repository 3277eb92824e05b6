/**
 * The leaf of a set in its shop's log (PROOFS §2): it binds the number of the set, its signed header and the state
 * after it.
 *
 * Tests: test/proofs/log-proof.test.ts, test/cli/log-vectors.test.ts
 */

import { sha256 } from '#hash'
import { concatBytes, utf8 } from '../bytes/bytes.js'
import { encode } from '../codec/encode.js'
import { required, struct, uint, type Infer } from '../codec/schema.js'
import { DIGEST_BYTES, setDigest as writeDigest } from '../merkle/state-tree.js'
import { bytes32 } from '../objects/scalars.js'

export const LogLeaf = struct(
  { Seq: required(uint(64, 1n)), Set: required(bytes32), StateRoot: required(bytes32) },
  { unlisted: 'refused' },
)
/** Seq 1 …, Set as setDigest makes it, StateRoot after the set; both 32 bytes. */
export interface LogLeaf extends Infer<typeof LogLeaf> {}

/**
 * The Set of a leaf: SHA-256 of the raw header and its signature as they were received, 32 bytes. The signature cannot
 * be guessed, so the digest tells nothing of a private write.
 *
 * @example
 * ```ts
 * import { setDigest } from 'cairn-relay/checkpoint'
 *
 * console.log(setDigest(Uint8Array.of(0xa0), new Uint8Array(65)).length) // 32
 * ```
 */
export function setDigest(headerBytes: Uint8Array, signature: Uint8Array): Uint8Array {
  const length = headerBytes.length + signature.length
  if (length > preimage.length) return sha256(concatBytes(headerBytes, signature))
  preimage.set(headerBytes)
  preimage.set(signature, headerBytes.length)
  return sha256(preimage.subarray(0, length))
}

/** Scratch for a usual header and its signature: hashing is synchronous and keeps nothing of it. */
const preimage = new Uint8Array(512)

/**
 * The bytes of a leaf: a deterministic CBOR map.
 *
 * @example
 * ```ts
 * import { logLeafBytes } from 'cairn-relay/checkpoint'
 *
 * const leaf = { Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) }
 * console.log(logLeafBytes(leaf).length) // 88
 * ```
 */
export function logLeafBytes({ Seq, Set, StateRoot }: LogLeaf): Uint8Array {
  return seqAndDigests(Seq, BEFORE_SET, Set, BEFORE_STATE_ROOT, StateRoot)
}

/**
 * A map of Seq and two digests, 32 bytes each, in the order of their keys; before each its key and head. Once a set: by
 * hand it takes a tenth of the time.
 */
export function seqAndDigests(
  Seq: bigint,
  beforeFirst: Uint8Array,
  first: Uint8Array,
  beforeSecond: Uint8Array,
  second: Uint8Array,
): Uint8Array {
  const seq = encode(Seq)
  const at = BEFORE_SEQ.length + seq.length + beforeFirst.length
  const end = at + DIGEST_BYTES + beforeSecond.length
  const bytes = new Uint8Array(end + DIGEST_BYTES)
  bytes.set(BEFORE_SEQ)
  bytes.set(seq, BEFORE_SEQ.length)
  bytes.set(beforeFirst, at - beforeFirst.length)
  writeDigest(bytes, first, at)
  bytes.set(beforeSecond, at + DIGEST_BYTES)
  writeDigest(bytes, second, end)
  return bytes
}

/** The key of a digest, a text of less than 24 bytes, and the digest's head. */
export function digestKey(key: string): Uint8Array {
  return Uint8Array.of(0x60 + key.length, ...utf8(key), 0x58, DIGEST_BYTES)
}

/** A map of three. */
const BEFORE_SEQ = Uint8Array.of(0xa3, 0x63, ...utf8('Seq'))
const BEFORE_SET = digestKey('Set')
const BEFORE_STATE_ROOT = digestKey('StateRoot')

/**
 * What stands in the mountain range for a set: SHA-256 of the leaf's bytes, 32 bytes.
 *
 * @example
 * ```ts
 * import { logLeafHash } from 'cairn-relay/checkpoint'
 *
 * const leaf = { Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) }
 * console.log(logLeafHash(leaf).length) // 32
 * ```
 */
export function logLeafHash(leaf: LogLeaf): Uint8Array {
  return sha256(logLeafBytes(leaf))
}
