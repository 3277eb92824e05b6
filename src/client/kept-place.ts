/**
 * Where a page keeps a replica: IndexedDB, one entry a place, replaced whole in one transaction. Imported as
 * `#kept-place`.
 *
 * Tests: test/client/kept-replica.test.ts
 */

import { KEPT_PLACE_MS_MAX } from '../limits.js'
import type { ReplicaStore } from './kept-replica.js'

const DATABASE = 'cairn-replicas'
const ENTRIES = 'replicas'

export function storeAt(place: string): ReplicaStore {
  return {
    load: async () => (await inEntries('readonly', (entries) => entries.get(place))) as Uint8Array | undefined,
    async save(bytes) {
      await inEntries('readwrite', (entries) => entries.put(bytes, place))
    },
  }
}

/** Resolves once the transaction is complete. */
async function inEntries<T>(mode: IDBTransactionMode, act: (entries: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened()
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(ENTRIES, mode)
      const request = act(transaction.objectStore(ENTRIES))
      transaction.addEventListener('complete', () => resolve(request.result))
      // Also after an error: an abort follows each.
      transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction was aborted')))
    })
  } finally {
    database.close()
  }
}

/** Of a database that did not open in time: nobody waits for it once more, until it opens after all. */
let unopened: Error | undefined

/** Some browsers answer never, until they are started anew: a shop is shown all the same. */
function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (unopened !== undefined) return reject(unopened)
    let isLate = false
    const request = indexedDB.open(DATABASE, 1)
    const timer = setTimeout(() => {
      isLate = true
      reject((unopened = new Error(`IndexedDB did not open within ${KEPT_PLACE_MS_MAX} ms`)))
    }, KEPT_PLACE_MS_MAX)
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(ENTRIES))
    request.addEventListener('success', () => {
      clearTimeout(timer)
      unopened = undefined
      if (isLate) request.result.close()
      else resolve(request.result)
    })
    request.addEventListener('error', () => {
      clearTimeout(timer)
      reject(request.error!)
    })
  })
}
