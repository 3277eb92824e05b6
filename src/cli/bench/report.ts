/**
 * A result as one page that holds all it shows: no script, and nothing from anywhere else.
 *
 * Tests: test/cli/bench/report.test.ts
 */

import { median, spreadOf, type Figure } from './figures.js'
import { Latencies } from './latencies.js'
import { TIMELINE_MS } from './load.js'
import { isBusy } from './machine.js'
import { escaped, plotSvg, type Line } from './plot.js'
import { figuresOf, type Result, type Run, type Series } from './result.js'
import { busyText, machineLines, shown, shownShare } from './text.js'

export function reportPage(result: Result): string {
  const { series, command, at, ended, machine, url } = result
  const notes = [
    ...(ended === null ? [] : [`Ended before all was measured: ${ended}.`]),
    ...(isBusy(machine) ? [`${busyText(machine)}.`] : []),
  ]
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>cairn bench, ${at.slice(0, 10)}</title><style>${STYLE}</style></head><body><main>`,
    `<h1>cairn bench</h1><p><code>${escaped(command)}</code><br>${escaped(at.replace('T', ' ').slice(0, 16))} UTC</p>`,
    ...notes.map((note) => `<p class="note">${escaped(note)}</p>`),
    // What the note above says.
    machineHtml(machineLines({ ...machine, loadBefore: 0 }, url)),
    ...costPlots(series),
    ...series.map(seriesHtml),
    '<footer><p>Each figure is the median of its runs, with the spread from worst to best as a share of it. ',
    'Closed loops keep requests in flight; open loops send at planned times, and their latencies count from those.</p>',
    '</footer></main></body></html>\n',
  ].join('\n')
}

function machineHtml(lines: readonly string[]): string {
  const rows = lines.map((line) => {
    const [, name, value] = /^(.{16}\S*) +(.*)$/u.exec(line)!
    return `<div><dt>${escaped(name!.trim())}</dt><dd>${escaped(value!)}</dd></div>`
  })
  return `<dl>${rows.join('')}</dl>`
}

function seriesHtml(series: Series): string {
  const { name, unit, runs, refused } = series
  const head = `<section><h2>${escaped(name)}</h2>`
  if (refused !== undefined) {
    const what = `${refused.count} of ${refused.of} ${unit} of a run were refused, so there are no figures`
    return `${head}<p class="note">${escaped(`${what}: ${refused.why}`)}</p></section>`
  }
  const figures = figuresOf(series)
  if (figures.length === 0) return `${head}<p>Nothing was done: there are no figures.</p></section>`
  const plots = [...throughputPlot(series), percentilePlot(series)]
  return [
    head,
    `<div class="figures">${figures.map((figure) => figureHtml(series, figure)).join('')}</div>`,
    `<div class="plots">${plots.join('')}</div>`,
    `<p class="key"><span class="main"></span>all runs together <span class="run"></span>each of ${runs.length}</p>`,
    '</section>',
  ].join('')
}

function figureHtml({ name }: Series, { name: whole, unit, values }: Figure): string {
  const { median: middle, min, max, share } = spreadOf(values)
  const what = whole.slice(name.length + 2)
  return [
    `<div><div class="what">${escaped(what)}</div>`,
    `<div class="value">${shown(middle)} <small>${escaped(unit)}</small></div>`,
    `<div class="spread">${shown(min)} to ${shown(max)}, spread ${shownShare(share)}</div></div>`,
  ].join('')
}

/** None where a run is over before there is anything to see. */
function throughputPlot({ unit, runs, name }: Series): string[] {
  const perSecond = runs.map(({ timeline }) => timeline.map((count) => (count * 1_000) / TIMELINE_MS))
  const length = Math.max(...perSecond.map((one) => one.length))
  if (length < 3) return []
  const points = (rates: readonly number[]): Line['points'] =>
    rates.map((rate, i) => [((i + 1) * TIMELINE_MS) / 1_000, rate])
  const middle = Array.from({ length }, (_, i) => median(perSecond.flatMap((one) => (i < one.length ? [one[i]!] : []))))
  const seconds = (length * TIMELINE_MS) / 1_000
  return [
    plotSvg({
      about: `${name}: ${unit} a second over ${shown(seconds)} seconds`,
      xLabel: 'seconds',
      yLabel: `${unit} a second`,
      xTicks: [0, seconds / 2, seconds].map((at) => ({ at, label: shown(at) })),
      lines: [
        ...perSecond.map((one) => ({ points: points(one), isMain: false })),
        { points: points(middle), isMain: true },
      ],
    }),
  ]
}

const PERCENTS = [0, 50, 90, 99, 99.9, 99.99]

/** As far as there are values to tell a percentile of. */
function percentilePlot({ runs, name }: Series): string {
  const each = runs.map((run: Run) => Latencies.decoded(run.latencies))
  const all = Latencies.merged(each)
  const place = (percent: number) => Math.log10(100 / (100 - percent))
  const shownPercents = PERCENTS.filter((percent) => percent <= 50 || all.count * (1 - percent / 100) >= 1)
  const last = place(shownPercents.at(-1)!)
  const curve = (one: Latencies): Line['points'] => {
    const steps = 60
    return Array.from({ length: steps + 1 }, (_, i) => {
      const at = (last * i) / steps
      return [at, one.at(100 - 100 / 10 ** at)] as const
    })
  }
  return plotSvg({
    about: `${name}: latency by percentile, p50 ${shown(all.at(50))} ms, p99 ${shown(all.at(99))} ms`,
    xLabel: 'percentile',
    yLabel: 'latency, ms',
    xTicks: shownPercents.map((percent) => ({ at: place(percent), label: percent === 0 ? '0' : `p${percent}` })),
    lines: [...each.map((one) => ({ points: curve(one), isMain: false })), { points: curve(all), isMain: true }],
  })
}

/** Work that was measured in shops of several sizes. */
function costPlots(all: readonly Series[]): string[] {
  const done = all.filter((series) => series.bySize !== undefined && figuresOf(series).length > 0)
  const kinds = [...new Set(done.map(({ bySize }) => bySize!))]
  return kinds.flatMap((kind) => {
    const series = done.filter(({ bySize }) => bySize === kind)
    return series.length < 2 ? [] : [costPlot(kind, series)]
  })
}

function costPlot(kind: string, series: readonly Series[]): string {
  const sorted = series.toSorted((a, b) => a.listings - b.listings)
  const { unit } = sorted[0]!
  const isKnown = sorted.every(({ runs }) => runs.every(({ relayCores }) => relayCores !== null))
  const cost = ({ relayCores, seconds, done }: Run) => ((isKnown ? relayCores! : 1) * seconds * 1e6) / done
  const points = sorted.map(({ listings, runs }) => [Math.log10(listings), median(runs.map(cost))] as const)
  const growth = points.at(-1)![1] / points[0]![1]
  const what = isKnown ? 'µs of the relay’s CPU' : 'µs'
  const [smallest, largest] = [sorted[0]!, sorted.at(-1)!].map(({ listings }) => listings.toLocaleString('en'))
  const sentence = `${smallest} to ${largest} listings: × ${growth.toFixed(2)}`
  const plot = plotSvg({
    about: `${kind}: cost by size of the shop, ${sentence}`,
    xLabel: 'listings in the shop',
    yLabel: `${what}, one of the ${unit}`,
    xTicks: sorted.map(({ listings }) => ({ at: Math.log10(listings), label: listings.toLocaleString('en') })),
    lines: [{ points, isMain: true, hasDots: true }],
  })
  const head = `<h2>Cost by size of the shop: ${escaped(kind)}</h2>`
  return `<section>${head}<p>${sentence}</p><div class="plots">${plot}</div></section>`
}

const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f6; --card: #fff; --ink: #1c2321; --soft: #5a6562; --line: #dde2e0;
  --main: #0f6e56; --run: #9cc9bb; --note: #8a4b00; --note-back: #fff4e0 }
@media (prefers-color-scheme: dark) { :root { --page: #121615; --card: #1b211f; --ink: #e6ebe9; --soft: #9aa6a2;
  --line: #313a37; --main: #5fd0ae; --run: #2f6e5c; --note: #ffc46b; --note-back: #33270f } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { margin: 0; font-size: 1.6rem }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; overflow-wrap: anywhere }
code { overflow-wrap: anywhere }
section, dl { background: var(--card); border: 1px solid var(--line); border-radius: .6rem }
section, dl { padding: 1rem; margin: 1rem 0 }
dl > div { display: grid; grid-template-columns: minmax(7rem, 10rem) 1fr; gap: .1rem 1rem; padding: .15rem 0 }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere }
.note { background: var(--note-back); color: var(--note); padding: .6rem .9rem; border-radius: .6rem; margin: 1rem 0 }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; margin-bottom: 1rem }
.what, .spread, .key { color: var(--soft); font-size: .85rem }
.value { font-size: 1.5rem; font-variant-numeric: tabular-nums; line-height: 1.3 }
.value small { font-size: .9rem; color: var(--soft) }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem }
.key { margin: .5rem 0 0 }
.key span { display: inline-block; width: 1.6rem; height: 0; margin: 0 .4rem .25rem .8rem }
.key span.main { border-top: 2.5px solid var(--main) }
.key span.run { border-top: 1.5px solid var(--run) }
.key span.main { margin-left: 0 }
svg { display: block; width: 100%; height: auto; max-width: 32rem }
svg text { fill: var(--soft); font: 12.5px system-ui, sans-serif }
svg .grid { stroke: var(--line); fill: none }
svg .run { stroke: var(--run); stroke-width: 1.2; fill: none }
svg path.main { stroke: var(--main); stroke-width: 2.5; fill: none; stroke-linejoin: round }
svg circle.main { fill: var(--main) }
footer { color: var(--soft); font-size: .85rem }
@media (max-width: 30rem) { dl > div { display: block; padding: .3rem 0 } }
@media print { body { background: none } section { break-inside: avoid } }`
