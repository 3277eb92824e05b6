/** Relays in processes of their own, the development chain, and merchants who fill shops over the client library. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { ACCOUNTS, startDevChain, transactionReceipt, type DevChain } from '../../contracts/dev-chain.mjs'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { addRelayCall, mintShopCall } from '../../src/chain/contracts.js'
import { startRelay } from '../../src/cli/bench/relay-process.js'
import { enrol, relayDescription } from '../../src/client/enrol.js'
import { connect, type Change, type ShopClient } from '../../src/client/shop-client.js'

type Process = Awaited<ReturnType<typeof startRelay>>

export class Relay {
  readonly data = mkdtempSync(join(tmpdir(), 'cairn-browser-'))
  private readonly flags: readonly string[]
  private process!: Process
  isRunning = false
  /** 0x and 40 digits. */
  address!: string

  private constructor(flags: readonly string[]) {
    this.flags = flags
  }

  static async start(...flags: string[]): Promise<Relay> {
    const relay = new Relay(flags)
    await relay.begin(['--port', String(await freePort())])
    relay.address = (await relayDescription(relay.url)).relay_address
    return relay
  }

  private async begin(more: readonly string[]): Promise<void> {
    this.process = await startRelay({ data: this.data, flags: [...this.flags, ...more] })
    this.isRunning = true
  }

  get url(): string {
    return this.process.url
  }

  /** Its data stay. */
  stop(): Promise<void> {
    this.isRunning = false
    return this.process.stop()
  }

  /** Where it was. */
  async again(): Promise<void> {
    await this.begin(['--port', new URL(this.url).port])
  }

  async end(): Promise<void> {
    await this.stop()
    rmSync(this.data, { recursive: true, force: true })
  }
}

/** Below those that connections go out from: while a relay is away nobody else gets its port. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const probe = createServer()
    const isFree = await new Promise((told) => {
      probe.once('error', () => told(false)).listen(port, '127.0.0.1', () => told(true))
    })
    await new Promise((closed) => probe.close(closed))
    if (isFree) return port
  }
}

export interface Merchant {
  readonly shop: bigint
  /** 64 hexadecimal digits: of the wallet. */
  readonly wallet: string
  readonly client: ShopClient
}

/** On a development relay a shop belongs to the wallet that names it first. */
export async function openShop(relay: Relay, shop: bigint, wallet = toHex(randomBytes(32))): Promise<Merchant> {
  const key = new Uint8Array(randomBytes(32))
  await enrol({ url: relay.url, shop, card: publicKeyOf(key), wallet: privateKeyToAccount(`0x${wallet}`) })
  const { url, address } = relay
  return { shop, wallet, client: await connect({ url, shop, key, relay: address, only: [{ order: 'all' }] }) }
}

/**
 * `count` listings from 1 on, as a shop has them; 100 pieces of each of the first twenty. Resolves once a checkpoint
 * covers them: before, a newcomer is told of fewer, and that they were all.
 */
export async function fill({ client }: Merchant, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => BigInt(i + 1))
  for (let at = 0; at < count; at += LISTINGS_PER_SET) {
    const some = ids.slice(at, at + LISTINGS_PER_SET)
    await client.write(some.map(listingChange))
  }
  const stock = ids.slice(0, 20).map((id): Change => ({ op: 'add', path: ['Inventory', id], value: 100n }))
  const written = await client.write(stock)
  await written.proven()
}

const LISTINGS_PER_SET = 250

function listingChange(id: bigint): Change {
  const Description = `Number ${id} of many things, each with a text of about the length that shops write for theirs.`
  const Metadata = map({ Title: `Thing ${id}`, Description })
  return { op: 'add', path: ['Listings', id], value: map({ ID: id, Price: 100n + id, Metadata, ViewState: 1n }) }
}

export function map(fields: Record<string, unknown>): Map<string, never> {
  return new Map(Object.entries(fields)) as Map<string, never>
}

/** A guest's key card, its secret in hexadecimal. */
export async function newGuest(relay: Relay, shop: bigint): Promise<string> {
  const [card, wallet] = [randomBytes(32), randomBytes(32)].map((bytes) => new Uint8Array(bytes))
  const account = privateKeyToAccount(`0x${toHex(wallet!)}`)
  await enrol({ url: relay.url, shop, card: publicKeyOf(card!), wallet: account, guest: true })
  return toHex(card!)
}

// On a chain

/** A relay on a chain of its own, with a shop that sells listing 1 for ether. */
export interface PaidGround {
  readonly chain: DevChain
  readonly relay: Relay
  readonly merchant: Merchant
}

const SHOP = 4_711n
const MERCHANT = ACCOUNTS[1]!
const PAYEE = fromHex('00000000000000000000000000000000000ca112')

export async function openPaidShop(): Promise<PaidGround> {
  const chain = await startDevChain()
  const directory = mkdtempSync(join(tmpdir(), 'cairn-chain-'))
  const { shops, relays, payments } = chain.addresses
  const file = join(directory, 'chain.json')
  const chains = [{ chainId: chain.chainId, rpc: [chain.rpcUrl], payments, depth: 1, pollMs: 200 }]
  writeFileSync(file, JSON.stringify({ registry: { chainId: chain.chainId, shops, relays }, chains }))
  const relay = await Relay.start('--chain', file)
  rmSync(directory, { recursive: true })
  const send = async (data: Uint8Array) => {
    const call = { from: MERCHANT.address, to: shops, gas: '0x1e8480', data: `0x${toHex(data)}` }
    await transactionReceipt(chain.rpc, (await chain.rpc('eth_sendTransaction', [call])) as string)
  }
  await send(mintShopCall(SHOP, fromHex(MERCHANT.address.slice(2))))
  await send(addRelayCall(SHOP, BigInt((await relayDescription(relay.url)).relay_token_id)))
  const merchant = await openShop(relay, SHOP, MERCHANT.secret)
  const chainId = BigInt(chain.chainId)
  await merchant.client.write([
    { op: 'add', path: ['Manifest', 'Payees', chainId, PAYEE], value: map({ CallAsContract: false }) },
    { op: 'add', path: ['Manifest', 'AcceptedCurrencies', chainId, new Uint8Array(20)], value: map({}) },
  ])
  await fill(merchant, 3)
  return { chain, relay, merchant }
}

/** Where `--chain dev` looks for it: started, or the one that runs there already. */
export async function usualChain(): Promise<{ readonly rpcUrl: string; stop(): Promise<void> }> {
  try {
    return await startDevChain({ port: USUAL_PORT })
  } catch (error) {
    const rpcUrl = `http://127.0.0.1:${USUAL_PORT}`
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })
    const answer = await fetch(rpcUrl, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const { result } = (await answer.json()) as { readonly result?: unknown }
    if (result !== '0x7a69') throw error
    return { rpcUrl, stop: async () => undefined }
  }
}

const USUAL_PORT = 8_545
