/** What was signed is kept beside the key: durable, whole after a torn write, and nobody else's. */

import { appendFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GuardError, openGuard, type SignedGuard, type SignedMark } from '../../src/store/signed-guard.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

let directory: string
let file: string
let guard: SignedGuard

beforeEach(async () => {
  directory = await freshDirectory()
  file = join(directory, 'relay.key.signed')
  guard = await openGuard(file)
})
afterEach(async () => {
  await guard.close()
  await removeDirectory(directory)
})

function mark(seq: bigint, more: Partial<SignedMark> = {}, shop = 77n): SignedMark {
  const identity = { ChainID: 31_337n, Registry: new Uint8Array(20).fill(3), Relay: 1n, ShopID: shop }
  return { identity, seq, timestamp: 1_000n + seq, digest: new Uint8Array(32).fill(Number(seq % 251n)), ...more }
}

const highest = (shop = 77n, given = guard) => given.highest(mark(0n, {}, shop).identity)

async function reopen(): Promise<SignedGuard> {
  await guard.close()
  return (guard = await openGuard(file))
}

it('keeps the highest of each shop, relay and chain', async () => {
  await guard.raise([])
  expect(await readdir(directory)).toEqual([])
  await guard.raise([mark(3n), mark(5n, {}, 2n ** 256n - 1n)])
  await guard.raise([mark(4n)])
  const other = { ...mark(9n).identity, Relay: 2n }
  await guard.raise([mark(1n, { identity: other, timestamp: -5n })])
  for (const given of [guard, await reopen()]) {
    expect([highest(77n, given), highest(2n ** 256n - 1n, given)]).toEqual([mark(4n), mark(5n, {}, 2n ** 256n - 1n)])
    expect(given.highest(other)).toEqual(mark(1n, { identity: other, timestamp: -5n }))
    expect(highest(1n, given)).toBeUndefined()
  }
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

it('takes the same once more, and a later time of the same set', async () => {
  await guard.raise([mark(3n)])
  const { size } = await stat(file)
  await guard.raise([mark(3n)])
  expect((await stat(file)).size).toBe(size)
  await guard.raise([mark(3n, { timestamp: 2_000n, digest: new Uint8Array(32).fill(99) })])
  expect(highest()!.timestamp).toBe(2_000n)
})

it.each<[string, Partial<SignedMark>, bigint]>([
  ['a lower set', {}, 2n],
  ['an earlier time', { timestamp: 1n }, 4n],
  ['another digest of the same', { digest: new Uint8Array(32) }, 3n],
])('refuses %s: that is a bug', async (_what, more, seq) => {
  await guard.raise([mark(3n)])
  await expect(guard.raise([mark(seq, more)])).rejects.toThrow(/bug/u)
  expect(highest()).toEqual(mark(3n))
})

it('forgets a last line that is torn, wherever it is, and goes on after it', async () => {
  await guard.raise([mark(3n)])
  const { size } = await stat(file)
  await guard.raise([mark(4n), mark(7n, {}, 78n)])
  const whole = await readFile(file)
  await guard.close()
  for (let cut = size; cut < whole.length; cut += 7) {
    await writeFile(file, whole)
    await truncate(file, cut)
    const torn = (guard = await openGuard(file))
    expect([highest(), highest(78n)]).toEqual([mark(3n), undefined])
    await torn.raise([mark(5n)])
    await reopen()
    expect([highest(), highest(78n)]).toEqual([mark(5n), undefined])
    await guard.close()
  }
  // A disk may have kept the length of a line and not its bytes.
  await writeFile(file, Buffer.concat([whole.subarray(0, size), Buffer.alloc(whole.length - size)]))
  guard = await openGuard(file)
  expect(highest()).toEqual(mark(3n))
  await guard.close()
  await writeFile(file, Buffer.from(whole).fill(0, size, whole.length - 20))
  guard = await openGuard(file)
  expect(highest()).toEqual(mark(3n))
})

it('tells damage of any other line, whichever bit it is', async () => {
  for (const seq of [3n, 4n, 5n]) await guard.raise([mark(seq)])
  await guard.close()
  const whole = await readFile(file)
  const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1
  for (let at = 0; at < lastLine; at++) {
    const bytes = Buffer.from(whole)
    bytes[at]! ^= 1 << (at % 8)
    await writeFile(file, bytes)
    await expect(openGuard(file), `byte ${at}`).rejects.toThrow(/is damaged: .*: put it back from a backup/u)
  }
})

it('is written anew when most of it does not count any more', async () => {
  for (let seq = 1n; seq <= 2_500n; seq += 1n) await guard.raise([mark(seq)])
  expect((await stat(file)).size).toBeLessThan(262_144 + 1_024)
  expect(await readdir(directory)).toEqual(['relay.key.signed'])
  await reopen()
  expect(highest()).toEqual(mark(2_500n))
  await guard.raise([mark(2_501n)])
  await reopen()
  expect(highest()).toEqual(mark(2_501n))
})

it('raises nothing while another process uses the key', async () => {
  await guard.raise([mark(3n)])
  const other = await openGuard(file)
  await other.raise([mark(4n)])
  await expect(guard.raise([mark(5n)])).rejects.toThrow(/somebody else changed it, and nothing is signed/u)
  await expect(guard.raise([mark(6n)])).rejects.toThrow(GuardError)
  expect(highest()).toEqual(mark(3n))
  await other.close()
  await reopen()
  expect(highest()).toEqual(mark(4n))
})

it('raises nothing beside a file that came after it looked', async () => {
  const other = await openGuard(file)
  await other.raise([mark(4n)])
  await expect(guard.raise([mark(5n)])).rejects.toThrow(/is there: somebody else changed it/u)
  await other.close()
})

it('raises nothing after its file was removed or added to', async () => {
  await guard.raise([mark(3n)])
  await appendFile(file, 'x')
  await expect(guard.raise([mark(4n)])).rejects.toThrow(/bytes, not \d+: somebody else changed it/u)
})

it('cannot be opened where it is none, or may not be read', async () => {
  await writeFile(file, 'my notes\n')
  await expect(openGuard(file)).rejects.toThrow(/is damaged: it is no list of signed checkpoints/u)
  await expect(openGuard(directory)).rejects.toThrow(/cannot be read/u)
  await writeFile(file, '')
  await expect(openGuard(file)).rejects.toThrow(GuardError)
})

it('goes on when a directory that could not be written can be', async () => {
  const missing = join(directory, 'later', 'signed')
  const late = await openGuard(missing)
  await expect(late.raise([mark(3n)])).rejects.toThrow(/cannot be written .*: nothing is signed meanwhile/u)
  expect(highest(77n, late)).toBeUndefined()
  await mkdir(join(directory, 'later'))
  await late.raise([mark(3n)])
  expect(highest(77n, late)).toEqual(mark(3n))
  await late.close()
})
