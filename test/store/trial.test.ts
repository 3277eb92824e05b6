/**
 * Where LMDB cannot open its files lmdb-js ends its process: another one tries first, and what would be a SIGSEGV is a
 * sentence.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { openStore, openStoreForReading } from '../../src/store/open.js'
import { requireBuiltStore } from '../fixtures/built.js'
import { cairn } from '../fixtures/program.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let directory: string
const children: ChildProcess[] = []

beforeAll(requireBuiltStore)
beforeEach(async () => {
  directory = await freshDirectory()
  await (await openStore(directory)).close()
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  await removeDirectory(directory)
})

/** A process that runs until the test ends, when it has said something; its arguments are the program's. */
async function running(program: string, ...argv: string[]): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...argv], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: said.toString().trim() }
}

/** Readers of another make: LMDB refuses to join them, and finds it out when it has opened half of its files. */
async function otherReaders(): Promise<void> {
  await running(
    `import { open } from 'lmdb'
     open({ path: process.argv[1], noSubdir: true, readOnly: true })
     console.log('open')
     setInterval(() => undefined, 1_000)`,
    join(directory, 'cairn.mdb'),
  )
  const readers = await open(join(directory, 'cairn.mdb-lock'), 'r+')
  await readers.write(Buffer.alloc(8, 0xff), 0, 8, 0)
  await readers.close()
}

const REFUSAL = /^the data directory \S+ cannot be used, LMDB cannot open cairn\.mdb \([^\n]+\): it needs [^\n]+$/u

it('a database that LMDB cannot open is refused in a sentence, and left unlocked', async () => {
  await otherReaders()
  const refused = expect.objectContaining({ code: 'unwritable', message: expect.stringMatching(REFUSAL) })
  await expect(openStore(directory, { isTried: true })).rejects.toEqual(refused)
  await expect(openStoreForReading(directory)).rejects.toEqual(refused)
  expect((await readdir(directory)).filter((name) => name.startsWith('lock.'))).toEqual([])
})

it('the relay and its commands end with a code and a line then', async () => {
  await otherReaders()
  for (const [argv, code] of [
    [['serve', '--empty', '--port', '0'], 1],
    [['check'], 2],
    [['audit', directory], 2],
  ] as const) {
    const data = argv[0] === 'audit' ? [] : ['--data', directory]
    const { code: ended, err } = await cairn([...argv, ...data]).outcome()
    expect([ended, err.trim().split('\n')], argv[0]).toEqual([code, [expect.stringContaining('LMDB cannot open')]])
  }
})

it('a process that may not open enough files is told so', async () => {
  const { said } = await running(
    `import { closeSync, openSync } from 'node:fs'
     import { openStore } from './dist/store/open.js'
     const files = []
     try {
       for (;;) files.push(openSync('/dev/null'))
     } catch {}
     for (let i = 0; i < 2; i++) closeSync(files.pop())
     console.log(await openStore(process.argv[1]).then(() => 'open', ({ code, message }) => code + ' ' + message))
     setInterval(() => undefined, 1_000)`,
    directory,
  )
  expect(said).toMatch(/^unwritable .* \(EMFILE: .*\): allow more open files \(ulimit -n\)$/u)
})
