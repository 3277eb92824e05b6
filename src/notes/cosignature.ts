/**
 * Cosignatures of witnesses (PROOFS §8; C2SP tlog-cosignature, tlog-witness): each says that the witness saw the note
 * at a time, and that the log only grew before it.
 *
 * Tests: test/notes/cosignature.test.ts
 */

import { fromBase64, toBase64 } from '../bytes/base64.js'
import { equalBytes, fromBigEndian, utf8 } from '../bytes/bytes.js'
import { ed25519Verify } from '../bytes/ed25519.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { COSIGNATURES_PER_NOTE_MAX } from '../limits.js'
import { NoteError } from './note-error.js'
import { noteKeyId, readSignatureLine, type SignatureLine, type VerifiedNote } from './signed-note.js'

/** The type of a witness's key in C2SP signed-note. */
const COSIGNATURE_V1 = 0x04
/** A time of 8 bytes, then the signature. */
const COSIGNATURE_BYTES = 8 + 64

/** Whose cosignatures are taken. */
export interface WitnessKey {
  readonly name: string
  /** Ed25519, 32 bytes. */
  readonly key: Uint8Array
  /** 4 bytes. */
  readonly keyId: Uint8Array
}

/** That a witness saw the log of a note. */
export interface Cosignature {
  readonly witness: WitnessKey
  /** Seconds since 1970, as the witness says. */
  readonly time: bigint
  /** The line as it stands in the note, without its end. */
  readonly line: string
}

/**
 * A witness's key, `name+hash+base64(0x04 ‖ key)`. Throws NoteError 'note-key'.
 *
 * @example
 * ```ts
 * import { readWitnessKey } from 'cairn-relay/notes'
 *
 * const witness = readWitnessKey(`witness.example+3ac253b8+BAAA${'A'.repeat(40)}`)
 * console.log(witness.name, witness.key.length) // witness.example 32
 * ```
 */
export function readWitnessKey(vkey: string): WitnessKey {
  const [, name, hash, base64] = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/u.exec(vkey) ?? []
  const typed = base64 === undefined ? undefined : fromBase64(base64)
  if (typed?.length !== 33 || typed[0] !== COSIGNATURE_V1)
    throw new NoteError('note-key', `no key of a witness (name+hash+base64 of type 4): ${JSON.stringify(vkey)}`)
  const key = typed.slice(1)
  const keyId = noteKeyId(name!, COSIGNATURE_V1, key)
  if (!equalBytes(keyId, fromHex(hash!)))
    throw new NoteError('note-key', `the key of witness ${name} has the hash ${toHex(keyId)}, not ${hash}`)
  return { name: name!, key, keyId }
}

/**
 * The cosignature of `line` (without its end) on a note's text. Throws NoteError 'cosignature' if it is none of this
 * witness, or it does not verify.
 */
export function verifyCosignature(line: string, text: string, witness: WitnessKey): Cosignature {
  const read = readSignatureLine(line)
  if (!isOf(witness, read))
    throw new NoteError('cosignature', `a cosignature of ${read.name} ${toHex(read.keyId)}, not of ${witness.name}`)
  const problem = `the cosignature of ${witness.name}`
  if (read.signature.length !== COSIGNATURE_BYTES)
    throw new NoteError('cosignature', `${problem} has ${read.signature.length} bytes, not ${COSIGNATURE_BYTES}`)
  const time = fromBigEndian(read.signature.subarray(0, 8))
  if (!ed25519Verify(read.signature.subarray(8), cosignedText(text, time), witness.key))
    throw new NoteError('cosignature', `${problem} does not verify`)
  return { witness, time, line }
}

/** What a witness signs of a note's text at a time, seconds since 1970. */
export function cosignedText(text: string, time: bigint): Uint8Array {
  return utf8(`cosignature/v1\ntime ${time}\n${text}`)
}

/**
 * The cosignatures of these witnesses on a note, each verified; lines of others are left aside, as nobody can say
 * anything of them. Throws NoteError 'cosignature' for one that does not verify.
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
 * console.log(notes.verifiedCosignatures(notes.verifyNote(note, binding), [])) // []
 * ```
 */
export function verifiedCosignatures(note: VerifiedNote, witnesses: readonly WitnessKey[]): Cosignature[] {
  return note.others.flatMap((line) => {
    const witness = witnesses.find((known) => isOf(known, line))
    return witness === undefined ? [] : [verifyCosignature(line.line, note.text, witness)]
  })
}

/** Which witnesses a reader knows, and how many of them have to have cosigned. */
export interface WitnessPolicy {
  readonly known: readonly WitnessKey[]
  /** 0: they are counted alone. A key counts once, however often it stands among those known or below a note. */
  readonly atLeast: number
}

/**
 * The newest cosignature of each witness that the policy knows. Throws NoteError 'cosignature' for one that does not
 * verify, 'witnesses' where there are fewer than the policy asks.
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
 * const known = [notes.readWitnessKey(`witness.example+3ac253b8+BAAA${'A'.repeat(40)}`)]
 * try {
 *   notes.requireCosignatures(notes.verifyNote(note, binding), { known, atLeast: 1 })
 * } catch (error) {
 *   console.log((error as notes.NoteError).code) // witnesses
 * }
 * ```
 */
export function requireCosignatures(note: VerifiedNote, { known, atLeast }: WitnessPolicy): Cosignature[] {
  const byKey = new Map<string, Cosignature>()
  for (const cosignature of verifiedCosignatures(note, known)) {
    const key = toHex(cosignature.witness.key)
    const before = byKey.get(key)
    if (before === undefined || before.time < cosignature.time) byKey.set(key, cosignature)
  }
  if (byKey.size < atLeast) {
    const missing = known.filter(({ key }) => !byKey.has(toHex(key))).map(({ name }) => name)
    const problem = `the note of ${note.size} has cosignatures of ${byKey.size} known witnesses`
    throw new NoteError(
      'witnesses',
      `${problem}, at least ${atLeast} are wanted; missing: ${missing.join(', ') || 'more keys'}`,
      {
        found: `${byKey.size}`,
        wanted: `${atLeast}`,
      },
    )
  }
  return [...byKey.values()]
}

/** A note with these cosignatures below what stands in it: the first 15. */
export function withCosignatures(note: string, cosignatures: readonly Cosignature[]): string {
  const lines = cosignatures.slice(0, COSIGNATURES_PER_NOTE_MAX).map(({ line }) => `${line}\n`)
  return note + lines.join('')
}

/** The body of C2SP's add-checkpoint: the size that the witness knows, what leads from it, the note. */
export function addCheckpointBody(knownSize: number, consistency: readonly Uint8Array[], note: string): string {
  return [`old ${knownSize}\n`, ...consistency.map((hash) => `${toBase64(hash)}\n`), '\n', note].join('')
}

/** Whether a line says that it is this witness's. */
export function isOf(witness: WitnessKey, { name, keyId }: SignatureLine): boolean {
  return name === witness.name && equalBytes(keyId, witness.keyId)
}
