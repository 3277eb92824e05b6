'use client'

/**
 * What components read of a shop, each as the client has it: https://react.dev calls these external stores.
 *
 * Tests: test/react/shop.test.ts, test/e2e/react.test.ts
 */

import { useMemo, useSyncExternalStore } from 'react'
import type {
  Cart,
  CartState,
  ListingsQuery,
  Listing,
  ListState,
  LiveState,
  Manifest,
  Order,
  Tag,
} from '../client/shop-client.js'
import { useLive, useStore, type ReadOptions } from './use-live.js'

type Read<T, Selected> = ReadOptions<T, LiveState<T>, Selected>
type ReadList<T, Selected> = ReadOptions<readonly T[], ListState<T>, Selected>

/**
 * One listing. Without an id yet it is `loading`.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useListing } from 'cairn-relay/react'
 *
 * // Renders again when the title changes, and not with each checkpoint.
 * function Title({ id }: { id: bigint }) {
 *   return useListing(id, { select: ({ data }) => data?.Metadata.Title }) ?? '…'
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Title, { id: 1n })))) // …
 * ```
 */
export function useListing<Selected = LiveState<Listing>>(
  id: bigint | undefined,
  options: Read<Listing, Selected> = {},
): Selected {
  return useLive((shop) => (id === undefined ? undefined : shop.listing(id)), options)
}

/**
 * The listings that a query wants, in its order; all without one.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useListings } from 'cairn-relay/react'
 *
 * function Count() {
 *   const { data = [], total, complete } = useListings({ tag: 'Winter', orderBy: 'price', limit: 20 })
 *   return `${data.length} of ${total ?? '…'}${complete ? ', nothing left out' : ''}`
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Count)))) // 0 of …
 * ```
 */
export function useListings<Selected = ListState<Listing>>(
  query: ListingsQuery = {},
  options: ReadList<Listing, Selected> = {},
): Selected {
  return useLive((shop) => shop.listings(query), options)
}

/**
 * All tags, by name.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useTags } from 'cairn-relay/react'
 *
 * function Names() {
 *   const { data = [] } = useTags()
 *   return `all${data.map(({ Name }) => ` · ${Name}`).join('')}`
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Names)))) // all
 * ```
 */
export function useTags<Selected = ListState<Tag>>(options: ReadList<Tag, Selected> = {}): Selected {
  return useLive((shop) => shop.tags(), options)
}

/**
 * The shop itself: currencies, payees, shipping regions.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useManifest } from 'cairn-relay/react'
 *
 * function Regions() {
 *   const { data } = useManifest()
 *   return data === undefined ? '…' : [...(data.ShippingRegions?.keys() ?? [])].join()
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Regions)))) // …
 * ```
 */
export function useManifest<Selected = LiveState<Manifest>>(options: Read<Manifest, Selected> = {}): Selected {
  return useLive((shop) => shop.manifest(), options)
}

/**
 * One order: a guest's own, any for staff. Its receipt: `useShop()?.order(id).receipt()`.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useOrder } from 'cairn-relay/react'
 *
 * function Items({ id }: { id: bigint }) {
 *   const { status, data } = useOrder(id)
 *   return data === undefined ? status : `${data.Items?.length ?? 0} items`
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Items, { id: 1n })))) // loading
 * ```
 */
export function useOrder<Selected = LiveState<Order>>(
  id: bigint | undefined,
  options: Read<Order, Selected> = {},
): Selected {
  return useLive((shop) => (id === undefined ? undefined : shop.order(id)), options)
}

/**
 * All orders that may be read: a guest's own, the shop's for staff.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useOrders } from 'cairn-relay/react'
 *
 * function Mine() {
 *   const { status, total } = useOrders()
 *   return total === undefined ? status : `${total} orders`
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Mine)))) // loading
 * ```
 */
export function useOrders<Selected = ListState<Order>>(options: ReadList<Order, Selected> = {}): Selected {
  return useLive((shop) => shop.orders(), options)
}

/**
 * Pieces in stock of a listing with these variations; staff alone may read it.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useStock } from 'cairn-relay/react'
 *
 * function Pieces({ id }: { id: bigint }) {
 *   return String(useStock(id, ['gold'], { select: ({ data }) => data ?? '…' }))
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * console.log(renderToStaticMarkup(createElement(Shop, place, createElement(Pieces, { id: 1n })))) // …
 * ```
 */
export function useStock<Selected = LiveState<bigint>>(
  listing: bigint | undefined,
  variations: readonly string[] = [],
  options: Read<bigint, Selected> = {},
): Selected {
  return useLive((shop) => (listing === undefined ? undefined : shop.stock(listing, ...variations)), options)
}

/** A cart as it is now, and what changes it. */
export interface CartInUse extends CartState {
  /**
   * What changes it: `add`, `change`, `remove`, `sendTo`, `checkout`. Undefined on a server, and until there is a
   * client: disable until then what calls it, or a press is lost.
   */
  readonly cart: Cart | undefined
}

const EMPTY: CartInUse = {
  lines: [],
  count: 0n,
  address: undefined,
  addressProblem: undefined,
  ordering: undefined,
  status: 'loading',
  quote: {
    lines: [],
    subtotal: undefined,
    region: undefined,
    shipping: [],
    total: undefined,
    problems: [{ code: 'LOADING', message: 'The shop is still loading.' }],
    warnings: [],
  },
  cart: undefined,
}

const never = () => () => undefined

/**
 * The guest's cart: its lines, their quote, and the cart itself.
 *
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import { renderToStaticMarkup } from 'react-dom/server'
 * import { Shop, useCart } from 'cairn-relay/react'
 *
 * function Add({ id }: { id: bigint }) {
 *   const { cart, count } = useCart()
 *   const add = () => cart?.add({ listing: id, quantity: 1n })
 *   return createElement('button', { onClick: add, disabled: cart === undefined }, `Add (${count} in the cart)`)
 * }
 * const place = { url: 'http://127.0.0.1:4444', shop: 1n, relay: 'development' } as const
 * const page = renderToStaticMarkup(createElement(Shop, place, createElement(Add, { id: 1n })))
 * console.log(page) // <button disabled="">Add (0 in the cart)</button>
 * ```
 */
export function useCart(): CartInUse {
  const store = useStore()
  const client = useSyncExternalStore(store.subscribe, store.client, store.onServer.client)
  const cart = client?.cart()
  const state = useSyncExternalStore(cart?.subscribe ?? never, cart?.get ?? empty, empty)
  return useMemo(() => (cart === undefined ? EMPTY : { ...state, cart }), [cart, state])
}

function empty(): CartState {
  return EMPTY
}
