/**
 * An object's key bytes (PROTOCOL §6), its name in a replica (patches/object-name.ts) and its value in both forms: what
 * who holds a part of a shop has to turn into each other.
 *
 * Tests: test/proofs/held-shop.test.ts
 */

import { be64, fromBigEndian, utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import type { Schema } from '../codec/schema.js'
import { readUtf8 } from '../codec/utf8.js'
import { Account } from '../objects/account.js'
import { Inventory, inventoryKey } from '../objects/inventory.js'
import { Listing, VARIATION_SEPARATOR } from '../objects/listing.js'
import { Manifest } from '../objects/manifest.js'
import { Order } from '../objects/order.js'
import { Tag } from '../objects/tag.js'
import type { PathPart } from '../patches/patch.js'
import type { ObjectCollection } from './object-edit.js'

const SCHEMAS = { Manifest, Accounts: Account, Inventory, Listings: Listing, Orders: Order, Tags: Tag }

/** The key bytes of the object that a patch with this path changes; the manifest's are none. */
export function keyOfPath([collection, key, ...rest]: readonly PathPart[]): Uint8Array {
  if (collection === 'Inventory') return inventoryKey(key as bigint, rest as string[])
  if (key === undefined || collection === 'Manifest') return new Uint8Array(0)
  if (typeof key === 'bigint') return be64(key)
  return typeof key === 'string' ? utf8(key) : key
}

/** The name under which a replica has the object of these key bytes: `Listings/42`, `Inventory/42/red`, `Manifest`. */
export function nameOfKey(collection: ObjectCollection, key: Uint8Array): string {
  switch (collection) {
    case 'Manifest':
      return 'Manifest'
    case 'Accounts':
      return `Accounts/${toHex(key)}`
    case 'Tags':
      return `Tags/${readUtf8(key, 0, key.length)}`
    case 'Inventory':
      return ['Inventory', String(fromBigEndian(key.subarray(0, 8))), ...variationsOf(key)].join('/')
    case 'Listings':
    case 'Orders':
      return `${collection}/${fromBigEndian(key)}`
  }
}

/** In the order of names, which is that of their UTF-16 units. */
function variationsOf(key: Uint8Array): string[] {
  const text = readUtf8(key, 8, key.length)
  return text === '' ? [] : text.split(VARIATION_SEPARATOR).sort()
}

/** The object of canonical bytes. Throws SchemaError, CborError. */
export function readObject(collection: ObjectCollection, bytes: Uint8Array): unknown {
  return (SCHEMAS[collection] as Schema<unknown>).read(decodeChecked(bytes), collection)
}

/** Canonical bytes, fresh. */
export function writeObject(collection: ObjectCollection, value: unknown): Uint8Array {
  return encode((SCHEMAS[collection] as Schema<unknown>).write(value))
}
