/**
 * What somebody who mistyped a name may have meant.
 *
 * Tests: test/settings/settings.test.ts, test/cli/main.test.ts
 */

/** The name that takes the fewest edits, if these are few. */
export function nearestName(key: string, known: readonly string[]): string | undefined {
  const distances = known.map((name) => ({ name, edits: editDistance(key.toLowerCase(), name.toLowerCase()) }))
  const [best] = distances.sort((a, b) => a.edits - b.edits)
  return best !== undefined && best.edits <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined
}

/** Levenshtein's. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
