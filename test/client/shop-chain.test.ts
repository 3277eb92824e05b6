/** What a client asks of a chain: each answer that an endpoint, a provider or a contract may give. */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { word } from '../../src/bytes/abi.js'
import { concatBytes } from '../../src/bytes/bytes.js'
import { prefixedHex } from '../../src/bytes/hex.js'
import { ShopOnChain, type ShopChain } from '../../src/client/shop-chain.js'
import { getAllRelaysCall, ownerOfCall, rootHashCall, rootNonceCall } from '../../src/wire/registry-calls.js'

const SHOP = 5n
const [SHOPS, RELAYS, OWNER] = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Calls, by contract and data, that answer; others revert. */
function provider(results: ReadonlyMap<string, Uint8Array>): ShopChain['rpc'] {
  return {
    request: async ({ method, params }) => {
      if (method === 'eth_chainId') return '0x7a69'
      const [{ to, data }] = params as [{ readonly to: string; readonly data: string }]
      const result = results.get(`${to} ${data}`)
      if (result === undefined) throw Object.assign(new Error('execution reverted'), { code: 3 })
      return prefixedHex(result)
    },
  }
}

const call = (to: Uint8Array, data: Uint8Array) => `${prefixedHex(to)} ${prefixedHex(data)}`
const relays = (...tokens: readonly bigint[]) =>
  concatBytes(word(32n), word(BigInt(tokens.length)), ...tokens.map(word))
const on = (rpc: ShopChain['rpc']) => new ShopOnChain({ chainId: 31_337n, shops: SHOPS, relays: RELAYS, rpc }, SHOP)
const owned = (token: bigint) => [call(RELAYS, ownerOfCall(token)), concatBytes(new Uint8Array(12), OWNER)] as const

it('the relay that a shop names, and the owner of its token', async () => {
  const results = new Map([[call(SHOPS, getAllRelaysCall(SHOP)), relays(9n)], owned(9n)])
  expect(await on(provider(results)).relayAt('http://127.0.0.1:1')).toEqual({
    address: OWNER,
    identity: { ChainID: 31_337n, Registry: SHOPS, Relay: 9n },
  })
})

it('of several relays the one that answers, if the shop names it', async () => {
  let told = '0x08'
  const url = await answering((_request, response) =>
    response.end(JSON.stringify({ chain_id: 31_337, relay_address: '0x', relay_token_id: told })),
  )
  const results = new Map([[call(SHOPS, getAllRelaysCall(SHOP)), relays(9n, 8n)], owned(8n)])
  expect((await on(provider(results)).relayAt(url)).identity.Relay).toBe(8n)
  told = '0x07'
  await expect(on(provider(results)).relayAt(url)).rejects.toMatchObject({
    code: 'VERIFICATION_FAILED',
    message: expect.stringMatching(/names relay tokens 9, 8 in .*, and the relay at .* says that it is 7$/u),
  })
})

it.each([
  ['no relay', new Map([[call(SHOPS, getAllRelaysCall(SHOP)), relays()]]), 'shop 5 names no relay in'],
  ['no such shop', new Map<string, Uint8Array>(), 'shop 5 names no relay in'],
  ['no owner', new Map([[call(SHOPS, getAllRelaysCall(SHOP)), relays(9n)]]), 'relay token 9 has no owner in'],
])('%s is told', async (_what, results, says) => {
  const error = { code: 'NOT_FOUND', message: expect.stringContaining(says) }
  await expect(on(provider(results)).relayAt('http://127.0.0.1:1')).rejects.toMatchObject(error)
})

it('what was anchored, with its nonce; zeros are nothing', async () => {
  const digest = new Uint8Array(32).fill(4)
  const results = new Map([
    [call(SHOPS, rootHashCall(SHOP)), digest],
    [call(SHOPS, rootNonceCall(SHOP)), word(12n)],
  ])
  expect(await on(provider(results)).anchored()).toEqual({ digest, nonce: 12n })
  results.set(call(SHOPS, rootHashCall(SHOP)), new Uint8Array(32))
  expect(await on(provider(results)).anchored()).toBeUndefined()
  expect(await on(provider(new Map())).anchored()).toBeUndefined()
})

it('the first of several endpoints that answers is taken', async () => {
  const asked: string[] = []
  const good = await answering((request, response) => {
    let text = ''
    request.on('data', (chunk) => (text += String(chunk)))
    request.on('end', () => {
      const { method } = JSON.parse(text) as { method: string }
      asked.push(method)
      response.end(JSON.stringify({ id: 1, jsonrpc: '2.0', result: method === 'eth_chainId' ? '0x7a69' : '0x' }))
    })
  })
  const bad = await answering((_request, response) => response.writeHead(500).end('out of order'))
  expect(await on([bad, good]).anchored()).toBeUndefined()
  expect(new Set(asked)).toEqual(new Set(['eth_chainId', 'eth_call']))
})

it('an endpoint of another chain, one without an answer, and answers that are none', async () => {
  const said = (result: unknown) =>
    answering((_request, response) => response.end(JSON.stringify({ id: 1, jsonrpc: '2.0', result })))
  await expect(on(await said('0x1')).anchored()).rejects.toMatchObject({
    code: 'USAGE',
    message: 'the endpoint is of chain 1, not of 31337',
  })
  const away = on('http://127.0.0.1:1/with-a-key').anchored()
  await expect(away).rejects.toMatchObject({ code: 'UNREACHABLE', message: expect.not.stringContaining('with-a-key') })
  const odd = await answering((_request, response) => response.end('{"error":{"code":-32601,"message":"unknown"}}'))
  await expect(on(odd).anchored()).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: 'the chain does not answer eth_chainId: unknown',
  })
})

it('a provider that never answers ends with the signal', async () => {
  const stop = new AbortController()
  const rpc = { request: () => new Promise<never>(() => undefined) }
  const asked = new ShopOnChain({ chainId: 1n, shops: SHOPS, relays: RELAYS, rpc }, SHOP, stop.signal).anchored()
  stop.abort()
  await expect(asked).rejects.toMatchObject({ code: 'ABORTED' })
})

it.each(['0x12', new Uint8Array(19), 'shop'])('%s is no contract', (shops) => {
  expect(() => new ShopOnChain({ chainId: 1n, shops, relays: RELAYS, rpc: [] }, SHOP)).toThrow(/^chain\.shops is/u)
})
