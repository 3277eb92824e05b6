/** `cairn watch` in this process: what it finds by itself, what it prints beside a value, and when it turns red. */

import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import type { AddressInfo } from 'node:net'
import { main } from '../../src/cli/main.js'
import { prefixedHex } from '../../src/bytes/hex.js'
import type { Encodable } from '../../src/codec/encode.js'
import { connect, type ShopClient } from '../../src/client/shop-client.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

let running: TestRelay
let proxy: LyingProxy
let owner: ShopClient
let stop: AbortController
let out: string[]
let err: string[]

beforeEach(async () => {
  running = await relay()
  proxy = await lyingProxy(running.url)
  const key = newSecret()
  await enrolCard(running.url, key)
  owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key })
  await owner.write([listing(1n)])
  stop = new AbortController()
  out = []
  err = []
})
afterEach(async () => {
  stop.abort()
  owner.close()
  proxy.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

function watch(
  argv: readonly string[],
  more: { isTerminal?: boolean; env?: Record<string, string> } = {},
): Promise<number> {
  const io = {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    env: {},
    isTerminal: false,
  }
  return main(['watch', ...argv], { ...io, ...more, signal: stop.signal })
}

async function says(lines: readonly string[], wanted: RegExp): Promise<string> {
  for (;;) {
    const found = lines.find((line) => wanted.test(line))
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const given = () => ['--url', proxy.url, '--shop', `${SHOP}`, '--relay', prefixedHex(running.address)]

it('finds the shop of a development relay, and tells which checkpoint proves each value', async () => {
  const code = watch(['--url', running.url, '--listing', '1'])
  await says(out, /^Listing 1 {2}price 0\.0{15}1 ETH on chain 31337 {2}✓ proven as of checkpoint 2$/u)
  await owner.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n }])
  await says(out, /^Listing 1 {2}price 0\.0{17}7 ETH on chain 31337 {2}✓ proven as of checkpoint 3$/u)
  expect(out).toHaveLength(2)
  stop.abort()
  expect(await code).toBe(0)
})

it('a price in a token is in its smallest unit, as JSON with its currency', async () => {
  const Address = new Uint8Array(20).fill(7)
  const value = new Map<string, Encodable>([
    ['ChainID', 1n],
    ['Address', Address],
  ])
  await owner.write([{ op: 'replace', path: ['Manifest', 'PricingCurrency'], value }])
  void watch([...given(), '--listing', '1'])
  await says(out, /price 100 smallest units of token 0x(07){20} on chain 1 {2}✓ proven as of checkpoint 3$/u)
  void watch([...given(), '--listing', '1', '--json'])
  const { listing } = JSON.parse(await says(out, /^\{/u)) as { listing: object }
  expect(listing).toMatchObject({ price: '100', currency: { chainId: '1', address: prefixedHex(Address) } })
})

it('a listing that is not there is said not to be, proven, and waited for', async () => {
  const code = watch([...given(), '--listing', '9'])
  await says(out, /^listing 9 is not there {2}✓ proven as of checkpoint 2; waiting for it$/u)
  await owner.write([listing(9n)])
  await says(out, /^Listing 9 {2}price .* {2}✓ proven as of checkpoint 3$/u)
  stop.abort()
  expect(await code).toBe(0)
})

it('of several shops one has to be named', async () => {
  await enrolCard(running.url, newSecret(), { shop: SHOP + 1n })
  expect(await watch(['--url', running.url, '--listing', '1', '--data', '/nowhere'])).toBe(1)
  expect(err.at(-1)).toBe(`cairn watch: --shop is missing: the relay at ${running.url} has ${SHOP}, ${SHOP + 1n}`)
})

it.each([
  ['on a terminal', true, {}],
  ['with NO_COLOR', true, { NO_COLOR: '1' }],
  ['in a pipe', false, {}],
])('turns red by itself where something does not verify, and says why: %s', async (_where, isTerminal, env) => {
  proxy.lie((message) => (message.kind === 'push' ? undefined : message))
  const code = watch([...given(), '--listing', '1'], { isTerminal, env })
  await says(out, /proven as of checkpoint 2$/u)
  await owner.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 7n }])
  expect(await code).toBe(1)
  const said = err.at(-1)!
  expect(said).toMatch(/cairn watch: what the relay sent does not verify: Listings\/0{15}1: held as of set 3 is /u)
  expect(said).toContain('the last value, Listing 1  price 0.0000000000000001 ETH on chain 31337, is not to')
  expect(said.startsWith('\u001b[31m')).toBe(isTerminal && !('NO_COLOR' in env))
})

it('says so in JSON, and an absent listing is proven too', async () => {
  const code = watch([...given(), '--listing', '9', '--json'])
  const line = await says(out, /./u)
  expect(JSON.parse(line)).toEqual({
    status: 'unavailable',
    seq: 2,
    complete: true,
    stale: false,
    version: 5,
    listing: null,
  })
  stop.abort()
  expect(await code).toBe(0)
})

it('says when the relay speaks version 4 only', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/v4/sessions' })
  server.on('connection', (socket) => socket.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await watch(['--url', url, '--shop', '1', '--relay', prefixedHex(running.address), '--listing', '1'])).toBe(1)
  expect(err[0]).toBe('the relay speaks version 4 only: nothing proves that nothing was left out')
  server.close()
})
