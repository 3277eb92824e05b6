/** The house has no breach of its tidiness that is not known, and each rule sees one. */

import { describe, expect, it } from 'vitest'
import { unsettled, type Exceptions } from './breach.js'
import { houseOf, readHouse } from './source.js'
import { commentBreaches, exportBreaches, fileBreaches, functionBreaches, lineBreaches, testsBreaches } from './tidy.js'

const FILES: Exceptions = {
  'test/e2e/limits.test.ts': 'every limit that only a session shows, one after the other',
  'test/e2e/transcript.test.ts': 'one transcript, with the clients that write and read it by hand',
  'test/state/operations.test.ts': 'every operation at every path',
  'test/relay/transport/transport.suite.ts': 'one suite for both transports',
}
/** Types that nobody imports and that must be exported all the same. */
const EXPORTS: Exceptions = {
  'src/codec/schema.ts Field': 'the compiler names it in the declarations of every schema',
  'src/codec/schema.ts StructSchema': 'the compiler names it in the declarations of every schema',
  'src/wire/descriptor.ts Member': 'the compiler names it in the declarations of the messages',
  'src/wire/descriptor.ts Wrapped': 'the compiler names it in the declarations of the messages',
}

const house = readHouse()

it('functions have at most 40 lines', () => {
  expect(unsettled(functionBreaches(house))).toEqual([])
})

it('files have at most 600 lines', () => {
  expect(unsettled(fileBreaches(house), FILES)).toEqual([])
})

it('lines have at most 120 characters', () => {
  expect(unsettled(lineBreaches(house))).toEqual([])
})

it('exports are imported', () => {
  expect(unsettled(exportBreaches(house), EXPORTS)).toEqual([])
})

it('names of files in comments are those of files', () => {
  expect(unsettled(commentBreaches(house))).toEqual([])
})

it('the tests of every source are found', () => {
  expect(unsettled(testsBreaches(house))).toEqual([])
})

describe('a breach is seen', () => {
  const lines = (count: number) => 'f()\n'.repeat(count)

  it('of functions', () => {
    const texts = {
      'src/a.ts': `\nexport function at() {\n${lines(38)}}\nfunction above() {\n${lines(39)}}\n`,
      'bench/b.mjs': `class B {\n  #act() {\n${lines(39)}  }\n}\nrun(() => {\n${lines(39)}})`,
      'test/c.test.ts': `it('is long', () => {\n${lines(99)}})`,
    }
    expect(unsettled(functionBreaches(houseOf(texts)))).toEqual([
      'src/a.ts:42 above has 41 lines, at most 40',
      'bench/b.mjs:2 B.act has 41 lines, at most 40',
      'bench/b.mjs:44 () => has 41 lines, at most 40',
    ])
  })

  it('of files', () => {
    expect(unsettled(fileBreaches(houseOf({ 'test/a.ts': lines(600), 'test/b.ts': lines(601) })))).toEqual([
      'test/b.ts:601 the file has 601 lines, at most 600',
    ])
  })

  it('of lines', () => {
    const texts = { 'src/a.ts': `//${'…'.repeat(118)}\n//${'…'.repeat(119)}\n` }
    expect(unsettled(lineBreaches(houseOf(texts)))).toEqual(['src/a.ts:2 the line has 121 characters, at most 120'])
  })

  it('of exports', () => {
    const texts = {
      'src/a.ts': 'export const used = 1\nexport interface Own {}\nexport function dead(own: Own) {}\n',
      'test/a.test.ts': "import { used } from '../src/a.js'",
      'src/b.ts': 'export const forUsers = 1',
      'src/c.ts': 'export const all = 1',
      'src/d.ts': "import './a.js'\nexport type { Gone } from './e.js'",
      'src/e.ts': 'export type Gone = 1',
      'src/f.ts': "new Worker(new URL('./g.js'))",
      'src/g.ts': 'export const run = 1',
      'examples/d.mjs': "import * as c from '../dist/c.js'",
    }
    const shown = { exports: { './b': { default: './dist/b.js' } } }
    expect(unsettled(exportBreaches(houseOf(texts, shown)))).toEqual([
      'src/a.ts:2 exports Own, which no other file imports',
      'src/a.ts:3 exports dead, which no other file imports',
      'src/d.ts:2 exports Gone, which no other file imports',
    ])
  })

  it('of comments', () => {
    const a = '/**\n * As in codec/b.ts and c.md (uWebSockets.js).\n * Not b.ts’s, but cb.ts.\n */\nf("d.ts")'
    expect(unsettled(commentBreaches(houseOf({ 'src/a.ts': a, 'src/codec/b.ts': '' })))).toEqual([
      'src/a.ts:2 names c.md, which is no file',
      'src/a.ts:3 names cb.ts, which is no file',
    ])
  })

  it('of tests', () => {
    const texts = {
      'src/codec/a.ts': '/** A. */',
      'src/codec/b.ts': '/**\n * B.\n * Tests: test/codec/gone.test.ts, test/codec/c.test.ts\n */',
      'src/codec/c.ts': '/** C: a worker. */',
      'src/codec/d.ts': "/**\n * D.\n * Tests: test/codec/c.test.ts\n */\nnew URL('./c.js')",
      'test/codec/c.test.ts': "import '../fixtures/d.js'",
      'test/fixtures/d.ts': "import '../../src/codec/d.js'",
    }
    expect(unsettled(testsBreaches(houseOf(texts)))).toEqual([
      'src/codec/a.ts:1 has no test/codec/a.test.ts and no line of its tests',
      'src/codec/b.ts:1 names test/codec/gone.test.ts, which is no test',
      'src/codec/b.ts:1 is not reached by test/codec/c.test.ts',
    ])
  })
})

describe('an exception', () => {
  const a = { key: 'a', message: 'a is too long' }

  it('settles its own breach and no other', () => {
    expect(unsettled([a, { key: 'b', message: 'b is too long' }], { a: 'a table' })).toEqual(['b is too long'])
  })

  it('leaves when nothing needs it any more', () => {
    expect(unsettled([], { a: 'a table' })).toEqual(['a: the exception is no longer needed'])
  })
})
