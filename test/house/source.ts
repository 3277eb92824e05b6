/**
 * The repository as the rules of the house see it: its files, and of each source what it imports, exports and says in
 * comments, read with the parser of the test runner. Paths are from the root, with slashes.
 */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { parseSync } from 'rolldown/utils'

const ROOT = resolve(import.meta.dirname, '../..')
const FOLDERS = ['src', 'test', 'bench', 'scripts', 'contracts', 'examples', 'web', 'cddl', 'docs', 'vectors']
const SOURCE = /\.(?:ts|tsx|mts|js|mjs)$/u

/** A source that this one needs: `names` are those that it takes, or `all`. */
export interface Need {
  readonly specifier: string
  readonly line: number
  readonly names: readonly string[] | 'all'
}

export interface Named {
  readonly name: string
  readonly line: number
}

/**
 * `name`: with its class, or with the function around it where it has none. `lines`: from its name to its last brace.
 */
export interface FunctionSpan extends Named {
  readonly lines: number
}

export interface Comment {
  readonly text: string
  /** Of its first line. */
  readonly line: number
}

export interface Source {
  readonly path: string
  readonly lines: readonly string[]
  /** Imports of values and of types, and what is exported anew. */
  readonly imports: readonly Need[]
  /** Its quoted texts, names of modules left out; one that names a file is a worker or program that it runs. */
  readonly texts: readonly string[]
  readonly exports: readonly Named[]
  readonly functions: readonly FunctionSpan[]
  readonly comments: readonly Comment[]
  /** The text with comments and texts left out, except the texts after `from` and `import`. */
  readonly code: string
}

export interface House {
  /** Every file, sources too. */
  readonly files: ReadonlySet<string>
  readonly sources: readonly Source[]
  readonly source: (path: string) => Source | undefined
  /** The sources behind an import; none for an outside package, undefined where there should be one. */
  readonly targets: (path: string, specifier: string) => readonly string[] | undefined
  /** Sources that the package exports. */
  readonly entries: ReadonlySet<string>
}

type Package = Readonly<{
  exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  imports?: Readonly<Record<string, Readonly<Record<string, string>>>>
}>

/** This repository. */
export function readHouse(): House {
  const inFolders = FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => posix.join(folder, name)),
  )
  const atRoot = readdirSync(ROOT)
  const files = [...atRoot, ...inFolders].filter((path) => statSync(join(ROOT, path)).isFile())
  const texts = files.map((path) => [path, SOURCE.test(path) ? readFileSync(join(ROOT, path), 'utf8') : ''] as const)
  return houseOf(Object.fromEntries(texts), JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Package)
}

/** A house of these texts by path. */
export function houseOf(texts: Readonly<Record<string, string>>, { exports = {}, imports = {} }: Package = {}): House {
  const files = new Set(Object.keys(texts))
  const sources = new Map(
    [...files].filter((path) => SOURCE.test(path)).map((path) => [path, parse(path, texts[path]!)]),
  )
  const builtOf = (target: string | Readonly<Record<string, string>>) =>
    (typeof target === 'string' ? [target] : Object.values(target))
      .map((path) => fileBehind(posix.normalize(path), files))
      .filter((path) => path !== undefined)
  const aliases = new Map(
    [
      ...Object.entries(exports).map(([name, target]) => [posix.join('cairn-relay', name), target] as const),
      ...Object.entries(imports),
    ].map(([name, target]) => [name, [...new Set(builtOf(target))]]),
  )
  return {
    files,
    sources: [...sources.values()],
    source: (path) => sources.get(path),
    targets: (path, specifier) => {
      if (!specifier.startsWith('.')) return aliases.get(specifier) ?? []
      const file = fileBehind(posix.join(posix.dirname(path), specifier), files)
      return file === undefined ? undefined : [file]
    },
    entries: new Set(Object.values(exports).flatMap(builtOf)),
  }
}

/** The source that a path to JavaScript, or to what is built, stands for. */
export function fileBehind(path: string, files: ReadonlySet<string>): string | undefined {
  const source = path.replace(/^dist\//u, 'src/')
  const candidates = [
    source,
    source.replace(/\.(?:d\.ts|js)$/u, '.ts'),
    source.replace(/\.js$/u, '.tsx'),
    source.replace(/\.mjs$/u, '.mts'),
  ]
  return candidates.find((candidate) => files.has(candidate))
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number; readonly end: number }

function parse(path: string, text: string): Source {
  const { program, module, comments, errors } = parseSync(path, text.replace(/^#!/u, '//'))
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`)
  const lineOf = lineCounter(text)
  const seen = look(program as unknown as Node, lineOf)
  const taken = module.staticImports.map(({ start, moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    line: lineOf(start),
    names: namesOf(entries.map(({ importName }) => importName)),
  }))
  const exported = module.staticExports.flatMap(({ entries }) => entries)
  const passedOn = exported.flatMap(({ start, moduleRequest, importName }) =>
    moduleRequest === null
      ? []
      : [{ specifier: moduleRequest.value, line: lineOf(start), names: namesOf([importName]) }],
  )
  return {
    path,
    lines: text.replace(/\n$/u, '').split('\n'),
    imports: [...taken, ...passedOn, ...seen.imports],
    texts: seen.texts,
    exports: exported.flatMap(({ exportName, start }) =>
      exportName.kind === 'None' ? [] : [{ name: exportName.name ?? 'default', line: lineOf(start) }],
    ),
    functions: seen.functions,
    comments: comments.map(({ value, start }) => ({ text: value, line: lineOf(start) })),
    code: blanked(text, [...comments, ...seen.quoted]),
  }
}

function namesOf(names: readonly { kind: string; name: string | null }[]): readonly string[] | 'all' {
  const isNamed = names.every(({ kind }) => kind === 'Name' || kind === 'Default')
  return isNamed ? names.map(({ name }) => name ?? 'default') : 'all'
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [...text.matchAll(/^/gmu)].map(({ index }) => index)
  return (offset) => {
    let line = starts.findLastIndex((start) => start <= offset)
    return ++line
  }
}

interface Seen {
  readonly imports: Need[]
  readonly texts: string[]
  readonly functions: FunctionSpan[]
  /** Texts that are no names of modules. */
  readonly quoted: { readonly start: number; readonly end: number }[]
}

/** What only the tree tells: functions, texts, and imports that are expressions or types. */
function look(program: Node, lineOf: (offset: number) => number): Seen {
  const seen: Seen = { imports: [], texts: [], functions: [], quoted: [] }
  const visit = (node: Node, parent: Node, outer: string): void => {
    const name = nameOf(node, parent, outer)
    if (isFunction(node)) {
      const from = parent.type === 'MethodDefinition' ? parent : node
      const [line, end] = [lineOf(from.start), lineOf(node.end - 1)]
      seen.functions.push({ name, line, lines: end - line + 1 })
    }
    const specifier = moduleName(node)
    if (specifier !== undefined) seen.imports.push({ specifier, line: lineOf(node.start), names: qualifierOf(node) })
    if (node.type === 'Literal' && typeof node['value'] === 'string' && !MODULE_NAMES.has(parent.type)) {
      seen.texts.push(node['value'])
      seen.quoted.push(node)
    }
    if (node.type === 'TemplateElement') seen.quoted.push(node)
    for (const child of childrenOf(node)) visit(child, node, name)
  }
  visit(program, program, '')
  return seen
}

const MODULE_NAMES = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

function childrenOf(node: Node): Node[] {
  const isNode = (value: unknown): value is Node =>
    typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
  return Object.values(node).flat().filter(isNode)
}

function isFunction({ type, body }: Node): boolean {
  return (
    (type === 'FunctionDeclaration' || type === 'FunctionExpression' || type === 'ArrowFunctionExpression') &&
    body !== null
  )
}

/** The name that what is inside goes by. */
function nameOf(node: Node, parent: Node, outer: string): string {
  const own = (named: unknown) => (named as { name?: string; value?: string } | undefined)?.name
  if (node.type === 'ClassDeclaration' || node.type === 'FunctionDeclaration') return own(node['id']) ?? outer
  if (!isFunction(node)) return outer
  const named = own(parent['key']) ?? own(parent['id'])
  const isValue = parent['value'] === node || parent['init'] === node
  if (named !== undefined && isValue) return [outer, named].filter((part) => part !== '').join('.')
  return `${outer} () =>`.trim()
}

/** Of `import('…')`, as an expression or a type. */
function moduleName({ type, source }: Node): string | undefined {
  const isImport = type === 'ImportExpression' || type === 'TSImportType'
  const value = isImport ? (source as { value?: unknown } | null)?.value : undefined
  return typeof value === 'string' ? value : undefined
}

function qualifierOf({ qualifier }: Node): readonly string[] | 'all' {
  const name = (qualifier as { name?: string } | null | undefined)?.name
  return name === undefined ? 'all' : [name]
}

function blanked(text: string, spans: readonly { readonly start: number; readonly end: number }[]): string {
  let code = ''
  let at = 0
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    code += text.slice(at, start) + text.slice(start, end).replaceAll(/[^\n]/gu, ' ')
    at = end
  }
  return code + text.slice(at)
}
