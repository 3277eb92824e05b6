/**
 * Why a form of PROOFS §8 is refused.
 *
 * Tests: test/notes/signed-note.test.ts, test/notes/note-kat.test.ts
 */

/**
 * form: no such form as the text has it · version: of another version than 1 · fields: more or fewer than there must be
 * · origin: none, or another one · note-key: no key · signer: a binding that the relay did not sign · lines: a note
 * with more or fewer than three lines · size, root: no such thing in a note · unsigned: no signature line of the log ·
 * signed-twice: several · key-id: of another key · signature: it does not verify · cosignature: of a witness, refused ·
 * witnesses: fewer cosigned than are asked · index: no decimal · seq: the index is not the statement's Seq − 1 ·
 * statement: no B(n) · inclusion: the path does not lead to the root · tag, header, payload: of a COSE receipt ·
 * receipt: the order receipt is of another set or shop.
 */
export type NoteErrorCode =
  | 'form'
  | 'version'
  | 'fields'
  | 'origin'
  | 'note-key'
  | 'signer'
  | 'lines'
  | 'size'
  | 'root'
  | 'unsigned'
  | 'signed-twice'
  | 'key-id'
  | 'signature'
  | 'cosignature'
  | 'witnesses'
  | 'index'
  | 'seq'
  | 'statement'
  | 'inclusion'
  | 'tag'
  | 'header'
  | 'payload'
  | 'receipt'

interface NoteErrorDetails {
  readonly found?: string | undefined
  readonly wanted?: string | undefined
  readonly cause?: unknown
}

/** A note, or what comes with one, that is not of its form or does not show what it claims. */
export class NoteError extends Error {
  override readonly name = 'NoteError'
  readonly code: NoteErrorCode
  /** What stands there, and what had to, where both are short: numbers in decimal, bytes in hexadecimal. */
  readonly found: string | undefined
  readonly wanted: string | undefined

  constructor(code: NoteErrorCode, message: string, details: NoteErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.found = details.found
    this.wanted = details.wanted
  }
}
