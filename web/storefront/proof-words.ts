/** What is proven of what is shown, in words: of each kind what is true of it, and no more. Pure. */

import type { LiveState, Verified } from 'cairn-relay/client'
import { blameFor } from './words.js'

export type Standing = Pick<
  LiveState<unknown>,
  'status' | 'complete' | 'stale' | 'verified' | 'pending' | 'data' | 'error'
>
export type Kind = 'proven' | 'checking' | 'kept' | 'elsewhere' | 'pending' | 'stale' | 'unproven' | 'failed' | 'halted'

interface Session {
  readonly protocol: number
  readonly isConnected: boolean
  /** False while the shop goes on in another tab. */
  readonly isHere: boolean
}

export function kindOf(standing: Standing, { protocol, isConnected, isHere }: Session): Kind {
  const { status, complete, stale, pending } = standing
  if (status === 'failed') return blameFor(standing.error) === 'relay' ? 'failed' : 'halted'
  if (protocol === 4) return 'unproven'
  if (pending === true) return 'pending'
  if (!isHere && holdsSomething(standing)) return 'elsewhere'
  if (status === 'loading' && !isConnected && holdsSomething(standing)) return 'kept'
  if (complete) return stale ? 'stale' : 'proven'
  return 'checking'
}

/** Before there was a connection it can only be of an earlier visit. */
function holdsSomething({ data }: Standing): boolean {
  return data !== undefined && !(Array.isArray(data) && data.length === 0)
}

export function wordsOf(kind: Kind, last: Verified | undefined, all: string): readonly [head: string, more: string] {
  const at = timeOf(last)
  const as = last === undefined ? 'Checking' : `Proven as of checkpoint ${last.seq}`
  if (kind === 'proven') return [as, all]
  if (kind === 'elsewhere')
    return [at === '' ? 'As it was' : `As it was at ${at}`, 'it goes on in another tab; click here']
  if (kind === 'kept')
    return ['From your last visit', last === undefined ? 'not checked yet' : `proven as of checkpoint ${last.seq}`]
  if (kind === 'pending') return ['Pending', 'what you changed is not sent yet, and nobody has proven it']
  if (kind === 'checking') return [as, last === undefined ? 'one moment' : 'a change is being checked']
  if (kind === 'stale') return [as, 'the relay shows nothing newer, or this device’s clock is fast']
  if (kind === 'unproven') return ['Not proven', 'the relay speaks an old version']
  if (kind === 'halted') return ['Not checked', 'this page could not go on']
  return ['Does not verify', 'do not buy here']
}

/** When the relay signed it, by a reader's clock, with its day if that is not today; empty if nobody knows. */
export function timeOf(verified: Verified | undefined, now = new Date()): string {
  const { timestamp } = verified ?? {}
  if (timestamp === undefined) return ''
  const signed = new Date(Number(timestamp) * 1_000)
  return signed.toDateString() === now.toDateString() ? signed.toLocaleTimeString() : signed.toLocaleString()
}

/** What the sum has come to, of each kind what is true of it. */
export const SUMS: Readonly<Record<Exclude<Kind, 'unproven' | 'failed' | 'halted'>, string>> = {
  proven:
    'It computed the fingerprint of what you see and compared. They are equal: nothing was changed for you, and ' +
    'nothing was left out.',
  stale:
    'It computed the fingerprint of what you see and compared. They are equal: as of that checkpoint nothing was ' +
    'changed for you, and nothing was left out. Of what came since it knows nothing.',
  checking: 'It computes the fingerprint of what you see, and compares. That has not ended: nothing is proven yet.',
  kept:
    'What you see was kept in this browser when you were here last. Now it is not compared with anything: the shop ' +
    'has not answered yet.',
  elsewhere: 'What you see is as it was when this page was in use last. Since then this page compares nothing.',
  pending:
    'What you changed last is shown as if the shop had taken it. It has not yet, and no fingerprint has it: ' +
    'that part nobody has proven.',
}
