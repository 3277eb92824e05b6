/** The house has no breach of its ranks that is not known, and each rule sees one. */

import { describe, expect, it } from 'vitest'
import { unsettled } from './breach.js'
import { coreBreaches, cycleBreaches, doorBreaches, lostImportBreaches, rankBreaches } from './ranks.js'
import { houseOf, readHouse } from './source.js'

const house = readHouse()

describe('imports', () => {
  it('lead to lower ranks, and to no strangers', () => {
    expect(unsettled(rankBreaches(house))).toEqual([])
  })

  it('have no cycles, neither of values nor of types', () => {
    expect(unsettled(cycleBreaches(house))).toEqual([])
  })

  it('lead to files', () => {
    expect(unsettled(lostImportBreaches(house))).toEqual([])
  })

  it('of outside packages stand in their doors alone', () => {
    expect(unsettled(doorBreaches(house))).toEqual([])
  })
})

it('ranks 0 to 7 know no clock, chance, process, console, network or disk', () => {
  expect(unsettled(coreBreaches(house))).toEqual([])
})

describe('a breach is seen', () => {
  const STATE = { 'src/state/apply.ts': 'export interface Applied {}' }

  it.each([
    [
      'of the ranks',
      { ...STATE, 'src/codec/a.ts': "import type { Applied } from '../state/apply.js'" },
      'src/codec/a.ts:1 imports src/state/apply.ts: rank 6, lower than 2 only',
    ],
    [
      'of the ranks, by a type in an expression',
      { ...STATE, 'src/codec/a.ts': "\nexport let a: import('../state/apply.js').Applied" },
      'src/codec/a.ts:2 imports src/state/apply.ts: rank 6, lower than 2 only',
    ],
    [
      'of the ranks, by an export',
      { ...STATE, 'src/codec/a.ts': "\n\nexport type { Applied } from '../state/apply.js'" },
      'src/codec/a.ts:3 imports src/state/apply.ts: rank 6, lower than 2 only',
    ],
    [
      'of the ranks inside the relay',
      { 'src/relay/feed/feed.ts': "import '../write/writer.js'", 'src/relay/write/writer.ts': '' },
      'src/relay/feed/feed.ts:1 imports src/relay/write/writer.ts: rank 9.2, lower than 9.2 only',
    ],
    [
      'of the files above the relay’s rooms',
      { 'src/relay/sessions/a.ts': "import '../http.js'", 'src/relay/http.ts': '' },
      'src/relay/sessions/a.ts:1 imports src/relay/http.ts: rank 9.4, lower than 9.3 only',
    ],
    [
      'of strangers',
      { 'src/client/a.ts': "import '../chain/chain.js'", 'src/chain/chain.ts': '' },
      'src/client/a.ts:1 imports src/chain/chain.ts: client does not know chain',
    ],
    ['of a room without a rank', { 'src/util/a.ts': '' }, 'src/util/a.ts:1 is in a room without a rank'],
    [
      'of the way out',
      { 'src/codec/a.ts': "import '../../test/b.js'", 'test/b.ts': '' },
      'src/codec/a.ts:1 imports test/b.ts: it is outside src',
    ],
  ])('%s', (_name, texts, message) => {
    expect(unsettled(rankBreaches(houseOf(texts)))).toEqual([message])
  })

  it('of cycles of values', () => {
    const texts = { 'src/a.ts': "import './b.js'", 'src/b.ts': "import './c.js'", 'src/c.ts': "\nimport './a.js'" }
    const message = 'src/a.ts:1 import cycle: src/a.ts → src/b.ts → src/c.ts → src/a.ts'
    expect(unsettled(cycleBreaches(houseOf(texts)))).toEqual([message])
  })

  it('of cycles of types', () => {
    const texts = {
      'src/a.ts': "import { type B } from './b.js'\nexport type A = B",
      'src/b.ts': "\nexport type B = import('./a.js').A",
    }
    expect(unsettled(cycleBreaches(houseOf(texts)))).toEqual([
      'src/a.ts:1 import cycle: src/a.ts → src/b.ts → src/a.ts',
    ])
  })

  it('of lost imports', () => {
    const texts = {
      'bench/a.mjs': "import { b } from '../dist/b.js'",
      'bench/c.mjs': "import '../dist/d.js'",
      'src/d.ts': '',
    }
    expect(unsettled(lostImportBreaches(houseOf(texts)))).toEqual([
      'bench/a.mjs:1 imports ../dist/b.js: there is no such file',
    ])
  })

  it('of files that are run and not built', () => {
    const texts = {
      'src/cli/a.ts': "run('./b.js')\nrun('./c.js')\nrun('../../src/cli/c.js')",
      'src/cli/b.ts': '',
      'src/cli/c.js': '',
    }
    expect(unsettled(lostImportBreaches(houseOf(texts)))).toEqual(['src/cli/a.ts:2 runs ./c.js: there is no such file'])
  })

  it('of doors', () => {
    const texts = { 'src/relay/feed/a.ts': "import { open } from 'lmdb'\nimport 'left-pad'\nimport 'node:fs'" }
    expect(unsettled(doorBreaches(houseOf(texts)))).toEqual([
      'src/relay/feed/a.ts:1 imports lmdb: it comes in through src/store/table.ts',
      'src/relay/feed/a.ts:2 imports left-pad: it comes in through no file',
    ])
  })

  it('of the core', () => {
    const inCore = "// Date\nconst a = `process`\nexport const now = () => Date.now()\nimport { x } from 'node:fs'\n"
    expect(unsettled(coreBreaches(houseOf({ 'src/state/a.ts': inCore, 'src/store/b.ts': inCore })))).toEqual([
      'src/state/a.ts:3 knows Date: the core does not',
      "src/state/a.ts:4 knows 'node:: the core does not",
    ])
  })
})
