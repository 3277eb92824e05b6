/**
 * A disk that is really full: a tmpfs of 24 MiB. Nothing is written below the reserve, so that no page write fails;
 * whoever asks is told the truth, readers are served, and writes go on by themselves when there is room.
 */

import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { decodeChecked } from '../../src/codec/decode-checked.js'
import { EXPIRY_GRACE_SECONDS } from '../../src/limits.js'
import type { Change } from '../../src/patches/patch.js'
import { paymentRecordsIn } from '../../src/relay/payments/payment-record.js'
import { openStore, openStoreForReading } from '../../src/store/open.js'
import type { LogRecord } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { startDevChain } from '../../contracts/dev-chain.mjs'
import { startFaultyRpc } from '../fixtures/faulty-rpc.js'
import { PaidShop } from '../fixtures/paid-shop.js'
import { cairn, endAll, type Program } from '../fixtures/program.js'
import { enrolCard, listing, newSecret, SHOP, Wire } from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'

const MEBIBYTE = 1_048_576
const DISK_MIB = 24
const RESERVE_MIB = 4
const WRITERS = 16
/** So many refusals end a writer. */
const REFUSALS = 3
const TEXT_BYTES = 100_000
const SECONDS = 1_000

const NO_ROOM = {
  code: ErrorCode.TOO_MANY_CONCURRENT_REQUESTS,
  message: 'the relay has no room to store writes now; nothing was changed, try again later',
}
const NOT_READY = new RegExp(
  `^nothing is written, the disk is full \\(\\d+ MiB are free, of which ${RESERVE_MIB} MiB are kept\\): make room`,
  'u',
)

let disk = ''
const closing: (() => Promise<void>)[] = []

beforeEach(() => {
  if (process.getuid?.() !== 0) {
    throw new Error('this test mounts a small file system and fills it: run it as root, as CI does')
  }
  disk = mkdtempSync(join(tmpdir(), 'cairn-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=700`, 'tmpfs', disk])
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await endAll()
  execFileSync('umount', ['--lazy', disk])
  rmSync(disk, { recursive: true })
})

const data = () => join(disk, 'data')
const ballast = () => join(disk, 'ballast')

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

/** Writes the ballast until only so many bytes are free. */
function fillDisk(left: number): void {
  const pages = Math.floor((freeBytes() - left) / 4_096)
  appendFileSync(ballast(), Buffer.alloc(pages * 4_096))
}

async function startRelay(): Promise<{ program: Program; url: string }> {
  const flags = ['--empty', '--port', '0', '--metrics-port', '0', '--data', data(), '--push-delay-ms', '0']
  const program = cairn(['serve', ...flags, '--disk-reserve-mib', String(RESERVE_MIB)])
  const [, url] = await program.says(/listens on (\S+)/u)
  return { program, url: url! }
}

interface Status {
  readonly status: number
  readonly reason?: string
}

async function statusOf(url: string, path: string): Promise<Status> {
  const response = await fetch(url + path)
  const { reason } = (await response.json()) as { reason?: string }
  return { status: response.status, ...(reason !== undefined && { reason }) }
}

/** After the next look at the free room: until then a write is taken to need the most that it may. */
async function measured(url: string): Promise<Status> {
  await new Promise((wait) => setTimeout(wait, 150))
  return statusOf(url, '/readyz')
}

async function untilReady(url: string): Promise<void> {
  for (const end = Date.now() + 20 * SECONDS; ; await new Promise((wait) => setTimeout(wait, 20))) {
    const { status, reason } = await statusOf(url, '/readyz')
    if (status === 200) return
    if (Date.now() > end) throw new Error(`it is never ready: ${reason}`)
  }
}

/** A session that writes to a listing of its own, and what it was told. */
class Writer {
  readonly id: bigint
  readonly card = newSecret()
  wire!: Wire
  /** State hashes, in hex. */
  readonly answered: string[] = []
  readonly refused: { readonly text: string; readonly answer: unknown }[] = []
  private written = 0

  constructor(id: bigint) {
    this.id = id
  }

  async connect(url: string): Promise<void> {
    this.wire = await Wire.as(url, this.card)
  }

  async write(change: Change, text = ''): Promise<void> {
    const answer = await this.wire.write(this.card, [change])
    if (answer instanceof Uint8Array) this.answered.push(toHex(answer))
    else this.refused.push({ text, answer })
  }

  async writeText(): Promise<void> {
    const text = `${this.id}/${++this.written} `.padEnd(TEXT_BYTES, 'x')
    await this.write({ op: 'replace', path: ['Listings', this.id, 'Metadata', 'Description'], value: text }, text)
  }

  /** Until one is answered. */
  async writeAgain(): Promise<void> {
    for (const before = this.answered.length; this.answered.length === before;) await this.writeText()
  }
}

async function openWriters(url: string): Promise<Writer[]> {
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(BigInt(i + 1)))
  for (const writer of writers) {
    await enrolCard(url, writer.card)
    await writer.connect(url)
    await writer.write(listing(writer.id))
  }
  return writers
}

/** Everything that a new visitor is sent, as state hashes. */
async function readBy(url: string): Promise<string[]> {
  const visitor = await Wire.open(url)
  await visitor.subscribe([{ objectType: 1 }])
  await visitor.until(() => visitor.statuses.some(([, left]) => left === 0n))
  const read = visitor.sets.map((set) => String(set.seq))
  await visitor.close()
  return read
}

async function readLog(): Promise<LogRecord[]> {
  const store = await openStoreForReading(data())
  try {
    const head = store.head(SHOP)
    const records = store.readLog(SHOP, 0, { records: head, bytes: Infinity })
    expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: head }, (_, i) => i + 1))
    return records
  } finally {
    await store.close()
  }
}

/** What is missing of the answered sets, and what is there of the refused ones. */
async function falseAnswers(writers: readonly Writer[]): Promise<unknown[]> {
  const records = await readLog()
  const hashes = new Set(records.map(({ stateHash }) => toHex(stateHash)))
  const texts = new Set(records.flatMap(({ patches }) => patches.map(textOf)))
  const lost = writers.flatMap(({ answered }) => answered.filter((hash) => !hashes.has(hash)))
  const there = writers.flatMap(({ refused }) => refused.filter(({ text }) => texts.has(text)))
  return [...lost, ...there]
}

function textOf(patch: Uint8Array): unknown {
  return (decodeChecked(patch) as unknown as Map<string, unknown>).get('Value')
}

it('16 writers fill it: every answer is true, readers are served, writes go on by themselves', async () => {
  writeFileSync(ballast(), Buffer.alloc(4 * MEBIBYTE))
  const { program, url } = await startRelay()
  const writers = await openWriters(url)
  const uploads = new TextDecoder().decode(await writers[0]!.wire.done({ kind: 'getBlobUploadUrl' }))
  const watcher = await Wire.open(url)
  await watcher.subscribe([{ objectType: 1 }])
  await Promise.all(
    writers.map(async (writer) => {
      while (writer.refused.length < REFUSALS) await writer.writeText()
    }),
  )
  // Where all together find no room one alone may, and a moment later, when what they wrote is measured, all.
  while ((await measured(url)).status === 200) await writers[0]!.writeText()
  await Promise.all(writers.map((writer) => writer.writeText()))
  const answered = () => writers.reduce((sum, writer) => sum + writer.answered.length, 0)
  const whenFull = answered()
  expect(whenFull).toBeGreaterThan(WRITERS)
  expect(freeBytes()).toBeGreaterThanOrEqual(RESERVE_MIB * MEBIBYTE)
  for (const { answer } of writers.flatMap(({ refused }) => refused)) expect(answer).toMatchObject(NO_ROOM)

  expect(await statusOf(url, '/livez')).toMatchObject({ status: 200 })
  expect(await statusOf(url, '/readyz')).toMatchObject({ status: 503, reason: expect.stringMatching(NOT_READY) })
  expect(await statusOf(url, '/health')).toMatchObject({ status: 503, reason: expect.stringMatching(NOT_READY) })
  await watcher.until(() => watcher.sets.length === whenFull)
  expect(await readBy(url)).toHaveLength(whenFull)
  // Another program takes of what is kept.
  fillDisk((RESERVE_MIB - 1) * MEBIBYTE)
  const body = new FormData()
  body.append('file', new Blob(['x']))
  expect((await fetch(uploads, { method: 'POST', body })).status).toBe(503)

  rmSync(ballast())
  await untilReady(url)
  for (const writer of writers) await writer.writeAgain()
  expect(answered()).toBe(whenFull + WRITERS)
  await watcher.until(() => watcher.sets.length === answered())
  // What is not flushed can be made again: it stops cleanly on a full disk too.
  fillDisk((RESERVE_MIB - 1) * MEBIBYTE)
  expect(await program.end('SIGTERM')).toBe(0)
  expect(program.err).toContain('the state could not be flushed; the log has it')
  expect(await falseAnswers(writers)).toEqual([])

  const again = await startRelay()
  expect(await readBy(again.url)).toHaveLength(answered())
  expect(await again.program.end('SIGTERM')).toBe(0)
})

it('a relay that starts on one without a byte left serves what it has, and writes when there is room', async () => {
  const before = await startRelay()
  const [writer] = await openWriters(before.url)
  await writer!.writeText()
  expect(await before.program.end('SIGTERM')).toBe(0)

  fillDisk(0)
  expect(freeBytes()).toBe(0)
  const { program, url } = await startRelay()
  expect(await statusOf(url, '/readyz')).toMatchObject({ status: 503, reason: expect.stringMatching(NOT_READY) })
  expect(await readBy(url)).toHaveLength(WRITERS + 1)
  await writer!.connect(url)
  await writer!.writeText()
  expect(writer!.refused.map(({ answer }) => answer)).toMatchObject([NO_ROOM])

  rmSync(ballast())
  await untilReady(url)
  await writer!.writeAgain()
  expect(writer!.answered).toHaveLength(3)
  expect(await program.end('SIGTERM')).toBe(0)
  expect(await falseAnswers([writer!])).toEqual([])
})

it('an order that is paid in time while it is full becomes Paid later, and is not canceled', async () => {
  const clock = new TestClock()
  const store = await openStore(data(), { reserveBytes: RESERVE_MIB * MEBIBYTE })
  const chain = await startDevChain()
  const rpc = await startFaultyRpc(chain.rpcUrl)
  const shop = await PaidShop.open({ clock, store, rpc: [rpc.url] }, chain)
  closing.push(
    () => store.close(),
    () => rpc.stop(),
    () => shop.close(),
    () => rpc.mode('none'),
  )
  const [guest, other] = [await shop.guest(), await shop.guest()]
  const [request] = [await guest.checkout(1n), await other.checkout(2n)]

  fillDisk(RESERVE_MIB * MEBIBYTE)
  const untilFull = async () => {
    while (store.problem() === undefined) await new Promise((wait) => setTimeout(wait, 20))
  }
  await untilFull()
  await shop.payByCall(request)
  const notStored = () => shop.relay.bugs.filter((bug) => String(bug).includes('payments cannot be followed')).length
  while (notStored() === 0) await new Promise((wait) => setTimeout(wait, 20))

  // Their reservations end; the chain is away when there is room again.
  await rpc.mode('no logs')
  clock.set(Number(request.ttl + EXPIRY_GRACE_SECONDS + 100n) * 1_000 - clock.nowMs())
  for (let i = 0; i < 5; i++) await clock.turn(2_000)
  rmSync(ballast())
  while (store.problem() !== undefined) await new Promise((wait) => setTimeout(wait, 20))
  for (let i = 0; i < 5; i++) await clock.turn(2_000)
  expect([shop.order(1n)?.State, shop.order(2n)?.State]).toEqual([5n, 5n])

  await rpc.mode('none')
  await shop.mine(1)
  await shop.orderWhere(1n, ({ State }) => State === 6n, 30_000)
  expect(paymentRecordsIn(store.paymentRows(SHOP))).toMatchObject([{ orderId: 1n, effect: 'paid' }])
  await clock.turn(Number(EXPIRY_GRACE_SECONDS + 10n) * 1_000)
  await shop.orderWhere(2n, ({ State }) => State === 2n)
})
