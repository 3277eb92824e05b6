// Prints the test files that failed, one a line; exit code 1 where the run failed otherwise or too many did.

import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const FILES_MAX = 3

let results
try {
  results = JSON.parse(readFileSync(process.argv[2], 'utf8')).testResults
} catch {
  console.error('the tests did not run to their end')
  process.exit(1)
}
const failed = results.filter(({ status }) => status === 'failed').map(({ name }) => relative(process.cwd(), name))
if (failed.length === 0 || failed.length > FILES_MAX) {
  console.error(`${failed.length} test files failed`)
  process.exit(1)
}
for (const name of failed) console.log(name)
