/** A relay that cannot ask its registry just now: nobody is told that a card or a shop is not there. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { DevelopmentRegistry } from '../../src/chain/development-registry.js'
import { RegistryUnreachable } from '../../src/chain/registry.js'
import { connect } from '../../src/client/shop-client.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { developmentOwnerKey } from '../../src/store/setting-keys.js'
import { MemoryStore } from '../../src/store/memory.js'
import { enrolCard, newSecret, relay, SHOP, Wire, type TestRelay } from '../fixtures/relay-harness.js'

class Registry extends DevelopmentRegistry {
  isAway = false
  isMinted = true

  override async exists(): Promise<boolean> {
    this.look()
    return this.isMinted
  }

  override async owns(shopId: bigint, wallet: Uint8Array): Promise<boolean> {
    this.look()
    return super.owns(shopId, wallet)
  }

  private look(): void {
    if (this.isAway) throw new RegistryUnreachable('no endpoint answers')
  }
}

const owner = newSecret()
let registry: Registry
let running: TestRelay

beforeAll(async () => {
  const store = new MemoryStore()
  registry = new Registry((shopId) => store.setting(developmentOwnerKey(shopId)))
  running = await relay({}, { store, registry })
  await enrolCard(running.url, owner)
})
afterAll(async () => {
  await running?.stop()
  expect(running.bugs).toEqual([])
})

test('an enrolment says that it is the chain, and of a shop that there is none', async () => {
  registry.isAway = true
  await expect(enrolCard(running.url, newSecret())).rejects.toMatchObject({
    code: 'CHAIN_UNREACHABLE',
    retryable: true,
    message: expect.stringContaining('registry cannot be reached'),
  })
  registry.isAway = false
  registry.isMinted = false
  await expect(enrolCard(running.url, newSecret(), { shop: 9n })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'shop 9 does not exist',
  })
  registry.isMinted = true
})

test.each([
  [4, ErrorCode.NOT_FOUND],
  [5, ErrorCode.UNAVAILABLE],
] as const)('a card whose rights are not known, in version %d', async (version, code) => {
  registry.isAway = true
  await expect(Wire.as(running.url, owner, { version })).rejects.toThrow(`${code}: the rights of this key card`)
  registry.isAway = false
})

test('a client of that card comes back by itself', { timeout: 60_000 }, async () => {
  const place = { url: running.url, shop: SHOP, key: owner, relay: 'development' } as const
  registry.isAway = true
  await expect(connect(place)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  registry.isAway = false
  const client = await connect(place)
  client.close()
})
