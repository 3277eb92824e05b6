import { describe, expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { readChainSettings } from '../../src/settings/chain-settings.js'
import { SettingsError } from '../../src/settings/settings.js'

const address = (digit: string) => `0x${digit.repeat(40)}`
const registry = { chainId: 1, shops: address('a'), relays: address('B'), relayTokenId: '0x7b' }
const chain = {
  chainId: 1,
  rpc: ['https://user:hidden@rpc.example/hidden?key=hidden'],
  payments: address('c'),
  depth: 3,
  pollMs: 4_000,
}
const good = { registry, chains: [chain, { chainId: 10, rpc: ['wss://ten.example'] }] }

const read = (value: unknown) =>
  readChainSettings('chain.json', typeof value === 'string' ? value : JSON.stringify(value))

test('a file with everything, and what may be left out', () => {
  const settings = read(good)
  expect([toHex(settings.registry.shops), toHex(settings.registry.relays)]).toEqual(['a'.repeat(40), 'b'.repeat(40)])
  expect(settings.registry.relayTokenId).toBe(123n)
  expect(settings.chains[0]).toMatchObject({ chainId: 1n, depth: 3n, pollMs: 4_000 })
  expect(settings.chains[1]).toEqual({
    chainId: 10n,
    rpc: ['wss://ten.example'],
    payments: undefined,
    depth: 1n,
    pollMs: 1_000,
  })
  const { relayTokenId: _, ...unminted } = registry
  expect(read({ ...good, registry: unminted }).registry.relayTokenId).toBeUndefined()
})

describe('a malformed file names the place and not the value', () => {
  const withChain = (change: object) => ({ ...good, chains: [{ ...chain, ...change }] })
  const withRegistry = (change: object) => ({ ...good, registry: { ...registry, ...change } })
  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /^chain\.json: the chain file is no JSON/u],
    ['no object', [], /^the whole in chain\.json: it has to be an object/u],
    ['an unknown key', { ...good, rpc: [] }, /^rpc in chain\.json: it is not known here; known are registry, chains/u],
    ['no registry', { chains: [chain] }, /^registry in chain\.json: it has to be an object/u],
    ['no chains', { registry, chains: [] }, /^chains in chain\.json: it has to be a list of at least one/u],
    ['a chain twice', { registry, chains: [chain, chain] }, /^chains in chain\.json: it has a chain twice/u],
    ['a registry on no chain', withRegistry({ chainId: 5 }), /^chains in chain\.json: it lacks the registry's chain/u],
    [
      'a short address',
      withRegistry({ shops: '0xabc' }),
      /^registry\.shops in chain\.json: it has to be 0x and 40 digits/u,
    ],
    ['a token id that is a number', withRegistry({ relayTokenId: 5 }), /^registry\.relayTokenId in chain\.json/u],
    ['no URLs', withChain({ rpc: [] }), /^chains\[0\]\.rpc in chain\.json/u],
    ['a URL of another kind', withChain({ rpc: ['ftp://hidden'] }), /^chains\[0\]\.rpc in chain\.json/u],
    ['a depth of 0', withChain({ depth: 0 }), /^chains\[0\]\.depth in chain\.json/u],
    ['a fast poll', withChain({ pollMs: 1 }), /^chains\[0\]\.pollMs in chain\.json/u],
    [
      'a misspelt key',
      withChain({ payment: address('c') }),
      /^chains\[0\]\.payment in chain\.json: it is not known here/u,
    ],
    ['a chain id that is text', withChain({ chainId: '1' }), /^chains\[0\]\.chainId in chain\.json/u],
  ])('%s', (_what, value, message) => {
    expect(() => read(value)).toThrow(SettingsError)
    expect(() => read(value)).toThrow(message)
    expect(() => read(value)).not.toThrow(/hidden/u)
  })
})
