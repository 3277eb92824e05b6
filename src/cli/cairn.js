#!/usr/bin/env node
// The launcher: there before a build, so that `npx cairn` finds it. In a clone that was not built it builds once.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const built = new URL('dist/cli/main.js', root)
const compiler = new URL('node_modules/typescript/bin/tsc', root)

if (existsSync(built) || build()) {
  const { mainOfProcess } = await import(built.href)
  await mainOfProcess()
} else {
  process.exitCode = 1
}

/** Whether there is a program to run afterwards. */
function build() {
  if (!existsSync(new URL('src/cli/main.ts', root)) || !existsSync(compiler)) {
    process.stderr.write('cairn: it is not built, and the compiler is not installed. Run: npm install\n')
    return false
  }
  process.stderr.write('cairn: not built yet, building once …\n')
  const { status } = spawnSync(process.execPath, [fileURLToPath(compiler), '-p', 'tsconfig.json', '--noEmitOnError'], {
    cwd: fileURLToPath(root),
    stdio: ['ignore', process.stderr.fd, process.stderr.fd],
  })
  // Pages come last: without them all else runs.
  if (status === 0) spawnSync(process.execPath, ['web/build.mjs'], { cwd: fileURLToPath(root), stdio: 'ignore' })
  if (status === 0 && existsSync(built)) return true
  process.stderr.write('cairn: the build failed. Run npm run build to see why.\n')
  return false
}
