/** What becomes of a connection that comes when nobody wants it any more. */

import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { ClientError } from '../../src/client/client-error.js'
import { RelayLink } from '../../src/client/relay-link.js'

let server: WebSocketServer

beforeEach(async () => {
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await new Promise((resolve) => server.once('listening', resolve))
})
afterEach(() => {
  for (const socket of server.clients) socket.terminate()
  server.close()
})

function linked() {
  const begin = vi.fn<() => Promise<void>>(async () => undefined)
  const nothing = () => undefined
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const told = { push: nothing, checkpoint: nothing, snapshot: nothing, syncStatus: nothing }
  const link = new RelayLink({ url, version: 5, notice: nothing }, { begin, ...told, lost: nothing, state: nothing })
  return { link, begin }
}

it.each<[string, (link: RelayLink) => void, string]>([
  ['a check failed', (link) => link.fail(new ClientError('VERIFICATION_FAILED', 'a lie')), 'disconnected'],
  ['the client was closed', (link) => link.close(), 'closed'],
])('it is closed where %s meanwhile, and the card’s session with it', async (_what, end, state) => {
  const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)))
  const { link, begin } = linked()
  const opening = link.open()
  end(link)
  await opening
  await closed
  expect([link.state, link.connection, begin.mock.calls.length]).toEqual([state, undefined, 0])
})
