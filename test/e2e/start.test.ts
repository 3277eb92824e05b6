/**
 * A start with much to replay, in a small heap: it listens first and says how far it is, can be stopped, and does not
 * begin again what an earlier start has done.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { openStore, openStoreForReading } from '../../src/store/open.js'
import { endAll, freePort, Program } from '../fixtures/program.js'
import { enrolCard, listing, newSecret, SHOP, Wire } from '../fixtures/relay-harness.js'

const CAIRN = resolve(import.meta.dirname, '../../src/cli/cairn.js')
const HEAP_MIB = 128
const LISTINGS = 100_000
const PATCHES = 250
const AT_ONCE = 16
const IMPORT_MS = 120_000

let data: string
const card = newSecret()

beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'cairn-start-'))
})
afterEach(endAll)
afterAll(() => rmSync(data, { recursive: true, force: true }))

function serve(port = 0): Program {
  const flags = ['--empty', '--port', String(port), '--metrics-port', '0', '--data', data, '--transport', 'ws']
  return new Program(process.execPath, [`--max-old-space-size=${HEAP_MIB}`, CAIRN, 'serve', ...flags])
}

async function urlOf(relay: Program): Promise<string> {
  const [, url] = await relay.says(/listens on (\S+)/u)
  return url!
}

/** The sets of the log and those of the flushed state. */
async function onDisk(): Promise<{ head: number; flushed: number }> {
  const store = await openStoreForReading(data)
  const found = { head: store.head(SHOP), flushed: store.derived(SHOP)?.seq ?? 0 }
  await store.close()
  return found
}

it(
  `a shop of ${LISTINGS} listings is imported in a heap of ${HEAP_MIB} MiB; a kill finds most of it flushed`,
  async () => {
    const relay = serve()
    const url = await urlOf(relay)
    await enrolCard(url, card)
    const wire = await Wire.as(url, card)
    let next = 0
    const importer = async () => {
      while (next < LISTINGS) {
        const first = (next += PATCHES) - PATCHES + 1
        const changes = Array.from({ length: PATCHES }, (_, i) => listing(BigInt(first + i)))
        expect(await wire.write(card, changes)).toBeInstanceOf(Uint8Array)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, importer)).catch(async (error: unknown) => {
      throw new Error(`the relay: ${await relay.exit}, ${relay.err}`, { cause: error })
    })
    expect(await relay.end('SIGKILL')).toBe('SIGKILL')
    const { head, flushed } = await onDisk()
    expect(head).toBe(1 + LISTINGS / PATCHES)
    // Twice the trigger, and what was in flight.
    expect((head - flushed) * PATCHES).toBeLessThan(60_000)
  },
  IMPORT_MS,
)

it('the next start listens at once, tells how far it is, and takes no sessions yet', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const relay = serve(port)
  const seen = new Set<string>()
  while (!/listens on/u.test(relay.out)) {
    const ready = await fetch(`${url}/readyz`).catch(() => undefined)
    if (ready === undefined) continue
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    if (ready.status === 503) seen.add(await ready.text())
  }
  expect([...seen].some((text) => /the relay is starting: shop 1 of 1, set \d+ of 401/u.test(text))).toBe(true)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  const wire = await Wire.as(url, card)
  expect(await wire.write(card, [listing(BigInt(LISTINGS + 1))])).toBeInstanceOf(Uint8Array)
  expect(await relay.end('SIGTERM')).toBe(0)
  expect(await onDisk()).toEqual({ head: 402, flushed: 402 })
})

it('SIGTERM ends a start; no session comes in before, and the next start goes on there', async () => {
  const store = await openStore(data)
  await store.dropDerived(SHOP)
  await store.close()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const stopped = serve(port)
  for (let text = ''; !/set \d+ of 402/u.test(text);)
    text = await fetch(`${url}/readyz`).then(
      (answer) => answer.text(),
      () => '',
    )
  await expect(Wire.open(url)).rejects.toThrow('503')
  const enrolment = await fetch(`${url}/v4/enroll_key_card`, { method: 'POST', body: '{}' })
  expect([enrolment.status, await enrolment.text()]).toEqual([503, expect.stringContaining('the relay is starting')])
  while ((await onDisk()).flushed === 0) expect(stopped.out).toBe('')
  expect(await stopped.end('SIGTERM')).toBe(0)
  expect([stopped.out, stopped.err]).not.toContain('listens on')
  const { flushed } = await onDisk()
  const again = serve(port)
  await urlOf(again)
  expect(await again.end('SIGTERM')).toBe(0)
  expect((await onDisk()).flushed).toBe(402)
  expect(flushed).toBeGreaterThan(0)
})
