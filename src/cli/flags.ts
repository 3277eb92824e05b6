/**
 * Flags of the small commands: `--name value`, each known, typed by its definition.
 */

import { scanFlags } from '../settings/flag-scanner.js'
import { DATA_DEFAULT } from '../settings/settings-table.js'

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What a flag takes, what it is without being given, and whether it has to be given. A switch is false if left out. */
interface Definition {
  readonly kind: 'text' | 'number' | 'switch'
  readonly value?: string | number
  readonly required?: true
}
type Definitions = Readonly<Record<string, Definition>>

export type Flags<D extends Definitions> = { readonly [N in keyof D]: ValueOf<D[N]> }
type ValueOf<F extends Definition> = F['kind'] extends 'switch' ? boolean : Given<F> | Missing<F>
type Given<F extends Definition> = F['kind'] extends 'number' ? number : string
type Missing<F> = F extends { readonly value: string | number } | { readonly required: true } ? never : undefined
type Value = string | number | boolean | undefined

/** Of the commands that talk to a relay. */
export const URL_FLAG = { kind: 'text', value: 'http://127.0.0.1:4444' } as const
/** Of those that read beside a relay what it keeps. */
export const DATA_FLAG = { kind: 'text', value: DATA_DEFAULT } as const
/** Of those that check what the relay signs: see `relayFlag`. */
export const RELAY_FLAG = { kind: 'text', value: 'development' } as const

/** Throws UsageError for an unknown flag, a missing value or one of the wrong type. */
export function parseFlags<const D extends Definitions>(argv: readonly string[], definitions: D): Flags<D> {
  const values: Record<string, Value> = {}
  const kinds: Record<string, 'string' | 'boolean'> = {}
  for (const [name, { kind, value }] of Object.entries(definitions)) {
    values[name] = kind === 'switch' ? false : value
    kinds[name] = kind === 'switch' ? 'boolean' : 'string'
  }
  for (const { word, name, value, inline } of scanFlags(argv, kinds)) {
    if (name === undefined) throw unknown(word, definitions)
    const { kind } = definitions[name]!
    if (kind === 'switch' && inline) throw new UsageError(`--${name} takes no value`)
    values[name] = kind === 'switch' ? true : typed(name, kind, value)
  }
  for (const [name, { required }] of Object.entries(definitions)) {
    if (required && values[name] === undefined) throw new UsageError(`--${name} is missing`)
  }
  return values as Flags<D>
}

/** An id or amount: an unsigned decimal integer below 2^256. Throws UsageError. */
export function integerFlag(name: string, text: string): bigint {
  if (!/^[0-9]+$/u.test(text)) throw new UsageError(`--${name} must be a whole number, in digits alone`)
  const value = BigInt(text)
  if (value >= 1n << 256n) throw new UsageError(`--${name} must be less than 2^256`)
  return value
}

/** A relay's http or https address, without slashes at its end. Throws UsageError. */
export function urlFlag(name: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:$/u.test(new URL(text).protocol))
    throw new UsageError(`--${name} must be an http or https address, such as http://127.0.0.1:4444`)
  return text.replace(/\/+$/u, '')
}

/** A relay's address for `connect`; left out by the user it is `development`. Throws UsageError. */
export function relayFlag(text: string): string {
  if (text !== 'development' && !/^(0x)?[0-9a-f]{40}$/iu.test(text))
    throw new UsageError("--relay must be the relay's address, 0x and 40 digits")
  return text
}

/** The verb of a command that has but this one. Throws UsageError. */
export function checkVerb(command: string, verb: string | undefined, only: string): void {
  if (verb === only) return
  const said = verb === undefined || verb.startsWith('-') ? 'needs a verb' : 'knows no such verb'
  throw new UsageError(`it ${said}: there is cairn ${command} ${only} (more: cairn ${command} --help)`)
}

/** What does not look like a flag may be a secret in the wrong place: it is not repeated. */
function unknown(word: string, definitions: Definitions): UsageError {
  const shown = /^-{0,2}[a-z][a-z-]{0,30}$/u.test(word) ? word : 'place for such an argument'
  const known = Object.keys(definitions).map((name) => `--${name}`)
  return new UsageError(`there is no ${shown}; known are ${known.join(', ')}`)
}

function typed(flag: string, kind: 'text' | 'number', text: string | undefined): Value {
  if (text === undefined) throw new UsageError(`--${flag} needs a value`)
  if (kind === 'text') return text
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`--${flag} must be a whole number, not ${text}`)
  return number
}
