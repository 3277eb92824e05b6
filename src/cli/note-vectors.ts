/**
 * A file like note-kat.json: notes, tlog-proofs, COSE receipts, bindings and evidence (PROOFS §8), each section as the
 * file's own `format` says, refusals with the reason that it names. Sections that are not there are not asked for.
 * Pure: values in, findings out.
 *
 * Tests: test/notes/note-kat.test.ts
 */

import { ed25519PublicKey } from '../bytes/ed25519.js'
import { fromHex, HexError, toHex } from '../bytes/hex.js'
import {
  coseReceiptOf,
  evidenceOfTwoBindings,
  evidenceOfTwoNotes,
  NoteError,
  noteKeyId,
  readOrigin,
  readStatement,
  readTlogProof,
  signNote,
  TreeAppender,
  treeInclusionPath,
  treeLeafHash,
  treeRoot,
  verifyBinding,
  verifyCoseReceipt,
  verifyCoseReceiptUnder,
  verifyNote,
  verifyTlogProof,
  writeTlogProof,
  encodeBinding,
  originOf,
  type NoteErrorCode,
  type SignedBinding,
  type VerifiedBinding,
} from '../notes/forms.js'
import { expectEqual, expectSame, newFindings, VectorFileError, type Findings } from './vector-findings.js'

/** In the order in which they are checked. */
export const NOTE_SECTIONS = [
  'binding',
  'leaves',
  'roots',
  'notes',
  'proofs',
  'proofs_refused',
  'cose',
  'cose_refused',
  'bindings_refused',
  'notes_refused',
  'evidence',
] as const

type Pair = readonly [bytes: string, signature: string]
interface Refused {
  readonly name: string
  readonly why: string
}

interface NoteFile {
  readonly relay_address: string
  readonly note_secret: string
  readonly note_key: string
  readonly key_id: string
  readonly origin: string
  readonly binding: Pair
  readonly statements: readonly string[]
  readonly leaves: readonly string[]
  readonly roots: readonly string[]
  readonly notes: readonly { readonly size: number; readonly note: string }[]
  readonly proofs: readonly {
    readonly seq: number
    readonly size: number
    readonly path: readonly string[]
    readonly extra: string | null
    readonly proof: string
  }[]
  readonly proofs_refused: readonly (Refused & { readonly statement: string; readonly proof: string })[]
  readonly cose: readonly {
    readonly seq: number
    readonly size: number
    readonly root: string
    readonly receipt: string
  }[]
  readonly cose_refused: readonly (Refused & {
    readonly statement: string
    readonly root: string
    readonly receipt: string
  })[]
  readonly bindings_refused: readonly (Refused & { readonly binding: Pair })[]
  readonly notes_refused: readonly (Refused & { readonly note: string })[]
  readonly evidence: readonly {
    readonly name: string
    readonly evidence: boolean
    readonly notes?: readonly [string, string]
    readonly bindings?: readonly [Pair, Pair]
  }[]
}

/** The file's words for each of our codes. */
const REASONS: Readonly<Record<string, readonly NoteErrorCode[]>> = {
  form: ['form'],
  index: ['index', 'seq'],
  'index is Seq - 1': ['seq'],
  inclusion: ['inclusion'],
  'key id': ['key-id'],
  origin: ['origin'],
  'three lines': ['lines'],
  signature: ['signature'],
  'one signature': ['unsigned'],
  'one signature of the log': ['signed-twice'],
  size: ['size'],
  root: ['root'],
  'protected header': ['header'],
  'tag 18': ['tag'],
  detached: ['payload'],
  "the relay's signature": ['signer'],
  version: ['version'],
  'note key': ['note-key'],
  'exactly the fields': ['fields'],
}

/** What every such file has, and no other. */
export const NOTE_FILE_KEYS = ['relay_address', 'note_secret', 'note_key', 'origin', 'binding', 'statements'] as const

/** Checks all sections of NOTE_SECTIONS that `file` has. Throws VectorFileError where they have another shape. */
export function checkNoteSections(file: object): Findings {
  const findings = newFindings()
  try {
    const check = new NoteCheck(file as NoteFile, findings)
    for (const section of NOTE_SECTIONS) if (Object.hasOwn(file, section)) check[section]()
  } catch (error) {
    const isForm = [TypeError, RangeError, SyntaxError, HexError, NoteError].some((type) => error instanceof type)
    if (!isForm) throw error
    throw new VectorFileError(`a section is not as its format says: ${(error as Error).message}`, { cause: error })
  }
  return findings
}

/** One method a section. */
class NoteCheck implements Record<(typeof NOTE_SECTIONS)[number], () => void> {
  private readonly file: NoteFile
  private readonly findings: Findings
  private readonly statements: readonly Uint8Array[]
  private readonly nodes = new Map<string, Uint8Array>()

  constructor(file: NoteFile, findings: Findings) {
    this.file = file
    this.findings = findings
    this.statements = file.statements.map(fromHex)
    const tree = new TreeAppender()
    for (const statement of this.statements)
      for (const { level, index, value } of tree.append(treeLeafHash(statement)))
        this.nodes.set(`${level} ${index}`, value)
  }

  binding(): void {
    const { file, findings } = this
    expectSame(findings, 'note_key', fromHex(file.note_key), ed25519PublicKey(this.secret))
    expectSame(findings, 'key_id', fromHex(file.key_id), noteKeyId(file.origin, 0x01, fromHex(file.note_key)))
    this.expectAccepted('binding', () => {
      const { fields } = this.verified(file.binding)
      const parts = readOrigin(fields.Origin)
      expectEqual(findings, 'binding: Origin', file.origin, originOf({ ...fields, ...parts }))
      expectEqual(findings, 'binding: NoteKey', file.note_key, toHex(fields.NoteKey))
      expectSame(findings, 'binding: bytes', fromHex(file.binding[0]), encodeBinding(fields))
    })
  }

  leaves(): void {
    for (const [i, leaf] of this.file.leaves.entries())
      expectSame(this.findings, `leaves: ${i + 1}`, fromHex(leaf), treeLeafHash(this.statements[i]!))
  }

  roots(): void {
    for (const [i, root] of this.file.roots.entries())
      expectSame(this.findings, `roots: ${i + 1}`, fromHex(root), treeRoot(i + 1, this.read))
  }

  notes(): void {
    for (const { size, note } of this.file.notes) {
      const head = { size: BigInt(size), root: treeRoot(size, this.read) }
      expectEqual(this.findings, `notes: ${size}: signed`, note, signNote(this.file.origin, head, this.secret))
      this.expectAccepted(`notes: ${size}`, () => {
        const read = verifyNote(note, this.bound)
        expectEqual(this.findings, `notes: ${size}: size`, `${size}`, `${read.size}`)
        expectSame(this.findings, `notes: ${size}: root`, head.root, read.root)
      })
    }
  }

  proofs(): void {
    for (const { seq, size, path, extra, proof } of this.file.proofs) {
      const at = `proofs: set ${seq} of ${size}`
      const made = treeInclusionPath(seq - 1, size, this.read)
      expectEqual(this.findings, `${at}: path`, JSON.stringify(path), JSON.stringify(made.map(toHex)))
      const { note } = readTlogProof(proof)
      const carried = extra === null ? undefined : fromHex(extra)
      const written = writeTlogProof({ index: BigInt(seq - 1), path: made, note, extra: carried })
      expectEqual(this.findings, `${at}: written`, proof, written)
      this.expectAccepted(at, () => {
        const shown = verifyTlogProof(proof, this.statements[seq - 1]!, this.bound)
        expectEqual(this.findings, `${at}: size`, `${size}`, `${shown.note.size}`)
      })
    }
  }

  proofs_refused(): void {
    for (const row of this.file.proofs_refused)
      this.expectRefused('proofs_refused', row, () => verifyTlogProof(row.proof, fromHex(row.statement), this.bound))
  }

  cose(): void {
    for (const { seq, size, root, receipt } of this.file.cose) {
      const at = `cose: set ${seq} of ${size}`
      const leaf = readStatement(this.statements[seq - 1]!)
      const of = { leaf, size, binding: this.bound.signed, read: this.read, secret: this.secret }
      const made = coseReceiptOf(of)
      expectSame(this.findings, `${at}: written`, fromHex(receipt), made.receipt)
      expectSame(this.findings, `${at}: statement`, this.statements[seq - 1]!, made.statement)
      this.expectAccepted(at, () => {
        verifyCoseReceiptUnder(fromHex(root), fromHex(receipt), made.statement, this.bound)
        expectSame(this.findings, `${at}: root`, fromHex(root), this.rootOf(receipt, made.statement))
      })
    }
  }

  cose_refused(): void {
    for (const row of this.file.cose_refused)
      this.expectRefused('cose_refused', row, () =>
        verifyCoseReceiptUnder(fromHex(row.root), fromHex(row.receipt), fromHex(row.statement), this.bound),
      )
  }

  bindings_refused(): void {
    for (const row of this.file.bindings_refused)
      this.expectRefused('bindings_refused', row, () => this.verified(row.binding))
  }

  notes_refused(): void {
    for (const row of this.file.notes_refused)
      this.expectRefused('notes_refused', row, () => verifyNote(row.note, this.bound))
  }

  evidence(): void {
    for (const { name, evidence, notes, bindings } of this.file.evidence) {
      const judged =
        notes === undefined
          ? evidenceOfTwoBindings(this.verified(bindings![0]), this.verified(bindings![1]))
          : evidenceOfTwoNotes(verifyNote(notes[0], this.bound), verifyNote(notes[1], this.bound))
      expectEqual(this.findings, `evidence: ${name}`, evidence ? 'evidence' : 'nothing', judged.outcome)
    }
  }

  private rootOf(receipt: string, statement: Uint8Array): Uint8Array {
    return verifyCoseReceipt(fromHex(receipt), statement, this.bound).root
  }

  private verified([bytes, signature]: Pair): VerifiedBinding {
    const signed: SignedBinding = [fromHex(bytes), fromHex(signature)]
    return verifyBinding(signed, [fromHex(this.file.relay_address)])
  }

  private get bound(): VerifiedBinding {
    return this.verified(this.file.binding)
  }

  private get secret(): Uint8Array {
    return fromHex(this.file.note_secret)
  }

  private readonly read = (level: number, index: number): Uint8Array => this.nodes.get(`${level} ${index}`)!

  private expectAccepted(at: string, act: () => void): void {
    expectEqual(this.findings, at, 'accepted', outcome(act).message)
  }

  /** A reason that is not known here is told beside ours; the refusal counts. */
  private expectRefused(section: string, { name, why }: Refused, act: () => void): void {
    const at = `${section}: ${name}`
    const { code, message } = outcome(act)
    const codes = REASONS[why]
    if (codes === undefined && code !== undefined)
      this.findings.notes.push(`${at}: refused for ${JSON.stringify(why)}; here for ${code}: ${message}`)
    const isSame = code !== undefined && (codes === undefined || codes.includes(code))
    expectEqual(this.findings, at, `refused: ${why}`, message, isSame)
  }
}

interface Outcome {
  /** Why it was refused; undefined if it was not. */
  readonly code?: NoteErrorCode
  readonly message: string
}

function outcome(act: () => void): Outcome {
  try {
    act()
    return { message: 'accepted' }
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    return { code: error.code, message: `refused (${error.code}): ${error.message}` }
  }
}
