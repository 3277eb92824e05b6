/** Word of new orders while the console is open: a line, a mark in the tab's title, and what else is wanted. */

import { useEffect, useRef, useState } from 'react'
import { isWanted, notify, readyOnTouch, ring, want, type Alert } from './alerts.js'
import { FreshOrders } from './fresh-orders.js'
import { guestText } from './guest-text.js'
import { useOutcomes } from './outcomes.js'
import { useLive, useSession } from './shared.js'

const TITLE = 'Merchant console'

export function NewOrders({ open }: { readonly open: (order: bigint) => void }) {
  const { client } = useSession()
  const { data: orders, status } = useLive(client.orders())
  const { tell, run } = useOutcomes()
  const fresh = useRef(new FreshOrders())
  const [wanted, setWanted] = useState({ sound: isWanted('sound'), notifications: isWanted('notifications') })

  useEffect(() => {
    if (status === 'loading' || orders === undefined) return
    const placed = fresh.current.take(orders)
    const [first] = placed
    if (first === undefined) return
    const what = placed.length === 1 ? 'A new order' : `${placed.length} new orders`
    const guests = placed.slice(0, NAMED_MAX).map(({ ShippingAddress: ship, InvoiceAddress: bill }) => ship ?? bill)
    const names = guests.map((address) => guestText(address?.Name ?? 'a guest')).join(', ')
    const text = `Of ${names}${placed.length > NAMED_MAX ? ' and others' : ''}.`
    tell(what, text)
    if (wanted.sound) ring()
    if (wanted.notifications) notify(what, text, () => open(first.ID))
    if (document.hidden) document.title = `(${placed.length} new) ${TITLE}`
  }, [orders, status, tell, wanted, open])
  useEffect(readyOnTouch, [])
  useEffect(() => {
    const seen = () => {
      if (!document.hidden) document.title = TITLE
    }
    document.addEventListener('visibilitychange', seen)
    return () => document.removeEventListener('visibilitychange', seen)
  }, [])

  const toggle = async (alert: Alert) => {
    const isOn = !wanted[alert]
    const what = `Turn ${alert} ${isOn ? 'on' : 'off'}`
    const isDone = await run(what, () => want(alert, isOn).then(() => 'Remembered in this browser.'), { reads: true })
    if (isDone) setWanted((before) => ({ ...before, [alert]: isOn }))
  }
  return (
    <>
      {ALERTS.map(([alert, name]) => (
        <button
          key={alert}
          type="button"
          className="quiet"
          aria-pressed={wanted[alert]}
          title={`${name} for new orders`}
          onClick={() => void toggle(alert)}
        >
          {name} {wanted[alert] ? 'on' : 'off'}
        </button>
      ))}
    </>
  )
}

const NAMED_MAX = 3
const ALERTS: readonly (readonly [alert: Alert, name: string])[] = [
  ['sound', 'Sound'],
  ['notifications', 'Notifications'],
]
