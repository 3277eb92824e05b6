/** The explicit tree: perfect trees built by recursion, with pointers. No index arithmetic; the index is a counter. */

import { createHash } from 'node:crypto'

export interface OracleNode {
  readonly index: number
  readonly height: number
  readonly value: Uint8Array
  readonly left: OracleNode | undefined
  readonly right: OracleNode | undefined
  parent: OracleNode | undefined
}

export interface OracleRange {
  /** All nodes in the order in which they were made. */
  readonly nodes: readonly OracleNode[]
  readonly leaves: readonly OracleNode[]
  /** Left to right. */
  readonly peaks: readonly OracleNode[]
}

export function digest(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** The range over `leafHashes`: the largest perfect tree first, then the range over the rest. */
export function oracleRange(leafHashes: readonly Uint8Array[]): OracleRange {
  const nodes: OracleNode[] = []
  const peaks: OracleNode[] = []
  let rest = leafHashes
  while (rest.length > 0) {
    let width = 1
    while (width * 2 <= rest.length) width *= 2
    peaks.push(perfect(rest.slice(0, width), nodes))
    rest = rest.slice(width)
  }
  return { nodes, peaks, leaves: nodes.filter((node) => node.height === 0) }
}

/** The values of the siblings on the way up. */
export function oraclePath(node: OracleNode): Uint8Array[] {
  const parent = node.parent
  if (parent === undefined) return []
  const sibling = parent.left === node ? parent.right : parent.left
  return [sibling!.value, ...oraclePath(parent)]
}

export function oraclePeak(node: OracleNode): OracleNode {
  return node.parent === undefined ? node : oraclePeak(node.parent)
}

function perfect(leafHashes: readonly Uint8Array[], nodes: OracleNode[]): OracleNode {
  const half = leafHashes.length / 2
  const left = half < 1 ? undefined : perfect(leafHashes.slice(0, half), nodes)
  const right = half < 1 ? undefined : perfect(leafHashes.slice(half), nodes)
  const index = nodes.length
  const value = left && right ? digest(bigEndian(index + 1), left.value, right.value) : leafHashes[0]!
  const node: OracleNode = { index, height: left ? left.height + 1 : 0, value, left, right, parent: undefined }
  if (left && right) left.parent = right.parent = node
  nodes.push(node)
  return node
}

function bigEndian(position: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(position))
  return bytes
}
