/**
 * What a patch makes of one object by itself: the form of PROTOCOL §5 without the rules that need other objects, rights
 * or time. For replicas that hold a part of a shop; the relay checked the rest before it accepted the set.
 *
 * Tests: test/e2e/existing-clients.test.ts, test/client/shop-client.test.ts
 */

import type { Cbor } from '../codec/value.js'
import { Manifest } from '../objects/manifest.js'
import type { Op, Patch } from '../patches/patch.js'
import { editAccount } from './accounts.js'
import { checkedOp, type Editor } from './edit.js'
import { editStock } from './inventory.js'
import { editListing } from './listings.js'
import { editManifestFields } from './manifest.js'
import { editOrder } from './order-edit.js'
import { editTag } from './tags.js'

export type ObjectCollection = 'Manifest' | 'Accounts' | 'Inventory' | 'Listings' | 'Orders' | 'Tags'

/**
 * The object after the patch; undefined if it is gone. Throws Refusal, SchemaError for a patch that no relay accepts.
 */
export function editObject(before: unknown, { op, path, value }: Patch): unknown {
  const collection = path[0] as ObjectCollection
  if (collection === 'Manifest')
    return path.length === 1
      ? Manifest.read(value, 'Manifest')
      : editManifestFields(op as Op, path, 1)(before as Manifest, value)
  if (collection === 'Inventory')
    return editStock(
      op as Op,
      path,
      path.length,
    )(op === 'increment' ? ((before ?? 0n) as bigint) : (before as bigint | undefined), value)
  const editor = EDITORS[collection] as unknown as Editor<Cbor>
  return editor(op as Op, path, 2)(before as Cbor | undefined, value)
}

/**
 * Throws Refusal INVALID, SchemaError for an op and a path that no object has, whatever is there and whatever the
 * value.
 */
export function requireEditable({ op, path }: Pick<Patch, 'op' | 'path'>): void {
  const collection = path[0] as ObjectCollection
  checkedOp({ op, path, value: null } as Patch)
  if (collection === 'Manifest') {
    if (path.length > 1) editManifestFields(op as Op, path, 1)
  } else if (collection === 'Inventory') editStock(op as Op, path, path.length)
  else EDITORS[collection](op as Op, path, 2)
}

const EDITORS = { Accounts: editAccount, Listings: editListing, Orders: editOrder, Tags: editTag } as const
