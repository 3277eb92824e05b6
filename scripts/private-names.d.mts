/** Sorted; of TypeScript files by their paths. */
export function privateNames(files: readonly string[]): string[]
