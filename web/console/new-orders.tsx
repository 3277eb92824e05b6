/** Word of new orders while the console is open: a line, a sound if it is wanted, and a mark in the tab's title. */

import { OPEN } from 'cairn-relay/client'
import { useEffect, useRef, useState } from 'react'
import { useOutcomes } from './outcomes.js'
import { useLive, useSession } from './shared.js'

const NOTES: readonly (readonly [hertz: number, from: number])[] = [
  [880, 0],
  [1_174.7, 0.12],
]
const KEPT = 'cairn console sound'

export function NewOrders() {
  const { client } = useSession()
  const { data: orders, status } = useLive(client.orders())
  const { tell } = useOutcomes()
  const [isLoud, setLoud] = useState(() => readKept())
  const known = useRef<Set<bigint> | undefined>(undefined)

  useEffect(() => {
    if (status === 'loading' || orders === undefined) return
    const placed = orders.filter(({ State }) => State !== OPEN).map(({ ID }) => ID)
    const fresh = known.current === undefined ? [] : placed.filter((id) => !known.current!.has(id))
    known.current = new Set([...(known.current ?? []), ...placed])
    if (fresh.length === 0) return
    tell(fresh.length === 1 ? 'A new order' : `${fresh.length} new orders`, fresh.map((id) => `Order ${id}`).join(', '))
    if (isLoud) ring()
    if (document.hidden) document.title = `(${fresh.length} new) Merchant console`
  }, [orders, status, tell, isLoud])
  useEffect(() => {
    const seen = () => {
      if (!document.hidden) document.title = 'Merchant console'
    }
    document.addEventListener('visibilitychange', seen)
    return () => document.removeEventListener('visibilitychange', seen)
  }, [])

  const toggle = () => {
    setLoud(!isLoud)
    localStorage.setItem(KEPT, isLoud ? 'no' : 'yes')
    if (!isLoud) ring()
  }
  return (
    <button type="button" className="quiet" aria-pressed={isLoud} onClick={toggle}>
      Sound {isLoud ? 'on' : 'off'}
    </button>
  )
}

function readKept(): boolean {
  return localStorage.getItem(KEPT) === 'yes'
}

function ring(): void {
  const audio = new AudioContext()
  for (const [hertz, from] of NOTES) {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()]
    const at = audio.currentTime + from
    tone.frequency.value = hertz
    volume.gain.setValueAtTime(0.15, at)
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.3)
    tone.connect(volume).connect(audio.destination)
    tone.start(at)
    tone.stop(at + 0.3)
  }
  setTimeout(() => void audio.close(), 1_000)
}
