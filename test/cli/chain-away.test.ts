/**
 * `cairn serve` while its chain cannot be reached: what needs no chain goes on, and when it is back everything does.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { walletOf } from '../../src/cli/wallet.js'
import { enrol, relayDescription } from '../../src/client/enrol.js'
import { connect } from '../../src/client/shop-client.js'
import { ACCOUNTS, startDevChain, type DevChain } from '../../contracts/dev-chain.mjs'
import { cairn, endAll, type Program } from '../fixtures/program.js'
import { enrolGuest, furnish, LISTING, order } from '../fixtures/small-shop.js'

const [, MERCHANT, GUEST] = ACCOUNTS.map(({ secret }) => secret) as [string, string, string]
const PATH = '/v3/aSecretApiKey'
const SHOP = '77'
let home: string
let chain: DevChain
let endpoint: Endpoint
let ownerCard: Uint8Array
const guestCard = new Uint8Array(randomBytes(32))

/**
 * The chain behind an address with a key in its path, as providers have it; closed, it is as if there were no machine.
 */
class Endpoint {
  private server: Server | undefined
  port = 0

  get url(): string {
    return `http://127.0.0.1:${this.port}${PATH}`
  }

  async open(): Promise<void> {
    const pass = async (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      if (request.url !== PATH) return response.writeHead(401).end()
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(chain.rpcUrl, { method: 'POST', headers, body: Buffer.concat(chunks) })
      return response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()))
    }
    const server = createServer((request, response) => void pass(request, response))
    this.server = server
    await new Promise<void>((listening) => server.listen(this.port, '127.0.0.1', listening))
    this.port = (server.address() as { port: number }).port
  }

  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    const closed = new Promise((done) => (server === undefined ? done(undefined) : server.close(done)))
    server?.closeAllConnections()
    await closed
  }
}

const fileOf = (name: string) => join(home, name)

function writeChain(name: string, relayTokenId?: string): string {
  const { chainId, addresses } = chain
  const { shops, relays, payments } = addresses
  const settings = {
    registry: { chainId, shops, relays, relayTokenId },
    chains: [{ chainId, rpc: [endpoint.url], payments, depth: 1, pollMs: 100 }],
  }
  writeFileSync(fileOf(name), JSON.stringify(settings))
  return fileOf(name)
}

const serve = (file: string, data = 'data') =>
  cairn(['serve', '--chain', file, '--port', '0', '--metrics-port', '0', '--data', fileOf(data)])
const urlOf = async (relay: Program) => (await relay.says(/listens on (\S+)/u))[1]!

async function health(url: string): Promise<{ code: number; status: string; warnings?: string[] }> {
  const response = await fetch(`${url}/health`)
  return { code: response.status, ...((await response.json()) as { status: string; warnings?: string[] }) }
}

function urlOfTarget(target: string | URL | Request): string {
  return target instanceof Request ? target.url : target.toString()
}

/** The status of an enrolment. */
async function enrolment(url: string, guest: boolean): Promise<number> {
  const fetched = vi.spyOn(globalThis, 'fetch')
  const card = publicKeyOf(new Uint8Array(randomBytes(32)))
  await enrol({ url, shop: BigInt(SHOP), card, wallet: walletOf(MERCHANT), guest }).catch(() => undefined)
  // The endpoint in this process fetches too.
  const asked = fetched.mock.calls.findLastIndex(([target]) => urlOfTarget(target).includes('enroll_key_card'))
  const { status } = await (fetched.mock.results[asked]!.value as Promise<Response>)
  fetched.mockRestore()
  return status
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'cairn-away-'))
  chain = await startDevChain()
  endpoint = new Endpoint()
  await endpoint.open()
  const file = writeChain('minting.json')
  const relay = serve(file)
  const url = await urlOf(relay)
  const create = ['shop', 'create', '--url', url, '--chain', file, '--shop', SHOP, '--card', fileOf('owner.key')]
  const created = await cairn(create, { env: { CAIRN_WALLET_KEY: MERCHANT } }).outcome()
  expect(created.code, created.err).toBe(0)
  ownerCard = fromHex(readFileSync(fileOf('owner.key'), 'utf8').trim())
  await furnish({ url, shop: BigInt(SHOP), key: ownerCard })
  await enrolGuest({ url, shop: BigInt(SHOP), key: guestCard }, GUEST)
  writeFileSync(fileOf('guest.key'), toHex(guestCard))
  writeChain('chain.json', (await relayDescription(url)).relay_token_id)
  expect(await relay.end('SIGTERM')).toBe(0)
  await endpoint.close()
})
afterAll(async () => {
  await endAll()
  await endpoint?.close()
  await chain?.stop()
  rmSync(home, { recursive: true, force: true })
})

it('a relay whose token has to be minted does not start: one line, without the path', async () => {
  const { code, out, err } = await serve(fileOf('minting.json'), 'new').outcome()
  const [made, problem, ...rest] = err.split('\n')
  expect(made).toContain('"event":"a new relay key was made"')
  expect(problem).toMatch(/^cairn: chain: the relay's token cannot be minted: chain 31337 cannot be reached: ./u)
  expect(rest).toEqual([''])
  expect(err).not.toContain('aSecretApiKey')
  expect([code, out]).toEqual([1, ''])
})

it('one that knows its token starts, serves what needs no chain, and goes on when it is back', async () => {
  const relay = serve(fileOf('chain.json'))
  const url = await urlOf(relay)
  const shop = BigInt(SHOP)
  const tells = await health(url)
  expect([tells.code, tells.status, tells.warnings?.length]).toEqual([200, 'ok', 1])
  expect(tells.warnings![0]).toContain(`chain 31337 cannot be reached: http://127.0.0.1:${endpoint.port}: `)
  expect(tells.warnings![0]).not.toMatch(/v3|aSecretApiKey/u)
  await relay.says(/a chain cannot be asked now; .*chain 31337 cannot be reached: .*[^]*no chain can be asked/u, 'err')
  for (const path of ['livez', 'readyz']) expect((await fetch(`${url}/${path}`)).status, path).toBe(200)

  const visitor = await connect({ url, shop, relay: 'development', only: [{ listing: LISTING }] })
  for await (const { status, data } of visitor.listing(LISTING)) {
    if (status === 'loading') continue
    expect(data?.Metadata.Title).toBe('Stone')
    break
  }
  visitor.close()
  const guest = { url, shop, key: guestCard }
  const early = await order(guest, 1n, false)
  expect(await enrolment(url, false)).toBe(503)
  expect(await enrolment(url, true)).toBe(503)

  await endpoint.open()
  for (const end = Date.now() + 20_000; (await health(url)).warnings !== undefined && Date.now() < end;)
    await new Promise((wait) => setTimeout(wait, 100))
  expect(await health(url)).toEqual({ code: 200, status: 'ok' })
  await relay.says(/a chain can be reached again/u, 'err')
  expect(await enrolment(url, false)).toBe(201)
  expect(await enrolment(url, true)).toBe(201)
  const late = await order(guest, 2n)
  const pay = ['order', 'pay', '--url', url, '--shop', SHOP, '--order', String(late), '--card', fileOf('guest.key')]
  const paid = await cairn([...pay, '--chain', fileOf('chain.json')], { env: { CAIRN_WALLET_KEY: GUEST } }).outcome()
  expect(paid.code, paid.err).toBe(0)
  expect(paid.out).toContain(`order ${late} is Paid`)
  const orders = await cairn(['orders', '--data', fileOf('data')]).outcome()
  expect(orders.out).toMatch(new RegExp(`#1 +Committed +${early} [^]*#2 +Paid +${late} `, 'u'))
  expect(await relay.end('SIGTERM')).toBe(0)
  expect(relay.out + relay.err).not.toContain('aSecretApiKey')
}, 90_000)
