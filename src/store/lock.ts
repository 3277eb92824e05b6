/**
 * One process at a time. Each announces itself by a file of its own, `lock.<pid>.<start>`, and only then looks for
 * others: of two at once at least one sees the other. The name holds when the process started, so a killed process
 * needs no hand, a re-used pid is no problem, and removing the file of a dead process can never hit that of a living
 * one.
 *
 * Tests: test/store/open.test.ts
 */

import { readFileSync } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from './store-error.js'

const TRIES = 3
const NAME = /^lock\.([1-9][0-9]{0,9})\.([0-9a-z-]+)$/u
const UNKNOWN_START = 'unknown'
/** Held by this process, for systems that do not tell when a process started. */
const held = new Set<string>()

export function isLockName(name: string): boolean {
  return NAME.test(name)
}

/** Locks a directory; the returned function gives it back. Throws StoreError 'locked' that names the other process. */
export async function lock(directory: string): Promise<() => Promise<void>> {
  const name = `lock.${process.pid}.${startOf(process.pid) ?? UNKNOWN_START}`
  const file = join(directory, name)
  await announce(directory, name)
  for (let tries = 1; ; tries++) {
    const other = await livingOther(directory, name)
    if (other === undefined) return () => release(file)
    await release(file)
    if (tries === TRIES) throw inUse(directory, other)
    // Two that start together have both stepped back: they return at different times.
    await sleep(5 * tries + (process.pid % 50))
    await announce(directory, name)
  }
}

async function announce(directory: string, name: string): Promise<void> {
  const file = join(directory, name)
  if (held.has(file)) throw inUse(directory, process.pid)
  const leftOver = name.endsWith(UNKNOWN_START)
  try {
    const handle = await open(file, leftOver ? 'w' : 'wx', 0o600)
    await handle.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(directory, process.pid)
    throw error
  }
  held.add(file)
}

/** A file that cannot be removed is one of a dead process for the next one that starts. */
async function release(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => undefined)
  held.delete(file)
}

/** The pid of another process that lives and holds or wants the lock. Files of dead ones are removed. */
async function livingOther(directory: string, own: string): Promise<number | undefined> {
  for (const name of await readdir(directory)) {
    const parts = NAME.exec(name)
    if (parts === null || name === own) continue
    const pid = Number(parts[1])
    if (isAlive(pid, parts[2]!)) return pid
    await rm(join(directory, name), { force: true })
  }
  return undefined
}

function isAlive(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return started === UNKNOWN_START || started === startOf(pid)
}

/**
 * When a process started: clock ticks since boot, field 22 of /proc/<pid>/stat, and which boot. Undefined where the
 * system does not tell, or for a process that has ended and waits for its parent. The command in field 2 may hold
 * anything, so fields are counted behind its last parenthesis.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, ticks] = [fields[0]!, fields[19]!]
    return state === 'Z' || state === 'X' ? undefined : `${ticks}-${bootId()}`
  } catch {
    return undefined
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)
}

function inUse(directory: string, pid: number): StoreError {
  return new StoreError(
    'locked',
    `the data directory ${directory} is in use by process ${pid}: stop it, or use another --data directory`,
  )
}
