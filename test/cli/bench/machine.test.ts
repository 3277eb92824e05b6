import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fileSystemOf, isBusy, syncTimes } from '../../../src/cli/bench/machine.js'
import { coresOf, useOf } from '../../../src/cli/bench/relay-process.js'

it('a folder in memory is known', () => {
  expect(existsSync('/dev/shm')).toBe(true)
  expect(fileSystemOf('/dev/shm')).toEqual({ name: 'tmpfs', isMemory: true })
  expect(fileSystemOf('/').isMemory).toBe(false)
})

it('fsync is timed, and nothing stays of it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-sync-'))
  try {
    expect(syncTimes(folder).count).toBeGreaterThan(0)
    expect(readdirSync(folder)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('a machine with others on it is told from one without', () => {
  expect(isBusy({ loadBefore: 0.2, cores: 2 })).toBe(false)
  expect(isBusy({ loadBefore: 1.4, cores: 2 })).toBe(true)
})

it('lists of cores are read as the system writes them', () => {
  expect(coresOf('0-3')).toEqual([0, 1, 2, 3])
  expect(coresOf('2,5-6')).toEqual([2, 5, 6])
})

it('what a process uses is read, and nothing of one that is gone', () => {
  const use = useOf(process.pid)!
  for (const [name, value] of Object.entries(use)) expect(value, name).toBeGreaterThanOrEqual(0)
  expect(use.peakMib).toBeGreaterThan(1)
  expect(useOf(2 ** 22 + 1)).toBeUndefined()
})
