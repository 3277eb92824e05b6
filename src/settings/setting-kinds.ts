/**
 * Kinds of values that settings have: how one is written as text and as JSON, and what it must be. Not by a schema
 * library: valibot's messages repeat what was given, which may be private, and help and errors need a kind's own words.
 *
 * Tests: test/settings/settings.test.ts
 */

import { isIP } from 'node:net'

/** Both readers return undefined for what is not allowed; neither throws. */
export interface Kind<T> {
  /** What a value has to be, after "it has to be". */
  readonly shape: string
  /** Shown after the flag in the help; a setting without one is yes or no. */
  readonly placeholder?: string
  fromText(text: string): T | undefined
  fromJson(value: unknown): T | undefined
  /** Where a flag that comes again adds to what it gave before, and does not replace it. */
  join?(first: T, second: T): T
}

export function whole(least: number, most: number): Kind<number> {
  return numeric(`a whole number from ${least} to ${most}`, (n) => Number.isInteger(n) && n >= least && n <= most)
}

export function rate(): Kind<number> {
  return numeric('a number above 0, at most 1000000', (n) => n > 0 && n <= 1_000_000)
}

function numeric(shape: string, allows: (n: number) => boolean): Kind<number> {
  return {
    shape,
    placeholder: 'N',
    fromText: (text) => (/^\d{1,15}(\.\d{1,6})?$/.test(text) && allows(Number(text)) ? Number(text) : undefined),
    fromJson: (value) => (typeof value === 'number' && allows(value) ? value : undefined),
  }
}

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  on: true,
  off: false,
  '1': true,
  '0': false,
}

export function yesNo(): Kind<boolean> {
  return {
    shape: 'true or false',
    fromText: (text) => (Object.hasOwn(WORDS, text) ? WORDS[text] : undefined),
    fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
  }
}

export function oneOf<const W extends readonly string[]>(words: W): Kind<W[number]> {
  return textual(`one of ${words.join(', ')}`, words.join('|'), (text) => words.find((word) => word === text))
}

/** As text everywhere: JSON numbers lose digits. */
export function wholeBig(least: bigint): Kind<bigint> {
  const shape = `a whole number of at most 78 digits, at least ${least}, as text`
  const read = (text: string) => (/^\d{1,78}$/.test(text) && BigInt(text) >= least ? BigInt(text) : undefined)
  return {
    shape,
    placeholder: 'N',
    fromText: read,
    fromJson: (value) => (typeof value === 'string' ? read(value) : undefined),
  }
}

export function chainName(): Kind<string> {
  const isSlip = (text: string) => /^dev:\d*$/u.test(text) && developmentPort(text) === undefined
  return textual('none, dev, dev:PORT or the path of a file', 'none|dev[:PORT]|FILE', (text) =>
    isSlip(text) ? undefined : path().fromText(text),
  )
}

/** Where the development chain answers on loopback: `dev` or `dev:PORT`; undefined for all other names of chains. */
export function developmentPort(chain: string): number | undefined {
  const named = /^dev(?::(\d{1,5}))?$/u.exec(chain)
  const port = Number(named?.[1] ?? DEVELOPMENT_CHAIN_PORT)
  return named === null || port < 1 || port > 65_535 ? undefined : port
}

/** That of `npm run dev:chain` which is given none. */
const DEVELOPMENT_CHAIN_PORT = 8_545

export function webUrl(): Kind<string> {
  return textual('an http or https URL', 'URL', (text) =>
    URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : undefined,
  )
}

export function path(): Kind<string> {
  return textual('a path', 'PATH', (text) => (text.trim() === '' || text.includes('\0') ? undefined : text))
}

export function hostName(): Kind<string> {
  const shape = 'an IP address or host name, without port and brackets'
  return textual(shape, 'HOST', (text) => (isIP(text) !== 0 || HOST_NAME.test(text) ? text : undefined))
}

const HOST_NAME = /^(?=.{1,253}$)(?!\d+(\.\d+)*$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i

/** With commas between them; given more than once they are added. IPv4 in IPv6's form would never be met. */
export function networks(): Kind<string> {
  const shape = 'IP addresses or networks like 10.0.0.0/8, with commas between them'
  const kind = textual(shape, 'CIDR,…', (text) => {
    const all = text.split(',').map((network) => network.trim())
    return all.every(isNetwork) ? all.join(',') : undefined
  })
  return { ...kind, join: (first, second) => `${first},${second}` }
}

/** `any`, or scheme, host and port of each, as browsers write them, with commas between several. */
export function originList(): Kind<string> {
  const shape = 'any, or origins like https://shop.example, with commas between them'
  const kind = textual(shape, 'any|ORIGIN,…', (text) => {
    if (text === 'any') return text
    const all = text.split(',').map((origin) => plainOrigin(origin.trim()))
    return all.every((origin) => origin !== undefined) ? all.join(',') : undefined
  })
  return { ...kind, join: (first, second) => (second === 'any' || first === 'any' ? 'any' : `${first},${second}`) }
}

/** Patterns are none: a browser compares whole origins too. */
function plainOrigin(text: string): string | undefined {
  if (!/^https?:\/\/[^\s/?#@*\\]+\/?$/i.test(text) || !URL.canParse(text)) return undefined
  return new URL(text).origin
}

/** What a key is, is looked at where it is used. */
export function witnessList(): Kind<string> {
  const shape = 'the URL of a witness, a space and its key name+hash+base64, with commas between several'
  const kind = textual(shape, 'WITNESS,…', (text) => {
    const all = text.split(',').map((witness) => witness.trim().split(/\s+/))
    const isPair = (pair: readonly string[]) => pair.length === 2 && webUrl().fromText(pair[0]!) !== undefined
    return all.every(isPair) ? all.map((pair) => pair.join(' ')).join(',') : undefined
  })
  return { ...kind, join: (first, second) => `${first},${second}` }
}

function isNetwork(text: string): boolean {
  const [, address, prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address ?? '')
  return version !== 0 && !/^::ffff:/i.test(text) && Number(prefix ?? 0) <= (version === 4 ? 32 : 128)
}

export function publicUrl(): Kind<string> {
  return textual('an http or https URL without user, query and fragment', 'URL', (text) => {
    if (!URL.canParse(text)) return undefined
    const { protocol, username, password, search, hash, href } = new URL(text)
    if (!/^https?:$/.test(protocol) || username + password + search + hash !== '' || /[?#]$/.test(href))
      return undefined
    return href.replace(/\/+$/, '')
  })
}

function textual<T extends string>(shape: string, placeholder: string, read: (text: string) => T | undefined): Kind<T> {
  return {
    shape,
    placeholder,
    fromText: read,
    fromJson: (value) => (typeof value === 'string' ? read(value) : undefined),
  }
}
