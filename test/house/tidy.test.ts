/** The house has no breach of its tidiness that is not known, and each rule sees one. */

import { describe, expect, it } from 'vitest'
import { unsettled, type Known } from './breach.js'
import { houseOf, readHouse } from './source.js'
import { commentBreaches, exportBreaches, fileBreaches, functionBreaches, lineBreaches, testsBreaches } from './tidy.js'

const FUNCTIONS: Known = {
  pending: { 'src/relay/relay.ts Relay.constructor': 75, 'src/relay/transport/uws.ts behaviour': 47 },
}
const FILES: Known = {
  exceptions: {
    'test/e2e/limits.test.ts': 'every limit that only a session shows, one after the other',
    'test/e2e/transcript.test.ts': 'one transcript, with the clients that write and read it by hand',
    'test/state/operations.test.ts': 'every operation at every path',
    'test/relay/transport/transport.suite.ts': 'one suite for both transports',
  },
  pending: { 'src/settings/settings.ts': 622 },
}
const LINES: Known = {
  pending: {
    '': 2,
    bytes: 5,
    chain: 15,
    cli: 27,
    client: 18,
    codec: 14,
    merkle: 26,
    objects: 2,
    patches: 5,
    'relay/accounts': 2,
    'relay/blobs': 8,
    'relay/feed': 6,
    'relay/http.ts': 2,
    'relay/instruments': 2,
    'relay/payments': 26,
    'relay/relay.ts': 1,
    'relay/sessions': 2,
    'relay/shops': 5,
    'relay/transport': 14,
    'relay/write': 8,
    settings: 6,
    state: 25,
    store: 21,
    wire: 10,
  },
}
const EXPORTS: Known = {
  exceptions: {
    'src/codec/schema.ts Field': 'the compiler names it in the declarations of every schema',
    'src/codec/schema.ts StructSchema': 'the compiler names it in the declarations of every schema',
  },
  pending: {
    bytes: 1,
    chain: 8,
    cli: 7,
    client: 5,
    codec: 4,
    merkle: 3,
    objects: 1,
    'relay/accounts': 6,
    'relay/blobs': 4,
    'relay/feed': 1,
    'relay/http.ts': 2,
    'relay/instruments': 6,
    'relay/payments': 5,
    'relay/relay.ts': 1,
    'relay/sessions': 5,
    'relay/shops': 1,
    'relay/transport': 5,
    'relay/write': 9,
    settings: 1,
    state: 8,
    store: 4,
    wire: 9,
  },
}
const COMMENTS: Known = { pending: { 'MMR.md': 8, 'push.ts': 1 } }
const TESTS: Known = {
  pending: {
    client: 7,
    'relay/payments': 3,
    'relay/relay.ts': 1,
    'relay/sessions': 2,
    'relay/write': 2,
    settings: 2,
    wire: 2,
  },
}

const house = readHouse()

it('functions have at most 40 lines', () => {
  expect(unsettled(functionBreaches(house), FUNCTIONS)).toEqual([])
})

it('files have at most 600 lines', () => {
  expect(unsettled(fileBreaches(house), FILES)).toEqual([])
})

it('lines have at most 120 characters', () => {
  expect(unsettled(lineBreaches(house), LINES)).toEqual([])
})

it('exports are imported', () => {
  expect(unsettled(exportBreaches(house), EXPORTS)).toEqual([])
})

it('names of files in comments are those of files', () => {
  expect(unsettled(commentBreaches(house), COMMENTS)).toEqual([])
})

it('the tests of every source are found', () => {
  expect(unsettled(testsBreaches(house), TESTS)).toEqual([])
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

describe('what is known of breaches', () => {
  const breach = (key: string, size: number) => ({ key, message: `${key} has ${size}`, size })

  it('passes until it grows', () => {
    const known = { exceptions: { a: 'a table', 'd one': 'a type' }, pending: { b: 5, d: 1 } }
    const ofGroup = (key: string) => ({ ...breach(key, 1), group: 'd' })
    expect(unsettled([breach('a', 99), breach('b', 2), ofGroup('d one'), ofGroup('d two')], known)).toEqual([])
    const all = [breach('a', 99), breach('b', 2), ofGroup('d one'), ofGroup('d two')]
    expect(unsettled([...all, breach('b', 4), ofGroup('d three'), breach('c', 1)], known)).toEqual([
      'b has 2',
      'd two has 1',
      'b has 4',
      'd three has 1',
      'c has 1',
      'b: 6, pending are 5',
      'd: 2, pending are 1',
    ])
  })

  it('leaves when nothing needs it any more', () => {
    expect(unsettled([], { exceptions: { a: 'a table' }, pending: { b: 5 } })).toEqual([
      'a: the row is no longer needed',
      'b: the row is no longer needed',
    ])
  })
})
