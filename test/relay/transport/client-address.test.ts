import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPrivateAddress, TrustedProxies } from '../../../src/relay/transport/client-address.js'

const TRUSTED = '127.0.0.1,10.0.0.0/8,2001:db8:5::/48'

function seen(peer: string, headers: Readonly<Record<string, string>>, trusted = TRUSTED) {
  const untrusted: string[] = []
  const proxies = new TrustedProxies(trusted, (address) => void untrusted.push(address))
  return [proxies.addressOf(peer, new Map(Object.entries(headers))), untrusted]
}
/** Through a trusted proxy. */
const xForwardedFor = (value: string) => seen('127.0.0.1', { 'x-forwarded-for': value })[0]
const forwarded = (value: string) => seen('127.0.0.1', { forwarded: value })[0]

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['198.51.100.9, 192.0.2.1', '192.0.2.1'],
  ['198.51.100.9, 192.0.2.1,10.1.2.3', '192.0.2.1'],
  ['198.51.100.9, 192.0.2.1, 10.1.2.3, 10.0.0.1', '192.0.2.1'],
  ['192.0.2.1:5678', '192.0.2.1'],
  ['[2001:DB8::1]:5678', '2001:db8::1'],
  ['2001:DB8:0::1', '2001:db8::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1, 2001:db8:5::7', '192.0.2.1'],
  // All trusted: the first of them asks for itself.
  ['10.0.0.9, 10.0.0.8', '10.0.0.9'],
  // Behind what is no address nobody knows more.
  ['192.0.2.1, unknown', '127.0.0.1'],
  ['192.0.2.1, unknown, 10.0.0.8', '10.0.0.8'],
  ['192.0.2.1, 300.1.1.1', '127.0.0.1'],
  ['', '127.0.0.1'],
  [',', '127.0.0.1'],
])('X-Forwarded-For: %s from a trusted proxy is of %s', (value, client) => {
  expect(xForwardedFor(value)).toBe(client)
})

test.each([
  ['for=192.0.2.1', '192.0.2.1'],
  ['For="192.0.2.1:80";proto=https;by=203.0.113.43', '192.0.2.1'],
  ['proto=https; for="[2001:DB8::1]:4711"', '2001:db8::1'],
  ['for=198.51.100.9, for=192.0.2.1;proto=http , for=10.0.0.7', '192.0.2.1'],
  ['for=192.0.2.1, for=unknown', '127.0.0.1'],
  ['for=192.0.2.1, for=_hidden, for=10.0.0.7', '10.0.0.7'],
  ['for=192.0.2.1, proto=https', '127.0.0.1'],
  // What a client wrote must not swallow what the proxy appended.
  ['for=198.51.100.9;a=", for=192.0.2.1', '127.0.0.1'],
  ['for=198.51.100.9;a=", for="[2001:db8::1]"', '127.0.0.1'],
  ['for=198.51.100.9;a="\\", for="[2001:db8::1]"', '127.0.0.1'],
  ['for=198.51.100.9;', '127.0.0.1'],
  ['192.0.2.1', '127.0.0.1'],
])('Forwarded: %s from a trusted proxy is of %s', (value, client) => {
  expect(forwarded(value)).toBe(client)
})

test('nothing is believed from elsewhere, and it is told', () => {
  for (const name of ['x-forwarded-for', 'forwarded']) {
    expect(seen('192.0.2.66', { [name]: 'for=10.0.0.1' })).toEqual(['192.0.2.66', ['192.0.2.66']])
    expect(seen('127.0.0.1', { [name]: '192.0.2.1' }, '')).toEqual(['127.0.0.1', ['127.0.0.1']])
  }
  expect(seen('192.0.2.66', {})).toEqual(['192.0.2.66', []])
})

test('two headers that disagree are not believed: a proxy passes on the one that it does not write', () => {
  const both = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' }
  expect(seen('127.0.0.1', both)[0]).toBe('192.0.2.1')
  expect(seen('127.0.0.1', { ...both, forwarded: 'for=198.51.100.9' })[0]).toBe('127.0.0.1')
  expect(seen('127.0.0.1', { ...both, 'x-forwarded-for': '198.51.100.9' })[0]).toBe('127.0.0.1')
})

test('whatever a client writes before it, a proxy’s hop counts, or the proxy itself', () => {
  const written = fc.oneof(fc.string(), fc.stringMatching(/^(?:for=|[ ,;="\\a1.:[\]]){0,12}$/u))
  fc.assert(
    fc.property(written, fc.constantFrom('192.0.2.1', '2001:db8::1'), (text, client) => {
      const named = client.includes(':') ? `"[${client}]"` : client
      expect([client, '127.0.0.1']).toContain(xForwardedFor(`${text}, ${client}`))
      expect([client, '127.0.0.1']).toContain(forwarded(`${text}, for=${named}`))
      expect([client, '127.0.0.1']).toContain(forwarded(`${text}, by=10.0.0.1;for=${named}`))
    }),
    { numRuns: 2_000 },
  )
})

test('private addresses', () => {
  const addresses = ['127.0.0.1', '172.17.0.1', 'fd00::1', 'fe80::1', '192.0.2.1', '2001:db8::1', '']
  expect(addresses.filter(isPrivateAddress)).toEqual(['127.0.0.1', '172.17.0.1', 'fd00::1', 'fe80::1'])
})
