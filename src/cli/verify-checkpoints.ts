/**
 * `cairn verify` of checkpoints: as a relay answers when it is asked for one, or the signed pair alone. Of two it tells
 * what they show together (PROOFS §3).
 *
 * Tests: test/cli/verify.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'
import { decode } from '../codec/decode.js'
import { formatRfc3339 } from '../codec/time.js'
import { CborError, type Cbor } from '../codec/value.js'
import {
  CheckpointError,
  compareCheckpoints,
  decodeSignedCheckpoint,
  verifyCheckpoint,
  verifyLast,
  type Comparison,
  type VerifiedCheckpoint,
} from '../proofs/checkpoint.js'
import { ProofPayloadError, readCheckpointAnswer, type CheckpointAnswer } from '../wire/proof-payloads.js'
import type { Io } from './io.js'
import { NOTHING_SENT, printable } from './receipt-lines.js'

interface Shown {
  readonly outcome: 'matches' | 'same' | 'consistent' | 'evidence' | 'not shown' | 'unknown-key' | 'does-not-match'
  readonly exitCode: number
  readonly sentence: string
}

/** By its outermost shape: a pair, or a map that has a Level and no Sets. */
export function isCheckpointFile(bytes: Uint8Array): boolean {
  const value = decoded(bytes)
  if (Array.isArray(value)) return value.length === 2 && value.every((part: Cbor) => part instanceof Uint8Array)
  return value instanceof Map && value.has('Checkpoint') && value.has('Level') && !value.has('Sets')
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
    const verified = answers.map(({ Checkpoint }) => verifyCheckpoint(Checkpoint, relays))
    const tied = verified.map((checkpoint, i) => lastOf(checkpoint, answers[i]!)).find((found) => found !== undefined)
    if (tied !== undefined) return tied
    if (verified.length === 1) return single(verified[0]!)
    const consistency = answers.map(({ Consistency }) => Consistency).find((found) => found !== undefined)
    return toldOf(compareCheckpoints(verified[0]!, verified[1]!, consistency))
  } catch (error) {
    if (!(error instanceof CheckpointError || error instanceof ProofPayloadError)) throw error
    if (error instanceof ProofPayloadError || error.code === 'form')
      return { outcome: 'does-not-match', exitCode: 2, sentence: `Not a checkpoint. ${error.message}.` }
    return { outcome: 'does-not-match', exitCode: 1, sentence: `Does not match. ${error.message}.` }
  }
}

type Answer = Pick<CheckpointAnswer, 'Checkpoint' | 'Consistency'> & Partial<Pick<CheckpointAnswer, 'Last'>>

function readAnswer(bytes: Uint8Array): Answer {
  return Array.isArray(decoded(bytes)) ? { Checkpoint: decodeSignedCheckpoint(bytes) } : readCheckpointAnswer(bytes)
}

/** What is wrong with the last leaf of an answer, if anything is. */
function lastOf(checkpoint: VerifiedCheckpoint, { Last }: Answer): Shown | undefined {
  if (Last === undefined) return undefined
  try {
    verifyLast(Last, checkpoint.fields)
    return undefined
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    return { outcome: 'does-not-match', exitCode: 1, sentence: `Does not match. ${error.message}.` }
  }
}

function single({ fields, digest }: VerifiedCheckpoint): Shown {
  const what = `checkpoint ${fields.Seq} of shop ${fields.ShopID}, ${formatRfc3339(fields.Timestamp.seconds)}`
  return {
    outcome: 'matches',
    exitCode: 0,
    sentence: `Matches: the relay signed ${what}, digest ${prefixedHex(digest)}.`,
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

function decoded(bytes: Uint8Array): Cbor | undefined {
  try {
    return decode(bytes)
  } catch (error) {
    if (error instanceof CborError) return undefined
    throw error
  }
}
