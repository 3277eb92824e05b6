// The state of a shop made again from nothing but its log, in a store that is in memory alone: what a run left behind
// has to be the same, digest for digest.

import { stateHash } from '../dist/state/shop-state.js'
import { Keeper } from '../dist/relay/shops/keeper.js'
import { MemoryStore } from '../dist/store/memory.js'
import { toHex } from '../dist/bytes/hex.js'

const PART = { records: 1_000, bytes: 8 * 1_048_576 }

/** What is another, as a sentence; undefined if nothing is. `shop`: as its writer left it. */
export async function differenceMadeAgain(store, shop) {
  const memory = new MemoryStore()
  const row = store.shops().find(({ shopId }) => shopId === shop.shopId)
  await memory.commit({ records: [], newShops: [row] })
  for (let after = 0; after < store.head(shop.shopId);) {
    const records = store.readLog(shop.shopId, after, PART)
    await memory.commit({ records: records.map((record) => ({ shopId: shop.shopId, record })) })
    after = records.at(-1).seq
  }
  const again = await new Keeper(memory, { nodeCacheNodes: 1_000 }).load(shop.shopId)
  const digests = ({ current: { head, state, stateRoot } }) =>
    [head, toHex(stateHash(state)), toHex(stateRoot)].join(' ')
  const [left, made] = [digests(shop), digests(again)]
  return left === made ? undefined : `the run left set, state hash and root ${left}; its log makes ${made}`
}
