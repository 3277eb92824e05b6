/** `cairn watch` against a relay that begins to lie while somebody watches: it turns red by itself and says why. */

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { LIES } from '../lies/lies.js'
import { STONE, World, type Stage } from '../lies/stage.js'
import { cairn, endAll } from '../fixtures/program.js'

let world: World
let stage: Stage

beforeAll(async () => {
  world = await World.start()
  stage = await world.stage()
})
afterEach(endAll)
afterAll(async () => {
  await stage.close()
  await world.stop()
  expect(world.relay.bugs).toEqual([])
})

it.each([
  ['drops the last update', /Listings\/0{13}3e9: held as of set \d+ is .* and the relay proves /u],
  ['signs with another key', /checkpoint \d+ is signed by 0x[0-9a-f]{40}, not by the relay 0x[0-9a-f]{40}/u],
  ['rewrites the past', /checkpoint \d+ after \d+: the path from node \d+ leads to [0-9a-f]{64}, not to the trusted/u],
  ['changes a value that no set changes', /held as of set \d+ is .* and the relay proves /u],
] as const)('the relay %s', async (name, reason) => {
  stage.proxy.lie((message) => message)
  // Shop and relay are found by the command itself, as a user gives none.
  const watching = cairn(['watch', '--listing', String(STONE), '--url', stage.proxy.url])
  const [before] = await watching.says(/^\S.* {2}price \S+ ETH on chain 31337 {2}✓ proven as of checkpoint \d+$/mu)
  stage.proxy.lie(LIES.find((lie) => lie.name === name)!.tell!(stage))
  await stage.write('owner', [{ op: 'replace', path: ['Listings', STONE, 'Price'], value: 222n }, NAMED])
  await stage.write('owner', [{ op: 'replace', path: ['Listings', STONE, 'Price'], value: 333n }, NAMED, NAMED])
  const { code, out, err } = await watching.outcome()
  expect(err).toMatch(/^cairn watch: what the relay sent does not verify: /mu)
  expect(err).toMatch(reason)
  expect(code).toBe(1)
  expect(out.trim().split('\n')).toEqual([before])
})

const NAMED = { op: 'replace', path: ['Listings', STONE, 'Metadata', 'Title'], value: 'Boulder' } as const
