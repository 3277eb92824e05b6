// npm run bench:transports: the same relay on uWebSockets.js and on ws, in turns on this machine: writes, pushes to
// many sessions, plain HTTP. Prints a table of medians and of ratios. See --help.

import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { privateKeyToAccount } from 'viem/accounts'
import { WebSocket } from 'ws'
import { toBigEndian } from '../dist/bytes/bytes.js'
import { personalMessageDigest } from '../dist/bytes/eip191.js'
import { toHex } from '../dist/bytes/hex.js'
import { publicKeyOf, sign } from '../dist/bytes/signature.node.js'
import { enrol } from '../dist/client/enrol.js'
import { encodeChange } from '../dist/patches/patch.js'
import { encodePatchSet, signPatches } from '../dist/patches/patch-set.js'
import { decodeEnvelope, encodeEnvelope } from '../dist/wire/envelope.js'

const HELP = `npm run bench:transports -- [--rounds 3] [--seconds 5] [--sessions 500] [--sets 100]

Starts cairn serve with --transport uws and with --transport ws in turns, as often as --rounds says, and prints medians.

  --seconds N   of writes, and of HTTP requests, a round
  --sessions N  that are subscribed to all of a shop while --sets N sets are written to it
`
const argv = process.argv.slice(2)
const DEFAULTS = { '--rounds': 3, '--seconds': 5, '--sessions': 500, '--sets': 100 }
const plan = { ...DEFAULTS }
for (let i = 0; i < argv.length && !argv.includes('--help'); i += 2) {
  plan[argv[i]] = Number(argv[i + 1])
  if (!(argv[i] in DEFAULTS) || !(Number.isSafeInteger(plan[argv[i]]) && plan[argv[i]] > 0)) {
    process.stderr.write(`bench:transports: there is no ${argv[i]} ${argv[i + 1] ?? ''}; see --help\n`)
    process.exit(1)
  }
}

const run = promisify(execFile)
const HTTP_SOCKETS = 64
const WRITES_IN_FLIGHT = 8
const CLOCK_TICKS_PER_SECOND = 100

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function startRelay(transport) {
  const data = mkdtempSync(join(tmpdir(), 'cairn-transports-'))
  const metricsPort = await freePort()
  const ports = ['--port', '0', '--metrics-port', String(metricsPort)]
  const flags = ['--empty', ...ports, '--data', data, '--transport', transport]
  const many = ['--sessions-per-address-max', '--upgrades-burst', '--enrolments-burst'].flatMap((flag) => [
    flag,
    '100000',
  ])
  const child = spawn(process.execPath, ['src/cli/cairn.js', 'serve', ...flags, ...many, '--push-delay-ms', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let output = ''
  const url = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the relay ended at its start')))
    child.stdout.on('data', (chunk) => {
      const found = /listens on (\S+)/u.exec((output += String(chunk)))
      if (found !== null) resolve(found[1])
    })
  })
  return {
    url,
    cpuSeconds() {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
    },
    async sets() {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      return Number(/^cairn_sets_total (\d+)$/mu.exec(text)[1])
    },
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function writes(relay, window) {
  const [cpu, before] = [relay.cpuSeconds(), await relay.sets()]
  const flags = [
    'bench',
    'write',
    '--url',
    relay.url,
    '--json',
    '--window',
    String(window),
    '--seconds',
    plan['--seconds'],
  ]
  const { stdout } = await run(process.execPath, ['src/cli/cairn.js', ...flags.map(String)])
  const cpuMicroseconds = ((relay.cpuSeconds() - cpu) * 1e6) / ((await relay.sets()) - before)
  return { ...JSON.parse(stdout), cpuMicroseconds }
}

// Pushes to many sessions

async function session(url) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`, { perMessageDeflate: false })
  socket.binaryType = 'nodebuffer'
  await once(socket, 'open')
  return socket
}

/** One request, nothing else in flight. */
function ask(socket, message) {
  return new Promise((resolve, reject) => {
    const listen = (data) => {
      const envelope = decodeEnvelope(data)
      if (envelope.message.kind !== 'response') return
      socket.off('message', listen)
      if (envelope.message.error === undefined) resolve(envelope.message.payload)
      else reject(new Error(envelope.message.error.message))
    }
    socket.on('message', listen)
    socket.send(encodeEnvelope({ requestId: 1n << 40n, message }))
  })
}

async function fanOut(relay) {
  const shopId = BigInt(`0x${randomBytes(6).toString('hex')}`) + 1n
  const secret = new Uint8Array(randomBytes(32))
  const wallet = privateKeyToAccount(`0x${toHex(new Uint8Array(randomBytes(32)))}`)
  await enrol({ url: relay.url, shop: shopId, card: publicKeyOf(secret), wallet })
  const writer = await session(relay.url)
  const challenge = await ask(writer, { kind: 'authenticate', publicKey: publicKeyOf(secret) })
  await ask(writer, { kind: 'challengeSolution', signature: sign(personalMessageDigest(challenge), secret) })
  let [received, all] = [0, () => undefined]
  const expected = plan['--sessions'] * plan['--sets']
  const readers = []
  for (let i = 0; i < plan['--sessions']; i++) {
    const reader = await session(relay.url)
    reader.on('message', (data) => {
      const { requestId, message } = decodeEnvelope(data)
      if (message.kind === 'response') return
      if (message.kind === 'push') received += message.sets.length
      reader.send(encodeEnvelope({ requestId, message: { kind: 'response', payload: new Uint8Array(0) } }))
      if (received >= expected) all()
    })
    // From the set after the one that made the shop.
    await ask(reader, { kind: 'subscribe', startSeq: 1n, shopId: toBigEndian(shopId, 32), filters: [] })
    readers.push(reader)
  }
  received = 0
  const [cpu, start] = [relay.cpuSeconds(), performance.now()]
  const done = new Promise((resolve) => (all = resolve))
  await writeSets(writer, shopId, secret)
  await done
  const result = {
    perSecond: expected / ((performance.now() - start) / 1_000),
    cpuMicroseconds: ((relay.cpuSeconds() - cpu) * 1e6) / expected,
  }
  for (const socket of [writer, ...readers]) socket.terminate()
  return result
}

/** Some sets in flight, so that many pushes have one set. */
async function writeSets(writer, shopId, secret) {
  let [sent, answered] = [0, 0]
  await new Promise((resolve, reject) => {
    const fill = () => {
      while (sent - answered < WRITES_IN_FLIGHT && sent < plan['--sets']) {
        const name = `tag ${++sent}`
        const value = new Map(Object.entries({ Name: name, ListingIds: [] }))
        const patches = [encodeChange({ op: 'add', path: ['Tags', name], value })]
        const timestamp = BigInt(Math.floor(Date.now() / 1_000))
        const signed = signPatches({ shopId, nonce: BigInt(sent), timestamp, patches }, secret)
        const patchSet = encodePatchSet(signed.headerBytes, signed.signature, patches)
        writer.send(encodeEnvelope({ requestId: BigInt(sent), message: { kind: 'write', patchSet } }))
      }
    }
    writer.on('message', (data) => {
      const { message } = decodeEnvelope(data)
      if (message.kind !== 'response') return
      if (message.error !== undefined) reject(new Error(message.error.message))
      if (++answered === plan['--sets']) resolve()
      fill()
    })
    fill()
  })
}

// HTTP

async function requests(relay) {
  const port = Number(new URL(relay.url).port)
  const request = `GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
  const [cpu, start] = [relay.cpuSeconds(), performance.now()]
  const end = start + plan['--seconds'] * 1_000
  let count = 0
  const client = () =>
    new Promise((resolve, reject) => {
      const socket = connectTcp(port, '127.0.0.1')
      socket.on('error', reject)
      socket.on('connect', () => socket.write(request))
      socket.on('data', (data) => {
        if (!data.includes('{"status":"ok"}')) return
        count++
        if (performance.now() < end) socket.write(request)
        else resolve(socket.destroy())
      })
    })
  await Promise.all(Array.from({ length: HTTP_SOCKETS }, client))
  return {
    perSecond: count / ((performance.now() - start) / 1_000),
    cpuMicroseconds: ((relay.cpuSeconds() - cpu) * 1e6) / count,
  }
}

async function round(transport) {
  const relay = await startRelay(transport)
  try {
    const [full, lone] = [await writes(relay, 1_024), await writes(relay, 1)]
    const [pushes, http] = [await fanOut(relay), await requests(relay)]
    return {
      'writes, 1,024 in flight: sets/s': full.patchSetsPerSecond,
      'writes, 1,024 in flight: p50, ms': full.p50Ms,
      'writes, 1,024 in flight: p99, ms': full.p99Ms,
      'writes, 1,024 in flight: CPU of the relay, µs a set': full.cpuMicroseconds,
      'writes, one in flight: p50, ms': lone.p50Ms,
      'writes, one in flight: p99, ms': lone.p99Ms,
      [`pushes to ${plan['--sessions']} sessions: sets/s`]: pushes.perSecond,
      'pushes: CPU of the relay, µs each': pushes.cpuMicroseconds,
      [`GET /livez on ${HTTP_SOCKETS} sockets: requests/s`]: http.perSecond,
      'GET /livez: CPU of the relay, µs each': http.cpuMicroseconds,
    }
  } finally {
    await relay.stop()
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const shown = (value) => value.toFixed(value < 100 ? 2 : 0).padStart(10)

if (argv.includes('--help')) process.stdout.write(HELP)
else {
  const rounds = { uws: [], ws: [] }
  for (let i = 0; i < plan['--rounds']; i++)
    for (const transport of i % 2 === 0 ? ['uws', 'ws'] : ['ws', 'uws']) rounds[transport].push(await round(transport))
  process.stdout.write(`${'median of each'.padEnd(52)}${'uws'.padStart(10)}${'ws'.padStart(10)}   ws / uws\n`)
  for (const name of Object.keys(rounds.uws[0])) {
    const [uws, ws] = ['uws', 'ws'].map((transport) => median(rounds[transport].map((result) => result[name])))
    process.stdout.write(`${name.padEnd(52)}${shown(uws)}${shown(ws)}  × ${(ws / uws).toFixed(2)}\n`)
  }
}
