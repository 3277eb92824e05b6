/** The frame: who is logged in, the views, the connection. */

import type { ConnectionState } from 'cairn-relay/client'
import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { CardsView } from './cards.js'
import { ExportsView } from './exports.js'
import { ListingsView } from './listings.js'
import { LoginPage } from './login.js'
import { NewOrders } from './new-orders.js'
import { OrdersView } from './orders.js'
import { OutcomesProvider, sentenceOf } from './outcomes.js'
import { keepLogin, keptLogin, openSession, takeDevelopmentLink, type Login, type Session } from './session.js'
import { SettingsView } from './settings.js'
import { SessionContext, useLive, useSession } from './shared.js'

const VIEWS: readonly (readonly [name: string, title: string, view: () => ReactNode])[] = [
  ['orders', 'Orders', () => <OrdersView />],
  ['listings', 'Listings', () => <ListingsView />],
  ['settings', 'Shop', () => <SettingsView />],
  ['cards', 'Cards', () => <CardsView />],
  ['exports', 'Import & export', () => <ExportsView />],
]

const link = takeDevelopmentLink()

export function App() {
  const [login, setLogin] = useState<Login | undefined>(() => (link === undefined ? keptLogin() : undefined))
  const [session, setSession] = useState<Session | undefined>()
  const [problem, setProblem] = useState<string | undefined>()

  useEffect(() => {
    if (login === undefined) return undefined
    const ending = new AbortController()
    void openSession(login, ending.signal).then(
      (opened) => {
        if (ending.signal.aborted) return opened.client.close()
        keepLogin(login)
        setSession(opened)
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

  const leave = () => {
    keepLogin(undefined)
    setProblem(undefined)
    setLogin(undefined)
  }
  if (login === undefined) return <LoginPage key={problem} link={link} problem={problem} enter={setLogin} />
  if (session === undefined) return <Opening leave={leave} />
  return (
    <SessionContext value={session}>
      <OutcomesProvider>
        <Console leave={leave} />
      </OutcomesProvider>
    </SessionContext>
  )
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
  const { client, shop, lookOnly } = useSession()
  const [view, go] = useHash('orders')
  const [, title, shown] = VIEWS.find(([name]) => name === view) ?? VIEWS[0]!
  const payments = useLive(client.payments()).data ?? []
  const odd = payments.filter(({ oddities }) => oddities.length > 0).length
  return (
    <>
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
          <NewOrders />
          <button type="button" className="quiet" onClick={leave}>
            Log out
          </button>
        </span>
      </header>
      <main>
        <h1 className="visually-hidden">{title}</h1>
        {shown()}
      </main>
    </>
  )
}

function shopText(shop: bigint): string {
  const text = String(shop)
  return text.length > 14 ? `${text.slice(0, 6)}…${text.slice(-4)}` : text
}

/** Of the connection, and as of which set everything is proven. */
function Standing() {
  const { client } = useSession()
  const state = useSyncExternalStore<ConnectionState>(
    (changed) => client.onState(changed),
    () => client.state,
  )
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

function useHash(first: string): [string, (name: string) => void] {
  const read = () => location.hash.slice(2) || first
  const [name, setName] = useState(read)
  useEffect(() => {
    const changed = () => setName(read())
    window.addEventListener('hashchange', changed)
    return () => window.removeEventListener('hashchange', changed)
  })
  return [name, setName]
}
