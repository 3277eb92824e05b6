/**
 * Names of members that TypeScript marks private and that nothing else has: a package may shorten them, wherever they
 * stand. Of the sources' syntax trees alone: a name counts as another's where it is a property of anything but `this`,
 * a field of a type, a key of an object, or a text.
 */

import { readFileSync } from 'node:fs'
import { parseAst } from 'rolldown/parseAst'

const CLASS_MEMBERS = new Set(['PropertyDefinition', 'MethodDefinition', 'AccessorProperty'])
const OTHERS_MEMBERS = new Set([
  'TSAbstractMethodDefinition',
  'TSAbstractPropertyDefinition',
  'TSMethodSignature',
  'TSPropertySignature',
])

/** Sorted; of TypeScript files by their paths. */
export function privateNames(files) {
  const [own, others] = [new Set(), new Set()]
  for (const file of files) {
    const options = { lang: file.endsWith('x') ? 'tsx' : 'ts', sourceType: 'module' }
    look(parseAst(readFileSync(file, 'utf8'), options, file), own, others)
  }
  return [...own].filter((name) => !others.has(name) && !(name in Error.prototype)).toSorted((a, b) => (a < b ? -1 : 1))
}

function look(node, own, others) {
  if (Array.isArray(node)) return node.forEach((one) => look(one, own, others))
  if (typeof node?.type !== 'string') return
  note(node, own, others)
  for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) look(child, own, others)
}

function note(node, own, others) {
  const { type } = node
  if (CLASS_MEMBERS.has(type)) (node.accessibility === 'private' ? own : others).add(nameOf(node))
  else if (OTHERS_MEMBERS.has(type)) others.add(nameOf(node))
  else if (type === 'MemberExpression' && node.object.type !== 'ThisExpression') others.add(nameOf(node, 'property'))
  else if (type === 'VariableDeclarator' && node.init?.type === 'ThisExpression' && node.id.type === 'ObjectPattern')
    for (const property of node.id.properties) property.isOfThis = true
  else if (type === 'Property' && node.isOfThis !== true) others.add(nameOf(node))
  else if (type === 'Literal' && typeof node.value === 'string') others.add(node.value)
  // A parameter that is a member too is written twice as often as it is a member.
  else if (type === 'TSParameterProperty') throw new Error('parameters that are members are not looked for')
}

function nameOf(node, of = 'key') {
  const { type, name, value } = node[of]
  return node.computed && type !== 'Literal' ? undefined : (name ?? value)
}
