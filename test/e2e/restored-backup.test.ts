/**
 * A relay on a database that was restored from a backup, with the key that it had: it serves, and signs no checkpoints
 * until the sets that are missing are back.
 */

import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { decodeStored } from '../../src/relay/checkpoints/stored-checkpoint.js'
import { decodeCheckpoint, type Checkpoint } from '../../src/proofs/checkpoint.js'
import { conflictBetween } from '../../src/proofs/conflict.js'
import { Metrics } from '../../src/relay/instruments/metrics.js'
import { openStore } from '../../src/store/open.js'
import { openGuard } from '../../src/store/signed-guard.js'
import { enrolCard, listing, newSecret, relay, SHOP, Wire } from '../fixtures/relay-harness.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'

let directory: string
let told: string[]
let lastId: bigint
const card = newSecret()
/** All that were ever stored. */
const checkpoints: Checkpoint[] = []

beforeEach(async () => {
  directory = await freshDirectory()
  told = []
  lastId = 0n
})
afterEach(() => removeDirectory(directory))

const database = () => join(directory, 'data', 'cairn.mdb')
const saved = (name: string) => copyFile(database(), join(directory, name))
const restored = (name: string) => copyFile(join(directory, name), database())

/** Starts on what is there, does some writes, waits for what becomes of them, and stops. Tells metrics. */
async function run(writes: number, until: (head: number, covered: number) => boolean): Promise<string> {
  const store = await openStore(join(directory, 'data'))
  const guard = await openGuard(join(directory, 'relay.key.signed'))
  const metrics = new Metrics()
  const log = {
    info: () => undefined,
    warn: (event: string) => void told.push(event),
    error: (event: string, error: unknown) => void told.push(`${event}: ${String(error)}`),
  }
  const running = await relay({}, { store, guard, metrics, log })
  try {
    if (store.head(SHOP) === 0) await enrolCard(running.url, card)
    const wire = await Wire.as(running.url, card)
    for (let i = 0; i < writes; i++) expect(await wire.write(card, [listing(++lastId)])).toBeInstanceOf(Uint8Array)
    await wire.close()
    for (const path of ['health', 'readyz']) expect((await fetch(`${running.url}/${path}`)).status).toBe(200)
    const end = Date.now() + 20_000
    const covered = () => store.newestCheckpoint(SHOP)?.seq ?? 0
    while (!until(store.head(SHOP), covered()) && Date.now() < end) await new Promise((wait) => setTimeout(wait, 20))
    expect(until(store.head(SHOP), covered())).toBe(true)
    for (const { value } of store.checkpoints(SHOP, 0, 1_000)) checkpoints.push(fieldsOf(value))
    return await metrics.text()
  } finally {
    await running.stop()
    await guard.close()
    await store.close()
  }
}

function fieldsOf(value: Uint8Array): Checkpoint {
  return decodeCheckpoint(decodeStored(value).newest)
}

const isCovered = (head: number, covered: number) => covered === head

it('signs nothing until the missing sets are back, and serves meanwhile', async () => {
  await run(2, isCovered)
  await saved('backup')
  await run(3, isCovered)
  await saved('whole')
  expect([checkpoints.at(-1)!.Seq, told]).toEqual([6n, []])

  await restored('backup')
  const endMs = Date.now() + 2_500
  const metrics = await run(4, () => Date.now() > endMs)
  expect(checkpoints.at(-1)!.Seq).toBe(3n)
  expect(metrics).toContain('cairn_checkpoints_withheld 1')
  expect(metrics).toContain('cairn_checkpoints_total 0')
  expect(told).toEqual([
    'no checkpoints are signed: the log ends before checkpoint 6, which may have been signed: ' +
      'restore the sets in between',
    'no checkpoints are signed: the log of set 6 is not the one that was signed: restore the sets that were',
  ])

  told = []
  await restored('whole')
  expect(await run(1, isCovered)).toContain('cairn_checkpoints_withheld 0')
  expect([checkpoints.at(-1)!.Seq, told]).toEqual([7n, []])
  for (const a of checkpoints) for (const b of checkpoints) expect(conflictBetween(a, b)).toBeUndefined()
  const { ChainID, Registry, Relay, ShopID } = checkpoints[0]!
  expect({ ChainID, Registry, Relay, ShopID }).toEqual({
    ChainID: 31_337n,
    Registry: new Uint8Array(20),
    Relay: 1n,
    ShopID: SHOP,
  })
})
