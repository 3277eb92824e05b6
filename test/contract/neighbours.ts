/** Values that differ from a given one in one place: broken by another type or an entry too many, or at an edge of the type. */

import { utf8 } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { CborTime } from '../../src/codec/value.js'
import type { Cbor, CborKey, CborMap } from '../../src/codec/value.js'

export interface Neighbour {
  /** Where it differs and how. */
  readonly name: string
  readonly value: Cbor
}

/** Broken values. `isFree`: whether anything may stand in a map under that key; nothing is broken there. */
export function neighbours(value: Cbor, isFree: (key: CborKey) => boolean = () => false): Neighbour[] {
  return variants(value, brokenItems, isFree)
}

/** Values with an integer, text, byte string, map or array that is as small or as large as its kind allows. */
export function edges(value: Cbor): Neighbour[] {
  return variants(value, edgesOf, () => false)
}

type Variants = (item: Cbor) => readonly Neighbour[]

function variants(value: Cbor, of: Variants, isFree: (key: CborKey) => boolean): Neighbour[] {
  const own = [...of(value)]
  if (value instanceof Map) return [...own, ...insideMap(value as CborMap, of, isFree)]
  return Array.isArray(value) ? [...own, ...insideArray(value, of, isFree)] : own
}

function brokenItems(item: Cbor): readonly Neighbour[] {
  if (item instanceof Map) return brokenMaps(item as CborMap)
  return Array.isArray(item) ? brokenArrays(item) : brokenLeaves(item)
}

function edgesOf(item: Cbor): readonly Neighbour[] {
  if (typeof item === 'bigint') return named(0n, 1n, 3n, 7n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 256n - 1n)
  if (typeof item === 'string')
    return named('', ' \u00a0', 'x', 'a|b', 'é'.repeat(127), 'é'.repeat(128), 'a@b.c', '+1234567')
  if (item instanceof Uint8Array) return [0, 1, 20, 32, 33, 65].flatMap((length) => named(new Uint8Array(length)))
  if (item instanceof Map) return named(new Map())
  return Array.isArray(item) ? named([]) : []
}

function named(...values: readonly Cbor[]): Neighbour[] {
  return values.map((value) => ({ name: `edge ${edgeName(value)}`, value }))
}

/** `map` without one of its keys, for each of them. */
export function withoutOneKey(map: CborMap): { readonly key: CborKey; readonly value: Cbor }[] {
  return [...map.keys()].map((key) => ({ key, value: new Map([...map].filter(([other]) => other !== key)) }))
}

/** A byte string in place of an integer is the mistake of the description that this one replaces. */
function brokenLeaves(value: Cbor): Neighbour[] {
  if (typeof value === 'bigint')
    return [
      { name: 'an integer as bytes', value: Uint8Array.of(Number(value & 0xffn)) },
      { name: 'an integer as text', value: String(value) },
      { name: 'a negative integer', value: -1n - value },
      { name: 'an integer as null', value: null },
      { name: 'an integer of 257 bits', value: 2n ** 256n + value },
    ]
  if (value instanceof Uint8Array)
    return [
      { name: 'bytes as text', value: toHex(value) },
      { name: 'bytes as an integer', value: 0n },
      { name: '33 bytes more', value: new Uint8Array(value.length + 33) },
      { name: 'no bytes', value: new Uint8Array(0) },
    ]
  if (typeof value === 'string')
    return [
      { name: 'text as bytes', value: utf8(value) },
      { name: 'text as a boolean', value: true },
    ]
  if (value instanceof CborTime)
    return [
      { name: 'a time without tag', value: value.seconds },
      { name: 'a time as text', value: '2023-11-14T22:13:20Z' },
    ]
  if (typeof value === 'boolean') return [{ name: 'a boolean as an integer', value: BigInt(value) }]
  return [{ name: 'null as an integer', value: 0n }]
}

function brokenMaps(map: CborMap): Neighbour[] {
  return [
    { name: 'a map as an array', value: [...map.values()] },
    { name: 'an unknown text key', value: new Map<CborKey, Cbor>([...map, ['Unknown', false]]) },
    { name: 'an unknown integer key', value: new Map<CborKey, Cbor>([...map, [-1n, 0n]]) },
  ]
}

function insideMap(map: CborMap, of: Variants, isFree: (key: CborKey) => boolean): Neighbour[] {
  return [...map]
    .filter(([key]) => !isFree(key))
    .flatMap(([key, item]) =>
      variants(item, of, isFree).map(({ name, value }) => ({
        name: `${nameOf(key)}: ${name}`,
        value: new Map([...map].map(([other, old]) => [other, other === key ? value : old] as const)),
      })),
    )
}

function brokenArrays(items: readonly Cbor[]): Neighbour[] {
  return [
    { name: 'an array as a map', value: new Map(items.map((item, i) => [BigInt(i), item] as const)) },
    { name: 'an element too many', value: [...items, false] },
  ]
}

function insideArray(items: readonly Cbor[], of: Variants, isFree: (key: CborKey) => boolean): Neighbour[] {
  return items.flatMap((item, i) =>
    variants(item, of, isFree).map(({ name, value }) => ({
      name: `${i}: ${name}`,
      value: items.map((old, j) => (j === i ? value : old)),
    })),
  )
}

function nameOf(key: CborKey): string {
  return key instanceof Uint8Array ? toHex(key) : String(key)
}

function edgeName(value: Cbor): string {
  if (value instanceof Uint8Array) return `of ${value.length} bytes`
  return typeof value === 'bigint' || typeof value === 'string' ? String(value) : 'empty'
}
