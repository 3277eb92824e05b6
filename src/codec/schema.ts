/**
 * Schemas: the shape of an object as a value, its TypeScript type inferred from it, read from and written to CBOR
 * values.
 *
 * `read` takes what a client sent and raises SchemaError for a wrong shape; `write` gives the canonical form of
 * PROTOCOL §3: optional fields that are empty are left out, required maps and arrays that nobody wrote are null,
 * false and 0 are written. Rules between fields (blank titles, unique names) are the objects' own, not the schema's.
 *
 * Old logs stay replayable when every set that was ever accepted is accepted still and leads to the same canonical
 * bytes, for these make the state hash that the log holds (a ReplayError otherwise). A start replays the log's tail
 * only, so what breaks may show at the first rebuild only, long after. For a field of an object:
 *
 *   keeps   one more value in `oneOf` · a wider bound of numbers, lengths, counts or names · a form that was refused
 * and
 *           is now read as a value that exists already · `required` made `defaulting` or `nullable`, or, where its
 *           schema is never empty, `optional` · another order of the fields here (the encoder sorts)
 *   breaks  a new `required` field (old values lack it) · a new `defaulting` or `nullable` one (it is always written)
 *           · `optional` made anything else · `defaulting` or `nullable` made `optional` or each other · another
 *           default · a narrower bound, pattern or rule · a field that is removed, or renamed, also with its old name
 *           as an alias · another `write` or `isEmpty` · another reading of a form that was accepted (fractions of a
 *           second, say)
 *
 * A new `optional` field and one more spelling (alias) break too, since a field that is not listed is ignored (PROTOCOL
 * §3) and any log may hold any name; up to the version that ignores them, logs hold none. The rules of state/ are
 * replayed like schemas, with the bounds that they ask; what is checked only when a set arrives (ingest, payment rules
 * of State→4) is free to change. Whatever breaks needs both rules, the old one up to a seq; nothing of that kind is
 * built.
 *
 * Tests: test/objects/fields.test.ts, test/state/differences.test.ts, test/codec/deterministic.test.ts
 */

import { toHex } from '../bytes/hex.js'
import { CborTime, type Cbor, type CborKey, type CborMap } from './value.js'

export interface Schema<T> {
  /** The value, checked. `at` names the place for the error. Throws SchemaError. */
  read(value: Cbor, at: string): T
  /** The canonical CBOR value. */
  write(value: T): Cbor
  /** Whether an optional field of this value is left out of the canonical form. */
  isEmpty(value: T): boolean
}

export type Infer<S> = S extends Schema<infer T> ? T : never

/** A value that does not have the shape of its schema; `at` is the place, as field names joined by dots. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly at: string
  /** The reference accepts this and PROTOCOL §14 refuses it on purpose. */
  readonly stricter: boolean

  constructor(at: string, problem: string, { stricter = false } = {}) {
    super(`${at} ${problem}`)
    this.at = at
    this.stricter = stricter
  }
}

/**
 * What `act` returns or throws. While it runs, fields that are not listed are refused at any depth, also where they are
 * ignored by themselves.
 */
export function refusingUnlisted<T>(act: () => T): T {
  const before = unlistedRefused
  unlistedRefused = true
  try {
    return act()
  } finally {
    unlistedRefused = before
  }
}

/** Reading is synchronous: nobody else reads while it is set. */
let unlistedRefused = false

const never = () => false

/** An unsigned integer of at most `bits` bits, at least `minimum`. */
export function uint(bits: number, minimum = 0n): Schema<bigint> {
  const end = 1n << BigInt(bits)
  return {
    read(value, at) {
      if (typeof value !== 'bigint') throw new SchemaError(at, 'must be an integer')
      if (value < minimum || value >= end) {
        throw new SchemaError(at, `must be ${minimum} … 2^${bits}−1`, { stricter: bits === 256 && value < 0n })
      }
      return value
    },
    write: (value) => value,
    isEmpty: never,
  }
}

/** One of the given unsigned integers. */
export function oneOf<const T extends bigint>(...values: readonly T[]): Schema<T> {
  return {
    read(value, at) {
      const found = values.find((candidate) => candidate === value)
      if (found === undefined) throw new SchemaError(at, `must be one of ${values.join(', ')}`)
      return found
    },
    write: (value) => value,
    isEmpty: never,
  }
}

export const bool: Schema<boolean> = {
  read(value, at) {
    if (typeof value !== 'boolean') throw new SchemaError(at, 'must be true or false')
    return value
  },
  write: (value) => value,
  isEmpty: never,
}

export const text: Schema<string> = {
  read(value, at) {
    if (typeof value !== 'string') throw new SchemaError(at, 'must be a text')
    return value
  },
  write: (value) => value,
  isEmpty: (value) => value === '',
}

/**
 * A byte string of `minimum` to `maximum` bytes (exactly `minimum` if that is all that is given). A view of the
 * received bytes.
 */
export function bytes(minimum: number, maximum = minimum): Schema<Uint8Array> {
  const size = minimum === maximum ? `${minimum}` : `${minimum} to ${maximum}`
  return {
    read(value, at) {
      if (!(value instanceof Uint8Array)) throw new SchemaError(at, 'must be a byte string')
      if (value.length < minimum || value.length > maximum) {
        throw new SchemaError(at, `must have ${size} bytes, not ${value.length}`)
      }
      return value
    },
    write: (value) => value,
    isEmpty: never,
  }
}

export const time: Schema<CborTime> = {
  read(value, at) {
    if (!(value instanceof CborTime)) {
      const untagged = typeof value === 'bigint' || typeof value === 'string'
      throw new SchemaError(at, 'must be a time (tag 0 or 1)', { stricter: untagged })
    }
    return value
  },
  write: (value) => value,
  isEmpty: never,
}

/** A definite array of at most `maximum` elements. */
export function arrayOf<T>(element: Schema<T>, maximum = Infinity): Schema<readonly T[]> {
  return {
    read(value, at) {
      if (!Array.isArray(value)) throw new SchemaError(at, 'must be an array')
      if (value.length > maximum) throw new SchemaError(at, `must have at most ${maximum} elements`)
      return value.map((item: Cbor, i) => element.read(item, `${at}.${i}`))
    },
    write: (value) => value.map((item) => element.write(item)),
    isEmpty: (value) => value.length === 0,
  }
}

/** A definite array that is not empty. */
export function someOf<T>(element: Schema<T>): Schema<readonly T[]> {
  const array = arrayOf(element)
  return {
    ...array,
    read(value, at) {
      const elements = array.read(value, at)
      if (elements.length === 0) throw new SchemaError(at, 'must not be empty')
      return elements
    },
  }
}

type Elements<S extends readonly Schema<unknown>[]> = { readonly [I in keyof S]: Infer<S[I]> }

/** An array of exactly these elements. */
export function tuple<const S extends readonly Schema<never>[] | readonly Schema<unknown>[]>(
  ...elements: S
): Schema<Elements<S>> {
  return {
    read(value, at) {
      if (!Array.isArray(value)) throw new SchemaError(at, 'must be an array')
      if (value.length !== elements.length)
        throw new SchemaError(at, `must have ${elements.length} elements, not ${value.length}`)
      return elements.map((element, i) => element.read(value[i] as Cbor, `${at}.${i}`)) as Elements<S>
    },
    write: (value) => elements.map((element, i) => element.write(value[i] as never)),
    isEmpty: never,
  }
}

/**
 * How the keys of a map are held: texts and integers as they are, byte strings as hexadecimal text, so that a Map finds
 * them by content.
 */
export interface KeySchema<K> {
  readKey(key: CborKey, at: string): K
  writeKey(key: K): CborKey
}

export function mapOf<K, T>(keys: KeySchema<K>, entry: Schema<T>): Schema<ReadonlyMap<K, T>> {
  return {
    read(value, at) {
      const map = asMap(value, at)
      const result = new Map<K, T>()
      for (const [key, item] of map) result.set(keys.readKey(key, at), entry.read(item, `${at}.${keyText(key)}`))
      return result
    },
    write(value) {
      const map = new Map<CborKey, Cbor>()
      for (const [key, item] of value) map.set(keys.writeKey(key), entry.write(item))
      return map
    },
    isEmpty: (value) => value.size === 0,
  }
}

/** How a field behaves when it is missing or null, on the way in and on the way out. */
export interface Field<T, Presence extends 'always' | 'optional'> {
  readonly presence: Presence
  readonly schema: Schema<T>
  /** The value for a field that is missing or null, or undefined: then the field stays absent. Throws SchemaError. */
  missing(at: string): T | undefined
}

/** Must be there. */
export function required<T>(schema: Schema<T>): Field<T, 'always'> {
  return {
    presence: 'always',
    schema,
    missing(at) {
      throw new SchemaError(at, 'is missing')
    },
  }
}

/** May be left out and then has `value`; always written. */
export function defaulting<T>(schema: Schema<T>, value: T): Field<T, 'always'> {
  return { presence: 'always', schema, missing: () => value }
}

/** A required map or array: null in the state until somebody writes one. */
export function nullable<T>(schema: Schema<T>): Field<T | null, 'always'> {
  return { presence: 'always', schema: nullableSchema(schema), missing: () => null }
}

/** Left out of the canonical form when absent, null or empty. */
export function optional<T>(schema: Schema<T>): Field<T, 'optional'> {
  return { presence: 'optional', schema, missing: () => undefined }
}

type Fields = Readonly<Record<string, Field<never, 'always' | 'optional'>>>
type FieldValue<F> = F extends Field<infer T, 'always' | 'optional'> ? T : never
type OptionalNames<F> = { [N in keyof F]: F[N] extends { readonly presence: 'optional' } ? N : never }[keyof F]
type StructValue<F> = {
  readonly [N in Exclude<keyof F, OptionalNames<F>>]: FieldValue<F[N]>
} & { readonly [N in OptionalNames<F>]?: FieldValue<F[N]> }

export interface StructSchema<F> extends Schema<StructValue<F>> {
  readonly fields: F
}

interface StructOptions {
  /** Other spellings that are accepted on the way in. */
  readonly aliases?: Readonly<Record<string, string>>
  /** What becomes of a field that is not listed; by itself it is ignored (PROTOCOL §3). */
  readonly unlisted?: 'ignored' | 'refused'
}

/** A map with these text keys. */
export function struct<
  const F extends Readonly<Record<string, Field<never, 'always' | 'optional'> | Field<unknown, 'always' | 'optional'>>>,
>(fields: F, { aliases = {}, unlisted = 'ignored' }: StructOptions = {}): StructSchema<F> {
  const names = Object.keys(fields)
  const listedFields = listing(new Set(names), aliases, unlisted)
  return {
    fields,
    read(value, at) {
      const given = listedFields(asMap(value, at), at)
      const result: Record<string, unknown> = {}
      for (const name of names) {
        const field = (fields as unknown as Fields)[name]!
        const item = given.get(name) ?? null
        const place = `${at}.${name}`
        const read = item === null ? field.missing(place) : field.schema.read(item, place)
        if (read !== undefined) result[name] = read
      }
      return result as StructValue<F>
    },
    write(value) {
      const map = new Map<CborKey, Cbor>()
      for (const name of names) {
        const field = (fields as unknown as Fields)[name]!
        const item = (value as Record<string, never>)[name]
        if (field.presence === 'always') map.set(name, item === undefined ? null : field.schema.write(item))
        else if (item !== undefined && !field.schema.isEmpty(item)) map.set(name, field.schema.write(item))
      }
      return map
    },
    isEmpty: never,
  }
}

function nullableSchema<T>(schema: Schema<T>): Schema<T | null> {
  return {
    read: (value, at) => (value === null ? null : schema.read(value, at)),
    write: (value) => (value === null ? null : schema.write(value)),
    isEmpty: (value) => value === null || schema.isEmpty(value),
  }
}

/** Gives the listed fields of a map by their names. */
function listing(
  known: ReadonlySet<string>,
  aliases: Readonly<Record<string, string>>,
  unlisted: 'ignored' | 'refused',
): (map: CborMap, at: string) => Map<string, Cbor> {
  return (map, at) => {
    const given = new Map<string, Cbor>()
    for (const [key, item] of map) {
      if (typeof key !== 'string') throw new SchemaError(at, 'must have text keys only')
      const name = known.has(key) ? key : Object.hasOwn(aliases, key) ? aliases[key]! : undefined
      if (name === undefined && unlisted === 'ignored' && !unlistedRefused) continue
      if (name === undefined) throw new SchemaError(at, `has an unknown field ${JSON.stringify(key.slice(0, 64))}`)
      if (given.has(name)) throw new SchemaError(at, `gives ${name} twice`)
      given.set(name, item)
    }
    return given
  }
}

function asMap(value: Cbor, at: string): CborMap {
  if (!(value instanceof Map)) throw new SchemaError(at, 'must be a map')
  return value
}

function keyText(key: CborKey): string {
  return key instanceof Uint8Array ? toHex(key) : String(key)
}
