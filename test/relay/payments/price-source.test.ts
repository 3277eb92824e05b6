import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import {
  fixedPrice,
  httpPrices,
  NO_PRICES,
  PriceTableError,
  readTable,
  type PriceSource,
} from '../../../src/relay/payments/price-source.js'
import { TestClock } from '../../fixtures/turned-clock.js'

const ETHER = { ChainID: 1n, Address: new Uint8Array(20) }
const TOKEN = { ChainID: 1n, Address: new Uint8Array(20).fill(0xab) }
const names = { from: `1:0x${'0'.repeat(40)}`, to: `1:0x${'AB'.repeat(20)}` }
const table = (factor = '1500', divisor = '1') => JSON.stringify({ rates: [{ ...names, factor, divisor }] })

test('none has no rate, fixed has one for all', () => {
  expect(NO_PRICES.rate(ETHER, TOKEN)).toMatch(/only the pricing currency/u)
  const rate = { factor: 1_500n, divisor: 1n }
  expect(fixedPrice(rate).rate(TOKEN, ETHER)).toBe(rate)
})

describe('a table', () => {
  test('is read, in whatever case', () => {
    expect([...readTable(table()).values()]).toEqual([{ factor: 1_500n, divisor: 1n }])
    expect([...readTable(JSON.stringify({ rates: [{ ...names, factor: '3' }] })).values()]).toEqual([
      { factor: 3n, divisor: 1n },
    ])
    expect(readTable('{"rates": []}').size).toBe(0)
  })

  test.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['no rates', '{}'],
    ['rates that are no list', '{"rates": {}}'],
    ['a row that is no object', '{"rates": [1]}'],
    ['a factor that is a number', JSON.stringify({ rates: [{ ...names, factor: 1_500 }] })],
    ['a fraction', table('1.5')],
    ['a negative factor', table('-1')],
    ['a divisor of 0', table('1', '0')],
    ['an empty factor', table('')],
    ['a currency without chain', JSON.stringify({ rates: [{ ...names, from: `0x${'0'.repeat(40)}`, factor: '1' }] })],
    ['a short address', JSON.stringify({ rates: [{ ...names, to: '1:0xab', factor: '1' }] })],
    [
      'more rows than allowed',
      JSON.stringify({ rates: Array.from({ length: 10_001 }, () => ({ ...names, factor: '1' })) }),
    ],
  ])('is refused with %s', (_what, text) => {
    expect(() => readTable(text)).toThrow(PriceTableError)
  })
})

describe('over HTTP', () => {
  let server: Server
  let source: PriceSource
  let answer: (response: ServerResponse) => void
  const errors: string[] = []
  const clock = new TestClock()

  afterEach(() => {
    source.close()
    server.close()
    server.closeAllConnections()
    errors.length = 0
  })

  async function start(first: (response: ServerResponse) => void): Promise<void> {
    answer = first
    server = createServer((_request, response) => answer(response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-key`
    source = httpPrices({
      url,
      maxAgeSeconds: 300,
      clock,
      onError: (error) => errors.push(error.message),
      fetchSeconds: 60,
      timeoutSeconds: 0.2,
    })
  }

  async function eventually(condition: () => boolean): Promise<void> {
    for (const end = Date.now() + 20_000; !condition() && Date.now() < end;)
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect(condition()).toBe(true)
  }

  test('the last table holds until it is too old, and a new one counts at once', async () => {
    await start((response) => response.end(table()))
    expect(source.rate(ETHER, TOKEN)).toMatch(/too old/u)
    await eventually(() => typeof source.rate(ETHER, TOKEN) === 'object')
    expect(source.rate(TOKEN, ETHER)).toMatch(/no rate for this currency/u)
    expect(source.problem).toBeUndefined()
    answer = (response) => response.writeHead(500).end()
    for (let minutes = 0; minutes < 5; minutes++) {
      const failures = errors.length
      await clock.turn(60_000)
      await eventually(() => errors.length > failures)
      expect(source.rate(ETHER, TOKEN)).toEqual({ factor: 1_500n, divisor: 1n })
    }
    await clock.turn(1_000)
    expect(source.rate(ETHER, TOKEN)).toMatch(/too old/u)
    expect(source.problem).toMatch(/the price source gives no rates: it answers 500/u)
    answer = (response) => response.end(table('1600'))
    await clock.turn(60_000)
    await eventually(() => typeof source.rate(ETHER, TOKEN) === 'object')
    expect(source.rate(ETHER, TOKEN)).toEqual({ factor: 1_600n, divisor: 1n })
  })

  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['an answer that never comes', () => undefined, /cannot be reached/u],
    ['a redirect', (response) => response.writeHead(302, { location: '/' }).end(), /cannot be reached/u],
    ['garbage', (response) => response.end('<html>'), /no JSON/u],
    ['too much', (response) => response.end('x'.repeat(1_048_577)), /over 1048576 bytes/u],
    [
      'half an answer',
      (response) => {
        response.writeHead(200, { 'content-length': '10' }).write('{')
        response.destroy()
      },
      /cannot be reached/u,
    ],
  ])('%s is an error without the URL', async (_what, first, message) => {
    await start(first)
    await eventually(() => errors.length > 0)
    expect(errors[0]).toMatch(message)
    expect(errors[0]).not.toContain('secret-key')
    expect(source.rate(ETHER, TOKEN)).toMatch(/too old/u)
  })
})
