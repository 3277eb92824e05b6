/**
 * What a page loads of each entry of the package: bundled, minified, gzipped. `npm run sizes` prints the table;
 * test/bundles.test.ts holds it against what is promised.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

const ROOT = resolve(import.meta.dirname, '..')
const KIB = 1_024

/**
 * `most`: KiB that all exports of an entry, or those in `take`, and what they import at once, may have. `beside`: on
 * top of that entry.
 */
export const ENTRIES = [
  // All that a visitor's page loads to see a shop with its proofs, whatever comes later. More than is wanted, 50.
  { name: 'cairn-client', take: ['connect'], most: 53 },
  { name: 'cairn-relay/client', take: ['connect'], most: 54 },
  { name: 'cairn-relay/client', most: 57 },
  { name: 'cairn-relay/verify', most: 32 },
  { name: 'cairn-relay/receipt', most: 50 },
  { name: 'cairn-relay/enrol', most: 8 },
  { name: 'cairn-relay/react', most: 5, beside: 'cairn-relay/client', external: ['react'] },
  { name: 'cairn-relay/devtools', most: 8, beside: 'cairn-relay/client' },
]

/** As the table and the test call it. */
export function titleOf({ name, take, beside }) {
  const what = take === undefined ? name : `${take.join(', ')} of ${name}`
  return beside === undefined ? what : `${what}, on top of ${beside}`
}

/**
 * Bytes of what is loaded at once, and of each part that waits for an import(): what comes on top, by its name; `all`:
 * of everything together, for parts share much. Other packages in `external` are left out.
 */
export async function measure({ name, take, beside, external = [] }) {
  const script = (one, names) => `export ${names === undefined ? '*' : `{ ${names.join(', ')} }`} from '${one}'`
  const own = script(name, take)
  if (beside === undefined) return measured(own, external)
  const both = await measured(`${script(beside)}\n${own}`, external)
  const bytes = both.bytes - (await measured(script(beside), external)).bytes
  return { bytes, later: [], all: bytes }
}

async function measured(script, external) {
  const chunks = await bundle(script, external)
  const first = closure(chunks, [chunks[0].fileName])
  const waiting = new Set(chunks.filter((chunk) => first.has(chunk.fileName)).flatMap((chunk) => chunk.dynamicImports))
  const later = [...waiting].map((fileName) => {
    const all = closure(chunks, [fileName])
    const more = [...all].filter((one) => !first.has(one))
    return { name: fileName.replace(/-.{8}\.js$/u, ''), bytes: gzipped(chunks, more) }
  })
  const all = chunks.map(({ fileName }) => fileName)
  return { bytes: gzipped(chunks, first), later, all: gzipped(chunks, all) }
}

let slim
/** The main entry of the package cairn-client as it is packed; made once. */
function slimEntry() {
  if (slim !== undefined) return slim
  const folder = mkdtempSync(join(tmpdir(), 'cairn-slim-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const place = join(folder, 'cairn-client')
  execFileSync(process.execPath, [join(ROOT, 'scripts/pack-client.mjs'), '--out', folder, '--keep', place])
  symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'))
  return (slim = join(place, 'lib/client/shop-client.js'))
}

/** All of a script as chunks, its own first. */
export async function bundle(script, external = []) {
  const project = mkdtempSync(join(tmpdir(), 'cairn-bundle-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'))
    writeFileSync(join(project, 'page.js'), script)
    const input = join(project, 'page.js')
    const alias = script.includes("'cairn-client'") ? { 'cairn-client': slimEntry() } : {}
    const options = { platform: 'browser', cwd: project, external, logLevel: 'silent', resolve: { alias } }
    const build = await rolldown({ input, ...options })
    const { output } = await build.generate({ format: 'esm', minify: true })
    await build.close()
    return output.filter(({ type }) => type === 'chunk')
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}

function closure(chunks, start) {
  const loaded = new Set(start)
  for (const name of loaded)
    for (const imported of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) loaded.add(imported)
  return loaded
}

function gzipped(chunks, names) {
  const wanted = new Set(names)
  const code = chunks.filter(({ fileName }) => wanted.has(fileName)).map((chunk) => chunk.code)
  return gzipSync(code.join('\n'), { level: 9 }).length
}

if (process.argv[1] === import.meta.filename) {
  const kib = (bytes) => (bytes / KIB).toFixed(1).padStart(6)
  console.log('gzipped KiB  at most')
  for (const entry of ENTRIES) {
    const { bytes, later, all } = await measure(entry)
    console.log(`     ${kib(bytes)}  ${String(entry.most).padStart(7)}  ${titleOf(entry)}`)
    // The same parts, whatever of the entry is taken.
    const parts = entry.take === undefined ? later : []
    for (const part of parts) console.log(`    +${kib(part.bytes)}           ${part.name}, when it is first needed`)
    if (parts.length > 0) console.log(`    =${kib(all)}           with all its parts, which share much`)
  }
}
