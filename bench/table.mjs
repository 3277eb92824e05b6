// npm run bench: what the relay has to reach, row by row: wanted, measured, spread, met or not. See --help.

import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { spreadOf } from '../dist/cli/bench/figures.js'
import { describeMachine, fileSystemOf } from '../dist/cli/bench/machine.js'
import { machineLines, seriesLines, shown, shownShare } from '../dist/cli/bench/text.js'
import { ROWS } from './table-rows.mjs'

const HELP = `npm run bench -- [--quick] [--whole] [--only TEXT] [--runs 5] [--seconds 3] [--data DIR] [--json]

Measures the rows of the table of bounds, the load generator in a process of its own, and prints wanted, measured (the
median of the runs), spread (from the worst run to the best as a share of it), and whether it is met. A row that cannot
be measured here says why. Ctrl-C ends it at once.

  --whole       large shops and logs have 1,000,000 listings and sets, as the bounds say; without it 20,000, and the row
                says so. Making them takes some minutes, once: they are kept in DIR
  --quick       one short run of everything, small shops: shows that all works, and no figure worth a look
  --only TEXT   the rows whose name holds TEXT
  --data DIR    default ${join(tmpdir(), 'cairn-table')}
  --json        one JSON object: machine, rows, and the runs that they are made of

Other benches, each with a --help of its own:
npm run bench -- core: the hashing core. -- decoders: our CBOR decoder beside cbor-x. -- flood: a good card beside
floods of every kind. -- million: a large shop verified by a client, a long log audited. What an operator measures is
npx cairn bench.
-- start: starts after a stop and a kill. -- fan-out, -- newcomer: pushes, logs and snapshots beside a bare loop.
`
const SIZES = { quick: 300, short: 20_000, whole: 1_000_000 }

export async function run(argv) {
  if (argv.includes('--help')) return process.stdout.write(HELP)
  const plan = planOf(argv)
  if (plan === undefined) return
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort(new Error('interrupted')))
  mkdirSync(plan.folder, { recursive: true })
  if (fileSystemOf(plan.folder).isMemory)
    throw new Error(`${plan.folder} is in memory: name a folder on a disk, --data`)
  const print = plan.isJson ? () => undefined : (line) => process.stdout.write(`${line}\n`)
  const say = (line) => process.stderr.write(`${line}\n`)
  const machine = await describeMachine({ folder: plan.folder, cores: undefined, signal: stop.signal })
  for (const line of machineLines(machine, null)) print(line)
  print(`\n${row({ name: 'work', wanted: 'wanted', measured: 'measured', spread: 'spread', verdict: '' })}`)
  const [rows, series] = [[], []]
  const told = (one) => (series.push(one), plan.isJson ? undefined : seriesLines(one).forEach(say))
  const context = { ...plan, machine, signal: stop.signal, say, told, shared: new Map() }
  for (const bound of ROWS.filter(({ name }) => name.includes(plan.only))) {
    const { name, wanted, missing } = bound
    if (stop.signal.aborted) break
    const result = missing === undefined ? await measured(bound, context) : { missing }
    rows.push({ name, wanted, ...result })
    print(row(shownRow(rows.at(-1))))
  }
  const met = rows.filter(({ isMet }) => isMet === true).length
  const judged = rows.filter(({ isMet }) => isMet !== undefined).length
  print(`${met} of ${judged} bounds are met; ${rows.length - judged} rows have none, or were not measured`)
  if (plan.isJson)
    process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), plan, machine, rows, series })}\n`)
  if (plan.isQuick) rmSync(plan.folder, { recursive: true, force: true })
  process.exitCode = stop.signal.aborted ? 1 : 0
}

/** Undefined where a word is not known: it was said. */
function planOf(argv) {
  const value = (flag) => (argv.includes(flag) ? argv[argv.indexOf(flag) + 1] : undefined)
  const flags = ['--only', '--runs', '--seconds', '--data']
  const known = new Set(['--quick', '--whole', '--json', ...flags, ...flags.map(value)])
  const unknown = argv.find((word) => !known.has(word))
  if (unknown !== undefined) {
    process.stderr.write(`bench: there is no ${unknown}; see --help\n`)
    process.exitCode = 1
    return undefined
  }
  const isQuick = argv.includes('--quick')
  return {
    isQuick,
    isJson: argv.includes('--json'),
    only: value('--only') ?? '',
    size: SIZES[isQuick ? 'quick' : argv.includes('--whole') ? 'whole' : 'short'],
    runs: Number(value('--runs') ?? (isQuick ? 1 : 5)),
    seconds: Number(value('--seconds') ?? (isQuick ? 1 : 3)),
    folder: resolve(value('--data') ?? join(tmpdir(), isQuick ? `cairn-table-${process.pid}` : 'cairn-table')),
  }
}

/** A row that fails says why: the others are measured all the same. */
async function measured(bound, context) {
  try {
    return await bound.measure(context)
  } catch (error) {
    return { missing: context.signal.aborted ? 'interrupted' : `failed: ${error.message}` }
  }
}

function shownRow({ name, wanted, values, unit, isMet, note, missing }) {
  if (missing !== undefined) return { name, wanted, measured: 'not measured', spread: '', verdict: missing }
  const { median, share } = spreadOf(values)
  const verdict = [isMet === undefined ? 'told' : isMet ? 'met' : 'NOT MET', ...(note === undefined ? [] : [note])]
  return { name, wanted, measured: `${shown(median)} ${unit}`, spread: shownShare(share), verdict: verdict.join('; ') }
}

function row({ name, wanted, measured, spread, verdict }) {
  return `${name.padEnd(58)} ${wanted.padEnd(34)} ${measured.padEnd(24)} ${spread.padStart(7)}  ${verdict}`.trimEnd()
}
