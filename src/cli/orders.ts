/** `cairn orders`: the orders of a relay's shops, read from its data, whether it runs or not. */

import { toHex } from '../bytes/hex.js'
import { fromBigEndian } from '../bytes/bytes.js'
import { NODE_CACHE_NODES_DEFAULT, RESERVATION_SECONDS_DEFAULT } from '../limits.js'
import { Keeper, ReplayError } from '../relay/keeper.js'
import { orderBook, type Money, type OrderLine } from '../relay/order-book.js'
import { openStoreForReading } from '../store/open.js'
import { StoreError } from '../store/store-error.js'
import type { Store } from '../store/store.js'
import { integerFlag, parseFlags, UsageError } from './flags.js'
import type { Io } from './io.js'

export const ORDERS_HELP = `cairn orders [--data DIR] [--shop ID] [--odd] [--json]

Lists all orders by their numbers: state, what is due and what came, until when it can be paid and is reserved. Below an order
stands what a person has to look at (late, partial, over, extra, reorged payments, shortfalls), each with what to do.

  --data DIR  as for cairn serve (default ./cairn-data); the relay may be running
  --shop ID   one shop only
  --odd       only orders that need a person
  --json      a JSON object per order; amounts are decimal texts in the currency's smallest unit
`

const FLAGS = {
  data: { kind: 'text', value: './cairn-data' },
  shop: { kind: 'text' },
  odd: { kind: 'switch', value: false },
  json: { kind: 'switch', value: false },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(ORDERS_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const only = flags['shop'] === undefined ? undefined : integerFlag('shop', flags['shop'])
    const store = await openStoreForReading(String(flags['data']))
    try {
      list(store, only, { odd: flags['odd'] === true, json: flags['json'] === true }, io)
    } finally {
      await store.close()
    }
    return 0
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error
    io.err(`cairn orders: ${(error as Error).message}`)
    return 1
  }
}

const EXPECTED = [UsageError, StoreError, ReplayError] as const

function list(store: Store, only: bigint | undefined, show: { odd: boolean; json: boolean }, io: Io): void {
  const keeper = new Keeper(store, {
    nodeCacheNodes: NODE_CACHE_NODES_DEFAULT,
    reservationSeconds: RESERVATION_SECONDS_DEFAULT,
  })
  const shops = store.shops().filter(({ shopId }) => only === undefined || shopId === only)
  if (shops.length === 0) throw new UsageError(only === undefined ? 'there is no shop yet' : `there is no shop ${only}`)
  const decimals = (money: Money) => decimalsOf(store, money)
  let [total, odd] = [0, 0]
  for (const { shopId } of shops) {
    const lines = orderBook(keeper.load(shopId).current.state, store.ledger(shopId))
    total += lines.length
    odd += lines.filter(({ oddities }) => oddities.length > 0).length
    for (const line of lines) {
      if (show.odd && line.oddities.length === 0) continue
      if (show.json) io.out(JSON.stringify({ shop: String(shopId), ...plain(line) }))
      else for (const text of textOf(shopId, line, decimals)) io.out(text)
    }
  }
  if (!show.json) io.err(`${total} orders, ${odd} of them need a person`)
}

/** 18 for the native currency, what the relay has learned of a token; undefined if it has not. */
function decimalsOf(store: Store, { chainId, currency }: Money): number | undefined {
  if (currency.every((byte) => byte === 0)) return 18
  const row = store.setting(`chain/${chainId}/decimals/${toHex(currency)}`)
  return row === undefined ? undefined : Number(fromBigEndian(row))
}

function textOf(shopId: bigint, line: OrderLine, decimals: (money: Money) => number | undefined): string[] {
  const { due, paid } = line
  const amounts =
    due === undefined ? '' : `  due ${moneyText(due, decimals(due))}, paid ${moneyText(paid!, decimals(paid!))}`
  const times = [
    ...(line.canceledAt === undefined ? [] : [`canceled ${timeText(line.canceledAt)}`]),
    ...(line.reservedUntil === undefined ? [] : [`reserved until ${timeText(line.reservedUntil)}`]),
    ...(line.payableUntil === undefined ? [] : [`payable until ${timeText(line.payableUntil)}`]),
  ]
  const head = `shop ${shopId}  #${line.number}  ${line.state}  order ${line.id}${amounts}`
  return [
    head,
    ...(times.length === 0 ? [] : [`    ${times.join(', ')}`]),
    ...line.transactions.map((hash) => `    transaction ${hash}`),
    ...line.oddities.map(({ kind, money, chain, text }) => {
      const what = [kind, money && moneyText(money, decimals(money)), chain].filter((part) => part !== undefined)
      return `  ! ${what.join(', ')}: ${text}`
    }),
  ]
}

function moneyText({ amount, chainId, currency }: Money, decimals: number | undefined): string {
  const native = currency.every((byte) => byte === 0)
  const name = native ? `native of chain ${chainId}` : `0x${toHex(currency)} on chain ${chainId}`
  return `${decimals === undefined ? `${amount} units` : decimalText(amount, decimals)} ${name}`
}

/** Never floating point: the digits are moved. */
function decimalText(amount: bigint, decimals: number): string {
  if (decimals === 0) return String(amount)
  const digits = String(amount).padStart(decimals + 1, '0')
  const fraction = digits.slice(-decimals).replace(/0+$/u, '')
  return `${digits.slice(0, -decimals)}${fraction === '' ? '' : `.${fraction}`}`
}

function timeText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1_000)
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString().replace('.000Z', 'Z')
}

function plain(line: OrderLine): object {
  const money = (money: Money | undefined) =>
    money && {
      amount: String(money.amount),
      chainId: String(money.chainId),
      currency: `0x${toHex(money.currency)}`,
    }
  const seconds = (value: bigint | undefined) => (value === undefined ? undefined : Number(value))
  return {
    number: Number(line.number),
    id: String(line.id),
    state: line.state,
    due: money(line.due),
    paid: money(line.paid),
    transactions: line.transactions,
    payableUntil: seconds(line.payableUntil),
    reservedUntil: seconds(line.reservedUntil),
    canceledAt: seconds(line.canceledAt),
    oddities: line.oddities.map((oddity) => ({ ...oddity, money: money(oddity.money) })),
  }
}
