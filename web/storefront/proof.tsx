/** What is proven of what is shown, for people who have never heard of it; and in red, what does not verify. */

import { useRef, useState } from 'react'
import type { Verified } from 'cairn-relay/client'
import { useConnection, useShop } from 'cairn-relay/react'
import { useLasting, useOutbox, useProblemWords } from './guest.js'
import { shortHex } from './hex.js'
import { kindOf, SUMS, wordsOf, type Kind, type Standing } from './proof-words.js'
import { blameFor, futureOf } from './words.js'

const SIGNS: Readonly<Record<Kind, string>> = {
  proven: '✓',
  checking: '○',
  kept: '○',
  elsewhere: '○',
  pending: '…',
  stale: '!',
  unproven: '–',
  failed: '✗',
  halted: '–',
}

const TURN_MS = 1_200

/** A button that says it in a line, and opens what it means. `all`: what being complete means here. */
export function Proof({ state, all = 'nothing left out' }: { readonly state: Standing; readonly all?: string }) {
  const shop = useShop()
  const dialog = useRef<HTMLDialogElement>(null)
  // A change is shown before its proof, which follows within a second: until then the last one is named.
  const [last, setLast] = useState(state.verified)
  if (state.verified !== undefined && state.verified !== last) setLast(state.verified)
  const isConnected = useConnection().state === 'connected'
  const isElsewhere = !useOutbox().isHere
  // A page that is just opened waits a moment for its turn.
  const isHere = !(useLasting(isElsewhere, TURN_MS) && isElsewhere)
  const kind = kindOf(state, { protocol: shop?.protocol ?? 5, isConnected, isHere })
  const [head, more] = wordsOf(kind, last, all)
  const open = () => {
    dialog.current?.showModal()
    // From its beginning, not from the button at its end.
    dialog.current?.focus()
  }
  return (
    <>
      <button type="button" className={`proof is-${kind}`} onClick={open}>
        <span className="sign" aria-hidden="true">
          {SIGNS[kind]}
        </span>
        <span className="proof-words">
          <strong>{head}</strong> <span>{more}</span>
        </span>
        <span className="proof-why">What is this?</span>
      </button>
      <dialog ref={dialog} tabIndex={-1} className="sheet" aria-label="What is proven here">
        <Explanation kind={kind} last={last} error={state.error} />
        <form method="dialog">
          <button className="primary">Back to the shop</button>
        </form>
      </dialog>
    </>
  )
}

function Explanation({
  kind,
  last,
  error,
}: {
  readonly kind: Kind
  readonly last: Verified | undefined
  readonly error: Error | undefined
}) {
  if (kind === 'failed') return <Refused error={error} />
  if (kind === 'halted') return <Halted error={error} />
  if (kind === 'unproven') return <Unproven />
  return (
    <div className="explained">
      <h2>You do not have to trust this shop’s server</h2>
      <ol>
        <li>
          <strong>Everything is written down.</strong> Each price, text and order is an entry in a numbered log, signed
          by who made it.
        </li>
        <li>
          <strong>The server commits itself.</strong> About once a second it signs a checkpoint: after entry so-and-so
          the whole shop has exactly this fingerprint.
        </li>
        <li>
          <strong>Your browser does the sum.</strong> {SUMS[kind]}
        </li>
      </ol>
      <Facts last={last} />
      {kind === 'kept' && <p className="notice">As soon as the shop answers, it is checked anew.</p>}
      {kind === 'elsewhere' && (
        <p className="notice">
          You use this shop in another tab. What stands here is brought up to date when you click into this page.
        </p>
      )}
      {kind === 'stale' && (
        <p className="notice">
          By the clock of this device it is {new Date().toLocaleString()}, and the last checkpoint is older than it
          should be. Is that clock right? If it is, the relay keeps newer ones back, or is in trouble.
        </p>
      )}
      <p className="quiet">
        Not proven: whether the goods are good. And here, on a developer’s machine, the server names its own key; a real
        shop’s page has it built in.
      </p>
    </div>
  )
}

/** What a check found, word by word: for whoever runs the shop, not for its guests. */
export function Reason({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null
  return (
    <details className="exactly">
      <summary>What exactly</summary>
      <p className="reason">{text}</p>
    </details>
  )
}

/** Over version 4, which has no checkpoints: of nothing here can be said that it was compared. */
function Unproven() {
  return (
    <div className="explained">
      <h2>Here you have to trust this shop’s server</h2>
      <p>
        It speaks an old version of the protocol. Who made an entry is checked by its signature; that the server shows
        you all of them, and shows everybody the same, nobody can check.
      </p>
    </div>
  )
}

function Refused({ error }: { readonly error: Error | undefined }) {
  return (
    <div className="explained">
      <h2>This does not verify</h2>
      <p>What the relay sent does not fit what it signed. This page has stopped taking anything from it.</p>
      <Reason text={error?.message} />
    </div>
  )
}

/** Why nothing can be checked, where that is nobody's lie. */
function Halted({ error }: { readonly error: Error | undefined }) {
  const words = useProblemWords()
  const future = futureOf(error)
  return (
    <div className="explained">
      <h2>{future === undefined ? 'This page could not go on' : 'The clock of this device may be wrong'}</h2>
      {future === undefined ? <p>{words(error)}</p> : <Clocks future={future} />}
      <Reason text={error?.message} />
    </div>
  )
}

function Clocks({ future }: { readonly future: string }) {
  const [here] = useState(() => new Date())
  return (
    <p>
      This device says that it is {here.toLocaleString()}. The shop signed what it sent at{' '}
      {new Date(future).toLocaleString()}, which is later. Set the clock right, and load this page again. If it is right
      already, the clock of the shop is wrong: tell the merchant.
    </p>
  )
}

function Facts({ last }: { readonly last: Verified | undefined }) {
  const shop = useShop()
  if (last === undefined) return null
  const signed = last.timestamp && new Date(Number(last.timestamp) * 1_000)
  return (
    <dl className="facts">
      <dt>Checkpoint</dt>
      <dd>{String(last.seq)}</dd>
      <dt>Signed</dt>
      <dd>{signed?.toLocaleString() ?? 'unknown'}</dd>
      <dt>Fingerprint</dt>
      <dd>{last.root === undefined ? 'none' : shortHex(last.root)}</dd>
      <dt>Protocol</dt>
      <dd>version {shop?.protocol}</dd>
    </dl>
  )
}

/** Above everything, once a check failed. */
export function Alarm() {
  const { state, error } = useConnection()
  if (state === 'failed' && blameFor(error) !== 'relay')
    return (
      <div className="alarm is-halted" role="alert">
        <Halted error={error} />
      </div>
    )
  if (state === 'failed')
    return (
      <div className="alarm" role="alert">
        <strong>✗ Do not buy here.</strong> What this relay sends does not verify, and this page takes nothing more from
        it.
        <Reason text={error?.message} />
      </div>
    )
  return null
}
