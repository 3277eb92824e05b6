/**
 * The machine that figures were measured on: what everybody has to know before he believes one.
 *
 * Tests: test/cli/bench/machine.test.ts
 */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, constants, fdatasyncSync, ftruncateSync, openSync, statfsSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageVersion } from '../version.js'
import { Latencies } from './latencies.js'
import { pinned } from './relay-process.js'

/** Times in milliseconds. */
export interface Machine {
  readonly cairn: string
  readonly node: string
  readonly system: string
  readonly processor: string
  readonly cores: number
  /** Those of the relay that was started: the first so many. */
  readonly relayCores: number | null
  readonly memoryGib: number
  /** Runnable processes in the minute before, as the system counts them; 0 where it does not. */
  readonly loadBefore: number
  /** Nothing is known of another machine's disk. */
  readonly disk: Disk | null
  /** Of signers, on the relay's cores, with nothing else to do. */
  readonly recoveriesPerSecond: number
}

interface Disk {
  readonly folder: string
  readonly fileSystem: string
  readonly syncs: number
  readonly syncP50: number
  readonly syncP99: number
}

interface MachineOptions {
  /** Of the relay's data; undefined: the relay is another's. */
  readonly folder: string | undefined
  /** Of the relay that was started; undefined: all. */
  readonly cores: number | undefined
  readonly signal: AbortSignal
}

const SYNC_BYTES = 4_096
const SYNCS_MAX = 200
const SYNC_MS_MAX = 2_000
/** More runnable processes than this share of the cores: others work here too. */
const BUSY_SHARE = 0.25

/** Takes about three seconds. Rejects where `signal` is aborted. */
export async function describeMachine({ folder, cores, signal }: MachineOptions): Promise<Machine> {
  const [loadBefore] = loadavg()
  return {
    cairn: packageVersion(),
    node: process.version,
    system: `${type()} ${release()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    relayCores: folder === undefined ? null : (cores ?? availableParallelism()),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    loadBefore: Math.round(loadBefore! * 100) / 100,
    disk: folder === undefined ? null : diskAt(folder),
    recoveriesPerSecond: await recoveriesPerSecond(cores, signal),
  }
}

export function isBusy({ loadBefore, cores }: Pick<Machine, 'loadBefore' | 'cores'>): boolean {
  return loadBefore > cores * BUSY_SHARE
}

function diskAt(folder: string): Disk {
  const syncs = syncTimes(folder)
  const { name } = fileSystemOf(folder)
  return { folder, fileSystem: name, syncs: syncs.count, syncP50: syncs.at(50), syncP99: syncs.at(99) }
}

/** A 4 KiB write into a file that has the size already, and fdatasync, again and again. */
export function syncTimes(folder: string): Latencies {
  const file = join(folder, `sync-${randomBytes(6).toString('hex')}`)
  const handle = openSync(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
  try {
    ftruncateSync(handle, SYNC_BYTES * SYNCS_MAX)
    const block = randomBytes(SYNC_BYTES)
    for (let i = 0; i < SYNCS_MAX; i++) writeSync(handle, block, 0, SYNC_BYTES, i * SYNC_BYTES)
    fdatasyncSync(handle)
    const times = new Latencies()
    const end = performance.now() + SYNC_MS_MAX
    for (let i = 0; i < SYNCS_MAX && performance.now() < end; i++) {
      const start = performance.now()
      writeSync(handle, block, 0, SYNC_BYTES, i * SYNC_BYTES)
      fdatasyncSync(handle)
      times.record(performance.now() - start)
    }
    return times
  } finally {
    closeSync(handle)
    rmSync(file)
  }
}

interface FileSystem {
  readonly name: string
  /** Nothing in it is ever on a disk. */
  readonly isMemory: boolean
}

/** Of an existing folder. */
export function fileSystemOf(folder: string): FileSystem {
  const magic = statfsSync(folder).type
  const name = FILE_SYSTEMS.get(magic) ?? `0x${magic.toString(16)}`
  return { name, isMemory: IN_MEMORY.has(name) }
}

/** By their numbers in statfs(2). */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0xca451a4e, 'bcachefs'],
  [0x794c7630, 'overlay'],
  [0x6969, 'nfs'],
  [0x65735546, 'fuse'],
  [0x01021997, '9p'],
  [0x1a, 'apfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])
const IN_MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'ramfs'])

async function recoveriesPerSecond(cores: number | undefined, signal: AbortSignal): Promise<number> {
  const [file, ...words] = pinned(cores, [process.execPath, fileURLToPath(new URL('./recoveries.js', import.meta.url))])
  const { stdout } = await promisify(execFile)(file!, words, { signal })
  return Number(stdout)
}
