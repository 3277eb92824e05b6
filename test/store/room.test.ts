/**
 * Nothing is written for which there may be no room: when the free room is looked at, what counts as used, and what a
 * store and blobs do below the reserve. A disk that is really full: test/e2e/full-disk.test.ts.
 */

import { execFile } from 'node:child_process'
import { readdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openBlobs } from '../../src/store/blobs.js'
import { openStore } from '../../src/store/open.js'
import { Room } from '../../src/store/room.js'
import { StoreError } from '../../src/store/store-error.js'
import { fixture, requireBuiltStore } from '../fixtures/built.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { bytesOf, recordsFor, shopRow } from '../fixtures/store.arbitrary.js'

/** Others may fill or free the disk meanwhile: less than that. */
const ROOM_LEFT = 256 * 1_048_576
const MEBIBYTE = 1_048_576
const RESERVE = 10 * MEBIBYTE

/** A disk and a clock that the test turns. */
class Disk {
  free = 100 * MEBIBYTE
  nowMs = 5_000
  looks = 0
  error: Error | undefined
  readonly room: Room

  constructor(fileBytesMax = Infinity) {
    const free = () => {
      this.looks++
      if (this.error !== undefined) throw this.error
      return this.free
    }
    this.room = new Room({ reserve: RESERVE, free, fileBytesMax, nowMs: () => this.nowMs })
  }
}

/** The code of a StoreError, or undefined if there was none. */
function codeOf(act: () => void): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return error.code
  }
}

describe('the free room', () => {
  it('is looked at every 100 ms at most, however much is written', () => {
    const disk = new Disk()
    for (let i = 0; i < 1_000; i++) disk.room.take(1)
    expect(disk.looks).toBe(1)
    disk.nowMs += 99.9
    disk.room.take(1)
    expect(disk.looks).toBe(1)
    disk.nowMs += 0.1
    disk.room.take(1)
    expect(disk.looks).toBe(2)
  })

  it('is less by what was written since the last look, and not by what was refused', () => {
    const disk = new Disk()
    disk.room.take(60 * MEBIBYTE)
    expect(codeOf(() => disk.room.take(30 * MEBIBYTE + 1))).toBe('full')
    disk.room.take(30 * MEBIBYTE)
    expect(codeOf(() => disk.room.take(1))).toBe('full')
    expect(disk.looks).toBe(1)
  })

  it('keeps its reserve to the byte', () => {
    const disk = new Disk()
    disk.free = RESERVE
    expect(codeOf(() => disk.room.take(0))).toBeUndefined()
    expect(codeOf(() => disk.room.take(1))).toBe('full')
    disk.free = RESERVE - 1
    disk.nowMs += 100
    expect(codeOf(() => disk.room.take(0))).toBe('full')
  })

  it('lets writes go on by themselves when there is some again', () => {
    const disk = new Disk()
    disk.free = 0
    expect(codeOf(() => disk.room.take(1))).toBe('full')
    expect(disk.room.problem(0)).toBeDefined()
    disk.free = 100 * MEBIBYTE
    expect(codeOf(() => disk.room.take(1))).toBe('full')
    disk.nowMs += 100
    expect(disk.room.problem(0)).toBeUndefined()
    expect(codeOf(() => disk.room.take(1))).toBeUndefined()
  })

  it('ends where a file would become larger than the process may write', () => {
    const disk = new Disk(8 * MEBIBYTE)
    expect(codeOf(() => disk.room.take(MEBIBYTE, 7 * MEBIBYTE))).toBeUndefined()
    expect(codeOf(() => disk.room.take(MEBIBYTE + 1, 7 * MEBIBYTE))).toBe('full')
    expect(disk.room.problem(1, 8 * MEBIBYTE)).toBe(
      'nothing is written, the disk is full (this process may write files of 8 MiB at most (ulimit -f)): ' +
        'make room, then writes go on by themselves',
    )
  })

  it('is taken for none where the system does not tell, and looked at again', () => {
    const disk = new Disk()
    disk.error = new Error('EIO: i/o error, statfs')
    expect(codeOf(() => disk.room.take(1))).toBe('full')
    expect(disk.room.problem(0)).toMatch(/the system does not tell how much is free: EIO/u)
    disk.error = undefined
    disk.nowMs += 100
    expect(codeOf(() => disk.room.take(1))).toBeUndefined()
  })

  it('is told with what is free and what is kept', () => {
    const disk = new Disk()
    disk.free = 3.9 * MEBIBYTE
    expect(disk.room.problem(0)).toBe(
      'nothing is written, the disk is full (3 MiB are free, of which 10 MiB are kept): ' +
        'make room, then writes go on by themselves',
    )
  })
})

describe('below the reserve', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await freshDirectory()
  })
  afterEach(() => removeDirectory(directory))

  /** More than the disk has. */
  const tooMuch = async () => {
    const { blocks, bsize } = await statfs(directory)
    return blocks * bsize
  }

  it('blobs are refused before a file is there, and those that are there are read', async () => {
    await (await openBlobs(directory)).put('QmA', bytesOf(3, 1))
    const blobs = await openBlobs(directory, await tooMuch())
    await expect(blobs.begin()).rejects.toMatchObject({ code: 'full' })
    await expect(blobs.put('QmB', bytesOf(3, 1))).rejects.toMatchObject({ code: 'full' })
    expect(await readdir(directory)).toEqual(['QmA'])
    expect((await blobs.read('QmA'))?.size).toBe(3)
  })

  it('a store that has data opens, reads, and refuses every way to write', async () => {
    const before = await openStore(directory)
    await before.commit({ records: recordsFor(1n, 1, 2), newShops: [shopRow(1n)] })
    await before.flushDerived({ shopId: 1n, seq: 2, roots: bytesOf(3, 1), nodes: [], objectSeqs: [] })
    await before.close()
    const store = await openStore(directory, { reserveBytes: await tooMuch() })
    expect(store.problem()).toMatch(/^nothing is written, the disk is full \(\d+ MiB are free, of which \d+ MiB are/u)
    const refused = { code: 'full', message: store.problem() }
    await expect(store.commit({ records: recordsFor(1n, 3, 3) })).rejects.toMatchObject(refused)
    const part = { shopId: 1n, nodes: [{ ref: 1, bytes: bytesOf(9, 1) }], objectSeqs: [] }
    await expect(store.flushPart(part)).rejects.toMatchObject(refused)
    await expect(store.flushDerived({ ...part, seq: 2, roots: bytesOf(3, 2) })).rejects.toMatchObject(refused)
    await expect(store.dropDerived(1n)).rejects.toMatchObject(refused)
    await expect(store.check()).rejects.toMatchObject(refused)
    expect([store.head(1n), store.derived(1n)?.roots]).toEqual([2, bytesOf(3, 1)])
    expect(store.readLog(1n, 0, { records: 9, bytes: MEBIBYTE })).toHaveLength(2)
    await store.close()
  })

  it('a flush that finds no room does not close the store to what does', async () => {
    const before = await openStore(directory)
    await before.commit({ records: recordsFor(1n, 1, 2), newShops: [shopRow(1n)] })
    await before.close()
    const { bavail, bsize } = await statfs(directory)
    const store = await openStore(directory, { reserveBytes: Math.max(0, bavail * bsize - ROOM_LEFT) })
    const part = { shopId: 1n, nodes: [{ ref: 1, bytes: bytesOf(ROOM_LEFT, 1) }], objectSeqs: [] }
    await expect(store.flushPart(part)).rejects.toMatchObject({ code: 'full' })
    expect(store.problem()).toBeUndefined()
    await store.commit({ records: recordsFor(1n, 3, 3) })
    const row = { key: 'large', value: bytesOf(ROOM_LEFT, 1) }
    await expect(store.commit({ records: [], settings: [row] })).rejects.toMatchObject({ code: 'full' })
    expect(store.problem()).toMatch(/^nothing is written, the disk is full/u)
    await store.close()
  })

  it('a new store is not begun', async () => {
    const opened = openStore(join(directory, 'new'), { reserveBytes: await tooMuch() })
    await expect(opened).rejects.toMatchObject({ code: 'full' })
    const store = await openStore(join(directory, 'new'))
    expect(store.shops()).toEqual([])
    await store.close()
  })
})

describe('a process that may write only small files', () => {
  beforeAll(requireBuiltStore)
  let directory = ''
  beforeEach(async () => {
    directory = await freshDirectory()
  })
  afterEach(() => removeDirectory(directory))

  it('refuses in time what would make the database larger, and goes on reading', async () => {
    const command = `ulimit -f 4096 && exec '${process.execPath}' '${fixture('until-full.mjs')}' '${directory}'`
    const { stdout } = await promisify(execFile)('bash', ['-c', command])
    const { code, message, problem, head, read } = JSON.parse(stdout) as Record<string, unknown>
    expect(code).toBe('full')
    expect(message).toMatch(/may write files of 4 MiB at most \(ulimit -f\)/u)
    expect(problem).toBe(message)
    expect(head).toBeGreaterThan(10)
    expect(read).toBe(head)
    const store = await openStore(directory)
    expect(store.head(1n)).toBe(head)
    await store.close()
  })
})
