/** The reference vectors that hold CBOR of the contract, decoded. Their provenance is in vectors/README.md. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { decode } from '../../src/codec/decode.js'
import type { Cbor, CborMap } from '../../src/codec/value.js'
import { CBOR_NESTING_MAX_IN_FILES } from '../../src/limits.js'

export interface NamedValue {
  readonly name: string
  readonly value: Cbor
}

export interface VectorFile {
  readonly name: string
  /** The whole set of an accepting file. */
  readonly patchSet?: Cbor
  readonly patches: readonly NamedValue[]
  /** States before and after each patch, as stored (`Encoded`) and as written out in the file (`Value`). */
  readonly states: readonly NamedValue[]
}

export const acceptingFiles: readonly VectorFile[] = [
  'InventoryOkay',
  'ListingOkay',
  'ManifestOkay',
  'SimpleShoppingTrip',
].map(readAccepting)

export const refusingFiles: readonly VectorFile[] = ['ListingError', 'OrderError', 'TagError'].map(readRefusing)

/** The bytes of a file below vectors/. */
export function readVectorFile(path: string): Uint8Array {
  return readFileSync(fileURLToPath(new URL(`../../vectors/${path}`, import.meta.url)))
}

/** `value`'s field of that name, which has to be there. */
export function field(value: Cbor, name: string): Cbor {
  const found = value instanceof Map ? (value as CborMap).get(name) : undefined
  if (found === undefined) throw new Error(`no field ${name}`)
  return found
}

function readAccepting(name: string): VectorFile {
  const file = decode(readVectorFile(`reference/${name}.cbor`), CBOR_NESTING_MAX_IN_FILES)
  const patchSet = field(file, 'PatchSet')
  const snapshots = items(field(file, 'Snapshots'))
  const patches = items(field(patchSet, 'Patches')).map((value, i) => ({ name: nameIn(snapshots.at(i)), value }))
  const states = snapshots.flatMap((snapshot) => [
    ...statesIn(`${nameIn(snapshot)} before`, field(snapshot, 'Before')),
    ...statesIn(`${nameIn(snapshot)} after`, field(snapshot, 'After')),
  ])
  return { name, patchSet, patches, states }
}

function readRefusing(name: string): VectorFile {
  const file = decode(readVectorFile(`reference/${name}.cbor`), CBOR_NESTING_MAX_IN_FILES)
  const entries = items(field(file, 'Patches'))
  return {
    name,
    patches: entries.map((entry) => ({ name: nameIn(entry), value: field(entry, 'Patch') })),
    states: entries.flatMap((entry) => statesIn(nameIn(entry), field(entry, 'Before'))),
  }
}

function statesIn(name: string, snapshot: Cbor): NamedValue[] {
  const encoded = field(snapshot, 'Encoded')
  if (!(encoded instanceof Uint8Array)) throw new Error(`${name}: Encoded is no byte string`)
  return [
    { name: `${name}, encoded`, value: decode(encoded, CBOR_NESTING_MAX_IN_FILES) },
    { name: `${name}, written out`, value: field(snapshot, 'Value') },
  ]
}

function nameIn(entry: Cbor | undefined): string {
  const name = entry === undefined ? undefined : field(entry, 'Name')
  if (typeof name !== 'string') throw new Error('an entry without a name')
  return name
}

function items(value: Cbor): readonly Cbor[] {
  if (!Array.isArray(value)) throw new Error('not an array')
  return value as readonly Cbor[]
}
