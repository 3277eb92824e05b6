import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
let clone: string

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'cairn-launcher-'))
})
afterEach(() => rmSync(clone, { recursive: true, force: true }))

function copy(...paths: string[]): void {
  for (const path of paths) cpSync(join(ROOT, path), join(clone, path), { recursive: true })
}

function linkModules(): void {
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'), 'dir')
}

/** From another folder, as a user's shell may be. */
function cairn(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, 'src/cli/cairn.js'), ...argv], {
    cwd: tmpdir(),
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

test('a fresh clone builds once and runs; the next start runs at once', () => {
  copy('src', 'package.json', 'tsconfig.json')
  linkModules()
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect(cairn('--version')).toEqual({ code: 0, out: `${version}\n`, err: 'cairn: not built yet, building once …\n' })
  expect(cairn('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' })
  expect(cairn('frobnicate')).toMatchObject({ code: 1, out: '' })
})

test('a clone without its modules: one clear line', () => {
  copy('src/cli/cairn.js', 'src/cli/main.ts', 'package.json', 'tsconfig.json')
  expect(cairn('--version')).toEqual({
    code: 1,
    out: '',
    err: 'cairn: it is not built, and the compiler is not installed. Run: npm install\n',
  })
})

test('a build that fails is told, and nothing half built is run', () => {
  copy('src/cli/cairn.js', 'package.json')
  linkModules()
  mkdirSync(join(clone, 'src/cli'), { recursive: true })
  writeFileSync(join(clone, 'src/cli/main.ts'), "export const mainOfProcess: number = 'no function'\n")
  const options = { module: 'NodeNext', rootDir: 'src', outDir: 'dist', types: [] }
  writeFileSync(join(clone, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }))
  for (const _ of ['first', 'second']) {
    const { code, out, err } = cairn('--version')
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('TS2322')
    expect(err).toMatch(/cairn: the build failed\. Run npm run build to see why\.\n$/)
    expect(existsSync(join(clone, 'dist/cli/main.js'))).toBe(false)
  }
})

test('the launcher can be executed by itself', () => {
  expect(readFileSync(join(ROOT, 'src/cli/cairn.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  copy('src/cli/cairn.js', 'package.json')
  const { status, stderr } = spawnSync(join(clone, 'src/cli/cairn.js'), [], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([1, 'cairn: it is not built, and the compiler is not installed. Run: npm install\n'])
})
