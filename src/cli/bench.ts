/**
 * `cairn bench write`: how many sets a second a relay makes durable. The load generator is this process, with all sets
 * signed before the clock starts; the relay is another one, with a real disk, fsync before every answer and all checks on.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomBytes } from 'node:crypto'
import { walletOf } from './wallet.js'
import { WebSocket } from 'ws'
import { publicKeyOf, sign } from '#signature'
import { personalMessageDigest } from '../bytes/eip191.js'
import type { Encodable } from '../codec/encode.js'
import { enrol } from '../client/enrol.js'
import { encodeChange, type Change } from '../patches/patch.js'
import { encodePatchSet, signerOf, signPatches } from '../patches/patch-set.js'
import { decodeEnvelope, encodeEnvelope } from '../wire/envelope.js'
import type { Message } from '../wire/messages.js'
import { parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'

export const BENCH_HELP = `cairn bench write [--seconds 10] [--listings 1000] [--patches 1] [--connections 1] [--window 1024] [--url URL] [--json]

Writes price changes as fast as the relay answers and prints the rate. Without --url it starts a relay of its own with
data in a temporary directory. Sets are signed before the clock starts.

  --listings N     listings in the shop            --connections N  sessions, each with a card of its own
  --patches N      patches per set                 --window N       sets in flight per session
`

const FLAGS = {
  seconds: { kind: 'number', value: 10 },
  listings: { kind: 'number', value: 1_000 },
  patches: { kind: 'number', value: 1 },
  connections: { kind: 'number', value: 1 },
  window: { kind: 'number', value: 1_024 },
  url: { kind: 'text' },
  json: { kind: 'switch', value: false },
} as const

interface Plan {
  readonly seconds: number
  readonly listings: number
  readonly patches: number
  readonly connections: number
  readonly window: number
}

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(BENCH_HELP), 0)
  try {
    if (argv[0] !== 'write') throw new UsageError('the only benchmark here is: cairn bench write')
    const flags = parseFlags(argv.slice(1), FLAGS)
    const plan = planOf(flags)
    const relay =
      flags['url'] === undefined
        ? await startRelay(plan)
        : { url: String(flags['url']), pid: undefined, stop: () => Promise.resolve() }
    try {
      const result = await bench(relay.url, plan, relay.pid, io)
      io.out(flags['json'] ? JSON.stringify(result) : report(result))
      return 0
    } finally {
      await relay.stop()
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    io.err(`cairn bench: ${error.message}`)
    return 1
  }
}

function planOf(flags: Readonly<Record<string, unknown>>): Plan {
  const [seconds, listings, patches, connections, window] = [
    'seconds',
    'listings',
    'patches',
    'connections',
    'window',
  ].map((name) => {
    const value = Number(flags[name])
    if (value < 1) throw new UsageError(`--${name} must be at least 1`)
    return value
  }) as [number, number, number, number, number]
  return { seconds, listings, patches, connections, window }
}

// The relay

interface RelayProcess {
  readonly url: string
  readonly pid: number | undefined
  stop(): Promise<void>
}

async function startRelay(plan: Plan): Promise<RelayProcess> {
  const data = await mkdtemp(join(tmpdir(), 'cairn-bench-'))
  const port = await freePort()
  const launcher = fileURLToPath(new URL('../../src/cli/cairn.js', import.meta.url))
  const flags = [
    'serve',
    '--empty',
    '--port',
    String(port),
    '--data',
    data,
    '--metrics-port',
    '0',
    '--enrolments-burst',
    String(plan.connections + 10),
  ]
  const child = spawn(process.execPath, [launcher, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  await untilReady(url, child)
  return {
    url,
    pid: child.pid,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
      await rm(data, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

const READY_TRIES = 200
const READY_EVERY_MS = 50

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let left = READY_TRIES; left > 0; left--) {
    if (child.exitCode !== null) throw new UsageError(`the relay ended with exit code ${child.exitCode}`)
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.ok) return
    await new Promise((resolve) => setTimeout(resolve, READY_EVERY_MS))
  }
  throw new UsageError('the relay did not become ready')
}

// The load

interface Writer {
  readonly socket: WebSocket
  readonly secret: Uint8Array
  nonce: bigint
  requestId: bigint
}

/** What `--json` prints; times in milliseconds, CPU in cores. */
interface Result extends Plan {
  readonly patchSets: number
  readonly refused: number
  readonly elapsedSeconds: number
  readonly patchSetsPerSecond: number
  readonly patchesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly clientCores: number
  readonly relayCores: number | null
  readonly signatureChecksPerSecondPerCore: number
}

const WARM_UP_SECONDS = 1
/** Signed beyond what the warm-up promises, so that the generator does not run dry. */
const SURPLUS = 2
const SHOP_BITS = 48

async function bench(url: string, plan: Plan, pid: number | undefined, io: Io): Promise<Result> {
  const shop = BigInt(`0x${randomBytes(SHOP_BITS / 8).toString('hex')}`) + 1n
  const writers = await Promise.all(Array.from({ length: plan.connections }, (_, i) => openWriter(url, shop, i)))
  await fill(writers[0]!, shop, plan.listings)
  const warm = await load(
    writers,
    signSets(writers, shop, plan, WARM_UP_SETS / plan.connections),
    plan.window,
    WARM_UP_SECONDS,
  )
  const perWriter =
    Math.ceil(((warm.latencies.length / warm.seconds) * plan.seconds * SURPLUS) / plan.connections) + plan.window
  io.err(`signing ${perWriter * plan.connections} sets …`)
  const sets = signSets(writers, shop, plan, perWriter)
  const relayBefore = cpuSeconds(pid)
  const ownBefore = process.cpuUsage()
  const measured = await load(writers, sets, plan.window, plan.seconds)
  const own = process.cpuUsage(ownBefore)
  const relayAfter = cpuSeconds(pid)
  for (const { socket } of writers) socket.close()
  const rate = measured.latencies.length / measured.seconds
  measured.latencies.sort((a, b) => a - b)
  return {
    ...plan,
    patchSets: measured.latencies.length,
    refused: measured.refused,
    elapsedSeconds: rounded(measured.seconds, 3),
    patchSetsPerSecond: Math.round(rate),
    patchesPerSecond: Math.round(rate * plan.patches),
    p50Ms: rounded(quantile(measured.latencies, 0.5), 2),
    p99Ms: rounded(quantile(measured.latencies, 0.99), 2),
    clientCores: rounded((own.user + own.system) / 1e6 / measured.seconds, 2),
    relayCores:
      relayBefore === undefined || relayAfter === undefined
        ? null
        : rounded((relayAfter - relayBefore) / measured.seconds, 2),
    signatureChecksPerSecondPerCore: signatureChecks(),
  }
}

const WARM_UP_SETS = 4_000
const FILL_SETS_PATCHES = 200

async function openWriter(url: string, shop: bigint, number: number): Promise<Writer> {
  const secret = new Uint8Array(randomBytes(32))
  const publicKey = publicKeyOf(secret)
  const wallet = walletOf(shop.toString(16).padStart(64, '0'))
  // One after the other: the first enrolment makes the shop.
  await new Promise((resolve) => setTimeout(resolve, number * 20))
  await enrol({ url, shop, card: publicKey, wallet })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`)
  socket.binaryType = 'nodebuffer'
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const writer: Writer = { socket, secret, nonce: 0n, requestId: 0n }
  const challenge = await ask(writer, { kind: 'authenticate', publicKey })
  await ask(writer, { kind: 'challengeSolution', signature: sign(personalMessageDigest(challenge), secret) })
  return writer
}

/** One request, nothing else in flight. Throws Error when it is refused. */
function ask({ socket, ...writer }: Writer, message: Message): Promise<Uint8Array> {
  const requestId = ASK_ID
  return new Promise((resolve, reject) => {
    const listen = (data: Buffer) => {
      const envelope = decodeEnvelope(data)
      if (envelope.message.kind !== 'response' || envelope.requestId !== requestId) return
      socket.off('message', listen)
      if (envelope.message.error === undefined) resolve(envelope.message.payload)
      else reject(new Error(`${writer.nonce}: ${envelope.message.error.message}`))
    }
    socket.on('message', listen)
    socket.send(encodeEnvelope({ requestId, message }))
  })
}

const ASK_ID = 1n << 40n

async function fill(writer: Writer, shop: bigint, listings: number): Promise<void> {
  const text = (fields: Record<string, Encodable>) => new Map(Object.entries(fields))
  const changes = Array.from({ length: listings }, (_, i): Change => {
    const Metadata = text({
      Title: `Listing ${i}`,
      Description: 'A thing to buy, described in a sentence or two so that it has a size.',
    })
    return {
      op: 'add',
      path: ['Listings', BigInt(i + 1)],
      value: text({ ID: BigInt(i + 1), Price: 100n, Metadata, ViewState: 1n }),
    }
  })
  for (let at = 0; at < changes.length; at += FILL_SETS_PATCHES) {
    await ask(writer, { kind: 'write', patchSet: signed(writer, shop, changes.slice(at, at + FILL_SETS_PATCHES)) })
  }
}

function signed(writer: Writer, shopId: bigint, changes: readonly Change[]): Uint8Array {
  const patches = changes.map(encodeChange)
  const timestamp = BigInt(Math.floor(Date.now() / 1_000))
  const { headerBytes, signature } = signPatches({ shopId, nonce: ++writer.nonce, timestamp, patches }, writer.secret)
  return encodePatchSet(headerBytes, signature, patches)
}

/** Frames, ready to be sent, for each writer. */
function signSets(
  writers: readonly Writer[],
  shop: bigint,
  { listings, patches }: Plan,
  perWriter: number,
): Uint8Array[][] {
  let turn = 0
  return writers.map((writer) =>
    Array.from({ length: Math.ceil(perWriter) }, () => {
      const changes = Array.from({ length: patches }, (): Change => {
        turn++
        return {
          op: 'replace',
          path: ['Listings', BigInt((turn * 7_919) % listings) + 1n, 'Price'],
          value: BigInt(turn),
        }
      })
      return encodeEnvelope({
        requestId: ++writer.requestId,
        message: { kind: 'write', patchSet: signed(writer, shop, changes) },
      })
    }),
  )
}

interface Measured {
  readonly seconds: number
  readonly latencies: number[]
  readonly refused: number
}

/** Keeps the windows full for so long, then waits for the last answers; counts what was answered in time. */
async function load(
  writers: readonly Writer[],
  frames: readonly (readonly Uint8Array[])[],
  window: number,
  seconds: number,
): Promise<Measured> {
  const start = performance.now()
  const end = start + seconds * 1_000
  const parts = await Promise.all(writers.map((writer, i) => loadOne(writer.socket, frames[i]!, window, end)))
  const last = Math.max(...parts.map((part) => part.lastAnswerAt))
  return {
    seconds: (Math.min(last, end) - start) / 1_000,
    latencies: parts.flatMap((part) => part.latencies),
    refused: parts.reduce((sum, part) => sum + part.refused, 0),
  }
}

function loadOne(
  socket: WebSocket,
  frames: readonly Uint8Array[],
  window: number,
  end: number,
): Promise<{ latencies: number[]; refused: number; lastAnswerAt: number }> {
  const latencies: number[] = []
  const sentAt: number[] = []
  let answered = 0
  let refused = 0
  let lastAnswerAt = 0
  return new Promise((resolve) => {
    const fillWindow = () => {
      while (sentAt.length - answered < window && sentAt.length < frames.length && performance.now() < end) {
        socket.send(frames[sentAt.length]!)
        sentAt.push(performance.now())
      }
      if (answered < sentAt.length) return
      socket.off('message', listen)
      resolve({ latencies, refused, lastAnswerAt })
    }
    const listen = (data: Buffer) => {
      const { message } = decodeEnvelope(data)
      if (message.kind !== 'response') return
      const now = performance.now()
      if (message.error !== undefined) refused++
      else if (now <= end) {
        latencies.push(now - sentAt[answered]!)
        lastAnswerAt = now
      }
      answered++
      fillWindow()
    }
    socket.on('message', listen)
    fillWindow()
  })
}

// Figures

/** User and system time of a process, from /proc; undefined where there is none. */
function cpuSeconds(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
  } catch {
    return undefined
  }
}

const CLOCK_TICKS_PER_SECOND = 100
const CHECKS = 5_000

/** What the relay does for each set, on this core, now: keccak-256 of a header and the recovery of its signer. */
function signatureChecks(): number {
  const secret = new Uint8Array(32).fill(1)
  const { headerBytes, signature } = signPatches(
    { shopId: 1n, nonce: 1n, timestamp: 0n, patches: [encodeChange({ op: 'remove', path: ['Tags', 'x'] })] },
    secret,
  )
  const start = performance.now()
  for (let i = 0; i < CHECKS; i++) signerOf(headerBytes, signature)
  return Math.round((CHECKS / (performance.now() - start)) * 1_000)
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

function report(result: Result): string {
  return [
    `${result.patchSetsPerSecond} PatchSets/s, ${result.patchesPerSecond} patches/s   (${result.patchSets} in ${result.elapsedSeconds} s, ${result.refused} refused)`,
    `latency p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms with ${result.connections} × ${result.window} in flight`,
    `CPU: relay ${result.relayCores ?? 'unknown'} cores, load generator ${result.clientCores} cores`,
    `signature checks: ${result.signatureChecksPerSecondPerCore}/s per core`,
  ].join('\n')
}
