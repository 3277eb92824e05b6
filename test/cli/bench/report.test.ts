/** The page: what it says, and what a browser makes of it. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { niceTop, plotSvg } from '../../../src/cli/bench/plot.js'
import { reportPage } from '../../../src/cli/bench/report.js'
import { benchResult, benchRun, benchSeries } from '../../fixtures/bench-result.js'
import { openChromium } from '../../fixtures/chromium.js'

const runs = Array.from({ length: 5 }, (_, i) => benchRun({ done: 300 + i }))
const sizes = [1_000, 10_000].map((listings) =>
  benchSeries({ name: `write, ${listings} listings`, listings, bySize: 'write', runs }),
)
const refused = benchSeries({ name: 'read', refused: { count: 1, of: 9, why: '<b>full</b>' } })
const open = benchSeries({ name: 'prove, 100 a second', loop: 'open', rate: 100, runs })
const page = reportPage(benchResult({ series: [...sizes, open, refused], ended: 'interrupted' }))

describe('the page', () => {
  it('has throughput and latencies of each series, and the cost by size of the shop', () => {
    const plots = [...page.matchAll(/<svg [^>]*aria-label="([^"]*)"/gu)].map(([, about]) => about)
    expect(plots).toEqual([
      'write: cost by size of the shop, 1,000 to 10,000 listings: × 1.00',
      ...['write, 1000 listings', 'write, 10000 listings', 'prove, 100 a second'].flatMap((name) => [
        `${name}: sets a second over 3 seconds`,
        expect.stringMatching(new RegExp(`^${name}: latency by percentile, p50 1.98 ms, p99 2.96 ms$`, 'u')),
      ]),
    ])
  })

  it('says why it ended, what was refused, and what machine it was', () => {
    expect(page).toContain('Ended before all was measured: interrupted.')
    expect(page).toContain('1 of 9 sets of a run were refused, so there are no figures: &lt;b&gt;full&lt;/b&gt;')
    expect(page).toContain('<dt>recovery ceiling</dt><dd>30,000 signers a second, with nothing else to do</dd>')
  })

  it('names no address to get anything from', () => {
    expect(page).not.toMatch(/https?:|url\(|<script|<link|@import|src=/u)
  })
})

describe('a plot', () => {
  it('keeps its lines within its axes', () => {
    const lines = [{ points: [[0, 0] as const, [3, 70] as const], isMain: true }]
    const svg = plotSvg({
      about: 'a "plot"',
      xLabel: '',
      yLabel: '',
      xTicks: [
        { at: 0, label: '0' },
        { at: 3, label: '3' },
      ],
      lines,
    })
    expect(svg).toContain('<path class="main" d="M58 180L354 45.3"/>')
    expect(svg).toContain('aria-label="a &quot;plot&quot;"')
  })

  it('ends its axis at a round number that is not below what it shows', () => {
    expect([0, 0.7, 1, 1.1, 4.5, 70, 99, 101].map(niceTop)).toEqual([1, 0.8, 1, 1.2, 5, 80, 100, 120])
  })
})

describe('in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-report-'))
  const file = join(folder, 'report.html')
  let browser: Browser
  beforeAll(async () => {
    writeFileSync(file, page)
    browser = await openChromium()
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true })
  })

  it.each([
    [320, 'light'],
    [320, 'dark'],
    [1_280, 'light'],
    [1_280, 'dark'],
  ] as const)('%i pixels wide, %s: it fits, and asks for nothing', async (width, colorScheme) => {
    const view = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
    const [asked, said]: [string[], string[]] = [[], []]
    view.on('request', (request) => asked.push(request.url()))
    view.on('console', (message) => said.push(message.text()))
    await view.goto(pathToFileURL(file).href)
    const seen = await view.evaluate(() => {
      const { scrollWidth } = document.documentElement
      const paths = [...document.querySelectorAll('svg path.main')].map((path) => path.getBoundingClientRect())
      const [text, back] = [document.body, document.body].map(
        (one, i) => getComputedStyle(one)[i === 0 ? 'color' : 'backgroundColor'],
      )
      return { scrollWidth, drawn: paths.filter(({ width }) => width > 50).length, colours: [text, back] }
    })
    expect(seen.scrollWidth).toBeLessThanOrEqual(width)
    expect(seen.drawn).toBe(7)
    expect(seen.colours).toEqual(
      colorScheme === 'light' ? ['rgb(28, 35, 33)', 'rgb(246, 247, 246)'] : ['rgb(230, 235, 233)', 'rgb(18, 22, 21)'],
    )
    expect([asked, said]).toEqual([[pathToFileURL(file).href], []])
    await view.close()
  })
})
