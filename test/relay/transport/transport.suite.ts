/**
 * What every transport keeps of src/relay/transport/transport.ts. Clients: npm `ws`, node:http, and bare sockets for
 * half frames.
 */

import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { BodyTooLarge } from '../../../src/relay/transport/request-body.js'
import type {
  Connection,
  HttpRequest,
  HttpResponse,
  Listener,
  TransportOptions,
} from '../../../src/relay/transport/transport.js'
import { ListenError } from '../../../src/relay/transport/transport.js'
import { arrived } from '../../fixtures/arrived.js'

type Event =
  | { what: 'opened'; id: number; path: string; query: string; address: string }
  | { what: 'frame'; id: number; bytes: Uint8Array }
  | { what: 'drained'; id: number }
  | { what: 'closed'; id: number; code: number }

interface Relay {
  readonly listener: Listener
  readonly events: Event[]
  readonly connections: Map<number, Connection>
  readonly bugs: unknown[]
}

const MAX_FRAME = 64 * 1024
const UPGRADE_LINES =
  'Host: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export function transportSuite(kind: 'uws' | 'ws', listen: (options: TransportOptions) => Promise<Listener>): void {
  const listeners: Listener[] = []
  const clients: (WebSocket | Socket)[] = []

  afterEach(async () => {
    for (const client of clients.splice(0)) {
      if ('terminate' in client) client.terminate()
      else client.destroy()
    }
    for (const listener of listeners.splice(0)) {
      await listener.close()
      listener.terminateAll()
    }
  })

  async function relay(
    change: Partial<TransportOptions> = {},
    onFrame?: (c: Connection, b: Uint8Array) => void,
  ): Promise<Relay> {
    const events: Event[] = []
    const connections = new Map<number, Connection>()
    const bugs: unknown[] = []
    const listener = await listen({
      host: '127.0.0.1',
      port: 0,
      maxFrameBytes: MAX_FRAME,
      socketsMax: Infinity,
      onFull: () => {},
      clientAddress: (peer) => peer,
      decideUpgrade: () => ({ accept: true }),
      http: async () => ({ status: 404, headers: {} }),
      onBug: (error) => bugs.push(error),
      websocket: {
        opened: (c, { path, query }) => {
          connections.set(c.id, c)
          events.push({ what: 'opened', id: c.id, path, query: query.toString(), address: c.address })
        },
        frame: (c, bytes) => {
          events.push({ what: 'frame', id: c.id, bytes })
          onFrame?.(c, bytes)
        },
        drained: (c) => events.push({ what: 'drained', id: c.id }),
        closed: (c, code) => events.push({ what: 'closed', id: c.id, code }),
      },
      ...change,
    })
    listeners.push(listener)
    return { listener, events, connections, bugs }
  }

  async function client(to: Relay, path = '/v4/sessions'): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${to.listener.port}${path}`)
    clients.push(socket)
    await once(socket, 'open')
    return socket
  }

  /** A bare socket that has upgraded. */
  async function bare(to: Relay, lines = ''): Promise<Socket> {
    const socket = connect({ port: to.listener.port, host: '127.0.0.1', allowHalfOpen: true })
    clients.push(socket)
    socket.on('error', () => {})
    socket.write(`GET /v4/sessions HTTP/1.1\r\n${UPGRADE_LINES}${lines}\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(head.toString()).toMatch(/^HTTP\/1.1 101 /)
    return socket
  }

  describe('connections', () => {
    test('open with path, query and address, carry binary frames both ways, and end once', async () => {
      const r = await relay({}, (c, bytes) => c.send(bytes))
      const socket = await client(r, '/v4/sessions?a=1&b=%20')
      socket.send(Buffer.from([1, 2, 3]))
      const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean]
      expect([...data]).toEqual([1, 2, 3])
      expect(isBinary).toBe(true)
      expect(r.connections.get(1)?.isOpen()).toBe(true)
      socket.close(4001)
      await until(() => closedEvents(r).length > 0)
      expect(r.events).toEqual([
        { what: 'opened', id: 1, path: '/v4/sessions', query: 'a=1&b=+', address: '127.0.0.1' },
        { what: 'frame', id: 1, bytes: new Uint8Array([1, 2, 3]) },
        { what: 'closed', id: 1, code: 4001 },
      ])
      const connection = r.connections.get(1)!
      expect(connection.isOpen()).toBe(false)
      expect(connection.send(new Uint8Array(1))).toBe('closed')
      expect(connection.bufferedAmount()).toBe(0)
      connection.close(1000, 'again')
      connection.terminate()
      connection.cork(() => connection.send(new Uint8Array(1)))
      expect(closedEvents(r)).toHaveLength(1)
      expect(r.bugs).toEqual([])
    })

    test('a frame is owned by its handler: later frames do not change it', async () => {
      const r = await relay()
      const socket = await client(r)
      for (let i = 0; i < 50; i++) socket.send(Buffer.alloc(100, i))
      await until(() => r.events.length === 51)
      const frames = r.events.filter((event) => event.what === 'frame')
      expect(frames.map((event) => [event.bytes.length, event.bytes[0], event.bytes[99]])).toEqual(
        Array.from({ length: 50 }, (_, i) => [100, i, i]),
      )
      expect(frames.every((event) => event.bytes.byteLength === event.bytes.buffer.byteLength)).toBe(true)
    })

    test('no compression, no subprotocol, and the Origin does not matter', async () => {
      const r = await relay()
      const socket = new WebSocket(`ws://127.0.0.1:${r.listener.port}/`, {
        perMessageDeflate: true,
        origin: 'https://elsewhere.example',
      })
      clients.push(socket)
      await once(socket, 'open')
      expect(socket.extensions).toBe('')
      const raw = await bare(r, 'Sec-WebSocket-Protocol: soap\r\nSec-WebSocket-Extensions: permessage-deflate\r\n')
      expect(raw.readyState).toBe('open')
      expect(r.events.map((event) => event.what)).toEqual(['opened', 'opened'])
    })

    test('a text frame closes with 1003 and reaches no handler', async () => {
      const r = await relay()
      const socket = await client(r)
      socket.send('text')
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(1003)
      expect(r.events.map((event) => event.what)).toEqual(['opened', 'closed'])
    })

    test('the largest frame is taken, one byte more closes at once', async () => {
      const r = await relay()
      const socket = await client(r)
      socket.on('error', () => {})
      socket.send(Buffer.alloc(MAX_FRAME, 7))
      socket.send(Buffer.alloc(MAX_FRAME + 1, 7))
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(kind === 'ws' ? 1009 : 1006)
      expect(r.events.map((event) => event.what)).toEqual(['opened', 'frame', 'closed'])
    })

    test('a too large frame is refused by its head, and one in fragments by their sum', async () => {
      const r = await relay()
      const head = await bare(r)
      head.write(maskedHead(0x82, MAX_FRAME + 1))
      await until(() => closedEvents(r).length === 1)
      const fragments = await bare(r)
      fragments.write(Buffer.concat([maskedHead(0x02, 40_000), Buffer.alloc(40_000)]))
      fragments.write(Buffer.concat([maskedHead(0x80, 40_000), Buffer.alloc(40_000)]))
      await until(() => closedEvents(r).length === 2)
      expect(r.events.some((event) => event.what === 'frame')).toBe(false)
    })

    test('a frame in pieces is one frame', async () => {
      const r = await relay()
      const socket = await bare(r)
      const bytes = Buffer.concat([maskedHead(0x82, 300), Buffer.alloc(300, 9)])
      for (const [from, to] of [
        [0, 1],
        [1, 3],
        [3, 100],
        [100, bytes.length],
      ]) {
        socket.write(bytes.subarray(from, to))
        await turn()
      }
      await until(() => r.events.length === 2)
      expect(r.events[1]).toEqual({ what: 'frame', id: 1, bytes: new Uint8Array(300).fill(9) })
    })
  })

  describe('ends', () => {
    test('a client that closes and reconnects without pause is gone before it is back, 100 times', async () => {
      const r = await relay()
      let socket = await bare(r)
      for (let i = 1; i <= 100; i++) {
        const again = connect({ port: r.listener.port, host: '127.0.0.1' })
        clients.push(again)
        await once(again, 'connect')
        // Close frame and new upgrade leave in one tick: nothing of the relay is waited for.
        socket.write(Buffer.concat([maskedHead(0x88, 2), Buffer.from([0x03, 0xe8])]))
        again.write(`GET /v4/sessions HTTP/1.1\r\n${UPGRADE_LINES}\r\n`)
        const [head] = (await once(again, 'data')) as [Buffer]
        expect(head.toString()).toMatch(/^HTTP\/1.1 101 /)
        expect(r.events.map((event) => `${event.what} ${event.id}`)).toEqual([
          `opened ${i}`,
          `closed ${i}`,
          `opened ${i + 1}`,
        ])
        r.events.splice(0, 2)
        socket = again
      }
    })

    test('a close frame is told before it is answered', async () => {
      const r = await relay()
      const socket = await bare(r)
      socket.write(Buffer.concat([maskedHead(0x88, 2), Buffer.from([0x0f, 0xa0])]))
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(closedEvents(r)).toEqual([{ what: 'closed', id: 1, code: 4000 }])
      expect(answer[0]).toBe(0x88)
    })

    test('an empty close frame is 1005', async () => {
      const r = await relay()
      const socket = await bare(r)
      socket.write(maskedHead(0x88, 0))
      await until(() => closedEvents(r).length === 1)
      expect(closedEvents(r)[0]).toMatchObject({ code: 1005 })
    })

    test('FIN and RST end a connection with 1006', async () => {
      const r = await relay()
      const finished = await bare(r)
      finished.end()
      await until(() => closedEvents(r).length === 1)
      const reset = await bare(r)
      reset.resetAndDestroy()
      await until(() => closedEvents(r).length === 2)
      expect(closedEvents(r)).toEqual([
        { what: 'closed', id: 1, code: 1006 },
        { what: 'closed', id: 2, code: 1006 },
      ])
    })

    test('close() tells at once, sends code and reason behind what was sent, and no frame follows', async () => {
      const r = await relay({}, (c, bytes) => {
        if (bytes[0] !== 1) return
        c.send(new Uint8Array([5]))
        c.close(4002, 'so be it')
        expect(closedEvents(r)).toEqual([{ what: 'closed', id: 1, code: 4002 }])
        expect(c.isOpen()).toBe(false)
      })
      const socket = await client(r)
      const got: Buffer[] = []
      socket.on('message', (data: Buffer) => got.push(data))
      socket.send(Buffer.from([1]))
      socket.send(Buffer.from([2]))
      const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
      expect([code, reason.toString(), got.map((data) => data[0])]).toEqual([4002, 'so be it', [5]])
      expect(r.events.map((event) => event.what)).toEqual(['opened', 'frame', 'closed'])
      expect(r.bugs).toEqual([])
    })

    test('terminate() ends without a close frame', async () => {
      const r = await relay({}, (c) => c.terminate())
      const socket = await client(r)
      socket.send(Buffer.from([1]))
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(1006)
      expect(closedEvents(r)).toEqual([{ what: 'closed', id: 1, code: 1006 }])
    })

    test('a peer that ignores the close frame loses its socket', async () => {
      const r = await relay({}, (c) => c.close(1008, 'out'))
      const socket = await bare(r)
      socket.write(Buffer.concat([maskedHead(0x82, 1), Buffer.from([1])]))
      await once(socket, 'data')
      // It goes on writing instead of closing.
      const writing = setInterval(() => socket.write(Buffer.concat([maskedHead(0x82, 1), Buffer.from([1])])), 100)
      await new Promise((resolve) => socket.once('close', resolve))
      clearInterval(writing)
      expect(r.events.map((event) => event.what)).toEqual(['opened', 'frame', 'closed'])
    })
  })

  describe('queues', () => {
    test('nothing is dropped for a slow reader: queued, counted, drained, in order', async () => {
      const r = await relay()
      const socket = await client(r)
      const connection = r.connections.get(1)!
      const seen: number[] = []
      socket.on('message', (data: Buffer) => seen.push(data.readUInt32BE(0)))
      socket.pause()
      const outcomes = new Set<string>()
      for (let i = 0; i < 64; i++) {
        const frame = Buffer.alloc(1 << 20)
        frame.writeUInt32BE(i)
        outcomes.add(connection.send(frame))
      }
      expect(outcomes.has('queued')).toBe(true)
      expect(outcomes.has('closed')).toBe(false)
      expect(connection.bufferedAmount()).toBeGreaterThan(16 << 20)
      await turn()
      expect(r.events.some((event) => event.what === 'drained')).toBe(false)
      socket.resume()
      await until(() => seen.length === 64)
      expect(seen).toEqual(Array.from({ length: 64 }, (_, i) => i))
      await until(() => r.events.some((event) => event.what === 'drained'))
      expect(connection.bufferedAmount()).toBe(0)
    })

    test('corked frames arrive in order, and what is thrown inside comes out', async () => {
      const r = await relay()
      const socket = await client(r)
      const seen: number[] = []
      socket.on('message', (data: Buffer) => seen.push(data.readUInt8()))
      await turn()
      const connection = r.connections.get(1)!
      expect(() =>
        connection.cork(() => {
          for (let i = 0; i < 10; i++) connection.send(new Uint8Array(5_000).fill(i))
          throw new Error('inside')
        }),
      ).toThrow('inside')
      connection.cork(() => connection.send(new Uint8Array([10])))
      await until(() => seen.length === 11)
      expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    })

    test('a connection closed inside cork is closed', async () => {
      const r = await relay()
      const socket = await client(r)
      await until(() => r.connections.size === 1)
      const connection = r.connections.get(1)!
      connection.cork(() => {
        connection.send(new Uint8Array([1]))
        connection.close(1012, 'restart')
        expect(connection.send(new Uint8Array([2]))).toBe('closed')
      })
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(1012)
      expect(closedEvents(r)).toHaveLength(1)
    })
  })

  describe('bugs and refusals', () => {
    test('a handler that throws is reported and closes its connection with 1011, not the others', async () => {
      const r = await relay({}, (_c, bytes) => {
        if (bytes[0] === 1) throw new Error('bug in frame')
      })
      const [bad, good] = [await client(r), await client(r)]
      bad.send(Buffer.from([1]))
      const [code] = (await once(bad, 'close')) as [number]
      expect(code).toBe(1011)
      expect(r.bugs).toEqual([new Error('bug in frame')])
      good.send(Buffer.from([2]))
      await until(() => r.events.some((event) => event.what === 'frame' && event.id === 2))
      expect(closedEvents(r)).toEqual([{ what: 'closed', id: 1, code: 1011 }])
    })

    test('handlers of opening and closing may throw too', async () => {
      const bugs: unknown[] = []
      const websocket = { opened: thrower('opened'), frame: () => {}, drained: () => {}, closed: thrower('closed') }
      const r = await relay({ websocket, onBug: (error) => bugs.push((error as Error).message) })
      const socket = await client(r)
      if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
      expect(bugs).toEqual(['opened', 'closed'])
    })

    test('a refused upgrade is answered with status, text and CORS header', async () => {
      const r = await relay({
        decideUpgrade: ({ path, query, headers, address }) => ({
          accept: false,
          status: 429,
          body: `${path} ${query.get('q')} ${headers.get('x-mixed')} ${address}`,
        }),
      })
      const socket = new WebSocket(`ws://127.0.0.1:${r.listener.port}/v9/sessions?q=1`, { headers: { 'X-Mixed': 'A' } })
      clients.push(socket)
      socket.on('error', () => {})
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
      expect(response.statusCode).toBe(429)
      expect(response.headers['access-control-allow-origin']).toBe('*')
      expect(await textOf(response)).toBe('/v9/sessions 1 A 127.0.0.1')
      expect(r.events).toEqual([])
    })

    test('a decision that throws is reported and answered 500', async () => {
      const r = await relay({
        decideUpgrade: () => {
          throw new Error('undecided')
        },
      })
      const socket = new WebSocket(`ws://127.0.0.1:${r.listener.port}/`)
      clients.push(socket)
      socket.on('error', () => {})
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
      expect(response.statusCode).toBe(500)
      expect(r.bugs).toEqual([new Error('undecided')])
    })
  })

  describe('listening', () => {
    test('a taken port is an error with a code', async () => {
      const r = await relay()
      const again = relay({ port: r.listener.port })
      await expect(again).rejects.toThrow(ListenError)
      await expect(again).rejects.toMatchObject({ code: 'port-taken', host: '127.0.0.1', port: r.listener.port })
    })

    test('an address that is not ours is another', async () => {
      await expect(relay({ host: '203.0.113.9' })).rejects.toMatchObject({ code: 'address-not-available' })
    })

    test('close() keeps what is there and accepts nothing; the port is free again', async () => {
      const before = await relay()
      before.listener.terminateAll()
      const r = await relay({ port: before.listener.port }, (c, bytes) => c.send(bytes))
      const socket = await client(r)
      await r.listener.close()
      await r.listener.close()
      const late = connect(r.listener.port, '127.0.0.1')
      const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
      expect(error.code).toBe('ECONNREFUSED')
      socket.send(Buffer.from([4]))
      await once(socket, 'message')
      const successor = await relay({ port: r.listener.port })
      expect(successor.listener.port).toBe(r.listener.port)
      r.listener.terminateAll()
      await once(socket, 'close')
      expect(closedEvents(r)).toHaveLength(1)
    })
  })

  describe('http', () => {
    test('a request arrives as a value', async () => {
      let seen: Record<string, unknown> = {}
      const r = await relay({
        http: async (request) => {
          const { method, path, query, headers, address } = request
          const body = Buffer.from(await request.body(100)).toString()
          seen = { method, path, query: query.getAll('a'), type: headers.get('content-type'), address, body }
          return { status: 201, headers: { 'X-One': 'yes' }, body: 'töne' }
        },
      })
      const response = await send(r, 'POST', '/a/b?a=1&a=%262', { 'Content-Type': 'Text/Plain' }, ['he', 'llo'])
      expect(seen).toEqual({
        method: 'POST',
        path: '/a/b',
        query: ['1', '&2'],
        type: 'Text/Plain',
        address: '127.0.0.1',
        body: 'hello',
      })
      expect([response.statusCode, response.headers['x-one'], response.headers['content-length']]).toEqual([
        201,
        'yes',
        '5',
      ])
      expect(await textOf(response)).toBe('töne')
    })

    test('an answer without a body, and none to HEAD', async () => {
      const r = await relay({
        http: async ({ method }) =>
          method === 'OPTIONS' ? { status: 204, headers: {} } : { status: 200, headers: {}, body: 'x' },
      })
      const empty = await send(r, 'OPTIONS', '/')
      expect([empty.statusCode, await textOf(empty)]).toEqual([204, ''])
      const head = await send(r, 'HEAD', '/')
      expect([head.statusCode, await textOf(head)]).toEqual([200, ''])
      const get = await send(r, 'GET', '/')
      expect([get.statusCode, await textOf(get)]).toEqual([200, 'x'])
    })

    test.each([{ size: 100 }, { size: 101 }])('a body of $size bytes against a limit of 100', async ({ size }) => {
      const r = await relay({ http: async (request) => withinLimit(request, 100) })
      const response = await send(r, 'POST', '/', {}, [Buffer.alloc(size)])
      expect([response.statusCode, await textOf(response)]).toEqual(size > 100 ? [413, '100'] : [200, '100'])
    })

    test('a client that sends far more than is wanted still gets its answer', async () => {
      const r = await relay({ http: async (request) => withinLimit(request, 10) })
      const parts = Array.from({ length: 8 }, () => Buffer.alloc(1 << 20))
      const response = await send(r, 'POST', '/', { 'Content-Length': String(8 << 20) }, parts)
      expect([response.statusCode, await textOf(response)]).toEqual([413, '10'])
    })

    test('a body is streamed at the pace of its reader', async () => {
      const total = 24 << 20
      const gate = new Gate()
      let length = 0
      const r = await relay({
        http: async (request) => {
          for await (const chunk of request.stream(total)) {
            await gate.opened
            length += chunk.length
          }
          return { status: 200, headers: {}, body: String(length) }
        },
      })
      const socket = connect(r.listener.port, '127.0.0.1')
      clients.push(socket)
      socket.write(`POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: ${total}\r\n\r\n`)
      for (let i = 0; i < 24; i++) socket.write(Buffer.alloc(1 << 20))
      await settled(() => socket.bytesWritten - socket.writableLength)
      // The kernel's buffers of both ends take some MiB; the rest waits in the client.
      expect(socket.writableLength).toBeGreaterThan(8 << 20)
      gate.open()
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
      expect(length).toBe(total)
    })

    test('a streamed answer is read at the pace of the client, whole and in order', async () => {
      const [chunks, size] = [40, 1 << 20]
      let produced = 0
      const body = async function* () {
        for (let i = 0; i < chunks; i++) {
          produced++
          yield new Uint8Array(size).fill(i)
        }
      }
      const r = await relay({
        http: async () => ({ status: 200, headers: {}, body: { size: chunks * size, chunks: body() } }),
      })
      const response = await send(r, 'GET', '/')
      expect(response.headers['content-length']).toBe(String(chunks * size))
      response.pause()
      await settled(() => produced)
      expect(produced).toBeLessThan(chunks)
      const got = await bytesOf(response)
      expect(got.length).toBe(chunks * size)
      expect(Array.from({ length: chunks }, (_, i) => [got[i * size], got[(i + 1) * size - 1]])).toEqual(
        Array.from({ length: chunks }, (_, i) => [i, i]),
      )
      expect(r.bugs).toEqual([])
    })

    test('an empty streamed answer', async () => {
      const r = await relay({ http: async () => ({ status: 200, headers: {}, body: { size: 0, chunks: chunksOf() } }) })
      const response = await send(r, 'GET', '/')
      expect([response.headers['content-length'], await textOf(response)]).toEqual(['0', ''])
    })

    test.each([{ size: 9 }, { size: 11 }])(
      'a stream of 10 bytes announced as $size is a bug, and never looks whole',
      async ({ size }) => {
        const r = await relay({
          http: async () => ({ status: 200, headers: {}, body: { size, chunks: chunksOf(5, 5) } }),
        })
        await expect(send(r, 'GET', '/').then(bytesOf)).rejects.toThrow()
        await until(() => r.bugs.length === 1)
      },
    )

    test('a client that goes away while its answer streams stops the stream; no bug', async () => {
      let stopped = false
      const endless = async function* () {
        try {
          for (let i = 0; i < 10_000; i++) yield new Uint8Array(1 << 20)
        } finally {
          stopped = true
        }
      }
      const r = await relay({
        http: async () => ({ status: 200, headers: {}, body: { size: 10_000 * (1 << 20), chunks: endless() } }),
      })
      const response = await send(r, 'GET', '/')
      await once(response, 'data')
      response.destroy()
      await until(() => stopped)
      expect(r.bugs).toEqual([])
    })

    test('a stream that nobody reads is released', async () => {
      let released = 0
      const chunks = { next: thrower('read'), return: async () => ({ done: true as const, value: ++released }) }
      const body = { size: 10, chunks: { [Symbol.asyncIterator]: () => chunks } }
      const gate = new Gate()
      const r = await relay({
        http: async ({ method }) => {
          if (method === 'GET') await gate.opened
          return { status: 200, headers: {}, body }
        },
      })
      await send(r, 'HEAD', '/')
      await until(() => released === 1)
      const socket = connect(r.listener.port, '127.0.0.1')
      socket.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n')
      await turn()
      socket.destroy()
      await turn()
      gate.open()
      await until(() => released === 2)
      expect(r.bugs).toEqual([])
    })

    test('a client that goes away while it sends is told to the reader; no bug', async () => {
      let failure: unknown
      const r = await relay({
        http: async (request) => {
          try {
            await request.body(1000)
          } catch (error) {
            failure = error
            throw error
          }
          return { status: 200, headers: {} }
        },
      })
      const socket = connect(r.listener.port, '127.0.0.1')
      socket.write('POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 100\r\n\r\nhalf')
      await turn()
      socket.destroy()
      await until(() => failure !== undefined)
      expect(failure).toMatchObject({ name: 'RequestAborted' })
      expect(r.bugs).toEqual([])
    })

    test('a handler that throws is reported and answered 500 as JSON', async () => {
      const r = await relay({
        http: async () => {
          throw new Error('bug in http')
        },
      })
      const response = await send(r, 'POST', '/', {}, ['body'])
      expect([response.statusCode, response.headers['access-control-allow-origin']]).toEqual([500, '*'])
      expect(JSON.parse(await textOf(response))).toEqual({ error: 'internal error' })
      expect(r.bugs).toEqual([new Error('bug in http')])
    })

    test.each([
      ['OPTIONS', '204 No Content', undefined],
      ['HEAD', '200 OK', undefined],
      ['DELETE', '404 Not Found', '0'],
    ])('an answer to %s without a body leaves its socket to the next request', async (method, status, length) => {
      const bodies: string[] = []
      const r = await relay({
        http: async (request) => {
          if (request.method === 'OPTIONS') return { status: 204, headers: {} }
          if (request.method === 'DELETE') return { status: 404, headers: {} }
          bodies.push(Buffer.from(await request.body(100)).toString())
          return { status: 200, headers: {}, body: 'x' }
        },
      })
      const socket = connect(r.listener.port, '127.0.0.1')
      clients.push(socket)
      let text = ''
      socket.on('data', (data: Buffer) => (text += data.toString('latin1')))
      for (let round = 0; round < 2; round++) {
        text = ''
        socket.write(`${method} / HTTP/1.1\r\nHost: relay\r\n\r\n`)
        await until(() => text.endsWith('\r\n\r\n'))
        expect(text.slice(0, text.indexOf('\r\n'))).toBe(`HTTP/1.1 ${status}`)
        const told = /^content-length: (.*)\r$/im.exec(text)?.[1]
        // What a HEAD tells is the length that a GET would have.
        expect(told).toBe(method === 'HEAD' && kind === 'ws' ? '1' : length)
        text = ''
        socket.write('POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 5\r\n\r\nhello')
        await until(() => text.endsWith('\r\n\r\nx'))
        expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n/)
      }
      expect(bodies.filter((body) => body === 'hello')).toHaveLength(2)
      expect(socket.readyState).toBe('open')
      expect(r.bugs).toEqual([])
    })

    test('one socket serves many requests', async () => {
      let requests = 0
      const r = await relay({ http: async () => ({ status: 200, headers: {}, body: String(++requests) }) })
      const socket = connect(r.listener.port, '127.0.0.1')
      clients.push(socket)
      let text = ''
      socket.on('data', (data: Buffer) => (text += data.toString()))
      for (let i = 1; i <= 3; i++) {
        socket.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n')
        await until(() => text.endsWith(`\r\n\r\n${i}`))
      }
      expect(requests).toBe(3)
    })
  })
}

/** Chunks of these lengths, a moment apart. */
async function* chunksOf(...lengths: number[]): AsyncGenerator<Uint8Array> {
  for (const length of lengths) {
    yield new Uint8Array(length)
    await turn()
  }
}

function thrower(what: string): () => never {
  return () => {
    throw new Error(what)
  }
}

class Gate {
  open: () => void = () => {}
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve
  })
}

const closedEvents = (of: Relay) => of.events.filter((event) => event.what === 'closed')

async function withinLimit(request: HttpRequest, limit: number): Promise<HttpResponse> {
  try {
    return { status: 200, headers: {}, body: String((await request.body(limit)).length) }
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error
    return { status: 413, headers: {}, body: String(error.limit) }
  }
}

async function send(
  to: Relay,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  parts: (string | Buffer)[] = [],
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port: to.listener.port, host: '127.0.0.1', method, path, headers, agent: false },
      resolve,
    )
    request.on('error', reject)
    for (const part of parts) request.write(part)
    request.end()
  })
}

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function textOf(response: IncomingMessage): Promise<string> {
  return (await bytesOf(response)).toString()
}

/** The head of a client's frame, masked with zeros: the payload follows as it is. */
function maskedHead(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, 0x80 | length, 0, 0, 0, 0])
  const head = Buffer.alloc(length < 65_536 ? 8 : 14)
  head[0] = first
  head[1] = 0x80 | (length < 65_536 ? 126 : 127)
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

function turn(): Promise<void> {
  return arrived(20)
}

/** Until `holds`; the test's own time limit ends it otherwise. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** Until `value` has not changed for a while. */
async function settled(value: () => number): Promise<void> {
  for (let [last, same] = [value(), 0]; same < 10; same = value() === last ? same + 1 : 0) {
    last = value()
    await turn()
  }
}
