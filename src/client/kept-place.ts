/**
 * Where a page keeps a replica: IndexedDB, one entry a place, replaced whole in one transaction. Imported as
 * `#kept-place`.
 *
 * Tests: test/e2e/browser.test.ts
 */

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
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = () => reject(transaction.error!)
      transaction.onabort = () => reject(transaction.error!)
    })
  } finally {
    database.close()
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1)
    request.onupgradeneeded = () => void request.result.createObjectStore(ENTRIES)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error!)
  })
}
