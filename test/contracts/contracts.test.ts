/** The test contracts on a real EVM against the interface of PROTOCOL §12, and the chain that they live on. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import {
  concat,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  keccak256,
  pad,
  parseSignature,
  toEventSelector,
  zeroAddress,
  type Address,
  type Hex,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { paymentIdOf } from '../../src/objects/payment-request.js'
import { developmentChain, DEVELOPMENT_TOKEN, readChainSettings } from '../../src/settings/chain-settings.js'
import { compiledContracts, type ContractName } from '../../contracts/compile.mjs'
import { ACCOUNTS, transactionReceipt, startDevChain, type DevChain } from '../../contracts/dev-chain.mjs'

const CONTRACTS = compiledContracts()
const [, OWNER, CLERK, STRANGER] = ACCOUNTS.map(({ address }) => address as Address) as [
  Address,
  Address,
  Address,
  Address,
]
const SHOP = 77n
const RELAY = 5n
const PAYEE: Address = '0x00000000000000000000000000000000000ca112'
const REFUND: Address = '0x00000000000000000000000000000000000ca113'
const HASH: Hex = `0x${'ab'.repeat(32)}`
const ADD_USER = 0
const UPDATE_ROOT_HASH = 2

let chain: DevChain
let snapshot: string
beforeAll(async () => {
  chain = await startDevChain()
})
beforeEach(async () => {
  snapshot = await chain.snapshot()
})
afterEach(() => chain.revert(snapshot))
afterAll(() => chain.stop())

interface Log {
  readonly address: string
  readonly topics: readonly Hex[]
  readonly data: Hex
}

interface Call {
  readonly to: Address
  readonly data: Hex
  readonly value: Hex
}

const PLACES = { ShopReg: 'shops', RelayReg: 'relays', Payments: 'payments', TestToken: 'token' } as const
type Deployed = keyof typeof PLACES

function callOf(name: Deployed, functionName: string, args: readonly unknown[], value = 0n): Call {
  const data = encodeFunctionData({ abi: CONTRACTS[name].abi, functionName, args })
  return { to: chain.addresses[PLACES[name]] as Address, data, value: `0x${value.toString(16)}` }
}

/** Sends from an unlocked account; rejects with the reason of a revert. Resolves with the logs. */
async function send(from: Address, call: Call): Promise<readonly Log[]> {
  // A call tells the reason; a transaction would be mined and say only that it was reverted.
  await chain.rpc('eth_call', [{ from, ...call }, 'latest'])
  const hash = await chain.rpc('eth_sendTransaction', [{ from, ...call }])
  return ((await transactionReceipt(chain.rpc, hash as string)) as unknown as { logs: readonly Log[] }).logs
}

function write(from: Address, name: Deployed, functionName: string, ...args: readonly unknown[]) {
  return send(from, callOf(name, functionName, args))
}

async function read(name: Deployed, functionName: string, ...args: readonly unknown[]): Promise<unknown> {
  const data = (await chain.rpc('eth_call', [callOf(name, functionName, args), 'latest'])) as Hex
  return decodeFunctionResult({ abi: CONTRACTS[name].abi, functionName, data })
}

async function ether(holder: Address): Promise<bigint> {
  return BigInt((await chain.rpc('eth_getBalance', [holder, 'latest'])) as string)
}

const addressTopic = (address: Address) => pad(address)
const wordTopic = (value: bigint) => pad(`0x${value.toString(16)}`)

async function mintShop(): Promise<readonly Log[]> {
  return write(STRANGER, 'ShopReg', 'mint', SHOP, OWNER)
}

describe('the relay registry', () => {
  it('mints a relay once and knows its owner and URI', async () => {
    await expect(read('RelayReg', 'ownerOf', RELAY)).rejects.toThrow('not minted')
    const [log] = await write(STRANGER, 'RelayReg', 'mint', RELAY, OWNER, 'https://relay.example')
    expect(log!.topics).toEqual([
      toEventSelector('Transfer(address,address,uint256)'),
      addressTopic(zeroAddress),
      addressTopic(OWNER),
      wordTopic(RELAY),
    ])
    expect(String(await read('RelayReg', 'ownerOf', RELAY)).toLowerCase()).toBe(OWNER)
    expect(await read('RelayReg', 'relayURIs', RELAY)).toBe('https://relay.example')
    await expect(write(OWNER, 'RelayReg', 'mint', RELAY, OWNER, '')).rejects.toThrow('minted already')
  })
})

describe('the shop registry', () => {
  it('is a token: minted once, moved by its owner or whom he approved', async () => {
    await expect(read('ShopReg', 'ownerOf', SHOP)).rejects.toThrow('not minted')
    await expect(read('ShopReg', 'hasPermission', SHOP, OWNER, 2)).rejects.toThrow('not minted')
    const transfer = toEventSelector('Transfer(address,address,uint256)')
    const [minted] = await mintShop()
    expect(minted!.topics).toEqual([transfer, addressTopic(zeroAddress), addressTopic(OWNER), wordTopic(SHOP)])
    await expect(mintShop()).rejects.toThrow('minted already')
    expect(await read('ShopReg', 'balanceOf', OWNER)).toBe(1n)

    await expect(write(CLERK, 'ShopReg', 'transferFrom', OWNER, CLERK, SHOP)).rejects.toThrow('not allowed')
    await expect(write(OWNER, 'ShopReg', 'transferFrom', CLERK, OWNER, SHOP)).rejects.toThrow('not the owner')
    await write(OWNER, 'ShopReg', 'approve', CLERK, SHOP)
    const [moved] = await write(CLERK, 'ShopReg', 'transferFrom', OWNER, STRANGER, SHOP)
    expect(moved!.topics).toEqual([transfer, addressTopic(OWNER), addressTopic(STRANGER), wordTopic(SHOP)])
    expect(moved!.data).toBe('0x')
    expect(String(await read('ShopReg', 'ownerOf', SHOP)).toLowerCase()).toBe(STRANGER)
    await expect(write(CLERK, 'ShopReg', 'safeTransferFrom', STRANGER, CLERK, SHOP)).rejects.toThrow('not allowed')
    await write(STRANGER, 'ShopReg', 'safeTransferFrom', STRANGER, OWNER, SHOP)
    expect(await read('ShopReg', 'hasPermission', SHOP, STRANGER, 2)).toBe(false)
    expect(await read('ShopReg', 'hasPermission', SHOP, OWNER, 2)).toBe(true)
  })

  it('keeps a list of relays that the owner changes', async () => {
    await mintShop()
    await expect(write(CLERK, 'ShopReg', 'addRelay', SHOP, RELAY)).rejects.toThrow('not allowed')
    for (const id of [RELAY, 6n, 7n]) await write(OWNER, 'ShopReg', 'addRelay', SHOP, id)
    await write(OWNER, 'ShopReg', 'replaceRelay', SHOP, 1n, 8n)
    expect(await read('ShopReg', 'getAllRelays', SHOP)).toEqual([RELAY, 8n, 7n])
    await write(OWNER, 'ShopReg', 'removeRelay', SHOP, 0n)
    expect(await read('ShopReg', 'getAllRelays', SHOP)).toEqual([7n, 8n])
    expect(await read('ShopReg', 'getRelayCount', SHOP)).toBe(2n)
  })

  it('registers users, again too, and tells of them', async () => {
    await mintShop()
    const [owner, clerk] = await Promise.all(
      [OWNER, CLERK].map((user) => read('ShopReg', 'hasPermission', SHOP, user, UPDATE_ROOT_HASH)),
    )
    expect([owner, clerk]).toEqual([true, false])
    await expect(write(CLERK, 'ShopReg', 'registerUser', SHOP, CLERK)).rejects.toThrow('not allowed')

    const added = {
      topics: [toEventSelector('UserAdded(uint256,address,uint256)'), wordTopic(SHOP)],
      data: concat([addressTopic(CLERK), wordTopic(0b101n)]),
    }
    for (const logs of [
      await write(OWNER, 'ShopReg', 'registerUser', SHOP, CLERK),
      await write(OWNER, 'ShopReg', 'registerUser', SHOP, CLERK),
    ]) {
      expect(logs).toHaveLength(1)
      expect(logs[0]).toMatchObject({ ...added, address: chain.addresses.shops })
    }
    expect(await read('ShopReg', 'hasPermission', SHOP, CLERK, UPDATE_ROOT_HASH)).toBe(true)

    await expect(write(CLERK, 'ShopReg', 'removeUser', SHOP, CLERK)).rejects.toThrow('not allowed')
    const [removed] = await write(OWNER, 'ShopReg', 'removeUser', SHOP, CLERK)
    expect(removed).toMatchObject({
      topics: [toEventSelector('UserRemoved(uint256,address)'), wordTopic(SHOP)],
      data: addressTopic(CLERK),
    })
    expect(await read('ShopReg', 'hasPermission', SHOP, CLERK, UPDATE_ROOT_HASH)).toBe(false)
  })

  it('adds and removes single permissions for the owner', async () => {
    await mintShop()
    for (const change of ['addPermission', 'removePermission']) {
      await expect(write(CLERK, 'ShopReg', change, SHOP, CLERK, 2)).rejects.toThrow('not the owner')
    }
    const data = concat([addressTopic(CLERK), wordTopic(2n)])
    const [added] = await write(OWNER, 'ShopReg', 'addPermission', SHOP, CLERK, UPDATE_ROOT_HASH)
    const addedTopic = toEventSelector('PermissionAdded(uint256,address,uint8)')
    expect(added).toMatchObject({ topics: [addedTopic, wordTopic(SHOP)], data })
    expect(await read('ShopReg', 'hasPermission', SHOP, CLERK, UPDATE_ROOT_HASH)).toBe(true)
    expect(await read('ShopReg', 'hasPermission', SHOP, CLERK, ADD_USER)).toBe(false)
    const [removed] = await write(OWNER, 'ShopReg', 'removePermission', SHOP, CLERK, UPDATE_ROOT_HASH)
    const removedTopic = toEventSelector('PermissionRemoved(uint256,address,uint8)')
    expect(removed).toMatchObject({ topics: [removedTopic, wordTopic(SHOP)], data })
    expect(await read('ShopReg', 'hasPermission', SHOP, CLERK, UPDATE_ROOT_HASH)).toBe(false)
  })

  it('lets an invite be redeemed once, by the signature of its key over the user', async () => {
    await mintShop()
    const invite = privateKeyToAccount(`0x${'11'.repeat(32)}`)
    const redeem = async (user: Address, signed: Address) => {
      const { r, s, v } = parseSignature(await invite.signMessage({ message: { raw: signed } }))
      return write(STRANGER, 'ShopReg', 'redeemInvite', SHOP, Number(v), r, s, user)
    }
    await expect(redeem(CLERK, CLERK)).rejects.toThrow('no such invite')
    await expect(write(CLERK, 'ShopReg', 'publishInviteVerifier', SHOP, invite.address)).rejects.toThrow('not allowed')
    await write(OWNER, 'ShopReg', 'publishInviteVerifier', SHOP, invite.address)
    await expect(redeem(CLERK, STRANGER)).rejects.toThrow('no such invite')
    // What ecrecover makes of a bad signature is no invite, though somebody published it.
    await write(OWNER, 'ShopReg', 'publishInviteVerifier', SHOP, zeroAddress)
    await expect(write(STRANGER, 'ShopReg', 'redeemInvite', SHOP, 29, HASH, HASH, CLERK)).rejects.toThrow('no such')
    const [added] = await redeem(CLERK, CLERK)
    expect(added).toMatchObject({
      topics: [toEventSelector('UserAdded(uint256,address,uint256)'), wordTopic(SHOP)],
      data: concat([addressTopic(CLERK), wordTopic(0b101n)]),
    })
    expect(await read('ShopReg', 'hasPermission', SHOP, CLERK, UPDATE_ROOT_HASH)).toBe(true)
    await expect(redeem(CLERK, CLERK)).rejects.toThrow('no such invite')
  })

  it('takes a root from permission 2 or the owner of a listed relay, with a rising nonce', async () => {
    await mintShop()
    await write(OWNER, 'RelayReg', 'mint', RELAY, CLERK, '')
    expect(await read('ShopReg', 'nonce', SHOP)).toBe(1n)
    const update = (from: Address, nonce: bigint, hash = HASH) =>
      write(from, 'ShopReg', 'updateRootHash', SHOP, hash, nonce)
    await expect(update(CLERK, 2n)).rejects.toThrow('not allowed')
    // An unminted relay in the list stands in nobody's way.
    for (const id of [404n, RELAY]) await write(OWNER, 'ShopReg', 'addRelay', SHOP, id)
    await update(CLERK, 2n)
    expect([await read('ShopReg', 'rootHashes', SHOP), await read('ShopReg', 'nonce', SHOP)]).toEqual([HASH, 2n])
    await expect(update(CLERK, 2n)).rejects.toThrow('the nonce must rise')
    await expect(update(STRANGER, 9n)).rejects.toThrow('not allowed')
    await write(OWNER, 'ShopReg', 'addPermission', SHOP, STRANGER, UPDATE_ROOT_HASH)
    await update(STRANGER, 9n, wordTopic(3n))
    expect(await read('ShopReg', 'rootHashes', SHOP)).toBe(wordTopic(3n))
    await expect(update(OWNER, 8n)).rejects.toThrow('the nonce must rise')
    await update(OWNER, 10n)
  })
})

describe('the token', () => {
  it('has two decimals, and moves by its holder or by allowance', async () => {
    expect(await read('TestToken', 'decimals')).toBe(2)
    expect(await read('TestToken', 'symbol')).toBe('EUD')
    await expect(write(OWNER, 'TestToken', 'transfer', CLERK, 1n)).rejects.toThrow()
    await write(STRANGER, 'TestToken', 'mint', OWNER, 100n)
    const [moved] = await write(OWNER, 'TestToken', 'transfer', CLERK, 40n)
    expect(moved).toMatchObject({
      topics: [toEventSelector('Transfer(address,address,uint256)'), addressTopic(OWNER), addressTopic(CLERK)],
      data: wordTopic(40n),
    })
    await write(OWNER, 'TestToken', 'approve', STRANGER, 10n)
    await expect(write(STRANGER, 'TestToken', 'transferFrom', OWNER, CLERK, 11n)).rejects.toThrow()
    await write(STRANGER, 'TestToken', 'transferFrom', OWNER, CLERK, 10n)
    expect(await tokens(OWNER)).toBe(50n)
    expect(await tokens(CLERK)).toBe(50n)
    expect(await read('TestToken', 'totalSupply')).toBe(100n)
  })
})

function tokens(holder: Address): Promise<unknown> {
  return read('TestToken', 'balanceOf', holder)
}

const REQUEST = {
  type: 'tuple',
  components: [
    { name: 'chainId', type: 'uint256' },
    { name: 'ttl', type: 'uint256' },
    { name: 'order', type: 'bytes32' },
    { name: 'currency', type: 'address' },
    { name: 'amount', type: 'uint256' },
    { name: 'payeeAddress', type: 'address' },
    { name: 'isPaymentEndpoint', type: 'bool' },
    { name: 'shopId', type: 'uint256' },
    { name: 'shopSignature', type: 'bytes' },
  ],
} as const

interface Request {
  readonly chainId: bigint
  readonly ttl: bigint
  readonly order: Hex
  readonly currency: Address
  readonly amount: bigint
  readonly payeeAddress: Address
  readonly isPaymentEndpoint: boolean
  readonly shopId: bigint
  readonly shopSignature: Hex
}

const NATIVE: Request = {
  chainId: 31_337n,
  ttl: 2n ** 40n,
  order: pad('0x'),
  currency: zeroAddress,
  amount: 1_000n,
  payeeAddress: PAYEE,
  isPaymentEndpoint: false,
  shopId: SHOP,
  shopSignature: `0x${'00'.repeat(64)}`,
}
const inTokens = (): Request => ({ ...NATIVE, currency: chain.addresses.token as Address })

const idOf = (request: Request) => keccak256(encodeAbiParameters([REQUEST], [request]))

/** With the ether that it needs. */
function pay(request: Request, value = request.currency === zeroAddress ? request.amount : 0n) {
  return send(CLERK, callOf('Payments', 'pay', [request], value))
}

/** CREATE2 by its definition: salt 0, init code = the forwarder's, then its arguments. */
function paymentAddress(request: Request, refund: Address): Address {
  const args = encodeAbiParameters([REQUEST, { type: 'address' }], [request, refund])
  const bytecode = concat([CONTRACTS.Forwarder.bytecode, args])
  const from = chain.addresses.payments as Address
  return getContractAddress({ opcode: 'CREATE2', from, salt: pad('0x'), bytecode }).toLowerCase() as Address
}

async function fund({ currency }: Request, to: Address, amount: bigint): Promise<void> {
  if (currency === zeroAddress) await send(CLERK, { to, data: '0x', value: `0x${amount.toString(16)}` })
  else await write(CLERK, 'TestToken', 'mint', to, amount)
}

async function held({ currency }: Request, holder: Address): Promise<bigint> {
  return currency === zeroAddress ? ether(holder) : ((await tokens(holder)) as bigint)
}

const madeOf = (logs: readonly Log[]) =>
  logs.filter(({ address }) => address === chain.addresses.payments).map(({ topics, data }) => [...topics, data])
const madeEvent = (request: Request) => [toEventSelector('PaymentMade(uint256)'), idOf(request), '0x']

describe('the id of a payment', () => {
  it('is keccak256 of the request as abi.encode writes it', async () => {
    for (const request of [
      NATIVE,
      { ...inTokens(), amount: 0n },
      { ...NATIVE, order: HASH, isPaymentEndpoint: true, shopId: 2n ** 256n - 1n, shopSignature: '0x010203' as Hex },
    ]) {
      expect(await read('Payments', 'getPaymentId', request)).toBe(BigInt(idOf(request)))
    }
    const { chainId, ttl, amount, shopId } = NATIVE
    const payee = fromHex(PAYEE.slice(2))
    expect(`0x${toHex(paymentIdOf({ chainId, ttl, amount, shopId, payee, currency: new Uint8Array(20) }))}`).toBe(
      idOf(NATIVE),
    )
  })
})

describe.each(['ether', 'tokens'] as const)('a payment in %s', (kind) => {
  const requestOf = () => (kind === 'ether' ? NATIVE : inTokens())

  beforeEach(async () => {
    await write(CLERK, 'TestToken', 'mint', CLERK, 10_000n)
    await write(CLERK, 'TestToken', 'approve', chain.addresses.payments, 10_000n)
  })

  it('by call reaches the payee once', async () => {
    const request = requestOf()
    expect(madeOf(await pay(request))).toEqual([madeEvent(request)])
    expect(await held(request, PAYEE)).toBe(1_000n)
    await expect(pay(request)).rejects.toThrow('paid already')
    expect(await held(request, PAYEE)).toBe(1_000n)
    const next = { ...request, ttl: request.ttl + 1n }
    expect(madeOf(await pay(next))).toEqual([madeEvent(next)])
  })

  it('by call is refused late, on another chain, and with another value', async () => {
    const request = requestOf()
    const { timestamp } = (await chain.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: Hex }
    await expect(pay({ ...request, ttl: BigInt(timestamp) - 1n })).rejects.toThrow('too late')
    await expect(pay({ ...request, chainId: 1n })).rejects.toThrow('another chain')
    const value = kind === 'ether' ? 1_000n : 0n
    await expect(pay(request, value + 1n)).rejects.toThrow('not the amount')
    if (value > 0n) await expect(pay(request, value - 1n)).rejects.toThrow('not the amount')
    await expect(pay({ ...inTokens(), amount: 10_001n })).rejects.toThrow()
    expect(await held(request, PAYEE)).toBe(0n)
  })

  it('by call tells an endpoint of the request', async () => {
    // Runtime code that logs what it was called with: CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 LOG0
    // STOP.
    await chain.rpc('anvil_setCode', [PAYEE, '0x365f5f37365fa000'])
    const request = { ...requestOf(), isPaymentEndpoint: true }
    const logs = await pay(request)
    expect(logs.find(({ address }) => address === PAYEE)?.data).toBe(callOf('Payments', 'pay', [request]).data)
    expect(madeOf(logs)).toEqual([madeEvent(request)])
    expect(await held(request, PAYEE)).toBe(1_000n)
    expect((await pay({ ...request, isPaymentEndpoint: false })).some(({ address }) => address === PAYEE)).toBe(
      kind === 'ether',
    )
  })

  it('by address is deployed where CREATE2 says, pays the payee and refunds the rest', async () => {
    const request = requestOf()
    const at = paymentAddress(request, REFUND)
    expect(String(await read('Payments', 'getPaymentAddress', request, REFUND)).toLowerCase()).toBe(at)
    expect(paymentAddress(request, PAYEE)).not.toBe(at)
    await fund(request, at, 1_007n)
    expect(await chain.rpc('eth_getCode', [at, 'latest'])).toBe('0x')
    expect(madeOf(await write(STRANGER, 'Payments', 'processPayment', request, REFUND))).toEqual([madeEvent(request)])
    expect(await chain.rpc('eth_getCode', [at, 'latest'])).not.toBe('0x')
    expect([await held(request, PAYEE), await held(request, REFUND), await held(request, at)]).toEqual([1_000n, 7n, 0n])
    await expect(write(STRANGER, 'Payments', 'processPayment', request, REFUND)).rejects.toThrow()
    await expect(pay(request)).rejects.toThrow('paid already')
  })

  it('by address that holds too little, or is late, goes back whole', async () => {
    const { timestamp } = (await chain.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: Hex }
    const little = requestOf()
    const late = { ...requestOf(), ttl: BigInt(timestamp) - 1n }
    for (const [request, amount] of [[little, 999n] as const, [late, 1_001n] as const]) {
      await fund(request, paymentAddress(request, REFUND), amount)
      expect(madeOf(await write(STRANGER, 'Payments', 'processPayment', request, REFUND))).toEqual([])
    }
    expect([await held(little, PAYEE), await held(little, REFUND)]).toEqual([0n, 2_000n])
    const elsewhere = { ...little, chainId: 1n }
    await expect(write(STRANGER, 'Payments', 'processPayment', elsewhere, REFUND)).rejects.toThrow('another chain')
  })
})

describe('the development chain', () => {
  it('has its contracts where the relay looks for them', async () => {
    const { registry, chains } = developmentChain(8_545)
    expect(chain.addresses).toEqual({
      relays: `0x${toHex(registry.relays)}`,
      shops: `0x${toHex(registry.shops)}`,
      payments: `0x${toHex(chains[0]!.payments!)}`,
      token: `0x${toHex(DEVELOPMENT_TOKEN)}`,
    })
    expect(String(await read('ShopReg', 'relayReg')).toLowerCase()).toBe(chain.addresses.relays)
    for (const { address, privateKey } of ACCOUNTS)
      expect(privateKeyToAccount(privateKey).address.toLowerCase()).toBe(address)
  })

  it('has them there on every chain, whatever its id and blocks', async () => {
    const other = await startDevChain({ chainId: 777, blockTimeSeconds: 1 })
    try {
      expect(other.addresses).toEqual(chain.addresses)
      expect(other.rpcUrl).not.toBe(chain.rpcUrl)
      expect(await other.rpc('eth_chainId')).toBe('0x309')
      expect(await other.rpc('eth_getCode', [other.addresses.token, 'latest'])).not.toBe('0x')
    } finally {
      await other.stop()
    }
    await expect(other.rpc('eth_chainId')).rejects.toThrow()
    await other.stop()
  })

  it('goes back to a snapshot, once', async () => {
    const before = await chain.rpc('eth_blockNumber')
    const id = await chain.snapshot()
    await chain.mine(3)
    expect(await chain.rpc('eth_blockNumber')).toBe(`0x${(Number(before) + 3).toString(16)}`)
    await chain.revert(id)
    expect(await chain.rpc('eth_blockNumber')).toBe(before)
    await expect(chain.revert(id)).rejects.toThrow('there is no snapshot')
  })

  it('re-organises: a transaction is gone, another is there', async () => {
    const hash = await chain.rpc('eth_sendTransaction', [{ from: CLERK, to: PAYEE, value: '0x7' }])
    const { blockNumber, blockHash } = await transactionReceipt(chain.rpc, hash as string)
    await chain.mine()
    const head = await chain.rpc('eth_blockNumber')

    await chain.reorg(2)
    expect(await chain.rpc('eth_getTransactionReceipt', [hash])).toBeNull()
    expect(await ether(PAYEE)).toBe(0n)
    expect(await chain.rpc('eth_blockNumber')).toBe(head)
    const block = (await chain.rpc('eth_getBlockByNumber', [blockNumber, false])) as { hash: string }
    expect(block.hash).not.toBe(blockHash)

    await chain.reorg(2, [{ from: STRANGER, to: PAYEE, value: '0x9', block: 1 }])
    expect(await ether(PAYEE)).toBe(9n)
    const newest = (await chain.rpc('eth_getBlockByNumber', ['latest', false])) as { transactions: readonly string[] }
    expect(newest.transactions).toHaveLength(1)
    await expect(chain.reorg(10_000)).rejects.toThrow('depth')
  })

  it('says that a port is in use', async () => {
    const port = Number(new URL(chain.rpcUrl).port)
    await expect(startDevChain({ port })).rejects.toThrow(`port ${port} is in use`)
    expect(await chain.rpc('eth_chainId')).toBe('0x7a69')
  })

  it('ends with the process that started it, however that ends', async () => {
    const module = resolve(import.meta.dirname, '../../contracts/dev-chain.mjs')
    const script = `import { startDevChain } from ${JSON.stringify(module)}
      process.stdout.write((await startDevChain()).rpcUrl)`
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script])
    const [url] = (await once(starter.stdout, 'data')) as [Buffer]
    const ask = () => fetch(String(url), { method: 'POST', body: '{}' })
    expect((await ask()).ok).toBe(true)
    starter.kill('SIGKILL')
    await expect
      .poll(
        () =>
          ask().then(
            () => 'answers',
            () => 'gone',
          ),
        { timeout: 5_000 },
      )
      .toBe('gone')
  })
})

describe('npm run dev:chain', () => {
  const serve = (...flags: string[]) => {
    const child = spawn(process.execPath, [resolve(import.meta.dirname, '../../contracts/serve-chain.mjs'), ...flags])
    let [out, talk] = ['', '']
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    child.stderr.on('data', (chunk) => (talk += String(chunk)))
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, talk }))
    return { child, ended, talk: () => talk }
  }

  it('prints settings that the relay reads, and stops when told', async () => {
    const port = await freePort()
    const { child, ended, talk } = serve('--port', String(port))
    await expect.poll(talk, { timeout: 15_000 }).toContain('Ctrl-C')
    child.kill('SIGINT')
    const { code, out } = await ended
    expect(code).toBe(0)
    const settings = readChainSettings('printed', out)
    expect(settings).toEqual(developmentChain(port))
    expect(talk()).toContain(`npm start -- --chain dev:${port} uses them without a file.`)
    for (const { address, secret } of ACCOUNTS.slice(1)) expect(talk()).toContain(`${address}  key ${secret}`)
    expect(talk()).toContain(chain.addresses.token)
  })

  it('does not stand still: what is reckoned from its newest block is of now, whoever came last', async () => {
    const port = await freePort()
    const { child, ended, talk } = serve('--port', String(port), '--block-every', '1')
    await expect.poll(talk, { timeout: 15_000 }).toContain('Ctrl-C')
    const newest = async () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: ['latest', false] })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', headers, body })
      const { result } = (await response.json()) as { result: { number: string; timestamp: string } }
      return [Number(result.number), Number(result.timestamp)] as const
    }
    const [first, then] = await newest()
    await expect.poll(async () => (await newest())[0], { timeout: 15_000 }).toBeGreaterThan(first + 2)
    expect((await newest())[1]).toBeGreaterThan(then)
    child.kill('SIGINT')
    expect((await ended).code).toBe(0)
  })

  it.each([
    ['a taken port', () => ['--port', new URL(chain.rpcUrl).port], /^dev:chain: port \d+ is in use\n$/u],
    [
      'no time between blocks',
      () => ['--block-every', '0'],
      /^dev:chain: --block-every has to be a number from 1 to 86400\n$/u,
    ],
    ['no port', () => ['--port', '70000'], /^dev:chain: --port has to be a number from 1 to 65535\n$/u],
    ['an unknown flag', () => ['--prot', '1'], /^dev:chain: Unknown option '--prot'[^\n]*\n$/u],
  ])('refuses %s in one line', async (_, flags, line) => {
    const { code, out, talk } = await serve(...flags()).ended
    expect([code, out]).toEqual([1, ''])
    expect(talk).toMatch(line)
  })
})

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const other = await startDevChain()
  await other.stop()
  return Number(new URL(other.rpcUrl).port)
}

it('compiles every contract that it names', () => {
  const names: readonly ContractName[] = ['RelayReg', 'ShopReg', 'Payments', 'TestToken', 'Forwarder']
  for (const name of names) expect(CONTRACTS[name].bytecode).toMatch(/^0x60[0-9a-f]+$/u)
})
