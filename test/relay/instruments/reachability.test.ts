import { expect, test } from 'vitest'
import type { ChainId } from '../../../src/brands.js'
import { Reachability } from '../../../src/relay/instruments/reachability.js'

test('a chain that goes is told once, and once when it is back; that none is left, too', () => {
  const chains = [1n, 5n].map((id) => ({ chainId: id as ChainId, problem: undefined as string | undefined }))
  const [one, other] = chains as [(typeof chains)[0], (typeof chains)[0]]
  const told: unknown[][] = []
  const tell =
    (level: string) =>
    (event: string, fields = {}) =>
      void told.push([level, event, fields])
  const reachability = new Reachability(chains, { info: tell('info'), warn: tell('warn') })
  const look = () => (reachability.look(), told.splice(0))
  const away = 'a chain cannot be asked now; it is tried again and again'

  expect(look()).toEqual([])
  one.problem = 'chain 1 cannot be reached'
  expect(look()).toEqual([['warn', away, { chain: 1n, reason: 'chain 1 cannot be reached' }]])
  one.problem = 'chain 1 cannot be reached: for another reason'
  expect(look()).toEqual([])
  other.problem = 'chain 5 cannot be reached'
  expect(look()).toEqual([
    ['warn', away, { chain: 5n, reason: 'chain 5 cannot be reached' }],
    ['warn', expect.stringMatching(/^no chain can be asked/u), {}],
  ])
  expect(look()).toEqual([])
  one.problem = undefined
  expect(look()).toEqual([['info', 'a chain can be reached again', { chain: 1n }]])
})

test('without a chain there is nothing to tell', () => {
  const never = () => expect.unreachable()
  expect(() => new Reachability([], { info: never, warn: never }).look()).not.toThrow()
})
