/** `cairn import` and `cairn export` against a relay. */

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { ClientError, connect, uploadBlob, type ShopClient } from '../../src/client/shop-client.js'
import { main } from '../../src/cli/main.js'
import { openBlobs } from '../../src/store/blobs.js'
import { MemoryStore } from '../../src/store/memory.js'
import { cairn } from '../fixtures/cairn.js'
import { mixedSets } from '../fixtures/mixed-sets.js'
import { newer, newerFile, older } from '../fixtures/product-samples.js'
import { enrolCard, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

const PNG = Buffer.concat([Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1'), randomBytes(600_000)])

const [store, secret] = [new MemoryStore(), newSecret()]
let folder: string
let running: TestRelay
let pictures: Server

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-catalogue-'))
  running = await relay({}, { store, blobs: await openBlobs(join(folder, 'blobs')) })
  await enrolCard(running.url, secret)
  writeFileSync(path('card.key'), toHex(secret))
  pictures = createServer((request, response) => {
    if (request.url === '/page.png') response.end('<html>no picture</html>')
    else if (request.url === '/cap.png') response.end(PNG)
    else response.writeHead(404).end()
  })
  await new Promise<void>((done) => pictures.listen(0, '127.0.0.1', done))
})

afterAll(async () => {
  pictures.close()
  await running.stop()
  expect(running.bugs).toEqual([])
  rmSync(folder, { recursive: true, force: true })
})

function path(name: string): string {
  return join(folder, name)
}

function file(name: string, text: string | Uint8Array): string {
  writeFileSync(path(name), text)
  return path(name)
}

function run(command: string, ...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return cairn(command, ...argv, '--url', running.url, '--shop', String(SHOP), '--card', path('card.key'))
}

async function withClient<T>(key: Uint8Array, act: (client: ShopClient) => Promise<T>): Promise<T> {
  const client = await connect({ url: running.url, shop: SHOP, key, relay: 'development' })
  try {
    return await act(client)
  } finally {
    client.close()
  }
}

describe('a shop from a file', () => {
  test('is told of, made, left as it is, and written again', { timeout: 60_000 }, async () => {
    const products = file('products.csv', older)
    const before = store.head(SHOP)
    const dry = await run('import', products, '--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.out).toContain('listings: 2 would be added')
    expect(dry.out).toContain('column without a place: Vendor (1 cell)')
    expect(dry.err).toContain('ETH on chain 31337, with 18 decimals')
    expect(store.head(SHOP)).toBe(before)
    expect((await run('import', products)).out).toContain('listings: 2 added, 0 changed, 0 deleted, 0 stay')
    expect(mixedSets(store, SHOP)).toEqual([])
    const head = store.head(SHOP)
    for (const again of [products, file('newer.csv', newer)])
      expect((await run('import', again)).out).toContain('stock: 0 entries, tags: 0, sets: 0')
    const [first, second] = [await run('export'), await run('export', '--out', path('export.csv'))]
    expect([first.code, second.code]).toEqual([0, 0])
    expect(`${first.out}\n`).toBe(readFileSync(path('export.csv'), 'utf8'))
    const back = JSON.parse((await run('import', path('export.csv'), '--json', '--delete')).out) as object
    expect(back).toMatchObject({ written: true, sets: 0, unchanged: 2, problems: [], unplaced: [] })
    expect(store.head(SHOP)).toBe(head)
  })

  test('has nothing of a file with a wrong row, unless that is left out', { timeout: 60_000 }, async () => {
    const bad = file(
      'bad.csv',
      newerFile([
        { Title: 'Good', Price: '1' },
        { Title: 'Bad', Price: 'much' },
      ]),
    )
    const head = store.head(SHOP)
    const refused = await run('import', bad)
    expect(refused.code).toBe(1)
    expect(refused.out).toContain('row 3, Price: "much" is no amount')
    expect(refused.err).toContain('nothing was written')
    expect(store.head(SHOP)).toBe(head)
    const taken = await run('import', bad, '--skip-bad-rows')
    expect([taken.code, taken.out]).toEqual([0, expect.stringContaining('listings: 1 added') as string])
  })
})

test('a file without products deletes nothing', { timeout: 60_000 }, async () => {
  const before = await run('export')
  const told = await run('import', file('none.csv', before.out.split('\n')[0]!), '--delete')
  expect([told.code, told.err]).toEqual([1, expect.stringContaining('names no product: with --delete the whole shop')])
  expect((await run('export')).out).toBe(before.out)
})

test('lines about long cells are short', { timeout: 60_000 }, async () => {
  const long = 'A'.repeat(100_000)
  const unquoted = await run('import', file('long.csv', `Title,Price\n${long}"x,1\n`))
  expect([unquoted.code, unquoted.err]).toEqual([
    1,
    expect.stringContaining('a quotation mark stands within a cell') as string,
  ])
  expect(unquoted.err.length).toBeLessThan(2_000)
  const named = await run('import', file('long.csv', `Title,Price,${long}\nLong,1,x\n`), '--dry-run')
  expect([named.code, named.out]).toEqual([0, expect.stringContaining('column without a place: AAA') as string])
  expect(named.out.length).toBeLessThan(2_000)
})

describe('pictures', () => {
  test('are uploaded once, from addresses and from files', { timeout: 60_000 }, async () => {
    file('beside.png', Buffer.concat([PNG, randomBytes(10)]))
    const { port } = pictures.address() as AddressInfo
    const cap = (picture: string) =>
      file('cap.csv', `Title,Price,Product image URL\nCap,1,http://127.0.0.1:${port}/cap.png\n,,${picture}\n`)
    const rows = (picture: string) => file('cap.csv', readFileSync(cap(picture), 'utf8').replace('\n,,', '\nCap,,'))
    const dry = await run('import', rows('beside.png'), '--upload', '--dry-run')
    expect(dry.out).toContain('1 would be added')
    expect((await run('import', rows('beside.png'), '--upload')).out).toContain('1 added')
    expect((await run('import', rows('beside.png'), '--upload')).out).toContain('sets: 0')
    const { out } = await run('export')
    const addresses = [...out.matchAll(/http\S+?\/ipfs\/Qm\w{44}/gu)].map(([address]) => address)
    expect(addresses).toHaveLength(2)
    const bytes = Buffer.from(await (await fetch(addresses[0]!)).arrayBuffer())
    expect(bytes.equals(PNG)).toBe(true)
  })

  test('that are none are told by row', { timeout: 60_000 }, async () => {
    const { port } = pictures.address() as AddressInfo
    const csv = (picture: string) => file('none.csv', `Title,Price,Product image URL\nHat,1,${picture}\n`)
    const reasons = [
      [`http://127.0.0.1:${port}/gone.png`, 'cannot be read: the server answers 404'],
      [`http://127.0.0.1:${port}/page.png`, 'is no picture'],
      ['no-file.png', 'cannot be read: there is no such file'],
      ['../elsewhere.png', 'is no file below the folder'],
      [join(tmpdir(), 'elsewhere.png'), 'is no file below the folder'],
    ] as const
    for (const [picture, reason] of reasons) {
      const { code, out } = await run('import', csv(picture), '--upload')
      expect([code, out]).toEqual([
        1,
        expect.stringContaining(`row 2, Product image URL: ${picture}: ${reason}`) as string,
      ])
    }
  })

  test('need an address that the relay gave', async () => {
    const address = await withClient(secret, (client) => client.uploadUrl())
    expect(await uploadBlob(address, new Uint8Array(PNG))).toMatch(/\/ipfs\/Qm\w{44}$/u)
    const again = uploadBlob(address, new Uint8Array(PNG))
    await expect(again).rejects.toMatchObject({ code: 'REFUSED' })
    await expect(again).rejects.toBeInstanceOf(ClientError)
    const guest = newSecret()
    await enrolCard(running.url, guest, { guest: true })
    await expect(withClient(guest, (client) => client.uploadUrl())).rejects.toMatchObject({ code: 'INVALID' })
  })
})

test('orders are a table for their owner alone', { timeout: 60_000 }, async () => {
  const guest = newSecret()
  await enrolCard(running.url, guest, { guest: true })
  const shippingAddress = {
    Name: '=1+1',
    Address1: 'Hut 1',
    City: 'Summit',
    PostalCode: '10000',
    Country: 'CH',
    EmailAddress: 'guest@example.org',
  }
  const [mug] = (await withClient(secret, async (client) => {
    for await (const { status, data } of client.listings()) if (status === 'ready') return data
  }))!.filter(({ Metadata }) => Metadata.Title === 'Mug')
  const id = await withClient(guest, (client) =>
    client.orders.create({ items: [{ listing: mug!.ID, quantity: 2n }], shippingAddress }),
  )
  expect((await run('export', '--orders', '--out', path('orders.csv'))).code).toBe(0)
  const text = readFileSync(path('orders.csv'), 'utf8')
  expect(text).toContain(`\n${id},Open,`)
  expect(text).toContain(",Mug,,2,'=1+1,Hut 1,")
  expect(statSync(path('orders.csv')).mode & 0o777).toBe(0o600)
})

describe('wrong usage is one line and 1', () => {
  test.each<[what: string, argv: string[], problem: string]>([
    ['no file', [], 'give the file first'],
    ['a file that is not there', ['/nowhere.csv'], '/nowhere.csv cannot be read: there is no such file'],
    ['a folder', ['/'], '/ cannot be read: it is a folder'],
    ['deleting beside wrong rows', ['x.csv', '--delete', '--skip-bad-rows'], 'it cannot stand beside --skip-bad-rows'],
    ['no decimals', ['@', '--decimals', 'two'], '--decimals is a number up to 77'],
  ])('%s', async (_what, argv, problem) => {
    const { code, out, err } = await run(
      'import',
      ...argv.map((word) => word.replace('@', file('one.csv', 'Title,Price\n'))),
    )
    expect([code, out]).toEqual([1, ''])
    expect(err.split('\n').at(-1)).toContain(problem)
  })

  test('a FIFO is read to its end, and one that nobody writes to ends with the signal', async () => {
    execFileSync('mkfifo', [path('fifo')])
    const stop = new AbortController()
    const io = { out: () => undefined, err: () => undefined, env: {}, isTerminal: false, signal: stop.signal }
    const waiting = main(['import', path('fifo'), '--shop', '1'], io)
    stop.abort()
    expect(await waiting).toBe(1)
    const [table] = await Promise.all([run('import', path('fifo')), writeFile(path('fifo'), 'Name\n1\n')])
    expect([table.code, table.err]).toEqual([1, expect.stringContaining('there is no column Title') as string])
  })

  test('a file in another encoding, and one that is no table', async () => {
    const latin = await run('import', file('latin.csv', Buffer.from('Title,Price\nMüsli,1\n', 'latin1')))
    expect([latin.code, latin.err]).toEqual([1, expect.stringContaining('is no UTF-8') as string])
    const table = await run('import', file('table.csv', 'Name\n1\n'))
    expect([table.code, table.err]).toEqual([1, expect.stringContaining('there is no column Title') as string])
  })
})
