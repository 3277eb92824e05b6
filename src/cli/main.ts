/** The command `cairn`: finds the command that was asked for, loads its file and runs it. */

import { nearestName } from '../settings/nearest-name.js'
import type { Io, Run } from './io.js'
import { packageVersion } from './version.js'

/** Runs the command line after `cairn`. Resolves with the exit code; what a command throws becomes one line. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const verbose = argv.includes('--verbose')
  const [word, ...rest] = argv.filter((word) => word !== '--verbose')
  try {
    return await dispatch(word, rest, io)
  } catch (error) {
    for (const line of describe(error, verbose)) io.err(line)
    return failureOf(word)
  }
}

/** Of a check 1 says that something differs: one that could not be made must not say so. */
function failureOf(word: string | undefined): number {
  return CHECKS.has(word ?? '') ? 2 : 1
}

const CHECKS: ReadonlySet<string> = new Set(['vectors', 'check', 'audit', 'verify'])

/** `main` in the process that runs it: the first SIGINT or SIGTERM stops the command in order, the second at once. */
export async function mainOfProcess(): Promise<void> {
  const stop = new AbortController()
  const word = process.argv.slice(2).find((one) => one !== '--verbose')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(failureOf(word)) : stop.abort(new Error(signal))))
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      stop.abort(error)
    })
  }
  process.exitCode = await main(process.argv.slice(2), {
    out: (line) => void process.stdout.write(`${line}\n`),
    ...(process.stdout.isTTY ? {} : { outBytes: (bytes: Uint8Array) => void process.stdout.write(bytes) }),
    err: (line) => void process.stderr.write(`${line}\n`),
    env: process.env,
    isTerminal: process.stderr.isTTY,
    signal: stop.signal,
  })
}

interface Command {
  readonly summary: string
  load(): Promise<{ readonly run: Run }>
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    'serve',
    { summary: 'runs a relay; in development mode with a demo shop (alias: start)', load: () => import('./serve.js') },
  ],
  ['watch', { summary: 'prints a live, verified feed of one listing', load: () => import('./watch.js') }],
  ['put', { summary: 'changes a listing, with a key card of its own', load: () => import('./put.js') }],
  [
    'import',
    {
      summary: 'makes a shop have the products of a CSV file, such as Shopify writes',
      load: () => import('./import.js'),
    },
  ],
  ['export', { summary: 'writes the listings or the orders of a shop as CSV', load: () => import('./export.js') }],
  ['orders', { summary: 'lists orders, and payments that a person has to look at', load: () => import('./orders.js') }],
  ['check', { summary: 'tells whether the data of a relay are whole', load: () => import('./check.js') }],
  ['receipt', { summary: 'fetches the receipt of an order, or of all', load: () => import('./receipt.js') }],
  ['verify', { summary: 'tells whether a receipt is what a shop signed, offline', load: () => import('./verify.js') }],
  ['page', { summary: 'writes the page that checks receipts, with your relay in it', load: () => import('./page.js') }],
  [
    'audit',
    {
      summary: 'tells whether all that a relay stored and signed follows from its logs',
      load: () => import('./audit.js'),
    },
  ],
  ['anchor', { summary: 'anchors a checkpoint of a shop in the registry', load: () => import('./anchor.js') }],
  ['order', { summary: 'pays an order: cairn order pay', load: () => import('./order.js') }],
  ['shop', { summary: 'makes a shop: cairn shop create', load: () => import('./shop.js') }],
  ['invite', { summary: 'makes a link that lets a clerk join a shop', load: () => import('./invite.js') }],
  ['join', { summary: 'joins a shop with such a link', load: () => import('./join.js') }],
  ['key', { summary: "makes, shows and rotates the relay's key", load: () => import('./key.js') }],
  [
    'bench',
    { summary: 'measures what a relay can do, on this machine or at its address', load: () => import('./bench.js') },
  ],
  [
    'vectors',
    {
      summary: "tells whether an implementer's test vectors and this implementation agree",
      load: () => import('./vectors.js'),
    },
  ],
])

const ALIASES: ReadonlyMap<string, string> = new Map([['start', 'serve']])

async function dispatch(word: string | undefined, rest: readonly string[], io: Io): Promise<number> {
  if (word === undefined) {
    io.err(help())
    return 1
  }
  if (word === '--version') return print(io, packageVersion())
  if (word === '--help' || word === '-h' || (word === 'help' && rest[0] === undefined)) return print(io, help())
  const [name, argv] = word === 'help' ? [rest[0]!, ['--help']] : [word, rest]
  const command = COMMANDS.get(ALIASES.get(name) ?? name)
  if (command === undefined) {
    io.err(unknownCommand(name))
    return 1
  }
  const { run } = await command.load()
  return run(argv, io)
}

function print(io: Io, text: string): number {
  io.out(text)
  return 0
}

function help(): string {
  const rows = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  return `cairn ${packageVersion()}: a shop relay

Usage: cairn COMMAND …

${rows.join('\n')}
  help       says more about a command: cairn help serve

  --version  prints the version
  --verbose  with any command: tells where an error came from

Results go to stdout, talk to stderr.
Exit codes: 0 done, 1 failed. Checks (vectors, check, audit, verify): 0 all agree, 1 something does not, 2 unreadable or
wrong usage, 3 cannot decide.`
}

function unknownCommand(name: string): string {
  const near = nearestName(name, [...COMMANDS.keys(), ...ALIASES.keys(), 'help', '--version'])
  const hint = near === undefined ? '' : `Did you mean ${near}? `
  return `cairn: there is no command ${JSON.stringify(name)}. ${hint}All of them: cairn help`
}

/** One line for a user; on request the stacks of the error and of its causes. */
function describe(error: unknown, verbose: boolean): string[] {
  const message = error instanceof Error ? error.message : String(error)
  if (!verbose) return [`cairn: ${message.replaceAll(/\s+/g, ' ')} (--verbose tells more)`]
  const lines = [`cairn: ${message}`]
  for (let cause = error, depth = 0; cause instanceof Error && depth < CAUSES_MAX; cause = cause.cause, depth++) {
    lines.push(`${depth === 0 ? '' : 'caused by '}${cause.stack ?? cause.message}`)
  }
  return lines
}

const CAUSES_MAX = 8
