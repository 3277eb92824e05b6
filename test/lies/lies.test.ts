import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as sdk from './sdk.js'
import { LIES } from './lies.js'
import { ending, notCaught, text } from './run.js'
import { SESSIONS, type SessionName } from './sessions.js'
import { World } from './stage.js'

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world.stop())
const only = process.env['ONLY']
describe.concurrent('lies', () => {
  it.each(LIES.filter(({ name }) => only === undefined || name.includes(only)))(
    '$name',
    { timeout: 60_000 },
    async (lie) => {
      const end = await ending(world, sdk, lie.session, lie)
      if ('shown' in end) console.log(`@@ ${lie.name} => SHOWN ${text(end.shown)}`)
      else console.log(`@@ ${lie.name} => ${end.error} :: ${end.message.slice(0, 260)}`)
      expect(notCaught(lie, end)).toBeUndefined()
    },
  )
  it.each(Object.entries(SESSIONS))('honest %s', async (name, session) => {
    const end = await ending(world, sdk, name as SessionName)
    expect(end).toEqual({ shown: session.honest })
  })
})
