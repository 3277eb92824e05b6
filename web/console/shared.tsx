/** What all views of the console share: the session, live values, words for amounts and addresses, small controls. */

import type { Live, LiveState, Listing, Manifest, Money, ShopClient } from 'cairn-relay/client'
import { formatMoney } from 'cairn-relay/client'
import {
  createContext,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type ButtonHTMLAttributes,
  type ReactElement,
  type ReactNode,
} from 'react'
import { hex } from './fields.js'
import type { Session } from './session.js'

export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  return useContext(SessionContext)!
}

/** Opens the session anew, as where what is known of tokens has changed. */
export const Reopen = createContext<() => void>(() => undefined)

export function useLive<T, S extends LiveState<T>>(live: Live<T, S>): S {
  return useSyncExternalStore(live.subscribe, live.get)
}

export function useManifest(): Manifest | undefined {
  return useLive(useSession().client.manifest()).data
}

/** What prices are in. */
export function usePricing(): Money | undefined {
  const manifest = useManifest()
  const { client } = useSession()
  return manifest && client.money(0n, manifest.PricingCurrency)
}

export function priceText(client: ShopClient, manifest: Manifest | undefined, amount: bigint): string {
  return manifest === undefined ? `${amount}` : formatMoney(client.money(amount, manifest.PricingCurrency))
}

export function titleOf(listing: Listing | undefined, id: bigint): string {
  return listing?.Metadata.Title ?? `listing ${id}, which is gone`
}

export function short(bytes: Uint8Array): string {
  const digits = hex(bytes)
  return `${digits.slice(0, 6)}…${digits.slice(-4)}`
}

export function timeText(seconds: bigint): string {
  return new Date(Number(seconds) * 1_000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}

export function download(name: string, content: BlobPart, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }))
  Object.assign(document.createElement('a'), { href: address, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

/** Where what became of things is shown while a dialog is open: all that is outside it can be neither read nor used. */
export const DialogPlace = createContext<(dialog: HTMLElement | null) => void>(() => undefined)

export const LOOK_ONLY =
  'You look only: this session changes nothing. Log out, and in again without “Look only”, to do it.'

/** A button of what changes the shop: who looks only cannot press it, and is told why. */
export function WriteButton(props: ButtonHTMLAttributes<HTMLButtonElement>) {
  const { lookOnly } = useSession()
  const reason = lookOnly ? { disabled: true, title: LOOK_ONLY, 'aria-describedby': 'look-only' } : {}
  return <button type="button" {...props} {...reason} />
}

interface SureProps {
  readonly what: string
  /** What it says once it was pressed: a second time does it. */
  readonly sure: string
  /** Of which thing, for who does not see where the button stands. */
  readonly of: string
  readonly act: () => void
}

/** A button of what nobody wants by a slip: it asks once. */
export function SureButton({ what, sure, of, act }: SureProps) {
  const [isSure, setSure] = useState(false)
  const press = () => {
    setSure(!isSure)
    if (isSure) act()
  }
  return (
    <WriteButton className={isSure ? 'danger' : 'quiet'} onClick={press} onBlur={() => setSure(false)}>
      {isSure ? sure : what}
      <span className="visually-hidden"> {of}</span>
    </WriteButton>
  )
}

/** Where a form would be written, for who looks only. */
export function LookOnlyNote() {
  return useSession().lookOnly ? <p className="note">{LOOK_ONLY}</p> : null
}

/** A file input that looks like a button. The same file can be taken again. */
export function FileButton({
  label,
  accept,
  multiple = false,
  disabled = false,
  take,
}: {
  readonly label: string
  readonly accept?: string
  readonly multiple?: boolean
  readonly disabled?: boolean
  readonly take: (files: readonly File[]) => void
}) {
  return (
    <label className={`button${disabled ? ' disabled' : ''}`}>
      <span>{label}</span>
      <input
        type="file"
        accept={accept}
        multiple={multiple}
        disabled={disabled}
        className="visually-hidden"
        onChange={({ target }) => {
          const files = [...(target.files ?? [])]
          target.value = ''
          if (files.length > 0) take(files)
        }}
      />
    </label>
  )
}

/** A table that scrolls by itself where the window is narrow. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <div className="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  )
}

interface TableProps {
  readonly label: string
  /** Of the columns; `number`: of amounts. */
  readonly heads: readonly (string | ReactElement | { readonly number: string })[]
  readonly className?: string
  /** Its rows. */
  readonly children: ReactNode
}

export function Table({ label, heads, className = '', children }: TableProps) {
  return (
    <Scroll label={label}>
      <table className={`rows ${className}`}>
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th key={i} scope="col" className={isAmounts(head) ? 'number' : undefined}>
                {isAmounts(head) ? head.number : head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  )
}

function isAmounts(head: TableProps['heads'][number]): head is { readonly number: string } {
  return typeof head === 'object' && 'number' in head
}

/** A dialog that is open while it is there. Escape and ✕ ask once where something was typed; Cancel drops it. */
export function Dialog({
  title,
  close,
  children,
}: {
  readonly title: string
  readonly close: () => void
  readonly children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const place = useContext(DialogPlace)
  const [typed, setTyped] = useState<'nothing' | 'something' | 'asked'>('nothing')
  const isKept = () => {
    if (typed === 'something') setTyped('asked')
    return typed === 'something'
  }
  useEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    place(dialog.current)
    return () => {
      place(null)
      // An open dialog that is taken away leaves the focus nowhere.
      if (before instanceof HTMLElement) before.focus()
    }
  }, [place])
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={close}
      onInput={() => setTyped('something')}
      onCancel={(event) => {
        // A picker of files that is left says cancel too.
        if (event.target === dialog.current && isKept()) event.preventDefault()
      }}
    >
      <header>
        <h2>{title}</h2>
        <button
          type="button"
          className="quiet"
          aria-label="Close"
          onClick={() => {
            if (!isKept()) dialog.current?.close()
          }}
        >
          ✕
        </button>
      </header>
      {typed === 'asked' ? (
        <p role="alert" className="note">
          What you typed is not saved. Close once more to drop it.
        </p>
      ) : null}
      {children}
    </dialog>
  )
}

export function Badge({ kind, children }: { readonly kind: string; readonly children: ReactNode }) {
  return <span className={`badge ${kind}`}>{children}</span>
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className="empty">{children}</p>
}
