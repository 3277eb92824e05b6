import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { cairn } from '../fixtures/cairn.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const COMMANDS = [
  'anchor',
  'audit',
  'bench',
  'check',
  'export',
  'import',
  'invite',
  'join',
  'key',
  'order',
  'orders',
  'page',
  'receipt',
  'verify',
  'put',
  'serve',
  'shop',
  'vectors',
  'watch',
]

describe('the command itself', () => {
  test('--version', async () => {
    expect(await cairn('--version')).toEqual({ code: 0, out: version, err: '' })
  })

  test.each([['help'], ['--help'], ['-h']])('%s lists the commands and the exit codes', async (word) => {
    const { code, out, err } = await cairn(word)
    expect([code, err]).toEqual([0, ''])
    for (const name of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(out).toMatch(/Exit codes: 0 .* 1 .*2 /)
  })

  test('nothing: the help as talk, and 1', async () => {
    const { code, out, err } = await cairn()
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('Usage: cairn COMMAND')
  })

  test.each([
    ['serv', 'Did you mean serve?'],
    ['vector', 'Did you mean vectors?'],
    ['stert', 'Did you mean start?'],
    ['frobnicate', 'All of them: cairn help'],
    ['constructor', 'All of them: cairn help'],
  ])('unknown command %s: one line, and 1', async (word, hint) => {
    for (const argv of [[word], ['help', word]]) {
      const { code, out, err } = await cairn(...argv)
      expect([code, out]).toEqual([1, ''])
      expect(err).toContain(`cairn: there is no command "${word}".`)
      expect(err).toContain(hint)
      expect(err).not.toContain('\n')
    }
  })
})

describe('commands', () => {
  test.each([...COMMANDS, 'start'])('%s says more about itself', async (name) => {
    const { code, out } = await cairn('help', name)
    expect(code).toBe(0)
    expect(out).toContain(`cairn ${name === 'start' ? 'serve' : name}`)
    expect(await cairn(name, '--help')).toMatchObject({ code: 0, out })
  })

  test('every file that exports run is a command', () => {
    const folder = fileURLToPath(new URL('../../src/cli/', import.meta.url))
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
    const runnable = files.filter((file) =>
      /export (async )?function run\(/.test(readFileSync(`${folder}${file}`, 'utf8')),
    )
    expect(runnable.map((file) => file.replace('.ts', '')).sort()).toEqual([...COMMANDS].sort())
  })

  test('vectors keeps its exit codes', async () => {
    expect(await cairn('vectors')).toMatchObject({ code: 2, out: '' })
    expect(await cairn('vectors', '/nowhere.cbor')).toMatchObject({
      code: 2,
      err: expect.stringContaining('/nowhere.cbor: cannot be read') as string,
    })
  })
})

describe('what a command throws', () => {
  const cause = new RangeError('the disk')
  const load = () => ({ run: () => Promise.reject(new Error('it\nfailed', { cause })) })

  test.each([
    ['put', 1],
    ['vectors', 2],
  ])('is one line; from %s, where 1 may mean another thing, %i', async (name, code) => {
    vi.doMock(`../../src/cli/${name}.js`, load)
    expect(await cairn(name, 'x')).toEqual({ code, out: '', err: 'cairn: it failed (--verbose tells more)' })
    vi.doUnmock(`../../src/cli/${name}.js`)
  })

  test.each([[['--verbose', 'vectors', 'x']], [['vectors', 'x', '--verbose']]])('%j tells the causes', async (argv) => {
    vi.doMock('../../src/cli/vectors.js', load)
    const { code, err } = await cairn(...argv)
    expect(code).toBe(2)
    expect(err).toMatch(/^cairn: it\nfailed\nError: it\nfailed\n.*caused by RangeError: the disk\n/s)
    vi.doUnmock('../../src/cli/vectors.js')
  })
})
