/**
 * What `npm pack` would put into the package: all that its exports and its command need, and nothing of the workshop.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { manifest, subpaths } from './fixtures/public-face.js'

const ROOT = resolve(import.meta.dirname, '..')
const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' })
const files = (JSON.parse(packed) as [{ files: { path: string }[] }])[0].files.map(({ path }) => path)
const scripts = files.filter((file) => file.startsWith('dist/') && file.endsWith('.js'))

it('holds what the exports, the imports and the command name', () => {
  const named = [
    ...subpaths.flatMap(({ types, script }) => [types, script]),
    ...Object.values(manifest.imports).flatMap((targets) => Object.values(targets)),
  ]
  expect(files).toEqual(expect.arrayContaining(named.map((path) => path.replace(/^\.\//u, ''))))
  expect(files).toContain(manifest.bin.cairn)
})

it('holds the page that checks receipts', () => {
  expect(files).toContain('dist/verify.html')
})

it('holds no source maps, which would lead nowhere, and no information about builds', () => {
  expect(files.filter((file) => /\.map$|\.tsbuildinfo$/u.test(file))).toEqual([])
  expect(scripts.filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('sourceMappingURL='))).toEqual([])
})

it('holds nothing in dist that has no source any more', () => {
  expect(scripts.length).toBeGreaterThan(50)
  const source = (file: string) => join(ROOT, file.replace(/^dist\//u, 'src/').replace(/\.js$/u, '.ts'))
  expect(scripts.filter((file) => !existsSync(source(file)))).toEqual([])
})
