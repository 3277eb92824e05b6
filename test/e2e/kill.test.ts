/**
 * A relay killed (SIGKILL) after each step of an order's life and started again: whatever the step, the order ends
 * Paid, once, with the stock taken once and one payment record. Real processes, LMDB and EVM.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { toHex } from '../../src/bytes/hex.js'
import { mintShopCall } from '../../src/chain/contracts.js'
import { getPaymentAddressCall, payCall } from '../../src/objects/payment-request.js'
import { enrol } from '../../src/client/enrol.js'
import { connect, type PaymentDue, type ShopClient } from '../../src/client/shop-client.js'
import { paymentRecordsIn } from '../../src/relay/payments/payment-record.js'
import { openStoreForReading } from '../../src/store/open.js'
import { transactionReceipt, startDevChain, type DevChain } from '../../contracts/dev-chain.mjs'
import { listing, map, newSecret, SHOP, stock } from '../fixtures/relay-harness.js'
import { bytesOf, GUEST_ADDRESS, NATIVE, PAYEE } from '../fixtures/paid-shop.js'

const ROOT = resolve(import.meta.dirname, '../..')
const CHOICE = { payee: { ChainID: 31_337n, Address: bytesOf(PAYEE) }, currency: NATIVE }

let chain: DevChain
let data: string
let relay: { child: ChildProcess; url: string }
const owner = newSecret()

beforeAll(async () => {
  chain = await startDevChain()
  data = mkdtempSync(join(tmpdir(), 'cairn-kill-'))
  relay = await startRelay()
  const account = chain.accounts[1]!
  await send(account.address, chain.addresses.shops, mintShopCall(SHOP, bytesOf(account.address)))
  await enrolled(owner, account.secret, false)
  const client = await session(owner)
  await client.write([
    { op: 'add', path: ['Manifest', 'Payees', 31_337n, bytesOf(PAYEE)], value: map({}) },
    { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 31_337n, NATIVE.Address], value: map({}) },
    listing(1n),
    stock(1n, 1_000n),
  ])
  client.close()
})

afterAll(async () => {
  relay.child.kill('SIGKILL')
  await chain.stop()
  rmSync(data, { recursive: true, force: true })
})

/**
 * The life of an order; each step may come after a kill, and `again` tells how it is done where the answer may be lost.
 */
interface Life {
  readonly id: bigint
  readonly card: Uint8Array
  due?: PaymentDue
}
type Step = readonly [name: string, act: (life: Life, client: ShopClient) => Promise<unknown>]

const BY_CALL: readonly Step[] = [
  ['it was opened', ({ id }, { orders }) => orders.create({ id })],
  ['an item was added', ({ id }, { orders }) => orders.add(id, { listing: 1n, quantity: 2n })],
  ['another item was added', ({ id }, { orders }) => orders.add(id, { listing: 1n, quantity: 1n })],
  ['the address was set', ({ id }, client) => client.write([addressChange(id)])],
  ['it was committed', ({ id }, { orders }) => orders.commit(id)],
  ['payment was chosen', async (life, { orders }) => (life.due = await orders.choosePayment(life.id, CHOICE))],
  ['payment was chosen again', async (life, { orders }) => (life.due = await orders.choosePayment(life.id, CHOICE))],
  [
    'the payment was sent and no block has it',
    async ({ due }) => {
      await chain.rpc('evm_setAutomine', [false])
      await submit(due!)
    },
  ],
  [
    'a block has it',
    async () => {
      await chain.rpc('anvil_mine', ['0x1'])
      await chain.rpc('evm_setAutomine', [true])
    },
  ],
  ['more blocks came', () => chain.mine(3)],
  ['it is Paid', ({ id }, { orders }) => paid(id, { orders } as ShopClient)],
  ['more blocks came after it', () => chain.mine(3)],
]
const BY_ADDRESS: readonly Step[] = [
  [
    'it was opened and committed',
    async ({ id }, { orders }) => {
      await orders.create({ id, items: [{ listing: 1n, quantity: 3n }], shippingAddress: GUEST_ADDRESS })
      await orders.commit(id)
    },
  ],
  ['payment was chosen', async (life, { orders }) => (life.due = await orders.choosePayment(life.id, CHOICE))],
  ['half of it came', ({ due }) => payAddress(due!, due!.total / 2n)],
  ['all of it came', ({ due }) => payAddress(due!, due!.total - due!.total / 2n)],
  ['it is Paid', ({ id }, { orders }) => paid(id, { orders } as ShopClient)],
]

const lives = [BY_CALL, BY_ADDRESS].flatMap((steps, way) =>
  steps.map(([name], at) => [`${way === 0 ? 'by call' : 'by address'}: after ${name}`, steps, at] as const),
)

it.each(lives)(
  '%s',
  async (_name, steps, killAfter) => {
    const life: Life = { id: BigInt(`0x${toHex(newSecret().subarray(0, 6))}`) + 1n, card: newSecret() }
    await enrolled(life.card, toHex(newSecret()), true)
    const before = await stockLeft()
    let client = await session(life.card)
    for (const [at, [, act]] of steps.entries()) {
      await act(life, client)
      if (at !== killAfter) continue
      client.close()
      await killed()
      relay = await startRelay()
      client = await session(life.card)
    }
    await paid(life.id, client)
    client.close()
    expect(await stockLeft()).toBe(before - 3n)
    const store = await openStoreForReading(join(data, 'relay'))
    try {
      const records = paymentRecordsIn(store.paymentRows(SHOP)).filter(({ orderId }) => orderId === life.id)
      expect(records.map(({ effect, amount }) => [effect, amount])).toEqual([['paid', life.due!.total]])
    } finally {
      await store.close()
    }
  },
  30_000,
)

async function paid(id: bigint, { orders }: ShopClient): Promise<void> {
  for await (const { data, error } of orders.watch(id)) {
    if (error !== undefined) throw error
    if (data?.State === 6n) return
  }
}

async function stockLeft(): Promise<bigint> {
  const client = await session(owner)
  try {
    for await (const { status, data } of client.stock(1n)) if (status !== 'loading') return data!
    throw new Error('there is no stock')
  } finally {
    client.close()
  }
}

function addressChange(id: bigint) {
  return { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: map(GUEST_ADDRESS) } as const
}

async function submit({ request }: PaymentDue): Promise<string> {
  return (await chain.rpc('eth_sendTransaction', [
    {
      from: chain.accounts[2]!.address,
      to: chain.addresses.payments,
      data: `0x${toHex(payCall(request))}`,
      value: `0x${request.amount.toString(16)}`,
      gas: '0x7a120',
    },
  ])) as string
}

async function payAddress({ request }: PaymentDue, amount: bigint): Promise<void> {
  const call = { to: chain.addresses.payments, data: `0x${toHex(getPaymentAddressCall(request))}` }
  const at = (await chain.rpc('eth_call', [call, 'latest'])) as string
  await send(chain.accounts[2]!.address, `0x${at.slice(26)}`, undefined, amount)
}

async function send(from: string, to: string, bytes?: Uint8Array, value = 0n): Promise<void> {
  const call = {
    from,
    to,
    value: `0x${value.toString(16)}`,
    gas: '0x7a120',
    ...(bytes && { data: `0x${toHex(bytes)}` }),
  }
  await transactionReceipt(chain.rpc, (await chain.rpc('eth_sendTransaction', [call])) as string)
}

async function enrolled(card: Uint8Array, wallet: string, guest: boolean): Promise<void> {
  await enrol({
    url: relay.url,
    shop: SHOP,
    card: publicKeyOf(card),
    wallet: privateKeyToAccount(`0x${wallet}`),
    guest,
  })
}

function session(key: Uint8Array): Promise<ShopClient> {
  return connect({ url: relay.url, shop: SHOP, key, relay: 'development' })
}

function startRelay(): Promise<{ child: ChildProcess; url: string }> {
  const { shops, relays, payments } = chain.addresses
  const file = join(data, 'chain.json')
  const chains = [{ chainId: 31_337, rpc: [chain.rpcUrl], payments, depth: 1, pollMs: 50 }]
  writeFileSync(file, JSON.stringify({ registry: { chainId: 31_337, shops, relays }, chains }))
  const flags = [
    '--chain',
    file,
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--push-delay-ms',
    '0',
    '--data',
    join(data, 'relay'),
  ]
  const child = spawn(process.execPath, ['src/cli/cairn.js', 'serve', ...flags], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return new Promise((started, failed) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
      const url = /listens on (\S+)/u.exec(output)?.[1]
      if (url !== undefined) started({ child, url })
    })
    child.once('exit', (code, signal) => failed(new Error(`the relay ended at its start: ${code ?? signal}`)))
  })
}

function killed(): Promise<void> {
  return new Promise((done) => {
    relay.child.once('exit', () => done())
    relay.child.kill('SIGKILL')
  })
}
