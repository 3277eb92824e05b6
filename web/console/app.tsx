/** The frame: who is logged in, the views, the connection. */

import type { ClientError, ConnectionState, ShopClient } from 'cairn-relay/client'
import { useCallback, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { CardsView } from './cards.js'
import { ExportsView } from './exports.js'
import { ListingsView } from './listings.js'
import { LoginPage } from './login.js'
import { NewOrders } from './new-orders.js'
import { useSeenTo } from './odd-payments.js'
import { OrdersView } from './orders.js'
import { OutcomesProvider } from './outcomes.js'
import { keepLogin, keptLogin, openSession, takeLink, type Login, type OpenedLink, type Session } from './session.js'
import { sentenceOf } from './sentences.js'
import { SettingsView } from './settings.js'
import { LOOK_ONLY, Reopen, SessionContext, useLive, useSession } from './shared.js'

type View = (place: Place) => ReactNode

/** Which order is shown, beside the view. */
interface Place {
  readonly order: bigint | undefined
  readonly showOrder: (order: bigint | undefined) => void
}

const VIEWS: readonly (readonly [name: string, title: string, view: View])[] = [
  ['orders', 'Orders', ({ order, showOrder }) => <OrdersView chosen={order} choose={showOrder} />],
  ['listings', 'Listings', () => <ListingsView />],
  ['settings', 'Shop', () => <SettingsView />],
  ['cards', 'Cards', () => <CardsView />],
  ['exports', 'Import & export', () => <ExportsView />],
]

const opened = takeLink()

export function App() {
  const [login, setLogin] = useState<Login | undefined>(() => (opened === undefined ? keptLogin() : undefined))
  const [link, setLink] = useState(opened)
  const [session, setSession] = useState<Session | undefined>()
  const [problem, setProblem] = useState<string | undefined>()

  useEffect(() => {
    if (login === undefined) return undefined
    const ending = new AbortController()
    void openSession(login, ending.signal).then(
      (session) => {
        if (ending.signal.aborted) return session.client.close()
        keepLogin(login)
        // Used up.
        setLink(undefined)
        setSession(session)
      },
      (error: unknown) => {
        if (ending.signal.aborted) return
        setProblem(sentenceOf(error))
        setLogin(undefined)
      },
    )
    return () => {
      ending.abort()
      setSession(undefined)
    }
  }, [login])

  useLaterLinks((next) => {
    setLink(next)
    setProblem(undefined)
    setLogin(undefined)
  })
  const leave = () => {
    keepLogin(undefined)
    setProblem(undefined)
    setLogin(undefined)
  }
  if (login === undefined)
    return <LoginPage key={`${problem} ${link?.number}`} link={link} problem={problem} enter={setLogin} />
  if (session === undefined) return <Opening leave={leave} />
  return (
    <SessionContext value={session}>
      <Reopen value={() => setLogin({ ...login })}>
        <OutcomesProvider>
          <Console leave={leave} />
        </OutcomesProvider>
      </Reopen>
    </SessionContext>
  )
}

/** A link that is opened where the console is already changes the address behind the # alone: it loads nothing. */
function useLaterLinks(take: (link: OpenedLink) => void): void {
  useEffect(() => {
    const look = () => {
      const link = takeLink()
      if (link !== undefined) take(link)
    }
    window.addEventListener('hashchange', look)
    return () => window.removeEventListener('hashchange', look)
  })
}

function Opening({ leave }: { readonly leave: () => void }) {
  return (
    <main className="login">
      <h1>Merchant console</h1>
      <p role="status">Connecting, and checking the shop …</p>
      <button type="button" onClick={leave}>
        Log in otherwise
      </button>
    </main>
  )
}

function Console({ leave }: { readonly leave: () => void }) {
  const { lookOnly } = useSession()
  const [view, go] = useHash('orders')
  const [order, showOrder] = useState<bigint | undefined>()
  const [, title, shown] = VIEWS.find(([name]) => name === view) ?? VIEWS[0]!
  const open = useCallback(
    (id: bigint) => {
      go('orders')
      showOrder(id)
    },
    [go],
  )
  return (
    <div className="frame">
      <Top view={view} go={go} open={open} leave={leave} />
      <main>
        <h1 className="visually-hidden">{title}</h1>
        <Gone leave={leave} />
        {lookOnly ? (
          <p className="told noprint" id="look-only">
            {LOOK_ONLY}
          </p>
        ) : null}
        {shown({ order, showOrder })}
      </main>
    </div>
  )
}

interface TopProps {
  readonly view: string
  readonly go: (view: string) => void
  readonly open: (order: bigint) => void
  readonly leave: () => void
}

function Top({ view, go, open, leave }: TopProps) {
  const { client, shop, lookOnly } = useSession()
  const seen = useSeenTo()
  const payments = useLive(client.payments()).data ?? []
  const odd = payments.filter((one) => seen.open(one).length > 0).length
  return (
    <header className="top">
      <span className="name">
        Shop <b title={String(shop)}>{shopText(shop)}</b>
      </span>
      <nav aria-label="Views">
        {VIEWS.map(([name, text]) => (
          <a key={name} href={`#/${name}`} aria-current={name === view ? 'page' : undefined} onClick={() => go(name)}>
            {text}
            {name === 'orders' && odd > 0 ? <b className="count"> {odd} odd</b> : null}
          </a>
        ))}
      </nav>
      <span className="tools">
        <Standing />
        {lookOnly ? <b className="badge look">Look only</b> : null}
        <NewOrders open={open} />
        <button type="button" className="quiet" onClick={leave}>
          Log out
        </button>
      </span>
    </header>
  )
}

/** A card that was taken out while its page was open. */
function Gone({ leave }: { readonly leave: () => void }) {
  const { client } = useSession()
  const state = useConnection(client)
  if (state !== 'needs-auth') return null
  return (
    <div className="gone" role="alert">
      <p>{refusalText(client.problem)} What you see is old, and nothing can be written with it any more.</p>
      <button type="button" onClick={leave}>
        Log in again
      </button>
    </div>
  )
}

function refusalText(problem: ClientError | undefined): string {
  if (problem === undefined || problem.code === 'UNLINKED_KEYCARD') return 'This key card was taken out of the shop.'
  return `The relay refuses this key card: ${sentenceOf(problem)}`
}

function shopText(shop: bigint): string {
  const text = String(shop)
  return text.length > 14 ? `${text.slice(0, 6)}…${text.slice(-4)}` : text
}

/** Of the connection, and as of which set everything is proven. */
function Standing() {
  const { client } = useSession()
  const state = useConnection(client)
  const { verified, complete } = useLive(client.manifest())
  const words = {
    connected: complete && verified !== undefined ? `Proven as of set ${verified.seq}` : 'Checking …',
    connecting: 'Connecting …',
    disconnected: 'No connection: what you see may be old',
    'needs-auth': 'This key card is refused: log in again',
    closed: 'Closed',
  }
  return (
    <span className={`standing ${state}`} role="status">
      <i aria-hidden="true" />
      {words[state]}
    </span>
  )
}

function useConnection(client: ShopClient): ConnectionState {
  return useSyncExternalStore<ConnectionState>(
    (changed) => client.onState(changed),
    () => client.state,
  )
}

function useHash(first: string): [string, (name: string) => void] {
  const read = () => location.hash.slice(2) || first
  const [name, setName] = useState(read)
  useEffect(() => {
    const changed = () => setName(read())
    window.addEventListener('hashchange', changed)
    return () => window.removeEventListener('hashchange', changed)
  })
  const go = useCallback((wanted: string) => {
    location.hash = `/${wanted}`
    setName(wanted)
  }, [])
  return [name, go]
}
