/** How many sockets there may be, and how long a head and a body may take; on bare sockets. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Connection, Listener, TransportOptions } from '../../../src/relay/transport/transport.js'
import { listenUws, loadUws } from '../../../src/relay/transport/uws.js'
import { listenWs } from '../../../src/relay/transport/ws.js'

const uws = await loadUws()
const ending: (() => void)[] = []

afterEach(() => {
  for (const end of ending.splice(0)) end()
})

const PLAIN: TransportOptions = {
  host: '127.0.0.1',
  port: 0,
  maxFrameBytes: 1_024,
  socketsMax: Infinity,
  onFull: () => {},
  clientAddress: (peer) => peer,
  decideUpgrade: () => ({ accept: true }),
  http: async (request) => ({ status: 200, headers: {}, body: String((await request.body(1 << 20)).length) }),
  onBug: (error) => expect.fail(String(error)),
  websocket: { opened: () => {}, frame: () => {}, drained: () => {}, closed: () => {} },
}

interface Bare {
  readonly socket: Socket
  text: string
  closed: boolean
}

async function bare({ port }: Listener): Promise<Bare> {
  const socket = connect(port, '127.0.0.1')
  ending.push(() => socket.destroy())
  const client = { socket, text: '', closed: false }
  socket.on('error', () => {})
  socket.on('data', (data: Buffer) => (client.text += data.toString('latin1')))
  socket.on('close', () => (client.closed = true))
  await once(socket, 'connect')
  return client
}

async function started(listening: Promise<Listener>): Promise<Listener> {
  const listener = await listening
  ending.push(() => listener.terminateAll())
  return listener
}

const TRANSPORTS = [
  ['ws', (options: TransportOptions) => listenWs(options)] as const,
  ...(uws === undefined ? [] : [['uws', (options: TransportOptions) => listenUws(uws, options)] as const]),
]

describe.each(TRANSPORTS)('sockets on %s', (_kind, listen) => {
  test('beyond the bound are closed at once; the others live, and the place of one that ends is free', async () => {
    let refused = 0
    const opened: Connection[] = []
    const websocket = { ...PLAIN.websocket, opened: (connection: Connection) => void opened.push(connection) }
    const onFull = () => void refused++
    const listener = await started(listen({ ...PLAIN, socketsMax: 3, onFull, websocket }))
    const session = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
    ending.push(() => session.terminate())
    await once(session, 'open')
    const [first, second] = [await bare(listener), await bare(listener)]
    // They are counted when they are accepted, which an answer shows.
    for (const { socket } of [first, second]) socket.write('GET / HTTP/1.1\r\nHost: r\r\n\r\n')
    await vi.waitFor(() => expect([first.text, second.text].every((text) => text.endsWith('0'))).toBe(true), 20_000)
    for (let i = 1; i <= 3; i++) {
      const late = await bare(listener)
      late.socket.write('GET / HTTP/1.1\r\nHost: r\r\n\r\n')
      await vi.waitFor(() => expect([late.closed, refused]).toEqual([true, i]), 20_000)
      expect(late.text).toBe('')
    }
    expect([first.closed, second.closed, session.readyState]).toEqual([false, false, WebSocket.OPEN])
    for (const free of [() => first.socket.destroy(), () => opened[0]!.terminate()]) {
      free()
      await vi.waitFor(async () => {
        const next = await bare(listener)
        next.socket.write('GET / HTTP/1.1\r\nHost: r\r\n\r\n')
        await vi.waitFor(() => expect(next.closed || next.text !== '').toBe(true), 20_000)
        expect(next.text).toContain('200 OK')
      }, 20_000)
    }
  })
})

/** Writes a byte every so often, for as long as the socket is there. */
function drip({ socket }: Bare): void {
  const dripping = setInterval(() => socket.writable && socket.write('a'), 10)
  ending.push(() => clearInterval(dripping))
}

const TIMES = { idleMs: 60_000, headMs: 60_000, bodyMs: 60_000 }

describe('on ws', () => {
  test.each(['', 'GET / HTTP/1.1\r\nX-Slow: '])('a head that begins %j and never ends is ended', async (begin) => {
    const listener = await started(listenWs(PLAIN, { ...TIMES, headMs: 200 }))
    const client = await bare(listener)
    client.socket.write(begin)
    if (begin !== '') drip(client)
    await vi.waitFor(() => expect(client.closed).toBe(true), 10_000)
    expect(client.text).toMatch(/^(?:HTTP\/1.1 408 |$)/u)
  })

  test('a body that never ends is answered 408, and its reader is told', async () => {
    const failures: string[] = []
    const http: TransportOptions['http'] = (request) =>
      request.body(1_000_000).then(
        () => expect.fail('it ended'),
        (error: unknown) => {
          failures.push((error as Error).name)
          throw error
        },
      )
    const listener = await started(listenWs({ ...PLAIN, http }, { ...TIMES, bodyMs: 200 }))
    const client = await bare(listener)
    client.socket.write('POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 1000000\r\n\r\n')
    drip(client)
    await vi.waitFor(() => expect(client.closed).toBe(true), 10_000)
    expect(client.text).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/u)
    expect(failures).toEqual(['RequestAborted'])
  })

  test('a body that comes at the pace of a phone has the time that it needs', async () => {
    const listener = await started(listenWs(PLAIN, { ...TIMES, bodyMs: 1_000 }))
    const client = await bare(listener)
    // 512 KiB are good for 32 s, and come before the first look at the time.
    client.socket.write('POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 524289\r\n\r\n')
    client.socket.write(Buffer.alloc(524_288))
    await new Promise((wait) => setTimeout(wait, 1_500))
    client.socket.write('a')
    await vi.waitFor(() => expect(client.text).toMatch(/524289$/u), 10_000)
  })
})
