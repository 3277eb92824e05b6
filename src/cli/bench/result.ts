/**
 * What was measured: series of runs of the same work, and the figures in them. `cairn bench --json` prints a result,
 * `--compare` reads one.
 *
 * Tests: test/cli/bench/result.test.ts
 */

import type { Figure } from './figures.js'
import { Latencies } from './latencies.js'
import type { Load } from './load.js'
import type { Machine } from './machine.js'

export const RESULT_FORMAT = 1

export interface Result {
  readonly format: typeof RESULT_FORMAT
  /** ISO 8601. */
  readonly at: string
  /** As it was called. */
  readonly command: string
  /** Of the relay, where it was not started for this. */
  readonly url: string | null
  readonly machine: Machine
  /** Why not all runs were made; null where all were. */
  readonly ended: string | null
  readonly series: readonly Series[]
  readonly figures: readonly Figure[]
}

/** What one run does. */
export interface Work {
  /** Unique in a result: work, size and loop. */
  readonly name: string
  /** Of what is counted, in the plural. */
  readonly unit: string
  readonly loop: 'closed' | 'open'
  /** Of an open loop: requests a second. */
  readonly rate?: number
  /** In the shop. */
  readonly listings: number
  /** To be drawn with the same work in shops of other sizes, under this name. */
  readonly bySize?: string
}

export interface Series extends Work {
  readonly runs: readonly Run[]
  /** Of the first run in which something was refused: then there is no figure of the series. */
  readonly refused?: { readonly count: number; readonly of: number; readonly why: string }
}

/** Times in milliseconds. */
export interface Run {
  readonly seconds: number
  readonly done: number
  readonly unanswered: number
  /** HdrHistogram, compressed, base64; microseconds. */
  readonly latencies: string
  /** Of an open loop: how late the load generator itself was. */
  readonly latenessP99: number
  /** Done in each tenth of a second. */
  readonly timeline: readonly number[]
  /** Busy, in cores; null where the system does not tell, and of another machine. */
  readonly relayCores: number | null
  readonly generatorCores: number
}

export function runOf(load: Load, cores: Pick<Run, 'relayCores' | 'generatorCores'>): Run {
  const { seconds, done, unanswered, timeline } = load
  const round = (value: number | null) => (value === null ? null : Math.round(value * 1_000) / 1_000)
  return {
    seconds: round(seconds)!,
    done,
    unanswered,
    latencies: load.latencies.encoded(),
    latenessP99: load.lateness.at(99),
    timeline,
    relayCores: round(cores.relayCores),
    generatorCores: round(cores.generatorCores)!,
  }
}

/** None where something was refused, where there is no run, and of what was never done. */
export function figuresOf(series: Series): Figure[] {
  const { name, unit, loop, runs, refused } = series
  if (refused !== undefined || runs.length === 0 || runs.some(({ done }) => done === 0)) return []
  const latencies = runs.map((run) => Latencies.decoded(run.latencies))
  const figure = (what: string, figureUnit: string, better: Figure['better'], values: readonly number[]): Figure => ({
    name: `${name}: ${what}`,
    unit: figureUnit,
    better,
    values: values.map((value) => Number(value.toPrecision(6))),
  })
  const percentile = (what: string, percent: number) =>
    figure(
      what,
      'ms',
      'less',
      latencies.map((one) => one.at(percent)),
    )
  const rate = figure(
    unit,
    'a second',
    'more',
    runs.map(({ done, seconds }) => done / seconds),
  )
  const cores = runs.map(({ relayCores }) => relayCores)
  const cost = cores.includes(null)
    ? []
    : [figure(`CPU of the relay for one of the ${unit}`, 'µs', 'less', runs.map(costUs))]
  const tail = loop === 'open' ? [percentile('p99.9', 99.9)] : []
  return [rate, percentile('p50', 50), percentile('p99', 99), ...tail, ...cost]
}

function costUs({ relayCores, seconds, done }: Run): number {
  return ((relayCores ?? 0) * seconds * 1e6) / done
}

/** Throws ResultError for what `--json` did not print. */
export function parseResult(text: string): Result {
  let value: Partial<Result> | undefined
  try {
    value = JSON.parse(text) as Partial<Result>
  } catch {
    throw new ResultError('it is no JSON')
  }
  if (value?.format !== RESULT_FORMAT)
    throw new ResultError(
      `format ${String(value?.format)}, and ${RESULT_FORMAT} is what cairn bench --json prints here`,
    )
  const { figures } = value
  if (!Array.isArray(figures) || !figures.every(isFigure)) throw new ResultError('it has no figures')
  return value as Result
}

export class ResultError extends Error {
  override readonly name = 'ResultError'
}

function isFigure(value: Partial<Figure> | null): boolean {
  const { name, unit, better, values } = value ?? {}
  const isNumbers = Array.isArray(values) && values.length > 0 && values.every((one) => typeof one === 'number')
  return typeof name === 'string' && typeof unit === 'string' && /^(more|less)$/u.test(String(better)) && isNumbers
}
