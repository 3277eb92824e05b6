/** Commands as a user runs them: real processes, each with a deadline, all ended with the test. */

import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')
/** For what a command does; a relay or chain may run twice as long. */
const DEADLINE_MS = 25_000
const running = new Set<Program>()

/** What a user's environment may hold and a test must not depend on. */
const CLEAN_ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CAIRN_')))

export interface Outcome {
  readonly code: number | string
  readonly out: string
  readonly err: string
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  /** The repository's root if left out. */
  readonly cwd?: string
}

export class Program {
  readonly child: ChildProcess
  out = ''
  err = ''
  /** The exit code, or the signal's name. */
  readonly exit: Promise<number | string>

  constructor(file: string, argv: readonly string[], { env = {}, cwd = ROOT }: ProgramOptions = {}) {
    this.child = spawn(file, [...argv], { cwd, env: { ...CLEAN_ENV, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout!.on('data', (chunk) => (this.out += String(chunk)))
    this.child.stderr!.on('data', (chunk) => (this.err += String(chunk)))
    const late = setTimeout(() => this.child.kill('SIGKILL'), 2 * DEADLINE_MS)
    running.add(this)
    this.exit = new Promise((done) =>
      this.child.once('close', (code, signal) => {
        clearTimeout(late)
        running.delete(this)
        done(code ?? signal ?? 'gone')
      }),
    )
  }

  async says(pattern: RegExp, where: 'out' | 'err' = 'out'): Promise<RegExpExecArray> {
    for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await new Promise((wait) => setTimeout(wait, 20))) {
      const found = pattern.exec(this[where])
      if (found !== null) return found
      if (!running.has(this)) break
    }
    throw new Error(`it never says ${pattern}: ${this.out}${this.err}`)
  }

  end(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal)
    return this.exit
  }

  async outcome(): Promise<Outcome> {
    const code = await this.exit
    return { code, out: this.out, err: this.err }
  }
}

export async function endAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.end('SIGKILL')))
}

export function cairn(argv: readonly string[], options?: ProgramOptions): Program {
  return new Program(process.execPath, [join(ROOT, 'src/cli/cairn.js'), ...argv], options)
}

/** A line as the relay prints it, through a shell; npx finds the same file. */
export function asPrinted(line: string, options?: ProgramOptions): Program {
  const own = line.trim().replace(/^npx cairn /u, `exec '${process.execPath}' '${join(ROOT, 'src/cli/cairn.js')}' `)
  return new Program('sh', ['-c', own], options)
}

/** `npm run dev:chain`, and the settings that it prints. */
export async function startChain(port: number): Promise<{ program: Program; settings: string }> {
  const program = new Program(process.execPath, ['test/contracts/serve-chain.mjs', '--port', String(port)])
  await program.says(/Ctrl-C stops it/u, 'err')
  return { program, settings: program.out }
}

/** Whether nothing listens on the port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((told) => {
    const server = createServer()
    server.once('error', () => told(false))
    server.listen(port, '127.0.0.1', () => server.close(() => told(true)))
  })
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}
