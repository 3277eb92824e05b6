/**
 * Heads of requests as bytes on a bare socket, on both transports: whole, in pieces, and such that two readers could
 * find two ends of one body. What uWebSockets.js itself does otherwise stands in the third column, so that a version
 * that does better is noticed.
 */

import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFields, splitTarget } from '../../../src/relay/transport/request-head.js'
import type { HttpRequest, Listener, TransportOptions } from '../../../src/relay/transport/transport.js'
import { listenUws, loadUws } from '../../../src/relay/transport/uws.js'
import { listenWs } from '../../../src/relay/transport/ws.js'
import { arrived } from '../../fixtures/arrived.js'

const uws = await loadUws()

/** A status, or what ends a connection without one. */
type Answer = number | 'closed' | 'silent'
type Row = readonly [name: string, parts: readonly string[], onWs: Answer, onUws: Answer]

const GET = 'GET /a?b=1 HTTP/1.1\r\nHost: r\r\n\r\n'
const post = (fields: string, body: string) => [`POST /a HTTP/1.1\r\nHost: r\r\n${fields}\r\n\r\n${body}`]
const CHUNKED = 'Transfer-Encoding: chunked'
const HELLO = '5\r\nhello\r\n0\r\n\r\n'
const UPGRADE =
  'Host: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: r\r\n\r\n'

const ROWS: readonly Row[] = [
  ['in one piece', [GET], 200, 200],
  ['cut in the method', ['GE', GET.slice(2)], 200, 200],
  ['cut in the path', [GET.slice(0, 6), GET.slice(6)], 200, 200],
  ['cut behind the request line', [GET.slice(0, 21), GET.slice(21)], 200, 200],
  ['cut in a field', [GET.slice(0, 25), GET.slice(25)], 200, 200],
  ['cut before its last byte', [GET.slice(0, -1), GET.slice(-1)], 200, 200],
  ['cut behind the method', ['GET ', GET.slice(4)], 200, 505],
  ['cut in the version', [GET.slice(0, 15), GET.slice(15)], 200, 505],
  ['byte by byte', GET.split(''), 200, 505],
  ['upgrade, whole', [`GET / HTTP/1.1\r\n${UPGRADE}`], 101, 101],
  ['upgrade, cut behind the method', ['GET ', `/ HTTP/1.1\r\n${UPGRADE}`], 101, 505],
  ['an absolute target', ['GET http://relay:80/a?b=1 HTTP/1.1\r\nHost: other\r\n\r\n'], 200, 505],
  ['upgrade to an absolute target', [`GET http://relay/ HTTP/1.1\r\n${UPGRADE}`], 101, 505],
  ['HTTP/1.0', ['GET /a HTTP/1.0\r\n\r\n'], 200, 505],
  ['a length', post('Content-Length: 5', 'hello'), 200, 200],
  ['chunks', post(CHUNKED, HELLO), 200, 200],
  ['chunks, named in capitals', post(CHUNKED.toUpperCase(), HELLO), 200, 200],
  ['chunks with a trailer', post(CHUNKED, '5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n'), 200, 505],
  ['chunks with an extension', post(CHUNKED, '5;a=b\r\nhello\r\n0\r\n\r\n'), 200, 'silent'],
  ['two equal lengths', post('Content-Length: 5\r\nContent-Length: 5', 'hello'), 400, 'closed'],
  ['two lengths, the last one 0', post('Content-Length: 5\r\nContent-Length: 0', SMUGGLED), 400, 'closed'],
  ['two lengths, the first one 0', post('Content-Length: 0\r\nContent-Length: 5', SMUGGLED), 400, 'closed'],
  ['a list of lengths', post('Content-Length: 5, 5', 'hello'), 400, 'closed'],
  ['an empty length', post('Content-Length: ', SMUGGLED), 400, 'closed'],
  ['a signed length', post('Content-Length: +5', 'hello'), 400, 'closed'],
  ['a length and chunks', post(`Content-Length: 5\r\n${CHUNKED}`, HELLO), 400, 400],
  ['gzip, chunked', post('Transfer-Encoding: gzip, chunked', HELLO + SMUGGLED), 501, 'closed'],
  ['gzip alone', post('Transfer-Encoding: gzip', HELLO + SMUGGLED), 501, 'closed'],
  ['chunked, gzip', post('Transfer-Encoding: chunked, gzip', HELLO + SMUGGLED), 400, 'closed'],
  ['xchunked', post('Transfer-Encoding: xchunked', HELLO + SMUGGLED), 501, 'closed'],
  ['chunked twice', post(`${CHUNKED}\r\n${CHUNKED}`, HELLO + SMUGGLED), 400, 'closed'],
  ['chunked and identity', post(`${CHUNKED}\r\nTransfer-Encoding: identity`, HELLO + SMUGGLED), 400, 'closed'],
  ['an empty coding', post('Transfer-Encoding: ', SMUGGLED), 501, 'closed'],
  ['a blank before the colon', post('Transfer-Encoding : chunked', HELLO), 400, 'silent'],
  ['two hosts', ['GET /a HTTP/1.1\r\nHost: r\r\nHost: s\r\n\r\n'], 400, 'closed'],
  ['no host', ['GET /a HTTP/1.1\r\n\r\n'], 400, 'silent'],
  [
    'an upgrade with a length',
    [`GET / HTTP/1.1\r\nContent-Length: ${SMUGGLED.length}\r\n${UPGRADE}${SMUGGLED}`],
    400,
    'closed',
  ],
  ['an upgrade with chunks', [`GET / HTTP/1.1\r\n${CHUNKED}\r\n${UPGRADE}${HELLO}${SMUGGLED}`], 400, 'closed'],
]

const TRANSPORTS = [
  ['ws', (options: TransportOptions) => listenWs(options)] as const,
  ...(uws === undefined ? [] : [['uws', (options: TransportOptions) => listenUws(uws, options)] as const]),
]

describe.each(TRANSPORTS)('the head of a request on %s', (kind, listen) => {
  let listener: Listener
  const handled: HttpRequest[] = []

  beforeAll(async () => {
    listener = await listen({
      host: '127.0.0.1',
      port: 0,
      maxFrameBytes: 1_024,
      socketsMax: Infinity,
      onFull: () => {},
      clientAddress: (peer) => peer,
      decideUpgrade: () => ({ accept: true }),
      http: async (request) => {
        handled.push(request)
        return { status: 200, headers: {}, body: Buffer.from(await request.body(100)) }
      },
      onBug: (error) => expect.fail(String(error)),
      websocket: { opened: () => {}, frame: () => {}, drained: () => {}, closed: () => {} },
    })
  })
  afterAll(() => listener.terminateAll())

  async function answerTo(parts: readonly string[]): Promise<Answer> {
    const socket = connect(listener.port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.on('error', () => {})
    await once(socket, 'connect')
    const answered = new Promise<Answer>((told) => {
      socket.once('data', (data: Buffer) => told(Number(/^HTTP\/1\.1 (\d{3}) /u.exec(data.toString('latin1'))?.[1])))
      socket.once('close', () => told('closed'))
    })
    for (const part of parts) {
      socket.write(part, 'latin1')
      await arrived(10)
    }
    // No answer here waits for anything.
    const silent = arrived(500).then((): Answer => 'silent')
    const answer = await Promise.race([answered, silent])
    socket.destroy()
    return answer
  }

  test.each(ROWS)('%s', async (_name, parts, onWs, onUws) => {
    handled.length = 0
    const expected = kind === 'ws' ? onWs : onUws
    expect(await answerTo(parts)).toBe(expected)
    await arrived(10)
    // Nothing behind a head that was refused is a request.
    const paths = handled.map((request) => request.path)
    if (expected === 200) expect(paths).toEqual(['/a'])
    else expect(paths).not.toContain('/smuggled')
    if (expected === 'closed') expect(paths).toEqual([])
  })
})

test('the target of a request', () => {
  const split = (target: string) => {
    const { path, query, authority } = splitTarget(target)
    return [path, query.toString(), authority]
  }
  expect(split('/a/b?c=1')).toEqual(['/a/b', 'c=1', undefined])
  expect(split('HTTPS://Relay.example:1/a?b')).toEqual(['/a', 'b=', 'Relay.example:1'])
  expect(split('http://user:word@relay?b=1')).toEqual(['/', 'b=1', 'relay'])
  expect(split('http://[::1]:4444')).toEqual(['/', '', '[::1]:4444'])
  expect(split('http:///a')).toEqual(['http:///a', '', undefined])
  expect(split('*')).toEqual(['*', '', undefined])
})

test('fields of one name are one list, in their order', () => {
  const headers = readFields([
    ['X-Forwarded-For', '192.0.2.1'],
    ['Host', 'r'],
    ['x-forwarded-for', '192.0.2.2'],
  ])
  expect([...headers]).toEqual([
    ['x-forwarded-for', '192.0.2.1, 192.0.2.2'],
    ['host', 'r'],
  ])
})
