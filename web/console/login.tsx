/** The way in: a wallet of the browser (EIP-6963), the file of a key card, or the link of a development relay. */

import { createStore, type EIP6963ProviderDetail } from 'mipd'
import { useEffect, useMemo, useState, type ReactNode } from 'react'
import { createWalletClient, custom } from 'viem'
import type { Wallet } from 'cairn-relay/enrol'
import { Field } from './shared.js'
import { newCard, secretOf, type DevelopmentLink, type Login } from './session.js'
import { sentenceOf } from './outcomes.js'

interface LoginProps {
  readonly link: DevelopmentLink | undefined
  /** Of a login that was kept and does not work. */
  readonly problem: string | undefined
  readonly enter: (login: Login) => void
}

export function LoginPage({ link, problem, enter }: LoginProps) {
  const [shopText, setShop] = useState(link === undefined ? '' : String(link.shop))
  const [lookOnly, setLookOnly] = useState(false)
  const [busy, setBusy] = useState('')
  const [error, setError] = useState(problem)
  const shop = /^[1-9][0-9]{0,77}$/u.test(shopText.trim()) ? BigInt(shopText.trim()) : undefined

  const way = async (what: string, secret: () => Promise<Uint8Array>) => {
    if (shop === undefined) return setError('Give the number of the shop: digits alone.')
    setBusy(what)
    setError(undefined)
    try {
      enter({ shop, secret: await secret(), lookOnly })
    } catch (failure) {
      setError(sentenceOf(failure))
    } finally {
      setBusy('')
    }
  }
  const withWallet = (name: string, wallet: () => Promise<Wallet>) =>
    way(name, async () => newCard(shop!, await wallet()))

  return (
    <main className="login">
      <h1>Merchant console</h1>
      <p>
        For the owner of a shop and its clerks. What you see is checked in this browser; your key card stays in it and
        signs what you change.
      </p>
      <Field label="Shop" hint="Its number, as cairn shop create printed it.">
        <input inputMode="numeric" value={shopText} onChange={(event) => setShop(event.target.value)} />
      </Field>
      <label className="check">
        <input type="checkbox" checked={lookOnly} onChange={(event) => setLookOnly(event.target.checked)} />
        <span>Look only: see everything, change nothing</span>
      </label>
      <Ways link={link} busy={busy} withWallet={withWallet} way={way} />
      <p role="alert" className="problem">
        {error}
      </p>
    </main>
  )
}

function Ways({
  link,
  busy,
  withWallet,
  way,
}: {
  readonly link: DevelopmentLink | undefined
  readonly busy: string
  readonly withWallet: (name: string, wallet: () => Promise<Wallet>) => Promise<void>
  readonly way: (what: string, secret: () => Promise<Uint8Array>) => Promise<void>
}) {
  const wallets = useWallets()
  const isBusy = busy !== ''
  return (
    <div className="ways">
      {link === undefined ? null : (
        <button
          type="button"
          className="primary"
          disabled={isBusy}
          onClick={() => void withWallet('development', () => Promise.resolve(link.wallet))}
        >
          {busy === 'development' ? 'Logging in …' : 'Log in with the development key'}
        </button>
      )}
      {wallets.map((detail) => (
        <button
          key={detail.info.uuid}
          type="button"
          disabled={isBusy}
          onClick={() => void withWallet(detail.info.uuid, () => walletOf(detail))}
        >
          {busy === detail.info.uuid ? 'Look at your wallet …' : `Log in with ${detail.info.name}`}
        </button>
      ))}
      {wallets.length > 0 ? null : (
        <Note>No wallet is announced in this browser. Install one, or use the file of a key card.</Note>
      )}
      <label className="button">
        <span>Choose the file of a key card</span>
        <input
          type="file"
          className="visually-hidden"
          disabled={isBusy}
          onChange={(event) => {
            const file = event.target.files?.[0]
            if (file !== undefined) void way('file', async () => secretOf(await file.text()))
          }}
        />
      </label>
    </div>
  )
}

function Note({ children }: { readonly children: ReactNode }) {
  return <p className="note">{children}</p>
}

function useWallets(): readonly EIP6963ProviderDetail[] {
  const store = useMemo(() => createStore(), [])
  const [wallets, setWallets] = useState(store.getProviders())
  useEffect(() => store.subscribe((all) => setWallets([...all])), [store])
  return wallets
}

/** Asks for an account. Rejects where the person says no. */
export async function walletOf({ provider }: EIP6963ProviderDetail): Promise<Wallet> {
  const client = createWalletClient({ transport: custom(provider as never) })
  const [address] = await client.requestAddresses()
  if (address === undefined) throw new Error('The wallet gave no account.')
  return { address, signMessage: ({ message }) => client.signMessage({ account: address, message }) }
}
