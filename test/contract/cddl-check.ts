/**
 * Checks decoded CBOR values against the rules of cddl/*.cddl (RFC 8610). The npm package `cddl` parses, this walks over
 * its syntax tree, and knows as much of CDDL as the files use: on anything else it throws, so that no rule is skipped.
 * What a decoded value no longer shows is not checked: the length of heads, the order of keys, and whether a time was tag 0
 * or 1.
 */

import { fileURLToPath } from 'node:url'
import { parse } from 'cddl'
import { toBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { CborTime } from '../../src/codec/value.js'
import type { Cbor, CborKey, CborMap } from '../../src/codec/value.js'

/** All mismatches between `value` and the rule, each as `path: problem`; none if the rule describes the value. */
export function check(ruleName: string, value: Cbor): string[] {
  return new Checker(contract).reference(ruleName, value, ruleName).map(({ path, problem }) => `${path}: ${problem}`)
}

/** The names of all rules of the contract. */
export function ruleNames(): readonly string[] {
  return [...contract.keys()]
}

/** The names that the rule refers to. */
export function referencesOf(ruleName: string): readonly string[] {
  return referencesIn(contract.get(ruleName))
}

/** The text keys that the rule of a map names, sorted. */
export function fieldsOf(ruleName: string): readonly string[] {
  const rule = contract.get(ruleName)
  if (rule?.Type !== 'group') throw new CddlError(`${ruleName} is no rule of a map`)
  return rule.Properties.filter(({ HasCut }) => HasCut)
    .map(({ Name }) => Name)
    .sort()
}

/** Rules that cannot be checked against: a construct that is not supported, a name that is not defined or defined twice. */
export class CddlError extends Error {
  override readonly name = 'CddlError'
}

// The part of the parser's syntax tree that the files give rise to. (The package's own types also admit much that it
// never yields.)

type Rule = MapRule | ArrayRule | TypeRule

interface MapRule {
  readonly Type: 'group'
  readonly Name: string
  readonly Properties: readonly Member[]
}

interface ArrayRule {
  readonly Type: 'array'
  readonly Name: string
  readonly Values: readonly Member[]
}

interface TypeRule {
  readonly Type: 'variable'
  readonly Name: string
  readonly PropertyType: Type
}

/** With `HasCut` the name is a text key (`name: type`), without it the type of a key (`Name => type`). */
interface Member {
  readonly HasCut: boolean
  readonly Occurrence: { readonly n: number; readonly m: number }
  readonly Name: string
  readonly Type: Type
}

type Type = SingleType | readonly SingleType[]
type SingleType = string | Reference | Literal | Tagged | Controlled

interface Reference {
  readonly Type: 'group'
  readonly Value: string
}

interface Literal {
  readonly Type: 'literal'
  readonly Value: string | number | boolean
}

interface Tagged {
  readonly Type: 'tag'
  readonly Value: { readonly NumericPart: number; readonly TypePart: SingleType }
}

interface Controlled {
  readonly Type: SingleType
  readonly Operator: { readonly Type: string; readonly Value: SingleType | Range }
}

interface Range {
  readonly Type: 'range'
  readonly Value: { readonly Inclusive: boolean; readonly Min: Literal; readonly Max: Literal }
}

interface Mismatch {
  readonly path: string
  readonly problem: string
}

const prelude: Readonly<Record<string, (value: Cbor) => boolean>> = {
  any: () => true,
  bool: (value) => typeof value === 'boolean',
  bstr: (value) => value instanceof Uint8Array,
  float64: () => false,
  int: (value) => typeof value === 'bigint' && value >= -(2n ** 64n) && value < 2n ** 64n,
  null: (value) => value === null,
  tstr: (value) => typeof value === 'string',
  uint: (value) => typeof value === 'bigint' && value >= 0n && value < 2n ** 64n,
}

const contract = load('shop.cddl', 'patch.cddl', 'proof.cddl')

function load(...names: readonly string[]): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>()
  for (const name of names) {
    const path = fileURLToPath(new URL(`../../cddl/${name}`, import.meta.url))
    for (const rule of parse(path) as unknown as readonly Rule[]) {
      if (rules.has(rule.Name) || rule.Name in prelude) throw new CddlError(`${rule.Name} is defined twice`)
      rules.set(rule.Name, rule)
    }
  }
  for (const rule of rules.values())
    for (const name of referencesIn(rule))
      if (!rules.has(name) && !(name in prelude)) throw new CddlError(`${rule.Name}: ${name} is not defined`)
  return rules
}

/** All names in a part of the tree: references and the types of keys. */
function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return []
  const { Type, Value, Name, HasCut } = node as Partial<Record<string, unknown>>
  const own = Type === 'group' && typeof Value === 'string' ? [Value] : []
  const key = HasCut === false && typeof Name === 'string' && Name !== '' ? [Name] : []
  return [...own, ...key, ...Object.values(node).flatMap(referencesIn)]
}

class Checker {
  readonly #rules: ReadonlyMap<string, Rule>

  constructor(rules: ReadonlyMap<string, Rule>) {
    this.#rules = rules
  }

  reference(name: string, value: Cbor, path: string): Mismatch[] {
    const rule = this.#rules.get(name)
    if (rule === undefined) return this.#prelude(name, value, path)
    switch (rule.Type) {
      case 'group':
        return this.#map(rule, value, path)
      case 'array':
        return this.#array(rule, value, path)
      case 'variable':
        return this.#type(rule.PropertyType, value, path)
      default:
        throw new CddlError(`a rule of an unknown kind: ${name}`)
    }
  }

  #prelude(name: string, value: Cbor, path: string): Mismatch[] {
    const matches = Object.hasOwn(prelude, name) ? prelude[name] : undefined
    if (matches === undefined) throw new CddlError(`${name} is neither a rule nor a type that is supported`)
    return matches(value) ? [] : [{ path, problem: `${show(value)} is no ${name}` }]
  }

  #type(type: Type, value: Cbor, path: string): Mismatch[] {
    const alternatives = asList(type)
    const attempts = alternatives.map((alternative) => this.#single(alternative, value, path))
    if (attempts.some((mismatches) => mismatches.length === 0)) return []
    if (attempts.length === 1) return attempts.flat()
    const closest = attempts.reduce((best, mismatches) => (depthOf(mismatches) > depthOf(best) ? mismatches : best))
    if (depthOf(closest) > path.length) return closest
    return [{ path, problem: `${show(value)} is none of ${alternatives.map(nameOf).join(', ')}` }]
  }

  #single(type: SingleType, value: Cbor, path: string): Mismatch[] {
    if (typeof type === 'string') return this.#prelude(type, value, path)
    if (isControlled(type)) return this.#controlled(type, value, path)
    switch (type.Type) {
      case 'group':
        return this.reference(type.Value, value, path)
      case 'literal':
        return sameLiteral(type, value) ? [] : [{ path, problem: `${show(value)} is not ${nameOf(type)}` }]
      case 'tag':
        return this.#tagged(type, value, path)
      default:
        throw new CddlError(`${path}: a type that is not supported: ${JSON.stringify(type)}`)
    }
  }

  /** The parser reads #6.2 as the number 6.2. */
  #tagged({ Value: { NumericPart, TypePart } }: Tagged, value: Cbor, path: string): Mismatch[] {
    const tag = Math.round((NumericPart - 6) * 10)
    if (tag === 0 || tag === 1) return value instanceof CborTime ? [] : [{ path, problem: `${show(value)} is no time` }]
    if (tag !== 2) throw new CddlError(`${path}: tag ${tag} is not supported`)
    if (typeof value !== 'bigint' || value < 2n ** 64n) return [{ path, problem: `${show(value)} is no bignum` }]
    return this.#single(TypePart, toBigEndian(value), path)
  }

  #controlled({ Type: type, Operator: operator }: Controlled, value: Cbor, path: string): Mismatch[] {
    const mismatches = this.#single(type, value, path)
    if (mismatches.length > 0) return mismatches
    const operand = operator.Value
    if (operator.Type === 'and') return this.#single(operand as SingleType, value, path)
    if (holds(operator.Type, operand, value)) return []
    return [{ path, problem: `${show(value)} is not .${operator.Type} ${nameOf(operand)}` }]
  }

  #map(rule: MapRule, value: Cbor, path: string): Mismatch[] {
    if (!(value instanceof Map)) return [{ path, problem: `${show(value)} is no map (${rule.Name})` }]
    const members = rule.Properties.map(checkedMember)
    const found = new Map<Member, number>()
    const mismatches: Mismatch[] = []
    for (const [key, item] of value as CborMap) {
      const member = members.find((candidate) => this.#isKeyOf(candidate, key))
      if (member === undefined) {
        mismatches.push({ path: `${path}.${showKey(key)}`, problem: `a key that ${rule.Name} does not have` })
        continue
      }
      found.set(member, (found.get(member) ?? 0) + 1)
      mismatches.push(...this.#type(member.Type, item, `${path}.${showKey(key)}`))
    }
    return [...mismatches, ...members.flatMap((member) => occurrence(member, found.get(member) ?? 0, path))]
  }

  #isKeyOf(member: Member, key: CborKey): boolean {
    return member.HasCut ? key === member.Name : this.reference(member.Name, key, '').length === 0
  }

  /** Members take as many elements as they can, without looking ahead: enough where no two neighbours take the same. */
  #array(rule: ArrayRule, value: Cbor, path: string): Mismatch[] {
    if (!Array.isArray(value)) return [{ path, problem: `${show(value)} is no array (${rule.Name})` }]
    const items = value as readonly Cbor[]
    const members = rule.Values.map(checkedMember)
    const mismatches: Mismatch[] = []
    let next = 0
    for (const [i, member] of members.entries()) {
      const start = next
      while (next < items.length && next - start < member.Occurrence.m) {
        const problems = this.#type(member.Type, items.at(next) ?? null, `${path}.${next}`)
        const canEnd = next - start >= member.Occurrence.n && i + 1 < members.length
        if (problems.length > 0 && canEnd) break
        mismatches.push(...problems)
        next += 1
      }
      mismatches.push(...occurrence(member, next - start, path))
    }
    if (next < items.length)
      mismatches.push({ path, problem: `${items.length - next} elements too many (${rule.Name})` })
    return mismatches
  }
}

function occurrence(member: Member, count: number, path: string): Mismatch[] {
  const { n, m } = member.Occurrence
  const name = member.Name === '' ? asList(member.Type).map(nameOf).join(' / ') : member.Name
  if (count < n) return [{ path, problem: n === 1 ? `${name} is missing` : `${count} times ${name}, not ${n}` }]
  return count > m ? [{ path, problem: `${count} times ${name}, more than ${m}` }] : []
}

/** Group choices come as lists of members, unnamed groups as members without a type that is known here. */
function checkedMember(member: Member): Member {
  if (Array.isArray(member) || member.Type === undefined) throw new CddlError('a group choice is not supported')
  return member
}

function holds(operator: string, operand: SingleType | Range, value: Cbor): boolean {
  switch (operator) {
    case 'size':
      return hasSize(value, operand)
    case 'gt':
      return typeof value === 'bigint' && value > BigInt(literalOf(operand))
    case 'ne':
      return !sameLiteral({ Type: 'literal', Value: literalOf(operand) }, value)
    case 'regexp':
      return typeof value === 'string' && new RegExp(`^(?:${literalOf(operand)})$`, 'u').test(value)
    default:
      throw new CddlError(`.${operator} is not supported`)
  }
}

/** Of texts and byte strings the number of bytes; of an integer how many bytes it fits into. */
function hasSize(value: Cbor, operand: SingleType | Range): boolean {
  if (typeof value === 'bigint') return value < 256n ** BigInt(literalOf(operand))
  const length = typeof value === 'string' ? utf8(value).length : (value as Uint8Array).length
  if (!isRange(operand)) return length === literalOf(operand)
  const { Min, Max, Inclusive } = operand.Value
  if (!Inclusive) throw new CddlError('a range without its end is not supported')
  return length >= Number(literalOf(Min)) && length <= Number(literalOf(Max))
}

function sameLiteral({ Value }: Literal, value: Cbor): boolean {
  return typeof Value === 'number' ? value === BigInt(Value) : value === Value
}

function literalOf(type: SingleType | Range): string | number {
  if (typeof type === 'object' && 'Value' in type && type.Type === 'literal' && typeof type.Value !== 'boolean')
    return type.Value
  throw new CddlError(`not a literal: ${JSON.stringify(type)}`)
}

function isControlled(type: Exclude<SingleType, string>): type is Controlled {
  return 'Operator' in type
}

function isRange(type: SingleType | Range): type is Range {
  return typeof type === 'object' && type.Type === 'range'
}

function asList(type: Type): readonly SingleType[] {
  return Array.isArray(type) ? (type as readonly SingleType[]) : [type as SingleType]
}

function depthOf(mismatches: readonly Mismatch[]): number {
  return Math.max(...mismatches.map(({ path }) => path.length))
}

function nameOf(type: SingleType | Range): string {
  if (typeof type === 'string') return type
  if ('Operator' in type) return `${nameOf(type.Type)} .${type.Operator.Type} ${nameOf(type.Operator.Value)}`
  if (type.Type === 'range') return `(${nameOf(type.Value.Min)}..${nameOf(type.Value.Max)})`
  if (type.Type === 'tag') return `#${type.Value.NumericPart}`
  return type.Type === 'literal' ? JSON.stringify(type.Value) : type.Value
}

function show(value: Cbor): string {
  if (value instanceof Uint8Array) return `bytes${value.length} ${toHex(value.subarray(0, 8))}`
  if (value instanceof Map) return 'a map'
  if (value instanceof CborTime) return 'a time'
  if (typeof value === 'object' && value !== null) return 'an array'
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value)
}

function showKey(key: CborKey): string {
  return key instanceof Uint8Array ? toHex(key) : String(key)
}
