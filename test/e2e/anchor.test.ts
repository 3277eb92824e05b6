/** Anchors as an operator and a shop's owner meet them: processes, a chain, and what the log and commands say. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNTS } from '../../contracts/dev-chain.mjs'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { rootHashCall } from '../../src/wire/registry-calls.js'
import { cairn, endAll, startChain, type Program } from '../fixtures/program.js'
import { furnish } from '../fixtures/small-shop.js'

const [, MERCHANT, , STRANGER] = ACCOUNTS
let home: string
let chainFile: string
let rpcUrl: string
let shops: string

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'cairn-anchor-'))
  const { settings } = await startChain()
  chainFile = join(home, 'chain.json')
  writeFileSync(chainFile, settings)
  rpcUrl = /http:[^"]+/u.exec(settings)![0]
  shops = (JSON.parse(settings) as { registry: { shops: string } }).registry.shops
})
afterAll(async () => {
  await endAll()
  rmSync(home, { recursive: true, force: true })
})

async function rpc(method: string, ...params: unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return ((await response.json()) as { result: unknown }).result
}

async function command(argv: readonly string[], wallet?: string) {
  const env: Record<string, string> = wallet === undefined ? {} : { CAIRN_WALLET_KEY: wallet }
  return cairn([...argv, '--chain', chainFile], { cwd: home, env }).outcome()
}

/** A relay with a shop that has a manifest. */
async function start(
  name: string,
  anchor: string,
): Promise<{ relay: Program; url: string; shop: bigint; data: string }> {
  const data = join(home, name)
  const place = ['--chain', chainFile, '--port', '0', '--metrics-port', '0', '--data', data]
  const relay = cairn(['serve', ...place, '--anchor', anchor, '--anchor-every-seconds', '1', '--log-format', 'json'])
  const url = (await relay.says(/listens on (\S+)/u))[1]!
  const address = (await relay.says(/relay address {2}(0x\w{40})/u))[1]!
  await rpc('eth_sendTransaction', { from: STRANGER!.address, to: address, value: '0xde0b6b3a7640000' })
  const made = await command(['shop', 'create', '--url', url, '--card', `${name}.key`], MERCHANT!.secret)
  expect(made.code, made.err).toBe(0)
  const shop = BigInt(/^shop (\d+)$/mu.exec(made.out)![1]!)
  const key = fromHex(readFileSync(join(home, `${name}.key`), 'utf8').trim())
  await furnish({ url, shop, key })
  return { relay, url, shop, data }
}

const registered = (shop: bigint) => rpc('eth_call', { to: shops, data: `0x${toHex(rootHashCall(shop))}` }, 'latest')

describe('by the relay', () => {
  it('is sent and final, and the audit knows it again', async () => {
    const { relay, shop, data } = await start('relay', 'relay')
    await relay.says(/"event":"an anchor moved on".*"status":"final"/u, 'err')
    expect(await registered(shop)).toMatch(/^0x(?!0{64})[0-9a-f]{64}$/u)
    const { code, out } = await cairn(['audit', data, '--chain', chainFile]).outcome()
    expect([code, out]).toEqual([0, expect.stringMatching(/ [1-9]\d* anchors/u)])
    expect(await relay.end('SIGTERM')).toBe(0)
  })
})

describe('by the owner', () => {
  it('is left to cairn anchor, and noticed', async () => {
    const { relay, url, shop } = await start('owner', 'owner')
    await relay.says(/"event":"an anchor waits for the owner: cairn anchor"/u, 'err')
    const own = ['anchor', '--url', url, '--shop', `${shop}`]
    const printed = await command([...own, '--print'], MERCHANT!.secret)
    expect([printed.code, printed.out]).toEqual([0, expect.stringMatching(/^to {3}0x\w{40}\ndata 0x\w{200}\n$/u)])
    const refused = await command(own, STRANGER!.secret)
    expect([refused.code, refused.out]).toEqual([1, ''])
    expect(refused.err).toMatch(/^cairn anchor: the transaction was refused: .*not allowed/u)
    const sent = await command(own, MERCHANT!.secret)
    expect([sent.code, sent.err]).toEqual([0, ''])
    const [, digest, tx] = /digest (0x\w{64}): anchored with nonce \d+ in transaction (0x\w{64})$/mu.exec(sent.out)!
    expect(await registered(shop)).toBe(digest)
    await relay.says(new RegExp(`"event":"an anchor moved on".*"status":"final".*"tx":"${tx}"`, 'u'), 'err')
    expect((await command(own, MERCHANT!.secret)).out).toMatch(/: anchored already$/mu)
    expect(await relay.end('SIGTERM')).toBe(0)
  })

  it('a shop or relay that is not there: 1, and a line', async () => {
    const dead = await command(['anchor', '--url', 'http://127.0.0.1:1', '--shop', '5'], MERCHANT!.secret)
    expect([dead.code, dead.err]).toEqual([1, 'cairn anchor: no relay answers at http://127.0.0.1:1\n'])
  })
})

it('off without a chain, and a relay says so', async () => {
  const { code, err } = await cairn(['serve', '--anchor', 'relay', '--data', join(home, 'none')]).outcome()
  expect([code, err]).toEqual([1, expect.stringMatching(/^cairn: anchor: it is relay, and there is no chain/u)])
})
