/**
 * The hand-overs of a relay's key (proofs/hand-over.ts), in a file beside it: a line for each in the order in which
 * they were signed, `[hand-over, signature]` in hexadecimal. It is written anew under another name, so there is always
 * a whole one. Nothing in it is secret.
 *
 * Tests: test/cli/key.test.ts
 */

import { readFile } from 'node:fs/promises'
import { equalBytes } from '../bytes/bytes.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { replaceFile } from '../disk/whole-file.js'
import { decodeSignedHandOver, encodeSignedHandOver, readHandOver, type SignedHandOver } from '../proofs/hand-over.js'

/** The file holds something else; the message is one line for people. */
export class HandOversError extends Error {
  override readonly name = 'HandOversError'
}

/** None if there is no such file. Throws HandOversError. */
export async function readHandOvers(keyFile: string): Promise<SignedHandOver[]> {
  const file = fileOf(keyFile)
  try {
    const lines = (await readFile(file, 'latin1')).split('\n').filter((line) => line !== '')
    const handOvers = lines.map((line) => decodeSignedHandOver(fromHex(line)))
    handOvers.forEach(readHandOver)
    return handOvers
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    const problem = `${file} holds no hand-overs (${(cause as Error).message})`
    throw new HandOversError(`${problem}: put it back from a backup, or move it away`, { cause })
  }
}

/** On disk when this resolves. */
export async function writeHandOvers(keyFile: string, handOvers: readonly SignedHandOver[]): Promise<void> {
  const lines = handOvers.map((signed) => `${toHex(encodeSignedHandOver(signed))}\n`)
  await replaceFile(fileOf(keyFile), lines.join(''))
}

/** The addresses of the keys before this one, the first of all first, itself last. */
export function keysUpTo(address: Uint8Array, handOvers: readonly SignedHandOver[]): Uint8Array[] {
  return [...handOversUpTo(address, handOvers).map((signed) => readHandOver(signed).From), address]
}

/** Those by which the relay came to the key of this address, the first one first. */
export function handOversUpTo(address: Uint8Array, handOvers: readonly SignedHandOver[]): SignedHandOver[] {
  const way: SignedHandOver[] = []
  let key = address
  for (const signed of handOvers.toReversed()) {
    const { From, To } = readHandOver(signed)
    if (!equalBytes(To, key)) continue
    way.unshift(signed)
    key = From
  }
  return way
}

function fileOf(keyFile: string): string {
  return `${keyFile}.handovers`
}
