/** `cairn vectors FILE…`: tells an implementer whether his bytes and ours agree. */

import { readFile } from 'node:fs/promises'
import { CborError } from '../codec/value.js'
import type { Io } from './io.js'
import { checkVectorFile } from './vector-check.js'
import { VectorFileError, type Findings } from './vector-findings.js'
import { whyUnread } from './unread-file.js'

const HELP = `cairn vectors FILE…

Applies every patch of the given vector files (*.cbor of the reference's generators, hamt.json, merkle-proofs.json,
pricing-kat.json, state-kat.json, note-kat.json) and compares states, hashes, proofs and totals; what must be refused
agrees when it is. Prints a line per file, its first difference, and a closing line.

Exit code: 0 all agree (or are refused on purpose), 1 something differs, 2 a file is unreadable or none is given.`

/** Resolves with the exit code. */
export async function run(files: readonly string[], { out, err }: Pick<Io, 'out' | 'err'>): Promise<number> {
  if (files.length === 0 || files.includes('--help')) {
    ;(files.length === 0 ? err : out)(HELP)
    return files.length === 0 ? 2 : 0
  }
  const total = { agree: 0, differ: 0, refusedOnPurpose: 0, unreadable: 0 }
  for (const file of files) {
    const findings = await check(file, err)
    if (findings === undefined) {
      total.unreadable++
      continue
    }
    out(`${file}: ${summary(findings)}`)
    for (const note of findings.notes) out(`  note: ${note}`)
    const [first] = findings.differences
    if (first !== undefined)
      out(`  first difference: ${first.at}\n    theirs: ${first.theirs}\n    ours:   ${first.ours}`)
    total.agree += findings.agree
    total.differ += findings.differences.length
    total.refusedOnPurpose += findings.refusedOnPurpose
  }
  out(`agree ${total.agree}, differ ${total.differ}, refused on purpose ${total.refusedOnPurpose}`)
  return total.unreadable > 0 ? 2 : total.differ > 0 ? 1 : 0
}

async function check(file: string, err: (line: string) => void): Promise<Findings | undefined> {
  try {
    return checkVectorFile(await readFile(file))
  } catch (error) {
    if (
      error instanceof CborError ||
      error instanceof VectorFileError ||
      (error as NodeJS.ErrnoException).code !== undefined
    ) {
      err(`${file}: cannot be read: ${whyUnread(error)}`)
      return undefined
    }
    throw error
  }
}

function summary({ agree, differences, refusedOnPurpose }: Findings): string {
  return `agree ${agree}, differ ${differences.length}, refused on purpose ${refusedOnPurpose}`
}
