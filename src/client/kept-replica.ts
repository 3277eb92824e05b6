/**
 * A replica that is kept between two runs: what was proven as of one checkpoint, with all that proves it. Whoever
 * brings it back believes none of it: signature, roots and proofs are checked as if the relay had sent it.
 *
 * Tests: test/client/kept-replica.test.ts
 */

import type { ShopId } from '../brands.js'
import { toHex } from '../bytes/hex.js'
import { DeterministicReader } from '../codec/deterministic-form.js'
import { encode, type Encodable } from '../codec/encode.js'
import { CborError, type CborKey } from '../codec/value.js'
import { OBJECT_BYTES_MAX } from '../limits.js'
import { encodeLevel, readLevel, type Level } from '../merkle/state-level.js'
import type { SignedCheckpoint } from '../proofs/checkpoint.js'
import { HeldObjects } from '../proofs/held-objects.js'
import type { Salts, SnapshotItem, SnapshotObject } from '../proofs/snapshot.js'
import {
  encodeSalts,
  encodeSnapshotObject,
  encodeStateQuestion,
  isGuestsAccount,
  readSalts,
  readSnapshotObject,
  readStateQuestion,
} from '../wire/snapshot-payloads.js'
import type { PartProofs } from './part-proofs.js'
import { filtersOf, type Part } from './parts.js'
import type { KnownRelay } from './shop-checkpoints.js'
import type { Steps } from './slices.js'

/** Where a replica is kept: one string of bytes, of which the newest counts. */
export interface ReplicaStore {
  /** What was saved last; undefined if nothing was. */
  load(): Promise<Uint8Array | undefined>
  /** All of it or nothing: what was saved before stays until this is there whole. */
  save(bytes: Uint8Array): Promise<void>
}

/** What is kept, none of it checked. */
export interface KeptReplica {
  /** Of what it was kept: see keptFor. */
  readonly purpose: string
  readonly signed: SignedCheckpoint
  readonly level: Level
  readonly salts: Salts
  /** In the order of a snapshot. */
  readonly items: readonly SnapshotItem[]
  readonly parts: PartProofs | undefined
}

/** Bytes that are no kept replica, or of another version of it. */
class KeptReplicaError extends Error {
  override readonly name = 'KeptReplicaError'
}

const VERSION = 1n

/** Shop, relay, card and parts as one text: of another subscription nothing can be gone on from. */
export function keptFor(
  shop: { readonly shopId: ShopId; readonly relay: KnownRelay; readonly card: Uint8Array | undefined },
  parts: readonly Part[] | undefined,
): string {
  const filters = filtersOf(parts).map(
    ({ objectType, objectId }) => `${objectType}:${toHex(objectId ?? new Uint8Array(0))}`,
  )
  const card = shop.card === undefined ? '' : toHex(shop.card)
  return [shop.shopId, toHex(shop.relay.keys[0]!), card, parts === undefined ? 'all' : filters.join(',')].join(' ')
}

/** What was kept, as if all of it were true: to be shown before it is checked. Throws what reading an object throws. */
export function* heldIn({ items }: KeptReplica): Steps<HeldObjects> {
  const held = new HeldObjects()
  for (const { question, object } of items) {
    if (!isGuestsAccount(question)) held.put({ question, object }, 0n)
    yield
  }
  // Most pages show a list of them at once.
  yield* held.readSteps('Listings')
  return held
}

/** Fresh. */
export function* encodeKept(
  kept: Omit<KeptReplica, 'items'> & { readonly objects: Iterable<SnapshotObject> },
): Steps<Uint8Array> {
  const objects: Uint8Array[] = []
  for (const object of kept.objects) {
    objects.push(...itemsOf(object).map(encodeSnapshotObject))
    yield
  }
  const fields: [CborKey, Encodable][] = [
    ['Level', encodeLevel(kept.level)],
    ['Salts', encodeSalts(kept.salts)],
    ['Objects', objects],
    ['Purpose', kept.purpose],
    ['Version', VERSION],
    ['Checkpoint', [...kept.signed]],
  ]
  if (kept.parts !== undefined) fields.push(['Parts', partsValue(kept.parts)])
  return encode(new Map(fields))
}

/** Byte strings are views. Throws KeptReplicaError, ProofPayloadError, StateProofError. */
export function* readKept(bytes: Uint8Array): Steps<KeptReplica> {
  try {
    const reader = new DeterministicReader(bytes)
    const kept = yield* readFields(reader)
    reader.end()
    return kept
  } catch (error) {
    if (error instanceof CborError) throw new KeptReplicaError(`no kept replica: ${error.message}`, { cause: error })
    throw error
  }
}

/** In deterministic order: shorter names first. */
function* readFields(reader: DeterministicReader): Steps<KeptReplica> {
  const fields = reader.map()
  const field = (name: string) => {
    if (!reader.takeText(name)) throw new KeptReplicaError(`no kept replica of version ${VERSION}: ${name} is missing`)
  }
  field('Level')
  const level = readLevel(reader.bytes())
  const parts = fields === 7 && reader.takeText('Parts') ? readParts(reader) : undefined
  field('Salts')
  const salts = readSalts(reader.bytes())
  field('Objects')
  const items: SnapshotItem[] = []
  for (let count = reader.array(); count > 0; count--, yield) items.push(readSnapshotObject(reader.bytes()))
  field('Purpose')
  const purpose = reader.text()
  field('Version')
  const version = reader.uint()
  if (version !== VERSION) throw new KeptReplicaError(`version ${version}, and ${VERSION} is known`)
  field('Checkpoint')
  reader.array()
  const signed: SignedCheckpoint = [reader.bytes(), reader.bytes()]
  return { purpose, signed, level, salts, items, parts }
}

/** The guests' account may be longer than an object. */
function itemsOf({ question, object }: SnapshotObject): SnapshotItem[] {
  if (!isGuestsAccount(question)) return [{ question, object }]
  const count = Math.ceil(object.value.length / OBJECT_BYTES_MAX)
  return Array.from({ length: count }, (_, i) => {
    const value = object.value.subarray(i * OBJECT_BYTES_MAX, (i + 1) * OBJECT_BYTES_MAX)
    return { question, object: { value }, more: i + 1 < count }
  })
}

function partsValue({ singles, own }: PartProofs): Encodable {
  const proofs = singles.map((one): Encodable => [one.questions.map(encodeStateQuestion), one.proofs])
  const orders = own && [own.list.map((listed): Encodable => [...listed]), own.proofs, [...own.rest]]
  return orders === undefined ? [proofs] : [proofs, orders]
}

function readParts(reader: DeterministicReader): PartProofs {
  const count = reader.array()
  const singles = listOf(reader, () => {
    reader.array()
    const questions = listOf(reader, () => readStateQuestion(reader.bytes()))
    return { questions, proofs: reader.bytes() }
  })
  if (count === 1) return { singles }
  reader.array()
  const list = listOf(reader, () => {
    reader.array()
    return [reader.uint(), reader.uint()] as const
  })
  const proofs = reader.bytes()
  return { singles, own: { list, proofs, rest: listOf(reader, () => reader.bytes()) } }
}

function listOf<T>(reader: DeterministicReader, read: () => T): T[] {
  return Array.from({ length: reader.array() }, read)
}
