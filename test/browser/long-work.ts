/**
 * What a page does all at once, by its nature: the first signature of a card, a list of ten thousand that is opened
 * when they are there already, and a connection that comes back over thousands of sets. No task of more than 50 ms.
 */

import type { BrowserContext, Page } from 'playwright-core'
import { bundled, servePage } from '../fixtures/chromium.js'
import { median, requireThat, textOf, until, type Ground } from './ground.js'
import { fill, newGuest, openShop, Relay, type Merchant } from './relays.js'
import { LONG_TASK_MS, traced } from './trace.js'

const MANY = 10_000
const SETS = 2_000
/** So many writes are on their way at once. */
const TOGETHER = 50

const PAGE = `
  import { connect } from 'cairn-relay/client'

  const { relay: url, shop, address, key } = Object.fromEntries(new URL(location).searchParams)
  const bytes = Uint8Array.from(key.match(/../g), (digits) => parseInt(digits, 16))
  const seen = { held: false, opened: 0, seq: 0 }
  globalThis.seen = seen
  performance.mark('begun')
  const client = await connect({ url, shop: BigInt(shop), relay: address, key: bytes })
  globalThis.openList = async () => {
    for await (const { status, data } of client.listings()) if (status === 'ready') seen.opened = data.length
  }
  for await (const { complete, verified } of client.listing(1n))
    if (complete) Object.assign(seen, { held: true, seq: Number(verified.seq) })
`

/** Keeps the sockets that a page opens: \`cut\` closes them. */
const CUT = `
  const sockets = []
  globalThis.WebSocket = class extends WebSocket {
    constructor(...of) {
      super(...of)
      sockets.push(this)
    }
  }
  globalThis.cut = () => sockets.forEach((socket) => socket.close())
`

interface Seen {
  readonly held: boolean
  readonly opened: number
  /** Of the checkpoint that proves listing 1. */
  readonly seq: number
}

export class LongWork {
  private relay: Relay | undefined

  async close(): Promise<void> {
    await this.relay?.end()
  }

  readonly run = async (ground: Ground): Promise<string> => {
    const relay = (this.relay = await Relay.start())
    const merchant = await openShop(relay, 10_001n)
    await fill(merchant, MANY)
    const page = await bundled(PAGE).then(servePage)
    try {
      const runs: (readonly number[])[] = []
      for (let i = 0; i < 3; i++) {
        const key = await newGuest(relay, merchant.shop)
        const of = new URLSearchParams({ relay: relay.url, shop: `${merchant.shop}`, address: relay.address, key })
        runs.push(await longTasks(ground, `${page.url}?${of.toString()}`, merchant, i === 0 ? SETS : 1))
      }
      const long = median(runs.map((run) => run.length))
      ground.longTasks += long
      requireThat(long === 0, `${long} tasks of over ${LONG_TASK_MS} ms in the median run: ${textOf(runs)}`)
      return `none in the median run, over ${SETS.toLocaleString('en')} sets in the first; by runs: ${textOf(runs)}`
    } finally {
      page.close()
      merchant.client.close()
    }
  }
}

/** In ms of the thread. */
async function longTasks(ground: Ground, place: string, merchant: Merchant, sets: number): Promise<readonly number[]> {
  const context = await ground.open()
  await context.addInitScript(CUT)
  const tab = await context.newPage()
  const seen = () => tab.evaluate(() => (globalThis as unknown as { seen?: Seen }).seen)
  const { tasks } = await traced(tab, async () => {
    await tab.goto(place)
    await until('the shop is held', seen, (now) => now?.held === true)
    await tab.evaluate(() => void (globalThis as unknown as { openList(): Promise<void> }).openList())
    await until('the list is there', seen, (now) => now!.opened === MANY)
    const seq = await writtenWithout(context, tab, merchant, sets)
    await until('what was missed is proven', seen, (now) => now!.seq >= Number(seq))
  })
  await context.close()
  return tasks.filter(({ cpuMs }) => cpuMs > LONG_TASK_MS).map(({ cpuMs }) => cpuMs)
}

/** While the page has no network; the last one's seq. */
async function writtenWithout(context: BrowserContext, tab: Page, { client }: Merchant, sets: number): Promise<bigint> {
  await context.setOffline(true)
  await tab.evaluate(() => (globalThis as unknown as { cut(): void }).cut())
  const price = (id: number) =>
    client.write([{ op: 'replace', path: ['Listings', BigInt(id), 'Price'], value: BigInt(Date.now()) }])
  for (let written = 0; written < sets - 1; written += TOGETHER)
    await Promise.all(Array.from({ length: TOGETHER }, (_, i) => price(2 + written + i)))
  const { seq } = await price(1)
  await context.setOffline(false)
  return seq!
}
