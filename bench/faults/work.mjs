// The work under faults, in the data directory argv[2], and its claims: a JSON line on stdout for each answer and each
// refusal. It begins when it is told to on stdin, so that what loads it stays out of it.
//
// argv[3] is the manner: `used` (uses every way to write and to read that the store has, in the directory of a relay
// that was killed), and what begins in other ways: `new` (a directory that is not there), `early` (of format 1, which
// is upgraded), `reading` (a second process beside the relay's).

import childProcess from 'node:child_process'
import crypto from 'node:crypto'
import { readFileSync, readSync, writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'

// Unfinished blobs have names that strace knows.
let parts = 0
crypto.randomUUID = () => `part-${++parts}`
// The process that opens the database first is watched too.
const [watcher, ...watched] = JSON.parse(process.env.CAIRN_TRIAL_UNDER)
const execFile = promisify(childProcess.execFile)
childProcess.execFile = Object.assign(() => undefined, {
  [promisify.custom]: (file, argv, options) => execFile(watcher, [...watched, file, ...argv], options),
})
syncBuiltinESMExports()
const { openBlobs } = await import('../../dist/store/blobs.js')
const { openStore, openStoreForReading } = await import('../../dist/store/open.js')
const { StoreError } = await import('../../dist/store/store-error.js')
const { blobOf, cardOf, nodeOf, NODES_PER_FLUSH, recordOf, rootsOf, SHOPS, shopRow } = await import('./sample.mjs')

const [directory, manner] = process.argv.slice(2)
const TRIES = 3
const RESERVE_BYTES = 1_048_576
/** Of the smallest and the largest set: a row in a page, and one with pages of its own. */
const [SMALL, LARGE] = [300, 200_000]
let attempt = Number(process.argv[4] ?? 0)

const claim = (what) => writeSync(1, `${JSON.stringify(what)}\n`)
const wrong = (text) => claim({ op: 'wrong', text })

/** Tells what comes of `act`: `code` undefined for what was answered. */
async function claimed(what, act) {
  claim({ ...what, begun: true })
  let code
  try {
    await act()
  } catch (error) {
    code = error instanceof StoreError ? error.code : 'unknown'
    if (code === 'unknown') wrong(`${what.op}: an error without a sentence: ${error.stack}`)
  }
  claim({ ...what, code })
  return code
}

/** Once more where it was refused and nothing was changed. */
async function tried(act) {
  for (let i = 0; i < TRIES; i++) if ((await act()) !== 'full') return
}

async function commit(store, shopId, { bytes = SMALL, sets = 1, rows = () => ({}), newShop = false } = {}) {
  await tried(async () => {
    const head = store.head(shopId)
    const what = { op: 'commit', shop: String(shopId), attempt: ++attempt, bytes, from: head + 1, to: head + sets }
    const records = Array.from({ length: sets }, (_, i) => ({
      shopId,
      record: recordOf({ seq: head + 1 + i, attempt, bytes }),
    }))
    const mark = [{ key: `commit/${attempt}`, value: Uint8Array.of(1) }]
    const { settings = [], ...others } = rows(attempt)
    const newShops = newShop ? [shopRow(shopId)] : []
    const code = await claimed(what, () =>
      store.commit({ records, newShops, settings: [...mark, ...settings], ...others }),
    )
    lookAfter(store, shopId, code === undefined ? what.to : head)
    return code
  })
}

/** What the store says right after an answer or a refusal. */
function lookAfter(store, shopId, head) {
  if (store.head(shopId) !== head) wrong(`shop ${shopId}: the head is ${store.head(shopId)} where ${head} was answered`)
  if (head === 0) return
  const [last] = store.readLog(shopId, head - 1, { records: 1, bytes: 1 })
  if (last?.seq !== head) wrong(`shop ${shopId}: set ${head} was answered and cannot be read`)
}

async function flush(store, shopId, isPart) {
  await tried(async () => {
    const seq = store.head(shopId)
    const what = { op: isPart ? 'part' : 'flush', shop: String(shopId), attempt: ++attempt, seq }
    const first = store.nextNodeRef(shopId)
    const nodes = Array.from({ length: NODES_PER_FLUSH }, (_, i) => ({
      ref: first + i,
      bytes: nodeOf(first + i, attempt),
    }))
    const objectSeqs = [{ object: Uint8Array.of(7, attempt), after: 0, seqs: [seq] }]
    const part = { shopId, nodes, objectSeqs }
    return claimed({ ...what, first }, () =>
      isPart ? store.flushPart(part) : store.flushDerived({ ...part, seq, roots: rootsOf({ attempt }) }),
    )
  })
}

async function blobWork(blobs) {
  const put = (bytes) =>
    tried(() => {
      const what = { op: 'blob', cid: `Qm${++attempt}`, attempt, bytes }
      return claimed(what, () => blobs.put(what.cid, blobOf(what)))
    })
  await put(5)
  await put(70_000)
  await tried(() => {
    const what = { op: 'blob', cid: `Qm${++attempt}`, attempt, bytes: 3_000 }
    return claimed(what, async () => {
      const sink = await blobs.begin()
      try {
        for (let i = 0; i < 3; i++) await sink.write(blobOf({ attempt, bytes: 1_000 }))
        await sink.finish(what.cid)
      } catch (error) {
        await sink.abort()
        throw error
      }
    })
  })
  await claimed({ op: 'abort' }, async () => {
    const sink = await blobs.begin()
    await sink.write(blobOf({ attempt, bytes: 9 }))
    await sink.abort()
  })
  await claimed({ op: 'read' }, async () => {
    for (let i = 1; i <= attempt; i++) {
      const found = await blobs.read(`Qm${i}`)
      if (found === undefined) continue
      const chunks = []
      for await (const chunk of found.bytes()) chunks.push(chunk)
      const bytes = Buffer.concat(chunks)
      if (bytes.length !== found.size || bytes.some((byte) => byte !== i % 251)) wrong(`blob Qm${i} is read wrong`)
    }
  })
}

async function writing() {
  let store
  await tried(() =>
    claimed(
      { op: 'open' },
      async () => (store = await openStore(directory, { reserveBytes: RESERVE_BYTES, isTried: true })),
    ),
  )
  if (store === undefined) return
  for (const shopId of SHOPS)
    await commit(store, shopId, { newShop: !store.shops().some((row) => row.shopId === shopId) })
  const [shop, other] = SHOPS
  const isWhole = manner === 'used' && store.shops().length >= SHOPS.length
  if (isWhole) await storeWork(store, shop, other)
  let blobs
  await tried(() =>
    claimed({ op: 'blobs' }, async () => (blobs = await openBlobs(join(directory, 'blobs'), RESERVE_BYTES))),
  )
  if (isWhole && blobs !== undefined) await blobWork(blobs)
  if (isWhole) await commit(store, shop)
  await claimed({ op: 'close' }, () => store.close())
}

async function storeWork(store, shop, other) {
  const rows = (mark) => ({
    nonces: [{ shopId: shop, signer: cardOf(mark), nonce: BigInt(mark) }],
    cards: [{ card: cardOf(mark), shopId: shop, account: new Uint8Array(20), guest: false, removed: false }],
    paymentRows: [{ shopId: shop, key: Uint8Array.of(1, mark), value: Uint8Array.of(mark) }],
    settings: [{ key: 'removed', value: mark % 2 === 0 ? undefined : Uint8Array.of(mark) }],
  })
  await commit(store, shop, { rows })
  await commit(store, shop, { bytes: LARGE, sets: 3 })
  await commit(store, other, { rows })
  await flush(store, shop, true)
  await flush(store, shop, false)
  await claimed({ op: 'check' }, () => store.check())
  await flush(store, other, false)
  await tried(() => claimed({ op: 'drop', shop: String(other) }, () => store.dropDerived(other)))
  await flush(store, other, false)
  await commit(store, other, { sets: 2 })
}

async function reading() {
  let store
  const code = await claimed({ op: 'open' }, async () => (store = await openStoreForReading(directory)))
  if (code !== undefined) return
  for (const shopId of SHOPS) {
    const head = store.head(shopId)
    const records = head === 0 ? [] : store.readLog(shopId, 0, { records: 1_000, bytes: 1e9 })
    if (records.length !== head) wrong(`shop ${shopId}: ${records.length} of ${head} sets are read`)
  }
  await claimed({ op: 'close' }, () => store.close())
}

function lockName() {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return `lock.${process.pid}.${ticks}-${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)}`
}

claim({ ready: lockName() })
readSync(0, new Uint8Array(1))
await (manner === 'reading' ? reading() : writing())
claim({ op: 'end' })
