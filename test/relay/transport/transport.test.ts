import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { FRAMES_PER_TURN_MAX } from '../../../src/limits.js'
import { listen } from '../../../src/relay/transport/listen.js'
import {
  ListenError,
  plainAddress,
  type Connection,
  type TransportOptions,
} from '../../../src/relay/transport/transport.js'
import { listenUws, loadUws } from '../../../src/relay/transport/uws.js'
import { listenWs } from '../../../src/relay/transport/ws.js'
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

  test.each([
    ['pings', 9],
    ['pongs', 10],
    ['frames', 2],
  ])('%s beyond what one turn of the loop may take close with 1008', async (_what, opcode) => {
    const closed: number[] = []
    const frames = { count: 0 }
    const websocket = {
      ...SILENT.websocket,
      frame: () => void frames.count++,
      closed: (_c: Connection, code: number) => void closed.push(code),
    }
    const listener = await listenUws(uws, { ...SILENT, websocket })
    const flood = async (count: number) => {
      const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
      await once(socket, 'open')
      const { _socket: bare } = socket as unknown as { _socket: Socket }
      bare.write(Buffer.alloc(6 * count, Buffer.from([0x80 | opcode, 0x80, 0, 0, 0, 0])))
      return socket
    }
    // Two writes, so that a turn may lie between them.
    const calm = await flood(FRAMES_PER_TURN_MAX / 2)
    calm.ping()
    await once(calm, 'pong')
    expect(closed).toEqual([])
    calm.terminate()
    await vi.waitFor(() => expect(closed).toEqual([1006]), 20_000)
    frames.count = 0
    // So many that the buffers of the system grow, and one turn finds more than enough in them.
    const wild = await flood(50 * FRAMES_PER_TURN_MAX)
    const [code] = (await once(wild, 'close')) as [number]
    expect(code).toBe(1008)
    expect(closed).toEqual([1006, 1008])
    if (opcode === 2) expect(frames.count).toBeLessThan(50 * FRAMES_PER_TURN_MAX)
    listener.terminateAll()
  })
})

describe('ws', () => {
  transportSuite('ws', (options) => listenWs(options))

  test('a download that nobody reads is ended', async () => {
    let released = false
    const chunks = async function* () {
      try {
        for (let i = 0; i < 64; i++) yield new Uint8Array(1 << 20)
      } finally {
        released = true
      }
    }
    const http = async () => ({ status: 200, headers: {}, body: { size: 64 << 20, chunks: chunks() } })
    const listener = await listenWs({ ...SILENT, http }, { idleMs: 200, headMs: 10_000, bodyMs: 30_000 })
    const socket = connect(listener.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n')
    await vi.waitFor(() => expect(released).toBe(true), { timeout: 10_000 })
    // A WebSocket is not an HTTP exchange: it may be silent.
    const websocket = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
    await once(websocket, 'open')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(websocket.readyState).toBe(WebSocket.OPEN)
    socket.destroy()
    listener.terminateAll()
  })

  test('frames that wait count for more than their bytes, and for nothing once they are read', async () => {
    const opened: Connection[] = []
    const websocket = { ...SILENT.websocket, opened: (connection: Connection) => void opened.push(connection) }
    const listener = await listenWs({ ...SILENT, websocket })
    const client = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
    await once(client, 'open')
    client.pause()
    const [connection] = opened
    while (connection!.send(new Uint8Array(1 << 20)) === 'sent');
    const before = connection!.bufferedAmount()
    for (let i = 0; i < 1_000; i++) connection!.send(new Uint8Array(10))
    expect(connection!.bufferedAmount() - before).toBeGreaterThanOrEqual(1_000 * (10 + 256))
    client.resume()
    await vi.waitFor(() => expect(connection!.bufferedAmount()).toBe(0), 20_000)
    client.terminate()
    listener.terminateAll()
  })
})

describe('the choice', () => {
  afterEach(() => vi.unstubAllEnvs())

  test.each([
    ['off', 'ws'],
    ['on', uws === undefined ? 'ws' : 'uws'],
  ])('with CAIRN_NATIVE=%s is %s', async (setting, kind) => {
    vi.stubEnv('CAIRN_NATIVE', setting)
    expect(await chosen()).toBe(kind)
  })

  test('where others reach the port is ws', async () => {
    expect(await chosen('0.0.0.0')).toBe('ws')
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

const SILENT: TransportOptions = {
  host: '127.0.0.1',
  port: 0,
  maxFrameBytes: 1024,
  socketsMax: Infinity,
  onFull: () => {},
  clientAddress: (peer) => peer,
  decideUpgrade: () => ({ accept: true }),
  http: async () => ({ status: 404, headers: {} }),
  onBug: () => {},
  websocket: { opened: () => {}, frame: () => {}, drained: () => {}, closed: () => {} },
}

async function chosen(host = '127.0.0.1'): Promise<string> {
  const listener = await listen({ ...SILENT, host })
  await listener.close()
  listener.terminateAll()
  return listener.kind
}
