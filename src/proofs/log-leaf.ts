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
  return sha256(concatBytes(headerBytes, signature))
}

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
  // Once a set: by hand it takes a tenth of the time.
  const seq = encode(Seq)
  const set = BEFORE_SEQ.length + seq.length + BEFORE_SET.length
  const root = set + DIGEST_BYTES + BEFORE_STATE_ROOT.length
  const bytes = new Uint8Array(root + DIGEST_BYTES)
  bytes.set(BEFORE_SEQ)
  bytes.set(seq, BEFORE_SEQ.length)
  bytes.set(BEFORE_SET, set - BEFORE_SET.length)
  writeDigest(bytes, Set, set)
  bytes.set(BEFORE_STATE_ROOT, set + DIGEST_BYTES)
  writeDigest(bytes, StateRoot, root)
  return bytes
}

/** A map of three; each key as text, and before a digest the head of its 32 bytes. */
const BEFORE_SEQ = Uint8Array.of(0xa3, 0x63, ...utf8('Seq'))
const BEFORE_SET = Uint8Array.of(0x63, ...utf8('Set'), 0x58, 0x20)
const BEFORE_STATE_ROOT = Uint8Array.of(0x69, ...utf8('StateRoot'), 0x58, 0x20)

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
