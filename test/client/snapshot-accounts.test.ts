/** What is signed and cannot be read is found out with the snapshot, before anything of it is shown as proven. */

import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { LIES } from '../lies/lies.js'
import { ending } from '../lies/run.js'
import * as sdk from '../lies/sdk.js'
import { World } from '../lies/stage.js'

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(async () => {
  vi.doUnmock('../../src/client/set-follower.js')
  await world.stop()
})

it('an account is, although what looks into accounts does not load', async () => {
  vi.doMock('../../src/client/set-follower.js', () => {
    throw new TypeError('Failed to fetch dynamically imported module')
  })
  const lie = LIES.find(({ name }) => name === 'writes an account that cannot be read')!
  expect(await ending(world, sdk, lie.session, lie)).toMatchObject({ error: 'VERIFICATION_FAILED/SchemaError' })
})
