/** The key that opens a guest's orders: offered once an order is paid, kept as a file or a code, and brought back. */

import { useEffect, useId, useMemo, useRef, useState, useSyncExternalStore, type FormEvent } from 'react'
import { exportCard } from 'cairn-relay/card'
import type { ShopClient } from 'cairn-relay/client'
import { relayDescription } from 'cairn-relay/enrol'
import { useShop } from 'cairn-relay/react'
import { saveFile } from './files.js'
import { useGuest } from './guest.js'
import { readKey } from './key-text.js'
import { secretOf } from './hex.js'
import { cardsAside, keepCard, type Place } from './place.js'
import { Qr } from './qr.js'

const never = () => () => undefined

/** By itself, until the guest kept his key or said no. */
export function KeyOffer() {
  const shop = useShop()
  const offer = useMemo(() => shop?.cardOffer(), [shop])
  const isOffered = useSyncExternalStore(offer?.subscribe ?? never, () => offer?.get().data !== undefined)
  const [text, setText] = useState('')
  const [isSaved, setSaved] = useState(false)
  if (shop === undefined || (!isOffered && text === '' && !isSaved)) return null
  const save = () => {
    saveKey(shop)
    setSaved(true)
  }
  return (
    <section className="panel key-offer" aria-label="Keep your key">
      <h2>Keep your key</h2>
      <p role="status">
        {isSaved
          ? 'Saved. Whoever has that file reads your orders, so keep it as you keep a ticket.'
          : 'A key in this browser opens your orders, and nothing else does. Keep a copy, or take it to your phone.'}
      </p>
      <div className="actions">
        <button type="button" className="primary" onClick={save}>
          Save the key as a file
        </button>
        <button type="button" onClick={() => setText(shop.exportCard())}>
          Show it as a code
        </button>
        {isOffered && (
          <button type="button" className="plain" onClick={() => shop.dismissCardOffer()}>
            Not now
          </button>
        )}
      </div>
      <KeySheet text={text} close={() => setText('')} />
    </section>
  )
}

/** The same at any time, and the way in for who bought elsewhere. */
export function KeyPanel() {
  const shop = useShop()
  const { card, place } = useGuest()
  const [text, setText] = useState('')
  return (
    <section className="panel" aria-label="Your key">
      <h2>Your key</h2>
      {card !== undefined && shop !== undefined && (
        <>
          <p>A key in this browser opens these orders. Who has it reads them, and who lost it does not.</p>
          <div className="actions">
            <button type="button" onClick={() => saveKey(shop)}>
              Save the key as a file
            </button>
            <button type="button" onClick={() => setText(shop.exportCard())}>
              Show it as a code
            </button>
          </div>
        </>
      )}
      <KeySheet text={text} close={() => setText('')} />
      {cardsAside(place.shop).map((aside, i) => (
        <SetAside key={i} card={aside} />
      ))}
      <details className="import">
        <summary>I bought on another device</summary>
        <ImportKey />
      </details>
    </section>
  )
}

/** A key that the relay did not know: what there is to do with it. */
export function SetAside({ card }: { readonly card: Uint8Array }) {
  const { place } = useGuest()
  const [told, setTold] = useState('')
  const save = () =>
    saveAside(place, card).then(
      () => setTold('Saved.'),
      () => setTold('The shop does not answer. Try again in a moment.'),
    )
  return (
    <>
      <p>
        The shop does not know the key of this browser any more, so the orders made with it cannot be opened. The key is
        set aside, not deleted: save it, and ask the merchant. Once the shop knows it again, bring it here as on another
        device.
      </p>
      <div className="actions">
        <button type="button" onClick={() => void save()}>
          Save the old key as a file
        </button>
        <span role="status">{told}</span>
      </div>
    </>
  )
}

/** Rejects where the relay has to be asked for its address, and does not answer. */
async function saveAside({ url, shop, relay }: Place, secret: Uint8Array): Promise<void> {
  const address = relay === 'development' ? (await relayDescription(url)).relay_address : relay
  saveKeyText(shop, exportCard({ shop, relay: secretOf(address), secret }))
}

function KeySheet({ text, close }: { readonly text: string; readonly close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (text !== '') dialog.current?.showModal()
    setCopied(false)
  }, [text])
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    )
  return (
    <dialog ref={dialog} className="sheet" aria-label="Your key as a code" onClose={close}>
      {text !== '' && <KeyText text={text} />}
      <form method="dialog" className="actions">
        <button type="button" onClick={copy}>
          {isCopied ? 'Copied' : 'Copy the text'}
        </button>
        <button className="primary">Done</button>
      </form>
    </dialog>
  )
}

function KeyText({ text }: { readonly text: string }) {
  return (
    <>
      <h2>Your key</h2>
      <p>
        Scan it, or copy the text, and give it to this shop’s page on your other device: “Orders”, “I bought on another
        device”.
      </p>
      <Qr text={text} mode="Alphanumeric" label="Your key as a QR code; its text stands below" />
      <p className="key-text" data-testid="key-text">
        {text}
      </p>
    </>
  )
}

function ImportKey() {
  const { place, card, become } = useGuest()
  const [text, setText] = useState('')
  const [told, setTold] = useState('')
  const [id, hint] = [useId(), useId()]
  const take = (event: FormEvent) => {
    event.preventDefault()
    const read = readKey(text, place)
    const isTaken = read.secret !== undefined && keepCard(place.shop, read.secret, card)
    setTold(isTaken || read.secret === undefined ? read.told : OVERTAKEN)
    if (!isTaken || read.secret === undefined) return
    become(read.secret)
    setText('')
  }
  return (
    <form onSubmit={take} className="import-form">
      <label className="field" htmlFor={id}>
        The key’s text
      </label>
      <textarea
        id={id}
        rows={4}
        required
        spellCheck={false}
        autoComplete="off"
        aria-describedby={hint}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <p id={hint} className="quiet">
        It begins with CAIRN-CARD. {card !== undefined && 'It replaces the key of this browser: save that one first.'}
      </p>
      <div className="actions">
        <label className="file">
          <input type="file" accept=".txt,text/plain" onChange={({ target }) => void fileText(target).then(setText)} />
          <span>Choose its file</span>
        </label>
        <button className="primary">{card === undefined ? 'Open my orders' : 'Replace the key'}</button>
      </div>
      <p role="status" className={told.startsWith('✓') ? '' : 'problem'}>
        {told}
      </p>
    </form>
  )
}

const OVERTAKEN = 'Another tab has another key by now. Look at your orders there, and save that key first.'

async function fileText({ files }: HTMLInputElement): Promise<string> {
  return ((await files?.[0]?.text()) ?? '').trim()
}

function saveKey(shop: ShopClient): void {
  saveKeyText(shop.shopId, shop.exportCard())
}

function saveKeyText(shop: bigint, text: string): void {
  saveFile(`cairn-key-${String(shop).slice(0, 8)}.txt`, new TextEncoder().encode(`${text}\n`))
}
