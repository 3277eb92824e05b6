/**
 * What a patch makes of one object by itself: the form of PROTOCOL §5 without the rules that need other objects, rights
 * or time. For replicas that hold a part of a shop; the relay checked the rest before it accepted the set.
 *
 * Tests: test/e2e/existing-clients.test.ts, test/client/shop-client.test.ts, test/client/arguments.test.ts
 */

import { SchemaError } from '../codec/schema.js'
import type { Cbor } from '../codec/value.js'
import { Manifest } from '../objects/manifest.js'
import type { Op, Patch } from '../patches/patch.js'
import { editAccount } from './accounts.js'
import { checkedOp, replaceable, wholeOr, type Editor } from './edit.js'
import { editStock } from './inventory.js'
import { editListing } from './listings.js'
import { editManifestFields } from './manifest.js'
import { editOrder } from './order-edit.js'
import { editTag } from './tags.js'

export type ObjectCollection = 'Manifest' | 'Accounts' | 'Inventory' | 'Listings' | 'Orders' | 'Tags'

/**
 * The object after the patch; undefined if it is gone. Throws Refusal, SchemaError for a patch that no relay accepts.
 */
export function editObject(before: unknown, patch: Patch): unknown {
  const { op, path, value } = patch
  if (path[0] === 'Manifest' && path.length === 1) return Manifest.read(value, 'Manifest')
  const isCounted = path[0] === 'Inventory' && op === 'increment'
  return editOf(patch)(isCounted ? (before ?? 0n) : before, value)
}

/**
 * The check of a value for an op and a path: throws SchemaError for one that no relay accepts, as far as that is known
 * whatever is there. Throws Refusal INVALID, SchemaError for an op and a path that no object has.
 */
export function checkOfValue({ op, path }: PlaceOfPatch): (value: Cbor) => void {
  checkedOp({ op, path, value: null } as Patch)
  const edit = editOf({ op, path })
  const isNew = op === 'add' && path.length === depthOf(path)
  const before = isNew ? undefined : path[0] === 'Inventory' ? 0n : { Metadata: {} }
  return (value) => {
    try {
      edit(before, value)
    } catch (error) {
      // What else is wrong is of an object that nobody looked at.
      if (error instanceof SchemaError) throw error
    }
  }
}

type PlaceOfPatch = Pick<Patch, 'op' | 'path'>

function editOf({ op, path }: PlaceOfPatch): ReturnType<Editor<unknown>> {
  const editor = EDITORS[path[0] as ObjectCollection] as unknown as Editor<unknown>
  return editor(op as Op, path, depthOf(path))
}

/** How much of a path names its object. */
function depthOf([collection, ...rest]: Patch['path']): number {
  return collection === 'Manifest' ? 1 : collection === 'Inventory' ? rest.length + 1 : 2
}

const EDITORS = {
  Manifest: wholeOr(replaceable(Manifest), editManifestFields),
  Accounts: editAccount,
  Inventory: editStock,
  Listings: editListing,
  Orders: editOrder,
  Tags: editTag,
} as const
