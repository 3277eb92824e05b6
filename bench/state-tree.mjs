// A state tree in memory, and a shop around it whose other collections are empty: what proofs are made from here.

import { compareBytes } from '../dist/bytes/bytes.js'
import { collectionSalt, saltedRoot, stateLeaf, stateLeafDigest, stateRoot } from '../dist/merkle/state-proof.js'
import { bitAt, EMPTY_PLACE, interiorDigest } from '../dist/merkle/state-tree.js'

/** The places of leaves by rising K, each with its digest. */
function placeOf(leaves, depth, from, to) {
  if (from === to) return undefined
  if (to - from === 1) return { digest: stateLeafDigest(leaves[from]), leaf: leaves[from] }
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if (bitAt(leaves[middle].keyHash, depth) === 0) low = middle + 1
    else high = middle
  }
  const left = placeOf(leaves, depth + 1, from, low)
  const right = placeOf(leaves, depth + 1, low, to)
  return { digest: interiorDigest(left?.digest ?? EMPTY_PLACE, right?.digest ?? EMPTY_PLACE), left, right }
}

/** `entries`: key bytes and value of the objects of Inventory. */
export function stateOf(entries) {
  const leaves = entries.map(([key, value]) => stateLeaf(key, { value }))
  leaves.sort((a, b) => compareBytes(a.keyHash, b.keyHash))
  const tree = placeOf(leaves, 0, 0, leaves.length)
  const secret = new Uint8Array(32)
  const salts = { Inventory: collectionSalt(secret, 'Inventory'), Orders: collectionSalt(secret, 'Orders') }
  const none = { Accounts: EMPTY_PLACE, Cards: EMPTY_PLACE, Listings: EMPTY_PLACE, Tags: EMPTY_PLACE }
  const roots = {
    ...none,
    Inventory: saltedRoot(salts.Inventory, tree.digest),
    Orders: saltedRoot(salts.Orders, EMPTY_PLACE),
  }
  const level = { schemaVersion: 4n, manifestHash: secret, roots }
  const source = { level, manifest: secret, trees: { Inventory: tree }, salts }
  return { source, shopId: 1n, stateRoot: stateRoot(level) }
}
