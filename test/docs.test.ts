/** What the project's pages say of it: links lead somewhere, named files and constants are there. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as limits from '../src/limits.js'

const ROOT = resolve(import.meta.dirname, '..')
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8')
const files = ['src', 'test', 'bench', 'contracts', 'examples', 'cddl', 'docs', 'vectors', 'web'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
)
const pages = ['README.md', 'CHANGELOG.md', ...files.filter((name) => name.endsWith('.md'))]

describe('the README', () => {
  it('has at most 1,100 words', () => expect(read('README.md').split(/\s+/u).length).toBeLessThanOrEqual(1_100))
})

describe('links', () => {
  it.each(pages)('of %s lead somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/gu)].map(([, link]) => link!)
    for (const link of links.filter((link) => !/^[a-z]+:/u.test(link))) {
      const [path, place] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path!)
      expect(existsSync(join(ROOT, target)), link).toBe(true)
      if (place !== undefined) expect(headings(target), link).toContain(place)
    }
  })

  it('reach every text of docs', () => {
    const linked = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)/gu)].map(([, link]) => join(dirname(page), link!)),
    )
    for (const page of pages.filter((name) => name.startsWith('docs/'))) expect(linked, page).toContain(page)
  })
})

describe('each room of src', () => {
  const rooms = [...new Set(files.filter((name) => /^src\/.+\/.+\.ts$/u.test(name)).map((name) => dirname(name)))]
  it.each(rooms.filter((room) => basename(room) !== 'generated'))('%s has its head', (room) => {
    const head = read(join(room, 'README.md'))
    expect(head).toMatch(
      /^# \S+\n\n\*\*Does:\*\* .+\n\n\*\*May import:\*\* .+\n\n\*\*Must never happen here:\*\* .+\n/u,
    )
    expect(head).toContain(`# ${room.slice('src/'.length)}\n`)
  })
})

describe('names of files', () => {
  // Packages, this one's root, and what is made with a clone or a relay.
  const OUTSIDE = new Set([
    'uWebSockets.js',
    'package.json',
    'package-lock.json',
    'chain.json',
    'config.json',
    'ten.mjs',
    // Those that the reader of docs/first-shop-page.md makes.
    'page.js',
    'cart.js',
  ])

  it.each(pages.filter((name) => /^(README|docs\/[a-z-]+|src\/.*README)\.md$/u.test(name)))(
    'in %s are of files that are there',
    (page) => {
      for (const named of namedFiles(ofToday(read(page)))) expect(isThere(named), named).toBe(true)
    },
  )

  it('are seen', () => {
    const missing = ['nowhere', 'ts'].join('.')
    expect(namedFiles(`As \`${missing}\` does it`)).toEqual([missing])
    expect(isThere(missing)).toBe(false)
    expect(isThere('state/apply.ts')).toBe(true)
  })

  function isThere(named: string): boolean {
    if (OUTSIDE.has(named)) return true
    return files.some((file) => file === named || file.endsWith(`/${named}`))
  }
})

describe('docs/glossary.md', () => {
  const rows = [...read('docs/glossary.md').matchAll(/^\| <a id="(.+)"><\/a>(.+) \| (.+) \|$/gmu)]
  const words = rows.flatMap(([, , names]) => names!.toLowerCase().split(', '))
  /** What stands in italics and is no term. */
  const STRESSED = new Set('adds,not,you,larger,rooms,closed loops,open loops,recovery ceiling,earlier'.split(','))
  /** States of an order and kinds of odd payments have their pages. */
  const ELSEWHERE = new Set('open,canceled,paid,paymentchosen,unpaid,fell,over,partial'.split(','))

  it('has its words in order, each once, with a sentence', () => {
    expect(rows.length).toBeGreaterThan(80)
    const first = rows.map(([, , names]) => names!.toLowerCase())
    expect(first).toEqual([...first].sort())
    expect(new Set(words).size).toBe(words.length)
    for (const [, id, , text] of rows) expect(text, id).toMatch(/^[A-Z(].*[.)]$/u)
  })

  it.each(pages.filter((name) => /^(README|docs\/[a-z-]+)\.md$/u.test(name)))('has the terms of %s', (page) => {
    const prose = read(page).replaceAll(/```[^]*?```|`[^`]*`/gu, '')
    for (const [, term] of prose.matchAll(/(?<!\*)\*([A-Za-z][^*\n]{1,40})\*(?!\*)/gu)) {
      const word = term!.toLowerCase()
      if (STRESSED.has(word) || ELSEWHERE.has(word)) continue
      const forms = [word, word.replace(/s$/u, ''), word.replace(/es$/u, ''), word.replace(/ies$/u, 'y')]
      expect(
        words.some((known) => forms.includes(known)),
        `*${term}*`,
      ).toBe(true)
    }
  })
})

describe('docs/limits.md', () => {
  const named = [...read('docs/limits.md').matchAll(/`([A-Z][A-Z0-9_]+)`/gu)].map(([, name]) => name!)
  it('names constants', () => expect(named.length).toBeGreaterThan(40))
  it.each([...new Set(named)])('names %s, which is one', (name) => expect(limits).toHaveProperty(name))
})

/** Anchors of a page as GitHub makes them, and those that it has by `<a id>`. */
function headings(page: string): string[] {
  const text = read(page)
  const titles = [...text.matchAll(/^#+ (.+)$/gmu)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return [...titles, ...[...text.matchAll(/<a id="([^"]+)">/gu)].map(([, id]) => id!)]
}

/** A page without what it says of things to come. */
function ofToday(page: string): string {
  return page.split('\n## Where the next things go\n')[0]!
}

function namedFiles(text: string): string[] {
  return [...text.matchAll(/`([\w-][\w./-]*\.(?:ts|mjs|js|md|json|sol|cddl|proto))`/gu)].map(([, name]) => name!)
}
