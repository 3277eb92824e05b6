/** A wallet pays on a real chain, as the page has it do, and the page sees there what came. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prefixedHex, fromHex } from '../../src/bytes/hex.js'
import {
  getPaymentAddressCall,
  payCall,
  paymentIdOf,
  paymentRequest,
  processPaymentCall,
} from '../../src/objects/payment-request.js'
import { lookAt, oddityOf, paymentLink } from '../../web/storefront/chain-look.js'
import type { WalletRequest } from '../../web/browser-wallets.js'
import { call, payWith } from '../../web/storefront/paying.js'
import { startDevChain, type DevChain } from '../../contracts/dev-chain.mjs'

const [PAID, UNPAID] = [{ State: 6n }, { State: 5n }] as const
const TTL = 4_000_000_000n
const NATIVE = new Uint8Array(20)
let chain: DevChain
let place: Parameters<typeof payWith>[2]
let from: string
let number = 0n
let asked: string[]
const told: string[] = []
const request: WalletRequest = async ({ method, params = [] }) => {
  asked.push(method)
  return chain.rpc(method, [...params])
}

beforeAll(async () => {
  chain = await startDevChain()
  const token = { address: chain.addresses.token, decimals: 2, symbol: 'TEST' }
  place = { chainId: chain.chainId, rpc: chain.rpcUrl, payments: chain.addresses.payments, token }
  from = ((await chain.rpc('eth_accounts')) as string[])[5]!
})
afterAll(() => chain?.stop())

/** A payment of its own each time. */
function due(currency: Uint8Array, total: bigint) {
  asked = []
  const at = { ChainID: BigInt(chain.chainId), Address: new Uint8Array(20).fill(0xca) }
  const asks = paymentRequest(++number, at, { ChainID: at.ChainID, Address: currency }, { total, ttl: TTL })
  const value = currency === NATIVE ? total : 0n
  return {
    order: 1n,
    paymentId: paymentIdOf(asks),
    request: asks,
    calls: {
      pay: { data: prefixedHex(payCall(asks)), value },
      getPaymentAddress: { data: prefixedHex(getPaymentAddressCall(asks)) },
      processPayment: { data: prefixedHex(processPaymentCall(asks)) },
    },
    total,
    currency: { ChainID: at.ChainID, Address: currency },
    money: { ChainID: at.ChainID, Address: currency, decimals: 18, symbol: 'ETH', amount: total } as never,
    compared: true,
    payableUntil: TTL,
  }
}

const token = () => fromHex(place.token.address.slice(2))
const pay = (wanted: ReturnType<typeof due>, hashes: unknown[] = []) =>
  payWith({ request, from }, wanted, place, { tell: (step) => told.push(step), sent: (hash) => hashes.push(hash) })
const sendTo = (to: string, value: bigint) =>
  chain.rpc('eth_sendTransaction', [{ from, to, value: `0x${value.toString(16)}` }])

describe('a wallet', () => {
  test('pays in ether, and is told of the transaction at once', async () => {
    const wanted = due(NATIVE, 1_000n)
    const hashes: unknown[] = []
    await pay(wanted, hashes)
    expect(hashes).toEqual([expect.stringMatching(/^0x[0-9a-f]{64}$/u)])
    expect(await lookAt(request, wanted, place)).toMatchObject({ received: 0n, made: 1 })
  })

  test('pays in a token: makes what is missing of the test token, and allows it', async () => {
    const wanted = due(token(), 500n)
    await pay(wanted)
    expect(asked.filter((method) => method === 'eth_sendTransaction')).toHaveLength(3)
    expect(await lookAt(request, wanted, place)).toMatchObject({ made: 1 })
    const mint = call('0x40c10f19', from, 700n)
    await chain.rpc('eth_sendTransaction', [{ from, to: place.token.address, data: mint }])
    await pay(due(token(), 700n))
    expect(asked.filter((method) => method === 'eth_sendTransaction')).toHaveLength(2)
  })

  test('that pays twice is refused by the chain, and says so', async () => {
    const wanted = due(NATIVE, 10n)
    await pay(wanted)
    await expect(pay(wanted)).rejects.toThrow(/paid already/u)
  })

  test('on another chain is asked to change, and to learn the chain if it does not know it', async () => {
    const moved: WalletRequest = async ({ method, params = [] }) => {
      asked.push(method)
      if (method === 'eth_chainId') return '0x1'
      if (method === 'wallet_switchEthereumChain') throw Object.assign(new Error('unknown'), { code: 4902 })
      if (method === 'wallet_addEthereumChain') return null
      return chain.rpc(method, [...params])
    }
    const steps = { tell: () => undefined, sent: () => undefined }
    await payWith({ request: moved, from }, due(NATIVE, 10n), place, steps)
    expect(asked.slice(0, 3)).toEqual(['eth_chainId', 'wallet_switchEthereumChain', 'wallet_addEthereumChain'])
  })
})

test('nothing is paid where the money is of another chain than the page', async () => {
  const wanted = due(NATIVE, 10n)
  const other = { ...wanted, currency: { ...wanted.currency, ChainID: 10n } }
  await expect(pay(other)).rejects.toThrow(`on chain 10, and this page pays on ${chain.chainId}`)
  expect(asked).toEqual([])
})

describe('what the page sees of a payment by hand', () => {
  test('a part of it, then more than it', async () => {
    const wanted = due(NATIVE, 100n)
    const { address } = await lookAt(request, wanted, place)
    await sendTo(address, 40n)
    const part = await lookAt(request, wanted, place)
    expect([part.received, oddityOf(UNPAID, wanted.total, part)]).toEqual([40n, 'partial'])
    await sendTo(address, 80n)
    const over = await lookAt(request, wanted, place)
    expect([oddityOf(UNPAID, 100n, over), oddityOf(PAID, 100n, over)]).toEqual([undefined, 'over'])
  })

  test('once more what was paid by call', async () => {
    const wanted = due(token(), 30n)
    await pay(wanted)
    const { address } = await lookAt(request, wanted, place)
    const sent = [call('0x40c10f19', address, 30n)]
    for (const data of sent) await chain.rpc('eth_sendTransaction', [{ from, to: place.token.address, data }])
    expect(oddityOf(PAID, 30n, await lookAt(request, wanted, place))).toBe('extra')
  })

  test('is asked for by a link that wallets read', () => {
    const address = `0x${'ab'.repeat(20)}`
    expect(paymentLink(due(NATIVE, 7n), address)).toBe(`ethereum:${address}@31337?value=7`)
    expect(paymentLink(due(token(), 7n), address)).toBe(
      `ethereum:${place.token.address}@31337/transfer?address=${address}&uint256=7`,
    )
  })
})
