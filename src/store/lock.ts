/** One process at a time: a lock file with pid and start time, so that a killed process needs no hand and a re-used pid is no problem. */

import { open, readFile, rm } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { StoreError } from './store-error.js'

interface Holder {
  readonly pid: number
  /** Of the process, in clock ticks since boot; null where the system does not tell. */
  readonly started: string | null
}

const TRIES = 3

/** Takes the lock; the returned function gives it back. Throws StoreError 'locked'. */
export async function lock(file: string): Promise<() => Promise<void>> {
  for (let left = TRIES; left > 0; left--) {
    const holder = await take(file)
    if (holder === undefined) return () => rm(file, { force: true })
    if (isAlive(holder)) {
      throw new StoreError(
        'locked',
        `the data directory is in use by process ${holder.pid}: stop it, or use another --data directory`,
      )
    }
    await rm(file, { force: true })
  }
  throw new StoreError('locked', `the lock file ${file} is taken again and again by other processes`)
}

/** Undefined if the lock is ours now. */
async function take(file: string): Promise<Holder | undefined> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Holder))
    await handle.close()
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder
  } catch {
    return { pid: 0, started: null }
  }
}

function isAlive({ pid, started }: Holder): boolean {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return started === null || started === startOf(pid)
}

/** Field 22 of /proc/<pid>/stat; the command in field 2 may hold anything, so fields are counted behind its last parenthesis. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
