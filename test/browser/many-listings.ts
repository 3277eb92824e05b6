/**
 * How a page bears large shops: ten thousand listings that come and are verified, without a task of more than 50 ms;
 * and two thousand that were kept, which are painted before they are verified again.
 */

import type { Page } from 'playwright-core'
import { bundled, servePage } from '../fixtures/chromium.js'
import { median, requireThat, textOf, until, type Ground } from './ground.js'
import { fill, openShop, Relay, type Merchant } from './relays.js'
import { LONG_TASK_MS, traced } from './trace.js'

const MANY = 10_000
const KEPT = 2_000
const SYNC_CPU_MS_MAX = 1_000
const PAINT_MS_MAX = 100

/** Tells when all was complete. */
const SYNC = `
  import { connect } from 'cairn-relay/client'
  import { replicaStore } from 'cairn-relay/replica-store'

  const { relay: url, shop, address } = Object.fromEntries(new URL(location).searchParams)
  const seen = { tasks: 0, complete: [] }
  globalThis.seen = seen
  const note = (list) => (seen.tasks += list.getEntries().length)
  new PerformanceObserver(note).observe({ type: 'longtask', buffered: true })
  performance.mark('begun')
  const begun = performance.now()
  const store = replicaStore('many ' + shop)
  const client = await connect({ url, shop: BigInt(shop), relay: address, store })
  for await (const { complete, data, verified } of client.listings())
    if (complete) {
      performance.mark('complete ' + seen.complete.length)
      seen.complete.push([performance.now() - begun, data.length, Number(verified.seq)])
    }
`

/** Paints the first twenty of what was kept as soon as they are there, and tells when it was verified. */
const PAINT = `
  import { connect } from 'cairn-relay/client'
  import { replicaStore } from 'cairn-relay/replica-store'

  const { relay: url, shop, address } = Object.fromEntries(new URL(location).searchParams)
  const seen = { length: 0 }
  globalThis.seen = seen
  const list = document.body.appendChild(document.createElement('ul'))
  const paint = ({ data, complete }) => {
    list.replaceChildren(...data.slice(0, 20).map(({ Metadata, Price }) =>
      Object.assign(document.createElement('li'), { textContent: Metadata.Title + ' ' + Price })))
    list.ariaLabel = complete ? 'proven' : 'not verified yet'
  }
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))
  performance.mark('begun')
  const begun = performance.now()
  const store = replicaStore('kept ' + shop)
  const client = await connect({ url, shop: BigInt(shop), relay: address, store, offline: true })
  for await (const state of client.listings()) {
    if (!state.data?.length) continue
    paint(state)
    if (seen.paintMs === undefined) {
      const { status, complete, verified, data } = state
      Object.assign(seen, { length: data.length, first: [status, complete, verified === undefined, list.ariaLabel] })
      await painted()
      performance.mark('painted')
      seen.paintMs = performance.now() - begun
    }
    if (state.complete) Object.assign(seen, { provenMs: performance.now() - begun, last: list.ariaLabel })
  }
`

interface Seen {
  /** Over 50 ms, as the PerformanceObserver counts them. */
  readonly tasks: number
  readonly complete: readonly (readonly [ms: number, count: number, seq: number])[]
}

interface Painted {
  readonly length: number
  readonly first?: readonly unknown[]
  readonly paintMs?: number
  /** Thread time until it was painted. */
  readonly cpuMs?: number
  readonly provenMs?: number
  readonly last?: string
}

/** Both shops, on one relay. */
export class LargeShops {
  private relay: Relay | undefined

  private async shop(id: bigint, count: number): Promise<{ readonly relay: Relay; readonly merchant: Merchant }> {
    const relay = (this.relay ??= await Relay.start())
    const merchant = await openShop(relay, id)
    await fill(merchant, count)
    return { relay, merchant }
  }

  async close(): Promise<void> {
    await this.relay?.end()
  }

  readonly sync = async (ground: Ground): Promise<string> => {
    const { relay, merchant } = await this.shop(10_000n, MANY)
    const page = await bundled(SYNC).then(servePage)
    try {
      const place = placeOf(page.url, relay, merchant)
      const runs: Sync[] = []
      for (let i = 0; i < (ground.short ? 3 : 5); i++) runs.push(await syncOnce(ground, place, merchant))
      const [cpuMs, wallMs] = [median(runs.map((run) => run.cpuMs)), median(runs.map((run) => run.wallMs))]
      const long = median(runs.map((run) => run.long.length))
      ground.longTasks += long
      const told = runs.map(({ long: own, waited }) => `${own.length} and ${waited}`).join(', ')
      requireThat(long === 0, `${long} tasks of over ${LONG_TASK_MS} ms in the median run: ${textOf(runs)}`)
      requireThat(cpuMs < SYNC_CPU_MS_MAX, `${Math.round(cpuMs)} ms of CPU until all is verified: ${textOf(runs)}`)
      const spent = `verified in ${Math.round(cpuMs)} ms of CPU (${Math.round(wallMs)} ms by the clock)`
      return `${spent}; long tasks of its own and such as waited for a processor, by runs: ${told}`
    } finally {
      page.close()
      merchant.client.close()
    }
  }

  readonly paint = async (ground: Ground): Promise<string> => {
    const { relay, merchant } = await this.shop(2_000n, KEPT)
    const page = await bundled(PAINT).then(servePage)
    try {
      const context = await ground.open()
      const tab = await context.newPage()
      await tab.goto(placeOf(page.url, relay, merchant))
      const painted = () => tab.evaluate(() => (globalThis as unknown as { seen?: Painted }).seen)
      await until('all is proven', painted, (now) => now?.last === 'proven' && now.provenMs !== undefined)
      await until(
        'all is kept',
        () => keptBytes(tab, `kept ${merchant.shop}`),
        (bytes) => bytes > 0,
      )
      const runs: Painted[] = []
      for (let i = 0; i < 5; i++) runs.push(await paintOnce(tab))
      const of = (figure: (run: Painted) => number) => Math.round(median(runs.map(figure)))
      const [cpuMs, paintMs, provenMs] = [
        of((run) => run.cpuMs!),
        of((run) => run.paintMs!),
        of((run) => run.provenMs!),
      ]
      requireThat(cpuMs < PAINT_MS_MAX, `painted after ${cpuMs} ms of CPU: ${textOf(runs)}`)
      return `painted after ${cpuMs} ms of CPU (${paintMs} ms by the clock), verified again after ${provenMs} ms`
    } finally {
      page.close()
      merchant.client.close()
    }
  }
}

function placeOf(url: string, { url: relay, address }: Relay, { shop }: Merchant): string {
  return `${url}?${new URLSearchParams({ relay, shop: `${shop}`, address }).toString()}`
}

interface Sync {
  /** Until all was complete: of the page's thread, and by the clock. */
  readonly cpuMs: number
  readonly wallMs: number
  /** Of over 50 ms, in time of the thread. */
  readonly long: readonly number[]
  /** How many more the PerformanceObserver saw: by the clock alone, since the machine had no processor for them. */
  readonly waited: number
}

/** From an empty browser to a checkpoint that what is held was compared with, and until it is kept. */
async function syncOnce(ground: Ground, place: string, { client, shop }: Merchant): Promise<Sync> {
  const context = await ground.open()
  const tab = await context.newPage()
  const seen = () => tab.evaluate(() => (globalThis as unknown as { seen?: Seen }).seen)
  const trace = await traced(tab, async () => {
    await tab.goto(place)
    await until('all is complete', seen, (now) => now?.complete[0]?.[1] === MANY)
    const { seq } = await client.write([{ op: 'replace', path: ['Listings', 7n, 'Price'], value: BigInt(Date.now()) }])
    await until('a later checkpoint is compared', seen, (now) => now!.complete.at(-1)![2] >= Number(seq))
    await until(
      'all is kept',
      () => keptBytes(tab, `many ${shop}`),
      (bytes) => bytes > 0,
    )
  })
  const { complete, tasks } = (await seen())!
  await context.close()
  const long = trace.tasks.filter(({ cpuMs }) => cpuMs > LONG_TASK_MS).map(({ cpuMs }) => cpuMs)
  const waited = Math.max(0, tasks - long.length)
  return { cpuMs: trace.cpuMs('begun', 'complete 0'), wallMs: complete[0]![0], long, waited }
}

async function paintOnce(tab: Page): Promise<Painted> {
  const seen = () => tab.evaluate(() => (globalThis as unknown as { seen?: Painted }).seen)
  const trace = await traced(tab, async () => {
    await tab.reload()
    await until('it is verified again', seen, (now) => now?.provenMs !== undefined)
  })
  const run = (await seen())!
  const [first, last] = [textOf(run.first), run.last]
  requireThat(run.length === KEPT, `${run.length} of ${KEPT} listings were kept`)
  requireThat(first === textOf(['loading', false, true, 'not verified yet']), `what was kept is shown as ${first}`)
  requireThat(last === 'proven', `what was verified is shown as ${last}`)
  return { ...run, cpuMs: trace.cpuMs('begun', 'painted') }
}

/** Of what is kept there; 0 while nothing is. */
function keptBytes(tab: Page, place: string): Promise<number> {
  return tab.evaluate(
    (key) =>
      new Promise<number>((resolve) => {
        const opening = indexedDB.open('cairn-replicas')
        opening.addEventListener('success', () => {
          const { result: database } = opening
          const done = (bytes: number) => (database.close(), resolve(bytes))
          if (!database.objectStoreNames.contains('replicas')) return done(0)
          const asked = database.transaction('replicas').objectStore('replicas').get(key)
          asked.addEventListener('success', () => done((asked.result as Uint8Array | undefined)?.length ?? 0))
        })
      }),
    place,
  )
}
