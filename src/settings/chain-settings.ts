/** The file that `chain` names: contracts, chains and how to reach them (PROTOCOL §12). Its URLs may hold API keys. */

import type { ChainId } from '../brands.js'
import { fromHex } from '../bytes/hex.js'
import { isJsonObject, readJson, type JsonObject } from '../bytes/json.js'
import { CHAIN_DEPTH_DEFAULT, CHAIN_POLL_MS_DEFAULT } from '../limits.js'
import { SettingsError } from './settings.js'

export interface ChainSettings {
  readonly registry: {
    readonly chainId: ChainId
    /** The ShopReg contract, 20 bytes. */
    readonly shops: Uint8Array
    /** The RelayReg contract, 20 bytes. */
    readonly relays: Uint8Array
    /** Undefined: minted where the chain is one of development. */
    readonly relayTokenId: bigint | undefined
  }
  /** The registry's chain is one of them. */
  readonly chains: readonly RpcSettings[]
}

export interface RpcSettings {
  readonly chainId: ChainId
  /** At least one; http, https, ws or wss. */
  readonly rpc: readonly string[]
  /** The Payments contract, 20 bytes; undefined where nothing is paid. */
  readonly payments: Uint8Array | undefined
  /** Blocks that have to lie on a payment, its own included; at least 1. */
  readonly depth: bigint
  readonly pollMs: number
}

/**
 * The chain that `npm run dev:chain` starts on that port: its contracts are deployed first, so their addresses are
 * always these.
 */
export function developmentChain(port: number): ChainSettings {
  return {
    registry: {
      chainId: 31_337n,
      relays: fromHex('5fbdb2315678afecb367f032d93f642f64180aa3'),
      shops: fromHex('e7f1725e7734ce288f8367e1bb143e90bb3f0512'),
      relayTokenId: undefined,
    },
    chains: [
      {
        chainId: 31_337n,
        rpc: [`http://127.0.0.1:${port}`],
        payments: fromHex('9fe46736679d2d9a65f0992f2272de9f3c7fa6e0'),
        depth: 1n,
        pollMs: 500,
      },
    ],
  }
}
/** Its token with two decimals. */
export const DEVELOPMENT_TOKEN = fromHex('cf7ed3accA5a467e9e704c703e8d87f634fb0fc9'.toLowerCase())

/** Throws SettingsError that names the place in `path`. */
export function readChainSettings(path: string, text: string): ChainSettings {
  const root = new Place(path, '', parse(path, text))
  root.only('registry', 'chains')
  const registry = root.object('registry')
  registry.only('chainId', 'shops', 'relays', 'relayTokenId')
  const rows = root.list('chains')
  const settings: ChainSettings = {
    registry: {
      chainId: registry.chainId(),
      shops: registry.address('shops'),
      relays: registry.address('relays'),
      relayTokenId: registry.has('relayTokenId') ? registry.tokenId('relayTokenId') : undefined,
    },
    chains: rows.map(readRow),
  }
  const ids = settings.chains.map(({ chainId }) => chainId)
  if (new Set(ids).size !== ids.length) root.fail('chains', 'has a chain twice')
  if (!ids.includes(settings.registry.chainId)) root.fail('chains', "lacks the registry's chain, which needs RPC URLs")
  return settings
}

function readRow(row: Place): RpcSettings {
  row.only('chainId', 'rpc', 'payments', 'depth', 'pollMs')
  return {
    chainId: row.chainId(),
    rpc: row.urls('rpc'),
    payments: row.has('payments') ? row.address('payments') : undefined,
    depth: row.has('depth') ? BigInt(row.whole('depth', 1, 1_000)) : CHAIN_DEPTH_DEFAULT,
    pollMs: row.has('pollMs') ? row.whole('pollMs', 50, 600_000) : CHAIN_POLL_MS_DEFAULT,
  }
}

function parse(path: string, text: string): unknown {
  return readJson(
    () => text,
    (cause) => {
      const problem = 'the chain file is no JSON. npm run dev:chain prints one to start from.'
      throw new SettingsError(path, problem, { cause })
    },
  )
}

/** A value in the file and where it stands. Values are not repeated in errors: URLs hold keys. */
class Place {
  private readonly path: string
  private readonly at: string
  private readonly value: JsonObject

  constructor(path: string, at: string, value: unknown) {
    this.path = path
    this.at = at
    if (!isJsonObject(value)) this.fail('', 'has to be an object')
    this.value = value
  }

  has(name: string): boolean {
    return this.value[name] !== undefined && this.value[name] !== null
  }

  only(...names: readonly string[]): void {
    const unknown = Object.keys(this.value).find((name) => !names.includes(name))
    if (unknown !== undefined) this.fail(unknown, `is not known here; known are ${names.join(', ')}`)
  }

  object(name: string): Place {
    return new Place(this.path, this.inside(name), this.value[name])
  }

  list(name: string): Place[] {
    const rows = this.value[name]
    if (!Array.isArray(rows) || rows.length === 0) this.fail(name, 'has to be a list of at least one')
    return (rows as unknown[]).map((row, i) => new Place(this.path, this.inside(`${name}[${i}]`), row))
  }

  chainId(): ChainId {
    return BigInt(this.whole('chainId', 1, Number.MAX_SAFE_INTEGER))
  }

  whole(name: string, least: number, most: number): number {
    const value = this.value[name]
    if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
      this.fail(name, `has to be a whole number from ${least} to ${most}`)
    return value as number
  }

  address(name: string): Uint8Array {
    const value = this.value[name]
    if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{40}$/u.test(value)) this.fail(name, 'has to be 0x and 40 digits')
    return fromHex(value.slice(2).toLowerCase())
  }

  /** Decimal, or 0x and up to 64 digits. */
  tokenId(name: string): bigint {
    const value = this.value[name]
    if (typeof value !== 'string' || !/^(0x[0-9a-fA-F]{1,64}|[0-9]{1,78})$/u.test(value))
      this.fail(name, 'has to be a number as text, decimal or 0x and hexadecimal digits')
    return BigInt(value)
  }

  urls(name: string): string[] {
    const value = this.value[name]
    const good = (url: unknown) =>
      typeof url === 'string' && URL.canParse(url) && /^(https?|wss?):$/u.test(new URL(url).protocol)
    if (!Array.isArray(value) || value.length === 0 || !value.every(good))
      this.fail(name, 'has to be a list of http, https, ws or wss URLs')
    return value as string[]
  }

  fail(name: string, problem: string): never {
    throw new SettingsError(`${this.inside(name) || 'the whole'} in ${this.path}`, `it ${problem}.`)
  }

  private inside(name: string): string {
    return [this.at, name].filter((part) => part !== '').join('.')
  }
}
