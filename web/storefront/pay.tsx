/** How an order is paid: by a wallet of this browser, or by hand from anywhere; and what the chain shows of it. */

import { useEffect, useMemo, useState } from 'react'
import {
  CANCELED,
  formatMoney,
  isSameCurrency,
  PAID,
  UNPAID,
  type ChainAddress,
  type Money,
  type OddPayment,
  type Order,
  type PaymentDue,
  type ShopClient,
} from 'cairn-relay/client'
import { useConnection, useManifest, useShop } from 'cairn-relay/react'
import type { Agreed } from './agreed.js'
import { lookAt, oddityOf, paymentLink, type ChainLook } from './chain-look.js'
import { useGuest, useLasting, useProblem } from './guest.js'
import { secretOf, shortHex, textOf } from './hex.js'
import type { Standing } from './order-state.js'
import { totalText } from './order-total.js'
import { isPayableOn, NOT_DUE } from './paying.js'
import { keepSentPayment, sentPayment, type TrialChain } from './place.js'
import { Qr } from './qr.js'
import { requestOf, useWallets, type PayingWallet } from './wallets.js'

export interface SeenPayment {
  readonly odd: OddPayment | undefined
  /** Undefined until the chain was looked at. */
  readonly look: ChainLook | undefined
  /** The hash of what this browser sent, while the shop has not seen it. */
  readonly sent: string | undefined
  /** Of a payment that is sent now; undefined: it did not go through, another may be sent. */
  readonly setSent: (due: PaymentDue, hash: string | undefined) => void
}

const LOOK_MS = 3_000

/** What there is to see of the payment of an order, looked at again and again while it waits for it. */
export function useSeenPayment(order: Order, due: PaymentDue | undefined): SeenPayment {
  const { chain } = useGuest().place
  const [last, setLast] = useState<PaymentLook | undefined>(undefined)
  const payment = due && textOf(due.paymentId)
  const [, setVersion] = useState(0)
  const { State } = order
  useEffect(() => {
    // Of another chain nothing is seen here, and its addresses are others.
    if (chain === undefined || due === undefined || !isPayableOn(chain, due)) return
    let isOver = false
    const see = () => {
      lookAt(requestOf(chain), due, chain).then(
        (look) => {
          if (!isOver) setLast((before) => (isSameLook(before, { payment, look }) ? before : { payment, look }))
        },
        // The shop's word is what counts: a chain that does not answer is no news.
        () => undefined,
      )
    }
    see()
    const timer = State === UNPAID ? setInterval(see, LOOK_MS) : undefined
    return () => {
      isOver = true
      clearInterval(timer)
    }
  }, [chain, payment, State])
  // Each payment has an address of its own: money that is sent to that of another one may be lost.
  const look = last?.payment === payment ? last?.look : undefined
  const isWaiting = State === UNPAID && payment !== undefined
  const sent = isWaiting ? sentPayment(payment) : undefined
  const setSent = ({ paymentId }: PaymentDue, hash: string | undefined) => {
    keepSentPayment(textOf(paymentId), hash)
    setVersion((version) => version + 1)
  }
  const odd = due && look && oddityOf(order, due.total, look)
  return { odd, look, sent, setSent }
}

/** Of which payment it is. */
interface PaymentLook {
  readonly payment: string | undefined
  readonly look: ChainLook
}

function isSameLook(before: PaymentLook | undefined, { payment, look }: PaymentLook): boolean {
  if (before === undefined || before.payment !== payment) return false
  const { address, received, made } = before.look
  return address === look.address && received === look.received && made === look.made
}

interface PayProps {
  readonly order: Order
  readonly due: PaymentDue | undefined
  readonly agreed: Agreed
  readonly seen: SeenPayment
  readonly standing: Standing
}

export function Pay({ order, due, agreed, seen, standing: { isPayable, isRestDue } }: PayProps) {
  const { place } = useGuest()
  const { sent, setSent, odd } = seen
  const isAway = useIsAway()
  const isUnpaid = order.State === UNPAID
  const paying = usePaying(order, { due: isUnpaid ? due : undefined, agreed, setSent })
  if (order.State === PAID || order.State === CANCELED) return null
  if (sent !== undefined && due !== undefined && odd === undefined)
    return <Sent hash={sent} again={() => setSent(due, undefined)} />
  if (place.chain === undefined) return isPayable ? <NoChain /> : null
  const isShown = isPayable || paying.isRunning
  if (!isShown && isRestDue !== true) return null
  // While the guest is asked about another total, nothing says how to pay it.
  const shown = isUnpaid && agreed.other === undefined ? due : undefined
  return (
    <section className="panel pay" aria-label="Payment">
      <h2>{shown === undefined ? 'Choose how to pay' : `To pay: ${formatMoney(shown.money)}`}</h2>
      {shown?.compared === false && (
        <p className="quiet">
          This page could not compare the amount with the shop’s prices: look it over before you pay.
        </p>
      )}
      {isShown && <ByWallet due={isUnpaid ? due : undefined} paying={paying} other={agreed.other} />}
      {shown !== undefined && !isAway && <ByHand due={shown} seen={seen} />}
    </section>
  )
}

/** Nobody knows then whether it may be paid still; at once where a check failed, else after a moment. */
function useIsAway(): boolean {
  const { state } = useConnection()
  return useLasting(state !== 'connected', AWAY_MS) || state === 'failed'
}

const AWAY_MS = 2_000

function Sent({ hash, again }: { readonly hash: string; readonly again: () => void }) {
  return (
    <section className="panel pay" aria-label="Payment">
      <h2>The payment is on its way</h2>
      <p className="quiet">
        Transaction <span className="reason">{hash}</span>
      </p>
      <button type="button" className="plain" onClick={again}>
        My wallet says that it failed: pay again
      </button>
    </section>
  )
}

function NoChain() {
  return (
    <p className="notice">
      This relay runs without a chain, so nothing can be paid. Start it with a development chain to see the rest:{' '}
      <code>npm run dev:chain</code> in one terminal, <code>npm start -- --chain dev</code> in another.
    </p>
  )
}

interface ByWalletProps {
  readonly due: PaymentDue | undefined
  readonly paying: ReturnType<typeof usePaying>
  /** A total that nobody agreed to yet. */
  readonly other: Money | undefined
}

function ByWallet({ due, paying, other }: ByWalletProps) {
  const { place } = useGuest()
  const { state } = useConnection()
  const wallets = useWallets(place.chain)
  const choices = useChoices(place.chain)
  const first = choices.findIndex(({ currency }) => due !== undefined && isSameCurrency(currency, due.currency))
  const [chosen, choose] = useState<number | undefined>(undefined)
  const { pay, isRunning, told, problem } = paying
  const choice = choices[chosen ?? Math.max(first, 0)]
  const isAway = state !== 'connected'
  const isAsked = other !== undefined && choice !== undefined && isSameCurrency(other.currency, choice.currency)
  return (
    <>
      {choices.length > 1 && <CurrencyChoice choices={choices} chosen={choice} choose={choose} isLocked={isRunning} />}
      <div className="actions">
        {wallets.map((wallet) => (
          <button
            key={wallet.id}
            type="button"
            className="primary wallet"
            disabled={isRunning || choice === undefined || isAway || isAsked}
            onClick={() => pay(wallet, choice!)}
          >
            {wallet.icon !== undefined && <img src={wallet.icon} alt="" width="24" height="24" />}
            {isRunning ? 'Paying…' : `Pay with ${wallet.name}`}
          </button>
        ))}
      </div>
      {choices.length === 0 && <p className="notice">The shop takes no money on the chain that this page pays on.</p>}
      <p role="status">{isAway ? 'You can pay once the shop answers again.' : told}</p>
      <p className="problem" role="alert">
        {problem}
      </p>
    </>
  )
}

interface CurrencyChoiceProps {
  readonly choices: readonly Choice[]
  readonly chosen: Choice | undefined
  readonly choose: (place: number) => void
  readonly isLocked: boolean
}

function CurrencyChoice({ choices, chosen, choose, isLocked }: CurrencyChoiceProps) {
  return (
    <fieldset className="choices" disabled={isLocked}>
      <legend>In which money</legend>
      {choices.map((choice, i) => (
        <label key={textOf(choice.currency.Address)} className="choice">
          <input type="radio" name="currency" checked={choice === chosen} onChange={() => choose(i)} />
          <span>{choice.label}</span>
        </label>
      ))}
    </fieldset>
  )
}

interface Choice {
  readonly payee: ChainAddress
  readonly currency: ChainAddress
  readonly label: string
}

/** Every currency of the page's chain that the shop takes, with a payee there. */
function useChoices(chain: TrialChain | undefined): readonly Choice[] {
  const shop = useShop()
  const manifest = useManifest({ select: ({ data }) => data })
  return useMemo(() => {
    if (chain === undefined || shop === undefined) return []
    const all = [...(manifest?.AcceptedCurrencies ?? [])].flatMap(([ChainID, names]) =>
      [...names.keys()].map((hex) => shop.money(0n, at(ChainID, hex))),
    )
    const here = BigInt(chain.chainId)
    const [hex] = manifest?.Payees?.get(here)?.keys() ?? []
    if (hex === undefined) return []
    const own = all.filter(({ currency }) => currency.ChainID === here)
    return own.map((money) => ({ payee: at(here, hex), currency: money.currency, label: labelOf(money, all) }))
  }, [manifest, shop, chain])
}

/** Its symbol; and what tells it from another one of the same symbol. */
export function labelOf({ symbol, currency }: Money, all: readonly Money[]): string {
  const alike = all.filter((one) => one.symbol === symbol)
  const isHere = ({ currency: { ChainID } }: Money) => ChainID === currency.ChainID
  const chain = alike.every(isHere) ? '' : ` on chain ${currency.ChainID}`
  const token = alike.filter(isHere).length > 1 ? ` (${shortHex(currency.Address)})` : ''
  return `${symbol}${chain}${token}`
}

function at(ChainID: bigint, hex: string): ChainAddress {
  return { ChainID, Address: secretOf(hex) }
}

interface PayingOptions extends Pick<PayProps, 'due' | 'agreed'> {
  readonly setSent: SeenPayment['setSent']
}

/**
 * Asks the relay what is due, where that is not known yet, and has the wallet send it: only what the guest agreed to.
 * The price of an order is open until then.
 */
function usePaying(order: Order, { due, agreed: { total }, setSent }: PayingOptions) {
  const shop = useShop()
  const [isRunning, setRunning] = useState(false)
  const [told, setTold] = useState('')
  const [problem, tellProblem] = useProblem()
  // Whoever agrees to another total has read what was said of it.
  useEffect(() => tellProblem(undefined), [total && totalText(total)])
  const end = (said: string) => {
    setRunning(false)
    setTold(said)
  }
  const pay = (wallet: PayingWallet, { payee, currency }: Choice) => {
    setRunning(true)
    tellProblem(undefined)
    setTold('The shop works out what is to be paid…')
    const isAsked = due !== undefined && isSameCurrency(due.currency, currency)
    const asked = isAsked ? Promise.resolve(due) : shop!.orders.choosePayment(order.ID, { payee, currency }, { total })
    asked
      .then(async (wanted) => {
        // Nothing stood on the page to agree to: it does now, and is paid with the next click.
        if (total === undefined) return end(LOOK_FIRST)
        const requireDue = () => requireStillDue(shop, wanted)
        await wallet.pay(wanted, { tell: setTold, requireDue, sent: (hash) => setSent(wanted, hash) })
        end('')
      })
      .catch((error: unknown) => {
        tellProblem(error)
        end('')
      })
  }
  return { pay, isRunning, told, problem }
}

/** A wallet may ask its owner for long: the order may be canceled by then, paid, or to be paid in another way. */
function requireStillDue(shop: ShopClient | undefined, { order, paymentId }: PaymentDue): void {
  const now = shop?.orders.due(order)
  if (now === undefined || textOf(now.paymentId) !== textOf(paymentId)) throw new Error(NOT_DUE)
}

const LOOK_FIRST = 'Now you see what the shop asks. Nothing is paid yet: look it over, and pay if you agree.'

/** Of the size of what comes once the chain was looked at. */
function Unlooked() {
  return (
    <details className="by-hand">
      <summary>Pay from another device</summary>
      <p>One moment: the chain is asked for the address.</p>
    </details>
  )
}

/** From a wallet that is not in this browser. */
function ByHand({ due, seen }: { readonly due: PaymentDue; readonly seen: SeenPayment }) {
  const shop = useShop()
  const { look, odd } = seen
  if (shop === undefined) return null
  if (look === undefined) return <Unlooked />
  const isPartial = odd === 'partial'
  const missing = shop.money(isPartial ? due.total - look.received : due.total, due.currency)
  return (
    <details className="by-hand" open={isPartial}>
      <summary>Pay from another device</summary>
      <p>
        Send exactly <strong className="number">{formatMoney(missing)}</strong>
        {isPartial && <> more ({formatMoney(shop.money(look.received, due.currency))} came)</>} to this address, which
        is this order’s alone:
      </p>
      <p className="key-text">{look.address}</p>
      <Qr
        text={paymentLink({ ...due, total: missing.amount }, look.address)}
        label={`QR code for a wallet: ${formatMoney(missing)} to ${look.address}`}
      />
    </details>
  )
}
