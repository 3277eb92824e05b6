/**
 * What keeps a file readable: its size, that of its functions and lines, no dead exports, no dead names, tests that are
 * found.
 */

import type { Breach } from './breach.js'
import { fileBehind, type House, type Source } from './source.js'

export const FUNCTION_LINES_MAX = 40
/** Where markup stands between the code. */
const MARKUP_FUNCTION_LINES_MAX = 80
export const FILE_LINES_MAX = 600
export const LINE_CHARS_MAX = 120

/** Names with the look of a file that are none of ours. */
const NOT_OURS: readonly string[] = ['uWebSockets.js', 'web3.js']
const FILE_NAME = /(?<![\w/.@-])(?:[\w-]+\/)*[\w][\w.-]*\.(?:ts|mts|js|mjs|md|json|proto|cddl|sol|cbor)\b/gu
const TESTS_LINE = /^\s*\*?\s*Tests: (.+?)\s*$/mu

function linesMaxOf(path: string): number {
  return path.endsWith('.tsx') ? MARKUP_FUNCTION_LINES_MAX : FUNCTION_LINES_MAX
}

/** Bodies of tests are no functions in this sense: what is measured is the code and the fixtures. */
export function functionBreaches({ sources }: House): Breach[] {
  const measured = written(sources).filter(({ path }) => !/\.(?:test|suite)\.ts$/u.test(path))
  return measured.flatMap(({ path, functions }) =>
    functions
      .filter(({ lines }) => lines > linesMaxOf(path))
      .map(({ name, line, lines }) => ({
        key: `${path} ${name}`,
        message: `${path}:${line} ${name} has ${lines} lines, at most ${linesMaxOf(path)}`,
      })),
  )
}

export function fileBreaches({ sources }: House): Breach[] {
  return written(sources)
    .filter(({ lines }) => lines.length > FILE_LINES_MAX)
    .map(({ path, lines }) => ({
      key: path,
      message: `${path}:${FILE_LINES_MAX + 1} the file has ${lines.length} lines, at most ${FILE_LINES_MAX}`,
    }))
}

/** */
export function lineBreaches({ sources }: House): Breach[] {
  return written(sources).flatMap(({ path, lines }) =>
    lines.flatMap((text, i) => {
      const message = `${path}:${i + 1} the line has ${text.length} characters, at most ${LINE_CHARS_MAX}`
      return text.length > LINE_CHARS_MAX ? [{ key: path, message }] : []
    }),
  )
}

/** An export is there for another file, or for those who use the package. */
export function exportBreaches(house: House): Breach[] {
  const used = usedExports(house)
  return written(house.sources)
    .filter(({ path }) => path.startsWith('src/') && !house.entries.has(path))
    .flatMap(({ path, exports }) => exports.map(({ name, line }) => ({ path, name, line })))
    .filter(({ path, name }) => !used.has(`${path} ${name}`))
    .map(({ path, name, line }) => ({
      key: `${path} ${name}`,
      message: `${path}:${line} exports ${name}, which no other file imports`,
    }))
}

export function commentBreaches({ sources, files }: House): Breach[] {
  const exists = (name: string) => [...files].some((path) => path === name || path.endsWith(`/${name}`))
  return written(sources).flatMap(({ path, comments }) =>
    comments.flatMap(({ text, line }) =>
      [...text.matchAll(FILE_NAME)]
        .filter(([name]) => !NOT_OURS.includes(name) && !exists(name))
        .map(({ 0: name, index }) => ({
          key: name,
          message: `${path}:${line + text.slice(0, index).split('\n').length - 1} names ${name}, which is no file`,
        })),
    ),
  )
}

/**
 * A source has tests of its name, in a room of the same name, or its header has a line `Tests: test/….test.ts, …`. Each
 * of them reaches it: by imports, or by running it.
 */
export function testsBreaches(house: House): Breach[] {
  const reach = new Map<string, ReadonlySet<string>>()
  const reaches = (test: string, path: string) => {
    if (!reach.has(test)) reach.set(test, reachOf(house, test))
    return reach.get(test)!.has(path)
  }
  const sources = written(house.sources).filter(({ path }) => /^src\/.*\.ts$/u.test(path))
  return sources.flatMap((source) => {
    const { path } = source
    const problem = (what: string) => ({ key: path, message: `${path}:1 ${what}` })
    const named = TESTS_LINE.exec(source.comments[0]?.text ?? '')?.[1]?.split(', ')
    const own = path.replace(/^src\//u, 'test/').replace(/(?:\.node)?\.ts$/u, '.test.ts')
    if (named === undefined && !house.files.has(own)) return [problem(`has no ${own} and no line of its tests`)]
    return (named ?? [own]).flatMap((test) => {
      if (!/\.(?:test|suite)\.ts$/u.test(test) || !house.files.has(test))
        return [problem(`names ${test}, which is no test`)]
      return reaches(test, path) ? [] : [problem(`is not reached by ${test}`)]
    })
  })
}

function written(sources: readonly Source[]): Source[] {
  return sources.filter(({ path }) => !path.includes('/generated/'))
}

/** `path name` of what is imported somewhere; what is run is used as a whole. */
function usedExports(house: House): Set<string> {
  const used = new Set<string>()
  const use = (target: string, names: readonly string[] | 'all') => {
    const all = () => house.source(target)?.exports.map(({ name }) => name) ?? []
    for (const name of names === 'all' ? all() : names) used.add(`${target} ${name}`)
  }
  for (const source of house.sources) {
    for (const { specifier, names } of source.imports)
      for (const target of house.targets(source.path, specifier) ?? []) use(target, names)
    if (source.path.startsWith('src/')) for (const target of runsOf(house, source)) use(target, 'all')
  }
  return used
}

/** Everything that a file needs or runs, and what that needs and runs. */
function reachOf(house: House, start: string): Set<string> {
  const seen = new Set<string>([start])
  for (const path of seen) {
    const source = house.source(path)
    if (source === undefined) continue
    for (const { specifier } of source.imports)
      for (const target of house.targets(path, specifier) ?? []) seen.add(target)
    for (const target of runsOf(house, source)) seen.add(target)
  }
  return seen
}

/** Sources that are named in its texts: workers beside it, programs by their way from the root. */
function runsOf(house: House, { path, texts }: Source): string[] {
  return texts.flatMap((text) => {
    const target = text.startsWith('./') ? house.targets(path, text)?.[0] : fileBehind(text, house.files)
    return target !== undefined && house.source(target) !== undefined ? [target] : []
  })
}
