/** The README's commands and its example are run as they stand there. */

import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/gu)].map(([, language, text]) => ({
  language: language!,
  text: text!,
}))
const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.trim().split('\n'))

function shell(command: string, env: Readonly<Record<string, string>> = {}): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    execFile(
      'bash',
      ['-c', command],
      { cwd: ROOT, env: { ...process.env, ...env }, timeout: 90_000 },
      (error, stdout, stderr) => {
        done({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          output: `${stdout}${stderr}`,
        })
      },
    )
  })
}

describe('commands of the README', () => {
  it('are there', () => expect(commands.length).toBeGreaterThanOrEqual(6))

  it.each(commands)('%s', { timeout: 120_000 }, async (command) => {
    const { code, output } = await shell(command)
    expect(code, output).toBe(0)
    expect(output.length).toBeGreaterThan(0)
  })
})

describe('the start', { timeout: 120_000 }, () => {
  const data = mkdtempSync(join(tmpdir(), 'cairn-readme-'))
  let relay: ChildProcess
  let output = ''

  beforeAll(async () => {
    relay = spawn('npm', ['start', '--', '--port', '0', '--metrics-port', '0', '--data', data], {
      cwd: ROOT,
      detached: true,
    })
    relay.stdout!.on('data', (chunk) => (output += String(chunk)))
    relay.stderr!.on('data', (chunk) => (output += String(chunk)))
    for (let left = 600; left > 0 && !output.includes('Ctrl-C'); left--)
      await new Promise((wait) => setTimeout(wait, 100))
  }, 90_000)

  afterAll(async () => {
    const ended = new Promise((end) => relay.once('exit', end))
    process.kill(-relay.pid!, 'SIGINT')
    await ended
    rmSync(data, { recursive: true, force: true })
  })

  it('says where the relay listens, the shop, and what to try next', () => {
    expect(output).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+/u)
    expect(output).toMatch(/demo shop +\d+/u)
    expect(output).toContain('npx cairn watch')
    expect(output).toContain('npx cairn put')
  })

  it('serves the ten lines of client code', async () => {
    const example = blocks.find(({ language }) => language === 'js')!.text
    expect(example.trim().split('\n').length).toBeLessThanOrEqual(11)
    const file = join(ROOT, 'dist', 'readme-example.mjs')
    writeFileSync(file, example)
    const URL = /listens on (\S+)/u.exec(output)![1]!
    const SHOP = /demo shop +(\d+)/u.exec(output)![1]!
    const run = await shell(`node ${file}`, { URL, SHOP })
    rmSync(file)
    expect(run.code, run.output).toBe(0)
    expect(run.output).toMatch(/^Trail map: \d+ as of set \d+$/mu)
  })

  it('runs the two commands that it prints', async () => {
    const put = /npx cairn put .*/u.exec(output)![0]
    const changed = await shell(`${put} --data ${data}`)
    expect(changed.code, changed.output).toBe(0)
    const watch = /npx cairn watch .*/u.exec(output)![0]
    const seen = await shell(`timeout -s INT 3 ${watch}`)
    expect(seen.output).toMatch(/set \d+ ✓ {2}Trail map {2}price \d+/u)
  })
})
