/**
 * Database files that were cut off, or are none, are told of in one line: they never reach LMDB, which would end the
 * process. What is read is read by a process of its own.
 */

import { execFile } from 'node:child_process'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { open as openLmdb } from 'lmdb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkDatabaseFile } from '../../src/store/database-file.js'
import { StoreError } from '../../src/store/store-error.js'
import { fixture, requireBuiltStore } from '../fixtures/built.js'
import { differences, Reading, readDatabase, type Contents } from '../fixtures/rotten-data.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { databaseIn, wholeData } from '../fixtures/whole-data.js'

const PAGE = 4_096
/** Of a meta page: its last page, 8 bytes, little endian. */
const LAST_PAGE_AT = 24 + 120
const PAGE_SIZE_AT = 24 + 24
/** Of the second tree, which is the table's. */
const ROOT_AT = 24 + 24 + 48 + 40

let directory: string
beforeEach(async () => {
  directory = await freshDirectory()
})
afterEach(() => removeDirectory(directory))

/** What is said about a file of these bytes; undefined if it may be opened. */
async function verdict(bytes: Uint8Array): Promise<string | undefined> {
  const path = databaseIn(directory)
  await writeFile(path, bytes)
  return checkDatabaseFile(path).then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof StoreError)) throw error
      expect([error.code, error.message.includes('\n'), error.message.startsWith(path)]).toEqual([
        'damaged',
        false,
        true,
      ])
      expect(error.message).toMatch(/: restore it from a backup, or use another --data directory$/u)
      return error.message.slice(path.length + 1).replace(/: restore.*$/u, '')
    },
  )
}

describe('a database that was cut off', () => {
  let whole: { readonly directory: string; readonly file: Uint8Array; readonly contents: Contents }
  const reading = new Reading()

  beforeAll(async () => {
    await requireBuiltStore()
    const at = await wholeData()
    const contents = (await reading.all(at)) as Contents
    whole = { directory: at, file: await readFile(databaseIn(at)), contents }
  })
  afterAll(async () => {
    reading.close()
    await rm(dirname(whole.directory), { recursive: true, force: true })
  })

  /** `damaged`, or `whole` where all of it can be read. */
  async function readOf(length: number): Promise<string> {
    const { contents, directory: at, file } = whole
    const given = { parent: dirname(at), known: contents.known }
    const got = await readDatabase(reading, file.subarray(0, length), given)
    if ('death' in got) return `the reader died: ${got.death}`
    if (got.answers['open']!.startsWith('error damaged ')) return 'damaged'
    const { told, wrong } = differences(contents, got)
    return [...told, ...wrong].length === 0 ? 'whole' : `${told.length} errors, ${wrong.length} wrong`
  }

  it('at any page is damaged, unless what is missing is free', async () => {
    const pages = whole.file.length / PAGE
    const said = new Map<number, string>()
    for (let page = 1; page <= pages; page++) said.set(page, await readOf(page * PAGE))
    expect(said.get(pages)).toBe('whole')
    expect(new Set(said.values())).toEqual(new Set(['damaged', 'whole']))
    // Once a page in use is missing it is missing from every shorter file.
    const shortest = Math.min(...[...said].filter(([, what]) => what === 'whole').map(([page]) => page))
    for (const [page, what] of said) expect([page, what]).toEqual([page, page < shortest ? 'damaged' : 'whole'])
    for (const length of [1, 23, 24, 159, PAGE - 1, PAGE + 159, shortest * PAGE - 1, (shortest - 1) * PAGE + 1])
      expect([length, await readOf(length)]).toEqual([length, 'damaged'])
  }, 300_000)

  it('is damaged for one who writes, too', async () => {
    await writeFile(databaseIn(directory), whole.file.subarray(0, 10 * PAGE))
    const { stdout } = await promisify(execFile)(process.execPath, [fixture('holder.mjs'), directory])
    expect(stdout).toMatch(
      /^damaged \S+cairn\.mdb was cut off: it has 40960 bytes and its pages need more, up to \d+: [^\n]*\n$/u,
    )
    expect((await stat(databaseIn(directory))).size).toBe(10 * PAGE)
  })
})

describe('a database', () => {
  const open = () => {
    const binary = { keyEncoding: 'binary', encoding: 'binary' } as const
    return openLmdb<Uint8Array, Uint8Array>({ path: databaseIn(directory), ...binary, overlappingSync: false })
  }
  const key = (n: number) => Uint8Array.of(100, n >> 8, n & 0xff)
  const lastPage = (file: Uint8Array, meta = 0) =>
    Number(new DataView(file.buffer, file.byteOffset).getBigUint64(meta * PAGE + LAST_PAGE_AT, true))

  /** Whose last pages were made and given back in one transaction: they are not in the file, and never were. */
  async function shorterThanItsLastPage(): Promise<Uint8Array> {
    const lmdb = open()
    await lmdb.put(key(0), new Uint8Array(10_000))
    await lmdb.put(key(1), new Uint8Array(200_000))
    await lmdb.remove(key(1))
    await lmdb.batch(() => {
      for (let n = 1; n < 2_000; n++) void lmdb.put(key(n), new Uint8Array(100))
      for (let n = 1; n < 2_000; n++) void lmdb.remove(key(n))
    })
    await lmdb.close()
    return readFile(databaseIn(directory))
  }

  it('whose free pages lie behind the end of the file is whole, until one page more is missing', async () => {
    const file = await shorterThanItsLastPage()
    expect(file.length).toBeLessThan((Math.max(lastPage(file), lastPage(file, 1)) + 1) * PAGE)
    expect(await verdict(file)).toBeUndefined()
    const lmdb = open()
    expect(lmdb.get(key(0))).toHaveLength(10_000)
    await lmdb.close()
    expect(await verdict(file.subarray(0, file.length - PAGE))).toMatch(/^was cut off: it has \d+ bytes/u)
  })

  it.each([
    ['leaves', 300, 400],
    ['leaves of leaves', 3_000, 200],
    ['a large value', 1, 200_000],
  ])('whose root stands before its pages is cut off at any of them: %s', async (_what, count, bytes) => {
    const lmdb = open()
    // Pages that are free, and stand before the rest: roots and lists of free pages will be there.
    await lmdb.put(key(count), new Uint8Array(20_000))
    await lmdb.remove(key(count))
    await lmdb.batch(() => {
      for (let n = 0; n < count; n++) void lmdb.put(key(n), new Uint8Array(bytes))
    })
    for (let n = 0; n < 8; n++) await lmdb.put(key(count), new Uint8Array(1))
    await lmdb.close()
    const file = await readFile(databaseIn(directory))
    const rootOf = (meta: number) =>
      new DataView(file.buffer, file.byteOffset).getBigUint64(meta * PAGE + ROOT_AT, true)
    const root = Math.max(...[0, 1].map((meta) => Number(rootOf(meta))))
    expect(root).toBeLessThan(lastPage(file))
    expect(await verdict(file)).toBeUndefined()
    for (let page = root + 1; page < file.length / PAGE; page += Math.ceil(file.length / PAGE / 40))
      expect([page, await verdict(file.subarray(0, page * PAGE))]).toEqual([page, expect.stringContaining('cut off')])
  })

  it('that is empty, or not there, may be opened', async () => {
    expect(await verdict(new Uint8Array(0))).toBeUndefined()
    await rm(databaseIn(directory))
    await checkDatabaseFile(databaseIn(directory))
    expect((await stat(databaseIn(directory))).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['the first', 0],
    ['the second', PAGE],
  ])('whose meta page, %s, is none is refused', async (_which, at) => {
    const file = await shorterThanItsLastPage()
    for (const byte of [at + 24, at + 28]) {
      const bad = new Uint8Array(file)
      bad[byte]! ^= 1
      expect(await verdict(bad)).toBe('is no database that can be read')
    }
  })

  it.each([0, 1])('whose meta page %i says another page size is refused', async (meta) => {
    const file = await shorterThanItsLastPage()
    for (let bit = 0; bit < 32; bit++) {
      const bad = new Uint8Array(file)
      bad[meta * PAGE + PAGE_SIZE_AT + (bit >> 3)]! ^= 1 << (bit & 7)
      expect([bit, await verdict(bad)]).toEqual([bit, 'is no database that can be read'])
    }
  })

  it('that is something else is refused', async () => {
    expect(await verdict(new TextEncoder().encode('SQLite format 3\0'.repeat(1_000)))).toBe(
      'is no database that can be read',
    )
    expect(await verdict(new Uint8Array(2 * PAGE))).toBe('is no database that can be read')
  })

  it('whose pages lead in a circle ends, and is cut off', async () => {
    const lmdb = open()
    await lmdb.transaction(() => {
      for (let n = 0; n < 3_000; n++) void lmdb.put(key(n), new Uint8Array(100))
    })
    await lmdb.close()
    const file = new Uint8Array(await readFile(join(directory, 'cairn.mdb')))
    const view = new DataView(file.buffer)
    // Every branch of the pages leads to page 3, and no file is as long as it says.
    for (let page = 2; page < file.length / PAGE; page++) {
      if ((view.getUint16(page * PAGE + 18, true) & 1) === 0) continue
      const nodes = view.getUint16(page * PAGE + 20, true) >> 1
      for (let i = 0; i < nodes; i++) {
        const node = page * PAGE + 24 + view.getUint16(page * PAGE + 24 + 2 * i, true)
        view.setUint32(node, page, true)
        view.setUint16(node + 4, 0, true)
      }
    }
    for (const meta of [0, 1]) view.setBigUint64(meta * PAGE + LAST_PAGE_AT, 1_000_000n, true)
    expect(await verdict(file)).toBeUndefined()
  })
})
