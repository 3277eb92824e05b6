/**
 * Shops, clerks and orders on a chain, by the commands alone: what a merchant and a clerk type, and what goes wrong for
 * them.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCOUNTS, transactionReceipt } from '../../contracts/dev-chain.mjs'
import { main } from '../../src/cli/main.js'
import { connect } from '../../src/client/shop-client.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { cairn, endAll, Program, startChain, type Outcome } from '../fixtures/program.js'
import { enrolGuest, furnish, order, PRICE } from '../fixtures/small-shop.js'

const [, MERCHANT, CLERK, STRANGER] = ACCOUNTS.map(({ secret }) => secret) as [string, string, string, string]
let home: string
let chainFile: string
let relay: Program
let url: string

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'cairn-commands-'))
  const { settings } = await startChain()
  chainFile = join(home, 'chain.json')
  writeFileSync(chainFile, settings)
  relay = cairn(['serve', '--chain', chainFile, '--port', '0', '--metrics-port', '0', '--data', join(home, 'data')])
  url = (await relay.says(/listens on (\S+)/u))[1]!
})
afterAll(async () => {
  await endAll()
  rmSync(home, { recursive: true, force: true })
})

const told: Outcome[] = []

/** A command in the test's own folder. */
async function command(argv: readonly string[], wallet?: string): Promise<Outcome> {
  const env = wallet === undefined ? {} : { CAIRN_WALLET_KEY: wallet }
  const outcome = await cairn(argv, { cwd: home, env }).outcome()
  told.push(outcome)
  return outcome
}

/** As the process does it, without one: there are many. */
async function run(argv: readonly string[], wallet?: string): Promise<Outcome> {
  const [out, err]: [string[], string[]] = [[], []]
  const { signal } = new AbortController()
  const env = wallet === undefined ? {} : { CAIRN_WALLET_KEY: wallet }
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  const code = await main(argv, { ...io, env, isTerminal: false, signal })
  const outcome = { code, out: out.join('\n'), err: err.join('\n') }
  told.push(outcome)
  return outcome
}

const onChain = (...argv: readonly string[]) => [...argv, '--chain', chainFile]
const rpcUrl = () => /http:[^"]+/u.exec(readFileSync(chainFile, 'utf8'))![0]
const keyIn = (file: string) => readFileSync(join(home, file), 'utf8').trim()

function refused({ code, out, err }: Outcome, message: RegExp): void {
  expect(err).toMatch(message)
  expect(err.trimEnd().split('\n')).toHaveLength(1)
  expect(err).toMatch(/^cairn[a-z ]*: /u)
  expect([code, out]).toEqual([1, ''])
}

describe('from a new shop to its orders', () => {
  let shop: string
  let link: string

  it('the relay has no demo on a chain of a file', () => {
    expect(relay.out).toContain(`chains         ${chainFile}`)
    expect(relay.out).not.toContain('demo shop')
  })

  it('shop create mints, adds the relay and enrols a card', async () => {
    const { code, out, err } = await command(onChain('shop', 'create', '--url', url, '--card', 'owner.key'), MERCHANT)
    expect(code, err).toBe(0)
    expect(out).toMatch(/^shop [0-9]+\ncard owner\.key\n$/u)
    expect(err).toMatch(/^minted shop [0-9]+ of 0x[0-9a-f]{40}\nadded relay 0x[0-9a-f]+\n$/u)
    shop = /^shop ([0-9]+)$/mu.exec(out)![1]!
    expect(statSync(join(home, 'owner.key')).mode & 0o777).toBe(0o600)
  })

  it('what was minted and not enrolled is gone on with, and nothing is done twice', async () => {
    const create = (card: string, wallet = MERCHANT) =>
      command(onChain('shop', 'create', '--url', url, '--shop', '5', '--card', card), wallet)
    const first = await create('owner.key')
    expect([first.code, first.out]).toEqual([1, ''])
    expect(first.err).toMatch(
      /cairn shop: the card owner\.key is enrolled already: go on with another one, --card FILE\n$/u,
    )
    const second = await create('second.key')
    expect([second.code, second.out]).toEqual([0, 'shop 5\ncard second.key\n'])
    expect(second.err).toMatch(/^there is shop 5 of 0x[0-9a-f]{40}\n$/u)
    refused(await create('third.key', CLERK), /shop 5 belongs to 0x70997970c51812dc3a010c7d01b50e0d17dc79c8/u)
  })

  it('invite prints a link and nothing else, and a shell takes it as it is', async () => {
    const { code, out, err } = await command(onChain('invite', '--url', `${url}/`, '--shop', shop), MERCHANT)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^http:\/\/127\.0\.0\.1:[0-9]+\/#shop=[0-9]+,invite=[0-9a-f]{64}\n$/u)
    link = out.trim()
    const shell = await new Program('sh', ['-c', `printf '%s|' ${link}`]).outcome()
    expect(shell).toEqual({ code: 0, out: `${link}|`, err: '' })
  })

  it('a link is not used up by a relay that does not answer or a card that cannot be', async () => {
    const dead = link.replace(url, 'http://127.0.0.1:1')
    refused(await run(onChain('join', dead), CLERK), /no relay answers at http:\/\/127\.0\.0\.1:1$/mu)
    refused(await run(onChain('join', link, '--card', '/nowhere/card'), CLERK), /card \/nowhere\/card cannot be/u)
    writeFileSync(join(home, 'bad.key'), 'no key')
    refused(await run(onChain('join', link, '--card', join(home, 'bad.key')), CLERK), /bad\.key has to hold 64 hex/u)
  })

  it('join makes a clerk, whose card can write', async () => {
    // As people type it: the link behind the flags.
    const { code, out, err } = await command([...onChain('join', '--card', 'clerk.key'), link], CLERK)
    expect(code, err).toBe(0)
    expect(out).toBe(`shop ${shop}\ncard clerk.key\n`)
    expect(statSync(join(home, 'clerk.key')).mode & 0o777).toBe(0o600)
    const client = await connect({
      url,
      shop: BigInt(shop),
      key: fromHex(keyIn('clerk.key')),
      relay: 'development',
      only: [],
    })
    const tag = new Map<string, string | bigint[]>([
      ['Name', 'New'],
      ['ListingIDs', []],
    ])
    await client.write([{ op: 'add', path: ['Tags', 'New'], value: tag }])
    client.close()
  })

  it('the link is of no use to a second one', async () => {
    const outcome = await command(onChain('join', link, '--card', 'stranger.key'), STRANGER)
    refused(outcome, /^cairn join: the registry does not take this link: it was used already/u)
    expect((await fetch(url)).status).toBe(200)
    // The clerk himself may make a card more: his wallet has the right to.
    expect((await command(onChain('join', link, '--card', 'tablet.key'), CLERK)).code).toBe(0)
  })

  it('a link that is none is not repeated', async () => {
    const secret = link.slice(-64)
    const wrong = [
      link.slice(0, -1),
      link.replace('http://', ''),
      link.replace('shop=', 'shop=x'),
      link.replace(secret, '0'.repeat(64)),
      link.replace('http:', 'javascript:'),
    ]
    for (const text of wrong) {
      const outcome = await run(onChain('join', text), STRANGER)
      refused(outcome, /^cairn join: give the link that cairn invite printed: cairn join LINK$/mu)
    }
    for (const argv of [[], ['--card', link], [link, link], [link, '--crad', 'x'], [link, secret]]) {
      const outcome = await run(onChain('join', ...argv), STRANGER)
      refused(outcome, /^cairn join: /u)
      expect(outcome.err).not.toContain(secret)
      expect(outcome.err).not.toContain(link.slice(-30))
    }
  })

  it('orders lists what guests bought, of a relay that runs and of one that stopped', async () => {
    const place = { url, shop: BigInt(shop), key: fromHex(keyIn('owner.key')) }
    await furnish(place)
    const put = ['put', '--url', url, '--shop', shop, '--listing', '1']
    expect(await command([...put, '--card', 'owner.key', '--stock', '12'])).toMatchObject({ code: 0 })
    refused(await command([...put, '--card', 'second.key', '--stock', '12']), /^cairn put: /u)
    const guest = { ...place, key: new Uint8Array(randomBytes(32)) }
    await enrolGuest(guest, STRANGER)
    writeFileSync(join(home, 'guest.key'), toHex(guest.key))
    const [bought, waiting] = [await order(guest, 1n), await order(guest, 2n, false)]
    const pay = ['order', 'pay', '--url', url, '--shop', shop, '--card', 'guest.key']
    await paysNothingIntoTheVoid([...pay, '--order', String(bought)])
    const paid = await command(onChain(...pay, '--order', String(bought)), STRANGER)
    expect(paid.code, paid.err).toBe(0)
    expect(paid.out).toMatch(/^transaction 0x[0-9a-f]{64}\norder [0-9]+ is Paid\n$/u)
    const tooEarly = await command(onChain(...pay, '--order', String(waiting)), STRANGER)
    expect([tooEarly.code, tooEarly.out]).toEqual([1, ''])
    expect(tooEarly.err).toMatch(/cairn order: order [0-9]+ is Committed: there is nothing to pay\n$/u)

    const lists = async () => {
      const all = await command(['orders', '--data', 'data', '--shop', shop])
      const odd = await command(['orders', '--data', 'data', '--odd'])
      const json = await command(['orders', '--data', 'data', '--json'])
      return [all, odd, json] as const
    }
    const [all, odd, json] = await lists()
    expect(all).toMatchObject({ code: 0, err: '2 orders, 0 of them need a person\n' })
    const [title, heads, first, transaction, second, ...more] = all.out.trimEnd().split('\n') as [
      string,
      string,
      ...string[],
    ]
    expect([title, more]).toEqual([`shop ${shop}`, []])
    expect(heads).toMatch(/^number {2}state +order +due +paid {2}currency +times \(UTC\)$/u)
    expect(first).toMatch(new RegExp(`^ {4}#1 {2}Paid +${bought} {2}0\\.001 {2}0\\.001 {2}ETH on chain 31337$`, 'u'))
    expect(transaction).toMatch(/^ {8}transaction 0x[0-9a-f]{64}$/u)
    expect(second).toMatch(new RegExp(`^ {4}#2 {2}Committed +${waiting} .* reserved until 20[0-9T:-]+Z$`, 'u'))
    for (const [column, value] of [
      ['order', `${bought}`],
      ['due', '0.001'],
      ['currency', 'ETH'],
    ] as const)
      expect(heads.indexOf(column) + (column === 'currency' ? 0 : column.length)).toBe(
        first!.indexOf(value) + (column === 'currency' ? 0 : value.length),
      )
    expect(odd).toEqual({ code: 0, out: '', err: '2 orders, 0 of them need a person\n' })
    const rows = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    const money = { amount: String(PRICE), chainId: '31337', currency: `0x${'0'.repeat(40)}` }
    expect(rows).toEqual([
      expect.objectContaining({ shop, number: 1, id: String(bought), state: 'Paid', due: money, paid: money }),
      expect.objectContaining({ shop, number: 2, id: String(waiting), state: 'Committed', oddities: [] }),
    ])
    expect(json.err).toBe('')
    expect(await relay.end('SIGTERM')).toBe(0)
    expect(await lists()).toEqual([all, odd, json])
  })

  it('what was paid to an address goes to the payee by the calls of the SDK', async () => {
    relay = cairn(['serve', '--chain', chainFile, '--port', '0', '--metrics-port', '0', '--data', join(home, 'data')])
    url = (await relay.says(/listens on (\S+)/u))[1]!
    const place = { url, shop: 5n, key: fromHex(keyIn('second.key')) }
    await furnish(place)
    const guest = { ...place, key: new Uint8Array(randomBytes(32)) }
    await enrolGuest(guest, STRANGER)
    writeFileSync(join(home, 'other-guest.key'), toHex(guest.key))
    const id = await order(guest, 1n)
    const pay = ['order', 'pay', '--url', url, '--shop', '5', '--order', String(id), '--card', 'other-guest.key']
    const paid = await command(onChain(...pay, '--by', 'address'), STRANGER)
    expect(paid.code, paid.err).toBe(0)

    const merchant = await connect({ ...place, relay: 'development' })
    for await (const { status } of merchant.manifest()) if (status !== 'loading') break
    expect(merchant.orders.due(id)).toBeUndefined()
    const { calls, request } = merchant.orders.asked(id)!
    merchant.close()
    const payee = `0x${toHex(request.payee)}`
    const before = BigInt((await rpc('eth_getBalance', payee, 'latest')) as string)
    const payments = /"payments": "(0x[0-9a-f]{40})"/u.exec(readFileSync(chainFile, 'utf8'))![1]!
    const sent = { from: ACCOUNTS[2]!.address, to: payments, ...calls.processPayment }
    await transactionReceipt(
      (method, params) => rpc(method, ...(params ?? [])),
      (await rpc('eth_sendTransaction', sent)) as string,
    )
    expect(BigInt((await rpc('eth_getBalance', payee, 'latest')) as string) - before).toBe(PRICE)
    expect(await relay.end('SIGTERM')).toBe(0)
  })

  it('no secret but the invite was printed', () => {
    const text = told.map(({ out, err }) => out + err).join('\n') + relay.out + relay.err
    for (const file of [
      'owner.key',
      'clerk.key',
      'guest.key',
      'second.key',
      'tablet.key',
      'other-guest.key',
      'data/relay.key',
    ])
      expect(text.includes(keyIn(file).replace(/^0x/u, '')), file).toBe(false)
    for (const { secret } of ACCOUNTS) expect(text.includes(secret)).toBe(false)
    expect(text.split(link.slice(-64))).toHaveLength(2)
    expect(statSync(join(home, 'data/relay.key')).mode & 0o777).toBe(0o600)
  })
})

/** Contracts that are none: each refused, and the wallet has what it had. */
async function paysNothingIntoTheVoid(pay: readonly string[]): Promise<void> {
  const settings = readFileSync(chainFile, 'utf8')
  const wallet = ACCOUNTS[3]!.address
  const before = await rpc('eth_getBalance', wallet, 'latest')
  const [token, always1] = ['0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9', `0x${'0'.repeat(38)}77`]
  // Answers 1 to whatever is asked.
  await rpc('anvil_setCode', always1, '0x600160005260206000f3')
  for (const [payments, message] of [
    [`0x${'0'.repeat(38)}99`, /there is no Payments contract at 0x0+99 on chain 31337; .*: nothing was sent$/mu],
    [token, /there is no Payments contract at 0xcf7e/u],
    [always1, /gives this payment another PaymentID than the order has: nothing was sent$/mu],
  ] as const) {
    writeFileSync(join(home, 'void.json'), settings.replace(/("payments": )"[^"]+"/u, `$1"${payments}"`))
    for (const by of ['call', 'address']) {
      const outcome = await command([...pay, '--chain', 'void.json', '--by', by], STRANGER)
      expect([outcome.code, outcome.out]).toEqual([1, ''])
      expect(outcome.err).toMatch(message)
    }
  }
  expect(await rpc('eth_getBalance', wallet, 'latest')).toBe(before)
}

async function rpc(method: string, ...params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(rpcUrl(), { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return ((await response.json()) as { result: unknown }).result
}

describe('what cannot be is one line and exit code 1', () => {
  const LINK = `http://127.0.0.1:1/#shop=5,invite=${'1'.repeat(64)}`
  const here = (...argv: readonly string[]) => onChain(...argv)
  const pay = ['order', 'pay', '--shop', '5', '--order', '1']
  const put = ['put', '--shop', '5', '--listing', '1', '--price', '1']

  it.each<[string, () => readonly string[], RegExp, string?]>([
    ['an unknown flag', () => here('shop', 'create', '--cart', 'x'), /there is no --cart; known are --url/u],
    ['an unknown flag of invite', () => here('invite', '--cart', 'x'), /there is no --cart; known are/u],
    ['an unknown flag of order', () => here('order', 'pay', '--cart', 'x'), /there is no --cart; known are/u],
    ['an unknown flag of orders', () => ['orders', '--cart'], /there is no --cart; known are/u],
    ['a switch with a value', () => ['orders', '--odd=no'], /--odd takes no value/u],
    ['a flag without its value', () => ['invite', '--shop'], /--shop needs a value/u],
    ['a flag that is missing', () => here('invite'), /--shop is missing/u],
    ['another verb', () => ['shop', 'destroy'], /knows no such verb: there is cairn shop create/u],
    ['no verb', () => ['shop'], /needs a verb: there is cairn shop create \(more: cairn shop --help\)/u],
    ['a flag in place of a verb', () => ['shop', '--url', 'x'], /needs a verb: there is cairn shop create/u],
    ['another verb of order', () => ['order', 'eat'], /knows no such verb: there is cairn order pay/u],
    ['no verb of order', () => ['order'], /needs a verb: there is cairn order pay \(more: cairn order --help\)/u],
    ['a card of put that is not there', () => [...put, '--card', '/no'], /the card \/no cannot be read/u],
    ['a put in a shop without its card', () => [...put, '--data', home], /shop 5 is not the demo shop of .*--card/u],
    ['a put for another relay', () => [...put, '--relay', 'me'], /--relay must be the relay's address/u],
    ['a watch of nowhere', () => ['watch', '--shop', '5', '--listing', '1', '--url', 'x'], /--url must be an http/u],
    ['a key in place of a flag', () => here('invite', '1'.repeat(64)), /there is no place for such an argument/u],
    ['a key behind a flag that is none', () => here('invite', `--key=${'1'.repeat(64)}`), /there is no --key;/u],
    ['a shop that is no number', () => here('invite', '--shop', '0x5'), /--shop must be a whole number/u],
    ['a shop beyond 256 bits', () => here('invite', '--shop', '9'.repeat(78)), /--shop must be less than 2\^256/u],
    ['an address that is none', () => here('invite', '--shop', '5', '--url', 'x'), /--url must be an http or https/u],
    ['a wallet file that is not there', () => here('invite', '--shop', '5', '--wallet', '/no'), /\/no cannot be read/u],
    ['a wallet that is none', () => here('invite', '--shop', '5'), /KEY has to hold 64 hex/u, '2'.repeat(63)],
    ['a wallet of 0', () => here('invite', '--shop', '5'), /KEY has to hold a secret key/u, '0'.repeat(64)],
    ['no relay', () => here('shop', 'create', '--url', 'http://127.0.0.1:1'), /no relay answers at/u, MERCHANT],
    [
      'a chain in place of a relay',
      () => here('shop', 'create', '--url', rpcUrl()),
      /what answers at .* is no/u,
      MERCHANT,
    ],
    [
      'a chain file that is not there',
      () => ['invite', '--shop', '5', '--chain', '/no.json'],
      /no\.json cannot be read/u,
    ],
    ['no chain at all', () => ['invite', '--shop', '5', '--chain', 'none'], /--chain none has no wallets/u],
    ['a shop that is not there', () => here('invite', '--shop', '404'), /refused: .*not minted/u, MERCHANT],
    ['a shop of somebody else', () => here('invite', '--shop', '5'), /refused: .*not allowed/u, STRANGER],
    ['a link to nowhere', () => here('join', LINK), /no relay answers at http:\/\/127\.0\.0\.1:1$/u, CLERK],
    ['an order without a card', () => here(...pay, '--data', '/nowhere'), /no demo shop in .*--card FILE/u],
    ['a relay address that is none', () => here(...pay, '--relay', 'me'), /--relay must be the relay's address/u],
    ['a way to pay that is none', () => here(...pay, '--by', 'x'), /--by is call or address/u],
    ['a card that is not there', () => here(...pay, '--card', '/no'), /the card \/no cannot be read/u],
    ['data that are none', () => ['orders', '--data', '/nowhere'], /\/nowhere holds no cairn data/u],
    ['no shop of that id', () => ['orders', '--data', join(home, 'data'), '--shop', '404'], /no shop 404/u],
  ])('%s', async (_what, argv, message, wallet) => {
    const outcome = await run(argv(), wallet)
    refused(outcome, message)
    expect(outcome.err).not.toMatch(/1{20}|2{20}|0{20}|--verbose/u)
  })

  it('by itself too', async () => {
    refused(
      await command(onChain('shop', 'create', '--url', url)),
      /give the wallet: --wallet FILE, or CAIRN_WALLET_KEY/u,
    )
    refused(await command(onChain('shop', 'create', '--prot', '1')), /there is no --prot; known are/u)
  })

  it('a chain that does not answer: its place is told, not its path, which may be a key', async () => {
    const settings = readFileSync(chainFile, 'utf8').replace(rpcUrl(), 'http://127.0.0.1:1/KEY')
    writeFileSync(join(home, 'away.json'), settings)
    const outcome = await command(['invite', '--shop', '5', '--chain', 'away.json'], MERCHANT)
    refused(outcome, /the transaction cannot be sent: chain 31337 cannot be reached at http:\/\/127\.0\.0\.1:1$/mu)
  })

  it.each(['shop', 'invite', 'join', 'order', 'orders'])('%s --help tells its flags', async (name) => {
    for (const argv of [
      [name, '--help'],
      [name, 'x', '--help'],
      ['help', name],
    ]) {
      const { code, out, err } = await run(argv)
      expect([code, err]).toEqual([0, ''])
      expect(out).toMatch(new RegExp(`^cairn ${name} `, 'u'))
      for (const flag of name === 'orders' ? ['data', 'shop', 'odd', 'json'] : ['chain', 'wallet'])
        expect(out).toContain(`--${flag} `)
    }
  })
})
