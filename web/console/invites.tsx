/** Invites for clerks: a link that one person can use, once. */

import { inviteLink } from 'cairn-relay/enrol'
import { useState } from 'react'
import { useOutcomes } from './outcomes.js'
import { useLive, useSession, WriteButton } from './shared.js'
import { useBrowserWallets, type BrowserWallet } from '../browser-wallets.js'
import { publishInvite, registryOf, type Registry } from './wallets.js'

export function Invites() {
  const { client } = useSession()
  // The registry is told by checkpoints, and one stands behind whatever is proven.
  useLive(client.manifest())
  const registry = registryOf(client)
  return (
    <section className="sheet" aria-label="Invite a clerk">
      <h2>Invite a clerk</h2>
      {registry === undefined ? (
        <p>
          This relay has no chain: here a shop belongs to the wallet that named it first, and nobody can be invited.
        </p>
      ) : (
        <InviteForm registry={registry} />
      )}
    </section>
  )
}

function InviteForm({ registry }: { readonly registry: Registry }) {
  const { shop } = useSession()
  const { run } = useOutcomes()
  const wallets = useBrowserWallets()
  const [link, setLink] = useState('')
  const invite = (wallet: BrowserWallet) =>
    run('Invite a clerk', async () => {
      const secret = await publishInvite(wallet, { registry, shop })
      setLink(inviteLink({ url: `${location.origin}/console`, shop, secret }).replace('/#', '#'))
      return 'It is in a block: the link works.'
    })
  const copy = () =>
    run('Copy the link', () => navigator.clipboard.writeText(link).then(() => 'Copied.'), { reads: true })
  return (
    <>
      <p>
        Makes a link with which one person joins as a clerk: in a browser with a wallet, or by <code>cairn join</code>.
        Your wallet signs a transaction.
      </p>
      <p className="row">
        {wallets.map((wallet) => (
          <WriteButton key={wallet.uuid} onClick={() => void invite(wallet)}>
            Make an invite with {wallet.name}
          </WriteButton>
        ))}
      </p>
      {wallets.length > 0 ? null : (
        <p className="note">No wallet is announced in this browser: cairn invite does the same.</p>
      )}
      {link === '' ? null : (
        <div className="row">
          <label className="field grow">
            <span>Whoever has this link can use it, once</span>
            <input readOnly value={link} onFocus={(event) => event.target.select()} />
          </label>
          <button type="button" onClick={() => void copy()}>
            Copy the link
          </button>
        </div>
      )}
    </>
  )
}
