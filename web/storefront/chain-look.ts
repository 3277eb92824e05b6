/**
 * What the chain shows of a payment, to its guest: the address that it may be sent to by hand, what came there, and
 * whether the contract counted it. It is this browser's own look, and decides nothing: the shop's relay does that.
 */

import { keccak256, toBytes } from 'viem'
import { PAID, UNPAID, type OddPayment, type Order, type PaymentDue } from 'cairn-relay/client'
import { textOf } from './hex.js'
import type { WalletRequest } from '../browser-wallets.js'
import { call, isNative } from './paying.js'
import type { TrialChain } from './place.js'

export interface ChainLook {
  /** With 0x: what is sent there in time pays the order. */
  readonly address: string
  /** In the currency's smallest unit, what lies there. */
  readonly received: bigint
  /** How often the contract took the payment. */
  readonly made: number
}

const PAYMENT_MADE = keccak256(toBytes('PaymentMade(uint256)'))
const BALANCE_OF = '0x70a08231'

/** Rejects with what the endpoint says. */
export async function lookAt(request: WalletRequest, due: PaymentDue, { payments }: TrialChain): Promise<ChainLook> {
  const asked = { to: payments, data: due.calls.getPaymentAddress.data }
  const word = (await request({ method: 'eth_call', params: [asked, 'latest'] })) as string
  const address = `0x${word.slice(-40)}`
  const token = `0x${textOf(due.currency.Address)}`
  const held = isNative(due)
    ? request({ method: 'eth_getBalance', params: [address, 'latest'] })
    : request({ method: 'eth_call', params: [{ to: token, data: call(BALANCE_OF, address) }, 'latest'] })
  const topics = [PAYMENT_MADE, `0x${textOf(due.paymentId)}`]
  const logs = request({ method: 'eth_getLogs', params: [{ address: payments, fromBlock: '0x0', topics }] })
  return { address, received: BigInt((await held) as string), made: ((await logs) as readonly unknown[]).length }
}

/** What a person has to know of. */
export function oddityOf({ State }: Pick<Order, 'State'>, total: bigint, seen: ChainLook): OddPayment | undefined {
  const { received, made } = seen
  if (received === 0n) return undefined
  if (State === UNPAID) return made === 0 && received < total ? 'partial' : undefined
  if (State !== PAID) return undefined
  if (made > 0) return 'extra'
  return received > total ? 'over' : undefined
}

/** For a wallet's camera (EIP-681): so much to that address. */
export function paymentLink({ currency, total }: PaymentDue, address: string): string {
  const chain = `@${currency.ChainID}`
  if (isNative({ currency })) return `ethereum:${address}${chain}?value=${total}`
  return `ethereum:0x${textOf(currency.Address)}${chain}/transfer?address=${address}&uint256=${total}`
}
