/** Small things that several views show. */

import { useEffect, useRef, useState, type ReactNode } from 'react'
import { VIEW_STATE_PUBLISHED, type Listing } from 'cairn-relay/client'
import { usePriceText } from './guest.js'

/** In the place of what a check or a wrong address kept from being seen: whether it is there nobody knows. */
export const UNSEEN = 'This could not be looked at'

/** A view with its heading, which is read first and is the page's title. */
export function View({
  title,
  wide = false,
  children,
}: {
  readonly title: string
  readonly wide?: boolean
  readonly children: ReactNode
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = title
  }, [title])
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  return (
    <main className={wide ? 'wide' : 'narrow'}>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </main>
  )
}

/** Of a listing; a ground of its own colour where it has none, or one that does not come. */
export function Picture({ listing, eager = false }: { readonly listing: Listing; readonly eager?: boolean }) {
  const { Images, Title } = listing.Metadata
  const src = Images?.[0]
  const [broken, setBroken] = useState<string | undefined>()
  if (src === undefined || src === broken)
    return (
      <div
        className="picture bare"
        role={src === undefined ? undefined : 'img'}
        aria-label={src === undefined ? undefined : `${Title}: its picture is missing`}
        style={{ '--hue': String(listing.ID % 360n) } as object}
      >
        <Mark />
      </div>
    )
  const attributes = { src, alt: Title, width: '640', height: '640', decoding: 'async' } as const
  return (
    <div className="picture">
      <img {...attributes} loading={eager ? 'eager' : 'lazy'} onError={() => setBroken(src)} />
    </div>
  )
}

/** Marks for a moment that it changed. */
export function Price({ amount }: { readonly amount: bigint | undefined }) {
  const text = usePriceText()(amount)
  const first = useRef(text)
  if (first.current === '…') first.current = text
  return (
    <span key={text} className={text === first.current ? 'price' : 'price fresh'}>
      {text}
    </span>
  )
}

/** What a shop shows to everybody; others come by their link. */
export function isForSale({ ViewState }: Listing): boolean {
  return ViewState === VIEW_STATE_PUBLISHED
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
      <ellipse cx="16" cy="26" rx="12" ry="4.5" fill="currentColor" />
      <ellipse cx="17" cy="17.5" rx="8.5" ry="3.8" fill="currentColor" opacity=".8" />
      <ellipse cx="15.5" cy="10" rx="5.6" ry="3.1" fill="currentColor" opacity=".62" />
      <ellipse cx="16.4" cy="4.6" rx="3" ry="2" fill="var(--clay)" />
    </svg>
  )
}
