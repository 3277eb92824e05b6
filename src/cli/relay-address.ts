/**
 * The addresses of a relay whose data directory is at hand.
 *
 * Tests: test/cli/check.test.ts
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, publicKeyOf } from '#signature'
import { fromHex } from '../bytes/hex.js'
import { keysUpTo, readHandOvers } from '../store/hand-overs.js'

/** Of the key in the directory and of those before it, 20 bytes each; undefined if it is kept elsewhere. */
export async function relaysIn(data: string): Promise<Uint8Array[] | undefined> {
  const file = join(data, 'relay.key')
  try {
    const address = addressOf(publicKeyOf(fromHex(readFileSync(file, 'utf8').trim())))
    return keysUpTo(address, await readHandOvers(file))
  } catch {
    return undefined
  }
}
