/** Lies in signed notes: the same log for other people’s tools, and what it says beside the checkpoints. */

import { utf8 } from '../../src/bytes/bytes.js'
import { ed25519PublicKey, ed25519Sign } from '../../src/bytes/ed25519.js'
import { noteKeyId, noteText, signatureLine } from '../../src/notes/signed-note.js'
import { newSecret } from '../fixtures/relay-harness.js'
import { type Book } from './book.js'
import { priceFrom } from './in-checkpoints.js'
import type { LieRow } from './lie.js'
import { LISTED_AT, type Stage } from './stage.js'

import { NOTE_SECRET, type NotesShown, statementsOf, rootOf, originAt, bindingOf, noteOf, shownNotes } from './noted.js'

const SESSION = 'a note beside a checkpoint'
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
    'signs a note twice',
    'puts a second signature of the log below a note, by another key: readers may take either',
    ({ notes }, stage) => {
      const other = noteOf(stage, forged(stage), originAt(stage), new Uint8Array(32).fill(6))
      return { notes: [`${notes[0]!}${other.slice(other.lastIndexOf('\n\n') + 2)}`] }
    },
    ['signed-twice', 'signatures of the log, not'],
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
