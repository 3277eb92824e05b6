/**
 * `cairn order pay`: pays an order's newest payment, as a guest's wallet would, after checking what is asked.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import type { OrderId } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { ClientError } from '../client/client-error.js'
import {
  connect,
  ORDER_STATE_NAMES,
  PAID,
  type OrderState,
  type PaymentDue,
  type RelayGiven,
} from '../client/shop-client.js'
import { readAddress } from '../bytes/abi.js'
import { approveCall, transferCall } from '../chain/contracts.js'
import { getPaymentAddressCall, getPaymentIdCall, payCall } from '../objects/payment-request.js'
import { amountText } from '../proofs/receipt-text.js'
import type { RpcSettings } from '../settings/chain-settings.js'
import { openChain } from '../chain/rpc-chain.js'
import { demoKeysIn } from './demo-keys.js'
import {
  checkVerb,
  DATA_FLAG,
  integerFlag,
  parseFlags,
  RELAY_FLAG,
  URL_FLAG,
  urlFlag,
  UsageError,
  type Flags,
} from './flags.js'
import type { Io } from './io.js'
import {
  cardFrom,
  DEVELOPMENT_ACCOUNTS,
  told,
  WALLET_FLAGS,
  WALLET_HELP,
  walletOfFlags,
  type ChainWallet,
} from './merchant.js'
import { relayGiven } from './relay-address.js'

export const ORDER_HELP = `\
cairn order pay --shop ID --order ID [--by call|address] [--url URL] [--card FILE] [--data DIR]
                [--relay ADDRESS|chain] [--chain FILE] [--wallet FILE]

Pays what an Unpaid order asks and waits until the relay has seen it. What is asked is computed anew before it \
is paid, and the
Payments contract is asked whether it knows the payment. pay is the only verb.

  --by           call: the Payments contract (default); address: the payment's own address
  --card FILE    the guest's key card; left out: a guest of the demo shop, by DIR/demo.json
  --data DIR     as for cairn serve, default ./cairn-data
  --relay        the relay's address; left out, a development relay is asked for its own
${WALLET_HELP}
`

const FLAGS = {
  url: URL_FLAG,
  shop: { kind: 'text', required: true },
  order: { kind: 'text', required: true },
  by: { kind: 'text', value: 'call' },
  card: { kind: 'text' },
  data: DATA_FLAG,
  relay: RELAY_FLAG,
  ...WALLET_FLAGS,
} as const
type PayFlags = Flags<typeof FLAGS>

export async function run([verb, ...argv]: readonly string[], io: Io): Promise<number> {
  if (verb === '--help' || argv.includes('--help')) return (io.out(ORDER_HELP), 0)
  try {
    checkVerb('order', verb, 'pay')
    const flags = parseFlags(argv, FLAGS)
    const { by } = flags
    if (by !== 'call' && by !== 'address') throw new UsageError('--by is call or address')
    const order = integerFlag('order', flags.order)
    const place = placeOf(flags)
    let found = false
    for (const card of await cardsOf(flags)) found ||= await payWith(card, order, by, place, flags, io)
    if (!found) throw new UsageError(`order ${order} belongs to none of these cards: give its own with --card FILE`)
    return 0
  } catch (error) {
    return told('cairn order', error, io)
  }
}

/**
 * Pays on a wallet's chain; resolves with the transaction's hash (0x) when it is in a block. Throws UsageError before
 * anything is sent.
 */
export async function pay(wallet: ChainWallet, due: PaymentDue, by: 'call' | 'address'): Promise<string> {
  const { request } = due
  const row = wallet.chains.chains.find(({ chainId }) => chainId === request.chainId)
  if (row?.payments === undefined) throw new UsageError(`chain ${request.chainId} has no Payments contract here`)
  const to = await checkedAddress(row, row.payments, due)
  const native = isAllZero(request.currency)
  const value = native ? request.amount : 0n
  if (by === 'address')
    return wallet.send(native ? { to, value } : { to: request.currency, data: transferCall(to, request.amount) })
  if (!native) await wallet.send({ to: request.currency, data: approveCall(row.payments, request.amount) })
  return wallet.send({ to: row.payments, data: payCall(request), value })
}

/**
 * The payment's own address, 20 bytes, of a contract that knows this payment by the order's PaymentID: money that is
 * sent to another contract, or to none, does not come back. Throws UsageError, ChainUnreachable.
 */
async function checkedAddress(row: RpcSettings, payments: Uint8Array, due: PaymentDue): Promise<Uint8Array> {
  const { request, paymentId, payableUntil } = due
  const chain = openChain(row)
  const stop = (problem: string) => new UsageError(`${problem}: nothing was sent`)
  try {
    const place = `0x${toHex(payments)} on chain ${row.chainId}`
    const id = await chain.call({ to: payments, data: getPaymentIdCall(request), foreign: true })
    const at = readAddress(await chain.call({ to: payments, data: getPaymentAddressCall(request), foreign: true }))
    if (id?.length !== 32 || at === undefined || isAllZero(at))
      throw stop(`there is no Payments contract at ${place}; look at payments in --chain`)
    if (!equalBytes(id, paymentId))
      throw stop(`what is at ${place} gives this payment another PaymentID than the order has`)
    if ((await chain.head()).timestamp > payableUntil)
      throw stop(`the order could be paid until second ${payableUntil}, which has passed on chain ${row.chainId}`)
    return at
  } finally {
    chain.close()
  }
}

/** False if the card does not see the order. */
async function payWith(
  card: Uint8Array,
  order: OrderId,
  by: 'call' | 'address',
  place: Place,
  flags: PayFlags,
  io: Io,
): Promise<boolean> {
  const client = await connect({
    ...place,
    key: card,
    only: [{ order: 'all' }],
    signal: io.signal,
    onNotice: io.err,
  })
  try {
    let hash: string | undefined
    for await (const { status, data, error } of client.order(order)) {
      if (error !== undefined) throw error
      if (status === 'unavailable') return false
      // What there was before may be an order that is paid already.
      if (status === 'loading') continue
      const due = client.orders.due(order)
      if (due !== undefined && hash === undefined) {
        const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.guest, chainId: due.request.chainId })
        io.err(`paying ${amountText(due.total, due.currency)}`)
        hash = await pay(wallet, due, by)
        io.out(`transaction ${hash}`)
      } else if (data?.State === PAID) {
        io.out(`order ${order} is Paid${hash === undefined ? ' already: nothing was sent' : ''}`)
        return true
      } else if (hash === undefined) {
        throw nothingToPay(order, data!.State)
      }
    }
    return false
  } finally {
    client.close()
  }
}

function nothingToPay(order: OrderId, state: OrderState): ClientError {
  return new ClientError('INVALID', `order ${order} is ${ORDER_STATE_NAMES[`${state}`]}: there is nothing to pay`)
}

interface Place {
  readonly url: string
  readonly shop: bigint
  readonly relay: RelayGiven
}

/** Throws UsageError. */
function placeOf(flags: PayFlags): Place {
  return {
    url: urlFlag('url', flags.url),
    shop: integerFlag('shop', flags.shop),
    relay: relayGiven(flags),
  }
}

/** Those of the demo's guests from the last one on: it is the one who leaves his order to be paid. */
async function cardsOf({ card, data }: PayFlags): Promise<Uint8Array[]> {
  if (card !== undefined) return [await cardFrom(card)]
  const demo = await demoKeysIn(data)
  if (demo === undefined) throw new UsageError(`there is no demo shop in ${data}: give --card FILE`)
  return demo.guests.map(fromHex).toReversed()
}
