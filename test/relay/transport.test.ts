import { afterEach, describe, expect, test, vi } from 'vitest'
import { listen } from '../../src/relay/listen.js'
import { ListenError, plainAddress } from '../../src/relay/transport.js'
import { listenUws, loadUws } from '../../src/relay/transport-uws.js'
import { listenWs } from '../../src/relay/transport-ws.js'
import { transportSuite } from './transport.suite.js'

const uws = await loadUws()

describe('uWebSockets.js', () => {
  if (uws === undefined) {
    test('has no binary for this platform: the transport on ws stands in', async () => {
      expect(await chosen()).toBe('ws')
    })
    return
  }
  transportSuite('uws', async (options) => listenUws(uws, options))
})

describe('ws', () => transportSuite('ws', listenWs))

describe('the choice', () => {
  afterEach(() => vi.unstubAllEnvs())

  test.each([
    ['off', 'ws'],
    ['on', uws === undefined ? 'ws' : 'uws'],
  ])('with CAIRN_NATIVE=%s is %s', async (setting, kind) => {
    vi.stubEnv('CAIRN_NATIVE', setting)
    expect(await chosen()).toBe(kind)
  })
})

describe('an address', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['0000:0000:0000:0000:0000:ffff:c000:0207', '192.0.2.7'],
    ['::ffff:0:192.0.2.7', '::ffff:0:c000:207'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', ''],
  ])('%j is %j', (text, plain) => {
    expect(plainAddress(text)).toBe(plain)
  })
})

test('a failure to listen says what happened', () => {
  expect(new ListenError('127.0.0.1', 80, 'EACCES')).toMatchObject({
    code: 'not-permitted',
    message: 'cannot listen on 127.0.0.1 port 80: not permitted (EACCES)',
  })
  expect(new ListenError('127.0.0.1', 80, undefined)).toMatchObject({ code: 'failed' })
})

async function chosen(): Promise<string> {
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    maxFrameBytes: 1024,
    decideUpgrade: () => ({ accept: true }),
    http: async () => ({ status: 404, headers: {} }),
    onBug: () => {},
    websocket: { opened: () => {}, frame: () => {}, drained: () => {}, closed: () => {} },
  })
  await listener.close()
  listener.terminateAll()
  return listener.kind
}
