/** The signed notes of a stage's log, as a relay with a note key serves them. */

import { ed25519PublicKey } from '../../src/bytes/ed25519.js'
import { TreeAppender, treeLeafHash } from '../../src/merkle/rfc6962.js'
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
import { RELAY_SECRET, type Book } from './book.js'
import { type Stage } from './stage.js'

export const NOTE_SECRET = new Uint8Array(32).fill(4)

/** What somebody has of a relay who reads its notes. */
export interface NotesShown {
  readonly bindings: readonly SignedBinding[]
  /** Of the log as it is now, under the first binding. */
  readonly notes: readonly string[]
  readonly checkpoint: SignedCheckpoint
  /** B(1), B(2), … */
  readonly statements: readonly Uint8Array[]
}

export const statementsOf = (book: Book): Uint8Array[] =>
  book.sets.map((_, i) => logLeafBytes(book.logLeaf(BigInt(i + 1))))

export function rootOf(statements: readonly Uint8Array[]): Uint8Array {
  const tree = new TreeAppender()
  for (const statement of statements) tree.append(treeLeafHash(statement))
  return tree.root()
}

export const shopOf = (stage: Stage) => ({ ChainID: 31_337n, Registry: new Uint8Array(20), ShopID: stage.shop })
export const originAt = (stage: Stage, shop = stage.shop): string =>
  originOf({ host: 'relay.example', ...shopOf(stage), ShopID: shop, generation: 1 })

export function bindingOf(stage: Stage, changes: Partial<NoteBinding> = {}, secret = RELAY_SECRET): SignedBinding {
  const NoteKey = ed25519PublicKey(NOTE_SECRET)
  const fields = { Version: 1n, ...shopOf(stage), Relay: 1n, Origin: originAt(stage), NoteKey, ...changes } as const
  return signBinding(encodeBinding(fields), secret)
}

export function noteOf(stage: Stage, book: Book, origin = originAt(stage), secret = NOTE_SECRET): string {
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
