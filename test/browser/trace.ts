/**
 * What a page's main thread did, by Chromium's own trace: its tasks, by the clock and in time that the thread had a
 * processor. On a machine that others share the clock tells of them too: a page is to be judged by its own work.
 */

import type { Page } from 'playwright-core'

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Microseconds; those of the thread are `tts` and `tdur`. */
  readonly dur?: number
  readonly tts?: number
  readonly tdur?: number
}

export interface Traced {
  /** Tasks that took over 50 ms by the clock, as a PerformanceObserver tells them; `cpuMs`: of the thread. */
  readonly tasks: readonly { readonly ms: number; readonly cpuMs: number }[]
  /** Thread time between two marks of the page. */
  cpuMs(from: string, to: string): number
}

export const LONG_TASK_MS = 50
const TASK = 'RunTask'
const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'blink.user_timing']

/** While `act` runs. The page has to set the mark `begun`: its thread is that which does. */
export async function traced(page: Page, act: () => Promise<void>): Promise<Traced> {
  const browser = page.context().browser()!
  await browser.startTracing(page, { categories: CATEGORIES })
  let text: string
  try {
    await act()
  } finally {
    text = String(await browser.stopTracing())
  }
  const { traceEvents: events } = JSON.parse(text) as { readonly traceEvents: readonly TraceEvent[] }
  const first = markIn(events, 'begun')
  const own = events.filter(({ pid, tid }) => pid === first.pid && tid === first.tid)
  const tasks = own.filter(({ name, dur = 0 }) => name === TASK && dur > LONG_TASK_MS * 1_000)
  return {
    tasks: tasks.map(({ dur, tdur = 0 }) => ({ ms: Math.round(dur! / 1_000), cpuMs: Math.round(tdur / 1_000) })),
    cpuMs: (from, to) => (markIn(own, to).tts! - markIn(own, from).tts!) / 1_000,
  }
}

function markIn(events: readonly TraceEvent[], name: string): TraceEvent {
  const found = events.findLast((event) => event.name === name && event.tts !== undefined)
  if (found === undefined) throw new Error(`the page has set no mark ${name}`)
  return found
}
