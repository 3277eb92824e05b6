/** A relay's answer over HTTP: read to its end, and no further than it may be long. */

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { httpAnswer } from '../../src/client/http-answer.js'
import { HTTP_ANSWER_BYTES_MAX } from '../../src/limits.js'

let server: Server

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function serve(answer: (response: ServerResponse) => void): Promise<string> {
  server = createServer((_request, response) => answer(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
}

it('is its bytes, whatever its status', async () => {
  const body = Buffer.alloc(HTTP_ANSWER_BYTES_MAX, 7)
  const url = await serve((response) => response.writeHead(404).end(body))
  const answer = await httpAnswer(url)
  expect([answer.ok, answer.status, body.equals(answer.body)]).toEqual([false, 404, true])
})

it('of nothing is nothing', async () => {
  const url = await serve((response) => response.writeHead(204).end())
  expect(await httpAnswer(url)).toEqual({ retryAfter: null, ok: true, status: 204, body: new Uint8Array(0) })
})

it('without end is read no further', async () => {
  let sent = 0
  let isClosed = false
  const url = await serve((response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
    }
    response.on('drain', more).on('close', () => (isClosed = true))
    more()
  })
  await expect(httpAnswer(url)).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' })
  await vi.waitFor(() => expect(isClosed).toBe(true), 20_000)
  expect(sent).toBeLessThan(16 * HTTP_ANSWER_BYTES_MAX)
})

it('that does not come is given up by its caller', async () => {
  const url = await serve((response) => void response.write('x'))
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 100)
  await expect(httpAnswer(url, stop.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(httpAnswer(url, stop.signal)).rejects.toMatchObject({ code: 'ABORTED' })
})

it('of nobody is UNREACHABLE', async () => {
  const url = await serve(() => undefined)
  server.close()
  await expect(httpAnswer(url)).rejects.toMatchObject({ code: 'UNREACHABLE' })
})
