import { describe, expect, test } from 'vitest'
import { addressOf, publicKeyOf, sign } from '#signature'
import { utf8 } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { toHex } from '../../src/bytes/hex.js'
import { BLOB_BYTES_MAX, ENROLMENT_BODY_BYTES_MAX } from '../../src/limits.js'
import type { EnrolmentOutcome, EnrolmentRequest } from '../../src/relay/accounts/enrolment.js'
import { BlobsUnavailable } from '../../src/relay/blobs/blob-access.js'
import { makeHttp, type HttpDependencies } from '../../src/relay/http.js'
import { AllowedOrigins } from '../../src/relay/transport/allowed-origins.js'
import { RequestAborted, RequestBody } from '../../src/relay/transport/request-body.js'
import type { HttpRequest, HttpResponse } from '../../src/relay/transport/transport.js'

const SECRET = new Uint8Array(32).fill(7)
const WALLET = addressOf(publicKeyOf(SECRET))
const CARD = publicKeyOf(new Uint8Array(32).fill(9))
const FOO = 'QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p'
const EMPTY = 'QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH'

class Relay {
  readonly bugs: unknown[] = []
  readonly enrolled: EnrolmentRequest[] = []
  readonly tokens = new Set<string>(['t1', 't2'])
  readonly stored = new Map<string, Uint8Array>()
  aborted = 0
  /** Blobs that are being read. */
  held = 0
  outcome: EnrolmentOutcome | Error = { status: 201 }
  sick: string | undefined
  warnings: string[] = []
  unready: string | undefined
  discovery = true
  allowed = true
  full = false
  /** Of a development relay: the one that its page shows, and those that are there. */
  storefront: { readonly shop?: bigint } = {}
  shops: bigint[] = []
  readonly linked: bigint[] = []
  readonly #http: (request: HttpRequest) => Promise<HttpResponse>

  constructor(publicUrl = 'http://relay.example:4444', isDevelopment = false) {
    this.#http = makeHttp(this.#dependencies(publicUrl, isDevelopment))
  }

  async ask(
    method: string,
    target: string,
    more: { headers?: Record<string, string>; body?: Uint8Array | string } = {},
  ) {
    const [path, query] = target.split('?')
    const body = new RequestBody({ pause: () => {}, resume: () => {} })
    const bytes = Buffer.from(more.body ?? '')
    for (let at = 0; at < bytes.length; at += 65_536) body.push(bytes.subarray(at, at + 65_536))
    body.end()
    const response = await this.#http({
      method,
      path: path ?? '',
      query: new URLSearchParams(query ?? ''),
      headers: new Map(Object.entries(more.headers ?? {})),
      address: '192.0.2.1',
      body: (limit) => body.bytes(limit),
      stream: (limit) => body.stream(limit),
    })
    expect(response.headers['Access-Control-Allow-Origin']).toBe('*')
    return response
  }

  #dependencies(publicUrl: string, isDevelopment: boolean): HttpDependencies {
    const storefront = () => this.storefront
    return {
      relay: {
        name: 'cairn',
        version: '0.1.0',
        address: `0x${'ab'.repeat(20)}`,
        ...{ earlierAddresses: [], handOvers: [] },
        tokenId: 77n,
        chainId: 31337n,
        publicUrl,
        isDevelopment,
        limits: { frame_in_bytes: 2 },
      },
      origins: new AllowedOrigins('any', []),
      discovery: () => this.discovery,
      get storefront() {
        return storefront()
      },
      ...{ shops: () => this.shops, listing: (_, id) => void this.linked.push(id) },
      enrolmentRate: { take: (address) => address === '192.0.2.1' && this.allowed },
      decideUpgrade: () => ({ accept: true }),
      nowSeconds: () => 1_700_000_000n,
      health: async () => this.sick,
      warnings: () => this.warnings,
      trouble: () => undefined,
      readiness: () => this.unready,
      enrol: async (request) => {
        if (this.outcome instanceof Error) throw this.outcome
        this.enrolled.push(request)
        return this.outcome
      },
      blobs: {
        takeToken: (token) => this.tokens.delete(token),
        openSink: async () => this.#sink(),
        read: async (cid) => this.#read(cid),
      },
      prove: () => Promise.reject(new Error('no proofs here')),
      onBug: (error) => this.bugs.push(error),
    }
  }
  #sink() {
    if (this.full) throw new BlobsUnavailable('the disk is full')
    const parts: Uint8Array[] = []
    return {
      write: async (chunk: Uint8Array) => void parts.push(chunk),
      finish: async (cid: string) => void this.stored.set(cid, Buffer.concat(parts)),
      abort: async () => void this.aborted++,
    }
  }

  #read(cid: string) {
    const bytes = this.stored.get(cid)
    const hold = (by: number) => (this.held += by)
    const read = async function* (part: Uint8Array) {
      hold(1)
      try {
        for (let at = 0; at < part.length; at += 100) yield part.subarray(at, at + 100)
      } finally {
        hold(-1)
      }
    }
    return bytes && { size: bytes.length, bytes: (first = 0, last = Infinity) => read(bytes.subarray(first, last + 1)) }
  }
}

const message = (uri = 'http://relay.example:4444/v4/enroll_key_card') =>
  [
    'relay.example:4444 wants you to sign in with your Ethereum account:',
    `0x${toHex(WALLET)}`,
    '',
    '',
    `URI: ${uri}`,
    'Version: 1',
    'Chain ID: 31337',
    'Nonce: 00000000',
    'Issued At: 2023-11-14T22:13:20Z',
    'Resources:',
    '- mass-relayid:77',
    '- mass-shopid:5',
    `- mass-keycard:${toHex(CARD)}`,
  ].join('\n')
const signed = (text: string) => Buffer.from(sign(personalMessageDigest(utf8(text)), SECRET)).toString('base64')
const enrolment = (text = message()) => JSON.stringify({ message: text, signature: signed(text) })

const upload = (content: string | Uint8Array, name = 'file') =>
  Buffer.concat([
    Buffer.from(
      `--xx\r\nContent-Disposition: form-data; name="${name}"; filename="a.html"\r\nContent-Type: text/html\r\n\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n--xx--\r\n'),
  ])

const jsonOf = (response: HttpResponse): unknown => {
  expect(response.headers['Content-Type']).toBe('application/json')
  return JSON.parse(response.body as string)
}

async function bytesOf({ body }: HttpResponse): Promise<Buffer> {
  if (typeof body !== 'object' || body instanceof Uint8Array) throw new Error('not a stream')
  const parts: Uint8Array[] = []
  for await (const part of body.chunks) parts.push(part)
  return Buffer.concat(parts)
}

describe('plain answers', () => {
  test('GET / tells who the relay is', async () => {
    const response = await new Relay().ask('GET', '/')
    expect([response.status, response.headers['Vary']]).toEqual([200, undefined])
    expect(jsonOf(response)).toEqual({
      name: 'cairn',
      version: '0.1.0',
      relay_address: `0x${'ab'.repeat(20)}`,
      relay_token_id: `0x${'0'.repeat(62)}4d`,
      chain_id: 31337,
      limits: { frame_in_bytes: 2 },
      allowed_origins: 'any',
    })
  })

  test('health tells what the relay does without', async () => {
    const relay = new Relay()
    relay.warnings = ['chain 5 cannot be reached']
    const answer = await relay.ask('GET', '/health')
    expect(answer.status).toBe(200)
    expect(jsonOf(answer)).toEqual({ status: 'ok', warnings: ['chain 5 cannot be reached'] })
  })

  test('health, liveness, readiness', async () => {
    const relay = new Relay()
    for (const path of ['/health', '/livez', '/readyz']) {
      const response = await relay.ask('GET', path)
      expect([response.status, jsonOf(response)]).toEqual([200, { status: 'ok' }])
    }
    relay.sick = 'the store did not answer in 5 s'
    relay.unready = 'replaying'
    const sick = await relay.ask('GET', '/health')
    expect([sick.status, jsonOf(sick)]).toEqual([
      503,
      { status: 'unavailable', reason: 'the store did not answer in 5 s' },
    ])
    const unready = await relay.ask('GET', '/readyz')
    expect([unready.status, jsonOf(unready)]).toEqual([503, { status: 'unavailable', reason: 'replaying' }])
    expect((await relay.ask('GET', '/livez')).status).toBe(200)
  })

  test.each(['/v4/enroll_key_card', '/v4/upload_blob'])('POST %s of a relay that stops is 503', async (path) => {
    const relay = new Relay()
    relay.unready = 'the relay is stopping'
    const answer = await relay.ask('POST', path, { body: enrolment() })
    expect([answer.status, jsonOf(answer)]).toMatchObject([503, { error: 'the relay is stopping' }])
    expect(answer.headers['Access-Control-Allow-Origin']).toBe('*')
  })

  test('discovery, where it is on', async () => {
    const relay = new Relay()
    const response = await relay.ask('GET', '/testing/discovery')
    expect(jsonOf(response)).toEqual({ status: 'ok', relay_token_id: `0x${'0'.repeat(62)}4d`, chain_id: 31337 })
    relay.discovery = false
    expect((await relay.ask('GET', '/testing/discovery')).status).toBe(404)
  })

  test.each(['/', '/nowhere', '/v4/enroll_key_card', '/ipfs/x', '/v4/sessions'])('OPTIONS %s', async (path) => {
    const response = await new Relay().ask('OPTIONS', path)
    expect(response).toEqual({
      status: 204,
      headers: {
        'Access-Control-Allow-Origin': '*',
        'Access-Control-Allow-Methods': 'GET, POST',
        'Access-Control-Allow-Headers': '*',
      },
    })
  })

  test.each(['/nowhere', '/health/', '/metrics', '/v3/sessions', '/ipfs', '/V4/enroll_key_card', '//'])(
    '404 %s',
    async (path) => {
      const response = await new Relay().ask('GET', path)
      expect([response.status, jsonOf(response)]).toEqual([404, { error: 'not found' }])
    },
  )

  test.each([
    ['POST', '/', 'GET, HEAD, OPTIONS', undefined],
    ['DELETE', `/ipfs/${FOO}`, 'GET, HEAD, OPTIONS', undefined],
    ['HEAD', '/v4/enroll_key_card', 'POST, OPTIONS', 'enrollKeyCard'],
    ['GET', '/v4/enroll_key_card', 'POST, OPTIONS', 'enrollKeyCard'],
    ['PUT', '/v4/upload_blob', 'POST, OPTIONS', 'getBlobUpload'],
  ])('405 %s %s', async (method, path, allow, handler) => {
    const response = await new Relay().ask(method, path)
    expect([response.status, response.headers['Allow']]).toEqual([405, allow])
    expect(jsonOf(response)).toMatchObject({
      error: `${method} is not allowed here`,
      ...(handler === undefined ? {} : { handler }),
    })
  })

  test('sessions want an upgrade', async () => {
    expect((await new Relay().ask('GET', '/v4/sessions')).status).toBe(426)
  })
})

describe('enrolment', () => {
  const path = '/v4/enroll_key_card'

  test.each([
    ['', false],
    ['?guest=1', true],
    ['?guest=0', false],
    ['?guest=true', false],
    ['?guest=01', false],
    ['?guest=', false],
  ])('with query %j, guest %s', async (query, guest) => {
    const relay = new Relay()
    const response = await relay.ask('POST', path + query, { body: enrolment() })
    expect([response.status, jsonOf(response)]).toEqual([201, { handler: 'enrollKeyCard', success: true }])
    const signed = { digest: personalMessageDigest(utf8(message())), issuedAt: 1_700_000_000n }
    expect(relay.enrolled).toEqual([{ wallet: WALLET, shopId: 5n, card: CARD, guest, message: signed }])
  })

  test('the Referer header counts', async () => {
    const relay = new Relay()
    const body = enrolment(message('http://relay.example:4444/shop'))
    expect((await relay.ask('POST', path, { body })).status).toBe(400)
    const headers = { referer: 'http://relay.example:4444/anything' }
    expect((await relay.ask('POST', path, { body, headers })).status).toBe(201)
    expect((await relay.ask('POST', path, { body, headers: { referer: 'http://other.example/' } })).status).toBe(400)
  })

  test.each(['', '{}', 'null', '[]', '{"message":1,"signature":"AA=="}', '{"message":"x"}', enrolment().slice(0, -1)])(
    'form %j is refused',
    async (body) => {
      const relay = new Relay()
      const response = await relay.ask('POST', path, { body })
      expect(response.status).toBe(400)
      expect(jsonOf(response)).toMatchObject({
        handler: 'enrollKeyCard',
        error: expect.stringContaining('JSON') as string,
      })
      expect(relay.enrolled).toEqual([])
    },
  )

  test.each([
    (text: string) => text.replace('=', ''),
    (text: string) => `${text}\n`,
    (text: string) => ` ${text.slice(1)}`,
    (text: string) => `-${text.slice(1)}`,
    (text: string) => `${text.slice(0, 40)}${text.slice(44)}`,
    () => '',
  ])('a signature in another form is refused (%#)', async (change) => {
    const body = JSON.stringify({ message: message(), signature: change(signed(message())) })
    const response = await new Relay().ask('POST', path, { body })
    expect(response.status).toBe(400)
    expect(jsonOf(response)).toMatchObject({ handler: 'enrollKeyCard' })
  })

  test('bytes that are not UTF-8 are refused', async () => {
    const body = Buffer.concat([Buffer.from(enrolment()).subarray(0, -1), Buffer.from([0x20, 0xff, 0x7d])])
    expect((await new Relay().ask('POST', path, { body })).status).toBe(400)
  })

  test('the message is checked', async () => {
    const response = await new Relay().ask('POST', path, {
      body: enrolment(message().replace('mass-relayid:77', 'mass-relayid:78')),
    })
    expect([response.status, jsonOf(response)]).toEqual([
      400,
      { handler: 'enrollKeyCard', error: 'the relay id is not 77' },
    ])
  })

  test.each([400, 403, 409, 503] as const)('a refusal %i of chain or store', async (status) => {
    const relay = new Relay()
    relay.outcome = { status, error: 'because' }
    const response = await relay.ask('POST', path, { body: enrolment() })
    expect([response.status, jsonOf(response)]).toEqual([status, { handler: 'enrollKeyCard', error: 'because' }])
  })

  test('a body at the limit and beyond it', async () => {
    expect((await new Relay().ask('POST', path, { body: enrolment().padEnd(ENROLMENT_BODY_BYTES_MAX) })).status).toBe(
      201,
    )
    const beyond = await new Relay().ask('POST', path, { body: enrolment().padEnd(ENROLMENT_BODY_BYTES_MAX + 1) })
    expect([beyond.status, jsonOf(beyond)]).toEqual([
      413,
      { handler: 'enrollKeyCard', error: `the body is larger than ${ENROLMENT_BODY_BYTES_MAX} bytes` },
    ])
  })

  test('too many of an address', async () => {
    const relay = new Relay()
    relay.allowed = false
    const response = await relay.ask('POST', path, { body: enrolment() })
    expect([response.status, jsonOf(response)]).toEqual([
      429,
      { handler: 'enrollKeyCard', error: 'too many enrolments' },
    ])
    expect((await relay.ask('GET', '/health')).status).toBe(200)
  })

  test('a bug is reported, and said in the form of a refusal', async () => {
    const relay = new Relay()
    relay.outcome = new Error('bug')
    const response = await relay.ask('POST', path, { body: enrolment() })
    expect([response.status, jsonOf(response)]).toEqual([500, { handler: 'enrollKeyCard', error: 'internal error' }])
    expect(relay.bugs).toEqual([new Error('bug')])
  })

  test('a client that went away is neither answered nor a bug', async () => {
    const relay = new Relay()
    relay.outcome = new RequestAborted()
    await expect(relay.ask('POST', path, { body: enrolment() })).rejects.toThrow(RequestAborted)
    expect(relay.bugs).toEqual([])
  })
})

describe('blobs', () => {
  const headers = { 'content-type': 'multipart/form-data; boundary=xx' }
  const path = '/v4/upload_blob?token=t1'

  test('are uploaded and served', async () => {
    const relay = new Relay()
    const uploaded = await relay.ask('POST', path, { headers, body: upload('foo') })
    expect([uploaded.status, jsonOf(uploaded)]).toEqual([
      201,
      { ipfs_path: `/ipfs/${FOO}`, url: `http://relay.example:4444/ipfs/${FOO}` },
    ])
    const served = await relay.ask('GET', `/ipfs/${FOO}`)
    expect([served.status, served.headers]).toEqual([
      200,
      {
        'Access-Control-Allow-Origin': '*',
        'Cache-Control': 'public, max-age=31536000, immutable',
        'Content-Security-Policy': "default-src 'none'; sandbox",
        'Content-Type': 'text/plain; charset=utf-8',
        'Accept-Ranges': 'bytes',
        ETag: `"${FOO}"`,
        'X-Content-Type-Options': 'nosniff',
      },
    ])
    expect(served.body).toMatchObject({ size: 3 })
    expect((await bytesOf(served)).toString()).toBe('foo')
    expect(relay.held).toBe(0)
  })

  test('keep their bytes over many chunks, and an empty one its emptiness', async () => {
    const relay = new Relay()
    const content = Buffer.alloc(700_001, 'cairn \r\n--x')
    const uploaded = jsonOf(await relay.ask('POST', path, { headers, body: upload(content) })) as { ipfs_path: string }
    expect((await bytesOf(await relay.ask('GET', uploaded.ipfs_path))).equals(content)).toBe(true)
    await relay.ask('POST', '/v4/upload_blob?token=t2', { headers, body: upload('') })
    expect(await bytesOf(await relay.ask('GET', `/ipfs/${EMPTY}`))).toHaveLength(0)
  })

  test('that are asked for and not read are let go', async () => {
    const relay = new Relay()
    relay.stored.set(FOO, new Uint8Array(5_000))
    const { body } = await relay.ask('GET', `/ipfs/${FOO}`)
    if (typeof body !== 'object' || body instanceof Uint8Array) throw new Error('not a stream')
    await body.chunks[Symbol.asyncIterator]().return?.()
    expect(relay.held).toBe(0)
  })

  test('a base URL with a path', async () => {
    const response = await new Relay('https://relay.example/cairn').ask('POST', path, { headers, body: upload('foo') })
    expect(jsonOf(response)).toMatchObject({ url: `https://relay.example/cairn/ipfs/${FOO}` })
  })

  test('a token is good once, whatever came of it', async () => {
    const relay = new Relay()
    const refusals: HttpResponse[] = []
    for (const target of ['/v4/upload_blob', '/v4/upload_blob?token=', '/v4/upload_blob?token=x']) {
      refusals.push(await relay.ask('POST', target, { headers, body: upload('foo') }))
    }
    expect((await relay.ask('POST', path, { body: 'no form' })).status).toBe(400)
    refusals.push(await relay.ask('POST', path, { headers, body: upload('foo') }))
    for (const refusal of refusals) {
      expect([refusal.status, jsonOf(refusal)]).toEqual([
        400,
        { handler: 'getBlobUpload', error: 'the token is not valid' },
      ])
    }
    expect(relay.stored.size).toBe(0)
  })

  test.each([
    ['no multipart', upload('foo'), { 'content-type': 'application/json' }, 'not multipart'],
    ['no content type', upload('foo'), {}, 'not multipart'],
    ['no file', upload('foo', 'image'), headers, 'no field named file'],
    ['two files', Buffer.concat([upload('foo').subarray(0, -8), upload('bar')]), headers, 'two fields'],
    ['half a form', upload('foo').subarray(0, -9), headers, 'ends in the middle'],
  ])('%s is refused, and nothing is kept', async (what, body, given, error) => {
    const relay = new Relay()
    const response = await relay.ask('POST', path, { headers: given, body })
    expect(response.status).toBe(400)
    expect(jsonOf(response)).toMatchObject({
      handler: 'getBlobUpload',
      error: expect.stringContaining(error) as string,
    })
    expect([relay.stored.size, relay.aborted]).toEqual([0, ['two files', 'half a form'].includes(what) ? 1 : 0])
  })

  test('the largest file, and one byte more', async () => {
    const relay = new Relay()
    expect((await relay.ask('POST', path, { headers, body: upload(new Uint8Array(BLOB_BYTES_MAX)) })).status).toBe(201)
    const beyond = await relay.ask('POST', '/v4/upload_blob?token=t2', {
      headers,
      body: upload(new Uint8Array(BLOB_BYTES_MAX + 1)),
    })
    expect([beyond.status, jsonOf(beyond)]).toEqual([
      413,
      { handler: 'getBlobUpload', error: `the file is larger than ${BLOB_BYTES_MAX} bytes` },
    ])
    expect([relay.stored.size, relay.aborted]).toEqual([1, 1])
  })

  test('other fields count too', async () => {
    const relay = new Relay()
    const body = Buffer.concat([
      upload(new Uint8Array(BLOB_BYTES_MAX + 65_536), 'image').subarray(0, -8),
      upload('foo'),
    ])
    expect((await relay.ask('POST', path, { headers, body })).status).toBe(413)
  })

  test('a full disk is told', async () => {
    const relay = new Relay()
    relay.full = true
    const response = await relay.ask('POST', path, { headers, body: upload('foo') })
    expect([response.status, jsonOf(response)]).toEqual([503, { handler: 'getBlobUpload', error: 'the disk is full' }])
    expect(relay.bugs).toEqual([])
  })

  test('HEAD is answered as GET is; the transport leaves the body out', async () => {
    const relay = new Relay()
    for (const path of ['/', '/health', '/livez'])
      expect(await relay.ask('HEAD', path)).toEqual(await relay.ask('GET', path))
  })

  describe('a part of it', () => {
    const ten = Buffer.from('0123456789')
    const etag = `"${FOO}"`
    async function part(headers: Record<string, string>, content = ten, method = 'GET') {
      const relay = new Relay()
      relay.stored.set(FOO, content)
      const response = await relay.ask(method, `/ipfs/${FOO}`, { headers })
      const { body } = response
      const bytes: Buffer[] = []
      if (body !== undefined && typeof body === 'object' && 'chunks' in body)
        for await (const chunk of body.chunks) bytes.push(Buffer.from(chunk))
      return [response.status, response.headers['Content-Range'], Buffer.concat(bytes).toString()]
    }

    test.each([
      ['bytes=0-0', 206, 'bytes 0-0/10', '0'],
      ['bytes=3-5', 206, 'bytes 3-5/10', '345'],
      ['bytes=7-', 206, 'bytes 7-9/10', '789'],
      ['bytes=7-99', 206, 'bytes 7-9/10', '789'],
      ['bytes=-3', 206, 'bytes 7-9/10', '789'],
      ['bytes=-99', 206, 'bytes 0-9/10', '0123456789'],
      ['bytes=10-', 416, 'bytes */10', ''],
      ['bytes=-0', 416, 'bytes */10', ''],
      ['bytes=5-3', 200, undefined, '0123456789'],
      ['bytes=0-1,3-4', 200, undefined, '0123456789'],
      ['lines=0-1', 200, undefined, '0123456789'],
      ['bytes=-', 200, undefined, '0123456789'],
    ])('%s', async (range, ...answer) => expect(await part({ range })).toEqual(answer))

    test('of nothing there is none', async () => {
      expect(await part({ range: 'bytes=0-' }, Buffer.alloc(0))).toEqual([416, 'bytes */0', ''])
      expect(await part({ range: 'bytes=-1' }, Buffer.alloc(0))).toEqual([416, 'bytes */0', ''])
    })

    test('over chunks, as any slice', async () => {
      const large = Buffer.from(Array.from({ length: 200_000 }, (_, i) => 33 + (i % 90)))
      for (const [first, last] of [
        [0, 199_999],
        [65_535, 65_536],
        [131_072, 131_072],
        [70_000, 199_999],
      ] as const)
        expect(await part({ range: `bytes=${first}-${last}` }, large)).toEqual([
          206,
          `bytes ${first}-${last}/200000`,
          large.subarray(first, last + 1).toString(),
        ])
    })

    test('only of the blob that If-Range names', async () => {
      expect((await part({ range: 'bytes=0-0', 'if-range': etag }))[0]).toBe(206)
      expect((await part({ range: 'bytes=0-0', 'if-range': '"other"' }))[0]).toBe(200)
    })

    test.each([[etag], [`W/${etag}`], ['*'], [`"other", ${etag}`]])('who has it, %s, gets nothing', async (tags) => {
      expect(await part({ 'if-none-match': tags, range: 'bytes=0-0' })).toEqual([304, undefined, ''])
    })

    test('who has another gets it', async () => {
      expect((await part({ 'if-none-match': '"other"' }))[0]).toBe(200)
    })
  })

  test.each([
    [`/ipfs/${FOO}`, 404],
    ['/ipfs/', 400],
    ['/ipfs/foo', 400],
    [`/ipfs/${FOO}/`, 400],
    [`/ipfs/../${FOO}`, 400],
    [`/ipfs/${FOO.slice(0, -1)}`, 400],
  ])('%s is %i', async (target, status) => {
    const response = await new Relay().ask('GET', target)
    expect(response.status).toBe(status)
    expect(jsonOf(response)).toHaveProperty('error')
  })
})

test('a browser that comes before the demo shop is made looks again; a link leads to what can be an id', async () => {
  const relay = new Relay(undefined, true)
  relay.storefront = { shop: 7n }
  const headers = { accept: 'text/html' }
  const early = await relay.ask('GET', '/', { headers })
  expect([early.status, early.headers['Refresh'], early.headers['Vary']]).toEqual([503, '1', 'Accept'])
  expect((await relay.ask('GET', '/')).status).toBe(200)
  relay.shops = [7n]
  const made = await relay.ask('GET', '/', { headers })
  expect([made.status, made.body]).toEqual([200, expect.stringContaining('data-shop="7"')])
  expect((await relay.ask('GET', '/console')).body).toContain('data-development="yes" data-shop="7"')
  const largest = 2n ** 64n - 1n
  for (const id of [5n, largest, largest + 1n, -1n, 'x']) await relay.ask('GET', `/?listing=${id}`, { headers })
  expect(relay.linked).toEqual([5n, largest])
})
