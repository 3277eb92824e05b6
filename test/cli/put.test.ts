/** `cairn put`: what is on disk is done, whatever comes after it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { prefixedHex, toHex } from '../../src/bytes/hex.js'
import { run } from '../../src/cli/put.js'
import { connect, type ShopClient } from '../../src/client/shop-client.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

const home = mkdtempSync(join(tmpdir(), 'cairn-put-'))
let running: TestRelay
let proxy: LyingProxy
let reader: ShopClient

beforeAll(async () => {
  running = await relay()
  proxy = await lyingProxy(running.url)
  const [owner, card] = [newSecret(), newSecret()]
  await enrolCard(running.url, owner)
  await enrolCard(running.url, card)
  writeFileSync(join(home, 'card.key'), toHex(card))
  reader = await connect({ url: running.url, shop: SHOP, relay: running.address, key: owner })
  await reader.write([listing(1n)])
})
afterAll(async () => {
  reader.close()
  proxy.close()
  await running.stop()
  rmSync(home, { recursive: true })
  expect(running.bugs).toEqual([])
})

/** `done`: called with the line that says that it is on disk. */
async function put(price: bigint, done: (stop: AbortController) => void = () => undefined) {
  const stop = new AbortController()
  const [out, err]: [string[], string[]] = [[], []]
  const said = (line: string) => {
    out.push(line)
    if (line.startsWith('done: ')) done(stop)
  }
  const place = ['--url', proxy.url, '--shop', `${SHOP}`, '--relay', prefixedHex(running.address)]
  const what = ['--listing', '1', '--price', `${price}`, '--card', join(home, 'card.key')]
  const io = { out: said, err: (line: string) => void err.push(line), env: {}, isTerminal: false, signal: stop.signal }
  const code = await run([...place, ...what], io)
  const priced = async () => {
    for await (const { data } of reader.listing(1n)) if (data?.Price === price) return true
    return false
  }
  return { code, out: out.map((line) => line.replace(/ is now .*/u, '')), err, isWritten: await priced() }
}

const DONE = "done: the shop's state hash"

it('tells what the price is in the currency of the shop', async () => {
  const { code, out, err } = await put(3n)
  expect([code, err]).toEqual([0, []])
  expect(out).toEqual([DONE, expect.stringMatching(/^price: 3 of the smallest unit, which are /u)])
})

it.each(['-1', '-0.5'])('a price of %s is below 0', async (price) => {
  for (const argv of [[`--price=${price}`], ['--price', price]]) {
    const err: string[] = []
    const io = { out: () => undefined, err: (line: string) => void err.push(line), env: {}, isTerminal: false }
    const code = await run(['--listing', '1', ...argv], { ...io, signal: new AbortController().signal })
    expect([code, err]).toEqual([1, [`cairn put: --price cannot be below 0, as ${price} is`]])
  }
})

it.each([
  ['0.5', ', not 0.5: 0.5 ETH is --price 500000000000000000'],
  ['.25', ', not .25: 0.25 ETH is --price 250000000000000000'],
  ['1e18', ': 0.5 ETH is --price 500000000000000000'],
])('a price of %s is told its unit, with an example', async (price, told) => {
  const err: string[] = []
  const io = { out: () => undefined, err: (line: string) => void err.push(line), env: {}, isTerminal: false }
  const code = await run(['--listing', '1', `--price=${price}`], { ...io, signal: new AbortController().signal })
  const unit = "--price is a whole number of the smallest unit of the shop's currency, of ether in wei"
  expect([code, err]).toEqual([1, [`cairn put: ${unit}${told}`]])
})

it('is done when it is on disk: interrupted after that, or where the currency does not come', async () => {
  // Nothing but answers: the manifest stays loading.
  proxy.lie((message) => (message.kind === 'response' ? message : undefined))
  const done = { code: 0, out: [DONE], err: [], isWritten: true }
  expect(await put(4n, (stop) => stop.abort())).toEqual(done)
  expect(await put(5n)).toEqual(done)
})
