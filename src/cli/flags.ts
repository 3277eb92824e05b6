/**
 * Flags of the small commands: `--name value`, each known, typed by its default.
 * Tests: test/cli/main.test.ts
 */

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export type Value = string | number | boolean | undefined

/** A flag's default gives its type; `required` texts have none. */
export type Definitions = Readonly<
  Record<string, { readonly kind: 'text' | 'number' | 'switch'; readonly value?: Value; readonly required?: boolean }>
>

/** Throws UsageError for an unknown flag, a missing value or one of the wrong type. */
export function parseFlags(argv: readonly string[], definitions: Definitions): Readonly<Record<string, Value>> {
  const values: Record<string, Value> = {}
  for (const [name, { value }] of Object.entries(definitions)) values[name] = value
  for (let i = 0; i < argv.length; i++) {
    const [flag, inline] = split(argv[i]!)
    const definition = argv[i]!.startsWith('--') && Object.hasOwn(definitions, flag) ? definitions[flag] : undefined
    if (definition === undefined) throw unknown(argv[i]!, definitions)
    if (definition.kind === 'switch' && inline !== undefined) throw new UsageError(`--${flag} takes no value`)
    values[flag] = definition.kind === 'switch' ? true : typed(flag, definition.kind, inline ?? argv[++i])
  }
  for (const [name, { required }] of Object.entries(definitions)) {
    if (required && values[name] === undefined) throw new UsageError(`--${name} is missing`)
  }
  return values
}

/** An id or amount: an unsigned decimal integer below 2^256. Throws UsageError. */
export function integerFlag(name: string, text: Value): bigint {
  if (typeof text !== 'string' || !/^[0-9]+$/u.test(text)) throw new UsageError(`--${name} must be an unsigned integer`)
  const value = BigInt(text)
  if (value >= 1n << 256n) throw new UsageError(`--${name} must be less than 2^256`)
  return value
}

/** A relay's http or https address, without slashes at its end. Throws UsageError. */
export function urlFlag(name: string, text: Value): string {
  if (typeof text !== 'string' || !URL.canParse(text) || !/^https?:$/u.test(new URL(text).protocol))
    throw new UsageError(`--${name} must be an http or https address, such as http://127.0.0.1:4444`)
  return text.replace(/\/+$/u, '')
}

/** A relay's address for `connect`; left out by the user it is `development`. Throws UsageError. */
export function relayFlag(text: Value): string {
  if (text !== 'development' && !/^(0x)?[0-9a-f]{40}$/iu.test(String(text)))
    throw new UsageError("--relay must be the relay's address, 0x and 40 digits")
  return String(text)
}

/** The verb of a command that has but this one. Throws UsageError. */
export function checkVerb(command: string, verb: string | undefined, only: string): void {
  if (verb === only) return
  const said = verb === undefined || verb.startsWith('-') ? 'needs a verb' : 'knows no such verb'
  throw new UsageError(`it ${said}: there is cairn ${command} ${only} (more: cairn ${command} --help)`)
}

/** What does not look like a flag may be a secret in the wrong place: it is not repeated. */
function unknown(argument: string, definitions: Definitions): UsageError {
  const [word] = argument.split('=')
  const shown = /^-{0,2}[a-z][a-z-]{0,30}$/u.test(word!) ? word : 'place for such an argument'
  const known = Object.keys(definitions).map((name) => `--${name}`)
  return new UsageError(`there is no ${shown}; known are ${known.join(', ')}`)
}

function split(argument: string): [string, string | undefined] {
  if (!argument.startsWith('--')) return [argument, undefined]
  const at = argument.indexOf('=')
  return at < 0 ? [argument.slice(2), undefined] : [argument.slice(2, at), argument.slice(at + 1)]
}

function typed(flag: string, kind: 'text' | 'number', text: string | undefined): Value {
  if (text === undefined) throw new UsageError(`--${flag} needs a value`)
  if (kind === 'text') return text
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new UsageError(`--${flag} must be a whole number, not ${text}`)
  return number
}
