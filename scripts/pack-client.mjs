/**
 * `npm run pack:client`: makes the package `cairn-client` of the sources of this one: what pages and programs that look
 * at shops need, without server and native parts. `-- --out FOLDER` says where the file goes, `--keep FOLDER` where the
 * package is laid out as well.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { decode, encode } from '@jridgewell/sourcemap-codec'
import { build } from 'esbuild'
import { privateNames } from './private-names.mjs'

const ROOT = resolve(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
/** Subpaths of this package that the client has too; the first one is its main entry. */
const SUBPATHS = [
  './client',
  './react',
  './devtools',
  './enrol',
  './card',
  './verify',
  './state-proof',
  './patch-proof',
  './checkpoint',
  './receipt',
  './replica-store',
  './errors',
]
/** What is native is left out: the client has one implementation of each everywhere. */
const IMPORTS = {
  '#hash': ['bytes/hash.js'],
  '#signature': ['bytes/signature.js'],
  '#kept-place': ['client/kept-place.js', 'client/kept-place.node.js'],
  '#websocket': ['client/websocket.js', 'client/websocket.node.js'],
}
/** What pages are written with: examples of the rest, which checks by itself, are in the reference. */
const FOR_PAGES = /^dist\/(?:client|react|devtools)\//u
/** Brought by whoever uses the part that needs it. */
const PEERS = { viem: '^2.0.0', ...manifest.peerDependencies }

const { values: options } = parseArgs({
  options: { out: { type: 'string', default: ROOT }, keep: { type: 'string' } },
})
const folder = mkdtempSync(join(tmpdir(), 'cairn-client-'))
try {
  console.log(await pack(folder, resolve(options.out)))
  if (options.keep !== undefined) cpSync(folder, resolve(options.keep), { recursive: true })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The path of the packed file. */
async function pack(target, out) {
  const entries = SUBPATHS.map((subpath) => manifest.exports[subpath].default)
  const scripts = reached(entries, '.js')
  const types = reached(entries, '.d.ts')
  await writeScripts(target, [...scripts.files])
  for (const file of types.files) {
    const text = indentedByTwo(publicTypes(read(file)))
    write(target, file.replace(/^dist/u, 'lib'), renamed(FOR_PAGES.test(file) ? text : withoutExamples(text)))
  }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(clientManifest(scripts.outside), undefined, 2)}\n`)
  cpSync(join(ROOT, 'LICENSE'), join(target, 'LICENSE'))
  cpSync(join(ROOT, 'scripts/client-readme.md'), join(target, 'README.md'))
  mkdirSync(out, { recursive: true })
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', out]
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: target, encoding: 'utf8' }))
  return join(out, filename)
}

/** The compiler indents by four: five kilobytes of nothing. */
function indentedByTwo(text) {
  return text.replaceAll(/^(?: {4})+/gmu, (spaces) => spaces.slice(spaces.length / 2))
}

function withoutExamples(text) {
  return text.replaceAll(/\n *\*(?:\n *\*)? @example\n(?:(?! *\*\/| *\* @)[^\n]*\n)*/gu, '\n')
}

/** Built files with this ending, from these on, and the packages that they import. */
function reached(entries, ending) {
  const files = new Set(entries.map((entry) => posix.normalize(entry).replace(/\.js$/u, ending)))
  const outside = new Set()
  for (const file of files)
    for (const specifier of importsOf(read(file))) {
      if (specifier.startsWith('#')) for (const own of IMPORTS[specifier]) files.add(`dist/${own}`)
      else if (!specifier.startsWith('.')) outside.add(specifier)
      else files.add(posix.join(dirname(file), specifier).replace(/\.js$/u, ending))
    }
  return { files, outside }
}

function importsOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//gu, '')
  const found = code.matchAll(/^(?:import|export)(?:[\w\s{},*$]*? from)? '([^']+)'|\bimport\(['"]([^'"]+)['"]\)/gmu)
  return [...found].map(([, fixed, dynamic]) => fixed ?? dynamic)
}

/**
 * Each file by itself, so that a bundler takes what a page uses; its map holds its source. Names of private members are
 * short, the same ones in all files.
 */
async function writeScripts(target, built) {
  const sources = built.map((file) => {
    const source = file.replace(/^dist(.*)\.js$/u, 'src$1.ts')
    return existsSync(join(ROOT, source)) ? source : `${source}x`
  })
  const names = privateNames(sources.map((source) => join(ROOT, source)))
  const { outputFiles } = await build({
    entryPoints: sources.map((source) => join(ROOT, source)),
    outbase: join(ROOT, 'src'),
    outdir: join(target, 'lib'),
    bundle: false,
    write: false,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    jsx: 'automatic',
    legalComments: 'none',
    minify: true,
    mangleProps: new RegExp(`^(?:${names.join('|')})$`),
    // Each file is made by itself: without this all begin with the same letters, and a class has those of its parent.
    mangleCache: Object.fromEntries(names.map((name, i) => [name, `$${i.toString(36)}`])),
    sourcemap: true,
    // Without fields that are declared and not set: they are names twice.
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: false } },
  })
  for (const { path, text } of outputFiles) {
    const file = path.slice(target.length + 1)
    write(target, file, file.endsWith('.map') ? smallMap(text, file) : text)
  }
}

/**
 * The source's place beside `lib`, wherever it was built; a place for each line, and the source without indent, docs,
 * imports, interfaces and other types, which stand in types and scripts: all of it would be half of the package.
 */
function smallMap(text, file) {
  const map = JSON.parse(text)
  const source = map.sources[0].replace(/^.*?\/src\//u, 'src/')
  let line
  const places = decode(map.mappings).map((segments) =>
    segments
      .filter(([, , sourceLine]) => sourceLine !== line && ((line = sourceLine), true))
      .map(([column, , sourceLine]) => [column, 0, sourceLine, 0]),
  )
  const code = map.sourcesContent[0]
    .replaceAll(/\/\*\*[\s\S]*?\*\//gu, blank)
    .replaceAll(/^(?:import|export type) [^']*'[^']+'$/gmu, blank)
    .replaceAll(/^(?:export )?interface [^\n]*\{\n[\s\S]*?^\}$/gmu, blank)
    .replaceAll(/^(?:export )?type \w[^\n]*=[^\n]*(?:\n(?: |[}\])>])[^\n]*)*$/gmu, blank)
    .replaceAll(/^ +(?:(?:private|protected|readonly) )+\w+[?!]?: [^=\n]*$/gmu, '')
    .replaceAll(/^ *\/\/.*$/gmu, '')
    .replaceAll(/^ +/gmu, '')
    .trimEnd()
  const sources = [posix.relative(dirname(file), source)]
  return JSON.stringify({ version: 3, sources, sourcesContent: [code], names: [], mappings: encode(places) })
}

function blank(text) {
  return text.replaceAll(/[^\n]/gu, '')
}

/** Without what only those who change the library read: the head of the file, and private members with their docs. */
function publicTypes(text) {
  return text
    .replace(/^\/\*\*(?:(?!\*\/)[\s\S])*\n \* Tests: [\s\S]*?\*\/\n/u, '')
    .replace(/^\/\*\*[\s\S]*?\*\/\n(?=import|export (?:\{|\*|type \{))/u, '')
    .replaceAll(/(?: {4}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)? {4}private (?!constructor\b)[^\n]*;\n/gu, '')
}

function clientManifest(outside) {
  const { version, license, engines, dependencies } = manifest
  const names = new Set([...outside].filter((name) => !name.startsWith('node:')).map(packageOf))
  const needed = Object.keys(dependencies).filter((name) => names.has(name) && !(name in PEERS))
  const peers = Object.keys(PEERS).filter((name) => name === 'viem' || names.has(name))
  const place = (target) => target.replace(/^\.\/dist/u, './lib')
  return {
    name: 'cairn-client',
    version,
    description: 'Shops of a cairn relay for pages and programs: live, and each thing with its proof',
    license,
    type: 'module',
    engines,
    sideEffects: false,
    exports: {
      ...Object.fromEntries(
        SUBPATHS.map((subpath, i) => {
          const { types, default: script } = manifest.exports[subpath]
          return [i === 0 ? '.' : subpath, { types: place(types), default: place(script) }]
        }),
      ),
      './package.json': './package.json',
    },
    imports: Object.fromEntries(
      Object.entries(IMPORTS).map(([name, [everywhere, onNode]]) => [
        name,
        onNode === undefined ? `./lib/${everywhere}` : { node: `./lib/${onNode}`, default: `./lib/${everywhere}` },
      ]),
    ),
    dependencies: Object.fromEntries(needed.map((name) => [name, dependencies[name]])),
    peerDependencies: Object.fromEntries(peers.map((name) => [name, PEERS[name]])),
    peerDependenciesMeta: Object.fromEntries(peers.map((name) => [name, { optional: true }])),
  }
}

function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** As whoever has this package imports it. */
function renamed(text) {
  return text.replaceAll("'cairn-relay/client'", "'cairn-client'").replaceAll("'cairn-relay/", "'cairn-client/")
}

function read(file) {
  return readFileSync(join(ROOT, file), 'utf8')
}

function write(target, file, text) {
  mkdirSync(dirname(join(target, file)), { recursive: true })
  writeFileSync(join(target, file), text)
}
