/**
 * Where a program on Node keeps a replica: a file, its owner's alone, written beside it and moved into its place.
 *
 * Tests: test/client/kept-replica.test.ts
 */

import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import type { ReplicaStore } from './kept-replica.js'

export function storeAt(path: string): ReplicaStore {
  return {
    async load() {
      try {
        return new Uint8Array(await readFile(path))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async save(bytes) {
      const beside = `${path}.${randomUUID()}.new`
      try {
        await written(beside, bytes)
        await rename(beside, path)
      } catch (error) {
        await rm(beside, { force: true })
        throw error
      }
    },
  }
}

/** On disk when it resolves. */
async function written(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
