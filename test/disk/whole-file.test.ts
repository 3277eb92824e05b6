/** A file is replaced whole: whatever ends the process or fails, the old one is there or the new one. */

import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { moveInto, NotDurableError, placeFile, replaceFile } from '../../src/disk/whole-file.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

const [OLD, NEW] = ['what was there', 'what comes in its place']
/** Calls that change a directory or a file, or make one durable. */
const CALLS = ['unlink', 'openat', 'fchmod', 'write', 'fdatasync', 'rename', 'fsync', 'close'] as const

let directory: string
let file: string

beforeEach(async () => {
  directory = await freshDirectory()
  file = join(directory, 'file')
})
afterEach(() => removeDirectory(directory))

const textOf = (path = file) => readFileSync(path, 'utf8')

it('takes the place of the old file, and of none, as its owner’s alone', async () => {
  const umask = process.umask(0o277)
  try {
    for (const text of [OLD, NEW]) {
      await replaceFile(file, text)
      expect([textOf(), statSync(file).mode & 0o777, readdirSync(directory)]).toEqual([text, 0o600, ['file']])
    }
  } finally {
    process.umask(umask)
  }
})

it('what an ended process left beside it is in nobody’s way', async () => {
  writeFileSync(`${file}.new`, 'half of ')
  await replaceFile(file, new TextEncoder().encode(NEW))
  expect([textOf(), readdirSync(directory)]).toEqual([NEW, ['file']])
})

it('content that fails half way changes nothing', async () => {
  writeFileSync(file, OLD)
  const failing = replaceFile(file, async (handle) => {
    await handle.writeFile('half of ')
    throw new Error('no more')
  })
  await expect(failing).rejects.toThrow('no more')
  expect([textOf(), readdirSync(directory)]).toEqual([OLD, ['file']])
})

it('a directory in its place, or none around it, is an error and changes nothing', async () => {
  mkdirSync(file)
  await expect(replaceFile(file, NEW)).rejects.toMatchObject({ code: 'EISDIR' })
  expect(readdirSync(directory)).toEqual(['file'])
  await expect(replaceFile(join(directory, 'none', 'file'), NEW)).rejects.toMatchObject({ code: 'ENOENT' })
})

it('a file that is there is placed opened, and is added to', async () => {
  const handle = await placeFile(file, OLD)
  await handle.write(' and more')
  await handle.close()
  expect(textOf()).toBe(`${OLD} and more`)
  await moveInto(join(directory, 'other'), file)
  expect(readdirSync(directory)).toEqual(['other'])
})

it('of several at a time that have names of their own one stands at the end, whole', async () => {
  const texts = Array.from({ length: 8 }, (_, i) => `${i}`.repeat(50_000))
  await Promise.all(texts.map((text, i) => replaceFile(file, text, { beside: `${file}.${i}.new` })))
  expect([texts.includes(textOf()), readdirSync(directory)]).toEqual([true, ['file']])
})

it('a disk that does not make it durable is told of', async () => {
  writeFileSync(file, OLD)
  const failing = replaceFile(file, async (handle) => {
    await handle.writeFile(NEW)
    handle.datasync = () => Promise.reject(new Error('EIO: i/o error, fdatasync'))
  })
  const message = `${file} did not become durable (EIO: i/o error, fdatasync): check the disk`
  await expect(failing).rejects.toEqual(new NotDurableError(file, new Error('EIO: i/o error, fdatasync')))
  await expect(failing).rejects.toThrow(message)
  expect([textOf(), readdirSync(directory)]).toEqual([OLD, ['file']])
})

it('is on disk before it has its name, and its name before it is told', async () => {
  const trace = join(directory, 'trace')
  await traced(file, ['-y', '-o', trace])
  const lines = textOf(trace).split('\n')
  const at = (call: string, path: string) =>
    lines.findLastIndex((line) => line.includes(` ${call}(`) && line.includes(path))
  const steps = [
    at('write', `${file}.new>`),
    at('fdatasync', `${file}.new>`),
    at('rename', file),
    at('fsync', directory),
  ]
  expect(steps).toEqual(steps.toSorted((a, b) => a - b))
  expect([steps.includes(-1), new Set(steps).size]).toEqual([false, 4])
})

it('killed before any of its calls, the old file or the new one is there whole, and the next replaces it', async () => {
  let [kills, old] = [0, 0]
  for (const call of CALLS)
    for (let nth = 1; ; nth++) {
      const path = join(directory, `${call}-${nth}`)
      writeFileSync(path, OLD)
      const done = await traced(path, ['-o', '/dev/null', '-e', `inject=${call}:signal=SIGKILL:when=${nth}`])
      if (done) break
      kills++
      const found = textOf(path)
      expect([OLD, NEW], `killed before ${call} ${nth}`).toContain(found)
      if (found === OLD) old++
      await replaceFile(path, 'again')
      expect(textOf(path)).toBe('again')
    }
  // Five writes, two closes, and one of each other but the unlink of what is not there.
  expect(kills).toBeGreaterThanOrEqual(12)
  expect(old).toBeGreaterThanOrEqual(9)
  expect(old).toBeLessThan(kills)
}, 60_000)

/** Another process replaces the file by NEW, watched by strace at its own paths; whether it came to its end. */
function traced(path: string, options: readonly string[]): Promise<boolean> {
  const paths = [path, `${path}.new`, directory].flatMap((of) => ['-P', of])
  const program = [process.execPath, 'test/fixtures/disk/replace.mjs', path, NEW]
  return new Promise((resolve) => {
    // strace counts in each thread.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
    execFile('strace', ['-f', ...paths, ...options, ...program], { env }, (_error, stdout) =>
      resolve(stdout === 'done\n'),
    )
  })
}
