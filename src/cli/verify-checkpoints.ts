/**
 * `cairn verify` of checkpoints: as a relay answers when it is asked for one or for a set of its log, or the signed
 * pair alone. Of two it tells what they show together (PROOFS §3); evidence from a whole log is what `cairn audit`
 * finds.
 *
 * Tests: test/cli/verify.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'
import { decode } from '../codec/decode.js'
import { formatRfc3339 } from '../codec/time.js'
import { HTTP_ANSWER_BYTES_MAX } from '../limits.js'
import { CborError, type Cbor } from '../codec/value.js'
import { leafIndexOf, type NodeIndex } from '../merkle/mmr-index.js'
import {
  CheckpointError,
  compareCheckpoints,
  decodeCheckpoint,
  decodeSignedCheckpoint,
  evidenceOfLastLeaf,
  evidenceOfTwoLeaves,
  ProofError,
  verifyCheckpoint,
  verifyLast,
  verifyLogInclusion,
  type Comparison,
  type Last,
  type ShownLeaf,
  type VerifiedCheckpoint,
} from '../proofs/checkpoint.js'
import { logIndexOf } from '../proofs/log-proof.js'
import { OTHER_KEY } from '../proofs/receipt-report.js'
import { readCheckpointAnswer, readLogProofAnswer, type CheckpointAnswer } from '../wire/proof-payloads.js'
import { ProofPayloadError } from '../wire/snapshot-payloads.js'
import { printable, type Io } from './io.js'
import type { NamedRelay } from './named-relay.js'
import { NOTHING_SENT } from './receipt-lines.js'

interface Shown {
  readonly outcome: 'matches' | 'same' | 'consistent' | 'evidence' | 'not shown' | 'unknown-key' | 'does-not-match'
  readonly exitCode: number
  readonly sentence: string
}

/** By its outermost shape: a pair, or a map that has a Level or an Inclusion, and no Sets. */
export function isCheckpointFile(bytes: Uint8Array): boolean {
  const value = decoded(bytes)
  if (Array.isArray(value)) return value.length === 2 && value.every((part: Cbor) => part instanceof Uint8Array)
  if (!(value instanceof Map) || !value.has('Checkpoint') || value.has('Sets')) return false
  return value.has('Level') || value.has('Inclusion')
}

/** Which relay it says that it is of; undefined for what is no checkpoint. */
export function namedInCheckpoint(bytes: Uint8Array): NamedRelay | undefined {
  try {
    const { ChainID, Registry, Relay } = decodeCheckpoint(readAnswer(bytes).Checkpoint[0])
    return { chainId: ChainID, registry: Registry, relay: Relay, blocks: [undefined] }
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof ProofPayloadError) return undefined
    throw error
  }
}

/** Prints what the files show; resolves with the exit code. */
export function checkpointReport(
  files: readonly Uint8Array[],
  relays: readonly Uint8Array[],
  { json }: { readonly json: boolean },
  { out }: Pick<Io, 'out'>,
): number {
  const shown = judged(files, relays)
  if (json) out(JSON.stringify({ kind: 'checkpoint', ...shown }))
  else for (const line of [printable(shown.sentence), '', NOTHING_SENT]) out(line)
  return shown.exitCode
}

function judged(files: readonly Uint8Array[], relays: readonly Uint8Array[]): Shown {
  if (relays.length === 0)
    return { outcome: 'unknown-key', exitCode: 3, sentence: 'Cannot say: unknown shop key. Give --relay 0x….' }
  try {
    const answers = files.map(readAnswer)
    const verified = answers.map((answer) => ({ answer, checkpoint: verifyCheckpoint(answer.Checkpoint, relays) }))
    const [first, second] = verified
    const evidence = second && leavesTogether(first!, second)
    for (const told of [evidence, ...verified.map(leafProblem), ...verified.map(lastProblem)])
      if (told !== undefined) return told
    if (second === undefined) return single(first!)
    const consistency = answers.map(({ Consistency }) => Consistency).find((found) => found !== undefined)
    return toldOf(compareCheckpoints(first!.checkpoint, second.checkpoint, consistency))
  } catch (error) {
    if (!(error instanceof CheckpointError || error instanceof ProofPayloadError)) throw error
    if (error instanceof ProofPayloadError || error.code === 'form')
      return { outcome: 'does-not-match', exitCode: 2, sentence: `Not a checkpoint. ${error.message}.` }
    const message = error.code === 'signer' ? `${error.message}. ${OTHER_KEY}` : error.message
    return { outcome: 'does-not-match', exitCode: 1, sentence: `Does not match. ${message}.` }
  }
}

interface Answer extends Pick<CheckpointAnswer, 'Checkpoint' | 'Consistency'> {
  readonly Last?: Last | undefined
  /** Of a set of the log. */
  readonly leaf?: { readonly seq: bigint; readonly shown: ShownLeaf } | undefined
}

interface Verified {
  readonly answer: Answer
  readonly checkpoint: VerifiedCheckpoint
}

function readAnswer(bytes: Uint8Array): Answer {
  const value = decoded(bytes)
  if (Array.isArray(value)) return { Checkpoint: decodeSignedCheckpoint(bytes) }
  if (!(value as ReadonlyMap<unknown, unknown>).has('Inclusion')) return readCheckpointAnswer(bytes)
  const { Checkpoint, Last, Consistency, Inclusion, Set, StateRoot } = readLogProofAnswer(bytes)
  const [index, path] = Inclusion
  return { Checkpoint, Last, Consistency, leaf: { seq: seqAt(index), shown: { Set, StateRoot, path } } }
}

/** The set whose leaf stands at the index. */
function seqAt(index: bigint): bigint {
  try {
    return leafIndexOf(index as NodeIndex) + 1n
  } catch (error) {
    throw new ProofPayloadError('Inclusion', (error as Error).message, error)
  }
}

/** What is wrong with the last leaf of an answer, if anything is. */
function lastProblem({ answer: { Last }, checkpoint }: Verified): Shown | undefined {
  if (Last === undefined) return undefined
  try {
    verifyLast(Last, checkpoint.fields)
    return undefined
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    return { outcome: 'does-not-match', exitCode: 1, sentence: `Does not match. ${error.message}.` }
  }
}

/** The same of the leaf that an answer is about: evidence where it is the last one and has another StateRoot. */
function leafProblem({ answer: { leaf }, checkpoint }: Verified): Shown | undefined {
  if (leaf === undefined) return undefined
  const { seq, shown } = leaf
  if (seq === checkpoint.fields.Seq) {
    const judged = evidenceOfLastLeaf(checkpoint, shown)
    if (judged.outcome === 'evidence') return toldOf(judged)
  }
  try {
    verifyLogInclusion([logIndexOf(seq), shown.path], { Seq: seq, ...shown }, checkpoint.fields)
    return undefined
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    return { outcome: 'does-not-match', exitCode: 1, sentence: `Does not match. Set ${seq}: ${error.message}.` }
  }
}

/** Evidence where both show a leaf of one set, and not the same. */
function leavesTogether(a: Verified, b: Verified): Shown | undefined {
  const [one, other] = [a.answer.leaf, b.answer.leaf]
  if (one === undefined || other === undefined || one.seq !== other.seq) return undefined
  const judged = evidenceOfTwoLeaves(one.seq, [a.checkpoint, one.shown], [b.checkpoint, other.shown])
  return judged.outcome === 'evidence' ? toldOf(judged) : undefined
}

function single({ answer: { leaf }, checkpoint: { fields, digest } }: Verified): Shown {
  const what = `checkpoint ${fields.Seq} of shop ${fields.ShopID}, ${formatRfc3339(fields.Timestamp.seconds)}`
  const also = leaf === undefined ? '' : ` Set ${leaf.seq} is in its log.`
  return {
    outcome: 'matches',
    exitCode: 0,
    sentence: `Matches: the relay signed ${what}, digest ${prefixedHex(digest)}.${also}`,
  }
}

function toldOf(comparison: Comparison): Shown {
  switch (comparison.outcome) {
    case 'same':
      return { outcome: 'same', exitCode: 0, sentence: 'Matches: both are of one set, and of one state.' }
    case 'consistent':
      return { outcome: 'consistent', exitCode: 0, sentence: 'Matches: the later log began as the earlier one.' }
    case 'evidence': {
      const { kind, message } = comparison
      return {
        outcome: 'evidence',
        exitCode: 1,
        sentence: `Does not match. Evidence against the relay, ${kind}: ${message}.`,
      }
    }
    case 'not shown':
      return { outcome: 'not shown', exitCode: 3, sentence: `Cannot say: ${comparison.reason}. Ask the relay for it.` }
  }
}

/** Undefined for what is no CBOR, and for a file that is too large to be of checkpoints. */
function decoded(bytes: Uint8Array): Cbor | undefined {
  if (bytes.length > HTTP_ANSWER_BYTES_MAX) return undefined
  try {
    return decode(bytes)
  } catch (error) {
    if (error instanceof CborError) return undefined
    throw error
  }
}
