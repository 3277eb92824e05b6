/** Flags of the small commands: `--name value`, each known, typed by its default. */

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
    const definition = Object.hasOwn(definitions, flag) ? definitions[flag] : undefined
    if (definition === undefined)
      throw new UsageError(
        `there is no ${argv[i]}; known are ${Object.keys(definitions)
          .map((name) => `--${name}`)
          .join(', ')}`,
      )
    values[flag] = definition.kind === 'switch' ? true : typed(flag, definition.kind, inline ?? argv[++i])
  }
  for (const [name, { required }] of Object.entries(definitions)) {
    if (required && values[name] === undefined) throw new UsageError(`--${name} is missing`)
  }
  return values
}

/** An id: an unsigned decimal integer. Throws UsageError. */
export function integerFlag(name: string, text: Value): bigint {
  if (typeof text !== 'string' || !/^[0-9]+$/u.test(text)) throw new UsageError(`--${name} must be an unsigned integer`)
  return BigInt(text)
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
