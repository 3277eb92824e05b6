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
import { call, NO_HASH, NOT_DUE, payWith, type PayingSteps } from '../../web/storefront/paying.js'
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
const nothing = () => undefined
const steps: PayingSteps = { tell: nothing, requireDue: nothing, sent: nothing }
const pay = (wanted: ReturnType<typeof due>, hashes: unknown[] = []) =>
  payWith({ request, from }, wanted, place, {
    ...steps,
    tell: (step) => told.push(step),
    sent: (hash) => hashes.push(hash),
  })
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

  /** Of a wallet that is on another chain: what it says of where it is, one after the other. */
  const asksOn = async (chainIds: readonly unknown[], isKnown = false) => {
    const left = [...chainIds]
    let knows = isKnown
    const moved: WalletRequest = async ({ method, params = [] }) => {
      asked.push(method)
      if (method === 'eth_chainId') return left.length > 1 ? left.shift() : left[0]
      if (method === 'wallet_addEthereumChain') return ((knows = true), null)
      if (method !== 'wallet_switchEthereumChain') return chain.rpc(method, [...params])
      if (!knows) throw Object.assign(new Error('unknown'), { code: 4902 })
      return null
    }
    const wanted = due(NATIVE, 10n)
    const told = await payWith({ request: moved, from }, wanted, place, steps).catch((error: Error) => error.message)
    return [asked.filter((method) => /chain/iu.test(method)).map((method) => method.split('_')[1]), told]
  }
  const HERE = `0x${(31_337).toString(16)}`
  const [ID, SWITCH, ADD] = ['chainId', 'switchEthereumChain', 'addEthereumChain']

  test.each<[what: string, chainIds: readonly unknown[], isKnown: boolean, asks: readonly string[]]>([
    ['changes', ['0x1', HERE], true, [ID, SWITCH, ID]],
    ['learns the chain and goes there', ['0x1', HERE], false, [ID, SWITCH, ADD, ID, ID]],
    ['learns the chain and changes then', ['0x1', '0x1', HERE], false, [ID, SWITCH, ADD, ID, SWITCH, ID]],
  ])('on another chain %s', async (_what, chainIds, isKnown, asks) => {
    expect(await asksOn(chainIds, isKnown)).toEqual([asks, undefined])
  })

  test.each<[what: string, answer: unknown, isKnown: boolean, told: RegExp]>([
    ['says that it changed', '0x1', true, /on chain 1, and this is paid on chain 31337: nothing was sent/u],
    ['learns the chain alone', '0x1', false, /on chain 1, and this is paid on chain 31337: nothing was sent/u],
    ['says nothing of where it is', null, true, /does not say which chain/u],
  ])('that %s, and stays where it is, pays nothing', async (_what, answer, isKnown, told) => {
    expect((await asksOn([answer], isKnown))[1]).toMatch(told)
    expect(asked).not.toContain('eth_sendTransaction')
  })

  test('is told in each transaction which chain it is for', async () => {
    const sent: unknown[] = []
    const looking: WalletRequest = async ({ method, params = [] }) => {
      if (method === 'eth_sendTransaction') sent.push((params[0] as { chainId?: unknown }).chainId)
      return chain.rpc(method, [...params])
    }
    await payWith({ request: looking, from }, due(token(), 900n), place, steps)
    expect(sent.length).toBeGreaterThan(1)
    expect(new Set(sent)).toEqual(new Set([HERE]))
  })

  test.each<[what: string, currency: () => Uint8Array, asked: number]>([
    ['ether', () => NATIVE, 0],
    ['a token, allowed by then', token, 2],
  ])('is not asked to pay in %s what is not due any more', async (_what, currency, transactions) => {
    const wanted = due(currency(), 1_000_000n)
    const isDue = () => asked.filter((method) => method === 'eth_sendTransaction').length < transactions
    const requireDue = () => {
      if (!isDue()) throw new Error(NOT_DUE)
    }
    await expect(payWith({ request, from }, wanted, place, { ...steps, requireDue })).rejects.toThrow(NOT_DUE)
    expect(asked.filter((method) => method === 'eth_sendTransaction')).toHaveLength(transactions)
    expect(await lookAt(request, wanted, place)).toMatchObject({ received: 0n, made: 0 })
  })

  test.each([undefined, null, 5, {}, ['0x1'], '0x', '0x1234', 'sent'])(
    'that answers a transaction with %j has sent none that is known',
    async (answer) => {
      const odd: WalletRequest = async ({ method, params = [] }) =>
        method === 'eth_sendTransaction' ? answer : chain.rpc(method, [...params])
      const hashes: unknown[] = []
      const noting = { ...steps, sent: (hash: unknown) => hashes.push(hash) }
      await expect(payWith({ request: odd, from }, due(NATIVE, 10n), place, noting)).rejects.toThrow(NO_HASH)
      expect(hashes).toEqual([])
    },
  )
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
