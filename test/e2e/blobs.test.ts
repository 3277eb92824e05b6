/** A blob from the token to its address, over real sockets and files (PROTOCOL §13). */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { fromHex } from '../../src/bytes/hex.js'
import { DevelopmentRegistry } from '../../src/chain/development-registry.js'
import type { ConnectedCards } from '../../src/relay/sessions/cards.js'
import { MemoryStore } from '../../src/store/memory.js'
import { openBlobs } from '../../src/store/blobs.js'
import { developmentOwnerKey } from '../../src/store/setting-keys.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { TestClock } from '../fixtures/turned-clock.js'
import {
  enrolCard,
  newSecret,
  OWNER,
  relay,
  SHOP,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'

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

async function start(ws = false): Promise<void> {
  running = await relay({}, { blobs: await openBlobs(directory), clock, ws })
  await enrolCard(running.url, owner)
  wire = await Wire.as(running.url, owner)
}

const unlink = (account: Uint8Array, place: bigint) =>
  ({ op: 'remove', path: ['Accounts', account, 'KeyCards', place] }) as const

/** A registry whose owners can lose their shops. */
class Turned extends DevelopmentRegistry {
  lost = false

  override async owns(shopId: bigint, wallet: Uint8Array): Promise<boolean> {
    return !this.lost && (await super.owns(shopId, wallet))
  }

  override async mayWrite(shopId: bigint, wallet: Uint8Array): Promise<boolean> {
    return !this.lost && (await super.mayWrite(shopId, wallet))
  }
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

describe('an upload token dies', () => {
  const account = addressOf(publicKeyOf(fromHex(OWNER)))

  it('with its card, also where its session has ended; those of other cards live', async () => {
    const card = newSecret()
    await enrolCard(running.url, card)
    const clerk = await Wire.as(running.url, card)
    const [url, own] = [await uploadUrl(clerk), await uploadUrl()]
    await clerk.close()
    await wire.done({ kind: 'write', patchSet: wire.signed(owner, [unlink(account, 1n)]) })
    const response = await post(url, form('foo'))
    expect([response.status, await response.json()]).toEqual([
      400,
      { handler: 'getBlobUpload', error: 'the token is not valid' },
    ])
    expect(files()).toEqual([])
    expect((await post(own, form('foo'))).status).toBe(201)
  })

  it('with the rights of its wallet, also where its session has ended', async () => {
    await running.stop()
    const store = new MemoryStore()
    const registry = new Turned((shopId) => store.setting(developmentOwnerKey(shopId)))
    running = await relay({}, { store, registry, blobs: await openBlobs(directory), clock })
    await enrolCard(running.url, owner)
    wire = await Wire.as(running.url, owner)
    const [kept, lost] = [await uploadUrl(), await uploadUrl()]
    const { cards } = Reflect.get(running, 'rooms') as { readonly cards: ConnectedCards }
    await cards.recheckRights(SHOP, account)
    expect((await post(kept, form('foo'))).status).toBe(201)
    await wire.close()
    registry.lost = true
    await cards.recheckRights(SHOP, new Uint8Array(20))
    await cards.recheckRights(SHOP + 1n, account)
    expect(files()).toEqual([FOO])
    await cards.recheckRights(SHOP, account)
    expect((await post(lost, form('bar'))).status).toBe(400)
  })
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
  for (const end = Date.now() + 20_000; files().length > 0 && Date.now() < end;)
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

/** The answer to a request that is written by hand: status, heads in lower case, body. */
async function rawAnswer(
  url: URL,
  write: (socket: Socket) => void,
): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(Number(url.port), url.hostname)
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')))
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  write(socket)
  await over
  const [head, ...body] = text.split('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/u.exec(text)?.[1]),
    head: head!.toLowerCase(),
    body: body.join('\r\n\r\n'),
  }
}

function chunkedHead(url: URL): string {
  return [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: close',
    'Transfer-Encoding: chunked',
    'Content-Type: multipart/form-data; boundary=x-y',
    '\r\n',
  ].join('\r\n')
}

const chunk = (bytes: Uint8Array | string) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes as string), Buffer.from('\r\n')])

const PART = '--x-y\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
const END = '\r\n--x-y--\r\n'
const CORS = 'access-control-allow-origin: *'

describe.each([
  ['uws', false],
  ['ws', true],
] as const)('blobs on %s', (kind, ws) => {
  beforeEach(async () => {
    await running.stop()
    await start(ws)
    expect(running.transport).toBe(kind)
  })

  it('come in a chunked body too, cut anywhere', async () => {
    const url = new URL(await uploadUrl())
    const answer = await rawAnswer(url, (socket) => {
      socket.write(chunkedHead(url))
      for (const byte of `${PART}foo${END}`) socket.write(chunk(byte))
      socket.write('0\r\n\r\n')
    })
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      201,
      { ipfs_path: `/ipfs/${FOO}`, url: `${running.url}/ipfs/${FOO}` },
    ])
    expect(answer.head).toContain(CORS)
    expect(await (await fetch(`${running.url}/ipfs/${FOO}`)).text()).toBe('foo')
  })

  it('above 32 MiB in a chunked body, whose length no head tells, are 413 and leave nothing', async () => {
    const url = new URL(await uploadUrl())
    const answer = await rawAnswer(url, (socket) => {
      socket.write(chunkedHead(url))
      socket.write(chunk(PART))
      const mebibyte = chunk(new Uint8Array(1_048_576))
      for (let i = 0; i < 32; i++) socket.write(mebibyte)
      socket.write(chunk('1'))
      socket.write(chunk(END))
      socket.write('0\r\n\r\n')
    })
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      413,
      { handler: 'getBlobUpload', error: expect.any(String) },
    ])
    expect(answer.head).toContain(CORS)
    expect(files()).toEqual([])
  })

  it('use their token when the head is read, before the body is there', async () => {
    const url = new URL(await uploadUrl())
    let second: Response | undefined
    const answer = await rawAnswer(url, (socket) => {
      socket.write(chunkedHead(url))
      socket.write(chunk(PART))
      void (async () => {
        for (const end = Date.now() + 20_000; files().length === 0 && Date.now() < end;)
          await new Promise((resolve) => setTimeout(resolve, 10))
        second = await post(url.href, form('bar'))
        for (const rest of ['foo', END]) socket.write(chunk(rest))
        socket.write('0\r\n\r\n')
      })()
    })
    expect([second?.status, answer.status]).toEqual([400, 201])
    expect(files()).toEqual([FOO])
  })

  it('have tokens of ten minutes to the millisecond', async () => {
    const [early, late] = [await uploadUrl(), await uploadUrl()]
    // The session gives signs of life meanwhile, or it would end before its tokens.
    for (const ms of [150_000, 150_000, 150_000, 150_000 - 1]) {
      await clock.turn(ms)
      await wire.done({ kind: 'ping' })
    }
    expect((await post(early, form('foo'))).status).toBe(201)
    await clock.turn(1)
    expect((await post(late, form('bar'))).status).toBe(400)
    // Those that ended do not count as open.
    for (let i = 0; i < 16; i++) await uploadUrl()
    expect(((await wire.ask({ kind: 'getBlobUploadUrl' })) as Refused).code).toBe(
      ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
    )
  })

  it('are counted for each session: another one has 16 tokens of its own', async () => {
    for (let i = 0; i < 16; i++) await uploadUrl()
    const card = newSecret()
    await enrolCard(running.url, card)
    const other = await Wire.as(running.url, card)
    expect(await uploadUrl(other)).toMatch(/token=/u)
    expect(((await wire.ask({ kind: 'getBlobUploadUrl' })) as Refused).code).toBe(
      ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
    )
  })

  it('are served byte for byte and as what they are', async () => {
    const png = Uint8Array.from([
      0x89,
      0x50,
      0x4e,
      0x47,
      13,
      10,
      26,
      10,
      ...Array.from({ length: 600_000 }, (_, i) => i % 251),
    ])
    for (const [content, type] of [
      [png, 'image/png'],
      [new TextEncoder().encode('<script>alert(1)</script>'), 'text/plain; charset=utf-8'],
      [Uint8Array.of(0, 1, 2, 255), 'application/octet-stream'],
    ] as const) {
      const { ipfs_path: path } = (await (await post(await uploadUrl(), form(content))).json()) as { ipfs_path: string }
      const read = await fetch(running.url + path)
      expect(Buffer.from(await read.arrayBuffer()).equals(content)).toBe(true)
      expect(read.headers.get('content-type')).toBe(type)
      expect(read.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(read.headers.get('x-content-type-options')).toBe('nosniff')
      expect(read.headers.get('access-control-allow-origin')).toBe('*')
    }
  })

  it('are served in part, to HEAD without a body, and not to who has them', async () => {
    const content = new Uint8Array(300_000).map((_, i) => i % 251)
    const { ipfs_path } = (await (await post(await uploadUrl(), form(content))).json()) as { ipfs_path: string }
    const url = `${running.url}${ipfs_path}`
    const get = async (headers: Record<string, string>, method = 'GET') => {
      const response = await fetch(url, { method, headers })
      return { response, bytes: new Uint8Array(await response.arrayBuffer()) }
    }
    const { response, bytes } = await get({ Range: 'bytes=199990-200009' })
    expect([response.status, response.headers.get('content-range')]).toEqual([206, 'bytes 199990-200009/300000'])
    expect(bytes).toEqual(content.subarray(199_990, 200_010))
    const beyond = await get({ Range: 'bytes=300000-' })
    expect([beyond.response.status, beyond.bytes.length]).toEqual([416, 0])
    const etag = response.headers.get('etag')!
    const known = await get({ 'If-None-Match': etag })
    expect([known.response.status, known.bytes.length]).toEqual([304, 0])
    const head = await get({}, 'HEAD')
    expect([head.response.status, head.response.headers.get('etag'), head.bytes.length]).toEqual([200, etag, 0])
    // The connection is as good as before.
    expect((await get({})).bytes).toEqual(content)
  })

  it('leave nothing when they break off', async () => {
    const url = new URL(await uploadUrl())
    const socket = connect(Number(url.port), url.hostname)
    socket.write(chunkedHead(url))
    socket.write(chunk(`${PART}half of it`))
    const until = async (condition: () => boolean) => {
      for (const end = Date.now() + 20_000; !condition() && Date.now() < end;)
        await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await until(() => files().length === 1)
    expect(files()).toEqual([expect.stringMatching(/\.part$/u)])
    socket.destroy()
    await until(() => files().length === 0)
    expect(files()).toEqual([])
  })

  it('tell every origin of every answer, errors and preflights too', async () => {
    const upload = `${running.url}/v4/upload_blob`
    const unknown = FOO.replace('QmcJ', 'QmcK')
    const cases: readonly (readonly [status: number, url: string, init?: RequestInit])[] = [
      [400, upload, { method: 'POST', body: form('foo') }],
      [400, `${upload}?token=x`, { method: 'POST', body: form('foo') }],
      [400, await uploadUrl(), { method: 'POST', body: 'no form' }],
      [400, await uploadUrl(), { method: 'POST', body: form('foo', 'image') }],
      [405, upload],
      [404, `${running.url}/ipfs/${unknown}`],
      [400, `${running.url}/ipfs/foo`],
      [405, `${running.url}/ipfs/${FOO}`, { method: 'POST' }],
      [404, `${running.url}/nowhere`],
    ]
    for (const [status, url, init] of cases) {
      const answer = await fetch(url, init)
      expect([answer.status, answer.headers.get('access-control-allow-origin')], url).toEqual([status, '*'])
      expect((await answer.json()) as object, url).toHaveProperty('error', expect.any(String))
    }
    for (const path of ['/v4/upload_blob', `/ipfs/${FOO}`, '/v4/enroll_key_card', '/', '/nowhere']) {
      const { status, headers } = await fetch(running.url + path, { method: 'OPTIONS' })
      const names = ['origin', 'methods', 'headers'].map((name) => headers.get(`access-control-allow-${name}`))
      expect([status, ...names], path).toEqual([204, '*', 'GET, POST', '*'])
    }
  })

  it('are found after a restart', async () => {
    await post(await uploadUrl(), form('foo'))
    await running.stop()
    await start(ws)
    expect(await (await fetch(`${running.url}/ipfs/${FOO}`)).text()).toBe('foo')
  })
})
