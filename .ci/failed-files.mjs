/**
 * A reporter of vitest: writes the test files that failed, and those where an error came from that nobody caught, to
 * the file that FAILED_FILES names, one a line. Where a failure belongs to no file, it writes none.
 */

import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'

export default class FailedFiles {
  onTestRunEnd(modules, errors) {
    const failed = modules.filter((module) => !module.ok()).map(({ moduleId }) => moduleId)
    const uncaught = errors.map(({ VITEST_TEST_PATH }) => VITEST_TEST_PATH)
    const names = uncaught.includes(undefined) ? [] : [...new Set([...failed, ...uncaught])]
    writeFileSync(process.env.FAILED_FILES, names.map((name) => `${relative(process.cwd(), name)}\n`).join(''))
  }
}
