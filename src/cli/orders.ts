/**
 * `cairn orders`: the orders of a relay's shops, read from its data, whether it runs or not.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import type { Seconds, ShopId } from '../brands.js'
import { prefixedHex } from '../bytes/hex.js'
import { fromBigEndian, isAllZero } from '../bytes/bytes.js'
import { decimalText } from '../catalogue/decimal.js'
import { NODE_CACHE_NODES_DEFAULT } from '../limits.js'
import { nativeName } from '../objects/native-currency.js'
import { Keeper } from '../relay/shops/keeper.js'
import { orderBook, type Money, type OrderLine } from '../relay/payments/order-book.js'
import { openStoreForReading } from '../store/open.js'
import { decimalsKey } from '../store/setting-keys.js'
import { StoreError } from '../store/store-error.js'
import type { Store } from '../store/store.js'
import { DATA_FLAG, integerFlag, parseFlags, UsageError, type Flags } from './flags.js'
import type { Io } from './io.js'

export const ORDERS_HELP = `cairn orders [--data DIR] [--shop ID] [--odd] [--json]

Lists all orders by their numbers: state, what is due and what came, in units of the currency, and until when it is \
reserved
and can be paid, in UTC. Below an order stand its transactions, and behind a ! what a \
person has to
look at (late, partial, over, extra, fell, reorged payments, shortfalls), each with what to do.

  --data DIR  as for cairn serve (default ./cairn-data); the relay may be running
  --shop ID   one shop only
  --odd       only orders that need a person
  --json      a JSON object per order; amounts are decimal texts in the currency's smallest unit
`

const FLAGS = {
  data: DATA_FLAG,
  shop: { kind: 'text' },
  odd: { kind: 'switch' },
  json: { kind: 'switch' },
} as const

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(ORDERS_HELP), 0)
  try {
    const flags = parseFlags(argv, FLAGS)
    const only = flags.shop === undefined ? undefined : integerFlag('shop', flags.shop)
    const store = await openStoreForReading(flags.data)
    try {
      await list(store, only, flags, io)
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

const EXPECTED = [UsageError, StoreError] as const

async function list(
  store: Store,
  only: bigint | undefined,
  show: Pick<Flags<typeof FLAGS>, 'odd' | 'json'>,
  io: Io,
): Promise<void> {
  const keeper = new Keeper(store, { nodeCacheNodes: NODE_CACHE_NODES_DEFAULT })
  const shops = store.shops().filter(({ shopId }) => only === undefined || shopId === only)
  if (shops.length === 0) throw new UsageError(only === undefined ? 'there is no shop yet' : `there is no shop ${only}`)
  const decimals = (money: Money) => decimalsOf(store, money)
  let [total, odd] = [0, 0]
  for (const { shopId } of shops) {
    const { current, closed } = await keeper.load(shopId)
    if (closed !== undefined) throw new StoreError('damaged', closed.reason)
    const lines = orderBook(current.state, store.paymentRows(shopId))
    total += lines.length
    odd += lines.filter(({ oddities }) => oddities.length > 0).length
    const shown = show.odd ? lines.filter(({ oddities }) => oddities.length > 0) : lines
    if (show.json) for (const line of shown) io.out(JSON.stringify({ shop: String(shopId), ...plain(line) }))
    else if (shown.length > 0) for (const text of tableOf(shopId, shown, decimals)) io.out(text)
  }
  if (!show.json) io.err(`${total} orders, ${odd} of them need a person`)
}

/** 18 for the native currency, what the relay has learned of a token; undefined if it has not. */
function decimalsOf(store: Store, { chainId, currency }: Money): number | undefined {
  if (isNative(currency)) return 18
  const row = store.setting(decimalsKey(chainId, currency))
  return row === undefined ? undefined : Number(fromBigEndian(row))
}

/** The shop's orders as columns, each with its transactions and what is odd about it below. */
function tableOf(shopId: ShopId, lines: readonly OrderLine[], decimals: Decimals): string[] {
  const rows = lines.map((line) => cellsOf(line, decimals))
  const widths = HEADS.map((head, i) => Math.max(head.length, ...rows.map((cells) => cells[i]!.length)))
  const aligned = (cells: readonly string[]) =>
    cells.map((cell, i) => (RIGHT.has(HEADS[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ')
  return [
    `shop ${shopId}`,
    aligned(HEADS).trimEnd(),
    ...lines.flatMap((line, i) => [aligned(rows[i]!).trimEnd(), ...notesOf(line, decimals)]),
  ]
}

const HEADS = ['number', 'state', 'order', 'due', 'paid', 'currency', 'times (UTC)'] as const
const RIGHT: ReadonlySet<string> = new Set(['number', 'order', 'due', 'paid'])

/** In the order of HEADS. What came is of the currency that is due. */
function cellsOf(line: OrderLine, decimals: Decimals): string[] {
  const { due, paid, canceledAt, reservedUntil, payableUntil } = line
  const times = [
    ...(canceledAt === undefined ? [] : [`canceled ${timeText(canceledAt)}`]),
    ...(reservedUntil === undefined ? [] : [`reserved until ${timeText(reservedUntil)}`]),
    ...(payableUntil === undefined || line.state.startsWith('Paid') ? [] : [`payable until ${timeText(payableUntil)}`]),
  ]
  return [
    `#${line.number}`,
    line.state,
    String(line.id),
    due === undefined ? '-' : amountText(due, decimals),
    paid === undefined ? '-' : amountText(paid, decimals),
    due === undefined ? '-' : currencyText(due),
    times.join(', '),
  ]
}

function notesOf({ transactions, oddities }: OrderLine, decimals: Decimals): string[] {
  return [
    ...transactions.map((hash) => `        transaction ${hash}`),
    ...oddities.flatMap(({ kind, money, missing, chain, text }) => {
      const sum = money && `${amountText(money, decimals)} ${currencyText(money)}`
      const rest = missing && `${amountText(missing, decimals)} missing`
      return [`      ! ${[kind, sum, rest, chain].filter((part) => part !== undefined).join(', ')}`, `        ${text}`]
    }),
  ]
}

/** Digits after the point; undefined where the relay has not learned them. */
type Decimals = (money: Money) => number | undefined

function amountText(money: Money, decimals: Decimals): string {
  const places = decimals(money)
  return places === undefined ? `${money.amount} units` : decimalText(money.amount, places)
}

function currencyText({ chainId, currency }: Money): string {
  return isNative(currency) ? nativeName(chainId) : `${prefixedHex(currency)} on chain ${chainId}`
}

function isNative(currency: Uint8Array): boolean {
  return isAllZero(currency)
}

function timeText(seconds: Seconds): string {
  const date = new Date(Number(seconds) * 1_000)
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString().replace('.000Z', 'Z')
}

function plain(line: OrderLine): object {
  const money = (money: Money | undefined) =>
    money && {
      amount: String(money.amount),
      chainId: String(money.chainId),
      currency: prefixedHex(money.currency),
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
    oddities: line.oddities.map((oddity) => ({
      ...oddity,
      money: money(oddity.money),
      missing: money(oddity.missing),
    })),
  }
}
