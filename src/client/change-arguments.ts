/**
 * What is wrong with changes that a caller wants to write, as far as that is known without the shop: told before
 * anything is sent.
 *
 * Tests: test/client/arguments.test.ts
 */

import { CborEncoded } from '../codec/encode.js'
import { CborTime } from '../codec/value.js'
import type { Change } from '../patches/patch.js'
import { requireEditable, type ObjectCollection } from '../state/object-edit.js'
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

/** Throws ClientError USAGE for the first thing that is wrong. */
export function checkChanges(changes: readonly Change[]): void {
  if (!Array.isArray(changes) || changes.length === 0)
    throw usage('changes', 'there is none', "Write [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 100n }].")
  for (const [i, change] of (changes as readonly Change[]).entries()) checkChange(change, `changes[${i}]`)
}

function checkChange(change: Change, at: string): void {
  if (typeof change !== 'object' || change === null) throw usage(at, 'it is no change', 'Write { op, path, value }.')
  const { op, path, value } = change
  if (!OPS.includes(op)) throw usage(`${at}.op`, `there is no op ${JSON.stringify(op)}`, `There are ${OPS.join(', ')}.`)
  checkPath(change, `${at}.path`, path)
  if (op === 'remove') {
    if (value !== undefined && value !== null) throw usage(`${at}.value`, 'remove takes none', 'Leave it out.')
  } else if (value === undefined) throw usage(`${at}.value`, 'it is missing', `Give what to ${op}.`)
  else checkValue(value, `${at}.value`)
}

function checkPath(change: Change, at: string, path: unknown): void {
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
    requireEditable(change)
  } catch (error) {
    throw usage(at, (error as Error).message, 'PROTOCOL §5 names all paths, and what each takes.')
  }
}

/** Values are what the protocol's encoding has: no numbers, and maps are Maps. */
function checkValue(value: unknown, at: string): void {
  if (typeof value === 'number') throw usage(at, `${value} is a number`, `Write ${bigintText(value)}.`)
  if (value === undefined) throw usage(at, 'it is undefined', 'Leave the field out.')
  if (Array.isArray(value)) for (const [i, item] of value.entries()) checkValue(item, `${at}[${i}]`)
  else if (value instanceof Map)
    for (const [key, item] of value) {
      if (typeof key === 'number') throw usage(at, `its key ${key} is a number`, `Write ${bigintText(key)}.`)
      checkValue(item, `${at}.${typeof key === 'object' ? '…' : String(key)}`)
    }
  else if (!isLeaf(value))
    throw usage(at, 'it is a plain object', 'Write a Map by field names: new Map(Object.entries({ … })).')
}

function isLeaf(value: unknown): boolean {
  if (value === null || value instanceof Uint8Array || value instanceof CborTime || value instanceof CborEncoded)
    return true
  return typeof value === 'bigint' || typeof value === 'string' || typeof value === 'boolean'
}

function bigintText(number: number): string {
  return Number.isInteger(number) ? `${number}n, a bigint` : 'a bigint of the smallest unit: parseMoney makes one'
}
