/** The benchmarks run, and do the same work everywhere: their results have these hashes. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')

const RESULTS: Readonly<Record<string, string>> = {
  'encode a listing': '828f3560b39f6ee7',
  'decode a listing': 'af079f63075ac9d6',
  'span walk of a patch': '7c35bd3dd6f13650',
  'leaf hash of a patch': 'ede8d9097eb16c16',
  'MMR root of 1 patches': 'ede8d9097eb16c16',
  'MMR proofs of 1 patches': 'e0c77abee91a11ec',
  'MMR root of 16 patches': '4d6f3d27a1f84c5c',
  'MMR proofs of 16 patches': '2bb13f25f3da83d1',
  'MMR root of 64 patches': '0c7d0c8e6eebbf2f',
  'MMR proofs of 64 patches': 'f1e96fd2da83837c',
  'MMR root of 250 patches': 'b3f535a5cc10f013',
  'MMR proofs of 250 patches': '8d19579d384031f7',
  'HAMT update and digest, 1 k entries': '92677587f4a51454',
  'make a state proof, 1 k objects': '9b4da30181177a2d',
  'verify a state proof, 1 k objects': '9b4da30181177a2d',
  'hashes of a state proof, 1 k objects': 'bbce9f4ad9de048b',
  'make a state proof of 64, 1 k objects': '4944ac83ec69e6a6',
  'verify a state proof of 64, 1 k objects': '4944ac83ec69e6a6',
  'hashes of a state proof of 64, 1 k objects': '08bd69d33eba0d69',
  'signature recovery, native': '20a4ee8e36ce9546',
  'signature recovery, noble': '20a4ee8e36ce9546',
}

interface Card {
  readonly alone: { readonly p50: number; readonly p99: number }
  readonly beside: { readonly p50: number; readonly p99: number }
}

/** Its exit code tells of milliseconds, which are the machine's. */
function floodBench(...flags: readonly string[]): string {
  return spawnSync(process.execPath, ['bench/run.mjs', 'flood', ...flags], { cwd: ROOT, encoding: 'utf8' }).stdout
}

function bench(...flags: readonly string[]): string {
  return execFileSync(process.execPath, ['bench/run.mjs', ...flags], { cwd: ROOT, encoding: 'utf8' })
}

describe('npm run bench', () => {
  it('measures rows of the table of bounds', () => {
    const { rows, machine } = JSON.parse(bench('--quick', '--json', '--only', 'window 64')) as {
      rows: { values: number[] }[]
      machine: { recoveriesPerSecond: number }
    }
    expect(rows).toEqual([
      { name: 'window 64, p50', wanted: '5 ms', unit: 'ms', values: [expect.any(Number)], isMet: expect.any(Boolean) },
    ])
    expect(rows[0]!.values[0]).toBeGreaterThan(0)
    expect(machine.recoveriesPerSecond).toBeGreaterThan(0)
  })

  it('says why a row of it is not measured, and counts it apart', () => {
    const out = bench('--quick', '--only', 'a database four times the memory cap')
    expect(out).toMatch(/^a database four times the memory cap +50 % of the throughput +not measured +failed: /mu)
    expect(out).toMatch(/^0 of 0 bounds are met; 1 rows have none, or were not measured$/mu)
  })

  it('has the committed results', () => {
    const { cases } = JSON.parse(bench('core', '--small', '--json')) as {
      cases: { name: string; result: string; medianMicroseconds: number }[]
    }
    const results = Object.fromEntries(cases.map(({ name, result }) => [name, result]))
    // Where the system has that library: the same results.
    const { 'signature recovery, system': system, ...others } = results
    expect(others).toEqual(RESULTS)
    expect([undefined, RESULTS['signature recovery, native']]).toContain(system)
    for (const { medianMicroseconds } of cases) expect(medianMicroseconds).toBeGreaterThan(0)
  })

  it('floods a relay beside two good cards, which are never refused', { timeout: 120_000 }, () => {
    const { rows } = JSON.parse(floodBench('--seconds', '1', '--only', 'forged sets', '--json')) as {
      rows: { name: string; accepted: number; refused: number; staff: Card; guest: Card }[]
    }
    expect(rows.map(({ name }) => name)).toEqual(['forged sets'])
    for (const { accepted, refused, staff, guest } of rows) {
      expect(accepted).toBe(0)
      expect(refused).toBeGreaterThan(0)
      for (const { alone, beside } of [staff, guest])
        for (const { p50, p99 } of [alone, beside]) expect(p99).toBeGreaterThanOrEqual(p50)
    }
  })

  it('verifies proofs in Chromium', () => {
    expect(bench('core', '--chromium', '--small')).toMatch(
      /^verify a state proof, 1000 objects, Chromium: .* a second\n$/u,
    )
  })

  it('imports a file of products, and once more where nothing is left to do', { timeout: 120_000 }, () => {
    const seconds = expect.any(Number) as number
    const products = { added: 40, changed: 0, unchanged: 0, stock: 60, tags: 41 }
    const nothing = { added: 0, changed: 0, unchanged: 40, stock: 0, tags: 0, sets: 0 }
    expect(JSON.parse(bench('import', '--products', '40', '--json'))).toMatchObject({
      products: 40,
      first: { seconds, ...products },
      again: { seconds, ...nothing },
      exported: { seconds },
    })
  })

  it('verifies a large shop and audits a long log, which it makes once', { timeout: 400_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-million-'))
    const million = (...words: readonly string[]) =>
      bench('million', ...words, '--count', '300', '--folder', folder, '--json')
        .trim()
        .split('\n')
        .map((row) => JSON.parse(row) as { name: string; count: number; seconds: number })
    try {
      const both = million()
      expect(both).toMatchObject([
        { name: 'snapshot', count: 300, client: { peakMib: expect.any(Number) }, next: { cpu: expect.any(Number) } },
        { name: 'audit', count: 300, audit: { cpu: expect.any(Number) } },
      ])
      for (const { seconds } of both) expect(seconds).toBeGreaterThan(0)
      const made = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).birthtimeMs])
      expect(million('audit')).toMatchObject([{ name: 'audit', count: 300 }])
      expect(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).birthtimeMs])).toEqual(made)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('refuses an unknown flag', () => {
    expect(() => execFileSync(process.execPath, ['bench/run.mjs', '--smal'], { cwd: ROOT, stdio: 'pipe' })).toThrow(
      /there is no --smal/u,
    )
  })
})
