/** Key cards: who may sign for the shop, since when, taking one out; and invites for clerks. */

import type { ShopCard } from 'cairn-relay/client'
import { decodeCheckpoint } from 'cairn-relay/checkpoint'
import { decode } from 'cairn-relay/codec'
import { inviteLink, makeKeyCard } from 'cairn-relay/enrol'
import { createStore } from 'mipd'
import { useEffect, useMemo, useState } from 'react'
import { createWalletClient, custom, encodeFunctionData, parseAbi } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { useOutcomes } from './outcomes.js'
import { hex } from './session.js'
import { Badge, Empty, Scroll, short, useLive, useSession } from './shared.js'

const SHOWN_FIRST = 50

export function CardsView() {
  const { client } = useSession()
  const { data: cards = [], status } = useLive(client.cards())
  const [shown, show] = useState(SHOWN_FIRST)
  const staff = cards.filter(({ isGuest }) => !isGuest)
  const guests = cards.filter(({ isGuest }) => isGuest)
  return (
    <div className="sheets">
      <section className="sheet wide" aria-label="Staff">
        <h2>Staff</h2>
        <p>
          Each browser and device has a card of its own. One that is lost is taken out here: its session ends at once.
        </p>
        <CardsTable whose="staff" cards={staff} />
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
    <Scroll label={`Cards of ${whose}`}>
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">Card</th>
            <th scope="col">Wallet</th>
            <th scope="col">In the shop since</th>
            <th scope="col">
              <span className="visually-hidden">Take out</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {cards.map((card) => (
            <CardRow key={hex(card.card)} card={card} since={since.get(hex(card.card))} />
          ))}
        </tbody>
      </table>
    </Scroll>
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
  const [isSure, setSure] = useState(false)
  const isOwn = hex(own) === hex(card)
  const remove = () => {
    if (!isSure) return setSure(true)
    setSure(false)
    void run(`Take out card ${short(card)}`, async () => {
      const { seq } = await client.removeCard(card)
      return `It is out since set ${seq}: its session is over, and it signs nothing any more.`
    })
    return undefined
  }
  return (
    <tr data-card={hex(card)}>
      <th scope="row">
        <code title={hex(card)}>{short(card)}</code> {isOwn ? <Badge kind="good">this browser</Badge> : null}
      </th>
      <td>{isGuest ? 'a guest' : <code title={`0x${hex(account)}`}>0x{short(account)}</code>}</td>
      <td>{since === undefined ? '…' : `set ${since}`}</td>
      <td className="number">
        <button type="button" className={isSure ? 'danger' : 'quiet'} onClick={remove}>
          {isSure ? (isOwn ? 'Really: it logs you out' : 'Really take it out') : 'Take out'}
          <span className="visually-hidden"> card {short(card)}</span>
        </button>
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

function Invites() {
  const { client, shop } = useSession()
  const { run } = useOutcomes()
  const wallets = useMemo(() => createStore(), [])
  const [link, setLink] = useState('')
  const place = registryOf(client.checkpoint?.bytes)
  const invite = () =>
    run('Invite a clerk', async () => {
      const [detail] = wallets.getProviders()
      if (detail === undefined) throw new Error('No wallet is announced in this browser: cairn invite does the same.')
      const { secret } = makeKeyCard()
      const verifier = privateKeyToAddress(`0x${hex(secret)}`)
      const wallet = createWalletClient({ transport: custom(detail.provider as never) })
      const [account] = await wallet.requestAddresses()
      const data = encodeFunctionData({ abi: ABI, functionName: 'publishInviteVerifier', args: [shop, verifier] })
      await wallet.sendTransaction({ account: account!, to: place!, data, chain: null })
      setLink(inviteLink({ url: location.origin, shop, secret }))
      return 'Sent. The link works once the transaction is in a block.'
    })
  return (
    <section className="sheet" aria-label="Invite a clerk">
      <h2>Invite a clerk</h2>
      {place === undefined ? (
        <p>
          This relay has no chain: here a shop belongs to the wallet that named it first, and nobody can be invited.
        </p>
      ) : (
        <>
          <p>Makes a link with which one person can join as a clerk, by cairn join. Your wallet signs a transaction.</p>
          <button type="button" onClick={() => void invite()}>
            Make an invite
          </button>
        </>
      )}
      {link === '' ? null : (
        <label className="field">
          <span>Whoever has this link can use it, once</span>
          <input readOnly value={link} onFocus={(event) => event.target.select()} />
        </label>
      )}
    </section>
  )
}

const ABI = parseAbi(['function publishInviteVerifier(uint256 shopId, address verifier)'])

/** Of a signed checkpoint, CBOR [checkpoint, signature]; undefined in development mode, which has none. */
function registryOf(signed: Uint8Array | undefined): `0x${string}` | undefined {
  if (signed === undefined) return undefined
  const { Registry } = decodeCheckpoint((decode(signed) as Uint8Array[])[0]!)
  return Registry.some((byte) => byte !== 0) ? `0x${hex(Registry)}` : undefined
}
