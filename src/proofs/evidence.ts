/**
 * Evidence against a relay (PROOFS §3): what it signed itself, and an honest one never does. Each function says what
 * was shown, or why nothing was: nobody can be accused with it then. The checkpoints were verified before.
 *
 * Tests: test/proofs/evidence.test.ts, test/cli/log-vectors.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { SchemaError } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { Accumulator } from '../merkle/accumulator.js'
import { ProofError } from '../merkle/proof-error.js'
import { encodePatchSet, PatchSetError, readPatchSet, type PatchSet } from '../patches/patch-set.js'
import { requireIdentity, type Checkpoint, type VerifiedCheckpoint } from './checkpoint-form.js'
import type { Evidence } from './conflict.js'
import { logLeafHash, setDigest, type LogLeaf } from './log-leaf.js'
import { logIndexOf, verifyLogInclusion } from './log-proof.js'

/** Whether something is evidence; `nothing` says why it is none, and does not say that the relay is honest. */
export type Judgement = Evidence | { readonly outcome: 'nothing'; readonly reason: string }

/** A leaf of set seq as somebody shows it: with the siblings that lead to a peak. */
export interface ShownLeaf {
  /** 32 bytes each. */
  readonly Set: Uint8Array
  readonly StateRoot: Uint8Array
  readonly path: readonly Uint8Array[]
}

/**
 * Whether two checkpoints of one shop, of the same Seq or not, have different leaves for set `seq`; `a` and `b` with
 * the leaf of each. Throws CheckpointError 'identity' for checkpoints of two shops.
 *
 * @example
 * ```ts
 * import * as checkpoints from 'cairn-relay/checkpoint'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const digest = (byte: number) => new Uint8Array(32).fill(byte)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * function shown(Set: Uint8Array) {
 *   const leaf = { Set, StateRoot: digest(3), path: [] }
 *   const Peaks = [checkpoints.logLeafHash({ Seq: 1n, ...leaf })]
 *   const Timestamp = new checkpoints.CborTime(0n)
 *   const state = { Seq: 1n, Peaks, StateRoot: digest(3), StateHash: digest(2), Timestamp }
 *   const bytes = checkpoints.encodeCheckpoint({ Version: 1n, ...identity, ...state })
 *   return [checkpoints.verifyCheckpoint(checkpoints.signCheckpoint(bytes, secret), [relay]), leaf] as const
 * }
 * console.log(checkpoints.evidenceOfTwoLeaves(1n, shown(digest(4)), shown(digest(5))).outcome) // evidence
 * ```
 */
export function evidenceOfTwoLeaves(
  seq: bigint,
  a: readonly [VerifiedCheckpoint, ShownLeaf],
  b: readonly [VerifiedCheckpoint, ShownLeaf],
): Judgement {
  requireIdentity(b[0].fields, a[0].fields)
  for (const [{ fields }, shown] of [a, b]) {
    const reason = whyNotIn(fields, seq, shown)
    if (reason !== undefined) return { outcome: 'nothing', reason }
  }
  for (const field of ['Set', 'StateRoot'] as const) {
    const [one, other] = [a[1][field], b[1][field]]
    if (equalBytes(one, other)) continue
    const values = `${field} ${prefixedHex(one)} in checkpoint ${a[0].fields.Seq}`
    const message = `set ${seq} has ${values}, and ${prefixedHex(other)} in checkpoint ${b[0].fields.Seq}`
    return { outcome: 'evidence', kind: 'two-leaves', message }
  }
  return { outcome: 'nothing', reason: `both checkpoints have the same leaf for set ${seq}` }
}

/**
 * Whether a checkpoint's StateRoot is another than that of the last leaf of its own log.
 *
 * @example
 * ```ts
 * import * as checkpoints from 'cairn-relay/checkpoint'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const digest = (byte: number) => new Uint8Array(32).fill(byte)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const leaf = { Set: digest(4), StateRoot: digest(3), path: [] }
 * const Peaks = [checkpoints.logLeafHash({ Seq: 1n, ...leaf })]
 * const Timestamp = new checkpoints.CborTime(0n)
 * const state = { Seq: 1n, Peaks, StateRoot: digest(9), StateHash: digest(2), Timestamp }
 * const bytes = checkpoints.encodeCheckpoint({ Version: 1n, ...identity, ...state })
 * const checkpoint = checkpoints.verifyCheckpoint(checkpoints.signCheckpoint(bytes, secret), [relay])
 * console.log(checkpoints.evidenceOfLastLeaf(checkpoint, leaf).outcome) // evidence
 * ```
 */
export function evidenceOfLastLeaf({ fields }: VerifiedCheckpoint, shown: ShownLeaf): Judgement {
  const reason = whyNotIn(fields, fields.Seq, shown)
  if (reason !== undefined) return { outcome: 'nothing', reason }
  if (equalBytes(shown.StateRoot, fields.StateRoot))
    return { outcome: 'nothing', reason: `checkpoint ${fields.Seq} has the StateRoot of its last leaf` }
  const [ours, theirs] = [prefixedHex(fields.StateRoot), prefixedHex(shown.StateRoot)]
  const message = `checkpoint ${fields.Seq} has StateRoot ${ours}, and its last leaf ${theirs}`
  return { outcome: 'evidence', kind: 'last-leaf', message }
}

/** A set of the log: raw header, signature, all patches in order, and the StateRoot of its leaf. */
export type LoggedSet = readonly [
  header: Uint8Array,
  signature: Uint8Array,
  patches: readonly Uint8Array[],
  stateRoot: Uint8Array,
]

/**
 * Is told the sets of a log from the first on, in order, each of which has the patches that its header signs. Gives the
 * StateRoot (PROOFS §1, 32 bytes) that follows from the sets so far under the two salts that were shown; undefined
 * where none follows, because by the rules such a set is in no log.
 */
export type StateRootAfter = (set: PatchSet, seq: bigint) => Uint8Array | undefined

/**
 * Whether from the sets of a checkpoint's log another StateRoot follows than one of its leaves holds. The leaves must
 * give the checkpoint's Peaks; and for another leaf the StateRoot that it holds must follow, which shows that the salts
 * are the relay's: with made-up ones anybody could accuse. Sets are read once, in order, and none is kept.
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
 * const checkpoint = checkpoints.verifyCheckpoint(checkpoints.signCheckpoint(bytes, secret), [relay])
 * const judged = checkpoints.evidenceOfLog(checkpoint, [], () => undefined)
 * console.log(judged.outcome === 'nothing' && judged.reason) // 0 sets, not the 1 of the checkpoint
 * ```
 */
export function evidenceOfLog(
  { fields }: VerifiedCheckpoint,
  log: Iterable<LoggedSet>,
  stateRootAfter: StateRootAfter,
): Judgement {
  const accumulator = new Accumulator()
  let difference: string | undefined
  let seq = 0n
  let follows = false
  for (const [header, signature, patches, stateRoot] of log) {
    seq++
    if (seq > fields.Seq) return { outcome: 'nothing', reason: `more sets than the ${fields.Seq} of the checkpoint` }
    const set = wholeSet(header, signature, patches)
    if (typeof set === 'string') return { outcome: 'nothing', reason: `set ${seq}: ${set}` }
    const Set = setDigest(set.headerBytes, set.signature)
    accumulator.append(logLeafHash({ Seq: seq, Set, StateRoot: stateRoot }))
    const wanted = stateRootAfter(set, seq)
    if (wanted === undefined) continue
    if (equalBytes(wanted, stateRoot)) follows = true
    else difference ??= `the leaf of set ${seq} has StateRoot ${prefixedHex(stateRoot)}, not ${prefixedHex(wanted)}`
  }
  if (seq !== fields.Seq) return { outcome: 'nothing', reason: `${seq} sets, not the ${fields.Seq} of the checkpoint` }
  const isItsLog = accumulator.peaks.every((peak, i) => equalBytes(peak, fields.Peaks[i]!))
  if (!isItsLog)
    return { outcome: 'nothing', reason: `the sets are not those of checkpoint ${seq}: other peaks follow` }
  if (difference === undefined) return { outcome: 'nothing', reason: 'no leaf differs from what follows from the sets' }
  if (!follows) return { outcome: 'nothing', reason: 'no leaf has the StateRoot that follows: the salts are made up' }
  return { outcome: 'evidence', kind: 'state', message: difference }
}

/** Why the leaf is not that of set `seq` under the checkpoint; undefined if it is. */
function whyNotIn(checkpoint: Checkpoint, seq: bigint, { Set, StateRoot, path }: ShownLeaf): string | undefined {
  const where = `in the log of checkpoint ${checkpoint.Seq}`
  if (seq < 1n || seq > checkpoint.Seq) return `set ${seq} is not ${where}`
  const leaf: LogLeaf = { Seq: seq, Set, StateRoot }
  try {
    verifyLogInclusion([logIndexOf(seq), path], leaf, checkpoint)
    return undefined
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    return `the leaf of set ${seq} is not ${where}: ${error.message}`
  }
}

/** The set, if these are all the patches that its header signs; else why not. */
function wholeSet(header: Uint8Array, signature: Uint8Array, patches: readonly Uint8Array[]): PatchSet | string {
  try {
    return readPatchSet(encodePatchSet(header, signature, patches))
  } catch (error) {
    if (error instanceof CborError || error instanceof SchemaError || error instanceof PatchSetError)
      return error.message
    throw error
  }
}
