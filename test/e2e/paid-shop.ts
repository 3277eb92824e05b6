/** A relay with a real chain under it: anvil, the test contracts, a minted shop, and a guest who can pay. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeChecked } from '../../src/codec/decode.js'
import type { Encodable } from '../../src/codec/encode.js'
import { addressOf, publicKeyOf } from '../../src/bytes/signature.node.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { equalBytes, fromBigEndian, toBigEndian } from '../../src/bytes/bytes.js'
import { addRelayCall, approveCall, mintShopCall, transferCall } from '../../src/chain/contracts.js'
import { openChains } from '../../src/cli/chains.js'
import { readSettings } from '../../src/relay/settings.js'
import { Order } from '../../src/objects/order.js'
import type { ChainAddress } from '../../src/objects/scalars.js'
import {
  paymentIdOf,
  paymentRequest,
  type PaymentRequest,
  getPaymentAddressCall,
  payCall,
  processPaymentCall,
} from '../../src/objects/payment-request.js'
import type { Change } from '../../src/patches/patch.js'
import { MemoryStore } from '../../src/store/memory.js'
import { openBlobs } from '../../src/store/blobs.js'
import type { Store } from '../../src/store/store.js'
import { ACCOUNTS, receiptOf, startDevChain, type DevChain } from '../contracts/dev-chain.mjs'
import {
  enrolCard,
  listing,
  map,
  newSecret,
  order,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type TestRelay,
} from './harness.js'
import type { Clock } from '../../src/relay/clock.js'
import type { RelaySettings } from '../../src/relay/relay.js'

export const NATIVE: ChainAddress = { ChainID: 31_337n, Address: new Uint8Array(20) }
export const PAYEE = '0x00000000000000000000000000000000000ca112'
const OWNER_ACCOUNT = ACCOUNTS[1]!
export const GUEST_ACCOUNT = ACCOUNTS[2]!
const RELAY_SECRET = new Uint8Array(32).fill(9)

export function bytesOf(hex: string): Uint8Array {
  return fromHex(hex.slice(2).toLowerCase())
}

export interface PaidShopOptions {
  readonly depth?: number
  readonly flags?: readonly string[]
  readonly settings?: Partial<RelaySettings>
  /** In place of the chain's own URL. */
  readonly rpc?: readonly string[]
  readonly store?: Store
  readonly pollMs?: number
  readonly clock?: Clock
  /** Chains beside the registry's, for payments. */
  readonly others?: readonly DevChain[]
}

/** The relay of a shop that sells listing 1 at 100 (10 pieces) and is paid in ether or in the token. */
export class PaidShop {
  readonly chain: DevChain
  readonly options: PaidShopOptions
  readonly store: Store
  readonly ownerCard: Uint8Array
  readonly directory: string
  relay!: TestRelay
  owner!: Wire

  private constructor(chain: DevChain, options: PaidShopOptions) {
    this.chain = chain
    this.options = options
    this.store = options.store ?? new MemoryStore()
    this.ownerCard = newSecret()
    this.directory = mkdtempSync(join(tmpdir(), 'cairn-paid-'))
  }

  static async open(options: PaidShopOptions = {}, chain?: DevChain): Promise<PaidShop> {
    const shop = new PaidShop(chain ?? (await startDevChain()), options)
    await shop.startRelay()
    await shop.mint()
    await enrolCard(shop.relay.url, shop.ownerCard, { wallet: OWNER_ACCOUNT.secret })
    shop.owner = await Wire.as(shop.relay.url, shop.ownerCard)
    await shop.fill()
    return shop
  }

  get token(): ChainAddress {
    return { ChainID: 31_337n, Address: bytesOf(this.chain.addresses.token) }
  }

  /** Starts the relay, again too. */
  async startRelay(): Promise<void> {
    const { chain, options, store } = this
    const { addresses, chainId, rpcUrl } = chain
    const file = join(this.directory, 'chain.json')
    const { depth = 1, rpc = [rpcUrl], pollMs = 50 } = options
    writeFileSync(
      file,
      JSON.stringify({
        registry: { chainId, shops: addresses.shops, relays: addresses.relays },
        chains: [
          { chainId, rpc, payments: addresses.payments, depth, pollMs },
          ...(options.others ?? []).map((other) => ({
            chainId: other.chainId,
            rpc: [other.rpcUrl],
            payments: other.addresses.payments,
            pollMs,
          })),
        ],
      }),
    )
    const settings = readSettings({
      flags: ['--chain', file, ...(options.flags ?? [])],
      env: {},
      readFile: () => '',
    })
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
    const address = addressOf(publicKeyOf(RELAY_SECRET))
    const parts = await openChains(settings, { store, address, log })
    const blobs = await openBlobs(join(this.directory, 'blobs'))
    const { clock } = options
    this.relay = await relay(options.settings, {
      store,
      blobs,
      relaySecret: RELAY_SECRET,
      ...parts,
      ...(clock && { clock }),
    })
  }

  /** The owner's session after a restart. */
  async reconnect(): Promise<void> {
    this.owner = await Wire.as(this.relay.url, this.ownerCard)
  }

  async close(): Promise<void> {
    await this.relay.stop()
    await this.chain.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  // The chain

  /** Sends from an unlocked account and waits for the block. */
  async send(from: string, to: string | Uint8Array, data?: Uint8Array, value = 0n): Promise<string> {
    const hash = await this.submit(from, to, data, value)
    await receiptOf(this.chain.rpc, hash)
    return hash
  }

  async submit(from: string, to: string | Uint8Array, data?: Uint8Array, value = 0n): Promise<string> {
    const place = typeof to === 'string' ? to : `0x${toHex(to)}`
    const call = {
      from,
      to: place,
      value: `0x${value.toString(16)}`,
      gas: '0x1e8480',
      ...(data && { data: `0x${toHex(data)}` }),
    }
    return (await this.chain.rpc('eth_sendTransaction', [call])) as string
  }

  async call(to: string, data: Uint8Array): Promise<Uint8Array> {
    return bytesOf((await this.chain.rpc('eth_call', [{ to, data: `0x${toHex(data)}` }, 'latest'])) as string)
  }

  async mine(blocks = 1): Promise<void> {
    await this.chain.rpc('anvil_mine', [`0x${blocks.toString(16)}`])
  }

  /** The payment's own address, by the contract. */
  async addressOf(request: PaymentRequest): Promise<Uint8Array> {
    return (await this.call(this.chain.addresses.payments, getPaymentAddressCall(request))).slice(12)
  }

  payByCall(request: PaymentRequest): Promise<string> {
    return this.send(
      GUEST_ACCOUNT.address,
      this.chain.addresses.payments,
      payCall(request),
      isNative(request) ? request.amount : 0n,
    )
  }

  async payByAddress(request: PaymentRequest, amount = request.amount): Promise<string> {
    const to = await this.addressOf(request)
    if (isNative(request)) return this.send(GUEST_ACCOUNT.address, to, undefined, amount)
    return this.send(GUEST_ACCOUNT.address, this.chain.addresses.token, transferCall(to, amount))
  }

  processPayment(request: PaymentRequest): Promise<string> {
    return this.send(GUEST_ACCOUNT.address, this.chain.addresses.payments, processPaymentCall(request))
  }

  /** Tokens for the guest, and leave for the contract to take them. */
  async giveTokens(amount: bigint): Promise<void> {
    const mint = new Uint8Array([
      ...fromHex('40c10f19'),
      ...toBigEndian(BigInt(GUEST_ACCOUNT.address), 32),
      ...toBigEndian(amount, 32),
    ])
    await this.send(GUEST_ACCOUNT.address, this.chain.addresses.token, mint)
    const approve = approveCall(bytesOf(this.chain.addresses.payments), amount)
    await this.send(GUEST_ACCOUNT.address, this.chain.addresses.token, approve)
  }

  private async mint(): Promise<void> {
    const { shops } = this.chain.addresses
    await this.send(OWNER_ACCOUNT.address, shops, mintShopCall(SHOP, bytesOf(OWNER_ACCOUNT.address)))
    await this.send(
      OWNER_ACCOUNT.address,
      shops,
      addRelayCall(SHOP, fromBigEndian(addressOf(publicKeyOf(RELAY_SECRET)))),
    )
  }

  // The shop

  private async fill(): Promise<void> {
    await this.write(
      { op: 'add', path: ['Manifest', 'Payees', 31_337n, bytesOf(PAYEE)], value: map({ CallAsContract: false }) },
      { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 31_337n, NATIVE.Address], value: map({}) },
      { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 31_337n, this.token.Address], value: map({}) },
      listing(1n),
      stock(1n, 10n),
    )
  }

  /** As the owner; throws when the relay refuses. */
  async write(...changes: readonly Change[]): Promise<void> {
    const answer = await this.owner.write(this.ownerCard, changes)
    if (!(answer instanceof Uint8Array)) throw new Error(`${answer.code}: ${answer.message}`)
  }

  /** A new guest with a session that sees his own orders. */
  async guest(): Promise<Guest> {
    const card = newSecret()
    const wallet = toHex(newSecret())
    await enrolCard(this.relay.url, card, { wallet, guest: true })
    const wire = await Wire.as(this.relay.url, card)
    await wire.subscribe([{ objectType: 3 }])
    return new Guest(this, wire, card)
  }

  /** The order by the log: what every subscriber who may see it is sent. */
  order(id: bigint): Order | undefined {
    return orderFrom(this.log(), id)
  }

  /** Resolves with the order once it satisfies `condition`. */
  async orderWhere(id: bigint, condition: (order: Order) => boolean, ms = 15_000): Promise<Order> {
    for (const end = Date.now() + ms; ;) {
      const order = this.order(id)
      if (order !== undefined && condition(order)) return order
      if (Date.now() > end) throw new Error(`waited ${ms} ms for order ${id}, which is in state ${order?.State}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** What every PaymentDetails of the order asked, by the log: of payments to the payee in the currency of their time. */
  paymentsOf(id: bigint): PaymentRequest[] {
    const requests: PaymentRequest[] = []
    let sets: readonly { readonly patches: readonly Uint8Array[] }[] = []
    for (const record of this.log()) {
      sets = [...sets, record]
      const asks = record.patches.map(read).find(({ path }) => path[1] === id && path[2] === 'PaymentDetails')
      if (asks === undefined) continue
      const { PaymentDetails, ChosenCurrency } = orderFrom(sets, id)!
      const payee = { ChainID: 31_337n, Address: bytesOf(PAYEE) }
      const { Total: total, TTL: ttl } = PaymentDetails!
      // The relay writes it before what it superseded is seen.
      for (const currency of [NATIVE, this.token, ChosenCurrency!]) {
        const request = paymentRequest(SHOP, payee, currency, { total, ttl })
        if (equalBytes(paymentIdOf(request), PaymentDetails!.PaymentID)) requests.push(request)
      }
    }
    return requests
  }

  /** Pieces of a listing by the log. */
  stockOf(listingId = 1n): bigint {
    return stockFrom(this.log(), listingId)
  }

  private log(): readonly { readonly patches: readonly Uint8Array[] }[] {
    return this.store.readLog(SHOP, 0, { records: 1_000_000, bytes: 1_000_000_000 })
  }
}

/** A customer with a card and an order or two. */
export class Guest {
  readonly shop: PaidShop
  readonly wire: Wire
  readonly card: Uint8Array

  constructor(shop: PaidShop, wire: Wire, card: Uint8Array) {
    this.shop = shop
    this.wire = wire
    this.card = card
  }

  async write(...changes: readonly Change[]): Promise<void> {
    const answer = await this.wire.write(this.card, changes)
    if (!(answer instanceof Uint8Array)) throw new Error(`${answer.code}: ${answer.message}`)
  }

  /** Cart to chosen payment in one set; resolves with what is to be paid. */
  async checkout(id: bigint, quantity = 1n, currency = NATIVE, listingId = 1n): Promise<PaymentRequest> {
    await this.write(
      order(id, listingId, quantity),
      { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: ADDRESS },
      ...choice(id, currency),
      state(id, 3n),
      state(id, 4n),
    )
    return this.payment(id, currency)
  }

  /** The request of the order's newest PaymentDetails, computed as a client does. */
  async payment(id: bigint, currency = NATIVE): Promise<PaymentRequest> {
    await this.wire.until(() => orderFrom(this.wire.sets, id)?.State === 5n)
    const { PaymentDetails } = orderFrom(this.wire.sets, id)!
    const payee = { ChainID: 31_337n, Address: bytesOf(PAYEE) }
    return paymentRequest(SHOP, payee, currency, { total: PaymentDetails!.Total, ttl: PaymentDetails!.TTL })
  }

  order(id: bigint): Order | undefined {
    return orderFrom(this.wire.sets, id)
  }
}

export const ADDRESS = map({
  Name: 'Guest',
  Address1: 'Somewhere 1',
  City: 'Anywhere',
  PostalCode: '12345',
  Country: 'DE',
  EmailAddress: 'guest@example.org',
})

export function choice(id: bigint, currency: ChainAddress, op: 'add' | 'replace' = 'add'): Change[] {
  const payee = map({ ChainID: 31_337n, Address: bytesOf(PAYEE) })
  return [
    { op, path: ['Orders', id, 'ChosenPayee'], value: map({ Address: payee, CallAsContract: false }) },
    {
      op,
      path: ['Orders', id, 'ChosenCurrency'],
      value: map({ ChainID: currency.ChainID, Address: currency.Address }),
    },
  ]
}

function isNative({ currency }: PaymentRequest): boolean {
  return currency.every((byte) => byte === 0)
}

/** What the pushed patches make of the order: whole values and fields, which is all that these tests write. */
export function orderFrom(sets: readonly { readonly patches: readonly Uint8Array[] }[], id: bigint): Order | undefined {
  let fields: Map<string, Encodable> | undefined
  for (const set of sets) {
    for (const { path, op, value } of set.patches.map(read)) {
      if (path[0] !== 'Orders' || path[1] !== id) continue
      if (path.length === 2) fields = op === 'remove' ? undefined : new Map(value as Map<string, Encodable>)
      else if (path.length === 3 && op !== 'remove' && op !== 'append')
        fields?.set(path[2] as string, value as Encodable)
      else if (path.length === 3 && op === 'remove') fields?.delete(path[2] as string)
    }
  }
  return fields === undefined ? undefined : Order.read(fields as never, 'order')
}

function stockFrom(sets: readonly { readonly patches: readonly Uint8Array[] }[], listingId: bigint): bigint {
  let pieces = 0n
  for (const { op, path, value } of sets.flatMap((set) => set.patches.map(read))) {
    if (path[0] !== 'Inventory' || path[1] !== listingId) continue
    if (op === 'add' || op === 'replace') pieces = value as bigint
    else if (op === 'increment') pieces += value as bigint
    else if (op === 'decrement') pieces -= value as bigint
    else pieces = 0n
  }
  return pieces
}

function read(patch: Uint8Array): { op: string; path: readonly unknown[]; value: unknown } {
  const fields = decodeChecked(patch) as unknown as Map<string, unknown>
  return { op: fields.get('Op') as string, path: fields.get('Path') as unknown[], value: fields.get('Value') }
}
