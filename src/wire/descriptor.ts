/**
 * Descriptors: each message is described once, as data – numbers, names and types of its fields, whether they have to
 * be there, how many are read – and its TypeScript type, its reader and its writer follow from that. The messages
 * themselves are in messages.ts. Numbers of fields, but for the envelope's own members, go to 15, so that every tag is
 * one byte. Reading is lenient as Protocol Buffers want it: see ProtobufReader. Writing is what proto3's own encoders
 * do: fields by rising number (describe them in that order), zeros left out. A value beyond its type is a bug:
 * AssertionError.
 *
 * One file of more than 300 lines: a kind of field has its length, its writer and its reader side by side.
 *
 * Tests: test/wire/envelope.test.ts
 */

import { assert, AssertionError } from '../assert.js'
import { utf8 } from '../bytes/bytes.js'
import {
  LENGTH_DELIMITED,
  ProtobufReader,
  VARINT,
  fieldLength,
  fieldTag,
  varint64Length,
  varintLength,
  writeVarint,
  writeVarint64,
  writeZigzag,
  zigzagLength,
} from './protobuf.js'

/** How one value stands behind the tag of its field. */
interface FieldType<T> {
  readonly wireType: number
  /** The value of a field that is missing. */
  readonly zero: T
  /** At a field of this wire type. Throws ProtobufError. */
  read(this: void, reader: ProtobufReader): T
  /** In bytes, without the tag. */
  length(this: void, value: T): number
  /** Returns the offset behind the value. */
  write(this: void, target: Uint8Array, offset: number, value: T): number
}

/**
 * `implicit`: zero where it is missing, not written where it is zero. `required`: a submessage, zero where it is
 * missing, always written; of several the last one alone is looked into. `optional`: the property is left out where the
 * field is missing. `repeated`: a list.
 */
type Presence = 'implicit' | 'required' | 'optional' | 'repeated'

interface Field<T, P extends Presence> {
  readonly number: number
  readonly type: FieldType<T>
  readonly presence: P
  /** Of a list: one more than this is read, so that an excess shows without being held. */
  readonly max: number
  /** Of an optional field: whether one that is there with its zero counts as missing. */
  readonly zeroIsMissing: boolean
}

type Fields = Readonly<Record<string, Field<unknown, Presence>>>

/** The type of a message with these fields. */
type MessageOf<F extends Fields> = Flat<
  { readonly [K in keyof F as F[K] extends OptionalField ? never : K]: FieldValue<F[K]> } & {
    readonly [K in keyof F as F[K] extends OptionalField ? K : never]?: FieldValue<F[K]>
  }
>

/** The type of a message that holds one of these fields. */
type OneOf<F extends Fields> = {
  [K in keyof F]: Flat<{ readonly [P in K]: FieldValue<F[P]> } & { readonly [P in Exclude<keyof F, K>]?: undefined }>
}[keyof F]

type Flat<T> = T extends unknown ? { [K in keyof T]: T[K] } : never

type OptionalField = Field<unknown, 'optional'>
type FieldValue<F> = F extends Field<infer T, infer P> ? (P extends 'repeated' ? readonly T[] : T) : never

export const implicit = <T>(number: number, type: FieldType<T>) => field(number, type, 'implicit')
export const required = <T>(number: number, type: Wrapped<T>) => field(number, type, 'required')
export const optional = <T>(number: number, type: FieldType<T>, { zeroIsMissing = false } = {}) =>
  field(number, type, 'optional', { zeroIsMissing })
export const repeated = <T>(number: number, type: FieldType<T>, max = Infinity) =>
  field(number, type, 'repeated', { max })

/** A byte string; a view of what it is read from. */
export const bytes: FieldType<Uint8Array> = {
  wireType: LENGTH_DELIMITED,
  zero: new Uint8Array(0),
  read: (reader) => reader.bytes(),
  length: (value) => varintLength(value.length) + value.length,
  write(target, offset, value) {
    const start = writeVarint(target, offset, value.length)
    target.set(value, start)
    return start + value.length
  },
}

export const text: FieldType<string> = {
  wireType: LENGTH_DELIMITED,
  zero: '',
  read: (reader) => reader.text(),
  length: (value) => bytes.length(utf8(value)),
  write: (target, offset, value) => bytes.write(target, offset, utf8(value)),
}

export const uint64: FieldType<bigint> = {
  wireType: VARINT,
  zero: 0n,
  read: (reader) => reader.uint64(),
  length: (value) => varint64Length(within(BigInt.asUintN(64, value) === value, value)),
  write: writeVarint64,
}

export const sint64: FieldType<bigint> = {
  wireType: VARINT,
  zero: 0n,
  read: (reader) => reader.sint64(),
  length: (value) => zigzagLength(within(BigInt.asIntN(64, value) === value, value)),
  write: writeZigzag,
}

export const uint32: FieldType<number> = {
  wireType: VARINT,
  zero: 0,
  read: (reader) => reader.uint32(),
  length: (value) => varintLength(within(value >>> 0 === value, value)),
  write: writeVarint,
}

/** Enumerations too: numbers without a name come as they are. Negative ones take ten bytes, as 64-bit integers. */
export const int32: FieldType<number> = {
  wireType: VARINT,
  zero: 0,
  read: (reader) => reader.int32(),
  length: (value) => (within((value | 0) === value, value) < 0 ? 10 : varintLength(value)),
  write: (target, offset, value) => writeVarint64(target, offset, BigInt.asUintN(64, BigInt(value))),
}

/** Every number but 0 is true. */
export const bool: FieldType<boolean> = {
  wireType: VARINT,
  zero: false,
  read: (reader) => reader.uint64() !== 0n,
  length: () => 1,
  write(target, offset, value) {
    target[offset] = value ? 1 : 0
    return offset + 1
  },
}

export interface Wrapped<T> extends FieldType<T> {
  /** The value in a message of this kind. Throws ProtobufError. */
  readBody(this: void, body: ProtobufReader): T
}

/** A message of one field, for which that field's value stands: `RequestId { sint64 raw = 1 }` is its number. */
export function wrapped<T>(number: number, type: FieldType<T>): Wrapped<T> {
  const tag = fieldTag(number, type.wireType)
  const bodyLength = (value: T) => (isZero(type, value) ? 0 : 1 + type.length(value))
  const readBody = (body: ProtobufReader) => {
    let value = type.zero
    while (body.next()) if (body.tag === tag) value = type.read(body)
    return value
  }
  return {
    wireType: LENGTH_DELIMITED,
    zero: type.zero,
    readBody,
    read: (reader) => readBody(reader.message()),
    length: (value) => fieldLength(bodyLength(value)) - 1,
    write(target, offset, value) {
      const start = writeVarint(target, offset, bodyLength(value))
      if (isZero(type, value)) return start
      target[start] = tag
      return type.write(target, start + 1, value)
    },
  }
}

/**
 * A message that stays as it came, with its tag and length before it: a view, copied as it is where it is written. Of
 * what it holds nothing is read.
 */
export const encoded: FieldType<Uint8Array> = {
  wireType: LENGTH_DELIMITED,
  zero: new Uint8Array(0),
  read: (reader) => reader.field(),
  length: (value) => value.length - 1,
  write(target, offset, value) {
    // It brings the byte of its tag, which stands at offset − 1 already.
    target.set(value, offset - 1)
    return offset - 1 + value.length
  },
}

/** A message as such and as the type of a field. */
export class MessageType<T> implements FieldType<T> {
  readonly wireType = LENGTH_DELIMITED
  readonly zero: T
  readonly read = (reader: ProtobufReader): T => this.readBody(reader.message())
  readonly length = (value: T): number => fieldLength(this.bodyLength(value)) - 1
  readonly write = (target: Uint8Array, offset: number, value: T): number =>
    this.writeBody(target, writeVarint(target, offset, this.bodyLength(value)), value)

  private readonly fields: readonly NamedField[]
  /** By tag, the place of a field in `fields`; −1 for others. */
  private readonly places: readonly number[]
  /** Places of required fields. */
  private readonly required: readonly number[]
  private readonly zeros: readonly unknown[]
  private readonly kind: string | undefined
  private readonly isOneOf: boolean

  /** Use `message`, `member` and `memberOneOf`. `kind`: the value of a property that no field is for, if it has one. */
  constructor(fields: Fields, kind?: string, isOneOf = false) {
    this.fields = Object.entries(fields).map(([name, one]) => named(name, one))
    this.places = Array.from({ length: TAGS }, (_, tag) => this.fields.findIndex((one) => one.tag === tag))
    this.required = [...this.fields.keys()].filter((place) => this.fields[place]!.isRequired)
    this.zeros = this.fields.map(({ isImplicit, isRequired, zero }) => (isImplicit || isRequired ? zero : undefined))
    this.kind = kind
    this.isOneOf = isOneOf
    this.zero = this.build(this.zeros) as T
  }

  /** The message whose fields `body` walks over. Throws ProtobufError. */
  readBody(body: ProtobufReader): T {
    let values = this.zeros.slice()
    while (body.next()) {
      const place = body.tag < TAGS ? this.places[body.tag]! : -1
      if (place < 0) continue
      const one = this.fields[place]!
      if (this.isOneOf) values = []
      if (one.isList) addItem((values[place] ??= []) as unknown[], one, body)
      else values[place] = one.isRequired ? body.message() : readOne(one, body)
    }
    for (const place of this.required) {
      const last = values[place]
      if (last instanceof ProtobufReader) values[place] = this.fields[place]!.readBody!(last)
    }
    return this.build(values) as T
  }

  /** In bytes, without the message's own length. */
  bodyLength(value: T): number {
    let length = 0
    for (const field of this.fields) {
      const one = (value as Record<string, unknown>)[field.name]
      if (one === undefined) continue
      if (field.isList) length += listLength(field, one as unknown[])
      else if (!field.isImplicit || !isZero(field, one)) length += 1 + field.length(one)
      if (this.isOneOf) break
    }
    return length
  }

  /** Writes the fields of `value`; returns the offset behind them. */
  writeBody(target: Uint8Array, offset: number, value: T): number {
    let position = offset
    for (const field of this.fields) {
      const one = (value as Record<string, unknown>)[field.name]
      if (one === undefined) continue
      if (field.isList) position = writeList(target, position, field, one as unknown[])
      else if (!field.isImplicit || !isZero(field, one)) position = writeOne(target, position, field, one)
      if (this.isOneOf) break
    }
    return position
  }

  private build(values: readonly unknown[]): Record<string, unknown> {
    const { kind, fields } = this
    const value: Record<string, unknown> = kind === undefined ? {} : { kind }
    for (let place = 0; place < fields.length; place++) {
      const { name, isList } = fields[place]!
      if (values[place] !== undefined) value[name] = values[place]
      else if (isList) value[name] = []
    }
    return value
  }
}

/** A message that is a field of others. */
export function message<F extends Fields>(fields: F): MessageType<MessageOf<F>> {
  return new MessageType(fields)
}

/** A member of the envelope's oneof: field `number` there, told from the others by `kind`. */
export interface Member<K extends string, T> {
  readonly kind: K
  readonly number: number
  readonly type: MessageType<T>
}

export function member<const K extends string, F extends Fields>(
  kind: K,
  number: number,
  fields: F,
): Member<K, Flat<{ readonly kind: K } & MessageOf<F>>> {
  return { kind, number, type: new MessageType(fields, kind) }
}

/** A member that holds the last of its fields that is there; the implicit one with its zero where there is none. */
export function memberOneOf<const K extends string, F extends Fields>(
  kind: K,
  number: number,
  fields: F,
): Member<K, Flat<{ readonly kind: K } & OneOf<F>>> {
  return { kind, number, type: new MessageType(fields, kind, true) }
}

/** Of fields up to number 15. */
const TAGS = 128

/**
 * A field as readers and writers want it. All are of one shape, whatever their type: the engine finds their properties
 * without a search, which would take a third of the time.
 */
interface NamedField {
  readonly name: string
  readonly tag: number
  readonly wireType: number
  readonly isList: boolean
  readonly isImplicit: boolean
  readonly isRequired: boolean
  readonly max: number
  readonly zeroIsMissing: boolean
  readonly zero: unknown
  readonly read: (reader: ProtobufReader) => unknown
  readonly readBody: ((body: ProtobufReader) => unknown) | undefined
  readonly length: (value: unknown) => number
  readonly write: (target: Uint8Array, offset: number, value: unknown) => number
}

function named(name: string, { number, type, presence, max, zeroIsMissing }: Field<unknown, Presence>): NamedField {
  return {
    name,
    tag: fieldTag(number, type.wireType),
    wireType: type.wireType,
    isList: presence === 'repeated',
    isImplicit: presence === 'implicit',
    isRequired: presence === 'required',
    max,
    zeroIsMissing,
    zero: type.zero,
    read: type.read,
    readBody: (type as Partial<Wrapped<unknown>>).readBody,
    length: type.length,
    write: type.write,
  }
}

function field<T, P extends Presence>(
  number: number,
  type: FieldType<T>,
  presence: P,
  { max = Infinity, zeroIsMissing = false } = {},
): Field<T, P> {
  assert(number >= 1 && number <= 15, `field number ${number}`)
  return { number, type, presence, max, zeroIsMissing }
}

function readOne(field: NamedField, reader: ProtobufReader): unknown {
  const value = field.read(reader)
  return field.zeroIsMissing && isZero(field, value) ? undefined : value
}

function addItem(list: unknown[], field: NamedField, reader: ProtobufReader): void {
  if (list.length <= field.max) list.push(field.read(reader))
}

function listLength({ length: lengthOf }: NamedField, list: readonly unknown[]): number {
  let length = list.length
  for (let i = 0; i < list.length; i++) length += lengthOf(list[i])
  return length
}

function writeList(target: Uint8Array, offset: number, { tag, write }: NamedField, list: readonly unknown[]): number {
  let position = offset
  for (let i = 0; i < list.length; i++) {
    target[position] = tag
    position = write(target, position + 1, list[i])
  }
  return position
}

function writeOne(target: Uint8Array, offset: number, field: NamedField, value: unknown): number {
  target[offset] = field.tag
  return field.write(target, offset + 1, value)
}

/** Byte strings are no constants: an empty one is told by its length. */
function isZero<T>({ zero, wireType }: { zero: T; wireType: number }, value: T): boolean {
  return value === zero || (wireType === LENGTH_DELIMITED && (value as { readonly length?: number }).length === 0)
}

function within<T extends number | bigint>(fits: boolean, value: T): T {
  if (!fits) throw new AssertionError(`bug: ${value} is beyond the integers of its field`)
  return value
}
