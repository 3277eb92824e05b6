/**
 * `cairn bench`: what a relay can do on this machine, or another's relay. The load generator is this process, with all
 * sets signed before the clock starts; the relay is another one, with a real disk, fsync before every answer and all
 * checks on.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { ClientError } from '../client/client-error.js'
import { relayDescription } from '../client/enrol.js'
import { replaceFile } from '../disk/whole-file.js'
import { Bench, RefusedError, type BenchRelay } from './bench/bench.js'
import { BENCH_FLAGS, BENCH_HELP, planOf, WORKS, type BenchPlan, type WorkName } from './bench/plan.js'
import { benchFanout } from './bench/fanout.js'
import { compareFigures } from './bench/figures.js'
import { describeMachine, fileSystemOf, type Machine } from './bench/machine.js'
import { benchProofs } from './bench/proofs.js'
import { benchRead } from './bench/read.js'
import { startRelay } from './bench/relay-process.js'
import { reportPage } from './bench/report.js'
import { figuresOf, parseResult, RESULT_FORMAT, ResultError, type Result, type Series } from './bench/result.js'
import { SessionError } from './bench/session.js'
import { benchSync } from './bench/sync.js'
import { comparisonLines, machineLines, seriesLines } from './bench/text.js'
import { benchWrite } from './bench/write.js'
import { parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'
import { cardFrom } from './merchant.js'
import { reporter } from './progress.js'
import { TimeLimit } from '../client/time-limit.js'

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(BENCH_HELP), 0)
  try {
    return await benched(argv, io)
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    io.err(`cairn bench: ${(error as Error).message.split('\n')[0]}`)
    return 1
  }
}

const EXPECTED = [UsageError, ClientError, SessionError, ResultError] as const

async function benched(argv: readonly string[], io: Io): Promise<number> {
  const [word] = argv
  if (word === undefined || !(word in BENCH_FLAGS))
    throw new UsageError(`say what to measure: cairn bench ${WORKS.join('|')}|all (more: cairn bench --help)`)
  const plan = planOf(word as WorkName | 'all', parseFlags(argv.slice(1), BENCH_FLAGS[word as WorkName]))
  const before = plan.compare === undefined ? undefined : readBefore(plan.compare)
  if (plan.report !== undefined && !existsSync(dirname(resolve(plan.report))))
    throw new UsageError(`the report ${plan.report} cannot be written: there is no such folder`)
  const limit = plan.atMost === undefined ? undefined : new TimeLimit(plan.atMost * 1_000, io.signal)
  const signal = limit?.signal ?? io.signal
  const outcome = await measured(plan, signal, io).finally(() => limit?.clear())
  const result: Result = {
    format: RESULT_FORMAT,
    at: new Date().toISOString(),
    command: ['cairn', 'bench', ...argv].join(' '),
    url: plan.url ?? null,
    ended: io.signal.aborted ? 'interrupted' : signal.aborted ? `after ${plan.atMost} s (--at-most)` : outcome.ended,
    machine: outcome.machine,
    series: outcome.series,
    figures: outcome.series.flatMap(figuresOf),
  }
  if (result.ended !== null) io.err(`cairn bench: ended before all was measured: ${result.ended}`)
  if (plan.json) io.out(JSON.stringify(result))
  if (plan.report !== undefined) await replaceFile(plan.report, reportPage(result))
  const isWorse = before !== undefined && compared(before, result, plan, io)
  return result.ended === null && !isWorse ? 0 : 1
}

interface Outcome {
  readonly machine: Machine
  readonly series: readonly Series[]
  /** Why not all was measured, but for `signal`. */
  readonly ended: string | null
}

/** Prints what it finds as it comes, but for `--json`. Stops when `signal` says so, with what it has. */
async function measured(plan: BenchPlan, signal: AbortSignal, io: Io): Promise<Outcome> {
  const say = plan.json ? () => undefined : (lines: readonly string[]) => io.out(lines.join('\n'))
  const folder = plan.url === undefined ? await folderFor(plan.data) : undefined
  try {
    if (plan.url !== undefined) await relayDescription(plan.url, signal)
    io.err('looking at the machine …')
    const machine = await describeMachine({ folder, cores: plan.cores, signal })
    say([...machineLines(machine, plan.url ?? null), ''])
    const series: Series[] = []
    const told = (one: Series) => (series.push(one), say(seriesLines(one)))
    const ended = await allOf(plan, folder, { signal, told, progress: reporter(io) })
    return { machine, series, ended }
  } catch (error) {
    throw signal.aborted ? new UsageError('stopped before anything was measured') : error
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

interface Ears {
  readonly signal: AbortSignal
  readonly told: (series: Series) => void
  readonly progress: (text: string) => void
}

/** Resolves with why it ended early, if something was refused. */
async function allOf(plan: BenchPlan, folder: string | undefined, ears: Ears): Promise<string | null> {
  const own = folder === undefined ? undefined : await startRelay({ data: join(folder, 'data'), cores: plan.cores })
  const relay: BenchRelay = own ?? { url: plan.url!, given: await givenShop(plan), use: () => undefined }
  const bench = new Bench({ relay, runs: plan.runs, seconds: plan.seconds, ...ears })
  try {
    for (const name of plan.works) await WORK[name](bench, plan)
    return null
  } catch (error) {
    if (ears.signal.aborted) return null
    if (error instanceof RefusedError || error instanceof SessionError) return error.message
    throw error
  } finally {
    await bench.close()
    // Its data are thrown away: nothing has to be flushed.
    await own?.stop('SIGKILL')
  }
}

const WORK: Readonly<Record<WorkName, (bench: Bench, plan: BenchPlan) => Promise<void>>> = {
  write: (bench, { write }) => benchWrite(bench, write),
  read: (bench, { read }) => benchRead(bench, read),
  fanout: (bench, { fanout }) => benchFanout(bench, fanout),
  sync: (bench, { sync }) => benchSync(bench, sync),
  proofs: (bench, { proofs }) => benchProofs(bench, proofs),
}

async function givenShop({ shop, card }: BenchPlan): Promise<{ shop: bigint; secret: Uint8Array }> {
  return { shop: shop!, secret: await cardFrom(card!) }
}

/** A new one, removed afterwards. Rejects with UsageError where nothing in it would ever be on a disk. */
async function folderFor(data: string | undefined): Promise<string> {
  const places = data === undefined ? [tmpdir(), '/var/tmp'].filter(existsSync) : [resolve(data)]
  const [first] = places
  if (!existsSync(first!)) throw new UsageError(`--data ${data}: there is no such folder`)
  const place = places.find((path) => !fileSystemOf(path).isMemory)
  if (place === undefined) {
    const { name } = fileSystemOf(first!)
    throw new UsageError(
      `${first} is in memory (${name}): writes there cost nothing. Name a folder on a disk: --data DIR`,
    )
  }
  try {
    return await mkdtemp(join(place, 'cairn-bench-'))
  } catch (error) {
    throw new UsageError(`--data ${place}: ${(error as Error).message}`)
  }
}

function readBefore(file: string): Result {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--compare ${file}: ${(error as Error).message}`)
  }
  try {
    return parseResult(text)
  } catch (error) {
    if (!(error instanceof ResultError)) throw error
    throw new UsageError(`--compare ${file}: ${error.message}`)
  }
}

/** Whether something is worse than was allowed. Throws UsageError where nothing can be compared. */
function compared(before: Result, now: Result, { allowed, json }: BenchPlan, io: Io): boolean {
  const comparisons = compareFigures(before.figures, now.figures, allowed)
  if (comparisons.length === 0) throw new UsageError('nothing in --compare has the name of what was measured now')
  const tell = json ? io.err : io.out
  for (const line of comparisonLines(comparisons, allowed)) tell(line)
  return comparisons.some(({ isBeyond }) => isBeyond)
}
