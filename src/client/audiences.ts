/**
 * Who may read the parts of a set (PROTOCOL §10). Whoever is shown one part gets, as its proof, hashes of the parts
 * beside it, and a hash of something short, such as a number of pieces, is as good as the thing: all values are tried
 * in a moment. So one set should have one audience.
 *
 * Tests: test/client/audiences.test.ts
 */

const AUDIENCES: readonly (readonly [what: string, collections: readonly string[]])[] = [
  ['what everybody may read', ['Manifest', 'Accounts', 'Tags', 'Listings']],
  ['orders, which their guests may read', ['Orders']],
  ['stock, which staff alone may read', ['Inventory']],
]

/** What is wrong with a set of changes in these collections; undefined for one audience. */
export function mixedAudiences(collections: Iterable<unknown>): string | undefined {
  const changed = new Set(collections)
  const mixed = AUDIENCES.filter(([, names]) => names.some((name) => changed.has(name))).map(([what]) => what)
  if (mixed.length < 2) return undefined
  return (
    `one set holds ${mixed.join(' and ')}: ` +
    'whoever is shown a part of it gets hashes of the rest and can guess numbers from them; write them apart'
  )
}
