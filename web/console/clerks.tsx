/** Wallets that work for the shop, and taking their right away on the chain. */

import type { ShopCard } from 'cairn-relay/client'
import { useState } from 'react'
import { useBrowserWallets, type BrowserWallet } from '../browser-wallets.js'
import { hex } from './fields.js'
import { useOutcomes } from './outcomes.js'
import { short, useSession, WriteButton } from './shared.js'
import { removeClerk, type Registry } from './wallets.js'

export function Clerks({ cards, registry }: { readonly cards: readonly ShopCard[]; readonly registry: Registry }) {
  const { card: own } = useSession()
  const mine = cards.find(({ card }) => hex(card) === hex(own))
  const accounts = new Map(cards.map(({ account }) => [hex(account), account]))
  if (mine !== undefined) accounts.delete(hex(mine.account))
  const wallets = useBrowserWallets()
  if (accounts.size === 0) return null
  return (
    <>
      <h3>Other wallets of the staff</h3>
      <ul className="lines">
        {[...accounts].map(([name, account]) => (
          <li key={name}>
            <code title={`0x${name}`}>0x{short(account)}</code>
            {wallets.length === 0 ? (
              <small>needs a wallet in this browser</small>
            ) : (
              <RemoveClerk account={account} wallets={wallets} registry={registry} />
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

interface RemoveProps {
  readonly account: Uint8Array
  readonly wallets: readonly BrowserWallet[]
  readonly registry: Registry
}

/** Asked once more before it is done; with several wallets, by which of them. */
function RemoveClerk({ account, wallets, registry }: RemoveProps) {
  const { shop } = useSession()
  const { run } = useOutcomes()
  const [isSure, setSure] = useState(false)
  const whom = <span className="visually-hidden"> 0x{short(account)}</span>
  const removeBy = (wallet: BrowserWallet) => {
    setSure(false)
    void run(`Remove clerk 0x${short(account)}`, async () => {
      await removeClerk(wallet, { registry, shop }, account)
      return 'It is in a block: the wallet is no clerk any more, and its cards go with it.'
    })
  }
  if (!isSure)
    return (
      <WriteButton className="quiet" onClick={() => setSure(true)}>
        Remove clerk{whom}
      </WriteButton>
    )
  return wallets.map((wallet) => (
    <WriteButton key={wallet.uuid} className="danger" onClick={() => removeBy(wallet)}>
      Really remove clerk{whom}
      {wallets.length === 1 ? '' : ` with ${wallet.name}`}
    </WriteButton>
  ))
}
