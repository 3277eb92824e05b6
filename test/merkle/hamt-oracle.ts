/** A dumb trie written from PROTOCOL §6 alone: everything is computed anew from all entries, nothing is kept. */

import { createHash } from 'node:crypto'
import { compareBytes } from '../../src/bytes/bytes.js'

export type Entry = readonly [key: Uint8Array, value: Uint8Array]
export type KeyHash = (key: Uint8Array) => Uint8Array

export const sha256: KeyHash = (data) => new Uint8Array(createHash('sha256').update(data).digest())

/** The digest of the trie that holds exactly these entries. */
export function digestFromScratch(entries: readonly Entry[], keyHash: KeyHash = sha256): Uint8Array {
  return nodeDigest(
    entries.map(([key, value]) => ({ key, value, bits: bitsOf(keyHash(key)) })),
    0,
  )
}

interface Hashed {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly bits: string
}

function bitsOf(hash: Uint8Array): string {
  return [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('')
}

function nodeDigest(entries: readonly Hashed[], level: number): Uint8Array {
  const parts: Uint8Array[] = []
  if (level === 42) {
    for (const { key, value } of [...entries].sort((a, b) => compareBytes(a.key, b.key))) parts.push(key, value)
    return sha256(Buffer.concat(parts))
  }
  for (let slot = 0; slot < 64; slot++) {
    const path = slot.toString(2).padStart(6, '0')
    const here = entries.filter(({ bits }) => bits.slice(6 * level, 6 * level + 6) === path)
    if (here.length === 1) parts.push(here[0]!.key, here[0]!.value)
    else if (here.length > 1) parts.push(nodeDigest(here, level + 1))
  }
  return sha256(Buffer.concat(parts))
}
