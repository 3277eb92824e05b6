/** The data directory: who may use it, what is in it, and the store inside. */

import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DISK_RESERVE_BYTES_DEFAULT, RESERVATION_SECONDS_DEFAULT } from '../limits.js'
import { openLmdbStore, readersOf, readLmdbStore, type StoreOptions } from './lmdb.js'
import { isLockName, lock } from './lock.js'
import { isFull, StoreError } from './store-error.js'
import { syncDirectory } from '../disk/sync-directory.js'
import type { Store } from './store.js'

const DATABASE = 'cairn.mdb'
const READERS = readersOf(DATABASE)
/** What may stand in a data directory before its first use. */
const OURS: ReadonlySet<string> = new Set([DATABASE, READERS, 'blobs', 'demo.json', 'card.key'])
/** And what is kept beside it. */
const RELAY_KEY = 'relay.key'

const STANDARD: StoreOptions = {
  reserveBytes: DISK_RESERVE_BYTES_DEFAULT,
  reservationSeconds: Number(RESERVATION_SECONDS_DEFAULT),
  isTried: false,
}

/** Makes the directory (0700) if need be, locks it and opens the store in it. Throws StoreError. */
export async function openStore(directory: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  try {
    await makeDirectory(resolve(directory))
    await refuseForeign(directory)
    const unlock = await lock(directory)
    try {
      return await openIn(resolve(directory), { ...STANDARD, ...options }, unlock)
    } catch (error) {
      await unlock()
      throw error
    }
  } catch (error) {
    throw error instanceof StoreError ? error : unusable(directory, error)
  }
}

/**
 * The data of a relay that may be running, for reading alone, by directory or the database's own file; nothing in the
 * directory is changed. `isTried`: as StoreOptions have it. Throws StoreError.
 */
export async function openStoreForReading(directory: string, isTried = true): Promise<Store> {
  try {
    const isFile = (await stat(directory)).isFile()
    const file = resolve(isFile ? directory : join(directory, DATABASE))
    return await readLmdbStore(file, { reservationSeconds: STANDARD.reservationSeconds, isTried })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new StoreError('not-ours', `${directory} holds no cairn data: give the --data directory of the relay`)
    throw error instanceof StoreError ? error : unusable(directory, error)
  }
}

/** The names that lead to the database are on disk before anything in it is answered for. */
async function openIn(directory: string, options: StoreOptions, unlock: () => Promise<void>): Promise<Store> {
  const store = await openLmdbStore(join(directory, DATABASE), options, unlock)
  try {
    for (const name of [DATABASE, READERS]) await chmod(join(directory, name), 0o600)
    await syncDirectory(directory)
    await syncDirectory(dirname(directory)).catch(() => undefined)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

/** With what is missing above it (0700). Not by mkdir's `recursive`, which never ends below /proc. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeUnlessThere(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory) throw error
    await makeDirectory(dirname(directory))
    await makeUnlessThere(directory)
  }
}

/** Another process may make it at the same time: which of the two may use it, the lock decides. */
async function makeUnlessThere(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

async function refuseForeign(directory: string): Promise<void> {
  const names = await readdir(directory)
  const foreign = names.find((name) => !OURS.has(name) && !name.startsWith(RELAY_KEY) && !isLockName(name))
  if (!names.includes(DATABASE) && foreign !== undefined) {
    throw new StoreError(
      'not-ours',
      `${directory} holds ${foreign} and no cairn data: choose an empty or a new --data directory`,
    )
  }
}

function unusable(directory: string, error: unknown): StoreError {
  const { code, message } = error as NodeJS.ErrnoException
  if (isFull(error)) {
    return new StoreError('full', `the data directory ${directory} is on a full disk: make room`, { cause: error })
  }
  if (code === 'EMFILE' || code === 'ENFILE') {
    const text = `the data directory ${directory} cannot be used (${message}): allow more open files (ulimit -n)`
    return new StoreError('unwritable', text, { cause: error })
  }
  const forbidden = code === 'EACCES' || code === 'EROFS' || code === 'EPERM'
  const reason = forbidden ? 'cannot be written' : `cannot be used (${message})`
  const advice = 'check its owner and rights, or choose another --data directory'
  const text = `the data directory ${directory} ${reason}: ${advice}`
  return new StoreError('unwritable', text, { cause: error })
}
