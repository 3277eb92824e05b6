// npm run check:lies: the relay of test/lies lies to the client in every way it knows, and to clients that lack one
// check each. Closing line: lies caught N / N, checks needed M / M.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundled, removeBundles, ROOT } from './bundled-tests.mjs'

const HELP = `npm run check:lies -- [--lies TEXT] [--checks TEXT] [--verbose]

  --lies TEXT    only lies that have TEXT in their names, and no checks
  --checks TEXT  only checks that have TEXT in their names, and no lies
  --verbose      says of each lie how it was caught, and of each check what is shown without it
`
const { values } = parseArgs({
  options: {
    lies: { type: 'string' },
    checks: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

let held = false
try {
  const { checkLies } = await bundled('command', 'test/lies/command.ts', { src: 'dist' })
  const sdk = await bundled('sdk', 'test/lies/sdk.ts', { src: 'dist' })
  held = await checkLies({ ...values, sdk, without })
} finally {
  removeBundles()
}
process.exit(held ? 0 : 1)

/** The package without one check: its source with one place changed. */
async function without(check) {
  const file = resolve(ROOT, check.file)
  const source = readFileSync(file, 'utf8')
  const count = source.split(check.text).length - 1
  if (count !== 1) throw new Error(`check ${check.name}: its text stands ${count} times in ${check.file}, not once`)
  const changed = new Map([[file, source.replace(check.text, () => check.instead)]])
  return bundled(`without-${check.name.replaceAll(/\W+/gu, '-')}`, 'test/lies/sdk.ts', { changed })
}
