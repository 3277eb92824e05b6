/**
 * Evidence against a relay in its notes (PROOFS §8), besides that of checkpoints (§3): what it signed under one binding
 * and an honest one never does. Each function says what was shown, or why nothing was: nobody can be accused with it
 * then.
 *
 * Tests: test/notes/note-evidence.test.ts, test/notes/note-kat.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { Accumulator } from '../merkle/accumulator.js'
import { ProofError } from '../merkle/proof-error.js'
import { TreeAppender, treeLeafHash } from '../merkle/rfc6962.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { requireIdentity, shown, type VerifiedCheckpoint } from '../proofs/checkpoint-form.js'
import { logLeafHash } from '../proofs/log-leaf.js'
import { logIndexOf, verifyLogInclusion } from '../proofs/log-proof.js'
import type { VerifiedBinding } from './binding.js'
import { NoteError } from './note-error.js'
import type { VerifiedNote } from './signed-note.js'
import { readStatement, requireInclusion } from './statement.js'

/**
 * two-roots: two notes of one size · two-statements: different B for one Seq, each in the log of a note or checkpoint ·
 * two-trees: the statements that give a note's root do not give the peaks of the checkpoint of that Seq, or the reverse
 * · two-bindings: of one origin.
 */
export type NoteEvidenceKind = 'two-roots' | 'two-statements' | 'two-trees' | 'two-bindings'

/** `nothing` says why it is none, and does not say that the relay is honest. */
export type NoteJudgement =
  | { readonly outcome: 'evidence'; readonly kind: NoteEvidenceKind; readonly message: string }
  | { readonly outcome: 'nothing'; readonly reason: string }

/**
 * Whether two bindings that one relay signed, with one key or after a rotation, are of one origin and differ.
 *
 * @example
 * ```ts
 * import * as notes from 'cairn-relay/notes'
 *
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const Origin = notes.originOf({ host: 'relay.example', ...shop, generation: 1 })
 * function bound(byte: number) {
 *   const NoteKey = new Uint8Array(32).fill(byte)
 *   const bytes = notes.encodeBinding({ Version: 1n, ...shop, Relay: 12n, Origin, NoteKey })
 *   return notes.verifyBinding(notes.signBinding(bytes, new Uint8Array(32).fill(7)), [relay])
 * }
 * console.log(notes.evidenceOfTwoBindings(bound(1), bound(2)).outcome) // evidence
 * ```
 */
export function evidenceOfTwoBindings(a: VerifiedBinding, b: VerifiedBinding): NoteJudgement {
  const { Origin } = a.fields
  if (Origin !== b.fields.Origin) return nothing('the bindings are of two origins')
  if (equalBytes(a.signed[0], b.signed[0])) return nothing('the bindings say the same')
  for (const field of ['NoteKey', 'ChainID', 'Registry', 'Relay', 'ShopID'] as const) {
    const [one, other] = [shown(a.fields[field]), shown(b.fields[field])]
    if (one !== other) return evidence('two-bindings', `two bindings of ${Origin}: ${field} is ${one}, and ${other}`)
  }
  return nothing('the bindings say the same')
}

/**
 * Whether two notes under one binding are of one size and have different roots. Throws NoteError 'origin' for notes
 * under two.
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
 * function noted(byte: number) {
 *   const head = { size: 3n, root: new Uint8Array(32).fill(byte) }
 *   return notes.verifyNote(notes.signNote(Origin, head, new Uint8Array(32).fill(9)), binding)
 * }
 * console.log(notes.evidenceOfTwoNotes(noted(1), noted(2)).outcome) // evidence
 * ```
 */
export function evidenceOfTwoNotes(a: VerifiedNote, b: VerifiedNote): NoteJudgement {
  requireOneBinding(a.binding, b.binding)
  if (a.size !== b.size) return nothing(`the notes are of ${a.size} and ${b.size} sets`)
  if (equalBytes(a.root, b.root)) return nothing(`both notes of ${a.size} sets have the same root`)
  return evidence('two-roots', `two notes of ${a.size} sets: ${prefixedHex(a.root)}, and ${prefixedHex(b.root)}`)
}

/** A statement B(n) as somebody shows it: in the log of a note, or of a checkpoint. */
export type ShownStatement = {
  readonly statement: Uint8Array
  /** The siblings that lead to the note's root, or to a peak of the checkpoint. */
  readonly path: readonly Uint8Array[]
} & ({ readonly note: VerifiedNote } | { readonly checkpoint: VerifiedCheckpoint })

/**
 * Whether one set has two statements, one in the log of a note, the other in that of another note or of a checkpoint of
 * the same shop and relay. Throws NoteError 'origin' or CheckpointError 'identity' for two shops.
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
 * function shown(byte: number) {
 *   const digest = new Uint8Array(32).fill(byte)
 *   const statement = notes.logLeafBytes({ Seq: 1n, Set: digest, StateRoot: digest })
 *   const head = { size: 1n, root: notes.treeLeafHash(statement) }
 *   const note = notes.verifyNote(notes.signNote(Origin, head, new Uint8Array(32).fill(9)), binding)
 *   return { statement, path: [], note }
 * }
 * console.log(notes.evidenceOfTwoStatements(shown(1), shown(2)).outcome) // evidence
 * ```
 */
export function evidenceOfTwoStatements(a: ShownStatement, b: ShownStatement): NoteJudgement {
  requireOneLog(a, b)
  for (const shown of [a, b]) {
    const reason = whyNotIn(shown)
    if (reason !== undefined) return nothing(reason)
  }
  const [one, other] = [readStatement(a.statement), readStatement(b.statement)]
  if (one.Seq !== other.Seq) return nothing(`the statements are of sets ${one.Seq} and ${other.Seq}`)
  for (const field of ['Set', 'StateRoot'] as const) {
    if (equalBytes(one[field], other[field])) continue
    const values = `${prefixedHex(one[field])} in ${placeOf(a)}, and ${prefixedHex(other[field])} in ${placeOf(b)}`
    return evidence('two-statements', `set ${one.Seq} has ${field} ${values}`)
  }
  return nothing(`both logs have the same statement of set ${one.Seq}`)
}

/**
 * Whether a note and the checkpoint of its Seq, of the same shop and relay, are of two logs: `statements`, all of them
 * from B(1) on in order, give one of them and not the other. Throws CheckpointError 'identity' for two shops.
 *
 * @example
 * ```ts
 * import * as notes from 'cairn-relay/notes'
 *
 * function judged(note: notes.VerifiedNote, checkpoint: notes.VerifiedCheckpoint, statements: readonly Uint8Array[]) {
 *   const judgement = notes.evidenceOfTwoTrees(note, checkpoint, statements)
 *   return judgement.outcome === 'evidence' ? judgement.message : judgement.reason
 * }
 * console.log(typeof judged) // function
 * ```
 */
export function evidenceOfTwoTrees(
  note: VerifiedNote,
  checkpoint: VerifiedCheckpoint,
  statements: Iterable<Uint8Array>,
): NoteJudgement {
  requireIdentity(checkpoint.fields, note.binding.fields)
  const { Seq, Peaks } = checkpoint.fields
  if (note.size !== Seq) return nothing(`the note is of ${note.size} sets, the checkpoint of set ${Seq}`)
  const [tree, range] = [new TreeAppender(), new Accumulator()]
  for (const statement of statements) {
    const leaf = readStatement(statement)
    if (leaf.Seq !== BigInt(tree.size + 1)) return nothing(`set ${leaf.Seq} stands in the place of ${tree.size + 1}`)
    if (leaf.Seq > Seq) return nothing(`more statements than the ${Seq} of the note`)
    tree.append(treeLeafHash(statement))
    range.append(logLeafHash(leaf))
  }
  if (BigInt(tree.size) !== Seq) return nothing(`${tree.size} statements, not the ${Seq} of the note`)
  const isOfNote = equalBytes(tree.root(), note.root)
  const isOfCheckpoint = range.peaks.every((peak, i) => equalBytes(peak, Peaks[i]!))
  if (isOfNote === isOfCheckpoint)
    return nothing(`the statements are the log of ${isOfNote ? 'both' : 'neither'}, note and checkpoint ${Seq}`)
  const [which, other] = isOfNote ? ['note', 'checkpoint'] : ['checkpoint', 'note']
  return evidence('two-trees', `the sets that the ${which} of ${Seq} signs are not those of the ${other} of ${Seq}`)
}

/** Why a statement is not in the log under which it is shown; undefined if it is. */
function whyNotIn(shown: ShownStatement): string | undefined {
  try {
    const leaf = readStatement(shown.statement)
    if ('note' in shown) requireInclusion(shown.statement, leaf.Seq - 1n, shown.note, shown.path)
    else verifyLogInclusion([logIndexOf(leaf.Seq), shown.path], leaf, shown.checkpoint.fields)
    return undefined
  } catch (error) {
    if (!(error instanceof NoteError || error instanceof ProofError)) throw error
    return `not in the log of ${placeOf(shown)}: ${error.message}`
  }
}

function placeOf(shown: ShownStatement): string {
  return 'note' in shown ? `the note of ${shown.note.size}` : `checkpoint ${shown.checkpoint.fields.Seq}`
}

/** Two checkpoints are for evidenceOfTwoLeaves. */
function requireOneLog(a: ShownStatement, b: ShownStatement): void {
  if ('note' in a && 'note' in b) requireOneBinding(a.note.binding, b.note.binding)
  else if ('note' in a && 'checkpoint' in b) requireIdentity(b.checkpoint.fields, a.note.binding.fields)
  else if ('note' in b && 'checkpoint' in a) requireIdentity(a.checkpoint.fields, b.note.binding.fields)
  else throw new CheckpointError('identity', 'one of the statements must be shown in the log of a note')
}

function requireOneBinding(a: VerifiedBinding, b: VerifiedBinding): void {
  if (equalBytes(a.signed[0], b.signed[0])) return
  throw new NoteError('origin', `the notes are under two bindings: of ${a.fields.Origin}, and ${b.fields.Origin}`)
}

function evidence(kind: NoteEvidenceKind, message: string): NoteJudgement {
  return { outcome: 'evidence', kind, message }
}

function nothing(reason: string): NoteJudgement {
  return { outcome: 'nothing', reason }
}
