/** What a guest has to know wherever he is: how it stands with the connection, and what the shop refused. */

import { useEffect, useRef, useState } from 'react'
import type { RefusedWrite } from 'cairn-relay/client'
import { useCart, useConnection, useShop } from 'cairn-relay/react'
import { SetAside } from './key.js'
import { useGuest, useLasting, useOutbox } from './guest.js'
import { orderMadeBy, wantedBy } from './pending.js'
import { go } from './route.js'
import { connectionWords, refusalWords } from './words.js'

/** A connection that is gone for a moment is nobody's concern. */
const LASTING_MS = 1_200
const BACK_MS = 4_000

/** Over the page's end, so that nothing moves. */
export function Notices() {
  const connection = useConnection()
  const { card, refused: refusedCard, setRefused } = useGuest()
  const { isHere, refused } = useOutbox()
  const words = useLasting(connectionWords(connection, { isHere, isGuest: card !== undefined }), LASTING_MS)
  const isBack = useBack(words !== undefined)
  return (
    <div className="notices">
      <div role="status">
        {words !== undefined && (
          <p className="notice is-away">
            <span aria-hidden="true">○</span> {words}
          </p>
        )}
        {isBack && (
          <p className="notice">
            <span aria-hidden="true">✓</span> The shop answers again.
          </p>
        )}
      </div>
      <div role="alert">
        {refusedCard !== undefined && (
          <div className="notice is-refused">
            <SetAside card={refusedCard} />
            <button type="button" className="plain" onClick={() => setRefused(undefined)}>
              Close
            </button>
          </div>
        )}
        {refused.map((write) => (
          <Refused key={String(write.id)} write={write} />
        ))}
      </div>
    </div>
  )
}

/** For a moment after it was away. */
function useBack(isAway: boolean): boolean {
  const wasAway = useRef(isAway)
  const [isBack, setBack] = useState(false)
  useEffect(() => {
    setBack(wasAway.current && !isAway)
    wasAway.current = isAway
    const timer = setTimeout(() => setBack(false), BACK_MS)
    return () => clearTimeout(timer)
  }, [isAway])
  return isBack
}

function Refused({ write }: { readonly write: RefusedWrite }) {
  const shop = useShop()
  const { cart } = useCart()
  const made = orderMadeBy(write.changes)
  const titleOf = (listing: bigint) => shop?.listing(listing).get().data?.Metadata.Title
  const close = () => shop?.outbox().dismiss(write.id)
  const putBack = () => {
    for (const item of made?.items ?? []) cart?.add(item)
    close()
    go({ view: 'cart' })
  }
  return (
    <div className="notice is-refused">
      <p>
        <span aria-hidden="true">✗</span> <strong>{wantedBy(write)}</strong> {refusalWords(write, titleOf)}
      </p>
      <div className="actions">
        {made !== undefined && (
          <button type="button" onClick={putBack}>
            Put it back into the cart
          </button>
        )}
        <button type="button" className="plain" onClick={close}>
          Close
        </button>
      </div>
    </div>
  )
}
