/**
 * The way in: a wallet of the browser (EIP-6963), which may take up an invite, the file of a key card, or the link of a
 * development relay.
 */

import { readInviteLink, type Invite } from 'cairn-relay/enrol'
import { useEffect, useState } from 'react'
import { signerOf, useBrowserWallets, type BrowserWallet } from '../browser-wallets.js'
import { Field, RefusedField } from './forms.js'
import { FileButton } from './shared.js'
import {
  changedRelay,
  developmentRelay,
  forgetRelay,
  newCard,
  openForVisitors,
  secretOf,
  type DevelopmentLink,
  type Login,
  type OpenedLink,
} from './session.js'
import { sentenceOf, type Refused } from './sentences.js'
import { redeemInvite, registryOf } from './wallets.js'

interface LoginProps {
  readonly link: OpenedLink | undefined
  /** Of a login that was kept and does not work. */
  readonly problem: string | undefined
  readonly enter: (login: Login) => void
}

export function LoginPage({ link: opening, problem, enter }: LoginProps) {
  const { development: link, invite: opened } = opening ?? {}
  const relay = developmentRelay()
  const [shopText, setShop] = useState(String(link?.shop ?? opened?.shop ?? relay?.shop ?? ''))
  const [lookOnly, setLookOnly] = useState(false)
  const [busy, setBusy] = useState('')
  const [error, setError] = useState(problem)
  const [refused, refuse] = useState<Refused | undefined>()
  const pasted = readInviteLink(shopText.trim())
  const invite = pasted ?? (String(opened?.shop) === shopText.trim() ? opened : undefined)
  const shop = invite?.shop ?? shopOf(shopText)

  const setText = (text: string) => {
    setShop(text)
    refuse(undefined)
  }
  const way = async (what: string, secret: (shop: bigint) => Promise<Uint8Array>) => {
    setError(undefined)
    if (shop === undefined) return refuse({ field: 'Shop', text: NO_SHOP })
    setBusy(what)
    try {
      enter({ shop, secret: await secret(shop), lookOnly })
    } catch (failure) {
      setError(sentenceOf(failure))
    } finally {
      setBusy('')
    }
  }

  return (
    <main className="login">
      <h1>Merchant console</h1>
      <p>
        For the owner of a shop and its clerks. What you see is checked in this browser; your key card stays in it and
        signs what you change.
      </p>
      <OtherRelay />
      {invite === undefined ? null : (
        <p className="told" role="status">
          You are invited to work for shop {String(invite.shop)}. The wallet that you join with becomes a clerk of it.
        </p>
      )}
      <RefusedField value={refused}>
        <Field label="Shop" hint="Its number, as cairn shop create printed it, or the link of an invite.">
          <input value={shopText} spellCheck={false} onChange={(event) => setText(event.target.value)} />
        </Field>
      </RefusedField>
      <label className="check">
        <input type="checkbox" checked={lookOnly} onChange={(event) => setLookOnly(event.target.checked)} />
        <span>Look only: see everything, change nothing</span>
      </label>
      {relay === undefined || link !== undefined || invite !== undefined ? null : <DevelopmentKey shop={relay.shop} />}
      <Ways link={link} invite={invite} busy={busy} way={way} />
      <p role="alert" className="problem">
        {error}
      </p>
    </main>
  )
}

/** The key is in no page that a stranger could load: who started the relay has it. */
function DevelopmentKey({ shop }: { readonly shop: string }) {
  if (shop === '')
    return (
      <p className="told">
        This is a development relay without its demo shop. Log in with a wallet of this browser, or with the card file
        that <code>cairn shop create</code> made.
      </p>
    )
  return (
    <p className="told">
      This is a development relay. The key of its demo shop is in the link that it printed when it started, beside{' '}
      <code>console</code>: open that link, and log in with one click.
    </p>
  )
}

/** A relay that was made anew, or one that another person put in its place: which, only who runs it can say. */
function OtherRelay() {
  const [changed, setChanged] = useState<Awaited<ReturnType<typeof changedRelay>>>()
  useEffect(() => void changedRelay().then(setChanged), [])
  if (changed === undefined) return null
  const forget = () => {
    forgetRelay()
    setChanged(undefined)
  }
  return (
    <div className="gone" role="alert">
      <p>
        This browser knows the relay here as <code>{changed.was}</code>, and now it says that it is{' '}
        <code>{changed.is}</code>. Nothing that it shows would be believed. Ask who runs it: only if it was made anew,
        go on with the new one.
      </p>
      <button type="button" onClick={forget}>
        Go on with the new one
      </button>
    </div>
  )
}

const NO_SHOP = 'Give the number of the shop, digits alone, or the link of an invite.'

function shopOf(text: string): bigint | undefined {
  return /^[1-9][0-9]{0,77}$/u.test(text.trim()) ? BigInt(text.trim()) : undefined
}

interface WaysProps {
  readonly link: DevelopmentLink | undefined
  readonly invite: Invite | undefined
  readonly busy: string
  readonly way: (what: string, secret: (shop: bigint) => Promise<Uint8Array>) => Promise<void>
}

function Ways({ link, invite, busy, way }: WaysProps) {
  const wallets = useBrowserWallets()
  const isBusy = busy !== ''
  const withWallet = (wallet: BrowserWallet) =>
    way(wallet.uuid, async (shop) => {
      if (invite !== undefined) await join(wallet, invite)
      return newCard(shop, await signerOf(wallet))
    })
  const verb = invite === undefined ? 'Log in' : 'Join'
  return (
    <div className="ways">
      {link === undefined ? null : (
        <button
          type="button"
          className="primary"
          disabled={isBusy}
          onClick={() => void way('development', (shop) => newCard(shop, link.wallet))}
        >
          {busy === 'development' ? 'Logging in …' : 'Log in with the development key'}
        </button>
      )}
      {wallets.map((wallet) => (
        <button key={wallet.uuid} type="button" disabled={isBusy} onClick={() => void withWallet(wallet)}>
          {busy === wallet.uuid ? 'Look at your wallet …' : `${verb} with ${wallet.name}`}
        </button>
      ))}
      {wallets.length > 0 ? null : (
        <p className="note">No wallet is announced in this browser. Install one, or use the file of a key card.</p>
      )}
      <FileButton
        label="Choose the file of a key card"
        disabled={isBusy}
        take={([file]) => void way('file', async () => secretOf(await file!.text()))}
      />
    </div>
  )
}

/** The registry is the one that the relay's checkpoints name; the wallet shows what it signs. */
async function join(wallet: BrowserWallet, { shop, secret }: Invite): Promise<void> {
  const client = await openForVisitors(shop)
  try {
    const registry = registryOf(client)
    if (registry === undefined) throw new Error('This relay has no chain: nobody can be invited to its shops.')
    await redeemInvite(wallet, { registry, shop }, secret)
  } finally {
    client.close()
  }
}
