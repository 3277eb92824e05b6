/** `npm run dev:chain` beside `npm start -- --chain dev`, on the usual port: a demo whose orders are paid. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { asPrinted, cairn, endAll, isFree, startChain, type Program } from '../fixtures/program.js'

const USUAL_PORT = 8545
let home: string
let chain: Program

beforeAll(async () => {
  if (!(await isFree(USUAL_PORT)))
    throw new Error(`port ${USUAL_PORT} is taken (npm run dev:chain in another terminal?): these tests need it`)
  home = mkdtempSync(join(tmpdir(), 'cairn-dev-chain-'))
})
afterAll(async () => {
  await endAll()
  if (home !== undefined) rmSync(home, { recursive: true, force: true })
})

const dataOf = (name: string) => join(home, name)
const serve = (name: string, ...flags: readonly string[]) =>
  cairn(['serve', '--chain', 'dev', '--port', '0', '--metrics-port', '0', '--data', dataOf(name), ...flags])

/** What it says to try. */
async function invited(relay: Program) {
  await relay.says(/Ctrl-C stops the relay; npm start -- --chain dev --data .+ goes on/u)
  const printed = (name: string) => new RegExp(`npx cairn ${name} .*`, 'u').exec(relay.out)?.[0]
  return {
    url: /listens on (\S+)/u.exec(relay.out)![1]!,
    shop: /demo shop +(\d+)/u.exec(relay.out)![1]!,
    relay: /relay address +(\S+)/u.exec(relay.out)![1]!,
    pay: printed('order pay'),
    waits: /to be paid +order (\d+) waits for you/u.exec(relay.out)?.[1],
    paidBefore: /paid before +(\d+) in earlier starts/u.exec(relay.out)?.[1],
    paidWith: /paid with +(.*)/u.exec(relay.out)?.[1],
    put: printed('put'),
  }
}

const orderIn = (line: string) => /--order (\d+)/u.exec(line)![1]!

it('without the chain: one line that says how to start it', async () => {
  const { code, out, err } = await serve('early').outcome()
  // The log tells of the key that it made.
  expect(
    err
      .split('\n')
      .filter((line) => !line.startsWith('{'))
      .join('\n'),
  ).toMatch(/^cairn: .*Start the chain with npm run dev:chain in another terminal\.\n$/u)
  expect([code, out]).toEqual([1, ''])
})

it('a guest of the demo pays; the printed commands do as they are printed; a restart goes on', async () => {
  chain = (await startChain(USUAL_PORT)).program
  // A name that a shell would take apart.
  const first = serve("a shop's data")
  const before = await invited(first)
  expect(first.out).toContain('DEVELOPMENT CHAIN')
  const [, byItself] = await first.says(/a guest pays order (\d+): transaction 0x[0-9a-f]{64}/u, 'err')
  await first.says(new RegExp(`order ${byItself} is Paid`, 'u'), 'err')

  const order = orderIn(before.pay!)
  expect(before).toMatchObject({ waits: order, paidBefore: undefined })
  expect(before.paidWith).toMatch(/^ether; with --price-source fixed --price-factor 1500 also the token 0x/u)
  const paid = await asPrinted(before.pay!).outcome()
  expect(paid.code, paid.err).toBe(0)
  expect(paid.out).toMatch(new RegExp(`^transaction 0x[0-9a-f]{64}\norder ${order} is Paid\n$`, 'u'))
  const again = await asPrinted(before.pay!).outcome()
  expect([again.code, again.out, again.err]).toEqual([
    0,
    `order ${order} is Paid already: nothing was sent\n`,
    expect.anything(),
  ])
  const place = ['--url', before.url, '--shop', before.shop, '--relay', 'chain', '--chain', 'dev']
  const watch = cairn(['watch', '--listing', /--listing (\d+)/u.exec(before.put!)![1]!, ...place])
  await watch.says(/✓ proven as of checkpoint \d+/u)
  expect(await watch.end('SIGINT')).toBe(0)
  const put = await asPrinted(before.put!).outcome()
  expect(put.code, put.err).toBe(0)
  expect(await first.end('SIGTERM')).toBe(0)

  const second = serve("a shop's data", '--price-source', 'fixed', '--price-factor', '1500')
  const after = await invited(second)
  expect([after.shop, after.relay]).toEqual([before.shop, before.relay])
  expect(after).toMatchObject({ waits: orderIn(after.pay!), paidBefore: '2' })
  expect(second.out).not.toContain('NEW CHAIN')
  expect([order, byItself]).not.toContain(after.waits)
  expect(after.paidWith).toMatch(/^ether, or the token 0x[0-9a-f]{40}$/u)
  const [, next] = await second.says(/a guest pays order (\d+): /u, 'err')
  await second.says(new RegExp(`order ${next} is Paid`, 'u'), 'err')
  expect(second.err).not.toContain(`order ${byItself} is Paid`)
  const orders = await cairn(['orders', '--json', '--data', dataOf("a shop's data")]).outcome()
  const rows = orders.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; state: string })
  expect(rows.map(({ id, state }) => [id, state])).toEqual([
    [byItself, 'Paid'],
    [order, 'Paid'],
    [next, 'Paid'],
    [after.waits, 'Unpaid'],
  ])
  expect(await second.end('SIGTERM')).toBe(0)
  expect(first.err + second.err).not.toMatch(/demo shop stopped|"level":"(warn|error)"/u)
})

it('without the chain that they began on, data say how to go on', async () => {
  const without = cairn(['serve', '--port', '0', '--metrics-port', '0', '--data', dataOf("a shop's data")])
  await without.says(/demo shop stopped: .*start it with --chain as before, or with --data and another folder/u, 'err')
  expect(await without.end('SIGTERM')).toBe(0)
})

it('on another port the demo is the same, by dev:PORT, and its printed command pays there', async () => {
  const { program: elsewhere, port } = await startChain()
  expect(elsewhere.err).toContain(`npm start -- --chain dev:${port} uses them without a file.`)
  const relay = serve('elsewhere', '--chain', `dev:${port}`)
  await relay.says(new RegExp(`npm start -- --chain dev:${port} --data .+ goes on where it was`, 'u'))
  expect(relay.out).toContain('DEVELOPMENT CHAIN')
  const pay = /npx cairn order pay .*/u.exec(relay.out)![0]
  expect(pay).toContain(` --chain dev:${port} `)
  const paid = await asPrinted(pay).outcome()
  expect(paid.code, paid.err).toBe(0)
  expect(paid.out).toMatch(new RegExp(`^transaction 0x[0-9a-f]{64}\norder ${orderIn(pay)} is Paid\n$`, 'u'))
  expect(await relay.end('SIGTERM')).toBe(0)
  expect(await elsewhere.end('SIGTERM')).toBe(0)
})

it('data that were made without a chain go on with one', async () => {
  const early = cairn(['serve', '--port', '0', '--metrics-port', '0', '--data', dataOf('grown')])
  await early.says(/Ctrl-C stops the relay; npm start -- --data .+ goes on/u)
  expect(early.out).not.toMatch(/to be paid|paid with|order pay/u)
  expect(await early.end('SIGTERM')).toBe(0)
  const late = serve('grown')
  const { waits } = await invited(late)
  const [, paid] = await late.says(/order (\d+) is Paid/u, 'err')
  expect(paid).not.toBe(waits)
  expect(await late.end('SIGTERM')).toBe(0)
  expect(late.out + late.err).not.toMatch(/demo shop stopped|NEW CHAIN/u)
})

it('by address; and on a new chain the old data go on', async () => {
  const first = serve('other')
  const before = await invited(first)
  const { code, out, err } = await asPrinted(`${before.pay} --by address`).outcome()
  expect(code, err).toBe(0)
  expect(out).toMatch(new RegExp(`^transaction 0x[0-9a-f]{64}\norder ${orderIn(before.pay!)} is Paid\n$`, 'u'))
  expect(await first.end('SIGTERM')).toBe(0)
  expect(await chain.end('SIGTERM')).toBe(0)

  chain = (await startChain(USUAL_PORT)).program
  const second = serve('other')
  expect(await invited(second)).toMatchObject({ shop: before.shop, paidBefore: '2' })
  expect(second.out).toMatch(
    /NEW CHAIN [^]*orders --odd --data [^]*To start afresh stop the relay and delete .*other\./u,
  )
  await second.says(/a payment left the chain after it had counted/u, 'err')
  expect(await second.end('SIGTERM')).toBe(0)
  expect(second.err).not.toMatch(/demo shop stopped|"level":"error"/u)
  const odd = await cairn(['orders', '--odd', '--data', dataOf('other')]).outcome()
  expect(odd.out).toMatch(/! reorged, /u)
  expect(await chain.end('SIGTERM')).toBe(0)
})
