/**
 * docs/flags.md: the help of every command, as it prints it, and that the help leaves no flag out. The page is written
 * anew by `npx vitest run test/cli/help-page.test.ts -u`. What the other pages say of flags is held against it.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cairn } from '../fixtures/cairn.js'
import { ROOT } from '../fixtures/program.js'

const LINK = `http://127.0.0.1:9/#shop=1,invite=${'11'.repeat(32)}`
/** What comes before the flags of a command, where its name alone is not enough. */
const CALLED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  order: [['order', 'pay']],
  shop: [['shop', 'create']],
  join: [['join', LINK]],
  key: [['key', 'show']],
  bench: ['write', 'read', 'fanout', 'sync', 'proofs', 'all'].map((work) => ['bench', work]),
}
/** An older name of --card that goes on to work. */
const UNTOLD: ReadonlySet<string> = new Set(['receipt --key'])

const names = await namesOfCommands()
const helps = new Map(
  await Promise.all(
    names.map(async (name): Promise<[string, string]> => [name, (await cairn(name, '--help')).out.trim()]),
  ),
)
const known = new Map([...helps].map(([name, help]) => [name, new Set([...flagsIn(help), '--help', '--verbose'])]))

async function namesOfCommands(): Promise<readonly string[]> {
  const { out } = await cairn('help')
  return [...out.matchAll(/^ {2}([a-z]+) {2,}\S/gmu)].map(([, name]) => name!).filter((name) => name !== 'help')
}

/** With `--[no-]demo` as both. */
function flagsIn(text: string): readonly string[] {
  const found = [...text.matchAll(/(?<![\w-])--(\[no-\])?([a-z][a-z0-9-]*)/gu)]
  return found.flatMap(([, no, name]) => [`--${name}`, ...(no === undefined ? [] : [`--no-${name}`])])
}

describe('docs/flags.md', () => {
  it('has the help of every command', async () => {
    const words =
      'What each command says of itself with `--help`: every command and every flag that there is. ' +
      'What they are for is told by [commands](commands.md) and [operators](operators.md).'
    const parts = [...helps].map(([name, help]) => `## cairn ${name}\n\n\`\`\`text\n${help}\n\`\`\``)
    await expect(`${['# Flags', words, ...parts].join('\n\n')}\n`).toMatchFileSnapshot(join(ROOT, 'docs/flags.md'))
  })

  const called = names
    .filter((name) => !['serve', 'vectors'].includes(name))
    .flatMap((name) => CALLED[name] ?? [[name]])
  it.each(called)('names each flag of cairn %s %s', async (...words) => {
    const { err } = await cairn(...words, '--nonesuch')
    const flags = flagsIn(err.split('; known are ')[1]!)
    expect(flags.length).toBeGreaterThan(1)
    const [name] = words as [string]
    expect(flags.filter((flag) => !known.get(name)!.has(flag) && !UNTOLD.has(`${name} ${flag}`))).toEqual([])
  })
})

describe('flags that other pages name', () => {
  const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))].filter((name) =>
    name.endsWith('.md'),
  )
  const all = new Set([...known.values()].flatMap((flags) => [...flags]))
  /** A call in code: `cairn NAME …`, up to the end of the code, of the line, or of what a shell ends a command by. */
  const calls = (text: string) =>
    [...text.matchAll(/(?<![\w/-])cairn ([a-z]+)\b([^`\n;|>]*)/gu)].filter(([, name]) => known.has(name!))
  /** Of npm's scripts of a clone, and of other programs. */
  const OTHERS = new Set([
    ...['--whole', '--only', '--json', '--small', '--quick', '--kills', '--every', '--of', '--lies', '--checks'],
    ...[
      '--short',
      '--out',
      '--port',
      '--ignore-scripts',
      '--block-every',
      '--check',
      '--products',
      '--perf-basic-prof',
    ],
  ])

  it.each(pages)('%s: cairn has them', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8')
    for (const [call, name, rest] of calls(text))
      for (const flag of flagsIn(rest!)) expect([...known.get(name!)!], call).toContain(flag)
    for (const flag of flagsIn(text)) if (!OTHERS.has(flag)) expect([...all], `${flag} in ${page}`).toContain(flag)
  })
})
