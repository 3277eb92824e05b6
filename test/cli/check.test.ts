/** `cairn check` on whole data and on data with each kind of damage. */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { main } from '../../src/cli/main.js'
import { describeKey, logKey, nonceKey } from '../../src/store/keys.js'
import { openStore } from '../../src/store/open.js'
import type { LogRecord, Store } from '../../src/store/store.js'
import { cairn } from '../fixtures/cairn.js'
import { copyLogs, writtenLogs } from '../fixtures/copied-log.js'
import { cairn as cairnProcess, endAll } from '../fixtures/program.js'
import { enrolCard, listing, newSecret, relay, SHOP, Wire } from '../fixtures/relay-harness.js'
import { freshDirectory, removeDirectory } from '../fixtures/store-directory.js'
import { copyData, databaseIn, SHOPS, wholeData } from '../fixtures/whole-data.js'

/** Of LMDB, and of the header of each. */
const [PAGE, HEAD] = [4_096, 24]
let whole: string
let logs: Store
let directory: string

beforeAll(async () => {
  whole = await wholeData()
  logs = await writtenLogs(76n, 77n)
})
afterAll(() => rm(dirname(whole), { recursive: true, force: true }))
beforeEach(async () => {
  directory = await freshDirectory()
})
afterEach(async () => {
  await endAll()
  await removeDirectory(directory)
})

/** Exit code, and the lines but the last, which counts them. */
async function check(...argv: string[]): Promise<{ code: number; problems: string[]; err: string }> {
  const { code, out, err } = await cairn('check', '--data', directory, ...argv)
  const lines = out === '' ? [] : out.split('\n')
  const last = lines.pop()
  if (code !== 2)
    expect(last).toMatch(
      new RegExp(
        `^rows \\d+, shops \\d+, sets \\d+, patches \\d+, unreachable nodes \\d+, problems ${lines.length}$`,
        'u',
      ),
    )
  return { code, problems: lines, err }
}

/** The logs, those of shop 77 changed, with all that belongs to them. */
async function logsWith(
  change: (record: LogRecord) => LogRecord,
  more?: (store: Store) => Promise<void>,
): Promise<void> {
  const store = await openStore(directory)
  await copyLogs(logs, store, (shopId, record) => (shopId === 77n ? change(record) : record))
  await more?.(store)
  await store.close()
}

async function withRows(change: (lmdb: ReturnType<typeof openRows>) => Promise<unknown>): Promise<void> {
  await copyData(whole, directory)
  const lmdb = openRows()
  await change(lmdb)
  await lmdb.close()
}

function openRows() {
  const binary = { keyEncoding: 'binary', encoding: 'binary' } as const
  return openLmdb<Buffer, Buffer>({ path: databaseIn(directory), ...binary })
}

const recordOf = (shopId: bigint, seq: number) => logs.pickLog(shopId, [seq], 1_000_000)[0]!

describe('whole data', () => {
  it('as a killed relay leaves them: 0', async () => {
    await copyData(whole, directory)
    expect(await check()).toMatchObject({ code: 0, problems: [] })
  })

  it('of one shop: 0; of a shop that is not there: 2', async () => {
    await copyData(whole, directory)
    expect(await check('--shop', '76')).toMatchObject({ code: 0, problems: [] })
    const { out } = await cairn('check', '--data', directory, '--shop', '76')
    expect(out).toContain(', shops 1, ')
    expect(await check('--shop', '4')).toEqual({ code: 2, problems: [], err: 'cairn check: there is no shop 4' })
  })

  it('of logs alone, which nothing was flushed of: 0', async () => {
    await logsWith((record) => record)
    expect(await check()).toMatchObject({ code: 0, problems: [] })
  })

  it('beside a relay that writes: 0', async () => {
    const store = await openStore(directory)
    const running = await relay({}, { store })
    const card = newSecret()
    await enrolCard(running.url, card)
    const wire = await Wire.as(running.url, card)
    let id = 0n
    const stop = new AbortController()
    const writing = (async () => {
      while (!stop.signal.aborted) await wire.write(card, [listing(++id)])
    })()
    for (let i = 0; i < 3; i++) {
      const { code, out, err } = await cairnProcess(['check', '--data', directory]).outcome()
      // On a slow machine it tells how far it is.
      expect([code, err.replaceAll(/^(?:\d+ rows|shop \d+: set \d+ of \d+)\n/gmu, '')]).toEqual([0, ''])
      expect(out).toMatch(/ problems 0\n$/u)
    }
    stop.abort()
    await writing
    expect(id).toBeGreaterThan(3n)
    await wire.close()
    await running.stop()
    await store.close()
  })

  it('tells how far it is on stderr', async () => {
    await copyData(whole, directory)
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 2_000))
    const { err } = await check().finally(() => clock.mockRestore())
    expect(err.split('\n')).toEqual(expect.arrayContaining([expect.stringMatching(/^\d+ rows$/u)]))
    for (const shop of SHOPS) expect(err).toMatch(new RegExp(`^shop ${shop}: set \\d+ of \\d+$`, 'mu'))
  })

  it('is stopped by Ctrl-C, which is no verdict: 2', async () => {
    await copyData(whole, directory)
    const stop = new AbortController()
    const [out, err]: [string[], string[]] = [[], []]
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 2_000))
    const code = await main(['check', '--data', directory], {
      out: (line) => out.push(line),
      err: (line) => {
        err.push(line)
        if (line.startsWith('shop')) stop.abort(new Error('SIGINT'))
      },
      env: {},
      isTerminal: false,
      signal: stop.signal,
    }).finally(() => clock.mockRestore())
    expect([code, out, err.at(-1)]).toEqual([2, [], 'cairn check: stopped before it was done'])
  })
})

describe('what cannot be checked: 2, and a line', () => {
  it.each<[string, readonly string[], RegExp]>([
    ['a flag that is not known', ['--deep'], /--deep/u],
    ['a shop that is no number', ['--shop', 'mine'], /--shop/u],
  ])('%s', async (_what, argv, line) => {
    const { code, problems, err } = await check(...argv)
    expect([code, problems]).toEqual([2, []])
    expect(err).toMatch(line)
    expect(err).toMatch(/^cairn check: [^\n]*$/u)
  })

  it('no data', async () => {
    expect(await check()).toEqual({
      code: 2,
      problems: [],
      err: `cairn check: ${directory} holds no cairn data: give the --data directory of the relay`,
    })
  })

  it.each([
    ['something else', new TextEncoder().encode('garbage '.repeat(4_000)), / is no database that can be read: /u],
    ['a file that was cut off', undefined, / was cut off: it has 40960 bytes and its pages need more/u],
  ])('%s in place of the database', async (_what, bytes, line) => {
    const file = bytes ?? (await readFile(databaseIn(whole))).subarray(0, 40_960)
    await writeFile(databaseIn(directory), file)
    const { code, problems, err } = await check()
    expect([code, problems]).toEqual([2, []])
    expect(err).toMatch(line)
  })
})

describe('a row that rotted: 1, and a line that names it', () => {
  it.each([
    ['shop', /^shop \d+: the row of the shop is damaged /u],
    ['log', /^shop 76: the log at set \d+ is damaged /u],
    ['nonce', /^shop 76: the last nonce of card \w* is damaged /u],
    ['card', /^the row of card \w{66} is damaged /u],
    ['setting', /^the row (?:chain|development)\/\S* is damaged /u],
    ['derived', /^shop 76: the root of its state is damaged .* made again from the log$/u],
    ['node', /^shop 76: trie node \d+ is damaged .* made again from the log$/u],
    ['objectSeqs', /^shop 76: the object index is damaged .* made again from the log$/u],
    ['logBytes', /^the logBytes row is damaged /u],
    ['paymentRow', /^shop 76: a row of its payments is damaged /u],
    ['end', /^the end row is damaged /u],
  ])('of kind %s', async (kind, line) => {
    await withRows(async (lmdb) => {
      const { key, value } = [...lmdb.getRange()]
        .map((row) => ({ ...row, ...describeKey(row.key) }))
        .find((row) => row.kind === kind && (row.shop ?? 2) === 2)!
      const bad = new Uint8Array(value)
      bad[bad.length - 1]! ^= 1
      await lmdb.put(Buffer.from(key), Buffer.from(bad))
    })
    const { code, problems } = await check()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.stringMatching(line))
  })

  /** The database, and where the root of its table stands: a branch, by the newer meta page. */
  async function withRoot(change: (view: DataView, root: number) => void): Promise<string> {
    const file = new Uint8Array(await readFile(databaseIn(whole)))
    const view = new DataView(file.buffer)
    const metas = [0, PAGE].map((at) => ({ transaction: view.getBigUint64(at + 152, true), at: at + 136 }))
    const newer = metas[0]!.transaction > metas[1]!.transaction ? metas[0]! : metas[1]!
    const root = Number(view.getBigUint64(newer.at, true)) * PAGE
    expect(view.getUint16(root + 18, true) & 1).toBe(1)
    change(view, root)
    await writeFile(databaseIn(directory), file)
    const { code, problems } = await check()
    expect(code).toBe(1)
    return problems.join('\n')
  }

  it('of a key of LMDB’s own branches: rows that are there and are not found', async () => {
    const problems = await withRoot((view, root) => {
      const second = root + HEAD + view.getUint16(root + 26, true) + 8
      view.setUint8(second, view.getUint8(second) ^ 0x80)
    })
    expect(problems).toMatch(/is not found by its key|wrong order/u)
  })

  it('of how many rows LMDB’s page has: they are counted', async () => {
    const problems = await withRoot((view, root) => {
      const child = view.getUint32(root + HEAD + view.getUint16(root + 26, true), true) * PAGE
      expect(view.getUint16(child + 18, true) & 2).toBe(2)
      view.setUint16(child + 20, view.getUint16(child + 20, true) - 4, true)
    })
    expect(problems).toMatch(/^the table is damaged \(it has \d+ rows and says \d+\): /mu)
  })
})

describe('a row that is missing: 1, and a line', () => {
  it('a chunk of the log', async () => {
    await logsWith((record) => record)
    const lmdb = openRows()
    const [first, ...others] = [...lmdb.getRange({ start: Buffer.from(logKey(2, 0)), end: Buffer.from(logKey(3, 0)) })]
    expect([first!.key, others]).toEqual([Buffer.from(logKey(2, 1)), []])
    await lmdb.put(Buffer.from(logKey(2, 5)), first!.value)
    await lmdb.remove(first!.key)
    await lmdb.close()
    const { code, problems } = await check()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.stringMatching(/^shop 77: sets 1 to \d+ cannot be read$/u))
  })

  it('a trie node, and one of the object index', async () => {
    await withRows(async (lmdb) => {
      const rows = [...lmdb.getRange()].map(({ key }) => ({ key: Buffer.from(key), ...describeKey(key) }))
      for (const kind of ['node', 'objectSeqs']) await lmdb.remove(rows.findLast((row) => row.kind === kind)!.key)
    })
    const { code, problems } = await check()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.stringMatching(/^shop \d+, set \d+: the object index does not name it$/u))
    expect(problems).toContainEqual(expect.stringMatching(/^shop \d+: the stored trie \w+ cannot be read \(/u))
  })

  it('the last nonce of a card, and the card', async () => {
    const { signer } = recordOf(77n, 2)
    await logsWith(
      (record) => record,
      (store) => store.commit({ records: [], nonces: [{ shopId: 77n, signer, nonce: 5n }] }),
    )
    expect((await check()).problems).toEqual([
      expect.stringMatching(
        new RegExp(`^shop 77: the last nonce of card ${toHex(signer)} is \\d+ in the log and 5 beside it$`, 'u'),
      ),
    ])
    const lmdb = openRows()
    await lmdb.remove(Buffer.from(nonceKey(2, signer)))
    await lmdb.remove(Buffer.from([4, ...signer]))
    await lmdb.close()
    expect((await check()).problems).toEqual([
      expect.stringMatching(/in the log and 0 beside it$/u),
      `shop 77: card ${toHex(signer)}, which wrote sets, has no row`,
    ])
  })
})

describe('a set that is not what it says: 1, and a line', () => {
  const changed = (seq: number, change: (record: LogRecord) => Partial<LogRecord>) =>
    logsWith((record) => (record.seq === seq ? { ...record, ...change(record) } : record))

  it('signed by another card', async () => {
    await changed(3, () => ({ signature: recordOf(76n, 3).signature }))
    expect(await check()).toMatchObject({ code: 1, problems: ['shop 77, set 3: its signature is not of its signer'] })
  })

  it('with a signature that leads to nobody', async () => {
    await changed(3, ({ signature }) => ({ signature: new Uint8Array(signature.length) }))
    expect((await check()).problems).toEqual(['shop 77, set 3: its signature leads to no key'])
  })

  it.each([
    ['relay.key', 'no key', /holds no key of 64 hexadecimal digits/u],
    ['relay.key.handovers', 'no hand-over', /holds no hand-overs/u],
  ])('beside a %s that is none', async (name, text, reason) => {
    await logsWith((record) => record)
    await writeFile(join(directory, 'relay.key'), '11'.repeat(32))
    await writeFile(join(directory, name), text)
    const { code, err } = await check()
    expect([code, err]).toEqual([2, expect.stringMatching(reason)])
  })

  it('of the relay, signed by another than the first of them, or than the key in the directory', async () => {
    const log = logs.readLog(77n, 0, { records: 9, bytes: 2 ** 30 })
    expect(log.map(({ role }) => role)).toEqual(['relay', 'owner', 'owner', 'owner'])
    await logsWith((record) => record)
    await writeFile(join(directory, 'relay.key'), '11'.repeat(32))
    const { code, problems } = await check()
    expect([code, problems]).toEqual([
      1,
      [76, 77].map((shop) =>
        expect.stringMatching(
          new RegExp(`^shop ${shop}, set 1: it is signed by 0x\\w{40}, the relay is 0x\\w{40}$`, 'u'),
        ),
      ),
    ])
  })

  it('with the header of another shop', async () => {
    const { header, signature } = recordOf(76n, 3)
    await changed(3, () => ({ header, signature }))
    const { problems } = await check()
    expect(problems).toContain('shop 77, set 3: its header is of shop 76')
    expect(problems).toContain('shop 77, set 3: its signature is not of its signer')
  })

  it('with a header that is none', async () => {
    await changed(3, () => ({ header: Uint8Array.of(0xa0) }))
    expect((await check()).problems).toEqual([expect.stringMatching(/^shop 77, set 3: .*Header/u)])
  })

  it('with the header of the set before: another root, and a nonce that was used', async () => {
    const { header, signature } = recordOf(77n, 2)
    await changed(3, () => ({ header, signature }))
    expect((await check()).problems).toEqual([
      'shop 77, set 3: its header has not the root of its patches',
      'shop 77, set 3: its nonce is not greater than the one before',
    ])
  })

  it('whose patches do not lead to its state, and then nothing after it is looked at for its state', async () => {
    await changed(3, () => ({ patches: recordOf(77n, 4).patches }))
    const { code, problems } = await check()
    expect([code, problems]).toEqual([
      1,
      [
        'shop 77, set 3: its header has not the root of its patches',
        expect.stringMatching(/^shop 77, set 3: its state hash is \w{64}, the log says \w{64}$/u),
      ],
    ])
  })

  it('whose state hash is another', async () => {
    await changed(2, ({ stateHash }) => ({ stateHash: stateHash.with(0, stateHash[0]! ^ 1) }))
    expect((await check()).problems).toEqual([
      expect.stringMatching(/^shop 77, set 2: its state hash is \w{64}, the log says \w{64}$/u),
    ])
  })
})

it('a stored state that is another than the log makes: 1, and a line', async () => {
  const card = newSecret()
  const store = await openStore(directory)
  const write = async (id: bigint) => {
    const running = await relay({}, { store })
    if (id === 1n) await enrolCard(running.url, card)
    const wire = await Wire.as(running.url, card)
    await wire.write(card, [listing(id)])
    await wire.close()
    await running.stop()
    const nodes = store.nodeRefs(SHOP, 0, Infinity).map((ref) => ({ ref, bytes: store.readNode(SHOP, ref) }))
    return { roots: store.derived(SHOP)!.roots, nodes }
  }
  const first = await write(1n)
  await write(2n)
  await store.flushDerived({ shopId: SHOP, seq: store.head(SHOP), ...first, objectSeqs: [] })
  await store.close()
  expect(await check()).toMatchObject({
    code: 1,
    problems: [`shop ${SHOP}: the stored trie Listings has 1 leaves, the log makes 2; a start makes it again`],
  })
})
