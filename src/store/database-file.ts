/**
 * What must be known of LMDB's file before lmdb-js may open it: lmdb-js ends the process where it cannot open a file,
 * and a page behind the file's end is a SIGBUS when it is read.
 *
 * A file may be shorter than its last page where that page is free, so only pages that the trees reach count. They are
 * read by LMDB's own layout (liblmdb/mdb.c of lmdb 3.5.6, 64 bits, little endian):
 *
 *     page = header 24 (flags u16 at 18, twice the number of nodes u16 at 20) ‖ pointers u16…, from the header's end
 *     meta = header 24 ‖ magic u32 ‖ version u32 ‖ address u64 ‖ map size u64 ‖ tree 48 ‖ tree 48 ‖ last page u64
 *            ‖ transaction u64
 *
 * The page size stands in the first tree.
 *
 * Tests: test/store/database-file.test.ts
 */

import { access, constants, open, stat, writeFile, type FileHandle } from 'node:fs/promises'
import { StoreError } from './store-error.js'

const LMDB_MAGIC = 0xbeefc0de
const LMDB_VERSION = 2

const PAGE_HEAD_BYTES = 24
const META_BYTES = PAGE_HEAD_BYTES + 136
const TREE_ROOTS_AT = [PAGE_HEAD_BYTES + 24 + 40, PAGE_HEAD_BYTES + 24 + 48 + 40] as const
const PAGE_SIZE_AT = PAGE_HEAD_BYTES + 24
const LAST_PAGE_AT = PAGE_HEAD_BYTES + 120
const NO_ROOT = 0xffff_ffff_ffff_ffffn
const PAGE_SIZES = { least: 512, most: 65_536 } as const

const BRANCH = 0x01
const LEAF = 0x02
/** Another process may write meanwhile, and use pages again that were read: what is cut off is so at every look. */
const LOOKS_MAX = 3

/** Of a leaf's node: its value stands on pages of its own. */
const BIG = 0x01

/**
 * Makes the file (0600) if `flags` say so. Throws StoreError 'damaged' for one that is no database or was cut off, and
 * what the system says.
 */
export async function checkDatabaseFile(path: string, flags = constants.O_RDWR | constants.O_CREAT): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    let problem: string | undefined
    for (let look = 0; look < LOOKS_MAX; look++) {
      const { size } = await file.stat()
      problem = size === 0 ? undefined : await problemOf(file, size)
      if (problem === undefined) return
    }
    throw new StoreError('damaged', `${path} ${problem}: restore it from a backup, or use another --data directory`)
  } finally {
    await file.close()
  }
}

/** More than its 126 readers need, in whole pages. */
const READERS_BYTES = 12_288

/**
 * Makes the file of LMDB's readers, which stands beside the database, with its blocks on disk: LMDB maps it, and a page
 * of it that finds no room is a SIGBUS. Throws what the system says, also for one that cannot be opened. `readOnly`:
 * then LMDB can do without.
 */
export async function prepareReaders(path: string, readOnly = false): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw Object.assign(new Error(`${path} is no file`), { code: 'EISDIR' })
    // Not opened: closing it again would free the locks that this process may have on it.
    await access(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (readOnly && (code === 'EACCES' || code === 'EROFS')) return
    if (code !== 'ENOENT') throw error
    await writeFile(path, new Uint8Array(READERS_BYTES), { flag: 'wx', mode: 0o600 }).catch(unlessThere)
  }
}

/** Another process may make it at the same time. */
function unlessThere(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
}

async function problemOf(file: FileHandle, size: number): Promise<string | undefined> {
  const unreadable = 'is no database that can be read'
  const first = await metaAt(file, 0)
  if (first === undefined) return unreadable
  const pageSize = first.getUint32(PAGE_SIZE_AT, true)
  if (pageSize < PAGE_SIZES.least || pageSize > PAGE_SIZES.most) return unreadable
  const second = await metaAt(file, pageSize)
  if (second?.getUint32(PAGE_SIZE_AT, true) !== pageSize) return unreadable
  const metas = [first, second]
  const lastPage = Math.max(...metas.map((meta) => Number(meta.getBigUint64(LAST_PAGE_AT, true))))
  if (size >= (lastPage + 1) * pageSize) return undefined
  for (const meta of metas) {
    for (const at of TREE_ROOTS_AT) {
      const root = meta.getBigUint64(at, true)
      if (root === NO_ROOT || (await isWhole(file, { pageSize, pages: Math.floor(size / pageSize) }, Number(root))))
        continue
      return `was cut off: it has ${size} bytes and its pages need more, up to ${(lastPage + 1) * pageSize}`
    }
  }
  return undefined
}

async function metaAt(file: FileHandle, position: number): Promise<DataView | undefined> {
  const meta = await read(file, position, META_BYTES)
  const magic = meta?.getUint32(PAGE_HEAD_BYTES, true)
  const version = meta?.getUint32(PAGE_HEAD_BYTES + 4, true)
  return magic === LMDB_MAGIC && version === LMDB_VERSION ? meta : undefined
}

interface Extent {
  readonly pageSize: number
  /** That are in the file. */
  readonly pages: number
}

/** Whether every page that the tree below `root` reaches is in the file. */
async function isWhole(file: FileHandle, extent: Extent, root: number): Promise<boolean> {
  const open = [root]
  const seen = new Set<number>()
  for (let number = open.pop(); number !== undefined; number = open.pop()) {
    // A page that is met twice is no tree: whatever it is, it is read once.
    if (seen.has(number)) continue
    seen.add(number)
    const page = number < extent.pages ? await read(file, number * extent.pageSize, extent.pageSize) : undefined
    if (page === undefined) return false
    const below = pagesBelow(page, extent)
    if (below === undefined) return false
    open.push(...below)
  }
  return true
}

/** The branches of a page; undefined if a value of it ends behind the file. */
function pagesBelow(page: DataView, { pageSize, pages }: Extent): number[] | undefined {
  const flags = page.getUint16(18, true)
  const below: number[] = []
  const nodes = page.getUint16(20, true) >> 1
  for (let i = 0; i < nodes; i++) {
    const pointer = PAGE_HEAD_BYTES + 2 * i
    const at = pointer + 2 > pageSize ? pageSize : PAGE_HEAD_BYTES + page.getUint16(pointer, true)
    if (at + 8 > pageSize) return undefined
    const low = page.getUint32(at, true)
    const high = page.getUint16(at + 4, true)
    if (flags & BRANCH) below.push(low + high * 2 ** 32)
    else if (flags & LEAF && high & BIG) {
      const value = at + 8 + page.getUint16(at + 6, true)
      if (value + 8 > pageSize) return undefined
      const first = Number(page.getBigUint64(value, true))
      if (first + Math.ceil((PAGE_HEAD_BYTES + low) / pageSize) > pages) return undefined
    }
  }
  return below
}

async function read(file: FileHandle, position: number, length: number): Promise<DataView | undefined> {
  const bytes = new Uint8Array(length)
  const { bytesRead } = await file.read(bytes, 0, length, position)
  return bytesRead === length ? new DataView(bytes.buffer) : undefined
}
