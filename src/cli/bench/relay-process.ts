/**
 * A relay in a process of its own, started as a user starts it, and what the system tells of what it uses.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** What a process used since its start. */
export interface Use {
  /** Seconds of all its threads; of its main thread alone. */
  readonly cpu: number
  readonly mainCpu: number
  /** MiB: now, now without files that are mapped, and at most. */
  readonly residentMib: number
  readonly anonymousMib: number
  readonly peakMib: number
  /** Handed to write calls: a file system with large folios counts each of them whole for one page as it is written. */
  readonly writtenBytes: number
}

interface RelayProcess {
  readonly url: string
  readonly pid: number
  /** Undefined where the system does not tell (it is no Linux). */
  use(): Use | undefined
  /** Resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

interface RelayProcessOptions {
  readonly data: string
  /** Flags of `cairn serve` beside those that any bench needs. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The first so many cores alone; all if left out. */
  readonly cores?: number | undefined
  /** Words before its command line: a program that starts it in some other way. */
  readonly within?: readonly string[]
  /** Of its program; that of this one if left out. */
  readonly launcher?: string
}

/** Not beside what is built from this file. */
const LAUNCHER = fileURLToPath(new URL('../../../src/cli/cairn.js', import.meta.url))
/** One address makes more sessions and cards here than any client may. */
const RATES = ['sessions-max', 'sessions-per-address-max', 'upgrades-burst', 'enrolments-burst'].flatMap((name) => [
  `--${name}`,
  '100000',
])

/** Resolves when it listens and is ready. Rejects with Error when it ends at its start. */
export async function startRelay({
  data,
  flags = [],
  env,
  cores,
  within = [],
  launcher,
}: RelayProcessOptions): Promise<RelayProcess> {
  const program = [process.execPath, launcher ?? LAUNCHER, 'serve', '--empty', '--port', '0', '--metrics-port', '0']
  const [file, ...words] = [...within, ...pinned(cores, [...program, ...RATES, '--data', data, ...flags])]
  const environment = { ...process.env, ...env }
  const child = spawn(file!, words, { stdio: ['ignore', 'pipe', 'pipe'], env: environment })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    let [output, said] = ['', '']
    child.stderr.on('data', (chunk) => (said = `${said}${String(chunk)}`.slice(-1_000)))
    child.stdout.on('data', (chunk) => {
      output = `${output}${String(chunk)}`.slice(-10_000)
      const found = /listens on (\S+)/u.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('error', reject)
    child.once('close', (code, signal) =>
      reject(new Error(`the relay ended at its start (${code ?? signal}): ${said.trim()}`)),
    )
  })
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => (child.kill(signal), ended)
  await untilReady(url)
  return { url, pid: child.pid!, use: () => useOf(child.pid!), stop }
}

/** A command line, on the first so many cores. */
export function pinned(cores: number | undefined, command: readonly string[]): readonly string[] {
  if (cores === undefined || cores >= availableParallelism()) return command
  const allowed = /^Cpus_allowed_list:\s+(\S+)/mu.exec(readFileSync('/proc/self/status', 'utf8'))![1]!
  return ['taskset', '--cpu-list', coresOf(allowed).slice(0, cores).join(','), ...command]
}

/** Numbers of the cores in a list as the system writes it, `0-2,5`. */
export function coresOf(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i)
  })
}

const READY_EVERY_MS = 20

async function untilReady(url: string): Promise<void> {
  while (!(await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, READY_EVERY_MS))
}

const CLOCK_TICKS_PER_SECOND = 100

/** From /proc; undefined where there is none. */
export function useOf(pid: number): Use | undefined {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8')
  try {
    const stat = read('stat')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = read('status')
    const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'mu').exec(status)?.[1]) / 1_024
    return {
      cpu: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND,
      mainCpu: Number(read(`task/${pid}/schedstat`).split(' ')[0]) / 1e9,
      residentMib: mib('VmRSS'),
      anonymousMib: mib('RssAnon'),
      peakMib: mib('VmHWM'),
      writtenBytes: Number(/^wchar: (\d+)/mu.exec(read('io'))?.[1]),
    }
  } catch {
    return undefined
  }
}
