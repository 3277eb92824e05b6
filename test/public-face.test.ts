/** The public face: each subpath of package.json alone, by its name, and the examples in its docstrings. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reachedFrom, subpaths } from './fixtures/public-face.js'

const ROOT = resolve(import.meta.dirname, '..')
const named = subpaths.map((subpath) => [subpath.name, subpath] as const)
/** What is run elsewhere because it needs a relay (test/readme.test.ts, test/client): compiled here. */
const NEEDS_RELAY: ReadonlySet<string> = new Set(['connect', 'ShopClient', 'enrol', 'relayDescription', 'uploadBlob'])

/** One `@example` of an exported function or class. */
interface Example {
  readonly name: string
  readonly subpath: string
  readonly code: string
  /** What stands before it. */
  readonly description: string
  /** What its lines with console.log say, by their comments. */
  readonly says: readonly string[]
}

const sources = [...new Set(subpaths.flatMap(({ script }) => reachedFrom(script).files))].map((file) =>
  readFileSync(join(ROOT, file.replace(/^dist\//u, 'src/').replace(/\.js$/u, '.ts')), 'utf8'),
)
const examples = sources.flatMap(examplesIn)
const project = mkdtempSync(join(tmpdir(), 'cairn-face-'))
const exampleFile = (place: number) => `example-${place}.ts`

/** A project of somebody else, which has the package installed. */
beforeAll(() => {
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  for (const [place, { code }] of examples.entries()) writeFileSync(join(project, exampleFile(place)), code)
  const compilerOptions = {
    target: 'ES2023',
    lib: ['ES2023', 'DOM'],
    module: 'NodeNext',
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    isolatedModules: true,
    skipLibCheck: true,
    types: ['node'],
    outDir: 'built',
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

/** Of an alias editors and the reference show what it is made of: StructValue, and the fields of its schema. */
it('objects have a name of their own', () => {
  const structs = sources.flatMap((source) =>
    [...source.matchAll(/^export const (\w+) = struct\(/gmu)].map(([, name]) => ({ source, name: name! })),
  )
  expect(structs.length).toBeGreaterThan(20)
  const aliases = structs.filter(({ source, name }) => source.includes(`export type ${name} =`))
  expect(aliases.map(({ name }) => name)).toEqual([])
})

describe('each subpath alone', () => {
  it.each(named)('%s: importing it does nothing, and every function has an example', (name) => {
    const script = `
      const before = Object.getOwnPropertyNames(globalThis)
      const module = await import('${name}')
      const added = Object.getOwnPropertyNames(globalThis).filter((key) => !before.includes(key))
      const isFunction = (value) => typeof value === 'function' && !(value.prototype instanceof Error)
      const functions = Object.entries(module).filter(([, value]) => isFunction(value)).map(([key]) => key)
      process.stdout.write(JSON.stringify({ added, functions }))`
    const { added, functions } = JSON.parse(inProject(process.execPath, ['--input-type=module', '-e', script])) as {
      readonly added: readonly string[]
      readonly functions: readonly string[]
    }
    expect(added).toEqual([])
    expect(functions.length).toBeGreaterThan(0)
    const shown = new Set(examples.map((example) => example.name))
    expect(functions.filter((key) => !shown.has(key))).toEqual([])
  })

  it.each(named)('%s reaches nothing of Node where there is no Node', (_name, { script }) => {
    const { files, outside } = reachedFrom(script)
    // Those of the catalogue are their builds for browsers.
    const forPages =
      /^@noble\/|^@bufbuild\/protobuf|^react$|^csv-(?:parse|stringify)\/browser\/|^(?:entities|htmlparser2)$/u
    expect(outside.filter((specifier) => !forPages.test(specifier))).toEqual([])
    expect(files.filter((file) => file.endsWith('.node.js'))).toEqual([])
  })
})

it('cairn-relay/client alone tells that no relay is there', () => {
  const script = `
    import { ClientError, connect } from 'cairn-relay/client'
    const options = { url: 'http://127.0.0.1:1', shop: 1n, relay: new Uint8Array(20) }
    const error = await connect(options).catch((error) => error)
    process.stdout.write(String(error instanceof ClientError && error.code))`
  expect(inProject(process.execPath, ['--input-type=module', '-e', script])).toBe('UNREACHABLE')
})

it('a walk from the store meets Node and outside packages', () => {
  const { outside } = reachedFrom('./dist/store/open.js')
  expect(outside).toEqual(expect.arrayContaining(['node:fs/promises', 'lmdb']))
})

describe('the examples in the docstrings', () => {
  it('import one subpath each, and there is one for every subpath', () => {
    expect(new Set(examples.map(({ subpath }) => subpath))).toEqual(new Set(subpaths.map(({ name }) => name)))
    for (const { name, code } of examples)
      expect([...code.matchAll(/from 'cairn-relay/gu)], `the example of ${name}`).toHaveLength(1)
  })

  it('follow words that say what it is', () => {
    const wordless = examples.filter(({ description }) => !/^[A-Z`'{].{15,}[.:]$/su.test(description))
    expect(wordless.map(({ name, description }) => [name, description])).toEqual([])
  })

  it('compile', { timeout: 120_000 }, () => {
    expect(inProject(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'])).toBe('')
  })

  const runnable = [...examples.entries()].filter(([, { name }]) => !NEEDS_RELAY.has(name))
  it.each([...new Set(runnable.map(([, { subpath }]) => subpath))])('of %s say what their comments say', (name) => {
    const run = runnable.filter(([, { subpath }]) => subpath === name)
    const script = `
      import { format } from 'node:util'
      const said = []
      console.log = (...values) => said.at(-1).push(format(...values))
      for (const place of ${JSON.stringify(run.map(([place]) => place))}) {
        said.push([])
        await import('${project}/built/example-' + place + '.js')
      }
      process.stdout.write(JSON.stringify(said))`
    const said = JSON.parse(inProject(process.execPath, ['--input-type=module', '-e', script])) as unknown
    expect(said).toEqual(run.map(([, { says }]) => says))
    expect(run.every(([, { says }]) => says.length > 0)).toBe(true)
  })
})

function examplesIn(source: string): Example[] {
  const documented = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?(?:function|class) (\w+)/gu
  return [...source.matchAll(documented)].flatMap(([, doc, name]) => {
    const text = doc!.replaceAll(/^ \* ?/gmu, '')
    const code = /@example\n```ts\n([\s\S]*?)```/u.exec(text)?.[1]
    if (code === undefined) return []
    const subpath = /from '(cairn-relay[^']*)'/u.exec(code)?.[1] ?? ''
    const says = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gmu)].map(([, said]) => said!)
    const description = text.split('@example')[0]!.trim()
    return [{ name: name!, subpath, code, description, says }]
  })
}

/** What the command prints; throws with it where it fails. */
function inProject(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, {
      cwd: project,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string }
    throw new Error(`${stdout}${stderr}`, { cause: error })
  }
}
