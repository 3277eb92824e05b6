/**
 * What an audit finds (PROOFS §7): where what is stored, signed or anchored is not what follows from the log.
 *
 * Tests: test/cli/audit.test.ts
 */

import type { Seq } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { prefixedHex } from '../../bytes/hex.js'

/**
 * header, root, nonce, signature: of the set's own bytes · rights: its signer was not in that account · rules: it is
 * refused, or cannot be read · log: what was audited before is not there any more. The others name what is stored.
 */
type DifferenceKind =
  | 'header'
  | 'root'
  | 'nonce'
  | 'signature'
  | 'rights'
  | 'rules'
  | 'state-hash'
  | 'state-root'
  | 'log-node'
  | 'tree-node'
  | 'checkpoint'
  | 'anchor'
  | 'log'

export interface Difference {
  readonly kind: DifferenceKind
  readonly seq: Seq
  /** One line: what, without both values. */
  readonly text: string
  readonly found?: string
  readonly wanted?: string
}

/** Undefined where both are the same. `found` undefined: nothing is stored. */
export function differenceOf(
  place: Pick<Difference, 'kind' | 'seq' | 'text'>,
  found: Uint8Array | undefined,
  wanted: Uint8Array,
): Difference | undefined {
  if (found !== undefined && equalBytes(found, wanted)) return undefined
  return { ...place, found: found === undefined ? 'nothing' : prefixedHex(found), wanted: prefixedHex(wanted) }
}

/** One line with both values. */
export function describeDifference({ seq, text, found, wanted }: Difference): string {
  const values = [
    ...(found === undefined ? [] : [`found ${found}`]),
    ...(wanted === undefined ? [] : [`not ${wanted}`]),
  ]
  return `set ${seq}: ${text}${values.length === 0 ? '' : `: ${values.join(', ')}`}`
}
