/** TEST_SEED. */

import * as fc from 'fast-check'
import { afterEach, expect, it, vi } from 'vitest'

const before = fc.readConfigureGlobal()

afterEach(() => {
  vi.unstubAllEnvs()
  vi.resetModules()
  fc.configureGlobal(before)
})

const drawn = () => fc.sample(fc.nat({ max: 2 ** 30 }), 20)

async function seeded(seed: string): Promise<void> {
  vi.stubEnv('TEST_SEED', seed)
  vi.resetModules()
  await import('./fixtures/seed.js')
}

it('makes all properties draw the same again', async () => {
  await seeded('7')
  const first = drawn()
  expect(drawn()).toEqual(first)
  await seeded('8')
  expect(drawn()).not.toEqual(first)
})

it('is an integer', async () => {
  await expect(seeded('x')).rejects.toThrow('TEST_SEED=x')
})
