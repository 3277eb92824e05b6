/**
 * The hooks in a real browser, with React's own concurrent rendering: no tearing, no render without a change, Suspense,
 * pages that a server rendered, connections that come late, and a visitor who becomes a guest.
 */

import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createServer } from 'node:net'
import { toHex } from '../../src/bytes/hex.js'
import { connect, type Listing, type ShopClient } from '../../src/client/shop-client.js'
import { Shop, useListing } from '../../src/react/shop.js'
import { bundled, openChromium, servePage } from '../fixtures/chromium.js'
import { enrolCard, listing, newSecret, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

/** What tests call stands in `page`, and tells what it saw as text. */
const SCRIPT = `
  import { StrictMode, Suspense, startTransition, useEffect, useState } from 'react'
  import { flushSync } from 'react-dom'
  import { createRoot, hydrateRoot } from 'react-dom/client'
  import { replicaStore } from 'cairn-relay/replica-store'
  import { Shop, useCart, useConnection, useListing, useOrders, useShop } from 'cairn-relay/react'

  const { url, shop } = Object.fromEntries(new URL(location).searchParams)
  const place = { url, shop: BigInt(shop ?? 0), relay: 'development' }
  const element = document.getElementById('root')
  const until = async (look) => {
    for (;;) {
      const found = look()
      if (found) return found
      await new Promise(requestAnimationFrame)
    }
  }
  const priceOf = ({ data }) => String(data?.Price)

  /** Two that read the same, with work between them: made anew each round, in a transition, while it changes. */
  async function tearing(isNaive) {
    let [torn, changedMeanwhile, before, rounds] = [0, 0, undefined, 0]
    let [setShown, ended] = [() => undefined, () => undefined]
    const useNaive = () => {
      const live = useShop().listing(1n)
      const [, again] = useState(0)
      useEffect(() => live.subscribe(() => again((n) => n + 1)), [live])
      return priceOf(live.get())
    }
    const Naive = () => <b>{useNaive()}</b>
    const Ours = () => <b>{useListing(1n, { select: priceOf })}</b>
    const Reader = isNaive ? Naive : Ours
    const Work = ({ place }) => {
      const price = priceOf(useShop().listing(1n).get())
      if (place === 0) before = price
      if (place === 5) globalThis.change()
      if (place === 39 && before !== price) changedMeanwhile++
      for (const end = performance.now() + 4; performance.now() < end; );
      return null
    }
    const Picture = () => {
      useEffect(() => ended(), [])
      const work = Array.from({ length: 40 }, (_, i) => <Work key={i} place={i} />)
      return <div><Reader />{work}<Reader /></div>
    }
    const Rounds = () => {
      const [isShown, set] = useState(false)
      setShown = set
      const isThere = useListing(1n, { select: ({ data }) => data !== undefined })
      return isThere && <div id="there">{isShown && <Picture />}</div>
    }
    const observer = new MutationObserver(() => {
      const [a, b] = element.querySelectorAll('b')
      if (a?.textContent !== b?.textContent) torn++
    })
    observer.observe(element, { subtree: true, childList: true, characterData: true })
    const root = createRoot(element)
    root.render(<Shop {...place}><Rounds /></Shop>)
    await until(() => document.getElementById('there'))
    while (changedMeanwhile < 5 && rounds++ < 400) {
      const done = new Promise((resolve) => (ended = resolve))
      startTransition(() => setShown(true))
      await done
      flushSync(() => setShown(false))
    }
    root.unmount()
    observer.disconnect()
    return { isTorn: torn > 0, isChangedMeanwhile: changedMeanwhile >= 5 }
  }

  function counting() {
    const counts = { selected: 0, whole: 0, other: 0 }
    const Selected = () => (counts.selected++, <i>{useListing(1n, { select: priceOf })}</i>)
    const Whole = () => {
      counts.whole++
      const { status, complete, data, verified } = useListing(1n)
      return <u data-seq={verified && String(verified.seq)}>{status + ' ' + complete + ' ' + data?.Price}</u>
    }
    const Other = () => {
      counts.other++
      const { complete, data } = useListing(2n)
      return <s>{complete + ' ' + data?.Price}</s>
    }
    createRoot(element).render(<Shop {...place}><Selected /><Whole /><Other /></Shop>)
    return counts
  }

  async function suspending(isStrict) {
    const pictures = []
    const Waiting = () => {
      const { status, data } = useListing(1n, { suspense: true })
      return <p>{status + ' ' + data?.Metadata.Title}</p>
    }
    const observer = new MutationObserver(() => {
      const shown = [...element.children].filter((child) => child.style.display !== 'none')
      const text = shown.map((child) => child.textContent).join(' | ')
      if (text !== '' && pictures.at(-1) !== text) pictures.push(text)
    })
    observer.observe(element, { subtree: true, childList: true, characterData: true, attributes: true })
    const shop = (
      <Suspense fallback={<em>outer</em>}>
        <Shop {...place} fallback={<em>inner</em>}><Waiting /></Shop>
      </Suspense>
    )
    const root = createRoot(element)
    root.render(isStrict ? <StrictMode>{shop}</StrictMode> : shop)
    await until(() => element.querySelector('p'))
    root.unmount()
    observer.disconnect()
    return pictures.filter((text, i) => pictures.indexOf(text) === i)
  }

  function hydrating(initial) {
    const told = []
    const [ID, Price, ViewState] = [initial.ID, initial.Price, initial.ViewState].map(BigInt)
    const data = { ...initial, ID, Price, ViewState }
    const Title = () => {
      const { status, complete, data: listing } = useListing(1n, { initial: data })
      return <p>{status + ' ' + complete + ' ' + listing?.Metadata.Title}</p>
    }
    hydrateRoot(element, <Shop {...place}><Title /></Shop>, { onRecoverableError: (error) => told.push(String(error)) })
    return told
  }

  function standing(where = place) {
    const Standing = () => {
      const { state, error } = useConnection()
      return <p>{[state, error?.code].join(' ')}</p>
    }
    createRoot(element).render(<Shop {...where}><Standing /></Shop>)
  }

  function guest() {
    const seen = { clients: [] }
    // From the start: it is the guest's, once there is his card.
    const outbox = replicaStore('guest.outbox')
    const Buyer = ({ become }) => {
      const client = useShop()
      const { cart, count } = useCart()
      const { total } = useOrders()
      const { state } = useConnection()
      useEffect(() => void (client && seen.clients.push(client)), [client])
      Object.assign(seen, { cart, become })
      return <p>{[state, 'count ' + count, 'orders ' + total].join(', ')}</p>
    }
    const Page = () => {
      const [card, setCard] = useState()
      return <Shop {...place} card={card} outbox={outbox} optimistic><Buyer become={setCard} /></Shop>
    }
    seen.root = createRoot(element)
    seen.root.render(<Page />)
    return seen
  }

  Object.assign(globalThis, { page: { place, tearing, counting, suspending, hydrating, standing, guest } })
`

let browser: Browser
let script: string
let running: TestRelay
let owner: ShopClient
const pages: { close(): void }[] = []

beforeAll(async () => {
  ;[browser, script, running] = await Promise.all([openChromium(), bundled(SCRIPT), relay()])
  const card = newSecret()
  await enrolCard(running.url, card)
  owner = await connect({ url: running.url, shop: SHOP, key: card, relay: 'development' })
  await owner.write([listing(1n), listing(2n)])
  await owner.write([stock(1n, 9n), stock(2n, 9n)])
})
afterAll(async () => {
  await browser?.close()
  for (const page of pages) page.close()
  owner?.close()
  await running?.stop()
  expect(running?.bugs).toEqual([])
})

/** A tab with that page, and what its console said. */
async function open(more: { readonly body?: string; readonly url?: string } = {}) {
  const served = await servePage(script, more.body)
  pages.push(served)
  const tab = await browser.newPage()
  const complaints: string[] = []
  tab.on('console', (message) => /error|warning/u.test(message.type()) && complaints.push(message.text()))
  tab.on('pageerror', (error) => complaints.push(String(error)))
  const query = new URLSearchParams({ url: more.url ?? running.url, shop: String(SHOP) })
  await tab.goto(`${served.url}?${query.toString()}`)
  await tab.waitForFunction('globalThis.page !== undefined')
  return { tab, complaints }
}

const shows = (tab: Page, selector: string, text: string) => tab.locator(selector, { hasText: text }).waitFor()

function setPrice(id: bigint, price: bigint) {
  return owner.write([{ op: 'replace', path: ['Listings', id, 'Price'], value: price }])
}

test.each([
  [false, 'the hooks never show two values of one object in one picture'],
  [true, 'a component that reads by itself does, in the same test'],
])('%s: %s', async (isNaive) => {
  const { tab, complaints } = await open()
  let price = 1_000n
  await tab.exposeFunction('change', () => void setPrice(1n, price++))
  const seen = await tab.evaluate(`page.tearing(${isNaive})`)
  expect(seen).toEqual({ isTorn: isNaive, isChangedMeanwhile: true })
  expect(complaints).toEqual([])
  await tab.close()
})

test('nothing is rendered without a change', async () => {
  await setPrice(1n, 100n)
  const { tab, complaints } = await open()
  const counts = await tab.evaluateHandle('page.counting()')
  const now = () => counts.jsonValue() as Promise<{ selected: number; whole: number; other: number }>
  const proven = async (price: string) => {
    const { seq } = await setPrice(2n, BigInt(price))
    await shows(tab, 's', `true ${price}`)
    await tab.locator(`u[data-seq="${seq}"]`).waitFor()
  }
  await proven('7')
  await shows(tab, 'u', 'ready true 100')
  const before = await now()
  await proven('8')
  await proven('9')
  const after = await now()
  // Another listing is no change of this one: the whole state tells the newer checkpoints, what was selected nothing.
  expect(after.selected).toBe(before.selected)
  expect(after.whole).toBe(before.whole + 2)
  await setPrice(1n, 101n)
  await shows(tab, 'i', '101')
  expect((await now()).selected).toBe(before.selected + 1)
  expect(complaints).toEqual([])
  await tab.close()
})

test.each([false, true])('Suspense waits for what is loading, strict: %s', async (isStrict) => {
  const { tab, complaints } = await open()
  expect(await tab.evaluate(`page.suspending(${isStrict})`)).toEqual(['inner', 'ready Listing 1'])
  expect(complaints).toEqual([])
  await tab.close()
})

test('a page takes over what a server rendered, and proves it then', async () => {
  const initial: Listing = {
    ID: 1n,
    Price: 100n,
    ViewState: 1n,
    Metadata: { Title: 'Listing 1', Description: 'A thing' },
  }
  const Title = () => {
    const { status, complete, data } = useListing(1n, { initial })
    return createElement('p', null, `${status} ${complete} ${data?.Metadata.Title}`)
  }
  const place = { url: running.url, shop: SHOP, relay: 'development' } as const
  const body = renderToString(createElement(Shop, place, createElement(Title)))
  expect(body).toContain('loading false Listing 1')
  const { tab, complaints } = await open({ body })
  const json = JSON.stringify(initial, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  const told = await tab.evaluateHandle(`page.hydrating(${json})`)
  await shows(tab, 'p', 'ready true Listing 1')
  expect(await told.jsonValue()).toEqual([])
  expect(complaints).toEqual([])
  await tab.close()
})

test('a relay that comes late is found, and one that cannot be used is told of', async () => {
  const nobody = createServer((socket) => socket.destroy())
  await new Promise<void>((listening) => nobody.listen(0, '127.0.0.1', listening))
  const { port } = nobody.address() as { readonly port: number }
  const { tab } = await open({ url: `http://127.0.0.1:${port}` })
  await tab.evaluate('page.standing()')
  await shows(tab, 'p', 'connecting UNREACHABLE')
  await new Promise((closed) => nobody.close(closed))
  const late = await relay({ port })
  await enrolCard(late.url, newSecret())
  await shows(tab, 'p', 'connected')
  await tab.evaluate("page.standing({ ...page.place, relay: '00'.repeat(20), url: 'ftp://nowhere' })")
  await shows(tab, 'p', 'failed USAGE')
  await tab.close()
  await late.stop()
})

test('a visitor who becomes a guest keeps his cart, and who leaves closes the connection', async () => {
  const card = newSecret()
  await enrolCard(running.url, card, { guest: true })
  const { tab, complaints } = await open()
  await tab.evaluate('void (globalThis.seen = page.guest())')
  const states = () => tab.evaluate('seen.clients.map(({ state }) => state)')
  await shows(tab, 'p', 'connected, count 0')
  await tab.evaluate('void seen.cart.add({ listing: 2n, quantity: 3n })')
  await shows(tab, 'p', 'connected, count 3')
  await tab.evaluate(`seen.become(Uint8Array.from('${toHex(card)}'.match(/../g), (pair) => parseInt(pair, 16)))`)
  await tab.waitForFunction("seen.clients[1]?.state === 'connected'")
  await shows(tab, 'p', 'connected, count 3')
  await tab.evaluate('seen.cart.checkout().then(() => undefined)')
  await shows(tab, 'p', 'connected, count 0, orders 1')
  expect(await states()).toEqual(['closed', 'connected'])
  await tab.evaluate('seen.root.unmount()')
  expect(await states()).toEqual(['closed', 'closed'])
  expect(complaints).toEqual([])
  await tab.close()
})

test('what a guest read is shown to nobody after him, also while the relay does not answer', async () => {
  const card = newSecret()
  await enrolCard(running.url, card, { guest: true })
  const { tab } = await open()
  await tab.evaluate('void (globalThis.seen = page.guest())')
  await shows(tab, 'p', 'connected')
  await tab.evaluate(`seen.become(Uint8Array.from('${toHex(card)}'.match(/../g), (pair) => parseInt(pair, 16)))`)
  await tab.waitForFunction("seen.clients[1]?.state === 'connected'")
  await tab.evaluate('void seen.cart.add({ listing: 2n, quantity: 1n })')
  await tab.evaluate('seen.cart.checkout().then(() => undefined)')
  await tab.evaluate('void seen.cart.add({ listing: 1n, quantity: 2n })')
  await shows(tab, 'p', 'connected, count 2, orders 1')
  await tab.context().setOffline(true)
  await tab.evaluate('seen.become(undefined)')
  await shows(tab, 'p', 'orders undefined')
  await tab.context().setOffline(false)
  // His cart is still what this page holds.
  await shows(tab, 'p', 'connected, count 2, orders 0')
  await tab.close()
})
