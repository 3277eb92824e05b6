/**
 * Whether an implementer's vectors and this implementation agree: the formats of the reference's generators
 * (vectors/README.md). Pure: bytes in, findings out.
 *
 * Tests: test/cli/vectors.test.ts
 */

import { recoverPublicKey, addressOf } from '#signature'
import { compareBytes, equalBytes } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { readJson } from '../bytes/json.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { diagnostic } from '../codec/diagnostic.js'
import { encode } from '../codec/encode.js'
import { SchemaError } from '../codec/schema.js'
import { mapFields } from '../codec/fields.js'
import { arrayItems, byteString, checkForm, type Span } from '../codec/span.js'
import { CborError, type Cbor } from '../codec/value.js'
import { CBOR_NESTING_MAX_IN_FILES } from '../limits.js'
import { Hamt, type HamtShape } from '../merkle/hamt.js'
import { patchLeafHash, PatchTree } from '../merkle/patch-proof.js'
import type { Listing, Variation } from '../objects/listing.js'
import type { ShippingRegion } from '../objects/manifest.js'
import type { PriceModifier } from '../objects/scalars.js'
import { readPatch } from '../patches/patch.js'
import { applyPatches, type Applied } from '../state/apply.js'
import { regionFor, totalOf } from '../state/pricing.js'
import { rebuildShop } from '../state/rebuild.js'
import { COLLECTIONS, stateHash, type Collection, type ShopState } from '../state/shop-state.js'
import { checkStateSections, STATE_SECTIONS } from './state-vectors.js'
import { checkLogSections, LOG_SECTIONS } from './log-vectors.js'
import { checkNoteSections, NOTE_FILE_KEYS } from './note-vectors.js'
import { checkReceiptSections, RECEIPT_SECTIONS } from './receipt-vectors.js'
import { checkReplicaSections, REPLICA_SECTIONS } from './replica-vectors.js'
import {
  differ,
  expectSame,
  joined,
  newFindings,
  VectorFileError,
  type Difference,
  type Findings,
} from './vector-findings.js'

/** Checks one file. Throws VectorFileError or CborError if it cannot be read. */
export function checkVectorFile(bytes: Uint8Array): Findings {
  try {
    return checkAny(bytes)
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    throw new VectorFileError(`a snapshot holds an object that is none: ${error.message}`, { cause: error })
  }
}

function checkAny(bytes: Uint8Array): Findings {
  const first = bytes.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
  return first === 0x5b || first === 0x7b ? checkJson(bytes) : checkCbor(bytes)
}

const AS_RELAY = { author: { role: 'relay' }, committedAt: 0n, reservationSeconds: 86_400n } as const

// CBOR files

function checkCbor(bytes: Uint8Array): Findings {
  checkForm(bytes, CBOR_NESTING_MAX_IN_FILES)
  const fields = mapFields(bytes, 0)
  if (fields.has('PatchSet') && fields.has('Snapshots')) return checkAccepted(bytes, fields)
  if (fields.has('Patches')) return checkRefused(bytes, fields.get('Patches')!)
  throw new VectorFileError('neither {PatchSet, Snapshots} nor {Patches}')
}

/** A set whose patches are applied one by one, each to its own Before. */
function checkAccepted(bytes: Uint8Array, fields: ReadonlyMap<string, Span>): Findings {
  const findings = newFindings()
  const set = fieldsAt(bytes, fields, 'PatchSet')
  const patches = arrayItems(bytes, spanOf(set, 'Patches').start).map((span) => slice(bytes, span))
  const snapshots = arrayItems(bytes, spanOf(fields, 'Snapshots').start)
  if (patches.length !== snapshots.length) throw new VectorFileError('as many Snapshots as Patches are needed')
  checkSigned(findings, bytes, fields, set, patches)
  for (const [i, patch] of patches.entries()) {
    const snapshot = mapFields(bytes, snapshots[i]!.start)
    const name = textAt(bytes, snapshot, 'Name')
    const before = readSnapshot(bytes, fieldsAt(bytes, snapshot, 'Before'))
    const after = readSnapshot(bytes, fieldsAt(bytes, snapshot, 'After'))
    for (const [place, { inlined }] of [
      ['Before', before],
      ['After', after],
    ] as const) {
      if (!inlined) findings.notes.push(`${name}: the Value of ${place} is not what its Encoded holds; Encoded counts`)
    }
    const unlike = differenceOfState(before, before.state)
    if (unlike !== undefined) differ(findings, `${name}, before: ${unlike.at}`, unlike.theirs, unlike.ours)
    else checkPatch(findings, name, patch, before, after)
  }
  return findings
}

function checkPatch(findings: Findings, name: string, patch: Uint8Array, before: Snapshot, after: Snapshot): void {
  const applied = apply(before.state, patch)
  if (!applied.ok) {
    if (applied.verdict.stricter) {
      findings.refusedOnPurpose++
      findings.notes.push(`${name}: refused on purpose: ${applied.verdict.message}`)
    } else differ(findings, name, 'accepted', `${applied.verdict.code}: ${applied.verdict.message}`)
    return
  }
  const difference = differenceOfState(after, applied.state)
  if (difference === undefined) findings.agree++
  else differ(findings, `${name}: ${difference.at}`, difference.theirs, difference.ours)
}

/** Root and signature of the set. */
function checkSigned(
  findings: Findings,
  bytes: Uint8Array,
  fields: ReadonlyMap<string, Span>,
  set: ReadonlyMap<string, Span>,
  patches: readonly Uint8Array[],
): void {
  const header = slice(bytes, spanOf(set, 'Header'))
  const root = byteString(header, spanOf(mapFields(header, 0), 'RootHash').start)
  expectSame(findings, 'Header.RootHash', root, new PatchTree(patches.map(patchLeafHash)).root)
  const signer = byteString(
    bytes,
    spanOf(fieldsAt(bytes, fieldsAt(bytes, fields, 'Signer'), 'Address'), 'Address').start,
  )
  const signature = byteString(bytes, spanOf(set, 'Signature').start)
  const key = signature.length === 65 ? recoverPublicKey(personalMessageDigest(header), signature) : undefined
  expectSame(findings, 'Signature', signer, key === undefined ? new Uint8Array() : addressOf(key))
}

/** Patches that are refused, each on its own Before. */
function checkRefused(bytes: Uint8Array, patches: Span): Findings {
  const findings = newFindings()
  for (const item of arrayItems(bytes, patches.start)) {
    const fields = mapFields(bytes, item.start)
    const name = textAt(bytes, fields, 'Name')
    const before = readSnapshot(bytes, fieldsAt(bytes, fields, 'Before'))
    const unlike = differenceOfState(before, before.state)
    if (unlike !== undefined)
      findings.notes.push(`${name}: its Before is not itself: ${unlike.at} ${unlike.theirs}, computed ${unlike.ours}`)
    const applied = apply(before.state, slice(bytes, spanOf(fields, 'Patch')))
    if (applied.ok) differ(findings, name, textAt(bytes, fields, 'Error'), 'accepted')
    else findings.agree++
  }
  return findings
}

/** A patch that cannot even be read is refused as INVALID, like any other. */
function apply(state: ShopState, patch: Uint8Array): Applied {
  try {
    checkForm(patch)
    return applyPatches(state, [readPatch(patch)], AS_RELAY)
  } catch (error) {
    if (!(error instanceof CborError) && (error as Error).name !== 'SchemaError') throw error
    return { ok: false, patchIndex: 0, verdict: { code: 'INVALID', message: (error as Error).message } }
  }
}

// Snapshots

interface Snapshot {
  readonly state: ShopState
  /** The manifest's and every leaf's bytes as the file has them. */
  readonly manifest: Uint8Array
  readonly shapes: Readonly<Record<Collection, HamtShape>>
  readonly hash: Uint8Array
  /** Whether Value holds the same as Encoded. */
  readonly inlined: boolean
}

function readSnapshot(bytes: Uint8Array, fields: ReadonlyMap<string, Span>): Snapshot {
  const encoded = byteString(bytes, spanOf(fields, 'Encoded').start)
  checkForm(encoded, CBOR_NESTING_MAX_IN_FILES)
  const shop = mapFields(encoded, 0)
  const manifest = slice(encoded, spanOf(shop, 'Manifest'))
  const shapes = Object.fromEntries(
    COLLECTIONS.map((name) => [name, shapeAt(encoded, spanOf(shop, name).start)]),
  ) as Record<Collection, HamtShape>
  const state = rebuildShop({
    shopId: decodeChecked(manifest, spanOf(mapFields(manifest, 0), 'ShopID').start) as bigint,
    schemaVersion: decodeChecked(encoded, spanOf(shop, 'SchemaVersion').start) as bigint,
    manifest: encode(decodeChecked(manifest)),
    objects: Object.fromEntries(COLLECTIONS.map((name) => [name, canonicalLeaves(shapes[name])])) as never,
  })
  const value = encode(decodeChecked(bytes, spanOf(fields, 'Value').start))
  const inlined = equalBytes(value, encode(decodeChecked(encoded)))
  return { state, manifest, shapes, hash: byteString(bytes, spanOf(fields, 'Hash').start), inlined }
}

/** A node `[bitmap, entries | null]`; an entry is `[key, value, null]` or `[null, any, node]`. */
function shapeAt(bytes: Uint8Array, start: number): HamtShape {
  const [bitmap, entries] = arrayItems(bytes, start)
  if (bitmap === undefined || entries === undefined) throw new VectorFileError('a trie node is [bitmap, entries]')
  const items = decodeChecked(bytes, entries.start) === null ? [] : arrayItems(bytes, entries.start)
  return {
    bitmap: decodeChecked(bytes, bitmap.start) as bigint,
    entries: items.map((item) => {
      const [key, value, node] = arrayItems(bytes, item.start)
      if (decodeChecked(bytes, key!.start) === null) return shapeAt(bytes, node!.start)
      return { key: byteString(bytes, key!.start), value: slice(bytes, value!) }
    }),
  }
}

function* canonicalLeaves(shape: HamtShape): IterableIterator<[Uint8Array, Uint8Array]> {
  for (const entry of shape.entries) {
    if ('key' in entry) yield [entry.key, encode(decodeChecked(entry.value))]
    else yield* canonicalLeaves(entry)
  }
}

/** The first thing in which `state` is not what the snapshot says. */
function differenceOfState(theirs: Snapshot, ours: ShopState): Difference | undefined {
  if (!equalBytes(theirs.manifest, ours.manifest!)) return difference('Manifest', theirs.manifest, ours.manifest!)
  for (const name of COLLECTIONS) {
    const found = differenceOfShape(name, theirs.shapes[name], ours.collections[name].shape())
    if (found !== undefined) return found
  }
  const hash = stateHash(ours)
  return equalBytes(theirs.hash, hash) ? undefined : { at: 'Hash', theirs: toHex(theirs.hash), ours: toHex(hash) }
}

function differenceOfShape(at: string, theirs: HamtShape, ours: HamtShape): Difference | undefined {
  if (theirs.bitmap !== ours.bitmap || theirs.entries.length !== ours.entries.length) {
    return { at: `${at}, slots`, theirs: theirs.bitmap.toString(2), ours: ours.bitmap.toString(2) }
  }
  for (const [i, their] of theirs.entries.entries()) {
    const our = ours.entries[i]!
    const found = 'key' in their ? differenceOfLeaf(at, their, our) : differenceOfChild(at, their, our)
    if (found !== undefined) return found
  }
  return undefined
}

function differenceOfLeaf(
  at: string,
  theirs: { key: Uint8Array; value: Uint8Array },
  ours: HamtShape['entries'][number],
): Difference | undefined {
  if (!('key' in ours)) return { at, theirs: `a leaf h'${toHex(theirs.key)}'`, ours: 'a node' }
  if (compareBytes(theirs.key, ours.key) !== 0)
    return { at, theirs: `h'${toHex(theirs.key)}'`, ours: `h'${toHex(ours.key)}'` }
  return equalBytes(theirs.value, ours.value)
    ? undefined
    : difference(`${at} h'${toHex(ours.key)}'`, theirs.value, ours.value)
}

function differenceOfChild(at: string, theirs: HamtShape, ours: HamtShape['entries'][number]): Difference | undefined {
  if ('key' in ours) return { at, theirs: 'a node', ours: `a leaf h'${toHex(ours.key)}'` }
  return differenceOfShape(at, theirs, ours)
}

// JSON files

interface HamtVector {
  operations: { type: string; key: string; value?: string }[]
  hashes: string[]
}

interface ProofVector {
  name: string
  patches: string[]
  root: string
  proofs: [number, number, string[]][]
}

type ModifierVector = { readonly percent: string } | { readonly absolute: string; readonly plus: boolean }

interface PriceVector {
  listings: Record<string, { price: string; options: Record<string, Record<string, ModifierVector | null>> }>
  items: { listing: string; variations: string[]; quantity: number }[]
  regions: Record<
    string,
    { country: string; postalCode: string; city: string; modifiers: Record<string, ModifierVector> }
  >
  address: { country: string; postalCode: string; city: string }
  result: { region: string; total: string } | { refused: string }
}

function checkJson(bytes: Uint8Array): Findings {
  const vectors = readJson(
    () => new TextDecoder().decode(bytes),
    (cause) => {
      throw new VectorFileError(`not JSON: ${cause.message}`, { cause })
    },
  )
  if (hasKeys(vectors, ...NOTE_FILE_KEYS)) return checkNoteSections(vectors as object)
  const isOfState = STATE_SECTIONS.some((section) => hasKeys(vectors, section))
  const isOfLog = LOG_SECTIONS.some((section) => hasKeys(vectors, section))
  const isOfReplica = REPLICA_SECTIONS.some((section) => hasKeys(vectors, section))
  const isOfReceipts = RECEIPT_SECTIONS.some((section) => hasKeys(vectors, section))
  if (isOfState || isOfLog || isOfReplica || isOfReceipts) return checkSections(vectors as object)
  if (!Array.isArray(vectors) || vectors.length === 0) throw new VectorFileError('not a list of vectors')
  const findings = newFindings()
  for (const [i, vector] of (vectors as unknown[]).entries()) {
    if (hasKeys(vector, 'operations', 'hashes')) checkHamt(findings, i, vector as HamtVector)
    else if (hasKeys(vector, 'patches', 'root', 'proofs')) checkProofs(findings, vector as ProofVector)
    else if (hasKeys(vector, 'listings', 'items', 'regions', 'result')) checkPrice(findings, i, vector as PriceVector)
    else
      throw new VectorFileError(
        `vector ${i} is none of {operations, hashes}, {patches, root, proofs} and {listings, items, regions, result}`,
      )
  }
  return findings
}

function checkSections(file: object): Findings {
  const checks = [checkStateSections, checkLogSections, checkReplicaSections, checkReceiptSections]
  return joined(...checks.map((check) => check(file)))
}

function checkPrice(findings: Findings, number: number, vector: PriceVector): void {
  const listings = new Map(Object.entries(vector.listings).map(([id, listing]) => [id, listingOf(BigInt(id), listing)]))
  const regions = new Map(Object.entries(vector.regions).map(([name, region]) => [name, regionOf(region)]))
  const { country: Country, postalCode: PostalCode, city: City } = vector.address
  const found = regionFor(regions, { Country, PostalCode, City })
  const items = vector.items.map(({ listing, variations, quantity }) => ({
    ListingID: BigInt(listing),
    VariationIDs: variations,
    Quantity: BigInt(quantity),
  }))
  const total = found && totalOf(items, found.region, (id) => listings.get(String(id)))
  const ours = found === undefined || typeof total === 'string' ? 'refused' : `${found.name}: ${total}`
  const { result } = vector
  const theirs = 'refused' in result ? 'refused' : `${result.region}: ${result.total}`
  if (theirs === ours) findings.agree++
  else differ(findings, `case ${number}`, JSON.stringify(theirs), JSON.stringify(ours))
}

function listingOf(ID: bigint, { price, options }: PriceVector['listings'][string]): Listing {
  const Options = new Map(
    Object.entries(options).map(([Title, variations]) => [
      Title,
      {
        Title,
        Variations: new Map(Object.entries(variations).map(([name, modifier]) => [name, variationOf(name, modifier)])),
      },
    ]),
  )
  return { ID, Price: BigInt(price), Metadata: { Title: 'x', Description: 'x' }, ViewState: 1n, Options }
}

function variationOf(name: string, modifier: ModifierVector | null): Variation {
  const VariationInfo = { Title: name, Description: name }
  return modifier === null ? { VariationInfo } : { VariationInfo, PriceModifier: modifierOf(modifier) }
}

function regionOf({ country, postalCode, city, modifiers }: PriceVector['regions'][string]): ShippingRegion {
  const PriceModifiers = new Map(Object.entries(modifiers).map(([name, modifier]) => [name, modifierOf(modifier)]))
  return { Country: country, PostalCode: postalCode, City: city, PriceModifiers }
}

function modifierOf(modifier: ModifierVector): PriceModifier {
  if ('percent' in modifier) return { ModificationPercent: BigInt(modifier.percent) }
  return { ModificationAbsolute: { Amount: BigInt(modifier.absolute), Plus: modifier.plus } }
}

function hasKeys(vector: unknown, ...keys: string[]): boolean {
  return typeof vector === 'object' && vector !== null && keys.every((key) => Object.hasOwn(vector, key))
}

/** A defect of the reference that its own vectors show (PROTOCOL §14): no agreement, and no difference of ours. */
const STALE = 'their hash is the one before this update: the reference forgets to compute it anew'

function checkHamt(findings: Findings, number: number, { operations, hashes }: HamtVector): void {
  let trie = Hamt.empty
  for (const [i, { type, key, value }] of operations.entries()) {
    const keyBytes = fromHex(key)
    const place = `${number}, operation ${i} (${type})`
    const updates = type !== 'delete' && trie.has(keyBytes)
    const before = trie
    trie = type === 'delete' ? trie.delete(keyBytes) : trie.set(keyBytes, encode(value ?? ''))
    if (updates && trie !== before && i > 0 && hashes[i] === hashes[i - 1]) findings.notes.push(`${place}: ${STALE}`)
    else expectSame(findings, place, fromHex(hashes[i] ?? ''), trie.digest())
  }
}

function checkProofs(findings: Findings, { name, patches, root, proofs }: ProofVector): void {
  const tree = new PatchTree(patches.map((patch) => patchLeafHash(fromHex(patch))))
  expectSame(findings, `${name}: root`, fromHex(root), tree.root)
  for (const [i, [index, size, path]] of proofs.entries()) {
    const theirs = encode([BigInt(index), BigInt(size), path.length === 0 ? null : path.map(fromHex)])
    expectSame(findings, `${name}: proof ${i}`, theirs, tree.proof(i))
  }
}

// Differences

function difference(at: string, theirs: Uint8Array, ours: Uint8Array): Difference {
  const [their, our] = [decodeChecked(theirs), decodeChecked(ours)]
  return (
    narrowed(at, their, our) ?? { at: `${at}, its bytes`, theirs: `h'${toHex(theirs)}'`, ours: `h'${toHex(ours)}'` }
  )
}

/** The innermost field in which two values differ. */
function narrowed(at: string, theirs: Cbor, ours: Cbor): Difference | undefined {
  if (theirs instanceof Map && ours instanceof Map) {
    for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
      if (key instanceof Uint8Array) break
      const [their, our] = [theirs.get(key), ours.get(key)]
      if (their === undefined || our === undefined) {
        return {
          at: `${at}.${key}`,
          theirs: their === undefined ? 'absent' : diagnostic(their),
          ours: our === undefined ? 'absent' : diagnostic(our),
        }
      }
      const found = narrowed(`${at}.${key}`, their, our)
      if (found !== undefined) return found
    }
  }
  const [their, our] = [diagnostic(theirs), diagnostic(ours)]
  return their === our ? undefined : { at, theirs: their, ours: our }
}

// Places in a file

function slice(bytes: Uint8Array, { start, end }: Span): Uint8Array {
  return bytes.subarray(start, end)
}

function spanOf(fields: ReadonlyMap<string, Span>, name: string): Span {
  const span = fields.get(name)
  if (span === undefined) throw new VectorFileError(`the field ${name} is missing`)
  return span
}

function fieldsAt(bytes: Uint8Array, fields: ReadonlyMap<string, Span>, name: string): Map<string, Span> {
  return mapFields(bytes, spanOf(fields, name).start)
}

function textAt(bytes: Uint8Array, fields: ReadonlyMap<string, Span>, name: string): string {
  const text = decodeChecked(bytes, spanOf(fields, name).start)
  return typeof text === 'string' ? text : diagnostic(text)
}
