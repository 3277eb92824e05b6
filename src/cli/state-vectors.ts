/**
 * The sections of a file like state-kat.json that are of the state tree and its proofs (PROOFS §1): each as the file's
 * own `format` says. Sections that are not there are not asked for. Pure: values in, findings out.
 *
 * Tests: test/cli/state-vectors.test.ts
 */

import { sha256 } from '#hash'
import { compareBytes } from '../bytes/bytes.js'
import { fromHex, HexError, toHex } from '../bytes/hex.js'
import {
  collectionSalt,
  encodeLevel,
  readLevel,
  readStateProofs,
  SALTED_COLLECTIONS,
  saltedRoot,
  STATE_COLLECTIONS,
  stateLeaf,
  stateLeafDigest,
  StateProofError,
  stateRoot,
  StateRootStream,
  verifyStateProofs,
  type Level,
  type SaltedCollection,
  type StateCollection,
  type StateObject,
  type StateQuestion,
  type TreeLeaf,
} from '../merkle/state-proof.js'
import { byCollection } from '../merkle/state-level.js'
import { encodeStateProofs } from '../merkle/state-proof-form.js'
import { sharedBits } from '../merkle/state-tree.js'
import { rebuildShop } from '../state/rebuild.js'
import { COLLECTIONS, stateHash } from '../state/shop-state.js'
import { expectEqual, expectSame, newFindings, VectorFileError, type Findings } from './vector-findings.js'

/** In the order in which they are checked. */
export const STATE_SECTIONS = [
  'collections',
  'trees_by_K',
  'shops',
  'state_proofs',
  'state_proofs_refused',
  'multiproofs',
  'multiproofs_refused',
] as const

type History = readonly [lastSeq: number | string, trail: string]
export type EntryRow = readonly [key: string, value: string] | readonly [key: string, value: string, ...History]
export type AnswerRow = null | string | readonly [value: string, ...History]
type QuestionRow = readonly [collection: StateCollection | 'Manifest', key: string]

/** Bytes in full, or spliced ones of another row. */
interface BytesRow {
  readonly proofs?: string
  readonly base?: readonly [section: 'state_proofs' | 'multiproofs', index: number]
  readonly splices?: readonly (readonly [from: number, to: number, hex: string])[]
}

export interface ProofRow extends BytesRow {
  readonly name: string
  readonly shop: string
  readonly asked: readonly QuestionRow[]
  readonly answers: readonly AnswerRow[]
  readonly sizes?: { readonly this: number; readonly one_by_one: number }
}

interface RefusedRow extends BytesRow {
  readonly name: string
  readonly reason: string
  readonly refused_as: string
  readonly shop_id: string
  readonly state_root: string
  readonly asked: readonly QuestionRow[]
}

export interface ShopRow {
  readonly shop_id: string
  readonly secret: string
  readonly manifest: string
  readonly collections: Readonly<Record<StateCollection, readonly EntryRow[]>>
  readonly roots: Readonly<Record<StateCollection, string>>
  readonly salts: Readonly<Record<SaltedCollection, string>>
  readonly salted: Readonly<Record<SaltedCollection, string>>
  readonly order_value_hash: string | null
  readonly level: string
  readonly state_root_preimage: string
  readonly state_root: string
  readonly state_hash: string
}

/** What the sections hold, as far as it is read here. */
export interface StateFile {
  readonly collections: readonly {
    readonly name: string
    readonly collection: StateCollection
    /** The last one's are those of shops.kat.Inventory. */
    readonly entries?: readonly EntryRow[]
    readonly root: string
    readonly leaves?: readonly (readonly [keyHash: string, valueHash: string, leaf: string, depth: number])[]
  }[]
  readonly trees_by_K: readonly {
    readonly name: string
    readonly leaves: readonly (readonly [keyHash: string, valueHash: string])[]
    readonly depths: readonly number[]
    readonly root: string
  }[]
  readonly shops: Readonly<Record<string, ShopRow>>
  readonly state_proofs: readonly ProofRow[]
  readonly state_proofs_refused: readonly RefusedRow[]
  readonly multiproofs: readonly ProofRow[]
  readonly multiproofs_refused: readonly RefusedRow[]
}

/** Checks all sections of STATE_SECTIONS that `file` has. Throws VectorFileError where they have another shape. */
export function checkStateSections(file: object): Findings {
  const findings = newFindings()
  try {
    const check = new StateCheck(file as StateFile, findings)
    for (const section of STATE_SECTIONS) if (Object.hasOwn(file, section)) check[section]()
  } catch (error) {
    const isForm = [TypeError, RangeError, SyntaxError, HexError].some((type) => error instanceof type)
    if (!isForm) throw error
    throw new VectorFileError(`a section is not as its format says: ${(error as Error).message}`, { cause: error })
  }
  return findings
}

export function bytesOf(file: StateFile, { proofs, base, splices = [] }: BytesRow): Uint8Array {
  if (base === undefined) return fromHex(proofs!)
  let hex = file[base[0]][base[1]]!.proofs!
  for (const [from, to, part] of splices.toReversed()) hex = hex.slice(0, 2 * from) + part + hex.slice(2 * to)
  return fromHex(hex)
}

export function questionsOf(asked: readonly QuestionRow[]): StateQuestion[] {
  return asked.map(([collection, key]) => [collection, fromHex(key)])
}

export function objectOf(answer: AnswerRow): StateObject | undefined {
  if (answer === null) return undefined
  if (typeof answer === 'string') return { value: fromHex(answer) }
  const [value, lastSeq, trail] = answer
  return { value: fromHex(value), history: { lastSeq: BigInt(lastSeq), trail: fromHex(trail) } }
}

export function entriesOf(rows: readonly EntryRow[]): [key: Uint8Array, object: StateObject][] {
  return rows.map(([key, ...rest]) => [fromHex(key), objectOf(rest.length === 1 ? rest[0] : rest)!])
}

type HashedLeaf = Pick<TreeLeaf, 'keyHash' | 'valueHash'>

/** One method a section. */
class StateCheck implements Record<(typeof STATE_SECTIONS)[number], () => void> {
  private readonly file: StateFile
  private readonly findings: Findings

  constructor(file: StateFile, findings: Findings) {
    this.file = file
    this.findings = findings
  }

  collections(): void {
    for (const { name, collection, entries, root, leaves: theirs } of this.file.collections) {
      const at = (what: string) => `collections, ${name}: ${what}`
      const rows = entries ?? this.file.shops['kat']!.collections[collection]
      const leaves = entriesOf(rows).map(([key, object]) => stateLeaf(key, object))
      expectSame(this.findings, at('root'), fromHex(root), rootOf(leaves))
      if (theirs === undefined) continue
      const depths = depthsOf(leaves)
      const ours = leaves.map((leaf, i) => [
        ...[leaf.keyHash, leaf.valueHash, stateLeafDigest(leaf)].map(toHex),
        depths[i],
      ])
      this.expectJson(at('leaves'), theirs, ours)
    }
  }

  trees_by_K(): void {
    for (const { name, leaves: rows, depths, root } of this.file.trees_by_K) {
      const leaves = rows.map(([keyHash, valueHash]) => ({ keyHash: fromHex(keyHash), valueHash: fromHex(valueHash) }))
      expectSame(this.findings, `trees_by_K, ${name}: root`, fromHex(root), rootOf(leaves))
      this.expectJson(`trees_by_K, ${name}: depths`, depths, depthsOf(leaves))
    }
  }

  shops(): void {
    for (const [name, shop] of Object.entries(this.file.shops)) this.shop(`shops, ${name}`, shop)
  }

  state_proofs(): void {
    for (const row of this.file.state_proofs) this.proof(`state_proofs: ${row.name}`, row)
  }

  state_proofs_refused(): void {
    for (const row of this.file.state_proofs_refused) this.refused(`state_proofs_refused: ${row.name}`, row)
  }

  multiproofs(): void {
    for (const row of this.file.multiproofs) {
      this.proof(`multiproofs: ${row.name}`, row)
      if (row.sizes !== undefined)
        this.expectJson(`multiproofs: ${row.name}: sizes.this`, row.sizes.this, bytesOf(this.file, row).length)
    }
  }

  multiproofs_refused(): void {
    for (const row of this.file.multiproofs_refused) this.refused(`multiproofs_refused: ${row.name}`, row)
  }

  private shop(at: string, shop: ShopRow): void {
    const same = (what: string, theirs: string, ours: Uint8Array) =>
      expectSame(this.findings, `${at}: ${what}`, fromHex(theirs), ours)
    const roots = byCollection((name) => rootOf(leavesOf(shop, name)))
    for (const name of STATE_COLLECTIONS) same(`roots.${name}`, shop.roots[name], roots[name])
    for (const name of SALTED_COLLECTIONS) {
      const salt = collectionSalt(fromHex(shop.secret), name)
      same(`salts.${name}`, shop.salts[name], salt)
      roots[name] = saltedRoot(salt, roots[name])
      same(`salted.${name}`, toHex(sha256(fromHex(shop.salted[name]))), roots[name])
    }
    const order = entriesOf(shop.collections.Orders).find(([key]) => key.length === 8)
    if (order !== undefined && shop.order_value_hash !== null)
      same('order_value_hash', toHex(sha256(fromHex(shop.order_value_hash))), stateLeaf(...order).valueHash)
    const level: Level = { schemaVersion: 4n, manifestHash: sha256(fromHex(shop.manifest)), roots }
    same('level', shop.level, encodeLevel(level))
    same('level, read', shop.level, encodeLevel(readLevel(fromHex(shop.level))))
    same('state_root_preimage', toHex(sha256(fromHex(shop.state_root_preimage))), stateRoot(level))
    same('state_root', shop.state_root, stateRoot(level))
    same('state_hash', shop.state_hash, stateHashOf(shop))
  }

  /** Its answers, and that its bytes are those that we write for what it claims. */
  private proof(at: string, row: ProofRow): void {
    const bytes = bytesOf(this.file, row)
    const asked = questionsOf(row.asked)
    const shop = this.file.shops[row.shop]!
    const claim = { shopId: BigInt(shop.shop_id), stateRoot: fromHex(shop.state_root), asked }
    const shown = (answers: readonly (StateObject | undefined)[]) => JSON.stringify(answers.map(answerRow))
    const result = outcome(() => shown(verifyStateProofs(bytes, claim).answers))
    expectEqual(this.findings, at, shown(row.answers.map(objectOf)), result)
    if (!result.startsWith('refused'))
      expectSame(this.findings, `${at}: written`, bytes, encodeStateProofs(readStateProofs(bytes, asked.length)))
  }

  private refused(at: string, row: RefusedRow): void {
    const claim = { shopId: BigInt(row.shop_id), stateRoot: fromHex(row.state_root), asked: questionsOf(row.asked) }
    const ours = outcome(() => void verifyStateProofs(bytesOf(this.file, row), claim))
    expectEqual(this.findings, at, `refused: ${row.reason}`, ours, ours.startsWith('refused'))
  }

  private expectJson(at: string, theirs: unknown, ours: unknown): void {
    expectEqual(this.findings, at, JSON.stringify(theirs), JSON.stringify(ours))
  }
}

/** What `act` says, or why its proof is refused. */
function outcome(act: () => string | void): string {
  try {
    return act() ?? 'accepted'
  } catch (error) {
    if (!(error instanceof StateProofError)) throw error
    return `refused: ${error.message}`
  }
}

export function answerRow(object: StateObject | undefined): unknown {
  if (object === undefined) return null
  const { value, history } = object
  return history === undefined ? toHex(value) : [toHex(value), String(history.lastSeq), toHex(history.trail)]
}

function leavesOf(shop: ShopRow, name: StateCollection): TreeLeaf[] {
  return entriesOf(shop.collections[name]).map(([key, object]) => stateLeaf(key, object))
}

function rootOf(leaves: readonly HashedLeaf[]): Uint8Array {
  const stream = new StateRootStream()
  for (const leaf of sorted(leaves)) stream.add(leaf)
  return stream.root()
}

/** Where each leaf stands, in their order: one below the last place that it shares with another. */
function depthsOf(leaves: readonly HashedLeaf[]): number[] {
  const hashes = sorted(leaves).map(({ keyHash }) => keyHash)
  return leaves.map(({ keyHash }) => {
    const i = hashes.indexOf(keyHash)
    const beside = [hashes[i - 1], hashes[i + 1]].filter((other) => other !== undefined)
    return beside.length === 0 ? 0 : 1 + Math.max(...beside.map((other) => sharedBits(keyHash, other)))
  })
}

function sorted(leaves: readonly HashedLeaf[]): HashedLeaf[] {
  return leaves.toSorted((a, b) => compareBytes(a.keyHash, b.keyHash))
}

/** PROTOCOL §6: neither Cards nor the cards' entries among the Orders are in it. */
function stateHashOf({ shop_id, manifest, collections }: ShopRow): Uint8Array {
  const objects = Object.fromEntries(
    COLLECTIONS.map((name) => [
      name,
      entriesOf(collections[name])
        .filter(([key]) => name !== 'Orders' || key.length === 8)
        .map(([key, { value }]) => [key, value] as const),
    ]),
  )
  const contents = { shopId: BigInt(shop_id), schemaVersion: 4n, manifest: fromHex(manifest) }
  return stateHash(rebuildShop({ ...contents, objects: objects as never }))
}
