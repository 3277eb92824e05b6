/**
 * Lines over an axis, as SVG in a page: text and strokes take the page's colours, nothing comes from elsewhere.
 *
 * Tests: test/cli/bench/report.test.ts
 */

import { shown } from './text.js'

export interface Line {
  /** In the units of the axes, by rising x. */
  readonly points: readonly (readonly [x: number, y: number])[]
  /** The one that counts; the others stand behind it. */
  readonly isMain: boolean
  readonly hasDots?: boolean
}

interface Tick {
  readonly at: number
  readonly label: string
}

interface Plot {
  /** What is seen, in a sentence: for those who do not see it. */
  readonly about: string
  readonly xLabel: string
  readonly yLabel: string
  readonly xTicks: readonly Tick[]
  readonly lines: readonly Line[]
}

const WIDTH = 380
const HEIGHT = 220
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 26, 26, 40]
const Y_TICKS = 4

/** The y axis begins at 0. */
export function plotSvg({ about, xLabel, yLabel, xTicks, lines }: Plot): string {
  const top = niceTop(Math.max(...lines.flatMap(({ points }) => points.map(([, y]) => y)), 0))
  const [from, to] = [xTicks[0]!.at, xTicks.at(-1)!.at]
  const x = (at: number) => round(LEFT + ((at - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT))
  const y = (at: number) => round(HEIGHT - BOTTOM - (at / top) * (HEIGHT - TOP - BOTTOM))
  const yTicks = Array.from({ length: Y_TICKS + 1 }, (_, i) => (top * i) / Y_TICKS)
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(about)}">`,
    ...yTicks.map((at) => `<path class="grid" d="M${LEFT} ${y(at)}H${WIDTH - RIGHT}"/>`),
    ...yTicks.map((at) => `<text x="${LEFT - 8}" y="${y(at) + 4}" text-anchor="end">${shown(at)}</text>`),
    ...xTicks.map(
      ({ at, label }) => `<text x="${x(at)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label}</text>`,
    ),
    `<text class="label" x="${LEFT - 8}" y="14">${escaped(yLabel)}</text>`,
    `<text class="label" x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">${escaped(xLabel)}</text>`,
    ...lines.toSorted((a, b) => Number(a.isMain) - Number(b.isMain)).map((line) => lineSvg(line, x, y)),
    '</svg>',
  ].join('')
}

function lineSvg({ points, isMain, hasDots }: Line, x: (at: number) => number, y: (at: number) => number): string {
  const kind = isMain ? 'main' : 'run'
  const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px)} ${y(py)}`).join('')
  const dots = hasDots ? points.map(([px, py]) => `<circle class="${kind}" cx="${x(px)}" cy="${y(py)}" r="4"/>`) : []
  return `<path class="${kind}" d="${path}"/>${dots.join('')}`
}

/** At least `value`: 1, 2, 3, 4, 5, 6 or 8 of a power of ten. */
export function niceTop(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const step = NICE.find((nice) => nice * power >= value) ?? 10
  return step * power
}

const NICE = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10]

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
