/** Random steps on a trie, and the Map that takes the same ones. */

import * as fc from 'fast-check'
import { encode } from '../../src/codec/encode.js'
import type { Hamt } from '../../src/merkle/hamt.js'
import { sha256, type KeyHash } from './hamt-oracle.js'

export type Step =
  { readonly op: 'set'; readonly key: number; readonly value: number } | { readonly op: 'delete'; readonly key: number }

export const key = (number: number) => Uint8Array.of(number >> 8, number & 0xff, 7)
export const value = (number: number) => encode(BigInt(number))
export const steps = (keys: number) =>
  fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ op: fc.constant('set' as const), key: fc.nat(keys), value: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key: fc.nat(keys) }) },
    ),
    { maxLength: 120 },
  )

/** The trie after `list`; `check` sees it after every step, beside a Map that took the same ones. */
export function run(
  trie: Hamt,
  list: readonly Step[],
  check?: (trie: Hamt, model: ReadonlyMap<number, number>) => void,
): Hamt {
  const model = new Map<number, number>()
  let now = trie
  for (const step of list) {
    if (step.op === 'set') {
      now = now.set(key(step.key), value(step.value))
      model.set(step.key, step.value)
    } else {
      now = now.delete(key(step.key))
      model.delete(step.key)
    }
    check?.(now, model)
  }
  return now
}

export function entriesOf(model: ReadonlyMap<number, number>): [Uint8Array, Uint8Array][] {
  return [...model].map(([k, v]) => [key(k), value(v)])
}

/** Hashes that agree in so many leading bits; 256 makes all keys collide down to the list. */
export function colliding(bits: number): KeyHash {
  return (bytes) => {
    const hash = sha256(bytes)
    for (let i = 0; i < 32; i++) {
      const kept = Math.max(0, Math.min(8, bits - 8 * i))
      hash[i] = hash[i]! & (0xff >> kept)
    }
    return hash
  }
}
