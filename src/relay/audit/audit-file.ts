/**
 * What an audit computed of one shop, in a file of its own, to go on from:
 *
 *     "cairn audit 2\n" ‖ length u32 ‖ CBOR head ‖ the leaves of each trie: (length u32 ‖ key ‖ length u32 ‖ value)* ‖
 *     SHA-256 of all before
 *
 * It is written whole beside the old one and then renamed; a file that does not lead to its own hashes is refused. It
 * holds what the shop's log holds, orders among it: only its owner may read it.
 *
 * Tests: test/cli/audit.test.ts
 */

import { createHash, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import type { ShopId } from '../../brands.js'
import { concatBytes, equalBytes, fromBigEndian, toBigEndian, utf8 } from '../../bytes/bytes.js'
import { decode } from '../../codec/decode.js'
import { encode, type Encodable } from '../../codec/encode.js'
import type { Cbor } from '../../codec/value.js'
import { replaceFile } from '../../disk/whole-file.js'
import type { Hamt } from '../../merkle/hamt.js'
import type { LogIdentity } from '../../proofs/checkpoint-form.js'
import { COLLECTIONS, emptyShop, INDEXES, SCHEMA_VERSION, stateHash, type ShopState } from '../../state/shop-state.js'
import type { LogPeaks } from '../shops/log-trees.js'
import { triesOf } from '../shops/stored-state.js'
import type { CheckpointTrail } from './checkpoint-audit.js'
import type { AuditedLog, LogAuditOptions } from './log-audit.js'

/** The file is of something else, of a newer version, or was changed. */
export class AuditFileError extends Error {
  override readonly name = 'AuditFileError'
}

const MAGIC = utf8('cairn audit 2\n')
/** Its trace is over more nodes of the trees than are kept now: such an audit begins anew. */
const EARLY_MAGIC = utf8('cairn audit 1\n')
const DIGEST_BYTES = 32
const CHUNK_BYTES = 1_048_576
const FIELD_BYTES_MAX = 2 ** 31

export async function writeAudited(file: string, audited: AuditedLog): Promise<void> {
  await replaceFile(file, async (handle) => {
    const out = new Writer(handle)
    await out.write(MAGIC)
    await out.write(prefixed(encode(headOf(audited))))
    for (const [, trie] of triesOf(audited.state))
      for (const [key, value] of trie.entries()) await out.write(concatBytes(prefixed(key), prefixed(value)))
    await out.end()
  })
}

/** Undefined if there is no file, or one of before. Rejects with AuditFileError. */
export async function readAudited(file: string, options: LogAuditOptions): Promise<AuditedLog | undefined> {
  let handle: FileHandle
  try {
    handle = await open(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AuditFileError(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  try {
    return await readFrom(new Reader(handle), options)
  } catch (error) {
    const { shopId } = options
    const problem = `${file} holds nothing that an audit of shop ${shopId} can go on from`
    throw new AuditFileError(`${problem} (${(error as Error).message}): delete it, and the audit begins with set 1`, {
      cause: error,
    })
  } finally {
    await handle.close()
  }
}

// Head

function headOf(audited: AuditedLog): Encodable {
  const { state, seq, stateRoot, peaks, trace, nonces, relays, patches, unkept, checkpoints } = audited
  const { count, identity, lastSeconds, lastSeq, lastDigest, trace: signed } = checkpoints
  const who = identity && [identity.ChainID, identity.Registry, identity.Relay, identity.ShopID]
  return new Map<string, Encodable>([
    ['ShopID', state.shopId],
    ['Seq', BigInt(seq)],
    ['Manifest', state.manifest ?? null],
    ['StateHash', stateHash(state)],
    ['StateRoot', stateRoot],
    ['Peaks', [peaks.mmr, peaks.tree]],
    ['Trace', trace],
    ['Nonces', [...nonces].flatMap(([name, nonce]) => [name, nonce])],
    ['Relays', relays ?? null],
    ['Patches', BigInt(patches)],
    ['Unkept', BigInt(unkept)],
    ['Checkpoints', [BigInt(count), who ?? null, lastSeconds, BigInt(lastSeq), lastDigest, signed]],
    ['Tries', triesOf(state).flatMap(([name, trie]) => [name, BigInt(trie.size)])],
  ])
}

async function readFrom(input: Reader, { shopId, stateRootOf }: LogAuditOptions): Promise<AuditedLog | undefined> {
  const magic = await input.take(MAGIC.length)
  if (equalBytes(magic, EARLY_MAGIC)) return undefined
  if (!equalBytes(magic, MAGIC)) throw new Error('it is of another format')
  const head = decode(await input.field()) as ReadonlyMap<string, Cbor>
  if (head.get('ShopID') !== shopId) throw new Error('it is of another shop')
  const state = await readState(input, head, shopId)
  await input.end()
  const [hash, root] = [head.get('StateHash'), head.get('StateRoot')] as [Uint8Array, Uint8Array]
  if (!equalBytes(stateHash(state), hash) || !equalBytes(stateRootOf(state), root))
    throw new Error('its state does not lead to its own hashes')
  return {
    seq: Number(head.get('Seq')),
    state,
    stateRoot: root.slice(),
    peaks: peaksOf(head.get('Peaks') as [Uint8Array[], Uint8Array[]]),
    trace: (head.get('Trace') as Uint8Array).slice(),
    nonces: new Map(pairs(head.get('Nonces') as Cbor[]) as [string, bigint][]),
    relays: (head.get('Relays') as Uint8Array[] | null)?.map((relay) => relay.slice()),
    patches: Number(head.get('Patches')),
    unkept: Number(head.get('Unkept')),
    checkpoints: trailOf(head.get('Checkpoints') as TrailItems),
  }
}

type TrailItems = [bigint, [bigint, Uint8Array, bigint, bigint] | null, bigint, bigint, Uint8Array, Uint8Array]

function trailOf([count, who, lastSeconds, lastSeq, lastDigest, trace]: TrailItems): CheckpointTrail {
  return {
    count: Number(count),
    identity: who === null ? undefined : identityOf(who),
    lastSeconds,
    lastSeq: Number(lastSeq),
    lastDigest: lastDigest.slice(),
    trace: trace.slice(),
  }
}

function peaksOf([mmr, tree]: [Uint8Array[], Uint8Array[]]): LogPeaks {
  return { mmr: mmr.map((peak) => peak.slice()), tree: tree.map((peak) => peak.slice()) }
}

function identityOf([ChainID, registry, Relay, ShopID]: [bigint, Uint8Array, bigint, bigint]): LogIdentity {
  return { ChainID, Registry: registry.slice(), Relay, ShopID }
}

async function readState(input: Reader, head: ReadonlyMap<string, Cbor>, shopId: ShopId): Promise<ShopState> {
  const empty = emptyShop(shopId, SCHEMA_VERSION)
  const tries = new Map<string, Hamt>(triesOf(empty))
  for (const [name, size] of pairs(head.get('Tries') as Cbor[]) as [string, bigint][]) {
    let trie = tries.get(name)
    if (trie === undefined) throw new Error(`it has the trie ${name}`)
    for (let i = 0n; i < size; i++) trie = trie.set(await input.field(), await input.field())
    tries.set(name, trie)
  }
  const manifest = (head.get('Manifest') as Uint8Array | null)?.slice()
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, tries.get(name)!]))
  return {
    ...empty,
    manifest,
    collections: pick(COLLECTIONS) as ShopState['collections'],
    indexes: pick(INDEXES) as ShopState['indexes'],
  }
}

function pairs(flat: readonly Cbor[]): (readonly [Cbor, Cbor])[] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!] as const)
}

// Bytes

function prefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(toBigEndian(BigInt(bytes.length), 4), bytes)
}

class Writer {
  private readonly handle: FileHandle
  private readonly hash = createHash('sha256')
  private parts: Uint8Array[] = []
  private bytes = 0

  constructor(handle: FileHandle) {
    this.handle = handle
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.parts.push(bytes)
    this.bytes += bytes.length
    if (this.bytes >= CHUNK_BYTES) await this.flush()
  }

  async end(): Promise<void> {
    await this.flush()
    await this.handle.writeFile(this.hash.digest())
  }

  private async flush(): Promise<void> {
    const chunk = concatBytes(...this.parts)
    this.parts = []
    this.bytes = 0
    this.hash.update(chunk)
    await this.handle.writeFile(chunk)
  }
}

class Reader {
  private readonly handle: FileHandle
  private readonly hash: Hash = createHash('sha256')
  private chunk: Uint8Array = new Uint8Array(0)
  private at = 0

  constructor(handle: FileHandle) {
    this.handle = handle
  }

  /** A copy of the next bytes. */
  async take(length: number): Promise<Uint8Array> {
    const bytes = await this.next(length)
    this.hash.update(bytes)
    return bytes
  }

  async field(): Promise<Uint8Array> {
    const length = Number(fromBigEndian(await this.take(4)))
    if (length > FIELD_BYTES_MAX) throw new Error(`it has a field of ${length} bytes`)
    return this.take(length)
  }

  /** Throws if the digest is another, or something follows. */
  async end(): Promise<void> {
    const wanted = new Uint8Array(this.hash.digest())
    if (!equalBytes(await this.next(DIGEST_BYTES), wanted)) throw new Error('its digest is another')
    if ((await this.handle.read(new Uint8Array(1), 0, 1)).bytesRead > 0 || this.at < this.chunk.length)
      throw new Error('something follows its end')
  }

  private async next(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let wanted = length; wanted > 0;) {
      if (this.at === this.chunk.length) await this.refill()
      const part = this.chunk.slice(this.at, this.at + wanted)
      this.at += part.length
      wanted -= part.length
      parts.push(part)
    }
    return parts.length === 1 ? parts[0]! : concatBytes(...parts)
  }

  private async refill(): Promise<void> {
    const buffer = new Uint8Array(CHUNK_BYTES)
    const { bytesRead } = await this.handle.read(buffer, 0, CHUNK_BYTES)
    if (bytesRead === 0) throw new Error('it is cut off')
    this.chunk = buffer.subarray(0, bytesRead)
    this.at = 0
  }
}
