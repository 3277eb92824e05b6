/**
 * What is wrong with options of `connect`: told before anything is sent, with the option and what to write instead.
 * Loaded when something is.
 *
 * Tests: test/client/arguments.test.ts
 */

import { usage } from './client-error.js'
import { isOption, OPTION_NAMES, type ConnectOptions } from './connect-options.js'
import { EXAMPLE_URL, SHOP_REMEDY, shopProblem, urlProblem, urlRemedy } from './place-arguments.js'

const REMEDIES: Readonly<Record<Exclude<keyof ConnectOptions, 'url'>, string>> = {
  shop: SHOP_REMEDY,
  key: 'Take secret of makeKeyCard, or leave it out for a visitor.',
  relay:
    "Give the relay's address, 20 bytes or 40 hexadecimal digits, or 'development' for a relay on your own machine.",
  chain: 'Give { chainId, shops, relays, rpc }: a bigint, addresses of ShopReg and RelayReg, and an endpoint.',
  handOvers: 'Give a list of Uint8Array, as cairn key tells them.',
  only:
    "Give a list of { listing }, { order }, { inventory }, each an id (bigint) or 'all', of { tag: name }, " +
    "of { tags: 'all' }; or 'watched'.",
  protocol: 'Write 5, or leave it out.',
  verifiedAtSeconds: 'Give whole seconds above 0, as a number.',
  store: 'Give what replicaStore of cairn-relay/replica-store makes.',
  outbox: 'Give what replicaStore of cairn-relay/replica-store makes, of another place than store has.',
  optimistic: 'Write true, with outbox, or leave it out.',
  offline: 'Write true, or leave it out.',
  currencies: 'Give a list of { currency: { ChainID, Address }, decimals, symbol }, Address as 20 bytes.',
  signal: 'Give the signal of an AbortController.',
  onNotice: 'Give a function of one text.',
}

/** Of these there is more to say. */
const PROBLEMS: Readonly<Partial<Record<keyof ConnectOptions, (value: unknown) => string | undefined>>> = {
  url: urlProblem,
  shop: shopProblem,
  key: () => 'it is no secret key of 32 bytes (Uint8Array)',
  relay: relayProblem,
  only: partProblem,
}

/** Throws ClientError USAGE for the first that is wrong. */
export function checkConnectOptions(options: ConnectOptions): void {
  if (typeof options !== 'object' || options === null)
    throw usage('options', 'they are missing', `Write connect({ url: '${EXAMPLE_URL}', shop: 1n, relay: … }).`)
  for (const name of Object.keys(options))
    if (!OPTION_NAMES.includes(name as keyof ConnectOptions))
      throw usage(`options.${name}`, 'there is no such option', `There are ${OPTION_NAMES.join(', ')}.`)
  for (const name of OPTION_NAMES) {
    const value = options[name]
    if (isOption(name, value)) continue
    const remedy = name === 'url' ? urlRemedy(value) : REMEDIES[name]
    throw usage(`options.${name}`, PROBLEMS[name]?.(value) ?? UNFIT, remedy)
  }
  if (options.only === 'watched' && options.store !== undefined)
    throw usage('options.store', "it cannot keep what only: 'watched' changes", 'Leave store out, or name the parts.')
  if (options.outbox !== undefined && options.key === undefined)
    throw usage('options.outbox', 'a visitor has nothing to send', 'Give a key too, or leave outbox out.')
  if (options.optimistic === true && options.outbox === undefined)
    throw usage('options.optimistic', 'without an outbox nothing is pending', 'Give outbox too, or leave it out.')
}

const UNFIT = 'it is not of the form that is wanted'

/** Where it is a list, the first part of it that is wrong. */
function partProblem(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined
  const at = value.findIndex((part) => !isOption('only', [part]))
  const part: unknown = value[at]
  if (typeof part !== 'object' || part === null) return `[${at}] is a ${part === null ? 'null' : typeof part}`
  const numbered = Object.entries(part).find(([, id]) => typeof id === 'number')
  if (numbered === undefined) return `[${at}] is of another form`
  const [kind, id] = numbered as [string, number]
  return `[${at}].${kind} is the number ${id}, and ids are bigints: ${Math.trunc(id)}n`
}

function relayProblem(value: unknown): string | undefined {
  if (value === undefined) return 'it is missing'
  if (typeof value === 'object' && value !== null && 'chain' in value) return undefined
  if (value instanceof Uint8Array) return `it has ${value.length} bytes, not 20`
  return typeof value === 'string' ? `${JSON.stringify(value)} is no address` : `it is a ${typeof value}`
}
