/**
 * The content identifier of a file, version 0, as IPFS's default importer makes it: UnixFS in dag-pb, chunks of 256
 * KiB, leaves that are nodes too, a balanced tree of at most 174 links a node, SHA-256, base58btc (PROTOCOL §13).
 */

import { sha256 } from '#hash'
import { concatBytes, fromBigEndian } from '../../bytes/bytes.js'

const CHUNK_BYTES = 256 * 1_024
const LINKS_PER_NODE_MAX = 174

/** Of the whole content, as it comes; holds one chunk and at most 174 links for each level of the tree. */
export class CidHasher {
  private readonly chunkBytes: number
  private readonly linksMax: number
  private readonly chunk: Uint8Array
  private filled = 0
  /** Nodes that have no parent yet; level 0 are the leaves. */
  private readonly levels: DagNode[][] = []

  /** Other sizes than IPFS's defaults are for tests of the tree's shape. */
  constructor(chunkBytes: number = CHUNK_BYTES, linksMax: number = LINKS_PER_NODE_MAX) {
    this.chunkBytes = chunkBytes
    this.linksMax = linksMax
    this.chunk = new Uint8Array(chunkBytes)
  }

  /** `bytes` are copied. */
  update(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      if (this.filled === this.chunkBytes) this.endChunk()
      const taken = bytes.subarray(offset, offset + this.chunkBytes - this.filled)
      this.chunk.set(taken, this.filled)
      this.filled += taken.length
      offset += taken.length
    }
  }

  /** `Qm…`, 46 characters. Ends the calculation: call it once. */
  digest(): string {
    this.endChunk()
    for (let level = 0; ; level++) {
      const nodes = this.levels[level]!
      const isTop = level === this.levels.length - 1
      if (isTop && nodes.length === 1) return cidV0(nodes[0]!.hash)
      if (nodes.length > 0) this.add(level + 1, parentOf(nodes))
    }
  }

  private endChunk(): void {
    this.add(0, leafOf(this.chunk.subarray(0, this.filled)))
    this.filled = 0
  }

  /** A level is joined only when one more node comes: a lone full level may turn out to be the root's children. */
  private add(level: number, node: DagNode): void {
    const nodes = (this.levels[level] ??= [])
    if (nodes.length === this.linksMax) this.add(level + 1, parentOf(nodes.splice(0)))
    nodes.push(node)
  }
}

/** Whether `text` is a version 0 identifier: 46 characters of base58btc that hold a SHA-256 multihash. */
export function isCidV0(text: string): boolean {
  if (!/^Qm[1-9A-HJ-NP-Za-km-z]{44}$/.test(text)) return false
  let value = 0n
  for (const character of text) value = value * 58n + BigInt(BASE58.indexOf(character))
  return value >> 256n === 0x1220n
}

interface DagNode {
  /** SHA-256 of the node's block. */
  readonly hash: Uint8Array
  /** Bytes of the file below this node. */
  readonly fileBytes: number
  /** Bytes of its block and of all blocks below it. */
  readonly dagBytes: number
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const SHA2_256_MULTIHASH = new Uint8Array([0x12, 0x20])
/** UnixFS Type = File. */
const UNIXFS_FILE = 2

function cidV0(hash: Uint8Array): string {
  let value = fromBigEndian(concatBytes(SHA2_256_MULTIHASH, hash))
  let text = ''
  for (; value > 0n; value /= 58n) text = BASE58[Number(value % 58n)]! + text
  return text
}

function leafOf(chunk: Uint8Array): DagNode {
  const data = chunk.length === 0 ? chunk : lengthDelimited(2, chunk)
  const unixFs = concatBytes(varintField(1, UNIXFS_FILE), data, varintField(3, chunk.length))
  return blockOf(lengthDelimited(1, unixFs), chunk.length, 0)
}

function parentOf(children: readonly DagNode[]): DagNode {
  let [fileBytes, dagBytes] = [0, 0]
  for (const child of children) {
    fileBytes += child.fileBytes
    dagBytes += child.dagBytes
  }
  const sizes = children.map((child) => varintField(4, child.fileBytes))
  const unixFs = concatBytes(varintField(1, UNIXFS_FILE), varintField(3, fileBytes), ...sizes)
  // dag-pb writes the links (field 2) before the data (field 1).
  const block = concatBytes(...children.map((child) => lengthDelimited(2, linkTo(child))), lengthDelimited(1, unixFs))
  return blockOf(block, fileBytes, dagBytes)
}

/** PBLink: hash, an empty name that is written out, size of the graph below. */
function linkTo(child: DagNode): Uint8Array {
  const hash = lengthDelimited(1, concatBytes(SHA2_256_MULTIHASH, child.hash))
  return concatBytes(hash, lengthDelimited(2, new Uint8Array(0)), varintField(3, child.dagBytes))
}

function blockOf(block: Uint8Array, fileBytes: number, dagBytesBelow: number): DagNode {
  return { hash: sha256(block), fileBytes, dagBytes: dagBytesBelow + block.length }
}

function varintField(field: number, value: number): Uint8Array {
  return new Uint8Array([field << 3, ...varint(value)])
}

function lengthDelimited(field: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array([(field << 3) | 2, ...varint(bytes.length)]), bytes)
}

/** Divides where shifting would cut at 32 bits. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return bytes
}
