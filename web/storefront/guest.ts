/** Who is here: a visitor, or a guest with a key card of this browser; and the shop in his words. */

import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { formatMoney, type OutboxState } from 'cairn-relay/client'
import { useConnection, useManifest, useShop } from 'cairn-relay/react'
import type { Place } from './place.js'
import { isOfConnection, problemWords } from './words.js'

export interface Guest {
  readonly place: Place
  /** 32 bytes; undefined for a visitor. */
  readonly card: Uint8Array | undefined
  /** Becomes a guest, or a visitor again. */
  readonly become: (card: Uint8Array | undefined) => void
  /** The card that the relay did not know, until the guest has read so. */
  readonly refused: Uint8Array | undefined
  readonly setRefused: (card: Uint8Array | undefined) => void
}

export const GuestContext = createContext<Guest | undefined>(undefined)

export function useGuest(): Guest {
  return useContext(GuestContext)!
}

/** Amounts of the shop's currency, in the reader's own way of writing. */
export function usePriceText(): (amount: bigint | undefined) => string {
  const shop = useShop()
  const currency = useManifest({ select: ({ data }) => data?.PricingCurrency })
  return (amount) =>
    amount === undefined || shop === undefined || currency === undefined
      ? '…'
      : formatMoney(shop.money(amount, currency))
}

const NOTHING: OutboxState = { pending: [], refused: [], isHere: true, isCartKept: false }
const never = () => () => undefined

/** What waits to be sent, and what was refused. */
export function useOutbox(): OutboxState {
  const shop = useShop()
  const outbox = useMemo(() => shop?.outbox(), [shop])
  return useSyncExternalStore(outbox?.subscribe ?? never, outbox?.get ?? nothing)
}

function nothing(): OutboxState {
  return NOTHING
}

/** What went wrong, as a person says it. */
export function useProblemWords(): (error: unknown) => string {
  const shop = useShop()
  return useCallback(
    (error) => problemWords(error, (listing) => shop?.listing(listing).get().data?.Metadata.Title),
    [shop],
  )
}

/** What went wrong last, in words; undefined clears it. That the shop does not answer is over once it does. */
export function useProblem(): readonly [problem: string, tell: (error: unknown) => void] {
  const words = useProblemWords()
  const { state } = useConnection()
  const [error, tell] = useState<unknown>(undefined)
  useEffect(() => {
    if (state === 'connected') tell((last: unknown) => (isOfConnection(last) ? undefined : last))
  }, [state])
  return [error === undefined ? '' : words(error), tell]
}

/** Seconds since 1970, each second. */
export function useSeconds(): bigint {
  const [now, setNow] = useState(secondsNow)
  useEffect(() => {
    const timer = setInterval(() => setNow(secondsNow()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return now
}

function secondsNow(): bigint {
  return BigInt(Math.floor(Date.now() / 1_000))
}

/** What is known later than that is shown as it comes. */
export const SETTLING_MS = 1_500

/** Once it is known what a view shows, and for good: until then nothing is, that would move when the rest comes. */
export function useSettled(isKnown: boolean): boolean {
  const wasKnown = useRef(false)
  const [isLate, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SETTLING_MS)
    return () => clearTimeout(timer)
  }, [])
  wasKnown.current ||= isKnown
  return wasKnown.current || isLate
}

/** `value`, once it has been the same for that long. */
export function useLasting<T>(value: T, ms: number): T {
  const [lasting, setLasting] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setLasting(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return lasting
}
