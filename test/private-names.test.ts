/** Which names the package cairn-client shortens: those of private members that nothing else has. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { privateNames } from '../scripts/private-names.mjs'

const ROOT = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'cairn-names-'))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function namesOf(...sources: readonly string[]): readonly string[] {
  const files = sources.map((source, i) => {
    const file = join(folder, `${i}.ts`)
    writeFileSync(file, source)
    return file
  })
  return privateNames(files)
}

const OWN = `
  export class Shop {
    private readonly held = new Map<string, number>()
    private static made = 0
    readonly open = true
    protected kind = 1
    private get size() { return this.held.size }
    private look(): void { const { held, seen } = this; this.seen.add(held.size) }
    private readonly seen = new Set<number>()
  }`

it('private fields, accessors and methods are short, whatever is public is not', () => {
  expect(namesOf(OWN)).toEqual(['held', 'look', 'made', 'seen'])
})

it.each([
  ['a property of something else', 'export const f = (one: any) => one.held'],
  ['of a private member of another', 'export class A { f(other: any) { return other?.inner.held } }'],
  ['a key of an object', 'export const one = { held: 1 }'],
  ['a shorthand', 'const held = 1; export const one = { held }'],
  ['taken out of something else', 'export const f = ({ held }: any) => held'],
  ['a field of a type', 'export interface One { readonly held: number }'],
  ['a method of a type', 'export type One = { held(): number }'],
  ['a public member of another class', 'export class Other { held = 1 }'],
  ['abstract', 'export abstract class Other { protected abstract held: number }'],
  ['a text', "export const f = (one: object) => 'held' in one"],
])('a name that is also %s stays', (_what, other) => {
  expect(namesOf(OWN, other)).toEqual(['look', 'made', 'seen'])
})

it('parameters that are members are not looked for', () => {
  expect(() => namesOf('export class A { constructor(private readonly held: number) {} }')).toThrow('not looked for')
})

it('of the client no name by which a page reaches anything', () => {
  const names = privateNames([join(ROOT, 'src/client/shop-client.ts'), join(ROOT, 'src/client/shop-objects.ts')])
  expect(names.length).toBeGreaterThan(10)
  const reached = ['listing', 'listings', 'order', 'orders', 'cart', 'state', 'close', 'write', 'checkpoint', 'objects']
  expect(names.filter((name) => reached.includes(name))).toEqual([])
})
