/**
 * The forms of a proof that other people's tools read (PROOFS §8), made of a shop's log and read again from the relay's
 * address alone: binding, then note or COSE receipt, then root, then statement.
 *
 * Tests: test/notes/forms.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { PROOF_FORM_BYTES_MAX, TLOG_EXTRA_BYTES_MAX } from '../limits.js'
import { treeInclusionPath, treeRoot, type ReadSubtree } from '../merkle/rfc6962.js'
import { requireIdentity, type LogIdentity } from '../proofs/checkpoint-form.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { logLeafBytes, type LogLeaf } from '../proofs/log-leaf.js'
import {
  decodeBinding,
  decodeSignedBinding,
  encodeSignedBinding,
  verifyBinding,
  type SignedBinding,
  type VerifiedBinding,
} from './binding.js'
import { isCoseSign1, signCoseReceipt, verifyCoseReceipt } from './cose-receipt.js'
import { requireCosignatures, type Cosignature, type WitnessPolicy } from './cosignature.js'
import { NoteError, type NoteErrorCode } from './note-error.js'
import type { VerifiedNote } from './signed-note.js'
import {
  decodeTlogExtra,
  encodeTlogExtra,
  isTlogProof,
  type TlogProof,
  readTlogProof,
  verifyTlogProof,
  writeTlogProof,
} from './tlog-proof.js'

export { type VerifiedCheckpoint } from '../proofs/checkpoint-form.js'
export { logLeafBytes, type LogLeaf } from '../proofs/log-leaf.js'
export {
  rootFromInclusion,
  rootOfPeaks,
  TreeAppender,
  treeConsistency,
  treeInclusionPath,
  treeLeafHash,
  treeNodeHash,
  treePeaks,
  treeRoot,
  verifyTreeConsistency,
  verifyTreeInclusion,
  type ReadSubtree,
  type Subtree,
  type SubtreeNode,
  type TreeHead,
} from '../merkle/rfc6962.js'
export {
  decodeBinding,
  decodeSignedBinding,
  encodeBinding,
  encodeSignedBinding,
  signBinding,
  verifyBinding,
  type NoteBinding,
  type SignedBinding,
  type VerifiedBinding,
} from './binding.js'
export { signCoseReceipt, verifyCoseReceipt, verifyCoseReceiptUnder, type VerifiedCoseReceipt } from './cose-receipt.js'
export {
  readWitnessKey,
  requireCosignatures,
  verifiedCosignatures,
  type Cosignature,
  type WitnessKey,
  type WitnessPolicy,
} from './cosignature.js'
export { NoteError, type NoteErrorCode } from './note-error.js'
export {
  evidenceOfTwoBindings,
  evidenceOfTwoNotes,
  evidenceOfTwoStatements,
  evidenceOfTwoTrees,
  type NoteEvidenceKind,
  type NoteJudgement,
  type ShownStatement,
} from './note-evidence.js'
export { originOf, readOrigin, requireOriginOf, type OriginParts, type OriginShop } from './origin.js'
export {
  noteKeyId,
  noteText,
  signNote,
  verifierKey,
  verifyNote,
  type SignatureLine,
  type VerifiedNote,
} from './signed-note.js'
export { readStatement } from './statement.js'
export {
  decodeTlogExtra,
  encodeTlogExtra,
  readTlogProof,
  verifyTlogProof,
  writeTlogProof,
  type TlogExtra,
  type TlogProof,
  type VerifiedTlogProof,
} from './tlog-proof.js'

/** A tlog-proof, and what stands beside it where its extra would be too long. */
export interface MadeTlogProof {
  readonly proof: string
  /** Files to be written beside the proof; undefined where both are in it. */
  readonly beside?: { readonly receipt: Uint8Array; readonly binding: Uint8Array } | undefined
}

/**
 * The tlog-proof of set `seq` under the note of the log of `size` sets. `receipt`: the order receipt whose last set it
 * is; `note`: with its cosignatures. Where receipt and binding pass 48,000 bytes they are given beside the proof;
 * without a receipt the binding is left out too.
 *
 * @example
 * ```ts
 * import { tlogProofOf } from 'cairn-relay/notes'
 *
 * const leaf = new Uint8Array(32).fill(7)
 * const shop = { binding: [Uint8Array.of(1), new Uint8Array(65)] as const, read: () => leaf }
 * const { proof } = tlogProofOf({ seq: 1, size: 1, note: 'a note', receipt: Uint8Array.of(1), ...shop })
 * console.log(proof.split('\n')[2]) // index 0
 * ```
 */
export function tlogProofOf(of: {
  readonly seq: number
  readonly size: number
  readonly note: string
  readonly receipt?: Uint8Array | undefined
  readonly binding: SignedBinding
  readonly read: ReadSubtree
}): MadeTlogProof {
  const index = BigInt(of.seq - 1)
  const path = treeInclusionPath(of.seq - 1, of.size, of.read)
  if (of.receipt === undefined) return { proof: writeTlogProof({ index, path, note: of.note }) }
  return withExtra({ index, path, note: of.note }, of.receipt, of.binding)
}

/**
 * A tlog-proof without extra, as a relay gives it over HTTP, with the order receipt whose last set it proves and the
 * binding put into it; beside it where they pass 48,000 bytes. Throws NoteError for a text that is no proof.
 *
 * @example
 * ```ts
 * import { addReceipt, readTlogProof, writeTlogProof } from 'cairn-relay/notes'
 *
 * const fetched = writeTlogProof({ index: 0n, path: [], note: 'a note' })
 * const { proof } = addReceipt(fetched, Uint8Array.of(1), [Uint8Array.of(2), new Uint8Array(65)])
 * console.log(readTlogProof(proof).extra?.length) // 73
 * ```
 */
export function addReceipt(proof: string, receipt: Uint8Array, binding: SignedBinding): MadeTlogProof {
  return withExtra(readTlogProof(proof), receipt, binding)
}

function withExtra({ index, path, note }: TlogProof, receipt: Uint8Array, binding: SignedBinding): MadeTlogProof {
  const extra = encodeTlogExtra([receipt, binding])
  if (extra.length <= TLOG_EXTRA_BYTES_MAX) return { proof: writeTlogProof({ index, path, note, extra }) }
  const beside = { receipt, binding: encodeSignedBinding(binding) }
  return { proof: writeTlogProof({ index, path, note }), beside }
}

/** A COSE receipt and the files that stand beside it: NAME.statement and NAME.binding. */
export interface MadeCoseReceipt {
  readonly receipt: Uint8Array
  readonly statement: Uint8Array
  readonly binding: Uint8Array
}

/**
 * The COSE receipt of a set in the log of `size` sets, 2 or more. `secret` is the note key, 32 bytes; `size` has a
 * checkpoint: no other root is ever signed. Throws NoteError 'form' for a log of one set.
 *
 * @example
 * ```ts
 * import { coseReceiptOf, encodeBinding, originOf } from 'cairn-relay/notes'
 *
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const Origin = originOf({ host: 'relay.example', ...shop, generation: 1 })
 * const bytes = encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin, NoteKey: new Uint8Array(32) })
 * const leaf = { Seq: 2n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) }
 * const log = { size: 2, read: () => new Uint8Array(32), secret: new Uint8Array(32).fill(9) }
 * console.log(coseReceiptOf({ leaf, binding: [bytes, new Uint8Array(65)], ...log }).statement.length) // 88
 * ```
 */
export function coseReceiptOf(of: {
  readonly leaf: LogLeaf
  readonly size: number
  readonly binding: SignedBinding
  readonly read: ReadSubtree
  readonly secret: Uint8Array
}): MadeCoseReceipt {
  const index = of.leaf.Seq - 1n
  const path = treeInclusionPath(Number(index), of.size, of.read)
  const head = { size: BigInt(of.size), root: treeRoot(of.size, of.read) }
  const receipt = signCoseReceipt({ index, path }, head, decodeBinding(of.binding[0]), of.secret)
  return { receipt, statement: logLeafBytes(of.leaf), binding: encodeSignedBinding(of.binding) }
}

/** What a verified order receipt (PROOFS §6) says of its log. */
export interface ReceiptFacts extends LogIdentity {
  /** Of its checkpoint. */
  readonly checkpointSeq: bigint
  /** Of its last set: Set is SHA-256(header ‖ signature). */
  readonly last: LogLeaf
}

/** What a form is verified with. */
export interface FormContext {
  /** Addresses of the relay's keys, 20 bytes each: several after a rotation. None: nothing can be said. */
  readonly relays: readonly Uint8Array[]
  /** NAME.binding, where it stands beside the form. */
  readonly binding?: Uint8Array | undefined
  /** NAME.statement, B(n). */
  readonly statement?: Uint8Array | undefined
  /** The order receipt, where it stands beside the form. */
  readonly receipt?: Uint8Array | undefined
  /** Whose cosignatures the note of a tlog-proof has to have; left out, those below it are not looked at. */
  readonly witnesses?: WitnessPolicy | undefined
  /** Verifies an order receipt whole (PROOFS §6), and throws what it throws. */
  readonly verifyReceipt: (receipt: Uint8Array) => ReceiptFacts
}

/**
 * matches: what: an order, by its receipt, or that this set is in the log and nothing of an order; sizeProven is false
 * of a COSE receipt · cannot-say: no binding, or none by these keys (unknown-key), no statement, or a newer format ·
 * does-not-match · unreadable: no such form.
 */
export type FormVerdict =
  | {
      readonly outcome: 'matches'
      readonly form: 'tlog-proof' | 'cose'
      readonly what: 'order' | 'set'
      readonly binding: VerifiedBinding
      readonly seq: bigint
      readonly size: bigint
      readonly sizeProven: boolean
      readonly root: Uint8Array
      /** Of a tlog-proof. */
      readonly note?: VerifiedNote | undefined
      /** One of each witness that the caller knows and that cosigned; undefined where he named none. */
      readonly cosignatures?: readonly Cosignature[] | undefined
      readonly message: string
    }
  | {
      readonly outcome: 'cannot-say'
      readonly why: 'unknown-key' | 'newer-format' | 'no-statement'
      readonly message: string
    }
  | { readonly outcome: 'does-not-match' | 'unreadable'; readonly code: NoteErrorCode; readonly message: string }

/**
 * Which form bytes say that they are: a tlog-proof of any version, a COSE_Sign1; undefined for none of them.
 *
 * @example
 * ```ts
 * import { formOf } from 'cairn-relay/notes'
 *
 * const proof = new TextEncoder().encode('c2sp.org/tlog-proof@v1\n')
 * console.log(formOf(proof), formOf(new Uint8Array(0))) // tlog-proof undefined
 * ```
 */
export function formOf(received: Uint8Array): 'tlog-proof' | 'cose' | undefined {
  if (isCoseSign1(received)) return 'cose'
  return textOf(received.subarray(0, NAME.length)) === NAME ? 'tlog-proof' : undefined
}

const NAME = 'c2sp.org/tlog-proof@v'

/**
 * Verifies a tlog-proof or COSE receipt from the relay's addresses alone. An order receipt in it, or beside it, is
 * verified whole by `verifyReceipt`, whose errors go through.
 *
 * @example
 * ```ts
 * import { verifyForm } from 'cairn-relay/notes'
 *
 * const proof = new TextEncoder().encode('c2sp.org/tlog-proof@v2\n')
 * const verifyReceipt = () => {
 *   throw new Error('there is none')
 * }
 * console.log(verifyForm(proof, { relays: [], verifyReceipt }).outcome) // cannot-say
 * ```
 */
export function verifyForm(received: Uint8Array, context: FormContext): FormVerdict {
  try {
    const form = formOf(received)
    if (form === undefined) throw new NoteError('form', 'neither a tlog-proof nor a COSE receipt')
    if (received.length > PROOF_FORM_BYTES_MAX)
      throw new NoteError('form', `${received.length} bytes, at most ${PROOF_FORM_BYTES_MAX} are read`)
    return form === 'cose' ? verifyCose(received, context) : verifyTlog(received, context)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    return verdictOf(error)
  }
}

/** Codes of what cannot be read, of which nothing is said but that. */
const UNREADABLE: ReadonlySet<NoteErrorCode> = new Set(['form', 'fields', 'lines', 'size', 'root', 'index', 'tag'])

function verdictOf({ code, message }: NoteError): FormVerdict {
  if (code === 'version') return { outcome: 'cannot-say', why: 'newer-format', message }
  return { outcome: UNREADABLE.has(code) ? 'unreadable' : 'does-not-match', code, message }
}

function verifyTlog(received: Uint8Array, context: FormContext): FormVerdict {
  const text = textOf(received)
  if (text === undefined) throw new NoteError('form', 'a tlog-proof is UTF-8')
  if (!isTlogProof(text)) {
    const [first = ''] = text.split('\n')
    throw new NoteError('version', `a proof of the format ${JSON.stringify(first)}, not tlog-proof@v1`)
  }
  const { extra } = readTlogProof(text)
  const [receiptInside, bindingInside] = extra === undefined ? [] : decodeTlogExtra(extra)
  const receipt = receiptInside ?? context.receipt
  const signed = bindingInside ?? (context.binding && decodeSignedBinding(context.binding))
  const binding = boundBy(signed, context)
  if ('outcome' in binding) return binding
  const facts = receipt && context.verifyReceipt(receipt)
  const statement = statementOf(context, facts)
  if (statement === undefined) return noStatement
  const { note, index } = verifyTlogProof(text, statement, binding)
  if (facts !== undefined) requireReceipt(facts, binding, note.size)
  const cosignatures = context.witnesses && requireCosignatures(note, context.witnesses)
  const { size, root } = note
  return matches('tlog-proof', facts, { binding, seq: index + 1n, size, root, note, cosignatures, sizeProven: true })
}

function verifyCose(received: Uint8Array, context: FormContext): FormVerdict {
  if (context.witnesses !== undefined && context.witnesses.atLeast > 0)
    throw new NoteError('witnesses', 'a COSE receipt carries no cosignatures: they stand in a tlog-proof')
  const binding = boundBy(context.binding && decodeSignedBinding(context.binding), context)
  if ('outcome' in binding) return binding
  const facts = context.receipt && context.verifyReceipt(context.receipt)
  const statement = statementOf(context, facts)
  if (statement === undefined) return noStatement
  const { root, index, size } = verifyCoseReceipt(received, statement, binding)
  if (facts !== undefined) requireReceipt(facts, binding, size)
  return matches('cose', facts, { binding, seq: index + 1n, size, root, sizeProven: false })
}

type Shown = Omit<Extract<FormVerdict, { outcome: 'matches' }>, 'outcome' | 'form' | 'what' | 'message'>

function matches(form: 'tlog-proof' | 'cose', facts: ReceiptFacts | undefined, shown: Shown): FormVerdict {
  const set = `set ${shown.seq} is in the log of ${shown.binding.fields.Origin}`
  const message = facts === undefined ? `this ${set}; nothing is said of an order` : `the order's last ${set}`
  return { outcome: 'matches', form, what: facts === undefined ? 'set' : 'order', ...shown, message }
}

const noStatement: FormVerdict = {
  outcome: 'cannot-say',
  why: 'no-statement',
  message: 'there is neither an order receipt nor a statement: of what this is a proof is not known',
}

/** The binding that one of the relay's keys signed; else why nothing can be said. */
function boundBy(signed: SignedBinding | undefined, { relays }: FormContext): VerifiedBinding | FormVerdict {
  const cannotSay = (message: string): FormVerdict => ({ outcome: 'cannot-say', why: 'unknown-key', message })
  if (signed === undefined) return cannotSay('there is no binding: whose note key this is, is not known')
  if (relays.length === 0) return cannotSay('no address of a relay is given: whose binding this is, is not known')
  return verifyBinding(signed, relays)
}

/** B(n): of the receipt's last set, or as it stands beside the form; where both are there they are the same. */
function statementOf({ statement }: FormContext, facts: ReceiptFacts | undefined): Uint8Array | undefined {
  if (facts === undefined) return statement
  const ofReceipt = logLeafBytes(facts.last)
  if (statement === undefined || equalBytes(statement, ofReceipt)) return ofReceipt
  throw new NoteError('receipt', `the statement is not that of the receipt's last set ${facts.last.Seq}`)
}

/** The receipt is of the binding's shop and relay, and of the note's Seq. */
function requireReceipt(facts: ReceiptFacts, { fields }: VerifiedBinding, size: bigint): void {
  try {
    requireIdentity(facts, fields)
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause
    throw new NoteError('receipt', `the receipt is of another log than the binding: ${cause.message}`, { cause })
  }
  if (facts.checkpointSeq !== size) {
    const [found, wanted] = [`${facts.checkpointSeq}`, `${size}`]
    throw new NoteError('receipt', `the receipt's checkpoint is of set ${found}, the note of ${wanted}`, {
      found,
      wanted,
    })
  }
}

/** Undefined where it is not UTF-8. */
function textOf(received: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(received)
  } catch {
    return undefined
  }
}
