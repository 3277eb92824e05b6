// A process of which strace watches one thread, and makes one call of it fail.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** A process that does not end by then hangs. */
const HANG_MS = 60_000
const ATTACH_MS = 30_000

export const ERRORS = ['ENOSPC', 'EDQUOT', 'EIO']
/** What a cut write says that it wrote: nothing; of pages less than one. */
const WRITES = new Set(['write', 'pwrite64', 'writev', 'pwritev'])

export function isWrite({ call }) {
  return WRITES.has(call)
}

/** How each call can fail: what strace injects. */
export function failuresOf(call) {
  const errors = ERRORS.map((error) => `error=${error}`)
  if (!isWrite(call)) return errors
  return [...errors, 'retval=0', ...(call.call === 'write' ? [] : ['retval=100'])]
}

/** `started`: what it said before it was told to begin. */
export class Child {
  out = ''
  err = ''

  constructor(argv, env = {}) {
    this.process = spawn(process.execPath, argv, {
      stdio: 'pipe',
      env: { ...process.env, UV_THREADPOOL_SIZE: '1', ...env },
    })
    this.process.stdout.on('data', (chunk) => (this.out += String(chunk)))
    this.process.stderr.on('data', (chunk) => (this.err += String(chunk)))
    this.process.stdin.on('error', () => undefined)
    this.ended = new Promise((done) => this.process.once('close', (code, signal) => done({ code, signal })))
  }

  async says(pattern, where = 'out', ms = ATTACH_MS) {
    const end = Date.now() + ms
    for (;;) {
      const found = pattern.exec(this[where])
      if (found !== null) return found
      if (Date.now() > end || this.process.exitCode !== null || this.process.signalCode !== null)
        throw new Error(`it never says ${pattern}: ${this.out}${this.err}`)
      await new Promise((wait) => setTimeout(wait, 5))
    }
  }

  /** How it ended: `code`, `signal`, or `hangs`. */
  async end(ms = HANG_MS) {
    let late
    const hung = new Promise((done) => {
      late = setTimeout(() => done({ hangs: true }), ms)
    })
    const end = await Promise.race([this.ended, hung])
    clearTimeout(late)
    if (end.hangs) {
      this.process.kill('SIGKILL')
      await this.ended
    }
    return end
  }
}

/** What strace is told: only calls that name one of `paths` count; they are written to the end of `file`. */
export function straceArgv(paths, file, { inject, call } = {}) {
  const named = paths.flatMap((path) => ['-P', path])
  const failing = inject === undefined ? [] : ['-e', `trace=${call}`, '-e', `inject=${inject}`]
  return ['-A', '-y', '-o', file, ...named, ...failing]
}

/** Attaches strace to one thread. */
export async function attach(thread, paths, file, failing) {
  const argv = [...straceArgv(paths, file, failing), '-p', String(thread)]
  const tracer = spawn('strace', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  const done = new Promise((ended) => tracer.once('close', ended))
  await new Promise((attached, failed) => {
    let said = ''
    tracer.stderr.on('data', (chunk) => {
      said += String(chunk)
      if (/attached/u.test(said)) attached()
    })
    tracer.once('error', failed)
    void done.then(() => failed(new Error(`strace could not attach: ${said}`)))
  })
  return { tracer, done }
}

/** The calls of a trace: name, its number among those of the same name (from 1), the line. */
export function callsIn(file) {
  const seen = new Map()
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const call = /^(\w+)\(/u.exec(line)?.[1]
      if (call === undefined || call === 'exit_group') return []
      const nth = (seen.get(call) ?? 0) + 1
      seen.set(call, nth)
      return [{ call, nth, line }]
    })
}

export function wasInjected(file) {
  return existsSync(file) && /\(INJECTED/u.test(readFileSync(file, 'utf8'))
}

const DEADLY = ['SIGABRT', 'SIGSEGV', 'SIGBUS']

/** Whether lmdb died where a page could not be written (liblmdb/mdb.c, mdb_page_flush): it says so first. */
export function isOfPageWrite(child, { signal }) {
  return DEADLY.includes(signal) && /Write error: .* position \d+, size \d+/u.test(child.err)
}
