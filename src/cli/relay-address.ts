/**
 * The addresses of a relay whose data directory is at hand.
 *
 * Tests: test/cli/check.test.ts
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import { parseKey } from '../settings/relay-key.js'
import { keysUpTo, readHandOvers } from '../store/hand-overs.js'

/**
 * Of the key in the directory and of those before it, 20 bytes each; undefined if it is kept elsewhere, or may not be
 * read by this user. Rejects with KeyFileError, HandOversError.
 */
export async function relaysIn(data: string): Promise<Uint8Array[] | undefined> {
  const file = join(data, 'relay.key')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (!NOT_AT_HAND.includes(error.code ?? '')) throw error
  })
  if (text === undefined) return undefined
  return keysUpTo(addressOf(publicKeyOf(parseKey(text, file))), await readHandOvers(file))
}

const NOT_AT_HAND: readonly string[] = ['ENOENT', 'ENOTDIR', 'EACCES']
