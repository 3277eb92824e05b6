/** The data directory: who may use it, and what may be in it. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FORMAT_KEY, logKey } from '../../src/store/keys.js'
import { STORE_FORMAT } from '../../src/store/format.js'
import { openStore } from '../../src/store/open.js'
import type { StoreError } from '../../src/store/store-error.js'
import { fixture, requireBuiltStore } from '../fixtures/built.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { recordsFor, shopRow } from '../fixtures/store.arbitrary.js'

const HOLDER = fixture('holder.mjs')

let directory = ''
const children: ChildProcess[] = []

beforeAll(requireBuiltStore)
beforeEach(async () => {
  directory = await freshDirectory()
})
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child)
  await removeDirectory(directory)
})

/** A process that tries to hold the directory, and what it says. */
async function holder(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [HOLDER, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: said.toString().trim() }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function refusal(path = directory): Promise<StoreError> {
  return openStore(path).then(
    () => expect.unreachable('the directory was accepted'),
    (error: StoreError) => error,
  )
}

async function useAndClose(): Promise<void> {
  const store = await openStore(directory)
  await store.close()
}

async function lockNames(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('lock.'))
}

describe('the lock', () => {
  it('refuses a second process and names the first', async () => {
    const { child, said } = await holder()
    expect(said).toBe('open')
    const error = await refusal()
    expect(error.code).toBe('locked')
    expect(error.message).toContain(`process ${child.pid}`)
    await kill(child)
    await useAndClose()
  })

  it('refuses a second use in the same process', async () => {
    const store = await openStore(directory)
    const error = await refusal()
    expect([error.code, error.message.includes(`process ${process.pid}`)]).toEqual(['locked', true])
    await store.commit({ records: [], newShops: [shopRow(1n)] })
    await store.close()
    await useAndClose()
  })

  it('needs no hand after a kill, and what was answered is there', async () => {
    const { child } = await holder()
    await kill(child)
    expect(await lockNames()).toHaveLength(1)
    const store = await openStore(directory)
    expect(await lockNames()).toEqual([expect.stringContaining(`lock.${process.pid}.`)])
    await store.close()
    expect(await lockNames()).toEqual([])
  })

  it('is not held by another process that got the same pid', async () => {
    await useAndClose()
    await writeFile(join(directory, `lock.${process.ppid}.1-00000000`), '')
    await writeFile(join(directory, `lock.${process.pid}.1-00000000`), '')
    await useAndClose()
    expect(await lockNames()).toEqual([])
  })

  it('is held by a living process whose start is not known', async () => {
    await writeFile(join(directory, `lock.${process.ppid}.unknown`), '')
    expect((await refusal()).message).toContain(`process ${process.ppid}`)
    expect(await lockNames()).toEqual([`lock.${process.ppid}.unknown`])
  })

  it('lets at most one of many in', async () => {
    const said = (await Promise.all(Array.from({ length: 4 }, () => holder()))).map(({ said }) => said)
    expect(said.filter((text) => text === 'open').length).toBeLessThanOrEqual(1)
    for (const text of said) expect(text).toMatch(/^(?:open$|locked )/u)
  })
})

describe('the directory', () => {
  it('is made for its owner only', async () => {
    directory = join(directory, 'a', 'b')
    const store = await openStore(directory)
    const modes = await Promise.all(
      [directory, join(directory, 'cairn.mdb'), join(directory, 'cairn.mdb-lock')].map(modeOf),
    )
    await store.close()
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })

  it('may hold what cairn puts there', async () => {
    await mkdir(join(directory, 'blobs'))
    await writeFile(join(directory, 'relay.key'), 'x')
    await useAndClose()
  })

  it('is refused when it holds something else', async () => {
    await writeFile(join(directory, 'holiday.jpg'), 'x')
    const error = await refusal()
    expect([error.code, error.message.includes('holiday.jpg')]).toEqual(['not-ours', true])
    expect(await readdir(directory)).toEqual(['holiday.jpg'])
  })

  it('is refused when it cannot be made', async () => {
    await writeFile(join(directory, 'file'), 'x')
    const error = await refusal(join(directory, 'file', 'data'))
    expect(error.code).toBe('unwritable')
    expect(error.message).toMatch(
      /^the data directory .*: check its owner and rights, or choose another --data directory$/u,
    )
  })

  it('is refused when its database is a directory', async () => {
    await mkdir(join(directory, 'cairn.mdb'))
    expect((await refusal()).code).toBe('unwritable')
  })

  it('is refused when the file of the readers beside it is a directory', async () => {
    await mkdir(join(directory, 'cairn.mdb-lock'))
    await expect(openStore(directory)).rejects.toMatchObject({ code: 'unwritable' })
  })

  it('has that file with its blocks on disk before it is mapped', async () => {
    await (await openStore(directory)).close()
    const { blocks, size } = await stat(join(directory, 'cairn.mdb-lock'))
    expect(blocks * 512).toBeGreaterThanOrEqual(size)
  })

  it('is refused when its database is none', async () => {
    await writeFile(join(directory, 'cairn.mdb'), 'nothing like a database'.repeat(1_000))
    expect((await refusal()).code).toBe('damaged')
    expect(await lockNames()).toEqual([])
  })
})

describe('the format', () => {
  const write = async (key: Uint8Array, value: Uint8Array) => {
    const path = join(directory, 'cairn.mdb')
    const table = openLmdb<Uint8Array, Uint8Array>({
      path,
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      overlappingSync: false,
    })
    await table.put(key, value)
    await table.close()
  }

  it('is refused when it is newer, and nothing is changed', async () => {
    const store = await openStore(directory)
    await store.commit({ records: recordsFor(1n, 1, 1), newShops: [shopRow(1n)] })
    await store.close()
    await write(FORMAT_KEY, Uint8Array.of(STORE_FORMAT + 1))
    const error = await refusal()
    expect(error.code).toBe('version')
    expect(error.message).toContain(`format ${STORE_FORMAT + 1}`)
    expect(await lockNames()).toEqual([])
    await write(FORMAT_KEY, Uint8Array.of(STORE_FORMAT))
    const again = await openStore(directory)
    expect(again.head(1n)).toBe(1)
    await again.close()
  })

  it('is missing in the database of another program', async () => {
    await write(Uint8Array.of(9, 9), Uint8Array.of(1))
    expect((await refusal()).code).toBe('not-ours')
  })
})

describe('the log', () => {
  /** Commits of one set each, so that each is a chunk; then one chunk is replaced or removed by another hand. */
  const tamper = async (work: (table: { put: Change; remove: Change }) => Promise<unknown>) => {
    const store = await openStore(directory)
    await store.commit({ records: recordsFor(1n, 1, 1), newShops: [shopRow(1n)] })
    for (const seq of [2, 3]) await store.commit({ records: recordsFor(1n, seq, seq) })
    await store.close()
    const table = openLmdb<Uint8Array, Uint8Array>({
      path: join(directory, 'cairn.mdb'),
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      overlappingSync: false,
    })
    await work({ put: (key, value) => table.put(key, value!), remove: (key) => table.remove(key) })
    await table.close()
    return openStore(directory)
  }
  type Change = (key: Uint8Array, value?: Uint8Array) => Promise<unknown>
  const LIMITS = { records: 9, bytes: 2 ** 20 }

  it('is not read over a gap', async () => {
    const store = await tamper((table) => table.remove(logKey(1, 2)))
    expect(store.readLog(1n, 0, LIMITS)).toHaveLength(1)
    expect(() => store.readLog(1n, 1, LIMITS)).toThrow(expect.objectContaining({ code: 'damaged' }))
    expect(store.readLog(1n, 2, LIMITS)).toHaveLength(1)
    await store.close()
  })

  it('is not read over bytes that are no chunk', async () => {
    const store = await tamper((table) => table.put(logKey(1, 2), Uint8Array.of(1, 0, 0, 0, 1)))
    expect(store.readLog(1n, 0, LIMITS)).toHaveLength(1)
    expect(() => store.readLog(1n, 1, LIMITS)).toThrow(expect.objectContaining({ code: 'damaged' }))
    await store.close()
  })
})

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}
