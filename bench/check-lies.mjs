// npm run check:lies: the relay of test/lies lies to the client in every way it knows, and to clients that lack one
// check each. Closing line: lies caught N / N, checks needed M / M.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const HELP = `npm run check:lies -- [--lies TEXT] [--checks TEXT] [--verbose]

  --lies TEXT    only lies that have TEXT in their names, and no checks
  --checks TEXT  only checks that have TEXT in their names, and no lies
  --verbose      says of each lie how it was caught, and of each check what is shown without it
`
const { values } = parseArgs({
  options: {
    lies: { type: 'string' },
    checks: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

/** Of the package's own imports, on Node. */
const PLATFORM = {
  '#hash': 'src/bytes/hash.node.js',
  '#signature': 'src/bytes/signature.node.js',
  '#websocket': 'src/client/websocket.node.js',
}
/** Beside the packages, so that what is bundled finds them. */
const out = resolve(root, 'node_modules/.cache/cairn-lies', String(process.pid))
mkdirSync(out, { recursive: true })
let held = false
try {
  const { checkLies } = await bundled('command', 'test/lies/command.ts', { src: 'dist' })
  const sdk = await bundled('sdk', 'test/lies/sdk.ts', { src: 'dist' })
  held = await checkLies({ ...values, sdk, without })
} finally {
  rmSync(out, { recursive: true, force: true })
}
process.exit(held ? 0 : 1)

/** The package without one check: its source with one place changed. */
async function without(check) {
  const file = resolve(root, check.file)
  const source = readFileSync(file, 'utf8')
  const count = source.split(check.text).length - 1
  if (count !== 1) throw new Error(`check ${check.name}: its text stands ${count} times in ${check.file}, not once`)
  const changed = new Map([[file, source.replace(check.text, () => check.instead)]])
  return bundled(`without-${check.name.replaceAll(/\W+/gu, '-')}`, 'test/lies/sdk.ts', { changed })
}

/** Bundles a module and loads it. `src: 'dist'`: what it imports of the source is taken from the build, unbundled. */
async function bundled(name, input, { src, changed = new Map() }) {
  const plugin = {
    name: 'cairn-lies',
    resolveId(id, importer) {
      const platform = PLATFORM[id]
      if (platform !== undefined) return { id: built(resolve(root, platform)), external: true }
      if (!id.startsWith('.') || importer === undefined) return undefined
      const path = resolve(importer, '..', id)
      return src === 'dist' && !relative(root, path).startsWith('test')
        ? { id: built(path), external: true }
        : undefined
    },
    load: (id) => (changed.has(id) ? { code: changed.get(id), moduleType: 'ts' } : undefined),
  }
  const build = await rolldown({
    input: resolve(root, input),
    platform: 'node',
    cwd: root,
    plugins: [plugin],
    logLevel: 'silent',
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  const file = resolve(out, `${name}.mjs`)
  writeFileSync(file, output[0].code)
  return import(pathToFileURL(file).href)
}

/** The build's file for one of the source. */
function built(path) {
  return pathToFileURL(resolve(root, 'dist', relative(resolve(root, 'src'), path))).href
}
