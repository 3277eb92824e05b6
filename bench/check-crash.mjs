// npm run check:crash: kills a relay with SIGKILL in the middle of a stream of writes, again and again on the same
// data, then looks for every set that was answered. Closing line: kills N, answered M, lost L.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { WebSocket } from 'ws'
import { personalMessageDigest } from '../dist/bytes/eip191.js'
import { toHex } from '../dist/bytes/hex.js'
import { publicKeyOf, sign } from '../dist/bytes/signature.node.js'
import { enrol } from '../dist/client/enrol.js'
import { encodeChange } from '../dist/patches/patch.js'
import { encodePatchSet, signPatches } from '../dist/patches/patch-set.js'
import { Keeper } from '../dist/relay/shops/keeper.js'
import { stateHash } from '../dist/state/shop-state.js'
import { openStore } from '../dist/store/open.js'
import { decodeEnvelope, encodeEnvelope } from '../dist/wire/envelope.js'

const argv = process.argv.slice(2)
const kills = argv.includes('--kills') ? Number(argv[argv.indexOf('--kills') + 1]) : 50
if (!Number.isSafeInteger(kills) || kills < 1) {
  process.stderr.write('check:crash: --kills N, at least 1\n')
  process.exit(2)
}

const SHOP = 9_001n
const WINDOW = 64
const NEVER = new Promise(() => undefined)
const LISTINGS = 50
/** The kill comes somewhere in here after the first answer. */
const KILL_WITHIN_MS = 150

const data = mkdtempSync(join(tmpdir(), 'cairn-crash-'))
const secret = new Uint8Array(randomBytes(32))
/** Header bytes of answered sets → the state hash of the answer, in hex. */
const answered = new Map()
let nonce = 0n

function startRelay() {
  const flags = [
    'serve',
    '--empty',
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--data',
    join(data, 'relay'),
    '--upgrades-burst',
    '1000',
  ]
  const child = spawn(process.execPath, ['src/cli/cairn.js', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
      const url = /listens on (\S+)/u.exec(output)?.[1]
      if (url !== undefined) resolve({ child, url })
    })
    child.once('exit', (code, signal) => reject(new Error(`the relay ended at its start: ${code ?? signal}`)))
  })
}

async function connect(url) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`)
  socket.on('error', () => undefined)
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('close', () => reject(new Error('no session')))
  })
  let lastId = 0n
  const waiting = new Map()
  socket.on('message', (frame) => {
    const { requestId, message } = decodeEnvelope(new Uint8Array(frame))
    if (message.kind !== 'response') return
    waiting.get(requestId)?.(message)
    waiting.delete(requestId)
  })
  const ask = (message) =>
    new Promise((resolve) => {
      waiting.set(++lastId, resolve)
      socket.send(encodeEnvelope({ requestId: lastId, message }))
    })
  const { payload } = await ask({ kind: 'authenticate', publicKey: publicKeyOf(secret) })
  await ask({ kind: 'challengeSolution', signature: sign(personalMessageDigest(payload), secret) })
  return { socket, ask }
}

function nextSet() {
  const id = (nonce % BigInt(LISTINGS)) + 1n
  const fields = new Map(
    Object.entries({
      ID: id,
      Price: nonce,
      Metadata: new Map([
        ['Title', 'T'],
        ['Description', 'D'],
      ]),
      ViewState: 1n,
    }),
  )
  const change =
    nonce < BigInt(LISTINGS)
      ? { op: 'add', path: ['Listings', id], value: fields }
      : { op: 'replace', path: ['Listings', id, 'Price'], value: nonce }
  const patches = [encodeChange(change)]
  const { headerBytes, signature } = signPatches(
    { shopId: SHOP, nonce: ++nonce, timestamp: 1_800_000_000n - 10_000_000n, patches },
    secret,
  )
  return { header: toHex(headerBytes), patchSet: encodePatchSet(headerBytes, signature, patches) }
}

async function write(ask, dead = NEVER) {
  const { header, patchSet } = nextSet()
  const answer = await Promise.race([ask({ kind: 'write', patchSet }), dead])
  if (answer?.payload?.length === 32) answered.set(header, toHex(answer.payload))
  else if (answer?.error !== undefined) refused.push(answer.error.message)
}

/** All listings, before the first kill: the writes that follow change them. */
async function addListings({ url }) {
  const { socket, ask } = await connect(url)
  while (nonce < BigInt(LISTINGS)) await write(ask)
  socket.terminate()
}

/** Writes until the relay is dead; the kill comes at a moment of its own. */
async function writeUntilKilled({ child, url }) {
  const { socket, ask } = await connect(url)
  const dead = new Promise((resolve) => child.once('exit', resolve))
  const fate = { killed: false }
  let sentenced = false
  const sentence = () => {
    if (sentenced) return
    sentenced = true
    setTimeout(() => {
      fate.killed = true
      child.kill('SIGKILL')
    }, Math.random() * KILL_WITHIN_MS)
  }
  const stream = async () => {
    while (!fate.killed) {
      await write(ask, dead)
      sentence()
    }
  }
  const streams = Promise.all(Array.from({ length: WINDOW }, stream))
  await dead
  socket.terminate()
  await streams
}

const refused = []

/** What is on disk: every answered set with its hash, dense, and the same state by a replay from 1. */
async function lostSets() {
  const store = await openStore(join(data, 'relay'))
  const found = new Map()
  let after = 0
  for (;;) {
    const records = store.readLog(SHOP, after, { records: 1_000, bytes: 8 * 1_048_576 })
    if (records.length === 0) break
    for (const record of records) {
      if (record.seq !== ++after) throw new Error(`the log has ${record.seq} where ${after} is next`)
      found.set(toHex(record.header), toHex(record.stateHash))
    }
  }
  const fromLogAlone = Object.assign(Object.create(store), { derived: () => undefined })
  const keeper = new Keeper(fromLogAlone, { nodeCacheNodes: 10_000 })
  const shop = await keeper.load(SHOP)
  if (shop.closed !== undefined) throw new Error(shop.closed.reason)
  const replayed = toHex(stateHash(shop.current.state))
  const [last] = store.readLog(SHOP, after - 1, { records: 1, bytes: 1 })
  if (replayed !== toHex(last.stateHash))
    throw new Error(`a replay from 1 reaches ${replayed}, the log says ${toHex(last.stateHash)}`)
  await store.close()
  return [...answered].filter(([header, hash]) => found.get(header) !== hash).length
}

try {
  for (let i = 0; i < kills; i++) {
    const relay = await startRelay()
    if (i === 0) {
      const wallet = privateKeyToAccount(`0x${'11'.repeat(32)}`)
      await enrol({ url: relay.url, shop: SHOP, card: publicKeyOf(secret), wallet })
      await addListings(relay)
    }
    await writeUntilKilled(relay)
  }
  const lost = await lostSets()
  if (refused.length > 0) process.stdout.write(`refused ${refused.length}: ${refused[0]}\n`)
  process.stdout.write(`kills ${kills}, answered ${answered.size}, lost ${lost}\n`)
  process.exitCode = lost > 0 || refused.length > 0 || answered.size < kills ? 1 : 0
} finally {
  rmSync(data, { recursive: true, force: true })
}
