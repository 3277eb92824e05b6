/** The data directory: who may use it, what is in it, and the store inside. */

import { mkdir, readdir, chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { LmdbStore } from './lmdb.js'
import { lock } from './lock.js'
import { StoreError } from './store-error.js'
import type { Store } from './store.js'

const DATABASE = 'cairn.mdb'
const LOCK = 'lock'
/** What may stand in a data directory before its first use. */
const OURS: ReadonlySet<string> = new Set([
  DATABASE,
  `${DATABASE}-lock`,
  LOCK,
  'blobs',
  'relay.key',
  'demo.json',
  'card.key',
])

/** Makes the directory (0700) if need be, locks it and opens the store in it. Throws StoreError. */
export async function openStore(directory: string): Promise<Store> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await refuseForeign(directory)
    const unlock = await lock(join(directory, LOCK))
    try {
      const store = new LmdbStore(join(directory, DATABASE), unlock)
      await chmod(join(directory, DATABASE), 0o600)
      return store
    } catch (error) {
      await unlock()
      throw error
    }
  } catch (error) {
    throw error instanceof StoreError ? error : unusable(directory, error)
  }
}

async function refuseForeign(directory: string): Promise<void> {
  const names = await readdir(directory)
  const foreign = names.find((name) => !OURS.has(name))
  if (!names.includes(DATABASE) && foreign !== undefined) {
    throw new StoreError(
      'not-ours',
      `${directory} holds ${foreign} and no cairn data: choose an empty or a new --data directory`,
    )
  }
}

function unusable(directory: string, error: unknown): StoreError {
  const { code, message } = error as NodeJS.ErrnoException
  const reason =
    code === 'EACCES' || code === 'EROFS' || code === 'EPERM' ? 'cannot be written' : `cannot be used (${message})`
  return new StoreError(
    'unwritable',
    `the data directory ${directory} ${reason}: check its owner and rights, or choose another --data directory`,
    { cause: error },
  )
}
