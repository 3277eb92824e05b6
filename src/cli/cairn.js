#!/usr/bin/env node
// The launcher: there before a build, so that `npx cairn` finds it, and says what to do when there is none.
import { existsSync } from 'node:fs'

if (existsSync(new URL('../../dist/cli/main.js', import.meta.url))) {
  await import('../../dist/cli/main.js')
} else {
  process.stderr.write('cairn is not built yet. Run: npm run build\n')
  process.exitCode = 1
}
