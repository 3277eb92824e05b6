/** Whether the system reads more of the database than it is asked for. */

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../src/store/open.js'
import { readsAhead } from '../../src/store/table.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cairn-read-ahead-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('not where the database is larger than half of the memory', () => {
  expect(readsAhead(0, 1)).toBe(true)
  expect(readsAhead(1_000, 2_000)).toBe(true)
  expect(readsAhead(1_001, 2_000)).toBe(false)
})

it.runIf(process.platform === 'linux')('of a small one it does', async () => {
  const store = await openStore(join(directory, 'data'))
  try {
    const maps = readFileSync('/proc/self/smaps', 'utf8')
    const own = maps.slice(maps.indexOf(directory))
    expect(/^VmFlags: (.*)$/mu.exec(own)![1]!.split(' ')).not.toContain('rr')
  } finally {
    await store.close()
  }
})
