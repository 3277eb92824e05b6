/**
 * What is wrong with changes that a caller wants to write, as far as that is known without the shop: told before
 * anything is sent.
 *
 * Tests: test/client/arguments.test.ts
 */

import { CborEncoded } from '../codec/encode.js'
import { CborTime, type Cbor } from '../codec/value.js'
import { encodeChange, SchemaError, type Change } from '../patches/patch.js'
import { placeOf } from '../state/edit.js'
import { checkOfValue, type ObjectCollection } from '../state/object-edit.js'
import { usage } from './client-error.js'
import { isId } from './places.js'

const OPS = ['add', 'replace', 'remove', 'append', 'increment', 'decrement'] as const

const KEYS: Readonly<Record<ObjectCollection, readonly [isKey: (key: unknown) => boolean, remedy: string]>> = {
  Manifest: [() => true, ''],
  Accounts: [(key) => key instanceof Uint8Array && key.length === 20, "Give the wallet's address, 20 bytes."],
  Listings: [isId, 'Give the id of a listing as a bigint, 1n … 2^64−1.'],
  Orders: [isId, 'Give the id of an order as a bigint, 1n … 2^64−1.'],
  Inventory: [isId, 'Give the id of a listing as a bigint, then names of variations.'],
  Tags: [(key) => typeof key === 'string' && key !== '', 'Give the name of a tag as a text.'],
}

/** Each encoded, as a patch. Throws ClientError USAGE for the first thing that is wrong. */
export function encodedChanges(changes: readonly Change[]): Uint8Array[] {
  if (!Array.isArray(changes) || changes.length === 0)
    throw usage('changes', Array.isArray(changes ?? []) ? 'there is none' : 'they are no list', CHANGES_REMEDY)
  return (changes as readonly Change[]).map((change, i) => encodedChange(change, `changes[${i}]`))
}

const CHANGES_REMEDY = "Write [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 100n }]."

function encodedChange(change: Change, at: string): Uint8Array {
  if (typeof change !== 'object' || change === null) throw usage(at, 'it is no change', 'Write { op, path, value }.')
  const { op, path, value } = change
  if (op === undefined) throw usage(`${at}.op`, 'it is missing', `There are ${OPS.join(', ')}.`)
  if (!OPS.includes(op)) throw usage(`${at}.op`, `there is no op ${JSON.stringify(op)}`, `There are ${OPS.join(', ')}.`)
  const check = checkedPath(change, `${at}.path`, path)
  if (op === 'remove') {
    if (value !== undefined && value !== null) throw usage(`${at}.value`, 'remove takes none', 'Leave it out.')
  } else if (value === undefined) throw usage(`${at}.value`, 'it is missing', `Give what to ${op}.`)
  const isEncoded = op !== 'remove' && checkValue(value, `${at}.value`)
  try {
    const patch = encodeChange(change)
    if (!isEncoded) check((value ?? null) as Cbor)
    return patch
  } catch (error) {
    const { message } = error as Error
    if (!(error instanceof SchemaError)) throw usage(at, message, SHAPES)
    const inside = error.at.slice(placeOf(path).length)
    const isNumber = /(?:integer|\^\d+−1)$/u.test(message)
    throw usage(`${at}.value${inside}`, `it ${message.slice(error.at.length + 1)}`, isNumber ? NUMBER : SHAPES)
  }
}

const NUMBER = 'Give a bigint: an amount is in the smallest unit, and parseMoney makes it of a text.'
const SHAPES = 'PROTOCOL §3 names all fields, and what each takes.'

/** The check of its value. */
function checkedPath(change: Change, at: string, path: unknown): ReturnType<typeof checkOfValue> {
  if (!Array.isArray(path) || path.length === 0)
    throw usage(at, 'it is no path', "Write a list: collection, key, fields: ['Listings', 1n, 'Price'].")
  for (const [i, part] of path.entries()) {
    if (typeof part === 'number') throw usage(`${at}[${i}]`, `${part} is a number`, `Write ${bigintText(part)}.`)
    if (typeof part !== 'string' && typeof part !== 'bigint' && !(part instanceof Uint8Array))
      throw usage(`${at}[${i}]`, `it is a ${typeof part}`, 'Parts of a path are texts, bigints and byte strings.')
  }
  const [collection, key] = path as unknown as readonly [string, unknown]
  if (!Object.hasOwn(KEYS, collection))
    throw usage(`${at}[0]`, `there is no ${JSON.stringify(collection)}`, `There are ${Object.keys(KEYS).join(', ')}.`)
  const [isKey, remedy] = KEYS[collection as ObjectCollection]
  if (!isKey(key)) throw usage(`${at}[1]`, 'it is no key of this collection', remedy)
  try {
    return checkOfValue(change)
  } catch (error) {
    throw usage(at, (error as Error).message, 'PROTOCOL §5 names all paths, and what each takes.')
  }
}

/**
 * Values are what the protocol's encoding has: no numbers, and maps are Maps. Whether a part is encoded already: its
 * form is not looked at.
 */
function checkValue(value: unknown, at: string): boolean {
  if (typeof value === 'number') throw usage(at, `${value} is a number`, `Write ${bigintText(value)}.`)
  if (value === undefined) throw usage(at, 'it is undefined', 'Leave the field out.')
  let isEncoded = value instanceof CborEncoded
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) isEncoded = checkValue(item, `${at}[${i}]`) || isEncoded
  else if (value instanceof Map)
    for (const [key, item] of value) {
      if (typeof key === 'number') throw usage(at, `its key ${key} is a number`, `Write ${bigintText(key)}.`)
      isEncoded = checkValue(item, `${at}.${typeof key === 'object' ? '…' : String(key)}`) || isEncoded
    }
  else if (!isLeaf(value))
    throw usage(at, 'it is a plain object', 'Write a Map by field names: new Map(Object.entries({ … })).')
  return isEncoded
}

function isLeaf(value: unknown): boolean {
  if (value === null || value instanceof Uint8Array || value instanceof CborTime || value instanceof CborEncoded)
    return true
  return typeof value === 'bigint' || typeof value === 'string' || typeof value === 'boolean'
}

function bigintText(number: number): string {
  return Number.isInteger(number) ? `${number}n, a bigint` : 'a bigint of the smallest unit: parseMoney makes one'
}
