/**
 * A result as lines of text.
 *
 * Tests: test/cli/bench/result.test.ts
 */

import { printable } from '../io.js'
import { spreadOf, type Comparison, type Figure, type Spread } from './figures.js'
import { isBusy, type Machine } from './machine.js'
import { figuresOf, type Series } from './result.js'

/** Three digits, thousands apart. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))))
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 3) })
}

export function shownShare(share: number): string {
  return `${Math.round(share * 100)} %`
}

export function machineLines(machine: Machine, url: string | null): string[] {
  const { disk, relayCores, cores } = machine
  const pinned = relayCores !== null && relayCores < cores ? `, the relay on ${relayCores} of them` : ''
  const rows: (readonly [name: string, value: string])[] = [
    ['cairn', `${machine.cairn}, Node ${machine.node}`],
    ['machine', `${machine.processor}, ${cores} cores${pinned}, ${machine.memoryGib} GiB, ${machine.system}`],
    ...(url === null ? [] : ([['relay', `${url}: of its machine and disk nothing is known here`]] as const)),
    ...(disk === null ? [] : diskRows(disk)),
    ['recovery ceiling', `${shown(machine.recoveriesPerSecond)} signers a second, with nothing else to do`],
    ...(isBusy(machine) ? [['busy', busyText(machine)] as const] : []),
  ]
  return rows.map(([name, value]) => `${name.padEnd(NAME_WIDTH)}${value}`)
}

export function busyText({ loadBefore, cores }: Machine): string {
  const others = `${loadBefore} processes ran in the minute before on ${cores} cores`
  return `${others}: others work here, and figures are worse for it`
}

const NAME_WIDTH = 18

function diskRows({ folder, fileSystem, syncs, syncP50, syncP99 }: NonNullable<Machine['disk']>) {
  return [
    ['data', `${folder} (${fileSystem})`],
    ['fsync', `4 KiB and fdatasync: p50 ${shown(syncP50)} ms, p99 ${shown(syncP99)} ms of ${syncs}`],
  ] as const
}

/** A head, and a line for each figure; of a series in which something was refused what was, and no figure. */
export function seriesLines(series: Series): string[] {
  const { name, refused, runs } = series
  if (refused !== undefined) {
    const what = `${refused.count} of ${refused.of} ${series.unit} of a run were refused: ${printable(refused.why)}`
    return [name, `  REFUSED, so there are no figures: ${what}`]
  }
  const figures = figuresOf(series)
  if (figures.length === 0) return [name, '  nothing was done: there are no figures']
  const unanswered = runs.reduce((sum, run) => sum + run.unanswered, 0)
  const late = Math.max(...runs.map(({ latenessP99 }) => latenessP99))
  return [
    name,
    ...figures.map((figure) => figureLine(series, figure)),
    ...(unanswered > 0 ? [`  ${unanswered} ${series.unit} were never answered`] : []),
    ...(series.loop === 'open'
      ? [`  latencies from the planned time; the load generator sent up to ${shown(late)} ms late (p99)`]
      : []),
  ]
}

function figureLine({ name }: Series, { name: whole, unit, values }: Figure): string {
  const what = whole.slice(name.length + 2)
  return `  ${what.padEnd(WHAT_WIDTH)}${spreadText(spreadOf(values), unit)} (${runsText(values.length)})`
}

const WHAT_WIDTH = 44

function spreadText({ median, min, max, share }: Spread, unit: string): string {
  return `${shown(median).padStart(9)} ${unit}, spread ${shownShare(share)}: ${shown(min)} to ${shown(max)}`
}

function runsText(runs: number): string {
  return runs === 1 ? '1 run' : `${runs} runs`
}

export function comparisonLines(comparisons: readonly Comparison[], allowed: number): string[] {
  const beyond = comparisons.filter(({ isBeyond }) => isBeyond).length
  const rows = comparisons.map(({ name, unit, before, now, ratio, isBeyond }) => {
    const medians = `${shown(before.median)} to ${shown(now.median)} ${unit}`
    const spreads = `spread ${shownShare(before.share)}, ${shownShare(now.share)}`
    return `  × ${ratio.toFixed(2)}  ${name}: ${medians} (${spreads})${isBeyond ? '  WORSE' : ''}`
  })
  const sum = `${beyond} of ${comparisons.length} figures are worse by more than ${shownShare(allowed)}`
  return ['compared with before, medians', ...rows, sum]
}
