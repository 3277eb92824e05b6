/** What a connection answers to a relay's requests. */

import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { RelayConnection } from '../../src/client/connection.js'
import type { Steps } from '../../src/client/slices.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import type { Envelope, Request } from '../../src/wire/messages.js'

const bytes = Uint8Array.of(0, 1)
let server: WebSocketServer
let relay: WebSocket
let connection: RelayConnection
let handled: Request[]
/** What a push takes beside being handled. */
let work: Steps | undefined

beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
  const connected = new Promise<WebSocket>((resolve) => server.once('connection', resolve))
  handled = []
  work = undefined
  const handle = (request: Request) => void handled.push(request)
  const handlers = {
    push: (request: Request) => (handle(request), work),
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

describe('while a push is worked on', () => {
  const push: Request = { kind: 'push', subscriptionId: bytes, sets: [] }
  let answers: bigint[]
  const held = { is: true }
  let rounds: number
  beforeEach(() => {
    answers = []
    held.is = true
    rounds = 0
    relay.on('message', (frame: Buffer) => answers.push(decodeEnvelope(new Uint8Array(frame)).requestId))
    work = (function* (): Steps {
      for (; held.is; rounds++) yield
    })()
    for (const [id, message] of [push, { kind: 'ping' }, push].entries() as Iterable<[number, Request]>)
      relay.send(encodeEnvelope({ requestId: BigInt(-1 - id), message }))
  })

  it('what comes waits, and all is answered in order', async () => {
    await vi.waitFor(() => expect(rounds).toBeGreaterThan(0))
    // The others came in the meantime: a question goes the same way.
    const asked = connection.request({ kind: 'ping' })
    relay.send(encodeEnvelope({ requestId: 1n, message: { kind: 'response', payload: bytes } }))
    expect([answers.filter((id) => id < 0n), handled.length]).toEqual([[], 1])
    held.is = false
    expect(await asked).toEqual(bytes)
    await vi.waitFor(() => expect(answers.filter((id) => id < 0n)).toEqual([-1n, -2n, -3n]))
    expect(handled).toHaveLength(2)
  })

  it('a connection that ends leaves the work where it is', async () => {
    await vi.waitFor(() => expect(rounds).toBeGreaterThan(0))
    connection.close()
    await vi.waitFor(() => expect(work!.next().done).toBe(true))
    expect([held.is, answers, handled.length]).toEqual([true, [], 1])
  })
})
