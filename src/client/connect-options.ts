/**
 * What `connect` takes, and what is wrong with it: told before anything is sent, with the option and what to write
 * instead.
 *
 * Tests: test/client/arguments.test.ts
 */

import { isSecretKey } from '../bytes/signature-form.js'
import type { ReplicaStore } from './kept-replica.js'
import { EXAMPLE_URL, isId, SHOP_REMEDY, shopProblem, URL_REMEDY, urlProblem } from './place-arguments.js'
import { usage } from './client-error.js'
import type { Currency } from './money.js'
import type { Part } from './parts.js'
import type { RelayGiven } from './relay-address.js'
import type { ShopChain } from './shop-chain.js'

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

type Check = (value: unknown) => string | undefined

const isBytes = (value: unknown, length: number) => value instanceof Uint8Array && value.length === length

/** What is wrong with each; undefined if nothing is. `remedy` stands behind it. */
const CHECKS: Readonly<Record<keyof ConnectOptions, readonly [check: Check, remedy: string]>> = {
  url: [urlProblem, URL_REMEDY],
  shop: [shopProblem, SHOP_REMEDY],
  key: [
    (value) =>
      value === undefined || (isBytes(value, 32) && isSecretKey(value as Uint8Array))
        ? undefined
        : 'it is no secret key of 32 bytes (Uint8Array)',
    'Take secret of makeKeyCard, or leave it out for a visitor.',
  ],
  relay: [
    relayProblem,
    "Give the relay's address, 20 bytes or 40 hexadecimal digits, or 'development' for a relay on your own machine.",
  ],
  chain: [
    (value) => unless(value === undefined || isChain(value)),
    'Give { chainId, shops, relays, rpc }: a bigint, addresses of ShopReg and RelayReg, and an endpoint.',
  ],
  handOvers: [
    (value) => unless(value === undefined || (Array.isArray(value) && value.every((one) => one instanceof Uint8Array))),
    'Give a list of Uint8Array, as cairn key tells them.',
  ],
  only: [
    (value) => unless(value === undefined || value === 'watched' || (Array.isArray(value) && value.every(isPart))),
    "Give a list of { listing }, { order }, { inventory }, each an id (bigint) or 'all', of { tag: name }, " +
      "of { tags: 'all' }; or 'watched'.",
  ],
  protocol: [(value) => unless(value === undefined || value === 5), 'Write 5, or leave it out.'],
  verifiedAtSeconds: [
    (value) => unless(value === undefined || (Number.isInteger(value) && (value as number) > 0)),
    'Give whole seconds above 0, as a number.',
  ],
  store: [
    (value) => unless(value === undefined || isStore(value)),
    'Give what replicaStore of cairn-relay/replica-store makes.',
  ],
  outbox: [
    (value) => unless(value === undefined || isStore(value)),
    'Give what replicaStore of cairn-relay/replica-store makes, of another place than store has.',
  ],
  optimistic: [isBoolean, 'Write true, with outbox, or leave it out.'],
  offline: [isBoolean, 'Write true, or leave it out.'],
  currencies: [
    (value) => unless(value === undefined || (Array.isArray(value) && value.every(isCurrency))),
    'Give a list of { currency: { ChainID, Address }, decimals, symbol }, Address as 20 bytes.',
  ],
  signal: [
    (value) => unless(value === undefined || value instanceof AbortSignal),
    'Give the signal of an AbortController.',
  ],
  onNotice: [(value) => unless(value === undefined || typeof value === 'function'), 'Give a function of one text.'],
}

/** Throws ClientError USAGE for the first that is wrong. */
export function checkConnectOptions(options: ConnectOptions): void {
  if (typeof options !== 'object' || options === null)
    throw usage('options', 'they are missing', `Write connect({ url: '${EXAMPLE_URL}', shop: 1n, relay: … }).`)
  for (const name of Object.keys(options))
    if (!Object.hasOwn(CHECKS, name))
      throw usage(`options.${name}`, 'there is no such option', `There are ${Object.keys(CHECKS).join(', ')}.`)
  for (const [name, [check, remedy]] of Object.entries(CHECKS)) {
    const problem = check(options[name as keyof ConnectOptions])
    if (problem !== undefined) throw usage(`options.${name}`, problem, remedy)
  }
  if (options.only === 'watched' && options.store !== undefined)
    throw usage('options.store', "it cannot keep what only: 'watched' changes", 'Leave store out, or name the parts.')
  if (options.outbox !== undefined && options.key === undefined)
    throw usage('options.outbox', 'a visitor has nothing to send', 'Give a key too, or leave outbox out.')
  if (options.optimistic === true && options.outbox === undefined)
    throw usage('options.optimistic', 'without an outbox nothing is pending', 'Give outbox too, or leave it out.')
}

function relayProblem(value: unknown): string | undefined {
  if (value === undefined) return 'it is missing'
  if (value === 'development' || isBytes(value, 20)) return undefined
  if (typeof value === 'object' && value !== null && 'chain' in value) return unless(isChain(value.chain))
  if (typeof value === 'string' && /^(?:0x)?[0-9a-f]{40}$/iu.test(value)) return undefined
  if (value instanceof Uint8Array) return `it has ${value.length} bytes, not 20`
  return typeof value === 'string' ? `${JSON.stringify(value)} is no address` : `it is a ${typeof value}`
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

function isBoolean(value: unknown): string | undefined {
  return unless(value === undefined || typeof value === 'boolean')
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

function unless(isFine: boolean): string | undefined {
  return isFine ? undefined : 'it is not of the form that is wanted'
}
