/** Fresh directories for stores on disk. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../src/store/open.js'
import type { Store } from '../../src/store/store.js'

export async function freshDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'cairn-store-'))
}

export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
}

/** A store on disk that can be closed and opened again. */
export class DiskStore {
  readonly directory: string
  store: Store

  private constructor(directory: string, store: Store) {
    this.directory = directory
    this.store = store
  }

  static async make(): Promise<DiskStore> {
    const directory = await freshDirectory()
    return new DiskStore(directory, await openStore(directory))
  }

  async reopen(): Promise<Store> {
    await this.store.close()
    this.store = await openStore(this.directory)
    return this.store
  }

  async dispose(): Promise<void> {
    await this.store.close()
    await removeDirectory(this.directory)
  }
}
