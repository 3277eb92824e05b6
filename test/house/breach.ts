/** What a rule finds, and what is known of it: exceptions that stay, and breaches that are still to be removed. */

export interface Breach {
  /** What a row of the exceptions or of what is pending names. */
  readonly key: string
  /** One line: file and line, what, bound. */
  readonly message: string
  /** Lines of a function or file; 1 where there is nothing to count. Breaches of one key add up. */
  readonly size: number
}

export interface Known {
  /** The reason why it stays, by key. */
  readonly exceptions?: Readonly<Record<string, string>>
  /** How large it may be until it is removed, by key. */
  readonly pending?: Readonly<Record<string, number>>
}

/** One line for each breach that is not known or has grown, and for each row that nothing needs any more. */
export function unsettled(breaches: readonly Breach[], { exceptions = {}, pending = {} }: Known = {}): string[] {
  const keys = new Set(breaches.map(({ key }) => key))
  const sizeOf = (key: string) => breaches.reduce((sum, breach) => sum + (breach.key === key ? breach.size : 0), 0)
  const grown = [...keys].filter((key) => !(key in exceptions) && sizeOf(key) > (pending[key] ?? 0))
  const idle = [...Object.keys(exceptions), ...Object.keys(pending)].filter((key) => !keys.has(key))
  return [
    ...breaches.filter(({ key }) => grown.includes(key)).map(({ message }) => message),
    ...grown.filter((key) => key in pending).map((key) => `${key}: ${sizeOf(key)}, at most ${pending[key]} is pending`),
    ...idle.map((key) => `${key}: the row is no longer needed`),
  ]
}
