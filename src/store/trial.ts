/**
 * LMDB's files are opened by another process first. Where they cannot be opened, lmdb-js 3.5.6 ends its process by a
 * signal: EnvWrap::openEnv (src/env.cpp, line 401) deletes what belongs to the environment and then lets closeEnv
 * (line 761) delete it again. Nothing outside of lmdb-js can hinder it. So a file system without locks or shared
 * memory maps, a disk that cannot be read, too little memory or too few open files end the trial, and here they are a
 * sentence.
 *
 * Tests: test/store/trial.test.ts
 */

import { execFile } from 'node:child_process'
import { closeSync, open as openFile } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { StoreError } from './store-error.js'

const LMDB = createRequire(import.meta.url).resolve('lmdb')
/** Twice, since the first time may make what the second one finds. */
const PROGRAM = `
  const { open } = require(process.argv[1])
  const options = JSON.parse(process.argv[2])
  void open(options).close().then(() => open(options))
`
/** A trial takes a tenth of a second. */
const TRIAL_MS_MAX = 60_000
/** Of LMDB: the database twice, and its readers. */
const OPEN_FILES = 3

/** Opens and closes the database as `options` of lmdb-js say, in another process. Throws StoreError 'unwritable'. */
export async function tryToOpen(options: { readonly path: string }): Promise<void> {
  const argv = ['-e', PROGRAM, LMDB, JSON.stringify(options)]
  const limits = { timeout: TRIAL_MS_MAX, killSignal: 'SIGKILL' } as const
  let reason: string | undefined
  try {
    await promisify(execFile)(process.execPath, argv, limits)
  } catch (error) {
    reason = reasonOf(error as Ended)
  }
  if (reason === undefined) return
  const { path } = options
  throw new StoreError(
    'unwritable',
    `the data directory ${dirname(path)} cannot be used, LMDB cannot open ${basename(path)} (${reason}): it needs a ` +
      'file system with locks and shared memory maps, a disk that can be read, and free memory',
  )
}

/** Whoever stops a relay sends them to its group. */
const STOPPING: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP'])

/** Undefined of a trial that could not be made, or was stopped: it proves nothing. */
function reasonOf({ signal, code, stderr }: Ended): string | undefined {
  if (typeof signal === 'string') return STOPPING.has(signal) ? undefined : `a trial ended by ${signal}`
  if (typeof code !== 'number') return undefined
  return /^\w*Error: (.*)$/mu.exec(stderr)?.[1] ?? `a trial ended with code ${code}`
}

interface Ended {
  readonly signal?: NodeJS.Signals | null
  /** Of one that could not be made, the system's, a string. */
  readonly code?: string | number | null
  readonly stderr: string
}

/**
 * That this process may open as many files as LMDB needs. They are free again when the promise has resolved, and
 * whoever asked opens at once. Throws what the system says.
 */
export async function assertOpenFiles(path: string): Promise<void> {
  const open: number[] = []
  try {
    while (open.length < OPEN_FILES) open.push(await promisify(openFile)(path, 'r'))
  } finally {
    for (const file of open) closeSync(file)
  }
}
