// Modules of test/ as Node runs them: bundled beside the packages, so that what they import is found.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Of the package's own imports, on Node. */
const PLATFORM = {
  '#hash': 'src/bytes/hash.node.js',
  '#signature': 'src/bytes/signature.node.js',
  '#websocket': 'src/client/websocket.node.js',
}
const OUT = resolve(ROOT, 'node_modules/.cache/cairn-tests', String(process.pid))

/**
 * Bundles a module and loads it. `src: 'dist'`: what it imports of the source is taken from the build, unbundled;
 * `changed`: sources in place of files, by their paths.
 */
export async function bundled(name, input, { src, changed = new Map() }) {
  const plugin = {
    name: 'cairn-tests',
    resolveId(id, importer) {
      const platform = PLATFORM[id]
      if (platform !== undefined) return { id: built(resolve(ROOT, platform)), external: true }
      // Packages stay as they are: some look for files beside themselves.
      if (/^[\w@]/u.test(id)) return { id, external: true }
      if (!id.startsWith('.') || importer === undefined) return undefined
      const path = resolve(importer, '..', id)
      return src === 'dist' && !relative(ROOT, path).startsWith('test')
        ? { id: built(path), external: true }
        : undefined
    },
    load: (id) => (changed.has(id) ? { code: changed.get(id), moduleType: 'ts' } : undefined),
    // Where a module stands, not where it is bundled to.
    transform: (code, id) => code.replaceAll('import.meta.dirname', JSON.stringify(dirname(id))),
  }
  const build = await rolldown({
    input: resolve(ROOT, input),
    platform: 'node',
    cwd: ROOT,
    plugins: [plugin],
    logLevel: 'silent',
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  mkdirSync(OUT, { recursive: true })
  const file = resolve(OUT, `${name}.mjs`)
  writeFileSync(file, output[0].code)
  return import(pathToFileURL(file).href)
}

/** Everything that was bundled. */
export function removeBundles() {
  rmSync(OUT, { recursive: true, force: true })
}

/** The build's file for one of the source. */
function built(path) {
  return pathToFileURL(resolve(ROOT, 'dist', relative(resolve(ROOT, 'src'), path))).href
}
