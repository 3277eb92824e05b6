/** Types of sizes.mjs, for the tests. */

export const ENTRIES: readonly { readonly name: string; readonly most: number }[]
export function measure(
  name: string,
  options?: { readonly external?: readonly string[] },
): Promise<{ readonly bytes: number; readonly later: readonly { readonly name: string; readonly bytes: number }[] }>
export function bundle(
  script: string,
  external?: readonly string[],
): Promise<readonly { readonly code: string; readonly imports: readonly string[] }[]>
