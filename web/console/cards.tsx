/** Key cards: who may sign for the shop, since when, taking one out; and invites for clerks. */

import type { ShopCard } from 'cairn-relay/client'
import { useEffect, useState } from 'react'
import { Clerks } from './clerks.js'
import { hex } from './fields.js'
import { Invites } from './invites.js'
import { useOutcomes } from './outcomes.js'
import { Badge, Empty, short, SureButton, Table, useLive, useSession } from './shared.js'
import { registryOf } from './wallets.js'

const SHOWN_FIRST = 50

export function CardsView() {
  const { client } = useSession()
  const { data: cards = [], status } = useLive(client.cards())
  const [shown, show] = useState(SHOWN_FIRST)
  const registry = registryOf(client)
  const staff = cards.filter(({ isGuest }) => !isGuest)
  const guests = cards.filter(({ isGuest }) => isGuest)
  return (
    <div className="sheets">
      <section className="sheet wide" aria-label="Staff">
        <h2>Staff</h2>
        <p>
          Each browser and device has a card of its own. One that is lost is taken out here: its session ends at once.
          Its wallet can make another one for as long as it is a clerk of the shop.
        </p>
        <CardsTable whose="staff" cards={staff} />
        {registry === undefined ? null : <Clerks cards={staff} registry={registry} />}
      </section>
      <Invites />
      <section className="sheet wide" aria-label="Guests">
        <h2>Guests ({guests.length})</h2>
        {guests.length > 0 ? null : <Empty>{status === 'loading' ? 'On their way …' : 'No guest has come yet.'}</Empty>}
        <CardsTable whose="guests" cards={guests.slice(-shown).toReversed()} />
        {guests.length > shown ? (
          <button type="button" onClick={() => show(shown + SHOWN_FIRST)}>
            Show more
          </button>
        ) : null}
      </section>
    </div>
  )
}

function CardsTable({ whose, cards }: { readonly whose: string; readonly cards: readonly ShopCard[] }) {
  const since = useSince(cards)
  if (cards.length === 0) return null
  return (
    <Table
      label={`Cards of ${whose}`}
      heads={['Card', 'Wallet', 'In the shop since', <span className="visually-hidden">Take out</span>]}
    >
      {cards.map((card) => (
        <CardRow key={hex(card.card)} card={card} since={since.get(hex(card.card))} />
      ))}
    </Table>
  )
}

function CardRow({
  card: { card, account, isGuest },
  since,
}: {
  readonly card: ShopCard
  readonly since: bigint | undefined
}) {
  const { client, card: own } = useSession()
  const { run } = useOutcomes()
  const isOwn = hex(own) === hex(card)
  const remove = () => {
    void run(`Take out card ${short(card)}`, async () => {
      const { seq } = await client.removeCard(card)
      return `It is out since set ${seq}: its session is over, and it signs nothing any more.`
    })
  }
  return (
    <tr data-card={hex(card)}>
      <th scope="row">
        <code title={hex(card)}>{short(card)}</code> {isOwn ? <Badge kind="good">this browser</Badge> : null}
      </th>
      <td>{isGuest ? 'a guest' : <code title={`0x${hex(account)}`}>0x{short(account)}</code>}</td>
      <td>{since === undefined ? '…' : `set ${since}`}</td>
      <td className="number">
        <SureButton
          what="Take out"
          sure={isOwn ? 'Really: it logs you out' : 'Really take it out'}
          of={`card ${short(card)}`}
          act={remove}
        />
      </td>
    </tr>
  )
}

/** Proven, by card; asked for when the list changes. */
function useSince(cards: readonly ShopCard[]): ReadonlyMap<string, bigint | undefined> {
  const { client } = useSession()
  const [since, setSince] = useState<ReadonlyMap<string, bigint | undefined>>(new Map())
  const names = cards.map(({ card }) => hex(card)).join()
  useEffect(() => {
    let isOver = false
    const ask = async () => {
      const seqs = await client.cardsSince(cards.map(({ card }) => card))
      if (!isOver) setSince(new Map(cards.map(({ card }, i) => [hex(card), seqs[i]])))
    }
    // A column that stays empty says enough.
    if (cards.length > 0) void ask().catch(() => undefined)
    return () => void (isOver = true)
  }, [client, names])
  return since
}
