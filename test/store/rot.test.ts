/**
 * Bits that rot on disk: whatever bit it is, nothing that the store gives is another value than was written without its
 * telling so. LMDB's own pages have no checksums: a bit of them may end the process that reads it. And a pointer may
 * lead to an older copy of the same page, whose rows are whole and in order: then only who counts all rows, as
 * `cairn check` does, finds that some are missing.
 */

import { readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeKey } from '../../src/store/keys.js'
import { requireBuiltStore } from '../fixtures/built.js'
import { Random } from '../fixtures/random-shop.js'
import {
  differences,
  Reading,
  readDatabase,
  withBitFlipped,
  type Contents,
  type Death,
} from '../fixtures/rotten-data.js'
import { databaseIn, SHOPS, wholeData } from '../fixtures/whole-data.js'

const [SHOP] = [SHOPS[1]]
const RANDOM_BITS = 256
/** A value so short stands in a page beside its key. */
const IN_PAGE_BYTES = 1_000
/** Of so many; 2 of 900 were measured. */
const DEATHS_MAX = 4
/** Of so many that only a count of all rows finds; 1 of some 5,000 was met. */
const COUNTED_MAX = 1

let directory: string
let file: Uint8Array
let whole: Contents
let rows: { readonly key: Buffer; readonly value: Buffer; readonly kind: string; readonly shop: number | undefined }[]
const reading = new Reading()

beforeAll(async () => {
  await requireBuiltStore()
  directory = await wholeData()
  file = await readFile(databaseIn(directory))
  whole = (await reading.all(directory)) as Contents
  const lmdb = openLmdb<Buffer, Buffer>({
    path: databaseIn(directory),
    keyEncoding: 'binary',
    encoding: 'binary',
    readOnly: true,
  })
  rows = [...lmdb.getRange()].map(({ key, value }) => ({ key, value: Buffer.from(value), ...describeKey(key) }))
  await lmdb.close()
})
afterAll(async () => {
  reading.close()
  await rm(dirname(directory), { recursive: true, force: true })
})

const read = (changed: Uint8Array, isScanned = false) =>
  readDatabase(reading, changed, { parent: dirname(directory), known: whole.known, isScanned })

async function readAlive(changed: Uint8Array): Promise<Contents> {
  const got = await read(changed)
  if ('death' in got) throw new Error(`the reader died: ${got.death}`)
  return got
}

/** Every value that is not what was written, where no damage is told of its shop or of what belongs to all. */
function unnoticed(got: Contents): string[] {
  const shopOf = (name: string) => /^shop (\d+) /u.exec(name)?.[1]
  const isNoticed = (name: string) => {
    const shop = shopOf(name)
    return got.damage.some(({ shopId }) => shop === undefined || shopId === undefined || shopId === shop)
  }
  return differences(whole, got).wrong.filter((name) => !isNoticed(name))
}

/** Names where, and what to do. */
const WHAT = /^(?:shop \d+: )?\S.* (?:is damaged \(.+\)|has no set .+): /u
const WHAT_NOW = /: (?:"cairn check" shows .* backup|it is made again from the log)$/u

/** What a count of all rows tells. */
const MISSING = /^the table is damaged \(it has \d+ rows and says \d+\): /u

/** A row of each kind, the middle one of SHOP where there are several; larger ones lie on pages of their own. */
function rowOf(kind: string): (typeof rows)[number] {
  const ofShop = rows.filter((row) => row.kind === kind && (row.shop ?? 2) === 2)
  const inPage = ofShop.filter(({ value }) => value.length < IN_PAGE_BYTES)
  const all = inPage.length > 0 ? inPage : ofShop
  return all[Math.floor(all.length / 2)]!
}

/** The file with one bit of these bytes flipped, wherever they stand: LMDB leaves old pages as they were. */
function withBytesFlipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Buffer.from(file)
  let found = 0
  for (let at = copy.indexOf(bytes); at >= 0; at = copy.indexOf(bytes, at + 1)) {
    copy[at + (bit >> 3)]! ^= 1 << (bit & 7)
    found++
  }
  expect(found).toBeGreaterThan(0)
  return copy
}

it('of whole data everything is read, and no damage is told', () => {
  expect(whole.damage).toEqual([])
  expect(Object.values(whole.answers).filter((answer) => answer.startsWith('error'))).toEqual([])
  const kinds = [
    'format',
    'shop',
    'log',
    'nonce',
    'card',
    'setting',
    'derived',
    'node',
    'objectSeqs',
    'logTree',
    'logBytes',
    'paymentRow',
    'checkpoint',
  ]
  expect(new Set(rows.map(({ kind }) => kind))).toEqual(new Set([...kinds, 'end']))
})

describe('a bit of a value', () => {
  it.each([
    ['shop', /^shop \d+: the row of the shop is damaged .*backup$/u],
    ['log', new RegExp(`^shop ${SHOP}: the log at set \\d+ is damaged .*backup$`, 'u')],
    ['nonce', new RegExp(`^shop ${SHOP}: the last nonce of card \\w* is damaged .*backup$`, 'u')],
    ['card', /^the row of card \w{66} is damaged .*backup$/u],
    ['setting', /^the row (?:chain|development|written)\/.* is damaged .*backup$/u],
    ['derived', new RegExp(`^shop ${SHOP}: the root of its state is damaged .*made again from the log$`, 'u')],
    ['node', new RegExp(`^shop ${SHOP}: trie node \\d+ is damaged .*made again from the log$`, 'u')],
    ['objectSeqs', new RegExp(`^shop ${SHOP}: the object index is damaged .*made again from the log$`, 'u')],
    [
      'logTree',
      new RegExp(`^shop ${SHOP}: the (?:end of the )?trees over its log.* is damaged .*made again from the log$`, 'u'),
    ],
    ['paymentRow', new RegExp(`^shop ${SHOP}: a row of its payments is damaged .*backup$`, 'u')],
    ['checkpoint', new RegExp(`^shop ${SHOP}: a row of its checkpoints is damaged .*backup$`, 'u')],
  ])('of kind %s is noticed, and told of', async (kind, text) => {
    const { value } = rowOf(kind)
    // Of the checksum, and before it.
    for (const bit of [8 * (value.length - 8) - 1, 8 * value.length - 1, 8 * value.length - 40]) {
      const got = await readAlive(withBytesFlipped(value, Math.max(0, bit)))
      expect(unnoticed(got)).toEqual([])
      expect(got.damage.map((one) => one.text)).toContainEqual(expect.stringMatching(text))
    }
  })

  it('of the size of all logs is mended: it is counted again', async () => {
    const got = await readAlive(withBytesFlipped(rowOf('logBytes').value, 60))
    expect([differences(whole, got).wrong, got.damage]).toEqual([[], []])
  })

  it('of the format is refused', async () => {
    // As LMDB has it in a page: lengths of value and key, flags, key, value.
    const node = Uint8Array.of(1, 0, 0, 0, 0, 0, 1, 0, 0, 2)
    const got = await readAlive(withBytesFlipped(node, 8 * 9))
    expect(got.answers['open']).toMatch(/^error version the data are of format 3, this cairn knows 2: /u)
  })
})

describe('a bit of a key: its row cannot be found, and nobody says that there is none', () => {
  it.each([
    'shop',
    'log',
    'nonce',
    'card',
    'setting',
    'derived',
    'node',
    'objectSeqs',
    'logTree',
    'paymentRow',
    'checkpoint',
  ])('of kind %s', async (kind) => {
    const { key, value } = rowOf(kind)
    for (const bit of [1, 8 * key.length - 4]) {
      const row = Buffer.concat([key, value])
      const got = await readAlive(withBytesFlipped(row, bit))
      expect([bit, unnoticed(got)]).toEqual([bit, []])
      expect(got.damage.length).toBeGreaterThan(0)
    }
  })

  it('of the last chunk of a log, whose head is then unsure', async () => {
    const { key } = rows.findLast((row) => row.kind === 'log' && row.shop === 2)!
    for (const bit of [1, 8 * 4 + 6, 8 * key.length - 8]) {
      const got = await readAlive(withBytesFlipped(key, bit))
      expect([bit, unnoticed(got)]).toEqual([bit, []])
      expect(got.damage.map(({ part }) => part)).toContain('log')
    }
  })
})

it('any bit of the file: what is read is right, or damage is told, or the reader dies of a page', async () => {
  const random = new Random(20_241)
  const deaths: Death[] = []
  const counts = { 'of no effect': 0, noticed: 0, counted: 0 }
  for (let i = 0; i < RANDOM_BITS; i++) {
    const bit = random.below(8 * file.length)
    const got = await read(withBitFlipped(file, bit))
    if ('death' in got) {
      deaths.push(got)
      continue
    }
    if (unnoticed(got).length > 0) {
      const scanned = await read(withBitFlipped(file, bit), true)
      expect([bit, unnoticed(scanned as Contents)]).toEqual([bit, []])
      expect((scanned as Contents).damage.map(({ text }) => text)).toContainEqual(expect.stringMatching(MISSING))
      counts.counted++
      continue
    }
    for (const { text } of got.damage) expect([WHAT.test(text), WHAT_NOW.test(text), text]).toEqual([true, true, text])
    counts[differences(whole, got).told.length + got.damage.length > 0 ? 'noticed' : 'of no effect']++
  }
  // A native end, not an error that nobody caught.
  for (const { death } of deaths) expect(death).toMatch(/^SIG(?:SEGV|ABRT|BUS): /u)
  expect(deaths.length).toBeLessThanOrEqual(DEATHS_MAX)
  expect(counts.counted).toBeLessThanOrEqual(COUNTED_MAX)
  expect(counts.noticed).toBeGreaterThan(RANDOM_BITS / 4)
}, 600_000)

/** Of LMDB's pages: where their flags stand, and the bytes of the list of their rows, two for each. */
const [PAGE_BYTES, FLAGS_AT, LOWER_AT, LEAF] = [4_096, 18, 20, 2]

it('rows that are missing at the end of a page, as in an older copy of it, are told of, or counted', async () => {
  const wrong = { told: 0, counted: 0 }
  for (let page = 2 * PAGE_BYTES; page < file.length; page += PAGE_BYTES) {
    const view = Buffer.from(file)
    const lower = view.readUInt16LE(page + LOWER_AT)
    const rowCount = lower / 2
    if (view.readUInt16LE(page + FLAGS_AT) !== LEAF || rowCount < 4 || rowCount > PAGE_BYTES / 8) continue
    view.writeUInt16LE(lower - 2 * Math.floor(rowCount / 2), page + LOWER_AT)
    const got = await readAlive(view)
    if (unnoticed(got).length === 0) {
      if (differences(whole, got).told.length + got.damage.length > 0) wrong.told++
      continue
    }
    const { damage } = (await read(view, true)) as Contents
    expect([page, damage.map(({ text }) => text)]).toEqual([
      page,
      expect.arrayContaining([expect.stringMatching(MISSING)]),
    ])
    wrong.counted++
  }
  expect(wrong.told).toBeGreaterThan(0)
  expect(wrong.counted).toBeGreaterThan(0)
}, 600_000)
