/** Lies in signed notes: the same log for other people’s tools, and what it says beside the checkpoints. */

import { utf8 } from '../../src/bytes/bytes.js'
import { ed25519PublicKey, ed25519Sign } from '../../src/bytes/ed25519.js'
import { TreeAppender, treeLeafHash } from '../../src/merkle/rfc6962.js'
import { noteKeyId, noteText, signatureLine } from '../../src/notes/signed-note.js'
import {
  encodeBinding,
  logLeafBytes,
  originOf,
  signBinding,
  signNote,
  type NoteBinding,
  type SignedBinding,
} from '../../src/notes/forms.js'
import type { SignedCheckpoint } from '../../src/proofs/checkpoint.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { RELAY_SECRET, type Book } from './book.js'
import { priceFrom } from './in-checkpoints.js'
import type { LieRow } from './lie.js'
import { LISTED_AT, type Stage } from './stage.js'

const SESSION = 'a note beside a checkpoint'
const NOTE_SECRET = new Uint8Array(32).fill(4)

/** What somebody has of a relay who reads its notes. */
export interface NotesShown {
  readonly bindings: readonly SignedBinding[]
  /** Of the log as it is now, under the first binding. */
  readonly notes: readonly string[]
  readonly checkpoint: SignedCheckpoint
  /** B(1), B(2), … */
  readonly statements: readonly Uint8Array[]
}

const statementsOf = (book: Book): Uint8Array[] => book.sets.map((_, i) => logLeafBytes(book.logLeaf(BigInt(i + 1))))

function rootOf(statements: readonly Uint8Array[]): Uint8Array {
  const tree = new TreeAppender()
  for (const statement of statements) tree.append(treeLeafHash(statement))
  return tree.root()
}

const shopOf = (stage: Stage) => ({ ChainID: 31_337n, Registry: new Uint8Array(20), ShopID: stage.shop })
const originAt = (stage: Stage, shop = stage.shop): string =>
  originOf({ host: 'relay.example', ...shopOf(stage), ShopID: shop, generation: 1 })

function bindingOf(stage: Stage, changes: Partial<NoteBinding> = {}, secret = RELAY_SECRET): SignedBinding {
  const NoteKey = ed25519PublicKey(NOTE_SECRET)
  const fields = { Version: 1n, ...shopOf(stage), Relay: 1n, Origin: originAt(stage), NoteKey, ...changes } as const
  return signBinding(encodeBinding(fields), secret)
}

function noteOf(stage: Stage, book: Book, origin = originAt(stage), secret = NOTE_SECRET): string {
  return signNote(origin, { size: book.head, root: rootOf(statementsOf(book)) }, secret)
}

export function shownNotes(stage: Stage): NotesShown {
  const book = stage.book()
  const { signed } = book.checkpoint(book.head)
  return {
    bindings: [bindingOf(stage)],
    notes: [noteOf(stage, book)],
    checkpoint: signed,
    statements: statementsOf(book),
  }
}

const forged = (stage: Stage): Book => stage.book(priceFrom(LISTED_AT))

const row = (
  name: string,
  does: string,
  change: (honest: NotesShown, stage: Stage) => Partial<NotesShown>,
  [error, says]: readonly [error: string, says: string],
): LieRow => {
  const notes = (stage: Stage) => ({ ...shownNotes(stage), ...change(shownNotes(stage), stage) })
  return { name, does, session: SESSION, notes, error, says }
}

export const IN_NOTES: readonly LieRow[] = [
  row(
    'signs a note that is not of its checkpoint',
    'signs a note of a log with another price, and the checkpoint of the honest one',
    (_honest, stage) => ({ notes: [noteOf(stage, forged(stage))] }),
    ['EVIDENCE/two-trees', 'signs are not those of the note of'],
  ),
  row(
    'signs a checkpoint that is not of its note',
    'signs a checkpoint of a log with another price, and the note of the honest one',
    (_honest, stage) => ({ checkpoint: forged(stage).checkpoint(stage.book().head).signed }),
    ['EVIDENCE/two-trees', 'signs are not those of the checkpoint of'],
  ),
  row(
    'signs two notes of one size',
    'signs notes of two logs of the same length',
    ({ notes }, stage) => ({ notes: [...notes, noteOf(stage, forged(stage))] }),
    ['EVIDENCE/two-roots', 'two notes of'],
  ),
  row(
    'binds two note keys',
    'signs two bindings of one origin with two note keys',
    ({ bindings }, stage) => ({ bindings: [...bindings, bindingOf(stage, { NoteKey: new Uint8Array(32).fill(5) })] }),
    ['EVIDENCE/two-bindings', 'two bindings of'],
  ),
  row(
    'binds a note key with another key',
    'signs the binding with a key that is not the relay’s',
    (_honest, stage) => ({ bindings: [bindingOf(stage, {}, newSecret())] }),
    ['signer', 'the binding is signed by'],
  ),
  row(
    'signs a note with another key',
    'signs the note with a key that is not the bound one, under the bound one’s id',
    ({ notes }, stage) => {
      const other = noteOf(stage, stage.book(), originAt(stage), new Uint8Array(32).fill(6))
      const [origin, key] = [originAt(stage), ed25519PublicKey(NOTE_SECRET)]
      return { notes: [withKeyId(other, noteKeyId(origin, 1, key)), ...notes.slice(1)] }
    },
    ['signature', 'the signature of the note of'],
  ),
  row(
    'shows another shop’s note',
    'shows a note of the same log under the origin of another shop',
    (_honest, stage) => {
      const head = { size: stage.book().head, root: rootOf(statementsOf(stage.book())) }
      const text = noteText(originAt(stage, stage.shop + 1n), head)
      const keyId = noteKeyId(originAt(stage), 1, ed25519PublicKey(NOTE_SECRET))
      return { notes: [`${text}\n${signatureLine(originAt(stage), keyId, ed25519Sign(utf8(text), NOTE_SECRET))}\n`] }
    },
    ['origin', 'a note of the origin'],
  ),
]

/** The note with another key id in its signature line. */
function withKeyId(note: string, keyId: Uint8Array): string {
  const at = note.lastIndexOf(' ') + 1
  const bytes = Buffer.from(note.slice(at).trimEnd(), 'base64')
  bytes.set(keyId)
  return `${note.slice(0, at)}${bytes.toString('base64')}\n`
}
