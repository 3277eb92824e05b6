'use client'

/**
 * A shop in React: <Shop> connects, hooks read what is live. On a server, and until there is a client, everything is
 * `loading`.
 *
 * Tests: test/react/shop.test.ts, test/e2e/react.test.ts
 */

import { createElement, Suspense, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { toHex } from '../bytes/hex.js'
import type { ConnectOptions, ShopClient } from '../client/shop-client.js'
import { ShopStore, type ShopConnection } from './shop-store.js'
import { ShopContext, useStore } from './use-live.js'

export type { ShopConnection } from './shop-store.js'
export type { ReadOptions } from './use-live.js'
export {
  useCart,
  useListing,
  useListings,
  useManifest,
  useOrder,
  useOrders,
  useStock,
  useTags,
  type CartInUse,
} from './hooks.js'

/** A client that the page made itself, and closes itself. */
interface ShopOfClient extends ShopChildren {
  readonly client: ShopClient
}

/**
 * Options of `connect`. A new url, shop or card connects anew; of the others those count that were given then. The cart
 * comes along to another card of the same shop. `outbox` and `optimistic` count from the card on: a visitor has nothing
 * to send.
 */
interface ShopOfOptions extends ShopChildren, Omit<ConnectOptions, 'key' | 'signal'> {
  readonly client?: undefined
  /** The key card's secret, 32 bytes; left out: a visitor. (`key` is React's own.) */
  readonly card?: Uint8Array | undefined
}

interface ShopChildren {
  readonly children?: ReactNode
  /** Shown while a component inside waits that has no Suspense boundary of its own. */
  readonly fallback?: ReactNode
}

/** A `client` that is connected, and closed by you, or the options of `connect` with `card` in the place of `key`. */
export type ShopProps = ShopOfClient | ShopOfOptions

/**
 * Connects to a shop for as long as it is mounted, again and again if need be, and gives it to the hooks below it. It
 * never throws: what went wrong is told by `useConnection`, and by each state's `error`.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useListings } from 'cairn-relay/react'
 *
 * function Titles() {
 *   const { status, data = [] } = useListings({ published: true, limit: 20 })
 *   return status === 'loading' ? 'one moment' : data.map(({ Metadata }) => Metadata.Title).join()
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Titles)))) // one moment
 * ```
 */
export function Shop(props: ShopProps): ReactNode {
  const { children, fallback, client } = props
  const [store] = useState(() => new ShopStore(client))
  useEffect(
    () => (client === undefined ? store.open(optionsOf(props)) : store.take(client)),
    [store, client, placeOf(props)],
  )
  return createElement(ShopContext.Provider, { value: store }, createElement(Suspense, { fallback }, children))
}

/**
 * The client, for writes, orders and all else; undefined until it is connected.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useShop } from 'cairn-relay/react'
 *
 * function Save() {
 *   const shop = useShop()
 *   const save = () => shop?.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 2_000n }])
 *   return createElement('button', { onClick: save, disabled: shop === undefined }, 'Save')
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * const page = renderToStaticMarkup(createElement(Shop, place, createElement(Save)))
 * console.log(page) // <button disabled="">Save</button>
 * ```
 */
export function useShop(): ShopClient | undefined {
  const store = useStore()
  return useSyncExternalStore(store.subscribe, store.client, store.onServer.client)
}

/**
 * How it stands with the relay, and why: `error.code` is one of the catalogue (docs/errors), `error.remedy` what to do.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useConnection } from 'cairn-relay/react'
 *
 * function Standing() {
 *   const { state, error } = useConnection()
 *   return error === undefined ? state : `${state}: ${error.message}`
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Standing)))) // connecting
 * ```
 */
export function useConnection(): ShopConnection {
  const store = useStore()
  return useSyncExternalStore(store.subscribe, store.connection, store.onServer.connection)
}

/** A visitor has nothing to send: his outbox begins with his card, which connects anew. */
function optionsOf({ card, ...props }: ShopOfOptions): ConnectOptions {
  const own = new Set(['children', 'fallback', 'client', ...(card === undefined ? ['outbox', 'optimistic'] : [])])
  const options = Object.fromEntries(Object.entries(props).filter(([name]) => !own.has(name)))
  return { ...(options as Omit<ShopOfOptions, keyof ShopChildren | 'client' | 'card'>), key: card }
}

/** The same for the same shop, read as the same person. */
function placeOf(props: ShopProps): string {
  if (props.client !== undefined) return ''
  const { url, shop, card } = props
  return [url, shop, card instanceof Uint8Array ? toHex(card) : card].join(' ')
}
