/**
 * `npm run docs`: a page for each function, class and type that the package offers, made of its types and docstrings,
 * in `dist/reference`. Fails where something public has no description. What it needs is installed once, by
 * docs/package.json, out of the way of the project's own packages. `-- --out FOLDER` writes elsewhere.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { ownTools } from './own-tools.mjs'

const ROOT = resolve(import.meta.dirname, '..')
const { values: options } = parseArgs({
  options: { out: { type: 'string', default: join(ROOT, 'dist/reference') } },
})
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const require = createRequire(join(ownTools('docs'), 'package.json'))
const { Application, Converter, ReferenceType, ReflectionKind } = await import(
  pathToFileURL(require.resolve('typedoc')).href
)
const subpaths = Object.entries(manifest.exports).filter(([, target]) => typeof target !== 'string')
const names = new Map(subpaths.map(([path, { types }]) => [sourceOf(types), `${manifest.name}${path.slice(1)}`]))
const app = await Application.bootstrapWithPlugins({
  name: manifest.name,
  entryPoints: [...names.keys()].map((file) => join(ROOT, file)),
  tsconfig: join(ROOT, 'tsconfig.json'),
  compilerOptions: { noEmit: true, incremental: false, declaration: false },
  readme: 'none',
  includeVersion: true,
  disableGit: true,
  sourceLinkTemplate: '{path}',
  excludePrivate: true,
  excludeProtected: true,
  excludeExternals: true,
  requiredToBeDocumented: ['Function', 'Class', 'Interface', 'TypeAlias', 'Variable'],
  validation: { notDocumented: true, notExported: false, invalidLink: true, rewrittenLink: true },
  treatValidationWarningsAsErrors: true,
  logLevel: 'Warn',
})
// Before they are listed in groups.
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  removeSchemas(project)
  nameParameters(project)
})
const project = await app.convert()
if (project === undefined) process.exit(1)
for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
  const file = module.sources?.[0]?.fullFileName ?? ''
  module.name = names.get(file.slice(ROOT.length + 1)) ?? module.name
}
// They would lead nowhere from wherever the pages are read.
for (const reflection of Object.values(project.reflections)) delete reflection.sources
app.validate(project)
if (app.logger.hasErrors() || app.logger.validationWarningCount > 0) process.exit(1)
await app.generateDocs(project, resolve(options.out))
const unnamed = pagesBelow(resolve(options.out)).filter((file) => readFileSync(file, 'utf8').includes('StructValue'))
if (unnamed.length > 0)
  throw new Error(`fields of a schema stand in the place of a type's name in ${unnamed.join(', ')}`)
const pages = project.getReflectionsByKind(ReflectionKind.FunctionOrMethod | ReflectionKind.Class).length
console.log(`${join(resolve(options.out), 'index.html')}: ${names.size} subpaths, ${pages} functions and classes`)

/** One that is taken apart at once has no name in the code: it is called by its type, `order` of an Order. */
function nameParameters(project) {
  for (const one of project.getReflectionsByKind(ReflectionKind.Parameter)) {
    if (!one.name.startsWith('__')) continue
    const name = one.type?.name ?? 'options'
    one.name = `${name[0].toLowerCase()}${name.slice(1)}`
  }
}

/** An object's type and the schema that it is made of have one name, and a type is all that the package exports. */
function removeSchemas(project) {
  const all = project.getChildrenByKind(ReflectionKind.Module).flatMap(({ children }) => children)
  const isSchema = ({ type }) => /^(?:Struct)?Schema$/u.test(type?.name ?? '')
  const hasTwin = ({ name, parent }) => parent.children.filter((other) => other.name === name).length > 1
  const schemas = new Set(all.filter((one) => isSchema(one) && hasTwin(one)))
  nameStructs(project, schemas)
  const isOne = (one) => schemas.has(one) || (one.isReference() && schemas.has(one.tryGetTargetReflectionDeep()))
  for (const one of all.filter(isOne)) project.removeReflection(one)
}

/** A field that holds an object is told by the object's name, not by the fields of its schema. */
function nameStructs(project, schemas) {
  const fieldsOf = (children) =>
    children
      ?.map(({ name }) => name)
      .sort()
      .join()
  const types = [...schemas].map(({ parent, name }) =>
    parent.children.find((one) => one.name === name && one.kind === ReflectionKind.Interface),
  )
  const named = new Map(types.filter((type) => type?.children).map((type) => [fieldsOf(type.children), type]))
  const structOf = ({ type, name, typeArguments }) =>
    type === 'reference' && name === 'StructValue' ? typeArguments?.[0]?.declaration?.children : undefined
  const renamed = (type) => {
    const found = named.get(fieldsOf(structOf(type)))
    if (found) return ReferenceType.createResolvedReference(found.name, found, project)
    if (type.typeArguments) type.typeArguments = type.typeArguments.map(renamed)
    if (type.types) type.types = type.types.map(renamed)
    if (type.elementType) type.elementType = renamed(type.elementType)
    if (type.target?.type) type.target = renamed(type.target)
    return type
  }
  for (const reflection of Object.values(project.reflections))
    if (reflection.type && !schemas.has(reflection)) reflection.type = renamed(reflection.type)
}

function pagesBelow(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.html')).map((name) => join(folder, name))
}

/** `src/client/enrol.ts` of `./dist/client/enrol.d.ts`. */
function sourceOf(types) {
  const file = types.replace(/^\.\/dist\//u, 'src/').replace(/\.d\.ts$/u, '.ts')
  return existsSync(join(ROOT, file)) ? file : `${file}x`
}
