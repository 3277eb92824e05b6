// npm run bench -- core: times the cases of the hashing core and prints a table. See --help.

import { readFileSync } from 'node:fs'
import { sha256 } from '../dist/bytes/hash.node.js'
import { toHex } from '../dist/bytes/hex.js'
import { CASES, random, singleProofs } from './cases.mjs'
import { verifyInChromium } from './chromium.mjs'

const HELP = `npm run bench -- core [--small] [--json] [--compare FILE] [--only TEXT] | --chromium [--small]

Times the hashing core: median of 7 rounds, the spread between the slowest and the fastest as a share of it, and a
hash of the results, which is the same on every machine.

  --small         a few calls of each case, without the large ones
  --json          one JSON object, to be kept for --compare
  --compare FILE  adds the ratio to the medians of an earlier --json run (below 1: faster now)
  --only TEXT     only the cases whose name holds TEXT
  --chromium      instead: state proofs of 1 M objects (--small: 1 k) verified in Chromium
`
const SEED = 20_260_101
const ROUNDS = 7
const SMALL = { rounds: 3, share: 0.01 }
/** Results of so many calls make the hash, whatever the number of calls timed. */
const HASHED_CALLS = 3

function measure({ name, times, make, note }, small) {
  const hashed = make(random(SEED))
  let results = new Uint8Array(0)
  for (let i = 0; i < HASHED_CALLS; i++) results = sha256(Buffer.concat([results, hashed()]))
  const work = make(random(SEED))
  const calls = small ? Math.max(2, Math.ceil(times * SMALL.share)) : times
  const rounds = Array.from({ length: small ? SMALL.rounds : ROUNDS }, () => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) work()
    return ((performance.now() - start) * 1_000) / calls
  }).sort((a, b) => a - b)
  const median = rounds[Math.floor(rounds.length / 2)]
  return {
    name,
    medianMicroseconds: median,
    spread: (rounds.at(-1) - rounds[0]) / median,
    result: toHex(results).slice(0, 16),
    ...(note && { note: note(random(SEED)) }),
  }
}

function row({ name, medianMicroseconds, spread, result, note }, before) {
  const ratio = before === undefined ? '' : `  ×${(medianMicroseconds / before.medianMicroseconds).toFixed(2)}`
  const time = `${medianMicroseconds.toFixed(2)} µs`.padStart(14)
  const told = note === undefined ? '' : `  ${note}`
  return `${name.padEnd(42)}${time}  ±${String(Math.round(spread * 100)).padStart(3)} %  ${result}${ratio}${told}`
}

export async function run(argv) {
  const value = (flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined)
  const flags = ['--small', '--json', '--compare', '--only', '--help', '--chromium']
  const known = new Set([...flags, value('--compare'), value('--only')])
  const unknown = argv.find((word) => !known.has(word))
  if (argv.includes('--help')) return process.stdout.write(HELP)
  if (unknown !== undefined) {
    process.stderr.write(`bench: there is no ${unknown}; see --help\n`)
    process.exitCode = 1
    return
  }
  const isSmall = argv.includes('--small')
  if (argv.includes('--chromium')) return inChromium(isSmall ? 1_000 : 1_000_000)
  timeCases({ isSmall, isJson: argv.includes('--json'), only: value('--only') ?? '', file: value('--compare') })
}

async function inChromium(size) {
  const { state, proofs } = singleProofs(size, random(SEED))
  const microseconds = await verifyInChromium(state, proofs)
  const rate = Math.round(1_000_000 / microseconds)
  process.stdout.write(
    `verify a state proof, ${size} objects, Chromium: ${microseconds.toFixed(2)} µs, ${rate} a second\n`,
  )
}

function timeCases({ isSmall, isJson, only, file }) {
  const before = new Map()
  if (file !== undefined) for (const old of JSON.parse(readFileSync(file, 'utf8')).cases) before.set(old.name, old)
  const chosen = CASES.filter(({ name, large }) => !(isSmall && large) && name.includes(only))
  const cases = []
  for (const one of chosen) {
    const measured = measure(one, isSmall)
    cases.push(measured)
    if (!isJson) process.stdout.write(`${row(measured, before.get(measured.name))}\n`)
  }
  if (isJson) process.stdout.write(`${JSON.stringify({ seed: SEED, node: process.version, cases }, null, 2)}\n`)
}
