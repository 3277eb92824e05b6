/**
 * The chain as a client asks it: whose key a shop's relay has, and what was anchored of the shop last (PROTOCOL §12,
 * PROOFS §3). Whoever runs the endpoint is believed.
 *
 * Tests: test/client/shop-chain.test.ts
 */

import { readAddress, readWord } from '../bytes/abi.js'
import type { ShopId } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { fromHex, prefixedHex, toHex } from '../bytes/hex.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { decodeSignedCheckpoint, type SignedCheckpoint } from '../proofs/checkpoint-form.js'
import type { RelayIdentity } from '../proofs/hand-over.js'
import { checkpointDigest } from '../proofs/checkpoint-form.js'
import {
  FRESH_SHOP_NONCE,
  getAllRelaysCall,
  ownerOfCall,
  readRelays,
  rootHashCall,
  rootNonceCall,
} from '../wire/registry-calls.js'
import { ClientError } from './client-error.js'
import { relayDescription } from './enrol.js'
import { bytesFromRelay, type RelayPlace } from './relay-http.js'
import { rpcRequest, type EthereumProvider } from './rpc-request.js'

/** A chain with the registries that the shop is in. */
export interface ShopChain {
  readonly chainId: bigint
  /** The contract ShopReg, 20 bytes or hexadecimal. */
  readonly shops: Uint8Array | string
  /** The contract RelayReg, 20 bytes or hexadecimal. */
  readonly relays: Uint8Array | string
  /** An http(s) address of an endpoint that you trust, several in the order to try them, or a provider (EIP-1193). */
  readonly rpc: string | readonly string[] | EthereumProvider
}

/** The owner of the relay's token, and what checkpoints of the relay name. */
interface RelayOnChain {
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly identity: RelayIdentity
}

interface Anchored {
  /** 32 bytes. */
  readonly digest: Uint8Array
  readonly nonce: bigint
}

/** A shop in its registry. */
export class ShopOnChain {
  private readonly chain: ShopChain
  private readonly shopId: ShopId
  private readonly registry: Uint8Array
  private readonly relayRegistry: Uint8Array
  private readonly signal: AbortSignal | undefined
  private isChecked = false

  /** Throws ClientError USAGE. */
  constructor(chain: ShopChain, shopId: ShopId, signal?: AbortSignal) {
    this.chain = chain
    this.shopId = shopId
    this.registry = contractOf(chain, 'shops')
    this.relayRegistry = contractOf(chain, 'relays')
    this.signal = signal
  }

  /**
   * The relay that the shop names; of several the one that answers at `url`. Rejects with ClientError: NOT_FOUND where
   * the registry names none, VERIFICATION_FAILED where it names another, UNREACHABLE, USAGE.
   */
  async relayAt(url: string): Promise<RelayOnChain> {
    const tokens = await this.relayTokens()
    if (tokens.length === 0) throw new ClientError('NOT_FOUND', `shop ${this.shopId} names no relay in ${this.name}`)
    const [first, ...others] = tokens as [bigint, ...bigint[]]
    const token = others.length === 0 ? first : await this.tokenAt(url, tokens)
    const address = readAddress(await this.call(this.relayRegistry, ownerOfCall(token)))
    if (address === undefined) throw new ClientError('NOT_FOUND', `relay token ${token} has no owner in ${this.name}`)
    return { address, identity: { ChainID: this.chain.chainId, Registry: this.registry, Relay: token } }
  }

  /** What `identity` of a checkpoint is held against where nobody knows the relay's token. */
  get place(): Pick<RelayIdentity, 'ChainID' | 'Registry'> {
    return { ChainID: this.chain.chainId, Registry: this.registry }
  }

  /** Token ids. */
  async relayTokens(): Promise<readonly bigint[]> {
    return readRelays(await this.call(this.registry, getAllRelaysCall(this.shopId)))
  }

  /** What was anchored last; undefined if nothing was. */
  async anchored(): Promise<Anchored | undefined> {
    const [digest, nonce] = await Promise.all([
      this.call(this.registry, rootHashCall(this.shopId)),
      this.call(this.registry, rootNonceCall(this.shopId)),
    ])
    if (digest?.length !== 32 || isAllZero(digest)) return undefined
    return { digest, nonce: readWord(nonce) ?? 0n }
  }

  /** For messages. */
  get name(): string {
    return `registry ${prefixedHex(this.registry)} on chain ${this.chain.chainId}`
  }

  private async tokenAt(url: string, tokens: readonly bigint[]): Promise<bigint> {
    const { relay_token_id: told } = await relayDescription(url, this.signal)
    const token = tokens.find((one) => one === BigInt(told))
    if (token !== undefined) return token
    const problem = `shop ${this.shopId} names relay tokens ${tokens.join(', ')} in ${this.name}`
    throw new ClientError('VERIFICATION_FAILED', `${problem}, and the relay at ${url} says that it is ${BigInt(told)}`)
  }

  /** Undefined where the contract reverts. Rejects with ClientError UNREACHABLE, USAGE, ABORTED. */
  private async call(to: Uint8Array, data: Uint8Array): Promise<Uint8Array | undefined> {
    await this.requireChain()
    const tx = { to: prefixedHex(to), data: prefixedHex(data) }
    const result = await rpcRequest(this.chain.rpc, { method: 'eth_call', params: [tx, 'latest'] }, this.signal)
    if (result === undefined) return undefined
    if (typeof result !== 'string' || !/^0x(?:[0-9a-f]{2})*$/iu.test(result))
      throw new ClientError('UNREACHABLE', `${this.name}: what eth_call answers is no bytes`)
    return fromHex(result)
  }

  /** A wallet may have been switched to another one. */
  private async requireChain(): Promise<void> {
    if (this.isChecked) return
    const told = await rpcRequest(this.chain.rpc, { method: 'eth_chainId', params: [] }, this.signal)
    const found = typeof told === 'string' && /^0x[0-9a-f]+$/iu.test(told) ? BigInt(told) : undefined
    if (found !== this.chain.chainId)
      throw new ClientError('USAGE', `the endpoint is of chain ${found ?? 'unknown'}, not of ${this.chain.chainId}`)
    this.isChecked = true
  }
}

/**
 * The checkpoint that was anchored of the shop last, as the relay serves it: its digest is checked, and nothing else of
 * it. Undefined if nothing was anchored, or nobody can tell: of a shop with several relays another one may have
 * anchored what this one does not know, and `onNotice` is told. Rejects with ClientError VERIFICATION_FAILED, with
 * both values.
 */
export async function fetchAnchored(
  place: RelayPlace & { readonly shop: ShopId; readonly onNotice?: ((text: string) => void) | undefined },
  onChain: ShopOnChain,
): Promise<SignedCheckpoint | undefined> {
  const anchored = await onChain.anchored()
  if (anchored === undefined) return undefined
  const { digest, nonce } = anchored
  const wanted = prefixedHex(digest)
  const what = `${onChain.name} has ${wanted} anchored of shop ${place.shop}, with nonce ${nonce}`
  const refuse = (problem: string, cause?: unknown) =>
    new ClientError('VERIFICATION_FAILED', `${what}, and ${problem}`, { cause })
  try {
    const path = `/v5/shops/${place.shop}/anchor/${toHex(digest)}?nonce=${nonce}`
    const signed = decodeSignedCheckpoint(await bytesFromRelay(place, path))
    const found = checkpointDigest(signed[0])
    if (equalBytes(found, digest)) return signed
    throw refuse(`the relay shows the checkpoint of digest ${prefixedHex(found)}`)
  } catch (cause) {
    if (cause instanceof CheckpointError) throw refuse(`what the relay shows is none: ${cause.message}`, cause)
    if (!(cause instanceof ClientError && cause.code === 'NOT_FOUND')) throw cause
    if (nonce <= FRESH_SHOP_NONCE) return undefined
    const missing = `the relay shows no checkpoint of it: ${cause.message}`
    if ((await onChain.relayTokens()).length < 2) throw refuse(missing, cause)
    place.onNotice?.(`anchor not checked: ${what}, ${missing}; another relay of the shop may have`)
    return undefined
  }
}

function contractOf(chain: ShopChain, at: 'shops' | 'relays'): Uint8Array {
  const { [at]: given } = chain
  if (given instanceof Uint8Array && given.length === 20) return given
  if (typeof given === 'string' && /^(?:0x)?[0-9a-f]{40}$/iu.test(given)) return fromHex(given)
  throw new ClientError('USAGE', `chain.${at} is the address of a contract: 20 bytes, or 0x and 40 digits`)
}
