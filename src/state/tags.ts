/**
 * Patches of tags (PROTOCOL §5).
 *
 * Tests: test/state/operations.test.ts
 */

import { utf8 } from '../bytes/bytes.js'
import { ListingIDs, Tag } from '../objects/tag.js'
import { nameText, listingId } from '../objects/scalars.js'
import type { Op, Patch } from '../patches/patch.js'
import type { Draft } from './draft.js'
import { fields, list, placeOf, replaceable, settable, wholeOr } from './edit.js'
import { counted, idKey } from './shop-state.js'
import { invalid, notFound, stricter } from './verdict.js'

export const editTag = wholeOr(
  settable(Tag, { replaceMissing: 'refuse', removable: true }),
  fields<Tag>({ Name: replaceable(nameText), ListingIDs: list(listingId, { whole: ListingIDs }) }),
)

export function applyToTags(draft: Draft, op: Op, { path, value }: Patch): void {
  const name = path[1]
  if (typeof name !== 'string' || name === '') throw invalid(`${placeOf(path)}: a tag's key is its name, a text`)
  const key = utf8(nameText.read(name, 'Tags key'))
  const edit = editTag(op, path, 2)
  const before = draft.read('Tags', key, Tag)
  const after = edit(before, value)
  if (after === undefined) draft.delete('Tags', key, Tag)
  else {
    if (path.length === 2 && after.Name !== name) throw stricter(`tag ${placeOf(path)}: Name must equal the key`)
    checkListings(draft, op, before, after)
    draft.write('Tags', key, Tag, after)
  }
  reindex(draft, before, after)
}

/** Listings that come in must exist; one is not appended twice. */
function checkListings(draft: Draft, op: Op, before: Tag | undefined, after: Tag): void {
  const had = new Set(before?.ListingIDs)
  for (const id of after.ListingIDs ?? []) {
    if (!had.has(id) && !draft.has('Listings', idKey(id))) throw notFound(`listing ${id} is not there`, id)
  }
  const appended = op === 'append' ? after.ListingIDs?.at(-1) : undefined
  if (appended !== undefined && had.has(appended)) throw invalid(`the tag lists listing ${appended} already`)
}

function reindex(draft: Draft, before: Tag | undefined, after: Tag | undefined): void {
  const old = new Set(before?.ListingIDs)
  const now = new Set(after?.ListingIDs)
  let tagged = draft.index('tagged')
  for (const id of old) if (!now.has(id)) tagged = counted(tagged, idKey(id), -1n)
  for (const id of now) if (!old.has(id)) tagged = counted(tagged, idKey(id), 1n)
  draft.setIndex('tagged', tagged)
}
