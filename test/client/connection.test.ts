/** What a connection answers to a relay's requests. */

import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { RelayConnection } from '../../src/client/connection.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import type { Envelope, Request } from '../../src/wire/messages.js'

const bytes = Uint8Array.of(0, 1)
let server: WebSocketServer
let relay: WebSocket
let connection: RelayConnection
let handled: Request[]

beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  const connected = new Promise<WebSocket>((resolve) => server.once('connection', resolve))
  handled = []
  const handle = (request: Request) => void handled.push(request)
  const handlers = {
    push: handle,
    checkpoint: handle,
    snapshot: handle,
    syncStatus: handle,
    subscriptionClosed: () => undefined,
    closed: () => undefined,
  }
  connection = await RelayConnection.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 5, handlers)
  relay = await connected
})

afterEach(() => {
  connection.close()
  server.close()
})

/** What the connection answers. */
function ask(requestId: bigint, message: Request): Promise<Envelope> {
  const answer = new Promise<Envelope>((resolve) => {
    relay.once('message', (frame: Buffer) => resolve(decodeEnvelope(new Uint8Array(frame))))
  })
  relay.send(encodeEnvelope({ requestId, message }))
  return answer
}

it.each<Request>([
  { kind: 'push', subscriptionId: bytes, sets: [] },
  { kind: 'syncStatus', subscriptionId: 1n, unpushedPatches: 0n },
  { kind: 'ping' },
])('success to $kind', async (request) => {
  const success = { kind: 'response', payload: new Uint8Array(0) }
  expect(await ask(-1n, request)).toEqual({ requestId: -1n, message: success })
  expect(handled).toEqual(request.kind === 'ping' ? [] : [request])
})

it.each<Request>([
  { kind: 'write', patchSet: bytes },
  { kind: 'subscribe', startSeq: 0n, shopId: bytes, filters: [] },
  { kind: 'cancel', subscriptionId: bytes },
  { kind: 'getBlobUploadUrl' },
  { kind: 'authenticate', publicKey: bytes },
  { kind: 'challengeSolution', signature: bytes },
])('an error to $kind, which no relay sends, and the connection lives', async (request) => {
  const error = { code: ErrorCode.INVALID, message: `a relay does not send ${request.kind} requests` }
  expect(await ask(-1n, request)).toEqual({ requestId: -1n, message: { kind: 'response', error } })
  expect(await ask(-2n, { kind: 'ping' })).toMatchObject({ requestId: -2n, message: { kind: 'response' } })
  expect(handled).toEqual([])
})
