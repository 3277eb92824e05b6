/** `cairn order pay`: pays an order's newest payment, as a guest's wallet would, after checking what is asked. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toHex } from '../bytes/hex.js'
import { ClientError } from '../client/client-error.js'
import { connect, type PaymentDue } from '../client/shop-client.js'
import { approveCall, readAddress, transferCall } from '../chain/contracts.js'
import { getPaymentAddressCall, payCall } from '../objects/payment-request.js'
import { openChain } from '../chain/rpc-chain.js'
import type { DemoKeys } from './demo-shop.js'
import { integerFlag, parseFlags, urlFlag, UsageError, type Value } from './flags.js'
import type { Io } from './io.js'
import {
  cardFrom,
  DEVELOPMENT_ACCOUNTS,
  WALLET_FLAGS,
  WALLET_HELP,
  walletOfFlags,
  type ChainWallet,
} from './merchant.js'
import { told } from './shop.js'

export const ORDER_HELP = `cairn order pay --shop ID --order ID [--by call|address] [--url URL] [--card FILE] [--data DIR]
                [--relay ADDRESS] [--chain FILE] [--wallet FILE]

Pays what an Unpaid order asks and waits until the relay has seen it. What is asked is computed anew before it is paid.

  --by           call: the Payments contract (default); address: the payment's own address
  --card FILE    the guest's key card; left out: a guest of the demo shop, by DIR/demo.json
  --data DIR     as for cairn serve, default ./cairn-data
  --relay        the relay's address; left out, a development relay is asked for its own
${WALLET_HELP}
`

const FLAGS = {
  url: { kind: 'text', value: 'http://127.0.0.1:4444' },
  shop: { kind: 'text', required: true },
  order: { kind: 'text', required: true },
  by: { kind: 'text', value: 'call' },
  card: { kind: 'text' },
  data: { kind: 'text', value: './cairn-data' },
  relay: { kind: 'text', value: 'development' },
  ...WALLET_FLAGS,
} as const

export async function run([verb, ...argv]: readonly string[], io: Io): Promise<number> {
  if (verb === '--help' || argv.includes('--help')) return (io.out(ORDER_HELP), 0)
  try {
    if (verb !== 'pay') throw new UsageError('cairn order knows one thing: cairn order pay')
    const flags = parseFlags(argv, FLAGS)
    const by = String(flags['by'])
    if (by !== 'call' && by !== 'address') throw new UsageError('--by is call or address')
    const order = integerFlag('order', flags['order'])
    const place = placeOf(flags)
    let found = false
    for (const card of await cardsOf(flags)) found ||= await payWith(card, order, by, place, flags, io)
    if (!found) throw new UsageError(`order ${order} belongs to none of these cards: give its own with --card FILE`)
    return 0
  } catch (error) {
    return told('cairn order', error, io)
  }
}

/** Pays on a wallet's chain; resolves with the transaction's hash (0x) when it is in a block. */
export async function pay(wallet: ChainWallet, due: PaymentDue, by: 'call' | 'address'): Promise<string> {
  const { request } = due
  const row = wallet.chains.chains.find(({ chainId }) => chainId === request.chainId)
  if (row?.payments === undefined) throw new UsageError(`chain ${request.chainId} has no Payments contract here`)
  const native = request.currency.every((byte) => byte === 0)
  const value = native ? request.amount : 0n
  if (by === 'call') {
    if (!native) await wallet.send({ to: request.currency, data: approveCall(row.payments, request.amount) })
    return wallet.send({ to: row.payments, data: payCall(request), value })
  }
  const chain = openChain(row)
  try {
    const to = readAddress(await chain.call({ to: row.payments, data: getPaymentAddressCall(request) }))
    if (to === undefined) throw new UsageError('the Payments contract does not tell the address of the payment')
    return await wallet.send(native ? { to, value } : { to: request.currency, data: transferCall(to, request.amount) })
  } finally {
    chain.close()
  }
}

/** False if the card does not see the order. */
async function payWith(
  card: Uint8Array,
  order: bigint,
  by: 'call' | 'address',
  place: Place,
  flags: Readonly<Record<string, Value>>,
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
      const due = client.orders.due(order)
      if (due !== undefined && hash === undefined) {
        const wallet = walletOfFlags(flags, io, { account: DEVELOPMENT_ACCOUNTS.guest, chainId: due.request.chainId })
        io.err(`paying ${due.total} of 0x${toHex(due.currency.Address)} on chain ${due.request.chainId}`)
        hash = await pay(wallet, due, by)
        io.out(`transaction ${hash}`)
      } else if (data?.State === 6n) {
        io.out(`order ${order} is Paid`)
        return true
      } else if (status === 'ready' && hash === undefined) {
        throw new ClientError('INVALID', `order ${order} is in state ${data!.State}: there is nothing to pay`)
      }
    }
    return false
  } finally {
    client.close()
  }
}

interface Place {
  readonly url: string
  readonly shop: bigint
  readonly relay: string
}

/** Throws UsageError. */
function placeOf(flags: Readonly<Record<string, Value>>): Place {
  const relay = String(flags['relay'])
  if (relay !== 'development' && !/^(0x)?[0-9a-f]{40}$/iu.test(relay))
    throw new UsageError("--relay must be the relay's address, 0x and 40 digits")
  return { url: urlFlag('url', flags['url']), shop: integerFlag('shop', flags['shop']), relay }
}

/** Those of the demo's guests from the last one on: it is the one who leaves his order to be paid. */
async function cardsOf(flags: Readonly<Record<string, Value>>): Promise<Uint8Array[]> {
  if (flags['card'] !== undefined) return [await cardFrom(String(flags['card']))]
  const file = join(String(flags['data']), 'demo.json')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new UsageError(`there is no demo shop in ${String(flags['data'])}: give --card FILE`)
  return (JSON.parse(text) as DemoKeys).guests.map(fromHex).toReversed()
}
