import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openBlobs, type BlobStore } from '../../src/store/blobs.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { bytesOf } from '../fixtures/store.arbitrary.js'

let root = ''
let directory = ''
let blobs: BlobStore

beforeEach(async () => {
  root = await freshDirectory()
  directory = join(root, 'blobs')
  blobs = await openBlobs(directory)
})
afterEach(() => removeDirectory(root))

async function content(cid: string): Promise<Uint8Array | undefined> {
  const found = await blobs.read(cid)
  if (found === undefined) return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of found.bytes()) chunks.push(chunk)
  const bytes = new Uint8Array(Buffer.concat(chunks))
  expect(bytes.length).toBe(found.size)
  return bytes
}

describe('blobs', () => {
  it('are read as they were written, chunk by chunk, also later', async () => {
    const sink = await blobs.begin()
    const large = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)
    await sink.write(large.subarray(0, 7))
    await sink.write(new Uint8Array(0))
    await sink.write(large.subarray(7))
    expect(await blobs.read('QmA')).toBeUndefined()
    await sink.finish('QmA')
    await blobs.put('QmEmpty', new Uint8Array(0))
    blobs = await openBlobs(directory)
    expect(Buffer.compare((await content('QmA'))!, large)).toBe(0)
    expect(await content('QmEmpty')).toEqual(new Uint8Array(0))
    expect(await content('QmB')).toBeUndefined()
  })

  it('are for the owner only', async () => {
    await blobs.put('QmA', bytesOf(3, 1))
    const modes = await Promise.all([directory, join(directory, 'QmA')].map(async (path) => (await stat(path)).mode))
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o700, 0o600])
  })

  it('may come twice, also at the same time', async () => {
    await Promise.all([blobs.put('QmA', bytesOf(5, 1)), blobs.put('QmA', bytesOf(5, 1))])
    await blobs.put('QmA', bytesOf(5, 1))
    expect(await content('QmA')).toEqual(bytesOf(5, 1))
    expect(await readdir(directory)).toEqual(['QmA'])
  })

  it('leave nothing when they are given up, before or after a failure', async () => {
    const sink = await blobs.begin()
    await sink.write(bytesOf(5, 1))
    await sink.abort()
    await sink.abort()
    const named = await blobs.begin()
    await expect(named.finish('../QmA')).rejects.toThrow(/no CID/u)
    await named.abort()
    expect(await readdir(root)).toEqual(['blobs'])
    expect(await readdir(directory)).toEqual([])
  })

  it('keep nothing unfinished over a restart', async () => {
    await blobs.put('QmA', bytesOf(5, 1))
    await writeFile(join(directory, 'left-over.part'), 'x')
    blobs = await openBlobs(directory)
    expect(await readdir(directory)).toEqual(['QmA'])
  })

  it('are not found by names that lead elsewhere', async () => {
    await writeFile(join(root, 'secret'), 'x')
    for (const name of ['../secret', '..', '', 'a/b', 'x.part'])
      await expect(blobs.read(name)).rejects.toThrow(/no CID/u)
  })

  it('are read from any byte to any other', async () => {
    const whole = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251)
    await blobs.put('QmA', whole)
    const found = (await blobs.read('QmA'))!
    for (const [first, last] of [
      [0, 0],
      [65_535, 65_536],
      [199_999, 199_999],
      [70_000, 199_998],
    ] as const) {
      const chunks: Uint8Array[] = []
      for await (const chunk of found.bytes(first, last)) chunks.push(chunk)
      expect(Buffer.concat(chunks).equals(whole.subarray(first, last + 1))).toBe(true)
    }
  })

  it('can be left in the middle', async () => {
    await blobs.put('QmA', bytesOf(200_000, 1))
    const found = (await blobs.read('QmA'))!
    for await (const chunk of found.bytes()) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    expect(await content('QmA')).toHaveLength(200_000)
  })
})
