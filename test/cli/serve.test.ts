/** `cairn serve` as real processes: what a wrong setting, machine or data directory leads to, and how it stops and goes on. */

import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { open } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const DEADLINE_MS = 20_000
let home: string
const running = new Set<Program>()

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cairn-serve-'))
})
afterEach(async () => {
  for (const program of [...running]) await program.end('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

/** A command that runs; killed at its deadline. */
class Program {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly exit: Promise<number | string>

  constructor(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, ['src/cli/cairn.js', ...argv], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout!.on('data', (chunk) => (this.out += String(chunk)))
    this.child.stderr!.on('data', (chunk) => (this.err += String(chunk)))
    const late = setTimeout(() => this.child.kill('SIGKILL'), DEADLINE_MS)
    running.add(this)
    this.exit = new Promise((done) =>
      this.child.once('close', (code, signal) => {
        clearTimeout(late)
        running.delete(this)
        done(code ?? signal ?? 'gone')
      }),
    )
  }

  async says(text: string | RegExp, where: 'out' | 'err' = 'out'): Promise<RegExpExecArray> {
    const pattern = typeof text === 'string' ? new RegExp(text, 'u') : text
    for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await new Promise((wait) => setTimeout(wait, 20))) {
      const found = pattern.exec(this[where])
      if (found !== null) return found
      if (!running.has(this)) break
    }
    throw new Error(`it never says ${text}: ${this.out}${this.err}`)
  }

  end(signal: NodeJS.Signals): Promise<number | string> {
    this.child.kill(signal)
    return this.exit
  }
}

const serve = (...flags: readonly string[]) => new Program(['serve', '--port', '0', '--metrics-port', '0', ...flags])
const inHome = (name = 'data') => ['--data', join(home, name)]

/** One line that begins with `cairn: `, exit code 1. */
async function refused(program: Program, message: RegExp): Promise<void> {
  expect(await program.exit, program.err).toBe(1)
  const lines = program.err.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^cairn: /u)
  expect(lines[0]).toMatch(message)
  expect(program.out).not.toContain('listens on')
}

/** Names and contents of everything below a directory. */
function fingerprint(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name)
    hash.update(name).update(statSync(path).isFile() ? readFileSync(path) : '')
  }
  return hash.digest('hex')
}

async function takenPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

describe('what cannot be is one line and exit code 1', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['an unknown flag', ['--prot', '1'], /--prot: there is no such setting\. Did you mean --port\?/u],
    ['a wrong value', ['--push-delay-ms', 'soon'], /--push-delay-ms: it has to be a whole number/u],
    ['a missing value', ['--host'], /--host: its value is missing/u],
    ['a public address in development mode', ['--host', '0.0.0.0'], /0\.0\.0\.0 is not loopback/u],
    [
      'a settings file that is not there',
      ['--config', '/nowhere.json'],
      /\/nowhere\.json: the settings file cannot be read/u,
    ],
    ['a chain file that is not there', ['--chain', '/nowhere.json'], /\/nowhere\.json cannot be read/u],
    ['a demo on a real chain', ['--chain', '/nowhere.json', '--demo'], /the demo shop needs development mode/u],
  ])('%s', async (_what, flags, message) => {
    await refused(serve(...inHome(), ...flags), message)
  })

  it('an unknown name in the environment', async () => {
    await refused(
      new Program(['serve'], { CAIRN_PROT: '1' }),
      /CAIRN_PROT: there is no such setting\. Did you mean CAIRN_PORT\?/u,
    )
  })

  it('a taken port, and a taken port for metrics', async () => {
    const { port, close } = await takenPort()
    try {
      const taken = [...inHome(), '--empty', '--port', String(port)]
      await refused(
        new Program(['serve', '--metrics-port', '0', ...taken]),
        new RegExp(`port ${port}: port taken`, 'u'),
      )
      const metrics = new Program(['serve', '--port', '0', ...inHome(), '--empty', '--metrics-port', String(port)])
      await refused(metrics, new RegExp(`cannot serve metrics on 127\\.0\\.0\\.1:${port}: the port is taken`, 'u'))
    } finally {
      close()
    }
  })

  it('a data directory that cannot be made or is a file', async () => {
    writeFileSync(join(home, 'file'), 'mine')
    await refused(serve('--data', '/proc/cairn'), /the data directory \/proc\/cairn cannot be used/u)
    await refused(serve(...inHome('file')), /the data directory .* cannot be used \(ENOTDIR/u)
    await refused(serve('--data', join(home, 'file', 'below')), /the data directory .* cannot be used \(ENOTDIR/u)
    expect(readFileSync(join(home, 'file'), 'utf8')).toBe('mine')
  })

  it('a directory of somebody else, which stays as it was', async () => {
    mkdirSync(join(home, 'photos'))
    writeFileSync(join(home, 'photos', 'cat.jpg'), 'cat')
    const before = fingerprint(home)
    await refused(serve(...inHome('photos')), /holds cat\.jpg and no cairn data/u)
    expect(fingerprint(home)).toBe(before)
  })

  it('a database of another version, which stays as it was', async () => {
    const first = serve(...inHome(), '--empty')
    await first.says('listens on')
    expect(await first.end('SIGTERM')).toBe(0)
    const database = open<Uint8Array, Uint8Array>({
      path: join(home, 'data', 'cairn.mdb'),
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      maxDbs: 1,
    })
    await database.put(Uint8Array.of(0), Uint8Array.of(99))
    await database.close()
    const before = readFileSync(join(home, 'data', 'cairn.mdb'))
    await refused(serve(...inHome()), /the data are of format 99, this cairn knows 1/u)
    expect(readFileSync(join(home, 'data', 'cairn.mdb')).equals(before)).toBe(true)
  })

  it('a second process on the same data; the first one notices nothing', async () => {
    const first = serve(...inHome(), '--empty')
    const [, url] = await first.says(/listens on (\S+)/u)
    await refused(serve(...inHome()), new RegExp(`in use by process ${first.child.pid}`, 'u'))
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(await first.end('SIGTERM')).toBe(0)
  })

  it('a relay key that is none', async () => {
    writeFileSync(join(home, 'key'), 'secret-but-short')
    const program = serve(...inHome(), '--relay-key-file', join(home, 'key'))
    await refused(program, /key/u)
    expect(program.err).not.toContain('secret-but-short')
  })
})

describe('a relay', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order on %s, whenever it comes', async (signal) => {
    const program = serve(...inHome(), '--empty')
    await program.says('listens on')
    expect(await program.end(signal)).toBe(0)
    expect(readdirSync(join(home, 'data')).filter((name) => name.startsWith('lock.'))).toEqual([])
    const early = serve(...inHome(), '--empty')
    await new Promise((wait) => setTimeout(wait, 400))
    expect([0, signal]).toContain(await early.end(signal))
  })

  it('comes up after kill -9 without a hand, with the same shop and files that nobody else reads', async () => {
    const first = serve(...inHome())
    const [, shop] = await first.says(/demo shop +(\d+)/u)
    await first.end('SIGKILL')
    const second = serve(...inHome())
    expect((await second.says(/demo shop +(\d+)/u))[1]).toBe(shop)
    for (const name of ['cairn.mdb', 'relay.key', 'demo.json'])
      expect(statSync(join(home, 'data', name)).mode & 0o077, name).toBe(0)
    expect(await second.end('SIGTERM')).toBe(0)
  })

  it('tells two commands to try, which work as they are printed', async () => {
    const relay = serve(...inHome())
    await relay.says('Ctrl-C')
    const [, url] = await relay.says(/listens on (\S+)/u)
    const words = (name: string) => new RegExp(`npx cairn (${name} .*)`, 'u').exec(relay.out)![1]!.trim().split(' ')
    expect(words('watch')).toContain(url)
    const watch = new Program([...words('watch'), '--json'])
    await watch.says(/"/u)
    const put = new Program([...words('put'), '--data', join(home, 'data')])
    expect(await put.exit, put.err).toBe(0)
    await watch.says(/"?[Pp]rice"?:? ?"?42\b/u)
    expect(await watch.end('SIGINT')).toBe(0)
    expect(statSync(join(home, 'data', 'card.key')).mode & 0o777).toBe(0o600)
    expect(await relay.end('SIGINT')).toBe(0)
  })

  it('has no demo with --empty', async () => {
    const program = serve(...inHome(), '--empty')
    await program.says('metrics')
    await new Promise((wait) => setTimeout(wait, 300))
    expect(program.out).not.toContain('demo shop')
    expect(existsSync(join(home, 'data', 'demo.json'))).toBe(false)
    expect(await program.end('SIGTERM')).toBe(0)
  })

  it('insists on the transport that was chosen', async () => {
    const ws = serve(...inHome(), '--empty', '--transport', 'ws')
    await ws.says(/listens on \S+ \(ws\)/u)
    expect(await ws.end('SIGTERM')).toBe(0)
    const uws = serve(...inHome(), '--empty', '--transport', 'uws')
    await uws.says(/listens on \S+ \(uws\)/u)
    expect(await uws.end('SIGTERM')).toBe(0)
  })
})

it('cairn bench write --json has the fields that scripts read', async () => {
  const bench = new Program(['bench', 'write', '--seconds', '1', '--listings', '50', '--json'])
  expect(await bench.exit, bench.err).toBe(0)
  const result = JSON.parse(bench.out) as Record<string, number>
  for (const name of ['patchSetsPerSecond', 'patchesPerSecond', 'p50Ms', 'p99Ms', 'signatureChecksPerSecondPerCore'])
    expect(result[name], name).toBeGreaterThan(0)
})
