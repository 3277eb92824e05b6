/**
 * What the lying relay makes of a message: the same message of a forged book, or with one part changed. Everything is
 * signed anew where the relay's key has to.
 */

import { sha256 } from '../../src/bytes/hash.node.js'
import { compareBytes } from '../../src/bytes/bytes.js'
import { be64 } from '../../src/bytes/bytes.js'
import { CborTime } from '../../src/codec/value.js'
import { encode } from '../../src/codec/encode.js'
import { encodeLevel, STATE_COLLECTIONS, type StateCollection } from '../../src/merkle/state-level.js'
import { questionName, type StateQuestion } from '../../src/merkle/state-question.js'
import { Last } from '../../src/proofs/checkpoint-form.js'
import {
  decodeCheckpoint,
  decodeLogConsistency,
  encodeLogConsistency,
  type Checkpoint,
  type LogConsistency,
} from '../../src/proofs/checkpoint.js'
import type { CheckpointPush, Message, PushRequest, Request, SnapshotPush } from '../../src/wire/messages.js'
import {
  encodeCheckpointAnswer,
  encodeLogProofAnswer,
  encodeStateProofAnswer,
  readCheckpointAnswer,
  readLogProofAnswer,
  readStateProofAnswer,
  type CheckpointAnswer,
  type LogProofAnswer,
  type ProvenAnswer,
  type StateProofAnswer,
} from '../../src/wire/proof-payloads.js'
import {
  encodeSnapshotObject,
  readSnapshotObject,
  readStateQuestion,
  type SnapshotObject,
} from '../../src/wire/snapshot-payloads.js'
import { decodeSet, encodeSet, type PushedSet } from '../../src/wire/pushed-set.js'
import type { Lie } from '../fixtures/lying-proxy.js'
import { RELAY_SECRET, signed, type Book, type MadeCheckpoint } from './book.js'

/** What the client gets instead of a push's set: others, or nothing. */
export type SetLie = (set: PushedSet) => readonly PushedSet[]

/** A lie that changes pushed sets alone. */
export function sets(change: SetLie): Lie {
  return (message) => (message.kind === 'push' ? pushOf(message, message.sets.map(decodeSet).flatMap(change)) : message)
}

/** The same push with other sets; nothing where none is left. */
export function pushOf(push: PushRequest, list: readonly PushedSet[]): Message | undefined {
  return list.length === 0 ? undefined : { ...push, sets: list.map(encodeSet) }
}

/** A lie that changes pushed checkpoints alone. */
export function checkpoints(change: (push: CheckpointPush) => Message | readonly Message[] | undefined): Lie {
  return (message) => (message.kind === 'checkpointPush' ? change(message) : message)
}

/** A lie that changes pushes of snapshots alone. */
export function snapshots(change: (push: SnapshotPush) => Message | readonly Message[] | undefined): Lie {
  return (message) => (message.kind === 'snapshotPush' ? change(message) : message)
}

/** A lie that changes the objects of a snapshot. */
export function objects(change: (list: readonly SnapshotObject[]) => readonly SnapshotObject[]): Lie {
  return snapshots((push) => ({
    ...push,
    objects: change(push.objects.map(readSnapshotObject)).map(encodeSnapshotObject),
  }))
}

/** Lies in answers, by what was asked. */
export interface AnswerLies {
  readonly stateProof?: (
    answer: StateProofAnswer,
    asked: readonly StateQuestion[],
    myOrders: boolean,
  ) => StateProofAnswer
  readonly logProof?: (answer: LogProofAnswer, seq: bigint) => LogProofAnswer
  readonly checkpoint?: (answer: CheckpointAnswer) => CheckpointAnswer
}

export function answers(lies: AnswerLies): Lie {
  return (message, asked) => {
    if (message.kind !== 'response' || message.error !== undefined || asked === undefined) return message
    const payload = changedAnswer(message.payload, asked, lies)
    return payload === undefined ? message : { ...message, payload }
  }
}

function changedAnswer(payload: Uint8Array, asked: Request, lies: AnswerLies): Uint8Array | undefined {
  if (asked.kind === 'stateProof' && lies.stateProof !== undefined) {
    const questions = asked.objects.map(readStateQuestion)
    return encodeStateProofAnswer(lies.stateProof(readStateProofAnswer(payload), questions, asked.myOrders))
  }
  if (asked.kind === 'logProof' && lies.logProof !== undefined)
    return encodeLogProofAnswer(lies.logProof(readLogProofAnswer(payload), asked.seq))
  if (asked.kind === 'checkpoint' && lies.checkpoint !== undefined)
    return encodeCheckpointAnswer(lies.checkpoint(readCheckpointAnswer(payload)))
  return undefined
}

/** One lie after the other: what one leaves is told to the next. */
export function all(...lies: readonly Lie[]): Lie {
  return (message, asked) =>
    lies.reduce<readonly Message[]>((said, lie) => said.flatMap((one) => listOf(lie(one, asked))), [message])
}

export function listOf(said: Message | readonly Message[] | undefined): readonly Message[] {
  if (said === undefined) return []
  return Array.isArray(said) ? (said as readonly Message[]) : [said as Message]
}

/** The signed pair with other fields. */
export function resigned(
  checkpoint: Uint8Array,
  changes: (fields: Checkpoint) => Partial<Checkpoint>,
  secret: Uint8Array = RELAY_SECRET,
): [checkpoint: Uint8Array, signature: Uint8Array] {
  const fields = decodeCheckpoint(checkpoint)
  const [bytes, signature] = signed({ ...fields, ...changes(fields) }, secret)
  return [bytes, signature]
}

/** A pushed checkpoint with other fields, signed anew. */
export function recast(
  push: CheckpointPush,
  changes: (fields: Checkpoint) => Partial<Checkpoint>,
  secret?: Uint8Array,
): CheckpointPush {
  const [checkpoint, signature] = resigned(push.checkpoint, changes, secret)
  return { ...push, checkpoint, signature }
}

export const seqOf = (checkpoint: Uint8Array): bigint => decodeCheckpoint(checkpoint).Seq
export const later = (seconds: bigint): Partial<Checkpoint> => ({
  Timestamp: new CborTime(BigInt(Math.floor(Date.now() / 1_000)) + seconds),
})
export const encodeLast = (last: ProvenAnswer['Last']): Uint8Array => encode(Last.write(last))

/** Everything that carries a checkpoint, or is proven by one, as the book has it. */
export function told(book: () => Book): Lie {
  return (message, asked) => {
    if (message.kind === 'checkpointPush') return toldPush(message, book())
    if (message.kind === 'snapshotPush') return toldSnapshot(message, book())
    return toldAnswer(book)(message, asked)
  }
}

function made(book: Book, checkpoint: Uint8Array): MadeCheckpoint {
  const { Seq, Timestamp } = decodeCheckpoint(checkpoint)
  return book.checkpoint(Seq, { Timestamp })
}

function toldConsistency(book: Book, honest: Uint8Array): Uint8Array {
  if (honest.length === 0) return honest
  const [from, to] = decodeLogConsistency(honest)
  return encodeLogConsistency(book.consistency(from, to))
}

function toldPush(push: CheckpointPush, book: Book): CheckpointPush {
  const { signed, last, level } = made(book, push.checkpoint)
  const [checkpoint, signature] = signed
  const parts = { checkpoint, signature, last: encodeLast(last), level: encodeLevel(level) }
  return { ...push, ...parts, consistency: toldConsistency(book, push.consistency) }
}

function toldSnapshot(push: SnapshotPush, book: Book): SnapshotPush {
  if (push.checkpoint.length === 0) throw new Error('a snapshot of more than one push')
  const { signed, last, level } = made(book, push.checkpoint)
  const [checkpoint, signature] = signed
  const parts = { checkpoint, signature, lastLeaf: encodeLast(last), level: encodeLevel(level) }
  const list = toldObjects(push.objects.map(readSnapshotObject), book, seqOf(checkpoint))
  const consistency = toldConsistency(book, push.consistency)
  return { ...push, ...parts, consistency, objects: list.map(encodeSnapshotObject) }
}

/** Of a collection that came whole all that the book has, of others those that came. */
function toldObjects(came: readonly SnapshotObject[], book: Book, seq: bigint): SnapshotObject[] {
  const names = new Set(came.map(({ question }) => questionName(question)))
  const isStaff = came.some(({ question }) => question[0] === 'Cards')
  return (['Manifest', ...STATE_COLLECTIONS] as const).flatMap((name: StateCollection | 'Manifest') => {
    const mine = came.filter(({ question }) => question[0] === name)
    const isWhole = name === 'Orders' ? isStaff : mine.length > 1
    const list = book.objects(seq, name).filter(({ question }) => isWhole || names.has(questionName(question)))
    return list.map((object) => {
      const piece = mine.find(({ more, question }) => more !== undefined && sameQuestion(question, object.question))
      return piece === undefined ? object : { ...object, more: false }
    })
  })
}

function sameQuestion(a: StateQuestion, b: StateQuestion): boolean {
  return questionName(a) === questionName(b)
}

function toldAnswer(book: () => Book): Lie {
  const proven = ({ Checkpoint: [checkpoint] }: ProvenAnswer) => {
    const one = book()
    const { signed, last, level } = made(one, checkpoint)
    return { one, seq: seqOf(checkpoint), level, answer: { Checkpoint: signed, Last: last } }
  }
  return answers({
    stateProof: (answer, asked, myOrders) => {
      const { one, seq, answer: begun } = proven(answer)
      const list = answer.List ?? []
      const card = myOrders ? cardOf(one, seq, list) : []
      const orders = [...new Set(list.map(([id]) => id))].map((id): StateQuestion => ['Orders', be64(id)])
      return { ...answer, ...begun, Proofs: one.proofs(seq, myOrders ? [...card, ...orders] : asked) }
    },
    logProof: (answer, seq) => {
      const { one, seq: head, answer: begun } = proven(answer)
      const Consistency = consistencyOf(one, answer.Consistency)
      const { root } = one.set(seq)
      return {
        ...answer,
        ...begun,
        Inclusion: one.inclusion(seq, head),
        Set: one.last(seq)[0],
        StateRoot: root,
        Consistency,
      }
    },
    checkpoint: (answer) => {
      const { one, level, answer: begun } = proven(answer)
      return { ...answer, ...begun, Level: level, Consistency: consistencyOf(one, answer.Consistency) }
    },
  })
}

function consistencyOf(book: Book, honest: LogConsistency | undefined): LogConsistency | undefined {
  return honest && book.consistency(honest[0], honest[1])
}

/** The card that added the first order of the list. */
function cardOf(book: Book, seq: bigint, list: readonly (readonly [bigint, bigint])[]): StateQuestion[] {
  const at = list[0]?.[1]
  if (at === undefined || at > seq) return []
  return [['Orders', book.set(at).record.signer]]
}

/** By rising K, as a snapshot has the objects of one collection. */
export function byPlace(list: readonly SnapshotObject[]): SnapshotObject[] {
  return [...list].sort((a, b) => compareBytes(sha256(a.question[1]), sha256(b.question[1])))
}

/** Whether it is the object of that collection and id. */
export const keyIs = ({ question: [collection, key] }: SnapshotObject, name: string, id: bigint): boolean =>
  collection === name && Buffer.compare(key, be64(id)) === 0
/** A lie that leaves objects out of a snapshot. */
export const drop = (name: string, ...ids: readonly bigint[]): Lie =>
  objects((list) => list.filter((object) => !ids.some((id) => keyIs(object, name, id))))

/** A lie that changes the payloads of answers to requests of one kind. */
export function payloads(kind: Request['kind'], change: (payload: Uint8Array) => Uint8Array): Lie {
  return (message, asked) =>
    message.kind === 'response' && message.error === undefined && asked?.kind === kind && message.payload.length > 0
      ? { kind: 'response', payload: change(message.payload) }
      : message
}
