import { beforeEach, expect, it } from 'vitest'
import { DevelopmentRegistry } from '../../src/chain/development-registry.js'

const [ALICE, BOB] = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)]
let written: Map<bigint, Uint8Array>
let registry: DevelopmentRegistry

beforeEach(() => {
  written = new Map()
  registry = new DevelopmentRegistry((shopId) => written.get(shopId))
})

it('gives a free shop to the first wallet, before its row is written too', async () => {
  expect(registry.claim.isFree(7n)).toBe(true)
  expect(await registry.mayWrite(7n, ALICE)).toBe(false)
  expect(registry.claim.take(7n, ALICE)).toBe('unstored')
  expect(registry.claim.isFree(7n)).toBe(false)
  expect(registry.claim.isFree(8n)).toBe(true)
  expect(registry.claim.take(7n, BOB)).toBeUndefined()
  expect([await registry.owns(7n, ALICE), await registry.mayWrite(7n, BOB)]).toEqual([true, false])
})

it('has nothing more to write for a shop that the wallet has, and knows what was written before', async () => {
  written.set(7n, ALICE)
  expect(registry.claim.isFree(7n)).toBe(false)
  expect(registry.claim.take(7n, ALICE)).toBe('stored')
  expect(registry.claim.take(7n, BOB)).toBeUndefined()
  expect(await registry.owns(7n, ALICE)).toBe(true)
})

it('forgets a claim whose row did not get to the disk, and has one to write with the next', async () => {
  expect(registry.claim.take(7n, ALICE)).toBe('unstored')
  // Another card of the same wallet, while the first is on its way.
  expect(registry.claim.take(7n, ALICE)).toBe('unstored')
  registry.claim.settled(7n)
  expect(registry.claim.take(7n, BOB)).toBeUndefined()
  registry.claim.settled(7n)
  expect([registry.claim.isFree(7n), await registry.owns(7n, ALICE)]).toEqual([true, false])
  expect(registry.claim.take(7n, BOB)).toBe('unstored')
  written.set(7n, BOB)
  registry.claim.settled(7n)
  expect(await registry.owns(7n, BOB)).toBe(true)
})
