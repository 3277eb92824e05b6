/**
 * What is proven, as it is sent (PROOFS §4): the payloads of answers, in deterministic CBOR, by the rules of
 * cddl/proof-payloads.cddl. Reading says what is claimed, and nothing of whether it is true: signatures, paths and
 * roots are for the verifiers of proofs/ and merkle/. Objects of a snapshot, salts and questions are in
 * snapshot-payloads.ts.
 *
 * Tests: test/wire/proof-payloads.test.ts
 */

import { checkDeterministic } from '../codec/deterministic-form.js'
import { readDeterministic } from '../codec/deterministic.js'
import { CborEncoded, encode, type Encodable } from '../codec/encode.js'
import { mapFields } from '../codec/fields.js'
import { arrayOf, required, struct, tuple, uint, type Infer } from '../codec/schema.js'
import type { Span } from '../codec/span.js'
import type { CborKey } from '../codec/value.js'
import { LISTED_ORDERS_MAX } from '../limits.js'
import { encodeLevel, readLevel, type Level } from '../merkle/state-level.js'
import { bytes32, orderId } from '../objects/scalars.js'
import { Last, SignedCheckpoint } from '../proofs/checkpoint-form.js'
import { LogConsistency } from '../proofs/log-consistency.js'
import { digestKey, seqAndDigests } from '../proofs/log-leaf.js'
import { LogInclusion } from '../proofs/log-proof.js'
import { ProofPayloadError, reading } from './snapshot-payloads.js'

const seq = uint(64, 1n)

/** To a write: `Seq` of its set, the digests of the state after it, 32 bytes each. */
export const WriteAnswer = struct(
  { Seq: required(seq), StateRoot: required(bytes32), StateHash: required(bytes32) },
  { unlisted: 'refused' },
)
export interface WriteAnswer extends Infer<typeof WriteAnswer> {}

/** `[order id, seq of the set that added it]`, by rising seq, as the patches stand. */
export const AddedOrders = arrayOf(tuple(orderId, seq), LISTED_ORDERS_MAX)
export type AddedOrders = Infer<typeof AddedOrders>

/** What every answer that proves something begins with. */
export interface ProvenAnswer {
  readonly Checkpoint: SignedCheckpoint
  readonly Last: Last
}

export interface StateProofAnswer extends ProvenAnswer {
  /** The bytes of StateProofs, for verifyStateProofs. */
  readonly Proofs: Uint8Array
  /** All orders of the card that asked, where it asked for them. */
  readonly List?: AddedOrders | undefined
}

export interface LogProofAnswer extends ProvenAnswer {
  readonly Inclusion: LogInclusion
  /** As in the leaf of the set, 32 bytes each. */
  readonly Set: Uint8Array
  readonly StateRoot: Uint8Array
  /** From the seq that was named, if the checkpoint's is another. */
  readonly Consistency?: LogConsistency | undefined
}

export interface CheckpointAnswer extends ProvenAnswer {
  /** Of the checkpoint's StateRoot. */
  readonly Level: Level
  readonly Consistency?: LogConsistency | undefined
}

/** Fresh, like all that is encoded here. */
export function encodeWriteAnswer({ Seq, StateRoot, StateHash }: WriteAnswer): Uint8Array {
  return seqAndDigests(Seq, BEFORE_STATE_HASH, StateHash, BEFORE_STATE_ROOT, StateRoot)
}

const BEFORE_STATE_HASH = digestKey('StateHash')
const BEFORE_STATE_ROOT = digestKey('StateRoot')

/** Views, like all that is read here. Throws ProofPayloadError, like all readers here. */
export function readWriteAnswer(bytes: Uint8Array): WriteAnswer {
  return reading('write answer', () => readDeterministic(WriteAnswer, bytes, 'write answer'))
}

export function encodeStateProofAnswer({ Proofs, List, ...proven }: StateProofAnswer): Uint8Array {
  const map = beginning(proven)
  map.set('Proofs', new CborEncoded(Proofs))
  if (List !== undefined) map.set('List', AddedOrders.write(List))
  return encode(map)
}

export function readStateProofAnswer(bytes: Uint8Array): StateProofAnswer {
  return readAnswer('state proof answer', bytes, ['Proofs'], ['List'], (fields) => ({
    ...readBeginning(fields),
    Proofs: fields.bytesOf('Proofs'),
    ...fields.ifThere('List', AddedOrders),
  }))
}

export function encodeLogProofAnswer({ Inclusion, Set, StateRoot, ...rest }: LogProofAnswer): Uint8Array {
  const map = beginning(rest)
  map.set('Inclusion', LogInclusion.write(Inclusion))
  map.set('Set', Set)
  map.set('StateRoot', StateRoot)
  return encode(map)
}

export function readLogProofAnswer(bytes: Uint8Array): LogProofAnswer {
  return readAnswer('log proof answer', bytes, ['Inclusion', 'Set', 'StateRoot'], ['Consistency'], (fields) => ({
    ...readBeginning(fields),
    Inclusion: fields.read('Inclusion', LogInclusion),
    Set: fields.read('Set', bytes32),
    StateRoot: fields.read('StateRoot', bytes32),
    ...fields.ifThere('Consistency', LogConsistency),
  }))
}

export function encodeCheckpointAnswer({ Level, ...rest }: CheckpointAnswer): Uint8Array {
  const map = beginning(rest)
  map.set('Level', new CborEncoded(encodeLevel(Level)))
  return encode(map)
}

export function readCheckpointAnswer(bytes: Uint8Array): CheckpointAnswer {
  return readAnswer('checkpoint answer', bytes, ['Level'], ['Consistency'], (fields) => ({
    ...readBeginning(fields),
    Level: readLevel(fields.bytesOf('Level')),
    ...fields.ifThere('Consistency', LogConsistency),
  }))
}

function beginning({
  Checkpoint,
  Last: last,
  Consistency,
}: ProvenAnswer & { readonly Consistency?: LogConsistency | undefined }): Map<CborKey, Encodable> {
  const map = new Map<CborKey, Encodable>([
    ['Checkpoint', SignedCheckpoint.write(Checkpoint)],
    ['Last', Last.write(last)],
  ])
  if (Consistency !== undefined) map.set('Consistency', LogConsistency.write(Consistency))
  return map
}

function readBeginning(fields: AnswerFields): ProvenAnswer {
  return { Checkpoint: fields.read('Checkpoint', SignedCheckpoint), Last: fields.read('Last', Last) }
}

/** The fields of an answer as the bytes that they are. */
class AnswerFields {
  private readonly bytes: Uint8Array
  private readonly spans: ReadonlyMap<string, Span>

  constructor(bytes: Uint8Array, spans: ReadonlyMap<string, Span>) {
    this.bytes = bytes
    this.spans = spans
  }

  bytesOf(name: string): Uint8Array {
    const { start, end } = this.spans.get(name)!
    return this.bytes.subarray(start, end)
  }

  read<T>(name: string, schema: Parameters<typeof readDeterministic<T>>[0]): T {
    return readDeterministic(schema, this.bytesOf(name), name)
  }

  ifThere<const N extends string, T>(
    name: N,
    schema: Parameters<typeof readDeterministic<T>>[0],
  ): { readonly [K in N]?: T } {
    return (this.spans.has(name) ? { [name]: this.read(name, schema) } : {}) as { readonly [K in N]?: T }
  }
}

/** `needed` beside Checkpoint and Last. */
function readAnswer<T>(
  where: string,
  bytes: Uint8Array,
  needed: readonly string[],
  allowed: readonly string[],
  read: (fields: AnswerFields) => T,
): T {
  return reading(where, () => {
    checkDeterministic(bytes)
    const spans = mapFields(bytes, 0)
    const all = ['Checkpoint', 'Last', ...needed]
    for (const name of all) if (!spans.has(name)) throw new ProofPayloadError(where, `${name} is missing`)
    for (const name of spans.keys())
      if (!all.includes(name) && !allowed.includes(name))
        throw new ProofPayloadError(where, `an unknown field ${JSON.stringify(name.slice(0, 64))}`)
    return read(new AnswerFields(bytes, spans))
  })
}
