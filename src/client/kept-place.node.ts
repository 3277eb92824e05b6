/**
 * Where a program on Node keeps a replica: a file, its owner's alone, written beside it and moved into its place.
 *
 * Tests: test/client/kept-replica.test.ts
 */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { replaceFile } from '../disk/whole-file.js'
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
      // Two programs may keep what they hold in one file.
      await replaceFile(path, bytes, { beside: `${path}.${randomUUID()}.new` })
    },
  }
}
