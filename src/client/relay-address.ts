/**
 * The relay as `connect` is told of it: what its sets, checkpoints and receipts are checked against.
 *
 * Tests: test/client/shop-client.test.ts, test/e2e/rotated-relay.test.ts
 */

import type { ShopId } from '../brands.js'
import { fromHex } from '../bytes/hex.js'
import { FollowedRelay } from './followed-relay.js'
import { loaded } from './later.js'
import type { ShopChain } from './shop-chain.js'

/** An address, 20 bytes or hexadecimal; 'development'; or a chain, which is asked who owns the relay's token. */
export type RelayGiven = Uint8Array | string | { readonly chain: ShopChain }

interface RelayOptions {
  readonly url: string
  readonly shop: ShopId
  readonly relay: RelayGiven
  readonly offline?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onNotice?: ((text: string) => void) | undefined
}

/** By the one key that is known; hand-overs are followed later. Rejects with ClientError. */
export async function relayOf(options: RelayOptions): Promise<FollowedRelay> {
  const { url, shop, relay, signal } = options
  if (typeof relay === 'string') return new FollowedRelay([await addressIn(relay, options)])
  if (relay instanceof Uint8Array) return new FollowedRelay([relay])
  const { ShopOnChain } = await loaded(import('./shop-chain.js'))
  const { address, identity } = await new ShopOnChain(relay.chain, shop, signal).relayAt(url)
  return new FollowedRelay([address], identity)
}

/** `'development'` asks a development relay for its own. */
async function addressIn(text: string, options: RelayOptions): Promise<Uint8Array> {
  if (text !== 'development') return fromHex(text)
  const { developmentAddress } = await loaded(import('./development-relay.js'))
  return developmentAddress(options)
}

export function givenChain(relay: RelayGiven): ShopChain | undefined {
  return typeof relay === 'object' && 'chain' in relay ? relay.chain : undefined
}

/** Rejects with ClientError, VERIFICATION_FAILED for a hand-over that is not well signed, or another relay's. */
export async function knownRelay(
  options: RelayOptions & { readonly handOvers?: readonly Uint8Array[] | undefined },
): Promise<FollowedRelay> {
  const relay = await relayOf(options)
  await relay.take(options.handOvers ?? [])
  return relay
}
