/**
 * The exit codes of every command in one table: of a check 0 matches, 1 does not, 2 unreadable or wrong usage, 3 cannot
 * say; of every other command 0 and 1.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/bytes/bytes.js'
import { fromHex, prefixedHex, toHex } from '../../src/bytes/hex.js'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { encodeSignedBinding } from '../../src/notes/forms.js'
import { FORMAT_KEY } from '../../src/store/keys.js'
import { AuditedData } from '../fixtures/audited-data.js'
import { cairn } from '../fixtures/cairn.js'
import { receiptKat } from '../fixtures/kat-receipts.js'
import { notes } from '../fixtures/note-kat.js'
import { enrolCard, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'
import { copyData, databaseIn, wholeData } from '../fixtures/whole-data.js'

const CHECKS = ['vectors', 'check', 'audit', 'verify'] as const
const OTHERS = [
  'serve',
  'watch',
  'put',
  'import',
  'export',
  'orders',
  'receipt',
  'page',
  'anchor',
  'order',
  'shop',
  'invite',
  'join',
  'key',
  'bench',
] as const

const folder = mkdtempSync(join(tmpdir(), 'cairn-exit-'))
const at = (name: string) => join(folder, name)
const OTHER_RELAY = `0x${'1'.repeat(40)}`
const RELAY = `0x${receiptKat.log.relay_address}`
const NOWHERE = '/nowhere/at/all'
const GONE = 'http://127.0.0.1:1'

let running: TestRelay
beforeAll(async () => {
  const [receipt] = receiptCall(receiptKat, receiptKat.receipts[0]!)
  const newer = receiptKat.receipts_refused.find(({ name }) => name === 'version 2')!
  const { proof, seq } = notes.proofs.find((row) => row.extra === null)!
  const files: Readonly<Record<string, Uint8Array>> = {
    'order.cairn': receipt,
    'changed.cairn': receipt.map((byte, i) => (i === 4_000 ? byte ^ 1 : byte)),
    'newer.cairn': receiptCall(receiptKat, newer)[0],
    letter: utf8('a letter'),
    proof: utf8(proof),
    'proof.binding': encodeSignedBinding(notes.binding.map(fromHex) as [Uint8Array, Uint8Array]),
    'proof.statement': fromHex(notes.statements[seq - 1]!),
    'damaged.proof': utf8(proof),
    'newer.proof': utf8(proof.replace('@v1', '@v2')),
    'differs.json': utf8(JSON.stringify({ ...notes, roots: notes.roots.map(() => '00'.repeat(32)) })),
  }
  for (const [name, bytes] of Object.entries(files)) writeFileSync(at(name), bytes)
  mkdirSync(at('damaged.proof.binding'))
  const left = await wholeData()
  for (const name of ['left', 'anothers']) await copyData(left, at(name))
  rmSync(dirname(left), { recursive: true })
  writeFileSync(at('anothers/relay.key'), '9'.repeat(64))
  const data = await AuditedData.written()
  for (const name of ['whole', 'newer', 'unnamed', 'differs']) {
    mkdirSync(at(name))
    if (name === 'differs') data.records[2] = { ...data.records[2]!, stateHash: new Uint8Array(32) }
    await data.save(at(name))
  }
  rmSync(at('unnamed/relay.key'))
  const lmdb = openLmdb<Buffer, Buffer>({ path: databaseIn(at('newer')), keyEncoding: 'binary', encoding: 'binary' })
  await lmdb.put(Buffer.from(FORMAT_KEY), Buffer.of(99))
  await lmdb.close()
  running = await relay()
  const guest = newSecret()
  await enrolCard(running.url, newSecret())
  await enrolCard(running.url, guest, { guest: true })
  writeFileSync(at('guest.key'), toHex(guest))
}, 60_000)
afterAll(async () => {
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What stands in the place of a word: a file of the folder, the relay's URL and address. */
const filled = (words: readonly string[]) =>
  words.map((word) => {
    if (word.startsWith('@')) return at(word.slice(1))
    return { URL: running.url, ADDRESS: prefixedHex(running.address), ID: `${SHOP}` }[word] ?? word
  })

const CHECKED: readonly (readonly [code: number, argv: string])[] = [
  [0, 'verify @order.cairn --relay RELAY'],
  [1, 'verify @order.cairn --relay OTHER'],
  [1, 'verify @changed.cairn --relay RELAY'],
  [1, 'verify @order.cairn --relay RELAY --order 7'],
  [0, 'verify @proof --relay NOTES'],
  [1, 'verify @proof --relay OTHER'],
  [2, 'verify'],
  [2, 'verify @letter --relay RELAY'],
  [2, 'verify NOWHERE --relay RELAY'],
  [2, 'verify @order.cairn --relay nobody'],
  // What nobody expects says nothing of the receipt either.
  [2, 'verify @damaged.proof --relay RELAY'],
  [3, 'verify @order.cairn'],
  [3, 'verify @proof'],
  [3, 'verify @newer.cairn --relay RELAY'],
  [3, 'verify @newer.proof --relay RELAY'],
  [0, 'vectors vectors/spec/note-kat.json'],
  [1, 'vectors @differs.json'],
  [2, 'vectors'],
  [2, 'vectors @letter'],
  [2, 'vectors NOWHERE'],
  [0, 'check --data @left'],
  [1, 'check --data @anothers'],
  [2, 'check --data NOWHERE'],
  [2, 'check --data @left --shop 4'],
  [3, 'check --data @newer'],
  [0, 'audit @whole --threads 0'],
  [1, 'audit @differs --threads 0'],
  [2, 'audit NOWHERE'],
  [2, 'audit @whole --threads 0 --shop 4'],
  [2, 'audit GONE --shop ID --card @guest.key'],
  [2, 'audit URL --shop ID --card NOWHERE'],
  [3, 'audit @newer --threads 0'],
  [3, 'audit @unnamed --threads 0'],
  [3, 'audit URL --shop ID'],
  [3, 'audit URL --shop ID --card @guest.key --relay ADDRESS'],
]

const DONE: readonly (readonly [code: number, argv: string])[] = [
  [0, 'serve --print-config'],
  [1, 'serve --port nowhere'],
  [1, 'watch --url GONE --shop ID --listing 1'],
  [1, 'put --url GONE --shop ID --listing 1 --price 1 --card @guest.key'],
  [1, 'import NOWHERE --url GONE --shop ID --card @guest.key'],
  [1, 'export --url GONE --shop ID --card @guest.key'],
  [0, 'orders --data @whole'],
  [1, 'orders --data NOWHERE'],
  [1, 'receipt 7 --url GONE --shop ID --card @guest.key --relay OTHER'],
  [0, 'page --relay OTHER --out @page.html'],
  [1, 'page --relay OTHER --out NOWHERE'],
  [1, 'anchor --url GONE --shop ID'],
  [1, 'order pay --url GONE --shop ID --order 7 --card @guest.key'],
  [1, 'shop create --url GONE --chain NOWHERE --card @new.key'],
  [1, 'invite --url GONE --shop ID --chain none'],
  [1, 'join https://shop.example'],
  [0, 'key make --data @whole --relay-key-file @made.key'],
  [1, 'key make --data @whole --relay-key-file @letter'],
  [1, 'bench write --url GONE --shop ID --card @guest.key'],
  [1, 'bench write --url GONE'],
  [1, 'bench reading'],
]

const words = (argv: string) =>
  filled(
    argv
      .split(' ')
      .map((word) => ({ RELAY, NOTES: `0x${notes.relay_address}`, OTHER: OTHER_RELAY, NOWHERE, GONE })[word] ?? word),
  )

describe('a check', () => {
  test.each(CHECKED)('%i: %s', async (code, argv) => {
    const told = await cairn(...words(argv))
    expect([told.code, told.out + told.err]).toEqual([code, expect.stringMatching(/./u)])
  })

  test.each(CHECKS)('%s has all codes in this table that it can have', (name) => {
    const codes = new Set(CHECKED.filter(([, argv]) => argv.split(' ')[0] === name).map(([code]) => code))
    expect(codes).toEqual(new Set(name === 'vectors' ? [0, 1, 2] : [0, 1, 2, 3]))
  })

  test.each(CHECKS)('%s with an argument that it does not know: 2', async (name) => {
    expect((await cairn(name, '--nonesuch')).code).toBe(2)
  })
})

describe('another command', () => {
  test.each(DONE)('%i: %s', async (code, argv) => {
    const told = await cairn(...words(argv))
    expect([told.code, told.err], told.out).toEqual([
      code,
      code === 0 ? expect.any(String) : expect.stringMatching(/./u),
    ])
  })

  test.each(OTHERS)('%s: 1 with an argument that it does not know', async (name) => {
    expect((await cairn(name, '--nonesuch')).code).toBe(1)
  })

  test('that is not there is not in the help: 1', async () => {
    const { out } = await cairn('help')
    const listed = [...out.matchAll(/^ {2}(\w+) /gmu)].map(([, name]) => name)
    expect(new Set(listed)).toEqual(new Set([...CHECKS, ...OTHERS, 'help']))
    for (const name of ['backup', 'restore', 'stats', 'frobnicate'])
      if (!listed.includes(name)) expect((await cairn(name)).code).toBe(1)
  })
})

test('every command has rows here', () => {
  const named = new Set([...CHECKED, ...DONE].map(([, argv]) => argv.split(' ')[0]))
  expect(named).toEqual(new Set([...CHECKS, ...OTHERS]))
})
