/**
 * Writes of what a person saw: each set is taken only if the fields that it changes are still as they were shown. The
 * shop's head has to be the last set that is held (`ifSeq`); where another set came between that touches none of these
 * fields, it is tried again.
 */

import { ClientError, type Change, type ShopClient } from 'cairn-relay/client'
import { PartlyWritten, refusalOf, writtenText } from './sentences.js'

/** A field that is written, as texts for people. */
export interface WatchedField {
  readonly name: string
  readonly before: string
  readonly mine: string
  /** As it is held now. */
  readonly now: () => string
}

export interface CheckedSet {
  /** Made anew for each try: what others write moves places in lists. */
  readonly changes: () => readonly Change[]
  readonly fields: readonly WatchedField[]
}

export type ChangedField = Pick<WatchedField, 'name' | 'before' | 'mine'> & { readonly theirs: string }

/** Somebody else changed the same fields. `last`: the set up to which all was written before it was seen. */
export class EditConflict extends Error {
  readonly fields: readonly ChangedField[]

  constructor(fields: readonly ChangedField[], last?: bigint) {
    super(`Somebody else changed this while you did. ${writtenText(last)}`)
    this.fields = fields
  }
}

/** The fields that others changed, and not to what is wanted. */
export function conflictsOf(fields: readonly WatchedField[]): readonly ChangedField[] {
  return fields
    .map(({ name, before, mine, now }) => ({ name, before, mine, theirs: now() }))
    .filter(({ before, theirs, mine }) => theirs !== before && theirs !== mine)
}

/** The same, whatever others wrote. */
export function unwatched(sets: readonly CheckedSet[]): CheckedSet[] {
  return sets.map(({ changes }) => ({ changes, fields: [] }))
}

/**
 * Resolves with the number of the last set; undefined if there was nothing to write. Rejects with EditConflict,
 * PartlyWritten, FieldProblem, ClientError.
 */
export async function checkedWrite(client: ShopClient, sets: readonly CheckedSet[]): Promise<bigint | undefined> {
  // Looked at first: where one field of several sets is another's by now, nothing is written.
  const conflicts = conflictsOf(sets.flatMap(({ fields }) => fields))
  if (conflicts.length > 0) throw new EditConflict(conflicts)
  let last: bigint | undefined
  for (const set of sets) {
    try {
      last = (await writeOne(client, set)) ?? last
    } catch (error) {
      if (last === undefined) throw error
      throw error instanceof EditConflict ? new EditConflict(error.fields, last) : new PartlyWritten(last, error)
    }
  }
  return last
}

const TRIES_MAX = 40
const WAIT_MS = 100

async function writeOne(client: ShopClient, { changes, fields }: CheckedSet): Promise<bigint | undefined> {
  for (let left = TRIES_MAX; ; left--) {
    const conflicts = conflictsOf(fields)
    if (conflicts.length > 0) throw new EditConflict(conflicts)
    const wanted = changes()
    if (wanted.length === 0) return undefined
    try {
      const options = client.protocol === 5 ? { ifSeq: client.seq } : {}
      return (await client.write(wanted, options)).seq
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'CONFLICT' || left <= 1) throw refusalOf(error, wanted)
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    }
  }
}
