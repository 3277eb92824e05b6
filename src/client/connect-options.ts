/**
 * What `connect` takes, and whether it is that. What is wrong is told by option-problems.ts, which is loaded then.
 *
 * Tests: test/client/arguments.test.ts
 */

import { isSecretKey } from '../bytes/signature-form.js'
import type { ReplicaStore } from './kept-replica.js'
import { isId, isRelayUrl, isShopId } from './places.js'
import type { Currency } from './money.js'
import type { Part } from './parts.js'
import type { RelayGiven } from './relay-address.js'
import type { ShopChain } from './shop-chain.js'

/** What `connect` takes: which shop of which relay, as whom, and what of it. */
export interface ConnectOptions {
  /** http(s) address of the relay. */
  readonly url: string
  readonly shop: bigint
  /** The card's secret key, 32 bytes; left out: a visitor, who reads what is public. */
  readonly key?: Uint8Array | undefined
  /**
   * The relay's address, 20 bytes or hexadecimal: what its own sets are checked against. `{ chain }`: the owner of the
   * relay's token, which the shop names in the registry; what was anchored of the shop is checked too. `'development'`:
   * taken from the relay itself, which only a development relay may ask for.
   */
  readonly relay: RelayGiven
  /** Where it is looked for what was anchored of the shop; left out, the chain of `relay` if that names one. */
  readonly chain?: ShopChain | undefined
  /**
   * By which the relay's key passed on to others, each CBOR [hand-over, signature], beside those that the relay serves
   * itself: the key that `relay` names stays enough to know it by.
   */
  readonly handOvers?: readonly Uint8Array[] | undefined
  /**
   * Parts of the shop; left out: everything that may be read. `'watched'`: what live objects are looked at, changing
   * with them. Accounts and manifest always come too, to check signers.
   */
  readonly only?: readonly Part[] | 'watched' | undefined
  /** 5: a relay that speaks version 4 only is refused. Left out: it is taken, said to `onNotice`, and proves less. */
  readonly protocol?: 5 | undefined
  /** How old the newest checkpoint may be until what is shown is `stale`, seconds; 60. */
  readonly verifiedAtSeconds?: number | undefined
  /** Keeps what is held, and brings it back, verified, at the next `connect`. Not with `only: 'watched'`. */
  readonly store?: ReplicaStore | undefined
  /**
   * Keeps cart and unsent writes, and sends these when there is a connection: `write` resolves then, and what no relay
   * answers is sent at the next start, once. Tabs of one card share it: the one that is looked at is connected.
   */
  readonly outbox?: ReplicaStore | undefined
  /** Shows what `outbox` holds as if the relay had taken it, `pending`, until it is pushed, or refused; false. */
  readonly optimistic?: boolean | undefined
  /**
   * `connect` resolves without a connection, which comes by and by; what `store` kept is shown as loading until it is
   * checked. The relay is given by its address; false.
   */
  readonly offline?: boolean | undefined
  /** Decimals and symbols of the tokens that the shop takes; chains' own currencies have 18 decimals. */
  readonly currencies?: readonly Currency[] | undefined
  readonly signal?: AbortSignal | undefined
  /** A word about something that the caller decided and should know of. */
  readonly onNotice?: ((text: string) => void) | undefined
}

const isBytes = (value: unknown, length: number) => value instanceof Uint8Array && value.length === length
const isBoolean = (value: unknown) => typeof value === 'boolean'

/** Of those that may be left out for a value that is there. */
const FINE: Readonly<Record<keyof ConnectOptions, (value: unknown) => boolean>> = {
  url: isRelayUrl,
  shop: isShopId,
  key: (value) => isBytes(value, 32) && isSecretKey(value as Uint8Array),
  relay: isRelay,
  chain: isChain,
  handOvers: (value) => Array.isArray(value) && value.every((one) => one instanceof Uint8Array),
  only: (value) => value === 'watched' || (Array.isArray(value) && value.every(isPart)),
  protocol: (value) => value === 5,
  verifiedAtSeconds: (value) => Number.isInteger(value) && (value as number) > 0,
  store: isStore,
  outbox: isStore,
  optimistic: isBoolean,
  offline: isBoolean,
  currencies: (value) => Array.isArray(value) && value.every(isCurrency),
  signal: (value) => value instanceof AbortSignal,
  onNotice: (value) => typeof value === 'function',
}

const NEEDED: ReadonlySet<string> = new Set(['url', 'shop', 'relay'])

/** Names of all options. */
export const OPTION_NAMES = Object.keys(FINE) as readonly (keyof ConnectOptions)[]

/** Whether it is what the option takes, by itself. */
export function isOption(name: keyof ConnectOptions, value: unknown): boolean {
  return (value === undefined && !NEEDED.has(name)) || FINE[name](value)
}

/** Whether they are options of `connect` that go together. */
export function areConnectOptions(options: ConnectOptions): boolean {
  if (typeof options !== 'object' || options === null) return false
  const { only, store, outbox, key, optimistic } = options
  const goTogether =
    (only !== 'watched' || store === undefined) && (outbox === undefined ? optimistic !== true : key !== undefined)
  return (
    goTogether &&
    Object.keys(options).every((name) => Object.hasOwn(FINE, name)) &&
    OPTION_NAMES.every((name) => isOption(name, options[name]))
  )
}

function isRelay(value: unknown): boolean {
  if (typeof value === 'string') return value === 'development' || /^(?:0x)?[0-9a-f]{40}$/iu.test(value)
  return isBytes(value, 20) || (typeof value === 'object' && value !== null && 'chain' in value && isChain(value.chain))
}

function isChain(value: unknown): boolean {
  const { chainId, shops, relays, rpc } = (value ?? {}) as Partial<ShopChain>
  return typeof chainId === 'bigint' && shops !== undefined && relays !== undefined && rpc !== undefined
}

function isPart(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false
  const [[kind, id] = [], ...more] = Object.entries(part) as [string, unknown][]
  if (more.length > 0) return false
  if (kind === 'tag') return typeof id === 'string' && id !== ''
  if (kind === 'tags') return id === 'all'
  return ['listing', 'order', 'inventory'].includes(kind ?? '') && (id === 'all' || isId(id))
}

function isStore(value: unknown): boolean {
  const { load, save } = (value ?? {}) as Partial<Record<keyof ReplicaStore, unknown>>
  return typeof load === 'function' && typeof save === 'function'
}

function isCurrency(value: unknown): boolean {
  const { currency, decimals, symbol } = (value ?? {}) as Partial<Currency>
  const isPlace = typeof currency?.ChainID === 'bigint' && isBytes(currency.Address, 20)
  return isPlace && Number.isInteger(decimals) && decimals! >= 0 && typeof symbol === 'string'
}
