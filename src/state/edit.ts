/**
 * Editors: what a patch's op and path mean inside an object (PROTOCOL §5).
 *
 * An editor first resolves op and path alone, so that an unknown field, op, index type or path length is INVALID
 * whether or not the object exists; the edit it returns then finds the place (NOT_FOUND) and reads the value
 * (SchemaError). Values are never changed in place: an edit returns a new value that shares what it did not touch.
 *
 * Tests: test/state/operations.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'
import { SchemaError, type KeySchema, type Schema } from '../codec/schema.js'
import type { Cbor } from '../codec/value.js'
import type { Op, Patch, PathPart } from '../patches/patch.js'
import { invalid, notFound } from './verdict.js'

/** The place that is being edited, for messages: collection, key and fields. */
type Path = readonly PathPart[]

/** Gives the new value; undefined for a field that is not (or no more) set. */
type Edit<T> = (current: T | undefined, value: Cbor) => T | undefined

/** `depth` is how much of `path` has been resolved. Throws Refusal INVALID. */
export type Editor<T> = (op: Op, path: Path, depth: number) => Edit<T>

const OPS: ReadonlySet<string> = new Set<Op>(['add', 'replace', 'remove', 'append', 'increment', 'decrement'])

/** Throws Refusal INVALID for an op that there is not, and for a remove with a value. */
export function checkedOp(patch: Patch): Op {
  const { op } = patch
  if (!OPS.has(op)) throw invalid(`there is no op ${JSON.stringify(op.slice(0, 32))}`)
  // A value is decoded each time it is asked for.
  if (op === 'remove' && patch.value !== null) throw invalid(`${placeOf(patch.path)}: remove takes no value`)
  return op as Op
}

/** `replace` alone. */
export function replaceable<T>(schema: Schema<T>): Editor<T> {
  return leaf({ replace: (path) => (_current, value) => schema.read(value, placeOf(path)) })
}

/** `replace` alone; null or an empty value unsets the field. */
export function clearable<T>(schema: Schema<T>): Editor<T> {
  return leaf({
    replace: (path) => (_current, value) => (value === null ? undefined : schema.read(value, placeOf(path))),
  })
}

/**
 * `add` if it is not set, `replace` (of one that is not set: NOT_FOUND, or it is set), and `remove` where `removable`.
 */
export function settable<T>(
  schema: Schema<T>,
  ops: { replaceMissing: 'refuse' | 'set'; removable?: boolean },
): Editor<T> {
  const edits: LeafEdits<T> = {
    add: (path) => (current, value) => {
      if (current !== undefined) throw invalid(`${placeOf(path)} is set already`)
      return schema.read(value, placeOf(path))
    },
    replace: (path) => (current, value) => {
      if (current === undefined && ops.replaceMissing === 'refuse') throw missing(path)
      return schema.read(value, placeOf(path))
    },
  }
  if (!ops.removable) return leaf(edits)
  return leaf({
    ...edits,
    remove: (path) => (current) => {
      if (current === undefined) throw missing(path)
      return undefined
    },
  })
}

/**
 * `increment` and `decrement` by a uint, beside what `other` edits. The result must fit `schema`; `below` refuses one
 * below zero.
 */
export function countable(schema: Schema<bigint>, other: Editor<bigint>, below: (path: Path) => Error): Editor<bigint> {
  return (op, path, depth) => {
    if (op !== 'increment' && op !== 'decrement') return other(op, path, depth)
    ended(path, depth)
    return (current, value) => {
      if (current === undefined) throw missing(path)
      if (typeof value !== 'bigint' || value < 0n) {
        throw new SchemaError(placeOf(path), 'must be changed by an unsigned integer')
      }
      const result = op === 'increment' ? current + value : current - value
      if (result < 0n) throw below(path)
      return schema.read(result, placeOf(path))
    }
  }
}

/** The fields of a struct, each with its own editor. A field without one cannot be changed by itself. */
export function fields<T extends object>(editors: { readonly [N in keyof T]?: Editor<NonNullable<T[N]>> }): Editor<T> {
  return (op, path, depth) => {
    const name = path[depth]
    const editor =
      typeof name === 'string' && Object.hasOwn(editors, name)
        ? (editors[name as keyof T] as Editor<unknown>)
        : undefined
    if (editor === undefined) throw invalid(`${placeOf(path)}: there is no such path`)
    const edit = editor(op, path, depth + 1)
    return (current, value) => {
      if (current === undefined) throw missing(path.slice(0, depth))
      const old = (current as Record<string, unknown>)[name as string]
      const changed = edit(old ?? undefined, value)
      const { [name as string]: _dropped, ...rest } = current as Record<string, unknown>
      return (changed === undefined ? rest : { ...rest, [name as string]: changed }) as T
    }
  }
}

/** `whole` where the path ends here, `inside` where it goes on. */
export function wholeOr<T>(whole: Editor<T>, inside: Editor<T>): Editor<T> {
  return (op, path, depth) => (depth === path.length ? whole : inside)(op, path, depth)
}

interface ListOptions<T> {
  /** For `replace` of the whole array; left out: cannot be replaced. */
  readonly whole?: Schema<readonly T[]>
  /** For paths that go on behind the index. */
  readonly inside?: Editor<T>
  /** Replace at an index; default true. */
  readonly replaceAt?: boolean
  readonly maximum?: number
}

/** An array: append; add (insert before), replace and remove at an index that exists; replace of the whole. */
export function list<T>(element: Schema<T>, options: ListOptions<T> = {}): Editor<readonly T[]> {
  return (op, path, depth) => {
    if (depth === path.length) return wholeList(op, path, element, options)
    const at = path[depth]
    if (typeof at !== 'bigint') throw invalid(`${placeOf(path)}: an index must be an unsigned integer`)
    if (depth + 1 < path.length) return insideElement(op, path, depth, options)
    if (op !== 'add' && op !== 'remove' && !(op === 'replace' && options.replaceAt !== false)) throw badOp(op, path)
    return (current, value) => {
      const index = indexIn(current, at, path)
      if (op === 'remove') return current!.toSpliced(index, 1)
      const item = element.read(value, placeOf(path))
      if (op === 'replace') return current!.with(index, item)
      return bounded(current!.toSpliced(index, 0, item), options.maximum, path)
    }
  }
}

function wholeList<T>(op: Op, path: Path, element: Schema<T>, { whole, maximum }: ListOptions<T>): Edit<readonly T[]> {
  if (op === 'append') {
    return (current, value) => bounded([...(current ?? []), element.read(value, placeOf(path))], maximum, path)
  }
  if (op !== 'replace' || whole === undefined) throw badOp(op, path)
  return (_current, value) => (value === null ? undefined : whole.read(value, placeOf(path)))
}

function insideElement<T>(op: Op, path: Path, depth: number, { inside }: ListOptions<T>): Edit<readonly T[]> {
  if (inside === undefined) throw invalid(`${placeOf(path)}: there is no such path`)
  const edit = inside(op, path, depth + 1)
  return (current, value) => {
    const index = indexIn(current, path[depth] as bigint, path.slice(0, depth + 1))
    return current!.with(index, edit(current![index], value)!)
  }
}

/** A map: add (must not exist), replace and remove (must exist) of an entry; deeper paths go to `inside`. */
export function dictionary<K, T>(keys: KeySchema<K>, entry: Schema<T>, inside?: Editor<T>): Editor<ReadonlyMap<K, T>> {
  const whole: Editor<T> = settable(entry, { replaceMissing: 'refuse', removable: true })
  const editor = inside === undefined ? whole : wholeOr(whole, inside)
  return (op, path, depth) => {
    const part = path[depth]
    if (part === undefined) throw badOp(op, path)
    const key = keys.readKey(part, placeOf(path))
    const edit = editor(op, path, depth + 1)
    return (current, value) => {
      if (current?.get(key) === undefined && depth + 1 < path.length) throw missing(path.slice(0, depth + 1))
      return withEntry(current, key, edit(current?.get(key), value))
    }
  }
}

/** A map of maps (chain → address → entry): add makes the inner map, remove drops it once it is empty. */
export function nestedDictionary<K, L, T>(
  outer: KeySchema<K>,
  inner: KeySchema<L>,
  entry: Schema<T>,
): Editor<ReadonlyMap<K, ReadonlyMap<L, T>>> {
  const editInner = dictionary(inner, entry)
  return (op, path, depth) => {
    const part = path[depth]
    if (part === undefined || path.length !== depth + 2) throw badOp(op, path)
    const key = outer.readKey(part, placeOf(path))
    const edit = editInner(op, path, depth + 1)
    return (current, value) => {
      const changed = edit(current?.get(key), value)
      return withEntry(current, key, changed?.size === 0 ? undefined : changed)
    }
  }
}

/** Object, key and fields of a path, for messages. */
export function placeOf(path: Path): string {
  return path.map((part) => (part instanceof Uint8Array ? prefixedHex(part) : String(part).slice(0, 64))).join('.')
}

export function badOp(op: Op, path: Path): Error {
  return invalid(`${placeOf(path)} does not take ${op}`)
}

/** Throws Refusal INVALID if the path goes on. */
function ended(path: Path, depth: number): void {
  if (path.length !== depth) throw invalid(`${placeOf(path)}: there is no such path`)
}

type LeafEdits<T> = Partial<Record<Op, (path: Path) => Edit<T>>>

function leaf<T>(edits: LeafEdits<T>): Editor<T> {
  return (op, path, depth) => {
    ended(path, depth)
    const edit = edits[op]
    if (edit === undefined) throw badOp(op, path)
    return edit(path)
  }
}

function withEntry<K, T>(current: ReadonlyMap<K, T> | undefined, key: K, entry: T | undefined): ReadonlyMap<K, T> {
  const map = new Map(current)
  if (entry === undefined) map.delete(key)
  else map.set(key, entry)
  return map
}

function indexIn(current: readonly unknown[] | undefined, at: bigint, path: Path): number {
  if (current === undefined || at >= BigInt(current.length)) throw missing(path)
  return Number(at)
}

function bounded<T>(items: readonly T[], maximum: number | undefined, path: Path): readonly T[] {
  if (maximum !== undefined && items.length > maximum)
    throw invalid(`${placeOf(path)} would have more than ${maximum} elements`)
  return items
}

function missing(path: Path): Error {
  const [collection, id] = path
  const named = collection === 'Orders' || collection === 'Listings' || collection === 'Inventory'
  return notFound(`${placeOf(path)} is not there`, named ? id : undefined)
}
