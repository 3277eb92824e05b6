/**
 * A shop's log as a signed note (PROOFS §8; C2SP signed-note, tlog-checkpoint): origin, size, root, and below an empty
 * line one signature of the log, then cosignatures of witnesses. Text and signature follow from log and key: the same
 * note every time. Read as strictly as it is written.
 *
 * Tests: test/notes/signed-note.test.ts, test/notes/note-kat.test.ts
 */

import { sha256 } from '#hash'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { concatBytes, equalBytes, utf8 } from '../bytes/bytes.js'
import { ed25519PublicKey, ed25519Sign, ed25519Verify } from '../bytes/ed25519.js'
import { toHex } from '../bytes/hex.js'
import { COSIGNATURES_PER_NOTE_MAX } from '../limits.js'
import { LEAF_COUNT_MAX } from '../merkle/mmr-index.js'
import type { TreeHead } from '../merkle/rfc6962.js'
import type { VerifiedBinding } from './binding.js'
import { NoteError } from './note-error.js'
import { readOrigin } from './origin.js'

/** Types of keys in C2SP signed-note. */
const ED25519 = 0x01
const DASH = '\u2014 '
/** White space, control characters and `+`: no key's name has them. */
const REFUSED_IN_NAME = /[\s\p{Cc}\p{Z}+]/u
const DECIMAL = /^(?:0|[1-9][0-9]*)$/u

/** A signature line: `— name base64(key id ‖ signature)`. */
export interface SignatureLine {
  readonly name: string
  /** 4 bytes. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
  /** The line as it stands, without its end. */
  readonly line: string
}

declare const isVerified: unique symbol

/** A note that the log signed with the note key of a binding. */
export interface VerifiedNote extends TreeHead {
  readonly [isVerified]: true
  readonly binding: VerifiedBinding
  /** What is signed: three lines with their ends. */
  readonly text: string
  /** The whole note. */
  readonly note: string
  /** What stands below the log's signature; who made it is not asked. */
  readonly others: readonly SignatureLine[]
}

/**
 * The id of a key, 4 bytes: how SHA-256(name ‖ 0x0A ‖ type ‖ key) begins. Type 0x01 is a log's key, 0x04 a witness's.
 *
 * @example
 * ```ts
 * import { noteKeyId } from 'cairn-relay/notes'
 *
 * console.log(noteKeyId('relay.example', 0x01, new Uint8Array(32)).length) // 4
 * ```
 */
export function noteKeyId(name: string, type: number, key: Uint8Array): Uint8Array {
  return sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(type), key)).slice(0, 4)
}

/**
 * A key as verifiers of notes take it: `name+hash+base64(type ‖ key)`. `noteKey`: Ed25519, 32 bytes.
 *
 * @example
 * ```ts
 * import { verifierKey } from 'cairn-relay/notes'
 *
 * console.log(verifierKey('relay.example', new Uint8Array(32)).slice(0, 23)) // relay.example+bed06255+
 * ```
 */
export function verifierKey(origin: string, noteKey: Uint8Array): string {
  const key = concatBytes(Uint8Array.of(ED25519), noteKey)
  return `${origin}+${toHex(noteKeyId(origin, ED25519, noteKey))}+${toBase64(key)}`
}

/**
 * The text of a note: three lines. Throws NoteError 'size' outside 1 … 2^62, 'root' unless it is 32 bytes, 'origin'.
 *
 * @example
 * ```ts
 * import { noteText, originOf } from 'cairn-relay/notes'
 *
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const origin = originOf({ host: 'relay.example', ...shop, generation: 1 })
 * console.log(noteText(origin, { size: 3n, root: new Uint8Array(32) }).split('\n')[1]) // 3
 * ```
 */
export function noteText(origin: string, { size, root }: TreeHead): string {
  readOrigin(origin)
  if (size < 1n || size > LEAF_COUNT_MAX) throw new NoteError('size', `no note is of ${size} sets`)
  if (root.length !== 32) throw new NoteError('root', `a root has 32 bytes, not ${root.length}`)
  return `${origin}\n${size}\n${toBase64(root)}\n`
}

/**
 * The note of a tree, signed by the log: the same every time. `secret` is the note key, 32 bytes. Throws NoteError.
 *
 * @example
 * ```ts
 * import { originOf, signNote } from 'cairn-relay/notes'
 *
 * const shop = { ChainID: 1n, Registry: new Uint8Array(20), ShopID: 7n }
 * const origin = originOf({ host: 'relay.example', ...shop, generation: 1 })
 * const note = signNote(origin, { size: 3n, root: new Uint8Array(32) }, new Uint8Array(32).fill(9))
 * console.log(note.split('\n').length) // 6
 * ```
 */
export function signNote(origin: string, head: TreeHead, secret: Uint8Array): string {
  const text = noteText(origin, head)
  const keyId = noteKeyId(origin, ED25519, ed25519PublicKey(secret))
  return `${text}\n${signatureLine(origin, keyId, ed25519Sign(utf8(text), secret))}\n`
}

/** `— name base64(key id ‖ signature)`, without its end. */
export function signatureLine(name: string, keyId: Uint8Array, signature: Uint8Array): string {
  return `${DASH}${name} ${toBase64(concatBytes(keyId, signature))}`
}

/**
 * A note that the log of a binding signed. Cosignatures below are not checked here: verifiedCosignatures does. Throws
 * NoteError.
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
 * const note = notes.signNote(Origin, { size: 3n, root: new Uint8Array(32) }, new Uint8Array(32).fill(9))
 * console.log(notes.verifyNote(note, binding).size) // 3n
 * ```
 */
export function verifyNote(note: string, binding: VerifiedBinding): VerifiedNote {
  const { Origin, NoteKey } = binding.fields
  const { text, head, lines } = readNote(note, Origin)
  const ofLog = lines.filter(({ name }) => name === Origin)
  const [mine] = ofLog
  if (mine === undefined) throw new NoteError('unsigned', `the note of ${head.size} sets has no signature of the log`)
  if (ofLog.length > 1)
    throw new NoteError(
      'signed-twice',
      `the note of ${head.size} sets has ${ofLog.length} signatures of the log, not 1`,
    )
  const keyId = noteKeyId(Origin, ED25519, NoteKey)
  if (!equalBytes(mine.keyId, keyId)) {
    const [found, wanted] = [toHex(mine.keyId), toHex(keyId)]
    const problem = `the note of ${head.size} sets is signed by the key ${found}, not by ${wanted}`
    throw new NoteError('key-id', problem, { found, wanted })
  }
  if (!ed25519Verify(mine.signature, utf8(text), NoteKey))
    throw new NoteError('signature', `the signature of the note of ${head.size} sets is not of the note key`)
  return { ...head, binding, text, note, others: lines.filter((line) => line !== mine) } as unknown as VerifiedNote
}

interface ReadNote {
  readonly text: string
  readonly head: TreeHead
  readonly lines: readonly SignatureLine[]
}

/** The form of a note of this origin; nothing has checked its signatures yet. */
function readNote(note: string, origin: string): ReadNote {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw new NoteError('form', 'a note is a text, an empty line and signatures')
  const text = note.slice(0, split + 1)
  const [first, size, root, ...more] = text.split('\n')
  if (root === undefined || more.length !== 1)
    throw new NoteError('lines', `a note has ${text.split('\n').length - 1} lines, not 3`)
  if (first !== origin) {
    const problem = `a note of the origin ${JSON.stringify(first)}, not ${JSON.stringify(origin)}`
    throw new NoteError('origin', problem, { found: first, wanted: origin })
  }
  const head = { size: readSize(size!), root: readRoot(root) }
  const lines = note
    .slice(split + 2)
    .split('\n')
    .slice(0, -1)
    .map(readSignatureLine)
  if (lines.length > COSIGNATURES_PER_NOTE_MAX + 1)
    throw new NoteError('cosignature', `a note with more than ${COSIGNATURES_PER_NOTE_MAX} cosignatures`)
  return { text, head, lines }
}

function readSize(text: string): bigint {
  const size = readDecimal(text)
  if (size === undefined || size < 1n || size > LEAF_COUNT_MAX)
    throw new NoteError('size', `the size of a note is a number without leading zeros, not ${JSON.stringify(text)}`)
  return size
}

function readRoot(text: string): Uint8Array {
  const root = fromBase64(text)
  if (root?.length !== 32)
    throw new NoteError('root', `the root of a note is 32 bytes in base64, not ${JSON.stringify(text)}`)
  return root
}

/** A number as decimals have it, without leading zeros and below 2^63; undefined for another text. */
export function readDecimal(text: string): bigint | undefined {
  return text.length <= 19 && DECIMAL.test(text) ? BigInt(text) : undefined
}

/** The parts of a signature line, without its end. Throws NoteError 'form'. */
export function readSignatureLine(line: string): SignatureLine {
  const [name, base64, ...more] = line.startsWith(DASH) ? line.slice(DASH.length).split(' ') : []
  const bytes = base64 === undefined || more.length > 0 ? undefined : fromBase64(base64)
  if (!name || REFUSED_IN_NAME.test(name) || bytes === undefined || bytes.length < 5)
    throw new NoteError('form', `no signature line: ${JSON.stringify(line.slice(0, 400))}`)
  return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4), line }
}
