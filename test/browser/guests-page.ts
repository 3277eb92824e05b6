/** A guest's page while the relay comes and goes: a write made offline, two tabs, reloads. */

import type { Page } from 'playwright-core'
import { bundled, servePage } from '../fixtures/chromium.js'
import { call, GUEST_SCRIPT, guestPageReady, guestUrl, isKept, openGuestPage } from '../fixtures/guest-page.js'
import { requireThat, textOf, until, type Ground } from './ground.js'
import { fill, newGuest, openShop, Relay, type Merchant } from './relays.js'

const SHOP = 600n
const LISTINGS = 20
/** What a relay says while it stops or starts. */
const AWAY = /\b503\b.*\/v5\/sessions|\/v5\/sessions.*\b503\b/u

/** One relay and one page for all three. */
export class GuestsPage {
  private made:
    | { readonly relay: Relay; readonly merchant: Merchant; readonly page: Awaited<ReturnType<typeof servePage>> }
    | undefined

  private async open() {
    // A flow that failed may have left it stopped.
    if (this.made?.relay.isRunning === false) await this.made.relay.again()
    if (this.made !== undefined) return this.made
    const [relay, page] = await Promise.all([Relay.start(), bundled(GUEST_SCRIPT).then(servePage)])
    const merchant = await openShop(relay, SHOP)
    await fill(merchant, LISTINGS)
    return (this.made = { relay, merchant, page })
  }

  async close(): Promise<void> {
    this.made?.page.close()
    this.made?.merchant.client.close()
    await this.made?.relay.end()
  }

  private async place(): Promise<string> {
    const { relay, page } = await this.open()
    const { url, address } = relay
    return guestUrl(page.url, { relay: url, shop: SHOP, address, card: await newGuest(relay, SHOP) })
  }

  /** The merchant sees these orders, each once. */
  private async ordersWith(ids: readonly bigint[]): Promise<void> {
    const { merchant } = await this.open()
    const own = () =>
      (merchant.client.orders.all().get().data ?? []).map(({ ID }) => ID).filter((id) => ids.includes(id))
    const seen = await until('the merchant sees the orders', own, (found) => found.length >= ids.length)
    requireThat(seen.length === ids.length && new Set(seen).size === ids.length, `the merchant sees ${textOf(seen)}`)
  }

  readonly offlineWrite = async (ground: Ground): Promise<string> => {
    const { relay } = await this.open()
    const tab = await openGuestPage(await ground.open({}, AWAY), await this.place())
    await until(
      'all is proven',
      () => call(tab, 'listings'),
      ({ complete }) => complete,
    )
    await relay.stop()
    await until(
      'the page knows that it is alone',
      () => call(tab, 'state'),
      (state) => state !== 'connected',
    )
    await call(tab, 'order', 61)
    await until(
      'the order is pending',
      () => call(tab, 'pending'),
      (count) => count === 1,
    )
    requireThat((await call(tab, 'orders')).includes(61), 'the pending order is not shown')
    await relay.again()
    requireThat((await call(tab, 'answer', 61)) === 'taken', `the order: ${await call(tab, 'answer', 61)}`)
    await until(
      'nothing is pending',
      () => call(tab, 'pending'),
      (count) => count === 0,
    )
    await this.ordersWith([61n])
    const orders = await call(tab, 'orders')
    requireThat(textOf(orders) === '[61]', `the guest sees ${textOf(orders)}`)
    return 'pending while the relay was away, sent once'
  }

  readonly twoTabs = async (ground: Ground): Promise<string> => {
    const [context, place] = [await ground.open({}, AWAY), await this.place()]
    const [one, two] = [await openGuestPage(context, place), await openGuestPage(context, place)]
    await until(
      'the second tab has its turn',
      () => call(two, 'state'),
      (state) => state === 'connected',
    )
    await call(one, 'add')
    await until(
      'both have one cart',
      () => call(two, 'cart'),
      (count) => count === 1,
    )
    for (const id of [71, 73]) await call(one, 'order', id)
    for (const id of [72, 74]) await call(two, 'order', id)
    for (const [tab, id] of [
      [one, 71],
      [one, 73],
      [two, 72],
      [two, 74],
    ] as const)
      requireThat((await call(tab, 'answer', id)) === 'taken', `order ${id}: ${await call(tab, 'answer', id)}`)
    await this.ordersWith([71n, 72n, 73n, 74n])
    const states = [await call(one, 'state'), await call(two, 'state')]
    requireThat(states.filter((state) => state === 'connected').length <= 1, `both are connected: ${textOf(states)}`)
    await two.close()
    await call(one, 'want')
    await isConnected(one)
    return 'one session, one cart, four orders, each once'
  }

  readonly reloads = async (ground: Ground): Promise<string> => {
    const { relay } = await this.open()
    const tab = await openGuestPage(await ground.open({}, AWAY), await this.place())
    const isProven = () =>
      until(
        'all is proven',
        () => call(tab, 'listings'),
        ({ complete, prices }) => complete && prices.length === LISTINGS,
      )
    await isProven()
    await call(tab, 'add')
    for (const what of ['replica', 'outbox']) await until(`the ${what} is kept`, () => isKept(tab, what, SHOP), Boolean)
    await tab.reload()
    await guestPageReady(tab)
    await isProven()
    requireThat((await call(tab, 'cart')) === 1, 'the cart is not what it was after a reload')
    await relay.stop()
    await tab.reload()
    await guestPageReady(tab)
    const { prices } = await call(tab, 'listings')
    requireThat(prices.length === LISTINGS, `${prices.length} of ${LISTINGS} listings are shown without a network`)
    requireThat((await call(tab, 'cart')) === 1, 'the cart is not what it was without a network')
    await until(
      'it knows that it is alone',
      () => call(tab, 'state'),
      (state) => state === 'disconnected',
    )
    await isProven()
    await relay.again()
    await isConnected(tab)
    return 'list and cart are there with and without the relay'
  }
}

async function isConnected(tab: Page): Promise<void> {
  await until(
    'the tab is connected',
    () => call(tab, 'state'),
    (state) => state === 'connected',
  )
}
