/**
 * The package `cairn-client`, installed beside nothing but what it names: small, without server and native parts, and
 * each of its entries loads. `npm run check:starters` builds programs with it.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const UNPACKED_BYTES_MAX = 1_500_000
const project = mkdtempSync(join(tmpdir(), 'cairn-client-test-'))
const inside = join(project, 'node_modules/cairn-client')

interface ClientManifest {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string } | string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

let manifest: ClientManifest
let files: readonly string[]
const entries = () => Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')

beforeAll(() => {
  const script = join(ROOT, 'scripts/pack-client.mjs')
  const packed = execFileSync(process.execPath, [script, '--out', project], { encoding: 'utf8' }).trim()
  mkdirSync(inside, { recursive: true })
  execFileSync('tar', ['xzf', packed, '-C', inside, '--strip-components=1'])
  manifest = JSON.parse(readFileSync(join(inside, 'package.json'), 'utf8')) as ClientManifest
  files = (readdirSync(inside, { recursive: true }) as string[]).filter((name) => statSync(join(inside, name)).isFile())
  for (const name of [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]) {
    mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name))
  }
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

it('is small, and holds what its entries name', () => {
  const bytes = files.reduce((sum, name) => sum + statSync(join(inside, name)).size, 0)
  expect(bytes).toBeLessThanOrEqual(UNPACKED_BYTES_MAX)
  for (const target of Object.values(manifest.exports))
    for (const path of typeof target === 'string' ? [target] : [target.types, target.default])
      expect(existsSync(join(inside, path)), path).toBe(true)
})

it('has no server and nothing native', () => {
  const rooms = ['relay', 'store', 'chain', 'settings', 'cli', 'notes']
  expect(files.filter((name) => rooms.includes(name.split('/')[1]!))).toEqual([])
  expect(files.filter((name) => /(?:hash|signature)\.node\.js$/u.test(name))).toEqual([])
  expect(Object.keys(manifest.dependencies)).toEqual(['@noble/hashes', '@noble/secp256k1', 'ws'])
})

it('has a map of each script, with its source', () => {
  const scripts = files.filter((name) => name.endsWith('.js'))
  expect(scripts.length).toBeGreaterThan(50)
  for (const name of scripts) {
    const { sources, sourcesContent, mappings } = JSON.parse(readFileSync(join(inside, `${name}.map`), 'utf8')) as {
      readonly [K in 'sources' | 'sourcesContent']: readonly string[]
    } & { readonly mappings: string }
    const source = join(ROOT, 'lib', dirname(name), sources[0]!).replace(`${ROOT}/lib/`, `${ROOT}/`)
    const lines = readFileSync(source, 'utf8').split('\n')
    for (const [i, line] of sourcesContent[0]!.split('\n').entries()) expect(lines[i]).toContain(line)
    if (readFileSync(join(inside, name), 'utf8').includes('function')) expect(mappings.length).toBeGreaterThan(8)
  }
})

it('loads each entry on Node, and calls itself by its own name in its types', () => {
  const names = entries().map((subpath) => `cairn-client${subpath.slice(1)}`)
  const script = `
    const modules = await Promise.all(${JSON.stringify(names)}.map((name) => import(name)))
    process.stdout.write(JSON.stringify(modules.map((module) => Object.keys(module).length > 0)))`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: project, encoding: 'utf8' })
  expect(JSON.parse(said)).toEqual(names.map(() => true))
  const types = files.filter((name) => name.endsWith('.d.ts'))
  expect(types.filter((name) => readFileSync(join(inside, name), 'utf8').includes("'cairn-relay"))).toEqual([])
})

it('is bundled for a page without anything of Node', async () => {
  const contents = entries().map((subpath, i) => `export * as e${i} from 'cairn-client${subpath.slice(1)}'`)
  const { metafile } = await build({
    stdin: { contents: contents.join('\n'), resolveDir: project },
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    external: Object.keys(manifest.peerDependencies),
  })
  const inputs = Object.keys(metafile.inputs)
  expect(inputs.length).toBeGreaterThan(50)
  expect(inputs.filter((name) => /\.node\.js$|node_modules\/ws\//u.test(name))).toEqual([])
})
