import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { bytesFromRelay } from '../../src/client/relay-http.js'
import { HTTP_ANSWER_BYTES_MAX } from '../../src/limits.js'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function answering(listener: RequestListener): Promise<string> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

it('the bytes of an answer, of an address with slashes at its end', async () => {
  const url = await answering(({ url: path }, response) => response.end(Uint8Array.of(path!.length, 7)))
  expect(await bytesFromRelay({ url }, '/ab')).toEqual(Uint8Array.of(3, 7))
})

it('a relay that is asked too often is asked again', async () => {
  let asked = 0
  const url = await answering((_request, response) => {
    response.statusCode = ++asked === 1 ? 429 : 200
    response.end('x')
  })
  expect(await bytesFromRelay({ url }, '/')).toEqual(Uint8Array.of(0x78))
  expect(asked).toBe(2)
})

it('the pause before that ends with the signal', async () => {
  let stop: AbortController
  const url = await answering((_request, response) => {
    response.statusCode = 429
    response.end(() => setTimeout(() => stop.abort(), 50))
  })
  // Less than the pause, once at least: a busy machine may take longer for all else.
  await vi.waitFor(async () => {
    stop = new AbortController()
    const began = performance.now()
    await expect(bytesFromRelay({ url, signal: stop.signal }, '/')).rejects.toMatchObject({ code: 'ABORTED' })
    expect(performance.now() - began).toBeLessThan(900)
  }, 60_000)
})

it('a refusal is told with the reason that the relay gives', async () => {
  const url = await answering((_request, response) => {
    response.statusCode = 404
    response.end(JSON.stringify({ error: 'set 9 has no checkpoint' }))
  })
  const problem = { code: 'NOT_FOUND', message: '/a: the relay answers 404: set 9 has no checkpoint' }
  await expect(bytesFromRelay({ url }, '/a')).rejects.toMatchObject(problem)
})

it('an answer without an end is not read to it', async () => {
  const url = await answering((_request, response) => {
    const more = () => {
      while (response.write(new Uint8Array(65_536)));
      response.once('drain', more)
    }
    more()
  })
  const problem = {
    code: 'ANSWER_TOO_LARGE',
    message: `${url.replace(/\/$/u, '')}/: an answer of over ${HTTP_ANSWER_BYTES_MAX} bytes`,
  }
  await expect(bytesFromRelay({ url }, '/')).rejects.toMatchObject(problem)
})

it('nobody there, and a call that was aborted before', async () => {
  await expect(bytesFromRelay({ url: 'http://127.0.0.1:1' }, '/')).rejects.toMatchObject({ code: 'UNREACHABLE' })
  const place = { url: 'http://127.0.0.1:1', signal: AbortSignal.abort() }
  await expect(bytesFromRelay(place, '/')).rejects.toMatchObject({ code: 'ABORTED' })
})
