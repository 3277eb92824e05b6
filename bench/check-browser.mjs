// npm run check:browser: what guests and merchants do, in Chromium, with relays in processes of their own and a
// development chain. Closing line: flows F / F, axe 0, long tasks 0, console errors 0.

import { parseArgs } from 'node:util'
import { bundled, removeBundles } from './bundled-tests.mjs'

const HELP = `npm run check:browser -- [--only TEXT] [--short] [--verbose]

  --only TEXT  only flows that have TEXT in their names
  --short      fewer runs of what is measured
  --verbose    says what each flow saw on its way
`
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    short: { type: 'boolean', default: false },
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
  const { checkBrowser } = await bundled('browser', 'test/browser/command.ts', { src: 'dist' })
  held = await checkBrowser(values)
} finally {
  removeBundles()
}
process.exit(held ? 0 : 1)
