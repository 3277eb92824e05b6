import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

type Entry = { optionalDependencies?: Record<string, string> }

// `npm ci` refuses a lock that names a platform's package and does not hold it. `npm install` leaves such an
// entry out, without a word, when the registry at hand does not answer for that package.
it('the lock holds every optional package that it names', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Entry> }
  const names = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
  expect(names.length).toBeGreaterThan(10)
  const held = Object.keys(lock.packages)
  expect(names.filter((name) => !held.some((path) => path.endsWith(`node_modules/${name}`)))).toEqual([])
})
