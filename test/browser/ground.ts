/**
 * What all flows stand on: one Chromium, contexts whose pages are watched, and what was counted: axe's violations, long
 * tasks, errors on consoles. Chromium tells of a network that a flow takes away as an error: that alone is not counted.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { openChromium } from '../fixtures/chromium.js'
import { ROOT } from '../fixtures/program.js'

/** For anything that a page is waited for: machines are slow, and busy. */
export const PATIENCE_MS = 60_000
const AXE = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')
const SCHEMES = ['light', 'dark'] as const

export interface GroundOptions {
  readonly short: boolean
  /** Told on the way. */
  readonly tell: (text: string) => void
}

export class Ground {
  readonly short: boolean
  readonly tell: (text: string) => void
  readonly consoleErrors: string[] = []
  readonly violations: string[] = []
  /** Median of the runs that are measured. */
  longTasks = 0
  /** Views that axe has looked at, in both schemes. */
  readonly seen = new Set<string>()
  readonly browser: Browser
  private readonly contexts = new Set<BrowserContext>()

  private constructor(browser: Browser, { short, tell }: GroundOptions) {
    this.browser = browser
    this.short = short
    this.tell = tell
  }

  static async make(options: GroundOptions): Promise<Ground> {
    return new Ground(await openChromium(), options)
  }

  /**
   * A browser's window of its own: storage and all. Its pages are watched. `expected`: what a flow is about, and
   * Chromium writes down as an error.
   */
  async open(options: BrowserContextOptions = {}, expected?: RegExp): Promise<BrowserContext> {
    const context = await this.browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options })
    context.setDefaultTimeout(PATIENCE_MS)
    context.on('page', (page) => this.watch(page, expected))
    this.contexts.add(context)
    return context
  }

  private watch(page: Page, expected: RegExp | undefined): void {
    page.on('pageerror', (error) => this.consoleErrors.push(`${page.url()}: ${String(error)}`))
    page.on('console', (message) => {
      const { url } = message.location()
      const said = `${message.text()} ${url}`
      if (message.type() === 'error' && !isExpected(said) && !expected?.test(said))
        this.consoleErrors.push(`${page.url()}: ${said}`)
    })
  }

  /** Ends what a flow opened. */
  async clear(): Promise<void> {
    for (const context of this.contexts) await context.close()
    this.contexts.clear()
  }

  async close(): Promise<void> {
    await this.browser.close()
  }

  /** axe looks at the page as it is, light and dark. */
  async look(page: Page, view: string): Promise<void> {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      await page.evaluate(AXE)
      const found = await page.evaluate(whatAxeFinds)
      this.violations.push(...found.map((text) => `${view}, ${colorScheme}: ${text}`))
    }
    await page.emulateMedia({ colorScheme: 'light' })
    this.seen.add(view)
    this.tell(`axe has looked at ${view}`)
  }
}

/** In the page, once nothing in it moves any more. */
async function whatAxeFinds(): Promise<string[]> {
  const ends = (animation: Animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime)
  await Promise.allSettled(
    document
      .getAnimations()
      .filter(ends)
      .map(({ finished }) => finished),
  )
  interface Found {
    readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
  }
  const { axe } = globalThis as unknown as { readonly axe: { run(options: object): Promise<Found> } }
  const { violations } = await axe.run({ resultTypes: ['violations'] })
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' ')}`)
}

/**
 * Of a relay that a flow stops, or a network that it takes away, Chromium writes a line by itself; and of a receipt's
 * question for an anchor, where there is none (404), and a session with a relay that is about to start or stop (503).
 */
function isExpected(said: string): boolean {
  return (
    /net::ERR_(?:CONNECTION_REFUSED|CONNECTION_RESET|INTERNET_DISCONNECTED|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/u.test(
      said,
    ) ||
    /404 .*\/anchor\?/u.test(said) ||
    /503 .*\/v5\/sessions/u.test(said)
  )
}

/** Waits until `read` gives what `accepts` takes, and gives that. */
export async function until<T>(what: string, read: () => Promise<T> | T, accepts: (value: T) => boolean): Promise<T> {
  let value: T | undefined
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((later) => setTimeout(later, 50))) {
    value = await read()
    if (accepts(value)) return value
  }
  throw new Error(`waited ${PATIENCE_MS / 1_000} s: ${what}; last seen: ${textOf(value)}`)
}

export function requireThat(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Error(problem)
}

export function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one))
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
