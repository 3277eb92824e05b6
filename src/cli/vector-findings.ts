/**
 * What a check of vectors finds.
 *
 * Tests: test/cli/vectors.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'

/** One difference: where, and both values in diagnostic notation. */
export interface Difference {
  readonly at: string
  readonly theirs: string
  readonly ours: string
}

export interface Findings {
  agree: number
  refusedOnPurpose: number
  readonly differences: Difference[]
  /** What is worth a word and is no difference. */
  readonly notes: string[]
}

/** A file that is none of the known formats. */
export class VectorFileError extends Error {
  override readonly name = 'VectorFileError'
}

export function newFindings(): Findings {
  return { agree: 0, refusedOnPurpose: 0, differences: [], notes: [] }
}

export function differ(findings: Findings, at: string, theirs: string, ours: string): void {
  findings.differences.push({ at, theirs, ours })
}

export function expectSame(findings: Findings, at: string, theirs: Uint8Array, ours: Uint8Array): void {
  expectEqual(findings, at, `h'${toHex(theirs)}'`, `h'${toHex(ours)}'`, equalBytes(theirs, ours))
}

/** Two words for one thing. */
export function expectEqual(
  findings: Findings,
  at: string,
  theirs: string,
  ours: string,
  isEqual = theirs === ours,
): void {
  if (isEqual) findings.agree++
  else differ(findings, at, theirs, ours)
}

export function joined(...parts: readonly Findings[]): Findings {
  const all = newFindings()
  for (const { agree, refusedOnPurpose, differences, notes } of parts) {
    all.agree += agree
    all.refusedOnPurpose += refusedOnPurpose
    all.differences.push(...differences)
    all.notes.push(...notes)
  }
  return all
}
