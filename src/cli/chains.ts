/**
 * The chains of a relay by its settings (PROTOCOL §12): none (development mode), the development chain, or what a file
 * says.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import { readFileSync } from 'node:fs'
import { fromHex, prefixedHex, toHex } from '../bytes/hex.js'
import { fromBigEndian } from '../bytes/bytes.js'
import { ChainRegistry } from '../chain/chain-registry.js'
import type { Chain } from '../chain/chain.js'
import { readAddress } from '../bytes/abi.js'
import { mintRelayCall } from '../chain/contracts.js'
import { ownerOfCall } from '../wire/registry-calls.js'
import { DevelopmentRegistry, DEVELOPMENT_CHAIN_ID } from '../chain/development-registry.js'
import { openChain } from '../chain/rpc-chain.js'
import type { EthereumProvider, ShopChain } from '../client/shop-client.js'
import {
  developmentChain,
  readChainSettings,
  type ChainSettings,
  type RpcSettings,
} from '../settings/chain-settings.js'
import { systemClock } from '../relay/instruments/clock.js'
import type { Log } from '../relay/instruments/log.js'
import { fixedPrice, httpPrices, NO_PRICES, type PriceSource } from '../relay/payments/price-source.js'
import type { RelayParts } from '../relay/relay.js'
import { developmentPort } from '../settings/setting-kinds.js'
import { SettingsError, type Settings } from '../settings/settings.js'
import { developmentOwnerKey } from '../store/setting-keys.js'
import type { Store } from '../store/store.js'
import { DEVELOPMENT_WALLET, openWallet } from './wallet.js'
import { whyUnread } from './unread-file.js'

type ChainParts = Pick<RelayParts, 'registry' | 'mirror' | 'paymentChains' | 'prices' | 'anchor'>

interface ChainContext {
  readonly store: Store
  /** Addresses of the relay's keys, 20 bytes each: on a development chain its token has the number of the first. */
  readonly keys: readonly Uint8Array[]
  /** The relay's secret key, 32 bytes. */
  readonly relaySecret: Uint8Array
  readonly log: Log
}

/** The settings of `chain`; undefined in development mode. Throws SettingsError. */
export function chainSettingsOf({ chain }: Pick<Settings, 'chain'>): ChainSettings | undefined {
  if (chain === 'none') return undefined
  const port = developmentPort(chain)
  if (port !== undefined) return developmentChain(port)
  try {
    return readChainSettings(chain, readFileSync(chain, 'utf8'))
  } catch (error) {
    if (error instanceof SettingsError) throw error
    throw new SettingsError('chain', `${chain} cannot be read: ${whyUnread(error)}`, { cause: error })
  }
}

/** For --relay chain: as `connect` takes it. Throws SettingsError. */
export function shopChainOf(name: string): ShopChain {
  const settings = chainSettingsOf({ chain: name })
  if (settings === undefined) throw new SettingsError('chain', '--chain none has no relay tokens: give --relay.')
  const { chainId, shops, relays } = settings.registry
  const row = settings.chains.find((chain) => chain.chainId === chainId)!
  const request: EthereumProvider['request'] = async ({ method, params = [] }) => {
    // The endpoints are asked for their chain before anything else.
    if (method === 'eth_chainId') return `0x${chainId.toString(16)}`
    const [{ to, data }] = params as [{ readonly to: string; readonly data: string }]
    const chain = openChain(row)
    try {
      const result = await chain.call({ to: fromHex(to), data: fromHex(data) })
      if (result === undefined) throw Object.assign(new Error('execution reverted'), { code: REVERTED })
      return prefixedHex(result)
    } finally {
      chain.close()
    }
  }
  return { chainId, shops, relays, rpc: { request } }
}

/** As providers tell it (EIP-1474). */
const REVERTED = 3

/**
 * Throws SettingsError. A chain that cannot be reached now is no error, but for one whose relay token is to be minted.
 */
export async function openChains(settings: Settings, context: ChainContext): Promise<ChainParts> {
  const prices = pricesOf(settings, context.log)
  const chosen = chainSettingsOf(settings)
  if (chosen === undefined)
    return { registry: new DevelopmentRegistry((shopId) => context.store.setting(developmentOwnerKey(shopId))), prices }
  const chains = new Map(chosen.chains.map((row) => [row.chainId, { row, chain: openChain(row) }]))
  const { shops, chainId } = chosen.registry
  const { chain, row } = chains.get(chainId)!
  const relayTokenId = chosen.registry.relayTokenId ?? (await tokenOrClose(chosen, chain, context.keys[0]!))
  const registry = new ChainRegistry({ chain, shops, relayTokenId })
  return {
    registry,
    prices,
    mirror: { chain, shops, registry, depth: row.depth },
    anchor: anchorOf(settings, row, context),
    paymentChains: [...chains.values()].flatMap(({ row: { payments, depth }, chain }) =>
      payments === undefined ? [] : [{ chain, payments, depth }],
    ),
  }
}

function anchorOf(
  { anchor, anchorEverySeconds: everySeconds, data }: Settings,
  { rpc, chainId }: RpcSettings,
  { keys: relays, relaySecret }: ChainContext,
): RelayParts['anchor'] {
  if (anchor === 'off') return undefined
  const secret = toHex(relaySecret)
  return {
    wallet: anchor === 'relay' ? openWallet({ url: rpc[0]!, chainId, secret }) : undefined,
    everySeconds,
    data,
    relays,
  }
}

function pricesOf(settings: Settings, log: Log): PriceSource {
  const { priceSource, priceFactor: factor, priceDivisor: divisor, priceUrl, priceMaxAgeSeconds } = settings
  if (priceSource === 'none') return NO_PRICES
  if (priceSource === 'fixed') return fixedPrice({ factor, divisor })
  return httpPrices({
    url: priceUrl!,
    maxAgeSeconds: priceMaxAgeSeconds,
    clock: systemClock,
    onError: (error) => log.error('the price source gives no rates', error),
  })
}

async function tokenOrClose(chosen: ChainSettings, chain: Chain, address: Uint8Array): Promise<bigint> {
  try {
    return await mintedToken(chosen, chain, address)
  } catch (error) {
    chain.close()
    throw error
  }
}

/** On a development chain the relay's token is the number of its address, minted at its first start. */
async function mintedToken({ registry, chains }: ChainSettings, chain: Chain, address: Uint8Array): Promise<bigint> {
  const { chainId, relays } = registry
  if (chainId !== DEVELOPMENT_CHAIN_ID)
    throw new SettingsError('registry.relayTokenId', `it has to be there: chain ${chainId} is no development chain.`)
  const tokenId = fromBigEndian(address)
  const { rpc } = chains.find((row) => row.chainId === chainId)!
  try {
    if (readAddress(await chain.call({ to: relays, data: ownerOfCall(tokenId) })) !== undefined) return tokenId
    const wallet = openWallet({ url: rpc[0]!, chainId, secret: DEVELOPMENT_WALLET })
    await wallet.send({ to: relays, data: mintRelayCall(tokenId, address, `cairn ${toHex(address)}`) })
    return tokenId
  } catch (error) {
    const problem = `the relay's token cannot be minted: ${(error as Error).message}`
    throw new SettingsError('chain', `${problem}. Start the chain with npm run dev:chain in another terminal.`, {
      cause: error,
    })
  }
}
