/**
 * `cairn serve` as real processes: what a wrong setting, machine or data directory leads to, and how it stops and goes
 * on.
 */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { open } from 'lmdb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStore } from '../../src/store/open.js'
import { copyLogs, writtenLogs } from '../fixtures/copied-log.js'
import { endAll, Program } from '../fixtures/program.js'
import { shopRow } from '../fixtures/store.arbitrary.js'

const CAIRN = resolve(import.meta.dirname, '../../src/cli/cairn.js')
const DEADLINE_MS = 60_000
let home: string
let used: string

beforeAll(async () => {
  home = used = mkdtempSync(join(tmpdir(), 'cairn-used-'))
  const relay = serve('--data', used, '--empty')
  await relay.says(/listens on/u)
  expect(await relay.end('SIGTERM')).toBe(0)
})
afterAll(() => rmSync(used, { recursive: true, force: true }))
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cairn-serve-'))
})
afterEach(async () => {
  await endAll()
  rmSync(home, { recursive: true, force: true })
})

interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** A command that runs it, with that command's flags. */
  readonly under?: readonly string[]
}

/** A command in the test's own folder. */
function command(argv: readonly string[], { env = {}, under = [] }: CommandOptions = {}): Program {
  const [file, ...words] = [...under, process.execPath, CAIRN, ...argv]
  return new Program(file!, words, { cwd: home, env })
}

const ANY_PORT = ['--port', '0', '--metrics-port', '0']
const serve = (...flags: readonly string[]) => command(['serve', ...ANY_PORT, ...flags])
const inHome = (name = 'data') => ['--data', join(home, name)]

/** A data directory that a relay was stopped on. */
function usedData(): void {
  cpSync(used, join(home, 'data'), { recursive: true })
}

/** Nothing but one line that begins with `cairn: `, exit code 1, and every file is as it was. */
async function refused(flags: readonly string[], message: RegExp, options?: CommandOptions): Promise<Program> {
  const before = fingerprint(home)
  const program = command(['serve', ...ANY_PORT, ...flags], options)
  expect(await program.exit, program.err).toBe(1)
  expect(program.err).toMatch(/^cairn: [^\n]+\n$/u)
  expect(program.err).toMatch(message)
  expect(program.out).toBe('')
  expect(fingerprint(home)).toBe(before)
  return program
}

/**
 * Names, rights and contents of everything below a directory, but for LMDB's table of readers, which any opening
 * writes.
 */
function fingerprint(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name)
    const { mode } = statSync(path)
    hash.update(`${name} ${mode}\n`)
    if (statSync(path).isFile() && !name.endsWith('cairn.mdb-lock')) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

function locks(): string[] {
  return readdirSync(join(home, 'data')).filter((name) => name.startsWith('lock.'))
}

/** Opens a pipe for writing as soon as somebody waits to read from it. */
async function openForReader(pipe: string): Promise<number> {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await new Promise((wait) => setTimeout(wait, 10))) {
    try {
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
    }
  }
  throw new Error('nobody reads the pipe')
}

/** The words of a command that the demo prints, after `npx cairn`. */
function printed(relay: Program, name: string): string[] {
  return new RegExp(`npx cairn (${name} .*)`, 'u').exec(relay.out)![1]!.trim().split(' ')
}

/** A module that, loaded first, lets no binary of uWebSockets.js load. */
function withoutUws(): string {
  const file = join(home, 'without-uws.cjs')
  const refusal = "if (/uws/iu.test(file)) throw new Error('no such binary')"
  const dlopen = `(module, file, ...rest) => { ${refusal}; return load(module, file, ...rest) }`
  const text = `const load = process.dlopen\nprocess.dlopen = ${dlopen}\n`
  writeFileSync(file, text)
  return file
}

async function takenPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

it('a log that does not lead to its states closes its shop; the relay serves, tells why, and stops', async () => {
  usedData()
  const store = await openStore(join(home, 'data'))
  const spoilt = { stateHash: new Uint8Array(32) }
  await copyLogs(await writtenLogs(77n), store, (_shop, record) => ({ ...record, ...(record.seq === 4 && spoilt) }))
  await store.close()
  const relay = serve(...inHome(), '--empty')
  const [, url] = await relay.says(/listens on (\S+)/u)
  const problem = /shop 77, set 4: its state hash is [0-9a-f]{64}, the log says 0{64}/u
  expect(relay.err).toMatch(problem)
  const answer = await fetch(`${url}/readyz`)
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringMatching(problem)])
  expect(await relay.end('SIGTERM')).toBe(0)
})

describe('what cannot be is one line and exit code 1, and changes nothing', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['an unknown flag', ['--prot', '1'], /--prot: there is no such setting\. Did you mean --port\?/u],
    ['a word that is no flag', ['here'], /here: there is no such setting/u],
    ['a wrong value', ['--push-delay-ms', 'soon'], /--push-delay-ms: it has to be a whole number/u],
    ['a missing value', ['--host'], /--host: its value is missing/u],
    ['a public address in development mode', ['--host', '0.0.0.0'], /0\.0\.0\.0 is not loopback/u],
    [
      'public metrics in development mode',
      ['--metrics-host', '0.0.0.0', '--metrics-port', '1'],
      /0\.0\.0\.0 is not loopback/u,
    ],
    [
      'a settings file that is not there',
      ['--config', '/nowhere.json'],
      /\/nowhere\.json: the settings file cannot be read/u,
    ],
    ['a demo on a real chain', ['--chain', '/nowhere.json', '--demo'], /the demo shop needs development mode/u],
  ])('%s', async (_what, flags, message) => {
    await refused([...inHome(), ...flags], message)
  })

  it('a settings file that is no JSON or no object, has an unknown key or a wrong value', async () => {
    const files: readonly [name: string, text: string, message: RegExp][] = [
      ['torn.json', '{"port": 1', /torn\.json: the settings file cannot be read: .* It has to be a JSON object/u],
      ['list.json', '[1]', /list\.json: the settings file is JSON, but no object/u],
      ['key.json', '{"prot": 1}', /prot: there is no such setting in .*key\.json\. Did you mean port\?/u],
      ['value.json', '{"pushDelayMs": "1"}', /pushDelayMs in .*value\.json: it has to be a whole number/u],
    ]
    for (const [name, text] of files) writeFileSync(join(home, name), text)
    await Promise.all(files.map(([name, , message]) => refused([...inHome(), '--config', join(home, name)], message)))
  })

  it('an unknown name and a wrong value in the environment', async () => {
    const unknown = /CAIRN_PROT: there is no such setting\. Did you mean CAIRN_PORT\?/u
    await refused(inHome(), unknown, { env: { CAIRN_PROT: '1' } })
    const wrong = /CAIRN_PUSH_DELAY_MS: it has to be a whole number/u
    await refused(inHome(), wrong, { env: { CAIRN_PUSH_DELAY_MS: 'soon' } })
  })

  it("a damaged file of the demo's keys, for all that read it", async () => {
    usedData()
    const file = join(home, 'data', 'demo.json')
    writeFileSync(file, '{"shop": "1')
    const damaged = /: \S+demo\.json is damaged: restore it, or remove it for a new demo shop/u
    for (const words of [
      ['serve', ...ANY_PORT],
      ['put', '--shop', '1', '--listing', '1', '--price', '3'],
      ['order', 'pay', '--shop', '1', '--order', '1'],
    ]) {
      const program = command([...words, ...inHome()])
      expect(await program.exit, program.err).toBe(1)
      expect(program.err.split('\n').filter((line) => damaged.test(line))).toHaveLength(1)
    }
    expect(readFileSync(file, 'utf8')).toBe('{"shop": "1')
  })

  it('a chain file that is not there', async () => {
    usedData()
    await refused([...inHome(), '--chain', '/nowhere.json'], /\/nowhere\.json cannot be read/u)
  })

  it('a taken port, and a taken port for metrics', async () => {
    usedData()
    const { port, close } = await takenPort()
    try {
      await refused([...inHome(), '--empty', '--port', String(port)], new RegExp(`port ${port}: port taken`, 'u'))
      const before = fingerprint(home)
      const metrics = serve(...inHome(), '--empty', '--metrics-port', String(port))
      expect(await metrics.exit, metrics.err).toBe(1)
      // The relay listens before its metrics do, and its log may say so.
      const lines = metrics.err.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
      expect(lines).toEqual([
        `cairn: cannot serve metrics on 127.0.0.1:${port}: the port is taken. Choose --metrics-port, or 0 for none.`,
      ])
      expect(metrics.out).toBe('')
      expect(fingerprint(home)).toBe(before)
    } finally {
      close()
    }
  })

  it('a taken port at the first start, which leaves no data and no key', async () => {
    const { port, close } = await takenPort()
    try {
      await refused([...inHome('new'), '--empty', '--port', String(port)], new RegExp(`port ${port}: port taken`, 'u'))
      const metrics = [...inHome('new'), '--empty', '--metrics-port', String(port)]
      await refused(metrics, /cannot serve metrics on .*: the port is taken/u)
    } finally {
      close()
    }
  })

  it('a data directory that cannot be made or is a file', async () => {
    writeFileSync(join(home, 'file'), 'mine')
    await refused(['--data', '/proc/cairn'], /the data directory \/proc\/cairn cannot be used/u)
    await refused(inHome('file'), /the data directory .* cannot be used \(ENOTDIR/u)
    await refused(['--data', join(home, 'file', 'below')], /the data directory .* cannot be used \(ENOTDIR/u)
  })

  it('a data directory that may not be written', async () => {
    // The rights of a directory do not bind root, unless it gives up this capability.
    const bound = ['setpriv', '--bounding-set', '-dac_override']
    const options = process.getuid?.() === 0 ? { under: bound } : {}
    mkdirSync(join(home, 'locked'))
    chmodSync(join(home, 'locked'), 0o500)
    try {
      await refused(
        inHome('locked'),
        /the data directory .*locked cannot be written: check its owner and rights/u,
        options,
      )
      await refused(inHome('locked/below'), /the data directory .*below cannot be written/u, options)
    } finally {
      chmodSync(join(home, 'locked'), 0o700)
    }
  })

  it('a directory of somebody else', async () => {
    mkdirSync(join(home, 'photos'))
    writeFileSync(join(home, 'photos', 'cat.jpg'), 'cat')
    await refused(inHome('photos'), /holds cat\.jpg and no cairn data/u)
  })

  it('a database of another version', async () => {
    usedData()
    const database = open<Uint8Array, Uint8Array>({
      path: join(home, 'data', 'cairn.mdb'),
      noSubdir: true,
      keyEncoding: 'binary',
      encoding: 'binary',
      maxDbs: 1,
    })
    await database.put(Uint8Array.of(0), Uint8Array.of(99))
    await database.close()
    await refused(inHome(), /the data are of format 99, this cairn knows 2/u)
  })

  it('a second process on the same data; the first one notices nothing', async () => {
    const first = serve(...inHome(), '--empty')
    const [, url] = await first.says(/listens on (\S+)/u)
    await refused(inHome(), new RegExp(`in use by process ${first.child.pid}`, 'u'))
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(await first.end('SIGTERM')).toBe(0)
  })

  it('a second store on data that are just being made', async () => {
    const nested = join(home, 'new', 'data')
    const [first, second] = await Promise.allSettled([openStore(nested), openStore(nested)])
    const stores = [first, second].filter((result) => result.status === 'fulfilled')
    const refusals = [first, second].filter((result) => result.status === 'rejected')
    for (const { value } of stores) await value.close()
    expect(stores).toHaveLength(1)
    expect(refusals[0]!.reason).toMatchObject({ code: 'locked' })
  })

  it('a relay key that is none', async () => {
    usedData()
    writeFileSync(join(home, 'key'), 'secret-but-short')
    const program = await refused([...inHome(), '--relay-key-file', join(home, 'key')], /holds no key of 64/u)
    expect(program.err).not.toContain('secret-but-short')
  })

  it('a relay key that others may read', async () => {
    usedData()
    writeFileSync(join(home, 'key'), 'ab'.repeat(32), { mode: 0o640 })
    const program = await refused([...inHome(), '--relay-key-file', join(home, 'key')], /chmod 600 \S+key$/mu)
    expect(program.err).not.toContain('abab')
  })

  it('what was signed with the key, if it cannot be read', async () => {
    usedData()
    writeFileSync(join(home, 'signed'), 'my notes')
    await refused([...inHome(), '--relay-guard-file', join(home, 'signed')], /signed is damaged/u)
  })

  it('a relay key in the environment with no place for what is signed, with a file, or that is none', async () => {
    usedData()
    const env = { CAIRN_RELAY_KEY: 'ab'.repeat(32) }
    await refused(inHome(), /^cairn: relayGuardFile: the key comes from CAIRN_RELAY_KEY/u, { env })
    const file = ['--relay-key-file', join(home, 'key')]
    await refused([...inHome(), ...file], /^cairn: CAIRN_RELAY_KEY: relayKeyFile is given too/u, { env })
    const guard = ['--relay-guard-file', join(home, 'signed')]
    await refused([...inHome(), ...guard], /CAIRN_RELAY_KEY holds no key of 64/u, { env: { CAIRN_RELAY_KEY: 'abc' } })
    const relay = command(['serve', ...ANY_PORT, ...inHome('fresh'), '--empty', ...guard], { env })
    await relay.says(/relay address {2}0x[0-9a-f]{40}/u)
    expect(relay.err + relay.out).not.toContain('abab')
    expect(await relay.end('SIGTERM')).toBe(0)
    expect(readdirSync(join(home, 'fresh'))).not.toContain('relay.key')
  })

  it('uWebSockets.js where its binary does not load', async () => {
    usedData()
    const env = { NODE_OPTIONS: `--require ${withoutUws()}` }
    await refused([...inHome(), '--empty', '--transport', 'uws'], /uWebSockets\.js does not load here/u, { env })
    const fallback = command(['serve', ...ANY_PORT, ...inHome(), '--empty'], { env })
    await fallback.says(/listens on \S+ \(ws\)/u)
    expect(await fallback.end('SIGTERM')).toBe(0)
  })
})

describe('a relay', () => {
  const MADE = { level: 'info', event: 'a new relay key was made' }
  const NAMED = { level: 'warn', event: 'a new relay key was made: there was none in relayKeyFile' }
  const slip = 'the shops here are of another relay, and clients refuse what this one signs'
  const SLIP = { level: 'warn', event: `a new relay key was made: ${slip}` }

  it.each([
    ['in a new directory', { hasShops: false, name: undefined }, MADE],
    ['in a file that was named', { hasShops: false, name: 'mistyped.key' }, NAMED],
    ['beside shops of another relay', { hasShops: true, name: 'mistyped.key' }, SLIP],
  ] as const)('tells of a key that it makes %s', async (_where, { hasShops, name }, line) => {
    if (hasShops) {
      const store = await openStore(join(home, 'data'))
      await store.commit({ records: [], newShops: [shopRow(1n)] })
      await store.close()
    }
    const file = name === undefined ? join(home, 'data/relay.key') : join(home, name)
    const named = name === undefined ? [] : ['--relay-key-file', file]
    const relay = serve(...inHome(), '--empty', ...named)
    const [, address] = await relay.says(/relay address {2}(0x[0-9a-f]{40})/u)
    // Nobody who starts his first relay is to be alarmed by it.
    const shout = `A NEW RELAY KEY was made in ${file}: to clients it is a new relay`
    expect(relay.out.split('\n')[1]).toBe(line === MADE ? '' : shout)
    const told = relay.err.split('\n').filter((text) => text.includes('new relay key'))
    expect(told.map((text) => JSON.parse(text) as unknown)).toMatchObject([{ ...line, address, file }])
    expect(relay.err.startsWith(told[0]!)).toBe(true)
    expect(await relay.end('SIGTERM')).toBe(0)
    const again = serve(...inHome(), '--empty', ...named)
    await again.says(/relay address/u)
    expect(again.out + again.err).not.toMatch(/new relay key/iu)
  })

  it('says where it listens, and beside it the URL of its clients', async () => {
    const relay = serve(...inHome(), '--empty', '--public-url', 'https://shop.example')
    await relay.says(/^cairn \S+ listens on http:\/\/127\.0\.0\.1:\d+ \(/u)
    await relay.says(/^ {2}public URL {5}https:\/\/shop\.example$/mu)
    expect(await relay.end('SIGTERM')).toBe(0)
  })
})

describe('a relay', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order on %s', async (signal) => {
    const program = serve(...inHome(), '--empty')
    await program.says(/listens on/u)
    expect(await program.end(signal)).toBe(0)
    expect(locks()).toEqual([])
  })

  it.each(['uws', 'ws'])(
    'names a low limit of descriptors, and on %s keeps some of them when all come',
    async (transport) => {
      const flags = ['serve', ...ANY_PORT, ...inHome(), '--empty', '--transport', transport]
      const program = command(flags, { under: ['prlimit', '--nofile=500:500'] })
      const [, port] = await program.says(/listens on http:\/\/127\.0\.0\.1:(\d+)/u)
      expect(program.err).toMatch(/few descriptors.*"descriptors":500,"socketsMax":375,"sessionsMax":10000/u)
      const sockets = Array.from({ length: 600 }, () => connect(Number(port), '127.0.0.1').on('error', () => {}))
      await program.says(/connections are refused: no more descriptors/u, 'err')
      for (const socket of sockets) if (socket.connecting) await once(socket, 'connect')
      expect(readdirSync(`/proc/${program.child.pid}/fd`).length).toBeLessThan(450)
      expect(program.err.match(/connections are refused/gu)).toHaveLength(1)
      for (const socket of sockets) socket.destroy()
      await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200), 10_000)
      expect(await program.end('SIGTERM')).toBe(0)
    },
  )

  it('goes on after SIGHUP, and says so', async () => {
    const program = serve(...inHome(), '--empty')
    await program.says(/listens on/u)
    program.child.kill('SIGHUP')
    await program.says(/SIGHUP is ignored/u, 'err')
    expect(await program.end('SIGTERM')).toBe(0)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('stops in order on %s that comes before it listens', async (signal) => {
    const pipe = join(home, 'key')
    execFileSync('mkfifo', [pipe])
    const program = serve(...inHome(), '--empty', '--relay-key-file', pipe)
    const key = await openForReader(pipe)
    expect(program.out).toBe('')
    program.child.kill(signal)
    await new Promise((wait) => setTimeout(wait, 200))
    writeSync(key, 'ab'.repeat(32))
    closeSync(key)
    expect(await program.exit, program.err).toBe(0)
    expect(program.err).not.toMatch(/^cairn:/mu)
    expect(locks()).toEqual([])
  })

  it('comes up after kill -9 without a hand, with the same shop and what was answered', async () => {
    const first = serve(...inHome())
    await first.says(/Ctrl-C/u)
    const [, shop] = await first.says(/demo shop +(\d+)/u)
    const words = printed(first, 'put')
    const put = words.slice(0, words.indexOf('--price'))
    const title = command([...put, '--title', 'Map after the storm', ...inHome()])
    expect(await title.exit, title.err).toBe(0)
    expect(await first.end('SIGKILL')).toBe('SIGKILL')
    expect(locks()).toHaveLength(1)
    const second = serve(...inHome())
    await second.says(/Ctrl-C/u)
    expect((await second.says(/demo shop +(\d+)/u))[1]).toBe(shop)
    expect(locks()).toHaveLength(1)
    await command(printed(second, 'watch')).says(
      /^Map after the storm {2}price [\d.]+ ETH on chain 31337 {2}✓ proven/mu,
    )
    for (const name of ['cairn.mdb', 'relay.key', 'demo.json', 'card.key'])
      expect(statSync(join(home, 'data', name)).mode & 0o077, name).toBe(0)
    expect(await second.end('SIGTERM')).toBe(0)
  })

  it('tells two commands to try, which work as they are printed; a new start goes on in the same shop', async () => {
    const relay = serve()
    await relay.says(/Ctrl-C/u)
    const [, url] = await relay.says(/listens on (\S+)/u)
    const [, shop] = await relay.says(/demo shop +(\d+)/u)
    for (const name of ['watch', 'put']) expect(printed(relay, name)).toEqual(expect.arrayContaining([url, shop]))
    const watch = command(printed(relay, 'watch'))
    const [, before] = await watch.says(
      /^Trail map {2}price (?!0\.021 )[\d.]+ ETH on chain \d+ {2}✓ proven as of checkpoint (\d+)$/mu,
    )
    const put = command(printed(relay, 'put'))
    expect(await put.exit, put.err).toBe(0)
    expect(put.out).toMatch(
      /^done: the shop's state hash is now [0-9a-f]{64}\nprice: 21000000000000000 of the smallest unit, /u,
    )
    expect(put.out).toMatch(/which are 0\.021 ETH on chain 31337\n$/u)
    const [, after] = await watch.says(
      /^Trail map {2}price 0\.021 ETH on chain 31337 {2}✓ proven as of checkpoint (\d+)$/mu,
    )
    expect(Number(after)).toBeGreaterThan(Number(before))
    expect(await watch.end('SIGINT')).toBe(0)
    expect(await relay.end('SIGINT')).toBe(0)
    const again = serve()
    expect((await again.says(/demo shop +(\d+)/u))[1]).toBe(shop)
    expect(await again.end('SIGTERM')).toBe(0)
  })

  it.each(['ws', 'uws'] as const)('has no demo with --empty, and insists on the transport %s', async (transport) => {
    const program = serve(...inHome(), '--empty', '--transport', transport)
    await program.says(new RegExp(`listens on \\S+ \\(${transport}\\)`, 'u'))
    await new Promise((wait) => setTimeout(wait, 300))
    expect(program.out).not.toContain('demo shop')
    expect(existsSync(join(home, 'data', 'demo.json'))).toBe(false)
    expect(await program.end('SIGTERM')).toBe(0)
  })
})
