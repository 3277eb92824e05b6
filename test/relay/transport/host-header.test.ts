import { describe, expect, test } from 'vitest'
import { strangeHost } from '../../../src/relay/transport/host-header.js'

const asked = (host: string) => strangeHost(new Map([['host', host]]), 'http://relay.example:4444')

describe('in development mode a Host', () => {
  test.each([
    'relay.example',
    'RELAY.example:1',
    'localhost:4444',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9:80',
    '[::1]:1',
  ])('%j is the relay’s', (host) => {
    expect(asked(host)).toBeUndefined()
  })

  test.each([
    'rebound.example',
    'relay.example.rebound.example',
    'not-relay.example',
    '192.0.2.1',
    '127.0.0.1.rebound.example',
    'localhost.rebound.example',
    'notlocalhost',
    '[::2]',
    '',
    'a b',
  ])('%j is a stranger’s', (host) => {
    expect(asked(host)).toContain('--public-url')
  })

  test('that is not there is no browser’s', () => {
    expect(strangeHost(new Map(), 'http://relay.example')).toBeUndefined()
  })
})
