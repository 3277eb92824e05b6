/**
 * An answer follows its own fdatasync and the write of the meta page; a disk that fails leaves no trace of what was
 * refused.
 */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/store/open.js'
import { fixture, requireBuiltStore } from '../fixtures/built.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { recordsFor, shopRow } from '../fixtures/store.arbitrary.js'
import { earlyAnswers } from '../fixtures/syscall-order.js'

const run = promisify(execFile)
const CALLS = 'fdatasync,pwrite64,write,writev,fsync'
/** How many answers test/fixtures/store/commits.mjs gives. */
const ANSWERS = 5

let directory = ''

beforeAll(async () => {
  await requireBuiltStore()
  await run('strace', ['-V']).catch((cause: unknown) => {
    throw new Error('these tests watch system calls with strace, and it is not there: install strace', { cause })
  })
})
beforeEach(async () => {
  directory = await freshDirectory()
})
afterEach(() => removeDirectory(directory))

async function straced(mode: string): Promise<string> {
  const trace = join(directory, 'trace')
  const slow = ['-e', 'inject=fdatasync:delay_enter=200000']
  const child = [process.execPath, fixture('commits.mjs'), join(directory, 'data'), mode]
  await run('strace', ['-f', '-y', '-e', `trace=openat,pwritev,${CALLS}`, ...slow, '-o', trace, ...child])
  return readFile(trace, 'utf8')
}

describe('an answer', () => {
  it('follows its own fdatasync and the write of the meta page', async () => {
    expect(earlyAnswers(await straced('durable'), ANSWERS)).toEqual([])
  })

  it('is caught when it comes before them', async () => {
    const problems = earlyAnswers(await straced('early'), ANSWERS)
    expect(problems).toHaveLength(ANSWERS)
    for (const problem of problems) expect(problem).toMatch(/^answer \d: no (?:data|fdatasync|meta page)/u)
  })

  it('is caught in traces with one thing wrong', async () => {
    const good = await readFile(fixture('one-commit.trace'), 'utf8')
    expect(earlyAnswers(good, 1)).toEqual([])
    const wrong: [from: RegExp | string, to: string, problem: string][] = [
      [/^.*fdatasync.*\n/gmu, '', 'answer 1: no fdatasync returned before it'],
      [/^(.*fdatasync.*) = 0/gmu, '$1 = -1 EIO (Input/output error)', 'answer 1: no fdatasync returned before it'],
      [/^3 +pwrite64\(20.*\n/mu, '', 'answer 1: no meta page was written between the fdatasync and it'],
      [
        /^(3 +fdatasync.*\n)(.*pwrite64\(20.*\n)/mu,
        '$2$1',
        'answer 1: no meta page was written between the fdatasync and it',
      ],
      [/^(3 +writev.*\n)(.*fdatasync.*\n)/mu, '$2$1', 'answer 1: data were written after the fdatasync'],
      [/^3 /gmu, '1 ', 'answer 1: the thread that answers waited for the disk'],
      ['|O_DSYNC', '', 'the meta page is not written through O_DSYNC'],
      [/^.*answered.*\n/mu, '', '0 answers instead of 1'],
    ]
    for (const [from, to, problem] of wrong) {
      const trace = good.replace(from, to)
      expect(trace).not.toBe(good)
      expect(earlyAnswers(trace, 1)).toContain(problem)
    }
  })
})

describe('a disk that fails', () => {
  beforeEach(async () => {
    const store = await openStore(directory)
    await store.commit({ records: recordsFor(1n, 1, 2), newShops: [shopRow(1n)] })
    await store.close()
  })

  /** What the fixture met: the codes of two commits, and what it could read afterwards. */
  const failing = async (calls: string, error: string) => {
    const file = join(directory, 'cairn.mdb')
    const inject = ['-P', file, '-e', `inject=${calls}:error=${error}`]
    const child = [process.execPath, fixture('failing-disk.mjs'), directory]
    const { stdout } = await run('strace', ['-f', '-o', '/dev/null', ...inject, ...child])
    return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as unknown
  }
  /** The refused commits are not there, and the next one is accepted. */
  const unharmed = async () => {
    const store = await openStore(directory)
    expect([store.head(1n), store.setting('refused')]).toEqual([2, undefined])
    await store.commit({ records: recordsFor(1n, 3, 3) })
    await store.close()
  }

  it('refuses commits while it is full, and goes on reading', async () => {
    expect(await failing('pwrite64,pwritev,writev', 'ENOSPC')).toEqual({
      codes: ['full', 'full', 'full'],
      head: 2,
      read: 2,
    })
    await unharmed()
  })

  it('refuses everything after an error of the disk', async () => {
    expect(await failing('fdatasync', 'EIO')).toEqual({ codes: ['failed', 'failed', 'failed'], head: 2, read: 2 })
    await unharmed()
  })

  /** The refusals of one commit that is tried until it succeeds, while the first of these calls fails. */
  const failingOnce = async (calls: string, error: string) => {
    const inject = ['-P', join(directory, 'cairn.mdb'), '-e', `inject=${calls}:error=${error}:when=1`]
    const child = [process.execPath, fixture('no-room.mjs'), directory]
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
    const { stdout } = await run('strace', ['-f', '-o', '/dev/null', ...inject, ...child], { env })
    return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as { codes: string[]; head: number; read: number }
  }
  const stored = async () => {
    const store = await openStore(directory)
    const seqs = store.readLog(1n, 0, { records: 9, bytes: 2 ** 20 }).map(({ seq }) => seq)
    await store.close()
    return seqs
  }

  it('takes commits again when there is room', async () => {
    expect(await failingOnce('pwritev,writev', 'ENOSPC')).toEqual({ codes: ['full'], head: 3, read: 3 })
    expect(await stored()).toEqual([1, 2, 3])
  })

  it('takes commits again when there was no room for the meta page, and nothing waits for ever', async () => {
    expect(await failingOnce('pwrite64', 'ENOSPC')).toEqual({ codes: ['full'], head: 3, read: 3 })
    expect(await stored()).toEqual([1, 2, 3])
  })

  it('is read, and not written to, when the meta page could not be written', async () => {
    const { codes, head, read } = await failingOnce('pwrite64', 'EIO')
    expect([new Set(codes), codes.length, head, read]).toEqual([new Set(['failed']), 10, 2, 2])
    await unharmed()
  })
})
