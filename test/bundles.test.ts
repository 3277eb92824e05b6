/** What a page loads of a subpath at once: bundled, minified and gzipped it stays within what was promised. */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const KIB = 1_024

test.each([
  ['cairn-relay/verify', 32],
  ['cairn-relay/receipt', 50],
  // More than is wanted, 50: it must not grow.
  ['cairn-relay/client', 87],
])('all of %s has at most %i KiB', async (name, most) => {
  const size = await gzippedBytes(`export * from '${name}'`)
  expect(size).toBeGreaterThan(8 * KIB)
  expect(size).toBeLessThanOrEqual(most * KIB)
})

test('a page can import and export a catalogue: nothing of Node is in it', async () => {
  const { code, imports } = await bundled(`
    import { readTable, writeTable } from '${ROOT}/dist/catalogue/csv.js'
    import { exportProducts } from '${ROOT}/dist/catalogue/export-products.js'
    import { planImport } from '${ROOT}/dist/catalogue/import-plan.js'
    import { readProducts } from '${ROOT}/dist/catalogue/read-products.js'
    const shop = { listings: [], tags: new Map(), stock: [] }
    const file = readProducts(readTable('Title,Description\\nA mug,<b>Blue</b>\\n'), { decimals: 2 })
    globalThis.told = planImport(file, shop).problems[0].reason
    globalThis.written = writeTable(exportProducts(shop, { decimals: 2 }))`)
  expect(imports).toEqual([])
  const page: Record<string, unknown> = { TextEncoder, TextDecoder }
  runInContext(code, createContext(page))
  expect(page['told']).toBe('is blank, and the shop has no such listing')
  expect(page['written']).toMatch(/^Title,URL handle,/u)
})

async function gzippedBytes(script: string): Promise<number> {
  return gzipSync((await bundled(script)).code, { level: 9 }).length
}

async function bundled(script: string): Promise<{ readonly code: string; readonly imports: readonly string[] }> {
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
    // What is loaded at once: parts that wait for an import() are not.
    return { code: [...loaded].map((name) => chunks.get(name)!.code).join('\n'), imports: output[0].imports }
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}
