/**
 * Keeps what a client holds between two runs: a file on Node, IndexedDB in a page.
 *
 * Tests: test/client/kept-replica.test.ts
 */

import { storeAt } from '#kept-place'
import type { ReplicaStore } from './kept-replica.js'

export type { ReplicaStore } from './kept-replica.js'

/**
 * For `store` of `connect`. `place`: a path on Node, whose folder must be there; in a page a name of your own. One
 * place for each subscription: what was kept of another one is not used.
 *
 * @example
 * ```ts
 * import { replicaStore } from 'cairn-relay/replica-store'
 *
 * console.log(await replicaStore('no-such-file').load()) // undefined
 * ```
 */
export function replicaStore(place: string): ReplicaStore {
  return storeAt(place)
}
