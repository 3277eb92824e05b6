/** Types of sizes.mjs, for the tests. */

interface Entry {
  readonly name: string
  /** Names of exports; left out: all. */
  readonly take?: readonly string[]
  readonly most: number
  readonly beside?: string
  readonly external?: readonly string[]
}

export const ENTRIES: readonly Entry[]
export function titleOf(entry: Omit<Entry, 'most'>): string
export function measure(entry: Omit<Entry, 'most'>): Promise<{
  readonly bytes: number
  readonly later: readonly { readonly name: string; readonly bytes: number }[]
  readonly all: number
}>
export function bundle(
  script: string,
  external?: readonly string[],
): Promise<readonly { readonly code: string; readonly imports: readonly string[] }[]>
