/** Which of the page's views is shown: all that says so stands in the address, so that links and the way back work. */

import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent, type ReactNode } from 'react'
import { shopInAddress } from './place.js'

export interface Route {
  readonly view: 'list' | 'listing' | 'cart' | 'checkout' | 'order' | 'orders'
  readonly id: bigint | undefined
  readonly tag: string | undefined
  readonly search: string
}

/** What a link leads to; what is left out is not in the address. */
export interface Target {
  readonly view?: 'cart' | 'checkout' | 'orders'
  readonly listing?: bigint
  readonly order?: bigint
  readonly tag?: string | undefined
  readonly q?: string
}

const watchers = new Set<() => void>()

export function hrefTo(target: Target): string {
  const query = new URLSearchParams()
  const shop = shopInAddress()
  if (shop !== undefined) query.set('shop', shop)
  for (const [name, value] of Object.entries(target))
    if (value !== undefined && value !== '') query.set(name, `${value}`)
  const text = query.toString()
  return text === '' ? '/' : `/?${text}`
}

/** `isSmall`: a step that the way back leaves out, such as a letter of a search. */
export function go(target: Target, { isSmall = false } = {}): void {
  const href = hrefTo(target)
  if (isSmall) history.replaceState(null, '', href)
  else {
    history.pushState(null, '', href)
    scrollTo(0, 0)
  }
  for (const watcher of watchers) watcher()
}

export function useRoute(): Route {
  return routeOf(useSyncExternalStore(subscribe, () => location.search))
}

function subscribe(changed: () => void): () => void {
  watchers.add(changed)
  addEventListener('popstate', changed)
  return () => {
    watchers.delete(changed)
    removeEventListener('popstate', changed)
  }
}

function routeOf(search: string): Route {
  const query = new URLSearchParams(search)
  const [listing, order, view] = [idOf(query.get('listing')), idOf(query.get('order')), query.get('view')]
  const common = { tag: query.get('tag') || undefined, search: query.get('q') ?? '' }
  if (listing !== undefined) return { ...common, view: 'listing', id: listing }
  if (order !== undefined) return { ...common, view: 'order', id: order }
  const isKnown = view === 'cart' || view === 'checkout' || view === 'orders'
  return { ...common, view: isKnown ? view : 'list', id: undefined }
}

/** Undefined for what is no id of 8 bytes: of such nothing can be asked. */
function idOf(text: string | null): bigint | undefined {
  if (!/^\d{1,20}$/u.test(text ?? '')) return undefined
  const id = BigInt(text!)
  return id > 0n && id >> 64n === 0n ? id : undefined
}

type LinkProps = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href' | 'onClick'> & {
  readonly to: Target
  readonly children: ReactNode
}

/** A link as browsers know it, which stays on the page. */
export function Link({ to, children, ...more }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(to)
  }
  return (
    <a {...more} href={hrefTo(to)} onClick={follow}>
      {children}
    </a>
  )
}
