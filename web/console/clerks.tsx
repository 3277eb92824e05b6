/** Wallets that work for the shop, and taking their right away on the chain. */

import type { ShopCard } from 'cairn-relay/client'
import { useState } from 'react'
import { hex } from './fields.js'
import { useOutcomes } from './outcomes.js'
import { short, useSession, WriteButton } from './shared.js'
import { removeClerk, useWallets, type Registry } from './wallets.js'

export function Clerks({ cards, registry }: { readonly cards: readonly ShopCard[]; readonly registry: Registry }) {
  const { card: own } = useSession()
  const mine = cards.find(({ card }) => hex(card) === hex(own))
  const accounts = new Map(cards.map(({ account }) => [hex(account), account]))
  if (mine !== undefined) accounts.delete(hex(mine.account))
  const [wallet] = useWallets()
  if (accounts.size === 0) return null
  return (
    <>
      <h3>Other wallets of the staff</h3>
      <ul className="lines">
        {[...accounts].map(([name, account]) => (
          <li key={name}>
            <code title={`0x${name}`}>0x{short(account)}</code>
            {wallet === undefined ? (
              <small>needs a wallet in this browser</small>
            ) : (
              <RemoveClerk account={account} wallet={wallet} registry={registry} />
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

interface RemoveProps {
  readonly account: Uint8Array
  readonly wallet: ReturnType<typeof useWallets>[number]
  readonly registry: Registry
}

function RemoveClerk({ account, wallet, registry }: RemoveProps) {
  const { shop } = useSession()
  const { run } = useOutcomes()
  const [isSure, setSure] = useState(false)
  const remove = () => {
    if (!isSure) return setSure(true)
    setSure(false)
    void run(`Remove clerk 0x${short(account)}`, async () => {
      await removeClerk(wallet, { registry, shop }, account)
      return 'It is in a block: the wallet is no clerk any more, and its cards go with it.'
    })
    return undefined
  }
  return (
    <WriteButton className={isSure ? 'danger' : 'quiet'} onClick={remove}>
      {isSure ? 'Really remove' : 'Remove'} clerk<span className="visually-hidden"> 0x{short(account)}</span>
    </WriteButton>
  )
}
