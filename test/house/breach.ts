/** What a rule finds, and what is known of it: exceptions that stay, and breaches that are still to be removed. */

export interface Breach {
  /** What an exception names. */
  readonly key: string
  /** What a row of what is pending names; the key if left out. */
  readonly group?: string
  /** One line: file and line, what, bound. */
  readonly message: string
  /** Lines of a function or file; 1 where there is nothing to count. Breaches of one group add up. */
  readonly size: number
}

export interface Known {
  /** The reason why it stays, by key. */
  readonly exceptions?: Readonly<Record<string, string>>
  /** How much there may be of it until it is removed, by group. */
  readonly pending?: Readonly<Record<string, number>>
}

/** One line for each breach that is not known or has grown, and for each row that nothing needs any more. */
export function unsettled(found: readonly Breach[], { exceptions = {}, pending = {} }: Known = {}): string[] {
  const sizes = new Map<string, number>()
  const breaches = found.filter(({ key }) => !(key in exceptions))
  for (const breach of breaches) sizes.set(groupOf(breach), (sizes.get(groupOf(breach)) ?? 0) + breach.size)
  const grown = [...sizes.keys()].filter((group) => sizes.get(group)! > (pending[group] ?? 0))
  const keys = new Set(found.map(({ key }) => key))
  const idle = [
    ...Object.keys(exceptions).filter((key) => !keys.has(key)),
    ...Object.keys(pending).filter((group) => !sizes.has(group)),
  ]
  return [
    ...breaches.filter((breach) => grown.includes(groupOf(breach))).map(({ message }) => message),
    ...grown
      .filter((name) => name in pending)
      .map((name) => `${name}: ${sizes.get(name)}, pending are ${pending[name]}`),
    ...idle.map((name) => `${name}: the row is no longer needed`),
  ]
}

function groupOf({ key, group = key }: Breach): string {
  return group
}
