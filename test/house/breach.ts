/** What a rule of the house finds, and the exceptions that stay, each with its reason. */

export interface Breach {
  /** What an exception names. */
  readonly key: string
  /** One line: file and line, what, bound. */
  readonly message: string
}

/** The reason why a breach stays, by key. */
export type Exceptions = Readonly<Record<string, string>>

/** One line for each breach that is no exception, and for each exception that nothing needs any more. */
export function unsettled(breaches: readonly Breach[], exceptions: Exceptions = {}): string[] {
  const keys = new Set(breaches.map(({ key }) => key))
  return [
    ...breaches.filter(({ key }) => !(key in exceptions)).map(({ message }) => message),
    ...Object.keys(exceptions)
      .filter((key) => !keys.has(key))
      .map((key) => `${key}: the exception is no longer needed`),
  ]
}
