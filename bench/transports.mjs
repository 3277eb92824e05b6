// npm run bench:transports: the same relay on uWebSockets.js and on ws, in turns on this machine: writes, pushes to
// many sessions, plain HTTP. Prints a table of medians and of ratios. See --help.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startRelay } from '../dist/cli/bench/relay-process.js'

const HELP = `npm run bench:transports -- [--rounds 3] [--seconds 5] [--sessions 500]

Starts cairn serve with --transport uws and with --transport ws in turns, as often as --rounds says, and prints medians.

  --seconds N   of writes, of pushes and of HTTP requests, a round
  --sessions N  that are subscribed to all of a shop while sets are written to it
`
const argv = process.argv.slice(2)
const DEFAULTS = { '--rounds': 3, '--seconds': 5, '--sessions': 500 }
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

/** Figures of one `cairn bench` over the transport, by the last words of their names. */
async function figures(transport, argv) {
  const env = { ...process.env, CAIRN_TRANSPORT: transport }
  const flags = ['--runs', '1', '--seconds', plan['--seconds'], '--listings', '1000', '--json']
  const { stdout } = await run(process.execPath, ['src/cli/cairn.js', 'bench', ...argv, ...flags].map(String), {
    env,
    maxBuffer: 2 ** 27,
  })
  const found = JSON.parse(stdout).figures
  return (series, what) => found.find(({ name }) => name.startsWith(series) && name.includes(`: ${what}`)).values[0]
}

// HTTP

async function requests(transport) {
  const data = mkdtempSync(join(tmpdir(), 'cairn-transports-'))
  const relay = await startRelay({ data, flags: ['--transport', transport] })
  try {
    return await answered(relay)
  } finally {
    await relay.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

async function answered(relay) {
  const port = Number(new URL(relay.url).port)
  const request = `GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
  const [cpu, start] = [relay.use().cpu, performance.now()]
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
    cpuMicroseconds: ((relay.use().cpu - cpu) * 1e6) / count,
  }
}

async function round(transport) {
  const written = await figures(transport, ['write', '--window', '1024,1', '--rates', '100'])
  const fanned = await figures(transport, ['fanout', '--subscribers', plan['--sessions'], '--rates', '10'])
  const http = await requests(transport)
  const [full, lone, fan] = ['write, window 1,024', 'write, window 1,', 'fan-out, full speed']
  return {
    'writes, 1,024 in flight: sets/s': written(full, 'sets'),
    'writes, 1,024 in flight: p50, ms': written(full, 'p50'),
    'writes, 1,024 in flight: p99, ms': written(full, 'p99'),
    'writes, 1,024 in flight: CPU of the relay, µs a set': written(full, 'CPU'),
    'writes, one in flight: p50, ms': written(`${lone} `, 'p50'),
    'writes, one in flight: p99, ms': written(`${lone} `, 'p99'),
    [`pushes to ${plan['--sessions']} sessions: sets/s`]: fanned(fan, 'deliveries'),
    'pushes: CPU of the relay, µs each': fanned(fan, 'CPU'),
    [`GET /livez on ${HTTP_SOCKETS} sockets: requests/s`]: http.perSecond,
    'GET /livez: CPU of the relay, µs each': http.cpuMicroseconds,
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
