// After a fault: opens the data directory argv[2] with no fault, and tells as one JSON line what is in it and what is
// wrong with that. With `write` as argv[3] it writes on, closes, and opens it again.

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openBlobs } from '../../dist/store/blobs.js'
import { openStore } from '../../dist/store/open.js'
import { digestOf, MARKS_MAX, NODES_PER_FLUSH, recordOf } from './sample.mjs'

const [directory, mode] = process.argv.slice(2)
const RESERVE_BYTES = 1_048_576
const problems = []

async function open() {
  return openStore(directory, { reserveBytes: RESERVE_BYTES })
}

function logOf(store, shopId) {
  const digests = []
  const head = store.head(shopId)
  while (digests.length < head) {
    for (const record of store.readLog(shopId, digests.length, { records: 100, bytes: 1_048_576 })) {
      if (record.seq !== digests.length + 1) problems.push(`shop ${shopId}: ${record.seq} follows ${digests.length}`)
      digests.push(digestOf(record))
    }
  }
  return digests
}

function derivedOf(store, shopId) {
  const derived = store.derived(shopId)
  if (derived === undefined) return null
  const roots = createHash('sha256').update(derived.roots).digest('hex')
  // The nodes of the flush itself are its last ones.
  const next = store.nextNodeRef(shopId)
  for (let ref = Math.max(1, next - NODES_PER_FLUSH); ref < next; ref++) store.readNode(shopId, ref)
  return { seq: derived.seq, roots }
}

async function blobsIn(path) {
  const blobs = await openBlobs(path, RESERVE_BYTES)
  const found = {}
  for (const cid of readdirSync(path)) {
    const chunks = []
    for await (const chunk of (await blobs.read(cid)).bytes()) chunks.push(chunk)
    found[cid] = createHash('sha256').update(Buffer.concat(chunks)).digest('hex')
  }
  return found
}

async function writeOn(heads) {
  let store = await open()
  for (const [shop, head] of heads) {
    const record = recordOf({ seq: head + 1, attempt: 250, bytes: 100 })
    await store.commit({ records: [{ shopId: shop, record }] })
  }
  await store.close()
  store = await open()
  for (const [shop, head] of heads)
    if (store.head(shop) !== head + 1) problems.push(`shop ${shop}: what is written after the fault is not there`)
  await store.close()
}

const store = await open()
const shops = store.shops().map(({ shopId }) => shopId)
const logs = Object.fromEntries(shops.map((shopId) => [shopId, logOf(store, shopId)]))
const derived = Object.fromEntries(shops.map((shopId) => [shopId, derivedOf(store, shopId)]))
const marks = []
for (let i = 0; i <= MARKS_MAX; i++) if (store.setting(`commit/${i}`) !== undefined) marks.push(i)
for (const rows of store.scan()) void rows
for (const { text } of store.damage()) problems.push(text)
const { sets } = store.stats()
if (sets !== Object.values(logs).flat().length) problems.push(`${sets} sets are counted`)
const heads = shops.map((shopId) => [shopId, store.head(shopId)])
await store.close()
const blobs = await blobsIn(join(directory, 'blobs'))
if (mode === 'write') await writeOn(heads)
const strangers = readdirSync(directory).filter((name) => name.startsWith('lock.'))
if (strangers.length > 0) problems.push(`left in the directory: ${strangers.join(' ')}`)
process.stdout.write(`${JSON.stringify({ logs, derived, marks, blobs, problems })}\n`)
