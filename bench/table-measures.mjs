// Rows of the table that are no series of `cairn bench`: starts, memory, disk, the log alone.

import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { toBigEndian } from '../dist/bytes/bytes.js'
import { toHex } from '../dist/bytes/hex.js'
import { startRelay } from '../dist/cli/bench/relay-process.js'
import { openSession } from '../dist/cli/bench/session.js'
import { openShop, writeOne } from '../dist/cli/bench/shop.js'
import { writeClosed } from '../dist/cli/bench/write.js'
import { openStore } from '../dist/store/open.js'
import { encodeChange } from '../dist/patches/patch.js'
import { ObjectType } from '../dist/wire/messages.js'
import { largeShop, SECRET, SHOP } from './large-shop.mjs'
import { onRelay, once, recordBytes } from './table-parts.mjs'

const QUICK = 20

/** Sets a second of the engine alone (engine.mjs), in a shop that a relay made before. */
export async function engine(context, { listings }, isChecked) {
  const { folder, runs, seconds, signal } = context
  const directory = mkdtempSync(join(folder, 'engine-'))
  const data = join(directory, 'data')
  const told = await onRelay(context, { data, isOwn: true }, async (bench) => {
    const { id, sessions } = bench.keep(await openShop(bench.relay, listings, 1))
    const [{ secret, nonce }] = sessions
    return { shop: String(id), secret: toHex(secret), nonce: String(nonce), listings, isChecked, runs, seconds }
  })
  const child = fork(new URL('./engine.mjs', import.meta.url), [data, JSON.stringify(told)], { signal })
  try {
    return await new Promise((resolve, reject) => {
      child.once('message', ({ values }) => resolve(values))
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)))
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
const RECORD_BYTES = 256
const RECORDS_PER_COMMIT = 256

/** Records a second and busy core, with nothing but the store. */
export async function logPath({ folder, runs, seconds }) {
  const directory = mkdtempSync(join(folder, 'log-'))
  const store = await openStore(directory)
  try {
    await store.commit({ records: [], newShops: [{ shopId: SHOP, secret: randomBytes(32), createdAtMs: Date.now() }] })
    const [values, state] = [[], { seq: 0 }]
    for (let i = 0; i < runs; i++) values.push(await recordsPerCore(store, seconds, state))
    return values
  } finally {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function recordsPerCore(store, seconds, state) {
  const fixed = { signer: new Uint8Array(33), account: new Uint8Array(20), stateHash: new Uint8Array(32) }
  const signed = { ...fixed, header: new Uint8Array(60), signature: new Uint8Array(65) }
  const { signer, account, stateHash, header, signature } = signed
  const patches = [patchOf(RECORD_BYTES - recordBytes({ ...signed, patches: [] }))]
  const [role, committedAtMs, reservationSeconds] = ['owner', Date.now(), 1]
  // One literal, as a relay has: copies of copies would have a shape each, which costs more than the log.
  const next = () => {
    const seq = ++state.seq
    return { seq, committedAtMs, reservationSeconds, signer, account, role, header, signature, patches, stateHash }
  }
  const [end, begun, first] = [performance.now() + seconds * 1_000, process.cpuUsage(), state.seq]
  while (performance.now() < end) {
    const records = Array.from({ length: RECORDS_PER_COMMIT }, () => ({ shopId: SHOP, record: next() }))
    await store.commit({ records })
  }
  const { user, system } = process.cpuUsage(begun)
  return ((state.seq - first) * 1e6) / (user + system)
}

/** One of so many bytes: the store looks at what it changes. */
function patchOf(bytes) {
  const named = (Name) => encodeChange({ op: 'replace', path: ['Tags', 'a', 'Name'], value: Name })
  const patch = named('b'.repeat(1 + bytes - named('b').length))
  if (patch.length !== bytes) throw new Error(`a patch of ${patch.length} bytes, not ${bytes}`)
  return patch
}

/** Bytes of the relay's memory that one more subscriber takes, from so many. */
export function idleBytes(context) {
  const count = context.isQuick ? QUICK : 1_000
  return onRelay(context, {}, async (bench) => {
    const shop = bench.keep(await openShop(bench.relay, 1_000, 1))
    const values = []
    for (let i = 0; i < context.runs; i++) {
      await wait(1_000)
      const before = bench.relay.use().residentMib
      const sessions = await Promise.all(Array.from({ length: count }, () => subscriber(bench, shop)))
      await wait(1_000)
      values.push(((bench.relay.use().residentMib - before) * 2 ** 20) / count)
      // The first ones stay: memory that was given back would be taken again.
      for (const session of sessions) bench.keep(session)
    }
    return values
  })
}

async function subscriber(bench, shop) {
  const session = await openSession({ url: bench.relay.url, shop: shop.id, version: 5 })
  await session.asked({
    kind: 'subscribe',
    startSeq: await newest(shop),
    shopId: toBigEndian(shop.id, 32),
    filters: [],
  })
  return session
}

const heads = new WeakMap()
function newest(shop) {
  if (!heads.has(shop)) heads.set(shop, writeOne(shop))
  return heads.get(shop)
}

const SUBSCRIPTIONS_PER_SESSION = 50

/** A series of writes while others look at single listings that nobody writes to. */
export function withOtherSubscriptions(context, { listings, ...how }) {
  const count = context.isQuick ? QUICK : 5_000
  return onRelay(context, {}, async (bench) => {
    const shop = bench.keep(await openShop(bench.relay, listings + count, 1))
    const shopId = toBigEndian(shop.id, 32)
    const startSeq = await writeOne(shop)
    for (let first = 0; first < count; first += SUBSCRIPTIONS_PER_SESSION) {
      const session = bench.keep(await openSession({ url: bench.relay.url, shop: shop.id, version: 5 }))
      for (let i = first; i < Math.min(count, first + SUBSCRIPTIONS_PER_SESSION); i++) {
        const objectId = toBigEndian(BigInt(listings + i + 1), 8)
        const filters = [{ objectType: ObjectType.LISTING, objectId }]
        await session.asked({ kind: 'subscribe', startSeq, shopId, filters })
      }
    }
    return writeClosed(bench, [{ ...shop, listings }], how)
  })
}

/** What was handed to the disk while sets were written, as a multiple of their records; one value. */
export function writtenShare(context, { listings, ...how }) {
  return onRelay(context, {}, async (bench) => {
    const shop = bench.keep(await openShop(bench.relay, listings, 1))
    const [before, bytes] = [await writeOne(shop), bench.relay.use().writtenBytes]
    await writeClosed(bench, [shop], how)
    const sets = Number((await writeOne(shop)) - before)
    const [patchSet] = [shop.sessions[0].signed([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 1n }])]
    // Beside the set a record holds the state hash, the signer and his account.
    const record = patchSet.length + 32 + 33 + 20
    return [(bench.relay.use().writtenBytes - bytes) / (sets * record)]
  })
}

/** Seconds until a relay over a large shop serves, after a clean stop and after kill -9; memory then. */
export function startSeconds(context, kind) {
  return once(context, `starts, ${kind}`, async () => {
    const data = await largeShop(context.folder, kind, context.size, context.say)
    const starts = { clean: [], killed: [], anonymousMib: [] }
    for (let i = 0; i < context.runs; i++) {
      context.signal.throwIfAborted()
      const clean = await started(data)
      starts.clean.push(clean.seconds)
      starts.anonymousMib.push(clean.relay.use().anonymousMib)
      await writeSome(clean.relay.url)
      await clean.relay.stop('SIGKILL')
      const killed = await started(data)
      starts.killed.push(killed.seconds)
      await killed.relay.stop()
    }
    return starts
  })
}

async function started(data) {
  const begun = performance.now()
  const relay = await startRelay({ data })
  return { relay, seconds: (performance.now() - begun) / 1_000 }
}

const SETS_BEFORE_KILL = 200

async function writeSome(url) {
  const session = await openSession({ url, shop: SHOP, secret: SECRET })
  for (let i = 0; i < SETS_BEFORE_KILL; i++)
    await session.written([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: BigInt(i + 1) }])
}

const CAP_SHARE = 4
/** A relay needs so much beside what it reads; a smaller database cannot be four times a cap. */
const CAP_BYTES_MIN = 256 * 1_048_576
/** Where Linux has its groups of processes with a bound on memory, files that are read included: cgroup v1, v2. */
const MEMORY_GROUPS = [
  ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
  ['/sys/fs/cgroup', 'memory.max'],
]

/** What `work` gives with a relay whose memory is a fourth of the database's size. */
export async function underCap(context, work) {
  const data = await largeShop(context.folder, 'objects', context.size, context.say)
  const cap = Math.floor(statSync(join(data, 'cairn.mdb')).size / CAP_SHARE)
  if (cap < CAP_BYTES_MIN)
    throw new Error(`a fourth of this database is ${cap} bytes, less than a relay needs: measure with --whole`)
  const found = MEMORY_GROUPS.find(([root, limit]) => existsSync(root) && (limit !== 'memory.max' || hasMemory(root)))
  if (found === undefined) throw new Error('this system has no groups with a bound on memory')
  const group = join(found[0], `cairn-bench-${process.pid}`)
  mkdirSync(group)
  try {
    writeFileSync(join(group, found[1]), String(cap))
    // What others have read of the file would be theirs, and free.
    writeFileSync('/proc/sys/vm/drop_caches', '1')
    return await work({ within: ['sh', '-c', `echo $$ > '${group}/cgroup.procs' && exec "$@"`, 'sh'] })
  } finally {
    rmdirSync(group)
  }
}

function hasMemory(root) {
  const file = join(root, 'cgroup.controllers')
  return existsSync(file) && readFileSync(file, 'utf8').split(/\s/u).includes('memory')
}
