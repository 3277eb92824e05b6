'use client'

/**
 * Reads live objects in components. All that a picture shows of one object is of one moment, also while React renders
 * in pieces, and a component renders again only when what it reads is another.
 *
 * Tests: test/react/shop.test.ts, test/e2e/react.test.ts
 */

import { createContext, useContext, useMemo, useState, useSyncExternalStore } from 'react'
import { SUSPENDED_HELD_MS } from '../limits.js'
import type { Live, LiveState } from '../client/live.js'
import type { ShopClient } from '../client/shop-client.js'
import type { ShopStore } from './shop-store.js'

export const ShopContext = createContext<ShopStore | undefined>(undefined)

/** How a component reads a live object. */
export interface ReadOptions<T, State, Selected = State> {
  /**
   * What a server rendered with: shown as `loading`, without proof, until this page has checked its own. The first one
   * counts.
   */
  readonly initial?: T | undefined
  /** Waits in the nearest Suspense boundary instead of showing `loading`. A server does not wait. */
  readonly suspense?: boolean | undefined
  /** What the component needs of the state: it renders again when that is another one. */
  readonly select?: ((state: State) => Selected) | undefined
}

/** Throws Error outside of <Shop>. */
export function useStore(): ShopStore {
  const store = useContext(ShopContext)
  if (store === undefined) throw new Error('this hook needs a <Shop> of cairn-relay/react above its component')
  return store
}

/** `pick` names the live object; undefined for none yet, which shows as `loading`. */
export function useLive<T, State extends LiveState<T>, Selected = State>(
  pick: (client: ShopClient) => Live<T, State> | undefined,
  { initial: given, suspense = false, select }: ReadOptions<T, State, Selected>,
): Selected {
  const store = useStore()
  const client = useSyncExternalStore(store.subscribe, store.client, store.onServer.client)
  const [initial] = useState(() => given)
  const view = useMemo(() => viewOf(initial, select), [initial, select])
  const live = client && pick(client)
  const now = () => (live === undefined ? (store.withoutClient() as unknown as State) : live.get())
  let isServer = false
  const selected = useSyncExternalStore(
    live?.subscribe ?? store.subscribe,
    () => view(now()),
    () => {
      isServer = true
      return view(store.onServer.object() as unknown as State)
    },
  )
  // Thrown promises are what Suspense of all versions waits for.
  // oxlint-disable-next-line typescript/only-throw-error
  if (suspense && !isServer && initial === undefined && now().status === 'loading') throw waitFor(store, live)
  return selected
}

/** The same for the same state, so that a component may select what it makes itself. */
function viewOf<T, State extends LiveState<T>, Selected>(
  initial: T | undefined,
  select: ((state: State) => Selected) | undefined,
): (state: State) => Selected {
  const known = new WeakMap<State, Selected>()
  return (state) => {
    if (!known.has(state)) {
      const isWanting = initial !== undefined && state.status === 'loading' && state.data === undefined
      const shown = isWanting ? { ...state, data: initial } : state
      known.set(state, select === undefined ? (shown as unknown as Selected) : select(shown))
    }
    return known.get(state)!
  }
}

/** A component that waits is made anew each time: what it waits for is kept beside it. */
const waits = new WeakMap<object, Promise<void>>()

function waitFor(store: ShopStore, live: Live<unknown> | undefined): Promise<void> {
  if (live === undefined) return store.ready()
  const known = waits.get(live)
  if (known !== undefined) return known
  const waiting = new Promise<void>((resolve) => {
    const look = () => {
      if (live.get().status === 'loading') return
      waits.delete(live)
      // Until the component looks itself.
      setTimeout(stop, SUSPENDED_HELD_MS)
      resolve()
    }
    const stop = live.subscribe(look)
    look()
  })
  // It may be there at once.
  if (live.get().status === 'loading') waits.set(live, waiting)
  return waiting
}
