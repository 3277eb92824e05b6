/** What a page loads of a subpath at once: bundled, minified and gzipped it stays within what was promised. */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const KIB = 1_024

test.each([
  ['cairn-relay/verify', 32],
  ['cairn-relay/receipt', 50],
  // More than is wanted, 50: it must not grow.
  ['cairn-relay/client', 82],
])('all of %s has at most %i KiB', async (name, most) => {
  const size = await gzippedBytes(`export * from '${name}'`)
  expect(size).toBeGreaterThan(8 * KIB)
  expect(size).toBeLessThanOrEqual(most * KIB)
})

async function gzippedBytes(script: string): Promise<number> {
  const project = mkdtempSync(join(tmpdir(), 'cairn-bundle-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'))
    writeFileSync(join(project, 'page.js'), script)
    const build = await rolldown({ input: join(project, 'page.js'), platform: 'browser', cwd: project })
    const { output } = await build.generate({ format: 'esm', minify: true })
    await build.close()
    const chunks = new Map(
      output.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk] as const] : [])),
    )
    const loaded = new Set([output[0].fileName])
    for (const name of loaded) for (const imported of chunks.get(name)!.imports) loaded.add(imported)
    return [...loaded].reduce((sum, name) => sum + gzipSync(chunks.get(name)!.code, { level: 9 }).length, 0)
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}
