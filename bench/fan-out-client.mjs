// The subscribers of a run of fan-out.mjs and who writes to them, in a process of their own. Its argument is the plan,
// as JSON; it sends its parent the figures.

import { createHistogram } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { openSession } from '../dist/cli/bench/session.js'
import { encodeEnvelope } from '../dist/wire/envelope.js'
import { be64, toBigEndian } from '../dist/bytes/bytes.js'
import { ObjectType } from '../dist/wire/messages.js'
import { SECRET, SHOP } from './large-shop.mjs'
import { eachSeq, kindOf, RawSocket } from './raw-sockets.mjs'
import { writeFrames } from './recorded-frames.mjs'

const plan = JSON.parse(process.argv[2])
const { url, subscribers, sets, patches, rate, base, isBare, record, listings, filtered } = plan
/** Sets without an answer where no rate is told. */
const IN_FLIGHT = 1_024
const SOCKETS_AT_A_TIME = 50
const POLL_MS = 10

const latency = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 })
const sentAt = []
const recorded = []
const heard = new Map()
const pushes = new Map()
const counts = { deliveries: 0, outOfOrder: 0, pushes: 0 }
let ready = 0
let expected = Infinity
let allThere = () => undefined

function frameCame(frame, socket) {
  const { kind, sets: start } = kindOf(frame)
  if (kind === 'syncStatus') ready++
  if (kind === 'response') return
  socket.answer(frame)
  if (kind !== 'push') return
  const now = performance.now()
  counts.pushes++
  // What a bare loop sends for a write may hold sets that the relay joined.
  const told = (pushes.get(socket) ?? 0) + 1
  pushes.set(socket, told)
  let last = heard.get(socket)
  if (record !== undefined && socket === sockets[0]) recorded.push(Buffer.from(frame))
  eachSeq(frame, start, (seq) => {
    if (seq <= last || (!filtered && seq !== last + 1)) counts.outOfOrder++
    last = seq
    counts.deliveries++
    latency.record(Math.max(1, Math.round((now - sentAt[isBare ? told - 1 : seq - base - 1]) * 1_000)))
  })
  heard.set(socket, last)
  if (counts.deliveries >= expected) allThere()
}

async function until(isSo) {
  while (!isSo()) await wait(POLL_MS)
}

function subscription(i) {
  const shopId = toBigEndian(SHOP, 32)
  const objectId = be64(BigInt(listings + 1 + i))
  const filters = filtered ? [{ objectType: ObjectType.LISTING, objectId }] : []
  const message = { kind: 'subscribe', startSeq: BigInt(base), shopId, filters }
  return encodeEnvelope({ requestId: 1n, message })
}

/** Prices of listings, others in each set. */
function changes(turn) {
  return Array.from({ length: patches }, (_, i) => {
    const id = BigInt((turn * patches + i) % listings) + 1n
    return { op: 'replace', path: ['Listings', id, 'Price'], value: BigInt(turn + 1) }
  })
}

const sockets = []
for (let i = 0; i < subscribers; i += SOCKETS_AT_A_TIME) {
  const many = Array.from({ length: Math.min(SOCKETS_AT_A_TIME, subscribers - i) }, () =>
    RawSocket.open(url, '/v4/sessions', frameCame),
  )
  for (const socket of await Promise.all(many)) {
    heard.set(socket, base)
    if (!isBare) socket.send(subscription(sockets.length))
    sockets.push(socket)
  }
}
if (!isBare) await until(() => ready >= subscribers)

const writer = isBare ? undefined : await openSession({ url, shop: SHOP, secret: SECRET })
const signed = Array.from({ length: sets }, (_, i) => (isBare ? Buffer.alloc(200, 0xff) : writer.signed(changes(i))))
const answered = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 })
async function write(i) {
  sentAt[i] = performance.now()
  if (isBare) return sockets[0].send(signed[i])
  const { error } = await writer.ask({ kind: 'write', patchSet: signed[i] })
  if (error !== undefined) throw new Error(error.message)
  answered.record(Math.max(1, Math.round((performance.now() - sentAt[i]) * 1_000)))
}

/** When the next set is due does not wait for the one before. */
async function atRate() {
  const begun = performance.now()
  const writes = []
  for (let i = 0; i < sets; i++) {
    const due = begun + (i * 1_000) / rate
    if (due > performance.now()) await wait(due - performance.now())
    writes.push(write(i))
  }
  await Promise.all(writes)
}

async function allAtOnce() {
  let next = 0
  const writeOn = async () => {
    while (next < sets) await write(next++)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, writeOn))
}

/** Of a loop that sends all as soon as it is told to. */
async function toldOnce() {
  sentAt.push(...Array.from({ length: sets }, () => performance.now()))
  sockets[0].send(signed[0])
}

expected = filtered ? 0 : subscribers * sets
const done = new Promise((resolve) => {
  allThere = resolve
})
const begunMs = performance.now()
if (rate !== undefined) await atRate()
else await (isBare ? toldOnce() : allAtOnce())
if (expected > 0) await Promise.race([done, wait(60_000)])
const seconds = (performance.now() - begunMs) / 1_000
if (record !== undefined) writeFrames(record, recorded)
const of = (histogram) => ({ p50: histogram.percentile(50) / 1_000, p99: histogram.percentile(99) / 1_000 })
process.send({
  ...counts,
  missing: expected - counts.deliveries,
  seconds,
  latencyMs: of(latency),
  answerMs: isBare ? undefined : of(answered),
})
process.disconnect()
process.exit()
