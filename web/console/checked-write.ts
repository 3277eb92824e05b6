/**
 * Writes of what a person saw: each set is taken only if the fields that it changes are still as they were shown. The
 * shop's head has to be the last set that is held (`ifSeq`); where another set came between that touches none of these
 * fields, it is tried again.
 */

import { ClientError, type Change, type ShopClient } from 'cairn-relay/client'

/** A field that is written, as texts for people. */
export interface WatchedField {
  readonly name: string
  readonly before: string
  readonly mine: string
  /** As it is held now. */
  now(): string
}

export interface CheckedSet {
  readonly changes: readonly Change[]
  readonly fields: readonly WatchedField[]
}

/** Somebody else changed the same fields. */
export class EditConflict extends Error {
  readonly fields: readonly (Pick<WatchedField, 'name' | 'before' | 'mine'> & { readonly theirs: string })[]

  constructor(fields: EditConflict['fields']) {
    super('Somebody else changed this while you did. Nothing was written.')
    this.fields = fields
  }
}

const TRIES_MAX = 40
const WAIT_MS = 100

/** Resolves with the number of the last set. Rejects with EditConflict, ClientError. */
export async function checkedWrite(client: ShopClient, sets: readonly CheckedSet[]): Promise<bigint | undefined> {
  let last: bigint | undefined
  for (const set of sets) if (set.changes.length > 0) last = await writeOne(client, set)
  return last
}

async function writeOne(client: ShopClient, { changes, fields }: CheckedSet): Promise<bigint | undefined> {
  for (let left = TRIES_MAX; ; left--) {
    const changed = fields.map((field) => ({ ...field, theirs: field.now() }))
    const conflicts = changed.filter(({ before, theirs, mine }) => theirs !== before && theirs !== mine)
    if (conflicts.length > 0) throw new EditConflict(conflicts)
    try {
      const options = client.protocol === 5 ? { ifSeq: client.seq } : {}
      return (await client.write(changes, options)).seq
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'CONFLICT' || left <= 1) throw error
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    }
  }
}
