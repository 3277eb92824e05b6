/**
 * The relay behind nginx and Caddy, set up as docs/operators.md has it: sessions, enrolment and uploads go through, and
 * each client is counted by its own address. Clients come from 127.0.0.2 and so on, the proxy from 127.0.0.1.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RelayParts, RelaySettings } from '../../src/relay/relay.js'
import { openBlobs } from '../../src/store/blobs.js'
import { endAll, freePort } from '../fixtures/program.js'
import { startProxy, type Proxy } from '../fixtures/proxy.js'
import { enrolCard, listing, newSecret, relay, Wire, type TestRelay } from '../fixtures/relay-harness.js'

const owner = newSecret()
let running: TestRelay
let proxy: Proxy
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-proxied-'))
})
afterEach(async () => {
  await running.stop()
  await proxy.stop()
  await endAll()
  rmSync(directory, { recursive: true, force: true })
})

describe.each(['nginx', 'caddy'] as const)('behind %s', (kind) => {
  async function start(settings: Partial<RelaySettings>, parts: Partial<RelayParts> & { ws?: boolean }): Promise<void> {
    const port = await freePort()
    const publicUrl = `http://127.0.0.1:${port}`
    running = await relay(
      { publicUrl, trustedProxy: '127.0.0.1', ...settings },
      { blobs: await openBlobs(directory), ...parts },
    )
    proxy = await startProxy(kind, port, running.port)
  }

  const open = (address: string, headers: Record<string, string> = {}) =>
    Wire.open(proxy.url, { localAddress: address, headers })

  describe.each([
    ['uws', false],
    ['ws', true],
  ])('on %s', (_name, ws) => {
    test('a card enrols, writes, is pushed to, and uploads', async () => {
      await start({}, { ws })
      await enrolCard(proxy.url, owner)
      const [writer, reader] = [await Wire.as(proxy.url, owner), await open('127.0.0.2')]
      await reader.subscribe()
      await writer.done({ kind: 'write', patchSet: writer.signed(owner, [listing(1n)]) })
      await reader.until(() => reader.sets.length === 2)
      const url = new TextDecoder().decode(await writer.done({ kind: 'getBlobUploadUrl' }))
      expect(url.startsWith(`${proxy.url}/v4/upload_blob?token=`)).toBe(true)
      const content = new Uint8Array(randomBytes(8 << 20))
      const form = new FormData()
      form.set('file', new Blob([content]))
      const uploaded = await fetch(url, { method: 'POST', body: form })
      expect(uploaded.status).toBe(201)
      const { ipfs_path } = (await uploaded.json()) as { ipfs_path: string }
      const read = new Uint8Array(await (await fetch(proxy.url + ipfs_path)).arrayBuffer())
      expect(Buffer.compare(read, content)).toBe(0)
      for (const wire of [writer, reader]) await wire.close()
      expect(running.bugs).toEqual([])
    })

    test('sessions are counted by client, whatever the client says', async () => {
      await start({ sessionsPerAddressMax: 2 }, { ws })
      const forged = { 'X-Forwarded-For': '198.51.100.7', Forwarded: 'for=198.51.100.7' }
      const wires = [await open('127.0.0.2'), await open('127.0.0.2', forged)]
      await expect(open('127.0.0.2')).rejects.toThrow(/429/u)
      await expect(open('127.0.0.2', forged)).rejects.toThrow(/429/u)
      wires.push(await open('127.0.0.3'))
      for (const wire of wires) await wire.close()
      // Their places are free: they were counted under the same name.
      await vi.waitFor(async () => (await open('127.0.0.2')).close(), 20_000)
      expect(running.bugs).toEqual([])
    })

    test('without --trusted-proxy all are one, and one line of the log says why', async () => {
      const warnings: unknown[] = []
      const log = {
        info: () => undefined,
        error: () => undefined,
        warn: (event: string, fields?: object) => void warnings.push([event, fields]),
      }
      await start({ sessionsPerAddressMax: 2, trustedProxy: undefined }, { ws, log })
      warnings.length = 0
      const wires = [await open('127.0.0.2'), await open('127.0.0.3')]
      await expect(open('127.0.0.4')).rejects.toThrow(/429/u)
      for (const wire of wires) await wire.close()
      expect(warnings).toEqual([
        ['X-Forwarded-For is not believed: it came from no --trusted-proxy', { address: '127.0.0.1' }],
      ])
    })

    test('enrolments are counted by client too', async () => {
      await start({ enrolmentsPerSecond: 0.001, enrolmentsBurst: 1 }, { ws })
      const enrol = (address: string) => statusOf(address, 'POST /v4/enroll_key_card', 'Content-Length: 2\r\n', '{}')
      expect([await enrol('127.0.0.2'), await enrol('127.0.0.2'), await enrol('127.0.0.3')]).toEqual([400, 429, 400])
    })

    test('requests in pieces and in odd forms reach the relay', async () => {
      await start({}, { ws })
      const chunks = 'Transfer-Encoding: chunked\r\n'
      expect(await statusOf('127.0.0.2', 'GET | /livez')).toBe(200)
      expect(await statusOf('127.0.0.2', `GET ${proxy.url}/livez`)).toBe(200)
      const odd = '2;ext=1\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n'
      expect(await statusOf('127.0.0.2', 'POST /v4/enroll_key_card', chunks, odd)).toBe(400)
      expect(await statusOf('127.0.0.2', 'GET /livez')).toBe(200)
    })
  })

  /** `|` cuts the request line in two. */
  async function statusOf(address: string, line: string, fields = '', body = ''): Promise<number> {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', localAddress: address })
    socket.on('error', () => {})
    socket.setNoDelay(true)
    const request = `${line} HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\nConnection: close\r\n${fields}\r\n${body}`
    for (const part of request.split('| ')) {
      socket.write(part)
      await new Promise((wait) => setTimeout(wait, 20))
    }
    let text = ''
    for await (const data of socket) text += String(data)
    return Number(/^HTTP\/1.1 (\d+) /u.exec(text)?.[1])
  }
})
