/**
 * A statement (PROOFS §8): the bytes B(n) of a set's leaf, the same that the mountain range hashes (§2). Its leaf in
 * the tree of notes is number Seq − 1.
 *
 * Tests: test/notes/tlog-proof.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { readDeterministic } from '../codec/deterministic.js'
import { SchemaError } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { ProofError } from '../merkle/proof-error.js'
import { rootFromInclusion, treeLeafHash, type TreeHead } from '../merkle/rfc6962.js'
import { LogLeaf } from '../proofs/log-leaf.js'
import { NoteError } from './note-error.js'

/**
 * Reads the bytes of a statement; digests in it are views. Throws NoteError 'statement'.
 *
 * @example
 * ```ts
 * import { logLeafBytes, readStatement } from 'cairn-relay/notes'
 *
 * const leaf = { Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) }
 * console.log(readStatement(logLeafBytes(leaf)).Seq) // 1n
 * ```
 */
export function readStatement(statement: Uint8Array): LogLeaf {
  try {
    return readDeterministic(LogLeaf, statement, 'statement')
  } catch (cause) {
    if (!(cause instanceof SchemaError || cause instanceof CborError)) throw cause
    throw new NoteError('statement', `no statement of a set: ${cause.message}`, { cause })
  }
}

/** Returns if `index` is the place of a statement in the log. Throws NoteError 'statement', 'seq'. */
export function requireIndexOf(statement: Uint8Array, index: bigint): void {
  const { Seq } = readStatement(statement)
  if (index === Seq - 1n) return
  const [found, wanted] = [`${index}`, `${Seq - 1n}`]
  throw new NoteError('seq', `set ${Seq} is leaf ${wanted} of the log, not leaf ${found}`, { found, wanted })
}

/** The root to which `path` leads from a statement at `index` in a tree of `size`. Throws NoteError 'inclusion'. */
export function rootFromStatement(
  statement: Uint8Array,
  index: bigint,
  size: bigint,
  path: readonly Uint8Array[],
): Uint8Array {
  try {
    return rootFromInclusion(index, size, treeLeafHash(statement), path)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new NoteError('inclusion', cause.message, { cause })
  }
}

/** Returns if the path does so to `root`. Throws NoteError 'inclusion'. */
export function requireInclusion(
  statement: Uint8Array,
  index: bigint,
  { size, root }: TreeHead,
  path: readonly Uint8Array[],
): void {
  const reached = rootFromStatement(statement, index, size, path)
  if (equalBytes(reached, root)) return
  const [found, wanted] = [toHex(reached), toHex(root)]
  const problem = `leaf ${index} of ${size}: its path leads to the root ${found}, not ${wanted}`
  throw new NoteError('inclusion', problem, { found, wanted })
}
