/**
 * A tlog-proof (PROOFS §8; C2SP tlog-proof@v1): that a statement is in the log of a note, as one text. It carries the
 * order receipt and the binding in its `extra` where they fit.
 *
 * Tests: test/notes/tlog-proof.test.ts, test/notes/note-kat.test.ts
 */

import { fromBase64, toBase64 } from '../bytes/base64.js'
import { readDeterministic } from '../codec/deterministic.js'
import { encode } from '../codec/encode.js'
import { bytes, SchemaError, tuple, type Infer } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { TLOG_EXTRA_BYTES_MAX, TLOG_PROOF_BYTES_MAX } from '../limits.js'
import { SignedBinding, type VerifiedBinding } from './binding.js'
import { NoteError } from './note-error.js'
import { readDecimal, verifyNote, type VerifiedNote } from './signed-note.js'
import { requireInclusion, requireIndexOf } from './statement.js'

const FIRST_LINE = 'c2sp.org/tlog-proof@v1'

/** `[Receipt bytes, binding]`: what stands in `extra`, or beside the proof where it is too long. */
export const TlogExtra = tuple(bytes(1, Number.MAX_SAFE_INTEGER), SignedBinding)
export type TlogExtra = Infer<typeof TlogExtra>

/** A proof as it is read; nothing of it has been checked. */
export interface TlogProof {
  /** Of the leaf, 0 …: the set's seq − 1. */
  readonly index: bigint
  /** 32 bytes each, bottom-up. */
  readonly path: readonly Uint8Array[]
  /** The signed note with its cosignatures. */
  readonly note: string
  readonly extra?: Uint8Array | undefined
}

/** What a proof shows: the statement is number Seq of the log of this note. */
export interface VerifiedTlogProof {
  readonly note: VerifiedNote
  readonly index: bigint
}

/**
 * The text of a proof. `extra` above 48,000 bytes is refused with RangeError: it is written beside the proof.
 *
 * @example
 * ```ts
 * import { readTlogProof, writeTlogProof } from 'cairn-relay/notes'
 *
 * const text = writeTlogProof({ index: 4n, path: [new Uint8Array(32)], note: 'a note\n\n' })
 * console.log(text.split('\n')[1], readTlogProof(text).path.length) // index 4 1
 * ```
 */
export function writeTlogProof({ index, path, note, extra }: TlogProof): string {
  if (extra !== undefined && extra.length > TLOG_EXTRA_BYTES_MAX)
    throw new RangeError(`extra of ${extra.length} bytes, more than ${TLOG_EXTRA_BYTES_MAX}`)
  const extraLine = extra === undefined ? [] : [`extra ${toBase64(extra)}`]
  return [FIRST_LINE, ...extraLine, `index ${index}`, ...path.map(toBase64), '', note].join('\n')
}

/**
 * Reads a proof, as strictly as it is written. Throws NoteError 'form', 'index'.
 *
 * @example
 * ```ts
 * import { readTlogProof, type NoteError } from 'cairn-relay/notes'
 *
 * try {
 *   readTlogProof('c2sp.org/tlog-proof@v1\nindex 04\n\na note\n')
 * } catch (error) {
 *   console.log((error as NoteError).code) // index
 * }
 * ```
 */
export function readTlogProof(text: string): TlogProof {
  if (text.length > TLOG_PROOF_BYTES_MAX)
    throw new NoteError('form', `a tlog-proof of more than ${TLOG_PROOF_BYTES_MAX} characters`)
  if (text.startsWith(`${FIRST_LINE}\r\n`))
    throw new NoteError('form', 'its lines end with CR LF: take it as it was written, with LF alone')
  if (!isTlogProof(text)) throw new NoteError('form', `a tlog-proof begins with ${FIRST_LINE}`)
  const end = text.indexOf('\n\n')
  if (end < 0) throw new NoteError('form', 'a tlog-proof has an empty line before its note')
  const lines = text.slice(FIRST_LINE.length + 1, end).split('\n')
  const extra = lines[0]!.startsWith('extra ') ? readExtraLine(lines.shift()!) : undefined
  const index = readIndexLine(lines.shift() ?? '')
  const path = lines.map(readPathLine)
  return { index, path, note: text.slice(end + 2), ...(extra === undefined ? {} : { extra }) }
}

/** Whether a text says of itself that it is a tlog-proof of the version that is known. */
export function isTlogProof(text: string): boolean {
  return text.startsWith(`${FIRST_LINE}\n`) || text.startsWith(`${FIRST_LINE}\r\n`)
}

/**
 * Returns what a proof shows, if the statement (bytes B(n)) is in the log of its note, and the note is signed with the
 * note key of the binding. The proof's extra is not looked at. Throws NoteError.
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
 * const statement = notes.logLeafBytes({ Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) })
 * const head = { size: 1n, root: notes.treeLeafHash(statement) }
 * const note = notes.signNote(Origin, head, new Uint8Array(32).fill(9))
 * const proof = notes.writeTlogProof({ index: 0n, path: [], note })
 * console.log(notes.verifyTlogProof(proof, statement, binding).note.size) // 1n
 * ```
 */
export function verifyTlogProof(text: string, statement: Uint8Array, binding: VerifiedBinding): VerifiedTlogProof {
  const { index, path, note: noteOfProof } = readTlogProof(text)
  // Whose statement it is comes before whose note.
  requireIndexOf(statement, index)
  const note = verifyNote(noteOfProof, binding)
  requireInclusion(statement, index, note, path)
  return { note, index }
}

/**
 * The bytes of extra: deterministic CBOR.
 *
 * @example
 * ```ts
 * import { encodeTlogExtra } from 'cairn-relay/notes'
 *
 * console.log(encodeTlogExtra([Uint8Array.of(1), [Uint8Array.of(2), new Uint8Array(65)]]).length) // 73
 * ```
 */
export function encodeTlogExtra(extra: TlogExtra): Uint8Array {
  return encode(TlogExtra.write(extra))
}

/**
 * Reads extra, of which nothing has been checked yet. Throws NoteError 'form'.
 *
 * @example
 * ```ts
 * import { decodeTlogExtra, encodeTlogExtra } from 'cairn-relay/notes'
 *
 * const bytes = encodeTlogExtra([Uint8Array.of(1), [Uint8Array.of(2), new Uint8Array(65)]])
 * console.log(decodeTlogExtra(bytes)[0]) // Uint8Array(1) [ 1 ]
 * ```
 */
export function decodeTlogExtra(received: Uint8Array): TlogExtra {
  try {
    return readDeterministic(TlogExtra, received, 'extra')
  } catch (cause) {
    if (!(cause instanceof SchemaError || cause instanceof CborError)) throw cause
    throw new NoteError('form', `extra is no [Receipt, binding]: ${cause.message}`, { cause })
  }
}

function readExtraLine(line: string): Uint8Array {
  const extra = fromBase64(line.slice('extra '.length))
  if (extra === undefined) throw new NoteError('form', 'the extra of a tlog-proof is base64')
  return extra
}

function readIndexLine(line: string): bigint {
  if (!line.startsWith('index ')) throw new NoteError('form', 'a tlog-proof has a line with its index')
  const index = readDecimal(line.slice('index '.length))
  if (index === undefined)
    throw new NoteError('index', `an index is a number without leading zeros: ${JSON.stringify(line.slice(0, 100))}`)
  return index
}

function readPathLine(line: string): Uint8Array {
  const hash = fromBase64(line)
  if (hash?.length !== 32)
    throw new NoteError('form', `a line of a path is 32 bytes in base64, not ${JSON.stringify(line.slice(0, 100))}`)
  return hash
}
