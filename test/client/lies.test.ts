/** A relay that lies, in every way of test/fixtures/lies.ts: the client finds each out, and says what it is. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeceivedShop } from '../fixtures/deceived-shop.js'
import { LIES, type LieRow } from '../fixtures/lies.js'

const PATIENCE_MS = 25_000
let shop: DeceivedShop
let caught = 0

beforeAll(async () => {
  shop = await DeceivedShop.start()
})
afterAll(async () => {
  await shop.stop()
  expect(shop.relay.bugs).toEqual([])
  console.log(`lies caught ${caught} / ${LIES.length}`)
})

describe.concurrent('a relay that', () => {
  it.each(LIES.filter(({ to }) => to !== 'guest'))('$name: to $to', { timeout: 2 * PATIENCE_MS }, find)
})

// One card, one session.
describe('a relay that', () => {
  it.each(LIES.filter(({ to }) => to === 'guest'))('$name: to $to', { timeout: 2 * PATIENCE_MS }, find)
})

async function find(row: LieRow): Promise<void> {
  const error = await shop.told(row, PATIENCE_MS)
  expect(error).toMatchObject({ name: 'ClientError', code: 'VERIFICATION_FAILED' })
  const cause = (error!.cause ?? error) as Error & { code?: string }
  const [name, code] = row.caught
  const names = code !== undefined && code.endsWith('Error') ? [name, code] : [name]
  expect(names, error!.message).toContain(cause.name)
  if (code !== undefined && names.length === 1) expect([cause.code, error!.message]).toEqual([code, error!.message])
  caught++
}

it('lies in more than forty ways', () => expect(new Set(LIES.map(({ name }) => name)).size).toBeGreaterThan(40))
