/** A blob from the token to its address, over real sockets and files (PROTOCOL §13). */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openBlobs } from '../../src/store/blobs.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { TestClock } from './clock.js'
import { enrolCard, newSecret, relay, Wire, type Refused, type TestRelay } from './harness.js'

const FOO = 'QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p'
const owner = newSecret()
const clock = new TestClock()
let directory: string
let running: TestRelay
let wire: Wire

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cairn-blobs-'))
  await start()
})
afterEach(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
  rmSync(directory, { recursive: true, force: true })
})

async function start(): Promise<void> {
  running = await relay({}, { blobs: await openBlobs(directory), clock })
  await enrolCard(running.url, owner)
  wire = await Wire.as(running.url, owner)
}

async function uploadUrl(session = wire): Promise<string> {
  return new TextDecoder().decode(await session.done({ kind: 'getBlobUploadUrl' }))
}

function form(content: string | Uint8Array, field = 'file'): FormData {
  const data = new FormData()
  data.set(field, new Blob([content as BlobPart]))
  return data
}

const post = (url: string, body: FormData | string) => fetch(url, { method: 'POST', body })
const files = () => readdirSync(directory)

it('is uploaded with a token and read by its CID', async () => {
  const url = await uploadUrl()
  expect(url).toMatch(new RegExp(`^${running.url}/v4/upload_blob\\?token=[0-9a-f]{64}$`, 'u'))
  const response = await post(url, form('foo'))
  expect(response.status).toBe(201)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(await response.json()).toEqual({ ipfs_path: `/ipfs/${FOO}`, url: `${running.url}/ipfs/${FOO}` })
  const read = await fetch(`${running.url}/ipfs/${FOO}`)
  expect([read.status, await read.text()]).toEqual([200, 'foo'])
  expect(read.headers.get('cache-control')).toMatch(/immutable/u)
  expect(read.headers.get('x-content-type-options')).toBe('nosniff')
  expect(read.headers.get('content-type')).toMatch(/^text\/plain|^application\/octet-stream/u)
  // The token is spent, whatever came of it.
  const again = await post(url, form('bar'))
  expect([again.status, await again.json()]).toEqual([400, { handler: 'getBlobUpload', error: expect.any(String) }])
  expect(files()).toEqual([FOO])
})

it('is refused to visitors and guests', async () => {
  const visitor = await Wire.open(running.url)
  expect(((await visitor.ask({ kind: 'getBlobUploadUrl' })) as Refused).code).toBe(ErrorCode.NOT_AUTHENTICATED)
  const card = newSecret()
  await enrolCard(running.url, card, { guest: true, wallet: '56'.repeat(32) })
  const guest = await Wire.as(running.url, card)
  expect(((await guest.ask({ kind: 'getBlobUploadUrl' })) as Refused).code).toBe(ErrorCode.INVALID)
})

it('has 16 open tokens a session, ten minutes each', async () => {
  const urls = []
  for (let i = 0; i < 16; i++) urls.push(await uploadUrl())
  expect(((await wire.ask({ kind: 'getBlobUploadUrl' })) as Refused).code).toBe(ErrorCode.TOO_MANY_CONCURRENT_REQUESTS)
  expect((await post(urls[0]!, form('one'))).status).toBe(201)
  await uploadUrl()
  await clock.turn(599_000)
  expect((await post(urls[1]!, form('two'))).status).toBe(201)
  await clock.turn(1_001)
  expect((await post(urls[2]!, form('three'))).status).toBe(400)
})

it('is refused without a form, without `file`, and above 32 MiB, and leaves nothing', async () => {
  expect((await post(await uploadUrl(), 'no form')).status).toBe(400)
  expect((await post(await uploadUrl(), form('x', 'other'))).status).toBe(400)
  const large = await post(await uploadUrl(), form(new Uint8Array(32 * 1_048_576 + 1)))
  expect([large.status, large.headers.get('access-control-allow-origin')]).toEqual([413, '*'])
  expect(files()).toEqual([])
  expect((await post(await uploadUrl(), form(new Uint8Array(32 * 1_048_576)))).status).toBe(201)
  expect(files()).toHaveLength(1)
})

it('that breaks off leaves nothing, and uses its token', async () => {
  const url = new URL(await uploadUrl())
  const socket = connect(Number(url.port), url.hostname)
  const head = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Transfer-Encoding: chunked',
    'Content-Type: multipart/form-data; boundary=x',
    '',
    '',
  ]
  const part = '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhalf of it'
  socket.write(head.join('\r\n') + `${part.length.toString(16)}\r\n${part}\r\n`)
  await new Promise((resolve) => setTimeout(resolve, 200))
  socket.destroy()
  for (const end = Date.now() + 5_000; files().length > 0 && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 20))
  expect(files()).toEqual([])
  expect((await post(url.href, form('foo'))).status).toBe(400)
})

it('is found after a restart; unknown ones are 404, malformed names 400', async () => {
  await post(await uploadUrl(), form('foo'))
  await running.stop()
  running = await relay({}, { blobs: await openBlobs(directory), clock })
  const statusOf = async (name: string) => (await fetch(`${running.url}/ipfs/${name}`)).status
  expect(await statusOf(FOO)).toBe(200)
  expect(await statusOf(FOO.replace('QmcJ', 'QmcK'))).toBe(404)
  for (const name of ['x', `${FOO}a`, '..%2Frelay.key', FOO.toLowerCase()]) expect(await statusOf(name), name).toBe(400)
  const preflight = await fetch(`${running.url}/ipfs/${FOO}`, { method: 'OPTIONS' })
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, POST'])
})
